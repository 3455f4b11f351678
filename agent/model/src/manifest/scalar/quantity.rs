//! Quantities with their units, and versions.

use super::{Form, Scalar, text_schema};
use crate::diagnostic::Code;
use crate::names;
use crate::units::{MemorySize, Span};

const SECONDS: [(&str, u64); 6] = [("y", 365 * 86_400), ("w", 7 * 86_400), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as Scalar>::read(text)
    }
}

impl Scalar for Span {
    const EXPECTED: &'static str = "a duration such as `30d`, `6h`, `45m`, `10s` or `1h 30m`";
    const CODE: Code = Code::BadDuration;
    const FORM: Form = Form::Word;

    fn read(text: &str) -> Result<Self, String> {
        let wrong = || match text.parse::<f64>() {
            Ok(_) => format!("`{text}` has no unit"),
            Err(_) => format!("`{text}` is not a duration"),
        };
        let mut total = 0u64;
        for part in text.split_ascii_whitespace() {
            let (digits, unit) = part.split_at(part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len()));
            let seconds = SECONDS.iter().find(|(name, _)| *name == unit).map(|(_, seconds)| *seconds).ok_or_else(wrong)?;
            let count: u64 = digits.parse().map_err(|_| wrong())?;
            total = count.checked_mul(seconds).and_then(|part| total.checked_add(part)).ok_or("the duration is too long")?;
        }
        if text.trim().is_empty() { Err(wrong()) } else { Ok(Self::from_secs(total)) }
    }

    fn suggest(text: &str) -> Option<String> {
        text.parse::<u64>().ok().map(|number| format!("write the unit: `{number}s`, `{number}m`, `{number}h` or `{number}d`"))
    }
}
text_schema!(Span, {
    "type": "string", "pattern": "^\\d+[ywdhms]( \\d+[ywdhms])*$",
    "description": "A duration: y (365 days), w, d, h, m, s.", "examples": ["30d", "2y", "6h", "45m"]
});

/// A size in bytes, written with a unit: `16 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Scalar for Bytes {
    const EXPECTED: &'static str = "a size such as `16 GiB` or `512 MiB`";
    const CODE: Code = Code::BadSize;
    const FORM: Form = Form::Word;

    fn read(text: &str) -> Result<Self, String> {
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let count: u64 = digits.parse().map_err(|_| format!("`{text}` is not a size"))?;
        let factor = match unit.trim() {
            "KiB" => 1u64 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            "B" => 1,
            "" => return Err(format!("`{text}` has no unit")),
            other => return Err(format!("`{other}` is not a unit of size")),
        };
        count.checked_mul(factor).map(Self).ok_or_else(|| format!("`{text}` is too large"))
    }

    fn suggest(text: &str) -> Option<String> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = text[digits.len()..].trim().to_ascii_lowercase();
        match unit.chars().next() {
            None => Some(format!("write the unit: `{digits} MiB` or `{digits} GiB`")),
            Some(letter @ ('k' | 'm' | 'g' | 't')) => Some(format!("write `{digits} {}iB`", letter.to_ascii_uppercase())),
            Some(_) => None,
        }
    }
}
text_schema!(Bytes, { "type": "string", "pattern": "^\\d+ ?([KMGT]i)?B$", "description": "A size: B, KiB, MiB, GiB, TiB.", "examples": ["16 GiB"] });

impl Scalar for MemorySize {
    const EXPECTED: &'static str = "a size such as `16 GiB`, whole MiB";
    const CODE: Code = Code::BadSize;
    const FORM: Form = Form::Word;

    fn read(text: &str) -> Result<Self, String> {
        let Bytes(bytes) = Bytes::read(text)?;
        if bytes % (2 << 20) != 0 || bytes == 0 {
            return Err(format!("`{text}` is not a multiple of 2 MiB, which Hyper-V wants"));
        }
        Ok(Self::from_mib(bytes >> 20))
    }

    fn suggest(text: &str) -> Option<String> {
        Bytes::suggest(text).filter(|_| Bytes::read(text).is_err())
    }
}
text_schema!(MemorySize, { "type": "string", "pattern": "^\\d+ ?[MGT]iB$", "description": "Memory: MiB, GiB or TiB.", "examples": ["16 GiB"] });

/// A version: numbers with dots, compared number by number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(Vec<u32>);

impl Version {
    /// A version that every other is newer than.
    pub const fn oldest() -> Self {
        Self(Vec::new())
    }

    /// The name of the VM set of this version.
    pub(crate) fn instance(&self) -> names::InstanceId {
        names::InstanceId::of_version(&self.0)
    }
}

/// Compares number by number; a number that is left out is 0, so `2` and `2.0` are the same version.
pub fn compare_versions(one: &Version, other: &Version) -> std::cmp::Ordering {
    let part = |version: &Version, index: usize| version.0.get(index).copied().unwrap_or(0);
    (0..one.0.len().max(other.0.len()))
        .map(|index| part(one, index).cmp(&part(other, index)))
        .find(|order| order.is_ne())
        .unwrap_or(std::cmp::Ordering::Equal)
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

impl Scalar for Version {
    const EXPECTED: &'static str = "a version in quotes, such as \"2.1\"";
    const CODE: Code = Code::BadVersion;
    const FORM: Form = Form::Version;

    fn read(text: &str) -> Result<Self, String> {
        let parts: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
        match parts {
            Ok(parts) if parts.len() <= 4 && !text.contains('+') => Ok(Self(parts)),
            _ => Err(format!("`{text}` is not a version")),
        }
    }
}
text_schema!(Version, { "type": "string", "pattern": "^\\d+(\\.\\d+){0,3}$", "description": "A version, in quotes.", "examples": ["2.1"] });
