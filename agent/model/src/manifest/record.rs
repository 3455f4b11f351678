//! Declares the maps and the choices of manifests.
//!
//! `record!` makes a struct, its decoder and its JSON schema from one declaration; `choice!` does the same for a set of words. The
//! comments are the text that an editor shows.
//!
//! Guarantees: a schema requires what the decoder requires, and where a list or map that is left out reads as empty, it is required only if
//! empty is refused.

use schemars::Schema;
use serde_json::Value;

use super::decode::Decoder;
use crate::yaml::Node;

/// A struct that is read from the keys of a map.
pub trait Record: Sized {
    /// The keys, without those of a flattened part.
    const KEYS: &'static [&'static str];

    /// Reads what it knows, ignores keys that are another's and reports the rest.
    fn decode_own(node: Node<'_>, cx: &mut Decoder, is_anothers: impl Fn(&str) -> bool) -> Option<Self>;

    /// The keys that may be left out, without those of a flattened part.
    fn optional_keys() -> Vec<&'static str>;

    /// Every key, with those of a flattened part.
    fn all_keys() -> Vec<&'static str> {
        Self::KEYS.to_vec()
    }
}

/// Takes from what `schema` requires the keys that the decoder lets be left out. The derived schema knows only `Option`.
pub fn require_as_decoded<T: Record>(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let properties = object.get("properties").cloned().unwrap_or_default();
    let must_hold_something = |key: &str| ["minItems", "minProperties"].iter().any(|bound| properties[key].get(bound).is_some());
    let optional: Vec<_> = T::optional_keys().into_iter().filter(|key| !must_hold_something(key)).collect();
    let Some(Value::Array(required)) = object.get_mut("required") else { return };
    required.retain(|key| key.as_str().is_none_or(|key| !optional.contains(&key)));
    if required.is_empty() {
        object.remove("required");
    }
}

macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$field_meta:meta])* $field:ident $key:literal : $ty:ty, )*
            $( ..$(#[$flat_meta:meta])* $flat:ident : $flat_ty:ty, )?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields, transform = $crate::manifest::record::require_as_decoded::<$name>)]
        pub struct $name {
            $( $(#[$field_meta])* #[schemars(rename = $key)] pub $field: $ty, )*
            $( $(#[$flat_meta])* #[doc = "The values that it shares with other kinds."] #[schemars(flatten)] pub $flat: $flat_ty, )?
        }

        impl $crate::manifest::record::Record for $name {
            const KEYS: &'static [&'static str] = &[$( $key ),*];

            fn decode_own(
                node: $crate::yaml::Node<'_>,
                cx: &mut $crate::manifest::Decoder,
                is_anothers: impl Fn(&str) -> bool,
            ) -> Option<Self> {
                use $crate::manifest::Decode as _;
                $( let mut $field = None; )*
                for (key, value) in node.entries() {
                    match key.text().unwrap_or_default() {
                        $( $key => $field = Some(value), )*
                        $( text if <$flat_ty>::KEYS.contains(&text) => {} )?
                        text if is_anothers(text) => {}
                        _ => cx.unknown_key(key, &Self::all_keys()),
                    }
                }
                $( let $field = match $field {
                    Some(value) => <$ty>::decode(value, cx),
                    None => <$ty>::absent(node, $key, cx),
                }; )*
                $( let $flat = <$flat_ty as $crate::manifest::record::Record>::decode_own(node, cx, |_| true); )?
                Some(Self { $( $field: $field?, )* $( $flat: $flat?, )? })
            }

            fn optional_keys() -> Vec<&'static str> {
                use $crate::manifest::{Decode as _, Origin};
                let keys = [$( ($key, <$ty>::left_out(|| Origin::NOWHERE).is_some()) ),*];
                keys.into_iter().filter_map(|(key, optional)| optional.then_some(key)).collect()
            }

            fn all_keys() -> Vec<&'static str> {
                #[allow(unused_mut, reason = "only records with a flattened part add to it")]
                let mut keys = Self::KEYS.to_vec();
                $( keys.extend(<$flat_ty as $crate::manifest::record::Record>::all_keys()); )?
                keys
            }
        }

        impl $crate::manifest::Decode for $name {
            fn decode(node: $crate::yaml::Node<'_>, cx: &mut $crate::manifest::Decoder) -> Option<Self> {
                use $crate::manifest::record::Record as _;
                if !matches!(node.kind(), $crate::yaml::Kind::Map) {
                    cx.wrong_type(node, "a map");
                    return None;
                }
                Self::decode_own(node, cx, |_| false)
            }
        }
    };
}

macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, schemars::JsonSchema)]
        pub enum $name { $( $(#[$variant_meta])* #[schemars(rename = $text)] $variant, )+ }

        $crate::manifest::record::words! { $name { $( $variant = $text, )+ } }
    };
}

/// Reads an enum that is declared elsewhere from its words.
macro_rules! words {
    ($name:ty { $first:ident = $first_text:literal, $( $variant:ident = $text:literal, )* }) => {
        impl $crate::manifest::scalar::Scalar for $name {
            const EXPECTED: &'static str = concat!("one of `", $first_text, "`", $( ", `", $text, "`", )*);
            const CODE: $crate::diagnostic::Code = $crate::diagnostic::Code::UnknownChoice;
            const FORM: $crate::manifest::scalar::Form = $crate::manifest::scalar::Form::Word;

            fn read(text: &str) -> Result<Self, String> {
                match text {
                    $first_text => Ok(Self::$first),
                    $( $text => Ok(Self::$variant), )*
                    _ => Err(format!("`{text}` is not offered here")),
                }
            }

            fn suggest(text: &str) -> Option<String> {
                $crate::manifest::decode::suggest(text, [$first_text $( , $text )*].into_iter())
            }
        }
    };
}

pub(crate) use {choice, record, words};
