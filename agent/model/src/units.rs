//! Quantities with their unit in the type.
//!
//! Guarantees: a size is whole MiB or bytes and says which; an address of an adapter is twelve hexadecimal digits.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of memory, whole MiB (Hyper-V counts in these).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemorySize(u64);

impl MemorySize {
    /// So many MiB.
    #[must_use]
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib)
    }

    /// The amount in MiB.
    #[must_use]
    pub const fn mib(self) -> u64 {
        self.0
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1024) && self.0 > 0 { write!(f, "{} GiB", self.0 / 1024) } else { write!(f, "{} MiB", self.0) }
    }
}

/// A size on disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiskSize(u64);

impl DiskSize {
    /// So many bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The size in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// A network adapter's hardware address. Shown as Hyper-V writes it: twelve upper-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress([u8; 6]);

/// The text is no hardware address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no hardware address (twelve hexadecimal digits, with or without `:` or `-`)")]
pub struct InvalidMac(String);

impl MacAddress {
    /// From its six bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// Its six bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }
}

impl std::str::FromStr for MacAddress {
    type Err = InvalidMac;
    fn from_str(text: &str) -> Result<Self, InvalidMac> {
        let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-')).collect();
        if digits.len() != 12 || !digits.is_ascii() {
            return Err(InvalidMac(text.to_owned()));
        }
        let mut bytes = [0; 6];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidMac(text.to_owned()))?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidMac(text.to_owned()))?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for MacAddress {
    type Error = InvalidMac;
    fn try_from(text: String) -> Result<Self, InvalidMac> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(mac: MacAddress) -> String {
        mac.to_string()
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// A length of time as a manifest writes it (`30d`, `2y`, `6h`, `45m`, `10s`); whole seconds.
/// A day is 24 h, a year 365 days: lifetimes and waits need no calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

impl Span {
    /// So many seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The length in seconds.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0
    }

    /// The same for tokio and the standard library.
    #[must_use]
    pub const fn as_duration(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.0)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        let mut first = true;
        for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
            let count = rest / length;
            rest %= length;
            if count > 0 {
                if !first {
                    f.write_str(" ")?;
                }
                first = false;
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}
