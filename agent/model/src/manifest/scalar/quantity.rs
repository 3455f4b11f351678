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
        let (number, unit) = number_and_unit(text);
        let is_whole = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let factor = match unit {
            "KiB" => 1u64 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            "B" => 1,
            "" if is_whole => return Err(format!("`{text}` has no unit")),
            other if is_whole => return Err(format!("`{other}` is not a unit of size")),
            _ => return Err(format!("`{text}` is not a size")),
        };
        if number.is_empty() {
            return Err(format!("`{text}` is not a size"));
        }
        if !is_whole {
            return Err(format!("`{text}` is not a size: `{number}` is not a whole number"));
        }
        let bytes = number.parse::<u64>().ok().and_then(|count| count.checked_mul(factor));
        bytes.map(Self).ok_or_else(|| format!("`{text}` is too large"))
    }

    fn suggest(text: &str) -> Option<String> {
        let (number, unit) = number_and_unit(text);
        let letter = unit.chars().next().map(|letter| letter.to_ascii_uppercase());
        let is_whole = number.parse::<u64>().is_ok();
        match letter {
            None if is_whole => Some(format!("write the unit: `{number} MiB` or `{number} GiB`")),
            Some(letter @ ('K' | 'M' | 'G' | 'T')) if is_whole && unit != format!("{letter}iB") => {
                Some(format!("write `{number} {letter}iB`"))
            }
            Some(letter @ ('M' | 'G' | 'T')) => Some(match decimal_in_mib(number, letter)? {
                (mib, true) => format!("write `{mib} MiB`"),
                (mib, false) => format!("write a whole number of a smaller unit, such as `{mib} MiB`"),
            }),
            _ => None,
        }
    }
}

/// `1.5 GiB`: what stands before the letters at the end, and these.
fn number_and_unit(text: &str) -> (&str, &str) {
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    (number.trim(), unit)
}

/// A number with a point, of a unit that begins with `letter`, in MiB, and whether it is that exactly. Even, since memory has to be.
fn decimal_in_mib(number: &str, letter: char) -> Option<(u64, bool)> {
    let (whole, fraction) = number.split_once('.')?;
    let digits = whole.len() + fraction.len();
    if digits > 12 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let parts = 10u64.pow(u32::try_from(fraction.len()).ok()?);
    let factor: u64 = match letter {
        'M' => 1,
        'G' => 1 << 10,
        _ => 1 << 20,
    };
    let scaled = format!("{whole}{fraction}").parse::<u64>().ok()?.checked_mul(factor)?;
    let even = scaled.div_ceil(parts * 2) * 2;
    (even > 0).then_some((even, even * parts == scaled))
}
text_schema!(Bytes, { "type": "string", "pattern": "^\\d+ ?([KMGT]i)?B$", "description": "A size: B, KiB, MiB, GiB, TiB.", "examples": ["16 GiB"] });

/// Of a VM of generation 2 on Windows Server 2025; older ones have less.
const MOST_MEMORY: u64 = 240 << 40;

impl Scalar for MemorySize {
    const EXPECTED: &'static str = "a size such as `16 GiB`, a multiple of 2 MiB";
    const CODE: Code = Code::BadSize;
    const FORM: Form = Form::Word;

    fn read(text: &str) -> Result<Self, String> {
        let Bytes(bytes) = Bytes::read(text)?;
        if bytes % (2 << 20) != 0 || bytes == 0 {
            return Err(format!("`{text}` is not a multiple of 2 MiB, which Hyper-V wants"));
        }
        if bytes > MOST_MEMORY {
            return Err(format!("`{text}` is more than the 240 TiB that a VM can have"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_is_none_is_told_in_a_way_that_leads_to_one() {
        let texts = [
            "12",
            "12 GB",
            "12gb",
            "1.5 GiB",
            "0.3 GiB",
            "2.5G",
            "-4 GiB",
            "1e3 GiB",
            "99999999999999 TiB",
            "99999999999999999999 GiB",
            "999999 TiB",
            "3 MiB",
            "0 GiB",
            "GiB",
            "1,5 GiB",
            "lots",
            "",
        ];
        let said = |text: &&str| match (MemorySize::read(text).expect_err(text), MemorySize::suggest(text)) {
            (message, None) => message,
            (message, Some(hint)) => format!("{message}; {hint}"),
        };
        insta::assert_snapshot!(texts.iter().map(said).collect::<Vec<_>>().join("\n"), @"
        `12` has no unit; write the unit: `12 MiB` or `12 GiB`
        `GB` is not a unit of size; write `12 GiB`
        `gb` is not a unit of size; write `12 GiB`
        `1.5 GiB` is not a size: `1.5` is not a whole number; write `1536 MiB`
        `0.3 GiB` is not a size: `0.3` is not a whole number; write a whole number of a smaller unit, such as `308 MiB`
        `2.5G` is not a size; write `2560 MiB`
        `-4 GiB` is not a size: `-4` is not a whole number
        `1e3 GiB` is not a size: `1e3` is not a whole number
        `99999999999999 TiB` is too large
        `99999999999999999999 GiB` is too large
        `999999 TiB` is more than the 240 TiB that a VM can have
        `3 MiB` is not a multiple of 2 MiB, which Hyper-V wants
        `0 GiB` is not a multiple of 2 MiB, which Hyper-V wants
        `GiB` is not a size
        `1,5 GiB` is not a size: `1,5` is not a whole number
        `lots` is not a size
        `` is not a size
        ");
        for text in ["12 GiB", "12GiB", "512 MiB", "2 MiB", "240 TiB"] {
            assert!(MemorySize::read(text).is_ok() && MemorySize::suggest(text).is_none(), "{text}");
        }
    }
}
