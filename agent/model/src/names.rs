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
    check_plain(text, kind)?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_');
    let rule = if !text.chars().all(good) {
        "only lower-case letters, digits, `-`, `.` and `_` may stand in it"
    } else if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        "it must begin and end with a letter or digit"
    } else if text.len() > 63 {
        "it is longer than 63 characters"
    } else {
        return Ok(());
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
                self.0.chars().flat_map(char::to_lowercase).for_each(|c| c.hash(state));
                state.write_u8(0xff);
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
