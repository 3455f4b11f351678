//! The class table: which properties, keys, methods and types the classes have that we know.
//!
//! Two texts are compiled in and read once, when first asked: `schema/classes.txt` (what a Windows Server 2019 host declares,
//! in the spelling of a library that hides datetimes, widths of enumerations and references) and `schema/overlay.txt` (what it hides,
//! each line with its source). Guarantees: what neither text states is absent, which means unverified, never wrong.

mod class;
mod parse;

use std::cmp::Ordering;
use std::sync::LazyLock;

use crate::cim::Namespace;
use crate::cim::name::compare;

pub use class::{Class, Declared, Direction, Method, Parameter, Property};

/// In the order of their names; those of one name in that of the texts.
static TABLE: LazyLock<Vec<Class>> = LazyLock::new(|| {
    let mut classes = parse::compiled_in();
    classes.sort_by(|one, other| compare(one.name(), other.name()));
    classes
});

/// The class `name` of `namespace`; `None` when the table does not state it.
#[must_use]
pub fn class(namespace: &Namespace, name: &str) -> Option<&'static Class> {
    class_in(namespace.as_str(), name)
}

/// The same, with the namespace as text in its slash form.
pub(crate) fn class_in(namespace: &str, name: &str) -> Option<&'static Class> {
    named(name).iter().find(|class| class.namespace().eq_ignore_ascii_case(namespace))
}

/// The class `name` of `namespace`, or of another one where the table states none: what is alike in name has alike types.
pub(crate) fn class_alike(namespace: &str, name: &str) -> Option<&'static Class> {
    let named = named(name);
    named.iter().find(|class| class.namespace().eq_ignore_ascii_case(namespace)).or(named.first())
}

/// The class `name` of any namespace: embedded instances do not say theirs.
#[must_use]
pub fn any_class(name: &str) -> Option<&'static Class> {
    named(name).first()
}

/// Every class, by name.
pub fn classes() -> impl Iterator<Item = &'static Class> {
    TABLE.iter()
}

fn named(name: &str) -> &'static [Class] {
    let from = TABLE.partition_point(|class| compare(class.name(), name) == Ordering::Less);
    let alike = TABLE[from..].iter().take_while(|class| compare(class.name(), name) == Ordering::Equal).count();
    &TABLE[from..from + alike]
}

/// Whether `class` is `ancestor` or derives from it, as far as the table knows.
#[must_use]
pub fn is_a(namespace: &Namespace, class: &str, ancestor: &str) -> bool {
    class.eq_ignore_ascii_case(ancestor) || self::class(namespace, class).is_some_and(|c| c.is_a(ancestor))
}
