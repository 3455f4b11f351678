//! Values that are written as one piece of text: names, addresses, quantities, times.
//!
//! Guarantees: what YAML versions read differently (`no`, `2.10`, `01:00`) is refused with the reason, never guessed.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::civil::{Time, Weekday};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decode::{Decode, Decoder, Fault};
use super::record::words;
use crate::desired::{
    DrainMode, Grade, ManagementLifetime, Mode, OnDrainTimeout, OnExpiry, OnLastServing, Place, Scheme, StartAction, StartMode, StopAction,
};
use crate::diagnostic::Code;
use crate::names;
use crate::units::{MemorySize, Span};
use crate::window::{WeekOfMonth, Zone};
use crate::yaml::{Kind, Node, Style};

/// Which unquoted forms would be read differently by another YAML reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text: an unquoted boolean or number is a trap.
    Text,
    /// A version: an unquoted number is a trap.
    Version,
    /// A time of day: unquoted it is a trap.
    Clock,
    /// A word, number or quantity that no reader takes for anything else.
    Word,
}

/// A value written as one piece of text.
pub trait Scalar: Sized {
    /// What the place wants, for the message.
    const EXPECTED: &'static str;
    /// The code of a text that cannot be read.
    const CODE: Code;
    /// Which unquoted forms are traps.
    const FORM: Form = Form::Text;

    /// Reads the text; the error says what is wrong with it.
    ///
    /// # Errors
    /// A sentence without a full stop.
    fn read(text: &str) -> Result<Self, String>;

    /// Something similar that could be meant.
    fn suggest(_: &str) -> Option<String> {
        None
    }
}

impl<T: Scalar> Decode for T {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let Kind::Scalar(text, style) = node.kind() else {
            cx.wrong_type(node, T::EXPECTED);
            return None;
        };
        if node.is_null() {
            cx.wrong_type(node, T::EXPECTED);
            return None;
        }
        let origin = cx.origin(node);
        if style == Style::Plain
            && let Some(fault) = trap(T::FORM, text)
        {
            cx.fault(Fault { origin, expected: Some(Cow::Borrowed(T::EXPECTED)), ..fault });
            return None;
        }
        T::read(text)
            .map_err(|message| cx.fault(Fault { hint: T::suggest(text), ..Fault::new(T::CODE, origin, message).expected(T::EXPECTED) }))
            .ok()
    }
}

fn trap(form: Form, text: &str) -> Option<Fault> {
    let fault = |code: Code, message: String| {
        Some(Fault::new(code, super::Origin::default(), message).hint(format!("write it in quotes: \"{text}\"")))
    };
    let number = || text.parse::<f64>().is_ok() && text.contains(|c: char| c.is_ascii_digit());
    match form {
        Form::Word => None,
        Form::Version if number() => fault(Code::UnquotedVersion, format!("`{text}` without quotes is a number, not a version")),
        Form::Clock => fault(Code::UnquotedClock, format!("`{text}` without quotes is a number to some YAML readers")),
        Form::Text | Form::Version if is_boolean_word(text) => {
            fault(Code::UnquotedBoolean, format!("`{text}` without quotes is a boolean to some YAML readers"))
        }
        Form::Text if number() => fault(Code::UnquotedNumber, format!("`{text}` without quotes is a number, not text")),
        Form::Text if is_clock(text) => fault(Code::UnquotedClock, format!("`{text}` without quotes is a number to some YAML readers")),
        Form::Text | Form::Version => None,
    }
}

fn is_boolean_word(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off", "true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn is_clock(text: &str) -> bool {
    text.split_once(':').is_some_and(|(hours, minutes)| {
        [hours, minutes].iter().all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

impl Decode for bool {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        const EXPECTED: &str = "`true` or `false`";
        match node.kind() {
            Kind::Scalar("true", Style::Plain) => Some(true),
            Kind::Scalar("false", Style::Plain) => Some(false),
            Kind::Scalar(text, Style::Plain) if is_boolean_word(text) => {
                let yes = ["y", "yes", "on", "true"].iter().any(|word| text.eq_ignore_ascii_case(word));
                let fault = Fault::new(Code::UnquotedBoolean, cx.origin(node), format!("`{text}` is a boolean to some YAML readers only"));
                cx.fault(fault.expected(EXPECTED).hint(format!("write `{yes}`")));
                None
            }
            _ => {
                cx.wrong_type(node, EXPECTED);
                None
            }
        }
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounded<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Bounded<MIN, MAX> {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> Decode for Bounded<MIN, MAX> {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let expected = format!("a whole number from {MIN} to {MAX}");
        let number = match node.kind() {
            Kind::Scalar(text, Style::Plain) => text.parse::<i64>().ok().filter(|_| !text.starts_with(['+', '0']) || text == "0"),
            _ => None,
        };
        let Some(number) = number else {
            cx.wrong_type(node, expected);
            return None;
        };
        match u32::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number)) {
            Some(number) => Some(Self(number)),
            None => {
                let fault = Fault::new(Code::OutOfRange, cx.origin(node), format!("{number} is out of range"));
                cx.fault(fault.expected(expected));
                None
            }
        }
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Bounded<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

macro_rules! text_schema {
    ($ty:ty, $schema:tt) => {
        impl JsonSchema for $ty {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($ty).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

macro_rules! text_type {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text_type!(/// A sentence for people, one line, at most 200 characters.
    Sentence);
text_type!(/// A key or value of a label, or another short word: letters, digits, `-`, `_`, `.`; at most 63 characters.
    Label);
text_type!(/// A DNS name of at least one label.
    Fqdn);
text_type!(/// A DNS name or an address of a host.
    HostAddress);
text_type!(/// A SHA-1 or SHA-256 fingerprint in hexadecimal digits, lower case, without separators.
    Fingerprint);
text_type!(/// An `http` or `https` URL.
    Url);

impl Scalar for Sentence {
    const EXPECTED: &'static str = "a line of text, at most 200 characters";
    const CODE: Code = Code::OutOfRange;

    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim_end();
        if text.chars().any(char::is_control) {
            return Err("the text holds a line break or another control character".into());
        }
        match text.chars().count() {
            0 => Err("the text is empty".into()),
            1..=200 => Ok(Self(text.into())),
            count => Err(format!("the text has {count} characters")),
        }
    }
}
text_schema!(Sentence, { "type": "string", "minLength": 1, "maxLength": 200 });

impl Scalar for Label {
    const EXPECTED: &'static str = "letters, digits, `-`, `_` or `.`, at most 63 characters";
    const CODE: Code = Code::BadName;

    fn read(text: &str) -> Result<Self, String> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > 63 || !text.chars().all(good) {
            return Err(format!("`{text}` cannot be a label"));
        }
        Ok(Self(text.into()))
    }
}
text_schema!(Label, { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,63}$" });

/// Whether the text is a DNS name.
pub(crate) fn is_domain_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

impl Scalar for Fqdn {
    const EXPECTED: &'static str = "a DNS name such as `sbc1.contoso.com`";
    const CODE: Code = Code::BadDomainName;

    fn read(text: &str) -> Result<Self, String> {
        if !is_domain_name(text) || text.parse::<IpAddr>().is_ok() {
            return Err(format!("`{text}` is not a DNS name"));
        }
        Ok(Self(text.into()))
    }
}
text_schema!(Fqdn, { "type": "string", "format": "hostname" });

impl Scalar for HostAddress {
    const EXPECTED: &'static str = "a DNS name or an address";
    const CODE: Code = Code::BadAddress;

    fn read(text: &str) -> Result<Self, String> {
        let looks_numeric = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let good = text.parse::<IpAddr>().is_ok() || (!looks_numeric && is_domain_name(text));
        if good { Ok(Self(text.into())) } else { Err(format!("`{text}` is neither a DNS name nor an address")) }
    }
}
text_schema!(HostAddress, { "type": "string" });

impl Scalar for Fingerprint {
    const EXPECTED: &'static str = "40 (SHA-1) or 64 (SHA-256) hexadecimal digits";
    const CODE: Code = Code::BadFingerprint;

    fn read(text: &str) -> Result<Self, String> {
        let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>().to_ascii_lowercase();
        if !matches!(digits.len(), 40 | 64) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("this is not a fingerprint".into());
        }
        Ok(Self(digits.into()))
    }
}
text_schema!(Fingerprint, { "type": "string", "pattern": "^([0-9A-Fa-f]{2}[: ]?){20}(([0-9A-Fa-f]{2}[: ]?){12})?$" });

impl Scalar for Url {
    const EXPECTED: &'static str = "an `http` or `https` URL";
    const CODE: Code = Code::BadUrl;
    const FORM: Form = Form::Word;

    fn read(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
        match host {
            Some(host) if host.contains('@') => Err("the URL holds a user or a password".into()),
            Some(host) if !host.is_empty() && !text.contains(char::is_whitespace) => Ok(Self(text.into())),
            _ => Err(format!("`{text}` is not an `http` or `https` URL")),
        }
    }
}
text_schema!(Url, { "type": "string", "format": "uri", "pattern": "^https?://" });

impl Scalar for IpAddr {
    const EXPECTED: &'static str = "an address such as `192.168.0.10`";
    const CODE: Code = Code::BadAddress;

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| match text.split_once('/') {
            Some((address, _)) if address.parse::<Self>().is_ok() => format!("`{text}` is a subnet, not an address"),
            _ => format!("`{text}` is not an address"),
        })
    }
}

/// A subnet by its first address and prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subnet(pub IpNet);

impl Scalar for Subnet {
    const EXPECTED: &'static str = "a subnet such as `192.168.0.0/24`";
    const CODE: Code = Code::BadSubnet;

    fn read(text: &str) -> Result<Self, String> {
        let net: IpNet = text.parse().map_err(|_| format!("`{text}` is not a subnet"))?;
        if net.addr() != net.network() {
            return Err(format!("`{text}` is an address inside `{}`, not the subnet itself", net.trunc()));
        }
        Ok(Self(net))
    }

    fn suggest(text: &str) -> Option<String> {
        let net: IpNet = text.parse().ok()?;
        Some(format!("write `{}`", net.trunc()))
    }
}
text_schema!(Subnet, { "type": "string", "description": "A subnet: first address and prefix length.", "examples": ["192.168.0.0/24"] });

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

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock(pub Time);

impl Scalar for Clock {
    const EXPECTED: &'static str = "a time of day in quotes, such as \"22:00\"";
    const CODE: Code = Code::BadClock;
    const FORM: Form = Form::Clock;

    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a time of day");
        let (hours, minutes) = text.split_once(':').filter(|_| is_clock(text) && text.len() == 5).ok_or_else(wrong)?;
        let (hours, minutes) = (hours.parse().map_err(|_| wrong())?, minutes.parse().map_err(|_| wrong())?);
        Time::new(hours, minutes, 0, 0).map(Self).map_err(|_| wrong())
    }
}
text_schema!(Clock, { "type": "string", "pattern": "^([01]\\d|2[0-3]):[0-5]\\d$", "description": "hh:mm, in quotes.", "examples": ["22:00"] });

impl Scalar for Zone {
    const EXPECTED: &'static str = "an IANA zone such as `America/Los_Angeles`";
    const CODE: Code = Code::BadZone;

    fn read(text: &str) -> Result<Self, String> {
        Self::find(text).ok_or_else(|| format!("`{text}` is not an IANA zone"))
    }

    fn suggest(text: &str) -> Option<String> {
        let names = Self::names();
        super::decode::suggest(text, names.iter().map(String::as_str))
    }
}
text_schema!(Zone, { "type": "string", "description": "An IANA time zone.", "examples": ["America/Los_Angeles", "Europe/Berlin"] });

/// A moment with its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub jiff::Timestamp);

impl Scalar for Moment {
    const EXPECTED: &'static str = "a moment such as `2026-12-01T18:00:00+01:00`";
    const CODE: Code = Code::BadMoment;
    const FORM: Form = Form::Word;

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("`{text}` is not a moment with an offset"))
    }

    fn suggest(text: &str) -> Option<String> {
        let complete = format!("{text}Z");
        complete.parse::<jiff::Timestamp>().is_ok().then(|| format!("add the offset: `{complete}` is UTC"))
    }
}
text_schema!(Moment, { "type": "string", "format": "date-time" });

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayName(pub Weekday);

const DAYS: [Weekday; 7] =
    [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday, Weekday::Saturday, Weekday::Sunday];

impl Scalar for DayName {
    const EXPECTED: &'static str = "a day such as `saturday`";
    const CODE: Code = Code::UnknownChoice;

    fn read(text: &str) -> Result<Self, String> {
        let found = DAYS.into_iter().find(|day| crate::window::day_name(*day) == text);
        found.map(Self).ok_or_else(|| format!("`{text}` is not a day"))
    }

    fn suggest(text: &str) -> Option<String> {
        super::decode::suggest(text, DAYS.into_iter().map(crate::window::day_name))
    }
}
text_schema!(DayName, { "enum": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] });

/// A week of the month.
pub type WeekName = WeekOfMonth;

words! { WeekOfMonth { First = "first", Second = "second", Third = "third", Fourth = "fourth", Last = "last", } }
text_schema!(WeekOfMonth, { "enum": ["first", "second", "third", "fourth", "last"] });

words! { Mode { Observe = "observe", Plan = "plan", Repair = "repair", Converge = "converge", } }
words! { Scheme { Https = "https", Http = "http", } }
words! { Place { OnHost = "on-host", Remote = "remote", } }
words! { ManagementLifetime { Temporary = "temporary", Permanent = "permanent", } }
words! { Grade { CallPath = "callPath", Support = "support", } }
words! { StartMode { Automatic = "automatic", Manual = "manual", Disabled = "disabled", } }
words! { StartAction { Nothing = "nothing", StartIfRunning = "startIfRunning", AlwaysStart = "alwaysStart", } }
words! { StopAction { TurnOff = "turnOff", Save = "save", ShutDown = "shutDown", } }
words! { OnLastServing { CallPathOnly = "callPathOnly", Any = "any", } }
words! { DrainMode { Graceful = "graceful", Immediate = "immediate", } }
words! { OnDrainTimeout { Abort = "abort", Force = "force", } }
words! { OnExpiry { Resume = "resume", Stay = "stay", } }

macro_rules! names {
    ($( $name:ident: $expected:literal; )+) => { $(
        impl Scalar for names::$name {
            const EXPECTED: &'static str = $expected;
            const CODE: Code = Code::BadName;

            fn read(text: &str) -> Result<Self, String> {
                Self::new(text).map_err(|error| error.to_string())
            }
        }
    )+ };
}

names! {
    FleetName: "a fleet name: lower-case letters, digits, `-`, `.`, `_`";
    SiteName: "a site name: lower-case letters, digits, `-`, `.`, `_`";
    ApplianceName: "an appliance name: lower-case letters, digits, `-`, `.`, `_`";
    RoleName: "a role name: lower-case letters, digits, `-`, `.`, `_`";
    ReleaseName: "a release name: lower-case letters, digits, `-`, `.`, `_`";
    ProfileName: "a profile name: lower-case letters, digits, `-`, `.`, `_`";
    NetworkName: "a network name: lower-case letters, digits, `-`, `.`, `_`";
    InstanceId: "an instance name: lower-case letters, digits, `-`, `.`, `_`";
    WindowName: "a window name: lower-case letters, digits, `-`, `.`, `_`";
    CredentialName: "a credential's name: lower-case letters, digits, `-`, `.`, `_`";
    SwitchName: "the name of a virtual switch";
    ServiceName: "the key name of a Windows service";
    RuleName: "the name of a firewall rule";
}

impl Scalar for names::ComputerName {
    const EXPECTED: &'static str = "a computer name: letters, digits and `-`, not digits only";
    const CODE: Code = Code::BadName;

    fn read(text: &str) -> Result<Self, String> {
        let good = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.bytes().all(|byte| byte.is_ascii_digit());
        if !good || text.is_empty() {
            return Err(format!("`{text}` cannot be a computer name"));
        }
        Self::new(text).map_err(|error| error.to_string())
    }
}

impl Scalar for names::DomainName {
    const EXPECTED: &'static str = "a DNS name such as `vdomain.local`";
    const CODE: Code = Code::BadDomainName;

    fn read(text: &str) -> Result<Self, String> {
        if !is_domain_name(text) {
            return Err(format!("`{text}` is not a DNS name"));
        }
        Self::new(text).map_err(|error| error.to_string())
    }
}

impl Scalar for names::HostPath {
    const EXPECTED: &'static str = r"an absolute path such as `D:\Trunkline` or `\\server\share\folder`";
    const CODE: Code = Code::BadPath;

    fn read(text: &str) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let drive = bytes.len() >= 3 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && bytes[2] == b'\\';
        let share = text.strip_prefix(r"\\").is_some_and(|rest| rest.split('\\').filter(|part| !part.is_empty()).count() >= 2);
        let rest = if drive { &text[3..] } else { text.trim_start_matches('\\') };
        if !(drive || share) {
            return Err(format!("`{text}` is not an absolute path"));
        }
        if let Some(bad) = rest.chars().find(|c| matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '/') || c.is_control()) {
            return Err(format!("`{bad}` cannot stand in a Windows path"));
        }
        if rest.split('\\').any(|part| part == ".." || part == ".") {
            return Err("`.` and `..` are not followed".into());
        }
        Self::new(text.trim_end_matches('\\')).map_err(|error| error.to_string())
    }

    fn suggest(text: &str) -> Option<String> {
        (text.contains('/') && !text.contains('\\')).then(|| format!(r"write `{}`", text.replace('/', r"\")))
    }
}
