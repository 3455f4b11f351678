//! From a tree to typed values, collecting every fault.
//!
//! Guarantees: a faulty part does not hide the faults of its neighbours; an optional part that is faulty reads as left out, and the
//! document as a whole is known to be faulty, so nothing is ever resolved from it. Deliberately absent: serde, which stops at the
//! first fault.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::scalar::Scalar;
use crate::diagnostic::Code;
use crate::yaml::{Kind, Node, Span};

/// Where a value was written. The file's number is given out by whoever holds the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Origin {
    /// Number of the file.
    pub file: u32,
    /// The bytes.
    pub span: Span,
}

impl Origin {
    /// The place of a fault that is about what is not there.
    pub const NOWHERE: Self = Self { file: u32::MAX, span: Span { start: 0, len: 0 } };
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub origin: Origin,
}

/// A fault before its place has been looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which rule.
    pub code: Code,
    /// Where.
    pub origin: Origin,
    /// What is wrong.
    pub message: String,
    /// What the place wants.
    pub expected: Option<Cow<'static, str>>,
    /// What to do.
    pub hint: Option<String>,
    /// Other places it is about.
    pub related: Vec<(Origin, String)>,
}

impl Fault {
    /// A fault with nothing but its message.
    pub fn new(code: Code, origin: Origin, message: impl Into<String>) -> Self {
        Self { code, origin, message: message.into(), expected: None, hint: None, related: Vec::new() }
    }

    /// Says what the place wants.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<Cow<'static, str>>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names another place.
    #[must_use]
    pub fn related(mut self, origin: Origin, message: impl Into<String>) -> Self {
        self.related.push((origin, message.into()));
        self
    }
}

/// Collects the faults of one document while it is decoded.
#[derive(Debug, Default)]
pub struct Decoder {
    file: u32,
    /// What was found so far.
    pub faults: Vec<Fault>,
}

/// A type that can be read from a node.
pub trait Decode: Sized {
    /// Reads it. `None`: the faults say why.
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self>;

    /// What it is when its key is left out of its map; the map's place is asked for only where it is kept. `None`: the key must be there,
    /// and the schema says so too.
    fn left_out(_: impl FnOnce() -> Origin) -> Option<Self> {
        None
    }

    /// What it is when its key is left out: a fault, unless the type says otherwise.
    fn absent(parent: Node<'_>, key: &'static str, cx: &mut Decoder) -> Option<Self> {
        let left_out = Self::left_out(|| cx.origin(parent));
        if left_out.is_none() {
            let fault = Fault::new(Code::MissingKey, cx.origin(parent), format!("the key `{key}` is missing"));
            cx.faults.push(fault.expected(format!("`{key}` in this map")));
        }
        left_out
    }
}

impl Decoder {
    /// For a document of the file with that number.
    pub fn new(file: u32) -> Self {
        Self { file, faults: Vec::new() }
    }

    /// Where a node stands.
    pub fn origin(&self, node: Node<'_>) -> Origin {
        Origin { file: self.file, span: node.span() }
    }

    /// Notes a fault at a node.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Notes that a node has another type than its place wants.
    pub fn wrong_type(&mut self, node: Node<'_>, expected: impl Into<Cow<'static, str>>) {
        if matches!(node.kind(), Kind::Refused) {
            return;
        }
        let origin = self.origin(node);
        let fault = if node.is_null() {
            Fault::new(Code::EmptyValue, origin, "the key has no value").hint("leave the key out, or write a value")
        } else {
            Fault::new(Code::WrongType, origin, format!("this is {}", describe(node)))
        };
        self.faults.push(fault.expected(expected));
    }

    /// Notes a key that its place does not know.
    pub fn unknown_key(&mut self, key: Node<'_>, known: &[&str]) {
        const SECRETS: [&str; 6] = ["password", "passphrase", "secret", "token", "apikey", "privatekey"];
        // A key that is no text was refused while the text was read.
        let Some(name) = key.text() else { return };
        let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        if SECRETS.iter().any(|secret| bare.ends_with(secret)) {
            let fault = Fault::new(Code::SecretInClear, self.origin(key), format!("`{name}` has no place in a manifest"));
            let hint = "name the credential (`credential: host-admin`) and put the secret into the credentials file (`--credentials`)";
            self.faults.push(fault.hint(hint));
            return;
        }
        let mut fault = Fault::new(Code::UnknownKey, self.origin(key), format!("the key `{name}` is not known here"));
        fault.hint = suggest(name, known.iter().copied());
        fault.expected = Some(one_of(known.iter().copied()).into());
        self.faults.push(fault);
    }
}

/// A node in words: what a person sees there.
fn describe(node: Node<'_>) -> String {
    match node.kind() {
        Kind::Map => "a map".into(),
        Kind::Sequence => "a list".into(),
        Kind::Refused => "nothing".into(),
        Kind::Scalar(text, _) => format!("`{}`", text.chars().take(40).collect::<String>()),
    }
}

/// `one of …`, cut when the list is long.
pub(crate) fn one_of<'a>(known: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = known.map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "one that there is, and there is none".into(),
        1 => names.remove(0),
        count if count > 12 => format!("one of {}, … ({count} in all)", names[..12].join(", ")),
        _ => format!("one of {}", names.join(", ")),
    }
}

/// `did you mean …`, when something similar is known.
pub(crate) fn suggest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    known
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let origin = cx.origin(node);
        T::decode(node, cx).map(|value| Self { value, origin })
    }

    fn left_out(place: impl FnOnce() -> Origin) -> Option<Self> {
        T::left_out(|| Origin::NOWHERE).map(|value| Self { value, origin: place() })
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        Some(T::decode(node, cx))
    }

    fn left_out(_: impl FnOnce() -> Origin) -> Option<Self> {
        Some(None)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if !matches!(node.kind(), Kind::Sequence) {
            cx.wrong_type(node, "a list");
            return None;
        }
        Some(node.items().filter_map(|item| T::decode(item, cx)).collect())
    }

    fn left_out(_: impl FnOnce() -> Origin) -> Option<Self> {
        Some(Self::new())
    }
}

impl<K: Scalar + Ord, V: Decode> Decode for BTreeMap<K, V> {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if !matches!(node.kind(), Kind::Map) {
            cx.wrong_type(node, "a map");
            return None;
        }
        let mut map = Self::new();
        for (key, value) in node.entries() {
            let key = K::decode(key, cx);
            let value = V::decode(value, cx);
            if let (Some(key), Some(value)) = (key, value) {
                map.insert(key, value);
            }
        }
        Some(map)
    }

    fn left_out(_: impl FnOnce() -> Origin) -> Option<Self> {
        Some(Self::new())
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
