//! Names of classes, namespaces, properties and keys.
//!
//! Guarantees: equality, order and hash ignore ASCII case; display gives the case that was written.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A CIM identifier: class, property, method, parameter or key name.
#[derive(Clone)]
pub struct Name(Cow<'static, str>);

/// The name of a CIM class.
pub type ClassName = Name;

impl Name {
    /// A name known at compile time; costs no allocation.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name in the case that was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(Cow::Owned(name.to_owned()))
    }
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Something whose name can be compared without case. Lets `BTreeMap<Name, _>` be asked with a `&str`.
pub trait AsName {
    /// The name in any case.
    fn name(&self) -> &str;
}

impl AsName for Name {
    fn name(&self) -> &str {
        &self.0
    }
}

impl AsName for &str {
    fn name(&self) -> &str {
        self
    }
}

impl<'a> Borrow<dyn AsName + 'a> for Name {
    fn borrow(&self) -> &(dyn AsName + 'a) {
        self
    }
}

/// The order of names. Bytes that are equal need no other case, and nearly all are.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let both = a.len().min(b.len());
    let (a_start, b_start) = (&a.as_bytes()[..both], &b.as_bytes()[..both]);
    for at in 0..both {
        if a_start[at] != b_start[at] {
            match a_start[at].to_ascii_lowercase().cmp(&b_start[at].to_ascii_lowercase()) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
    }
    a.len().cmp(&b.len())
}

impl PartialEq for dyn AsName + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.name().eq_ignore_ascii_case(other.name())
    }
}
impl Eq for dyn AsName + '_ {}
impl PartialOrd for dyn AsName + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for dyn AsName + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.name(), other.name())
    }
}
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Name {}
impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}
impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}
impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}
impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}

/// A WMI namespace in its slash form: `root/virtualization/v2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Name);

impl Namespace {
    /// Hyper-V's own classes.
    pub const VIRTUALIZATION: Self = Self(Name::from_static("root/virtualization/v2"));
    /// The operating system's classes.
    pub const CIMV2: Self = Self(Name::from_static("root/cimv2"));
    /// Firewall, addresses and adapters of Windows 8 and later.
    pub const STANDARD_CIMV2: Self = Self(Name::from_static("root/StandardCimv2"));
    /// Where the registry is, besides [`Self::CIMV2`].
    pub const DEFAULT: Self = Self(Name::from_static("root/default"));
    /// What DMTF's URIs mean when they do not say where.
    pub const HARDWARE: Self = Self(Name::from_static("root/hardware"));
    /// Failover clustering; absent on a host that is no node.
    pub const CLUSTER: Self = Self(Name::from_static("root/mscluster"));
    /// Windows Update.
    pub const WINDOWS_UPDATE: Self = Self(Name::from_static("root/microsoft/windows/windowsupdate"));
    /// Defender; absent where it is not installed.
    pub const DEFENDER: Self = Self(Name::from_static("root/microsoft/windows/defender"));

    /// Takes either separator; `root\cimv2` becomes `root/cimv2`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Name::from(text.replace('\\', "/")))
    }

    /// The slash form, in the case that was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether CIM would let a class or a method be called so; what is read of others may become the name of an element.
pub(crate) fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether a path can name a class, a part of a namespace or a key so: nothing in it would end the name in one of the path's written forms.
pub(super) fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}
