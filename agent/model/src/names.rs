//! The names that things bear, each a type of its own.
//!
//! Guarantees: a name is never empty, holds no control characters and at most 256 characters. Names of ours are
//! compared exactly; names that Windows keeps are compared without case, as Windows does, and shown as written.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The text cannot be a name of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind}: {rule}")]
pub struct InvalidName {
    /// The text that was refused.
    pub text: String,
    /// The kind of name, for people.
    pub kind: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
}

fn check_plain(text: &str, kind: &'static str) -> Result<(), InvalidName> {
    // Nearly every name; ten thousand appliances bear a quarter of a million.
    if !text.is_empty() && text.len() <= 256 && text.bytes().all(|c| c == b' ' || c.is_ascii_graphic()) {
        return Ok(());
    }
    let rule = if text.is_empty() {
        "it is empty"
    } else if text.chars().any(char::is_control) {
        "it holds a control character"
    } else if text.chars().nth(256).is_some() {
        "it is longer than 256 characters"
    } else {
        return Ok(());
    };
    Err(InvalidName { text: text.to_owned(), kind, rule })
}

fn check_label(text: &str, kind: &'static str) -> Result<(), InvalidName> {
    let good = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.' | b'_');
    let only_good = text.as_bytes().iter().all(good);
    let ends_well = [text.as_bytes().first(), text.as_bytes().last()].iter().all(|c| c.is_some_and(u8::is_ascii_alphanumeric));
    if only_good && ends_well && text.len() <= 63 {
        return Ok(());
    }
    check_plain(text, kind)?;
    let rule = if !only_good {
        "only lower-case letters, digits, `-`, `.` and `_` may stand in it"
    } else if !ends_well {
        "it must begin and end with a letter or digit"
    } else {
        "it is longer than 63 characters"
    };
    Err(InvalidName { text: text.to_owned(), kind, rule })
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it stands.
            ///
            /// # Errors
            /// `InvalidName` when the text cannot be such a name.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                $check(text, $kind)?;
                Ok(Self(Arc::from(text)))
            }

            /// The text as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(&text)
            }
        }
        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }
    };
}

/// Without case. Nearly every name is ASCII, and maps keyed by names are asked all the time.
fn compare(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() {
        a.bytes().map(|c| c.to_ascii_lowercase()).cmp(b.bytes().map(|c| c.to_ascii_lowercase()))
    } else {
        a.chars().flat_map(char::to_lowercase).cmp(b.chars().flat_map(char::to_lowercase))
    }
}

/// As [`compare`] tells names apart: by the same bytes in the same pieces, whether a name is ASCII or not.
fn hash_caseless<H: Hasher>(name: &str, state: &mut H) {
    let (mut piece, mut filled) = ([0; 16], 0);
    let mut add = |byte: u8| {
        piece[filled] = byte;
        filled += 1;
        if filled == piece.len() {
            state.write(&piece);
            filled = 0;
        }
    };
    if name.is_ascii() {
        name.bytes().for_each(|byte| add(byte.to_ascii_lowercase()));
    } else {
        let lower = |c: char| c.to_lowercase();
        name.chars().flat_map(lower).for_each(|c| c.encode_utf8(&mut [0; 4]).bytes().for_each(&mut add));
    }
    add(0xff);
    state.write(&piece[..filled]);
}

macro_rules! ours {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        name!($(#[$doc])* #[derive(PartialEq, Eq, PartialOrd, Ord, Hash)] $name, $kind, check_label);
    };
}

fn check_word(text: &str, kind: &'static str) -> Result<(), InvalidName> {
    check_plain(text, kind)?;
    // It stands in queries as it is.
    let good = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let rule = "only letters, digits and `_` may stand in it";
    if good { Ok(()) } else { Err(InvalidName { text: text.to_owned(), kind, rule }) }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        name!($(#[$doc])* #[derive(PartialEq, Eq, PartialOrd, Ord, Hash)] $name, $kind, check_word);
    };
}

macro_rules! windows {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        name!($(#[$doc])* $name, $kind, check_plain);
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other) == Ordering::Equal
            }
        }
        impl Eq for $name {}
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                compare(&self.0, &other.0)
            }
        }
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                hash_caseless(&self.0, state);
            }
        }
    };
}

ours!(/// The fleet that a repository describes (`Repository`'s `metadata.name`).
    FleetName, "fleet name");
ours!(/// A site (`Site`'s `metadata.name`).
    SiteName, "site name");
ours!(/// An appliance (`Appliance`'s `metadata.name`), unique in the repository.
    ApplianceName, "appliance name");
ours!(/// A role of the profile: `ad`, `cms`, `mediation`, `edge`.
    RoleName, "role name");
ours!(/// A release (`Release`'s `metadata.name`).
    ReleaseName, "release name");
ours!(/// A profile (`Profile`'s `metadata.name`): `cloud-connector-2.1`.
    ProfileName, "profile name");
ours!(/// A network of the appliance: `corpnet`, `internet`, `management`.
    NetworkName, "network name");
ours!(/// The VM set of one release on one appliance: `2.1`.
    InstanceId, "instance");
ours!(/// A named window of the `Repository`.
    WindowName, "window name");
ours!(/// A secret's name, resolved by the agent's settings; never the secret.
    CredentialName, "credential name");
ours!(/// The name under which people and reports know a watched signal: `mediation/medsvc`.
    SignalName, "signal name");

impl From<&NetworkName> for AdapterName {
    /// An adapter is named after its network.
    fn from(network: &NetworkName) -> Self {
        Self(network.0.clone())
    }
}

impl CounterName {
    /// The instance that holds the sum of the others.
    pub(crate) fn total() -> Self {
        Self("_Total".into())
    }
}

impl InstanceId {
    /// The VM set of a product version. Digits and dots are always a name, so this cannot fail.
    pub(crate) fn of_version(parts: &[u32]) -> Self {
        let parts: Vec<String> = parts.iter().map(u32::to_string).collect();
        Self(parts.join(".").into())
    }
}

windows!(/// A virtual switch's `ElementName`.
    SwitchName, "switch name");
windows!(/// A VM's `ElementName`: `<name>.<instance>`.
    VmName, "VM name");
windows!(/// A network adapter's `ElementName`.
    AdapterName, "adapter name");
windows!(/// A NetBIOS computer name, at most 15 characters (validation checks the length).
    ComputerName, "computer name");
windows!(/// A directory's DNS name.
    DomainName, "domain name");
windows!(/// A Windows service's key name.
    ServiceName, "service name");
windows!(/// An inbound firewall rule's display name: `CS RTCSRV`.
    RuleName, "rule name");
words!(/// A part of a performance counter's address: a class, an instance or a property.
    CounterName, "name in a performance counter");
windows!(/// An absolute path on a host: `D:\Trunkline\…`.
    HostPath, "path");

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher as _;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_that_windows_takes_for_one_have_one_hash(name in "[a-zA-Z\u{212a}Éé0-9 .-]{1,40}", upper in any::<u64>()) {
            let other: String = (0..).zip(name.chars()).map(|(at, c)| match c {
                // The sign of kelvin is a k in lower case.
                'k' | 'K' if upper >> (at % 64) & 1 == 1 => '\u{212a}',
                c if upper >> (at % 64) & 1 == 1 => c.to_uppercase().next().unwrap(),
                c => c.to_lowercase().next().unwrap(),
            }).collect();
            let (one, other) = (ComputerName::new(&name).unwrap(), ComputerName::new(&other).unwrap());
            let hasher = foldhash::fast::FixedState::default();
            prop_assert_eq!(&one, &other);
            prop_assert_eq!(hasher.hash_one(&one), hasher.hash_one(&other));
        }
    }

    #[test]
    fn a_name_and_the_same_with_more_differ() {
        let hasher = foldhash::fast::FixedState::default();
        let hash = |name: &str| hasher.hash_one((ComputerName::new(name).unwrap(), ComputerName::new("b").unwrap()));
        let sixteen = "0123456789abcdef";
        assert_ne!(hash(sixteen), hash(&sixteen[..15]));
        assert_ne!(hash(sixteen), hash(&format!("{sixteen}b")));
    }
}
