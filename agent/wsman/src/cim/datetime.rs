//! The written forms of a CIM datetime: the string form of CIM-XML, and XML Schema's of the element form.
//!
//! Guarantees: what is read has a written form of each kind, and means the same in it: microseconds, which is all that CIM keeps; the years 0 to 9999;
//! lengths of time that are not negative and have no more than eight digits of days.

use std::time::Duration;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, civil};

use super::CimDatetime;

impl CimDatetime {
    /// Reads either form; `None` when `text` is neither, has no other form, or holds the `*` of an unknown part.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        written(text.trim())?.kept()
    }

    /// As much of it as CIM keeps; `None` when that is nothing.
    fn kept(self) -> Option<Self> {
        match self {
            Self::Instant(instant) => {
                let year_0 = instant.as_second() >= -62_167_219_200;
                Timestamp::from_microsecond(instant.as_microsecond()).ok().filter(|_| year_0).map(Self::Instant)
            }
            Self::Interval(length) => {
                let kept = SignedDuration::new(length.as_secs(), length.subsec_micros() * 1000);
                (!length.is_negative() && length.as_secs() < 100_000_000 * 86_400).then_some(Self::Interval(kept))
            }
        }
    }

    /// The string form: `yyyymmddHHMMSS.mmmmmm+000` or `ddddddddHHMMSS.mmmmmm:000`.
    #[must_use]
    pub fn to_cim(&self) -> String {
        match self {
            Self::Instant(instant) => {
                let local = instant.to_zoned(TimeZone::UTC).datetime();
                let micros = local.subsec_nanosecond() / 1000;
                format!("{}.{micros:06}+000", local.strftime("%Y%m%d%H%M%S"))
            }
            Self::Interval(length) => {
                let seconds = length.as_secs().max(0);
                let (days, rest) = (seconds / 86_400, seconds % 86_400);
                let micros = length.subsec_micros().max(0);
                format!("{days:08}{:02}{:02}{:02}.{micros:06}:000", rest / 3600, rest / 60 % 60, rest % 60)
            }
        }
    }

    /// XML Schema's form: `2013-04-15T16:28:43.488171Z` or `P0DT0H30M0S`.
    #[must_use]
    pub fn to_xml(&self) -> String {
        match self {
            Self::Instant(instant) => instant.to_string(),
            Self::Interval(length) => {
                let seconds = length.as_secs().max(0);
                let (days, rest) = (seconds / 86_400, seconds % 86_400);
                let micros = length.subsec_micros().max(0);
                let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
                format!("P{days}DT{}H{}M{}{fraction}S", rest / 3600, rest / 60 % 60, rest % 60)
            }
        }
    }
}

/// The moment or length of time that `text` writes, however large and fine.
fn written(text: &str) -> Option<CimDatetime> {
    if text.starts_with('P') || text.starts_with("-P") {
        return xml_duration(text).map(CimDatetime::Interval);
    }
    if text.len() == 25 && text.as_bytes().get(14) == Some(&b'.') {
        return cim(text);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(CimDatetime::Instant(instant));
    }
    // Without an offset the schema leaves the zone open; Windows means UTC.
    let local = text.parse::<civil::DateTime>().ok()?;
    local.to_zoned(TimeZone::UTC).ok().map(|zoned| CimDatetime::Instant(zoned.timestamp()))
}

fn cim(text: &str) -> Option<CimDatetime> {
    let number = |from: usize, to: usize| text.get(from..to).filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?.parse::<i64>().ok();
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    let micros = number(15, 21)?;
    if text.as_bytes().get(21) == Some(&b':') {
        let seconds = number(0, 8)? * 86_400 + hour * 3600 + minute * 60 + second;
        let nanos = i32::try_from(micros * 1000).ok()?;
        return Some(CimDatetime::Interval(SignedDuration::new(seconds, nanos)));
    }
    let minutes = number(22, 25)?;
    let east = match text.as_bytes().get(21)? {
        b'+' => minutes,
        b'-' => -minutes,
        _ => return None,
    };
    let small = |n: i64| i8::try_from(n).ok();
    let local = civil::DateTime::new(
        i16::try_from(number(0, 4)?).ok()?,
        small(number(4, 6)?)?,
        small(number(6, 8)?)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        i32::try_from(micros * 1000).ok()?,
    )
    .ok()?;
    let offset = Offset::from_seconds(i32::try_from(east * 60).ok()?).ok()?;
    offset.to_timestamp(local).ok().map(CimDatetime::Instant)
}

/// `P0DT0H30M0S` and shorter spellings; years and months have no fixed length, so they are none of CIM's.
pub fn xml_duration(text: &str) -> Option<SignedDuration> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.strip_prefix('P')?),
        None => (false, text.strip_prefix('P')?),
    };
    let (days, time) = match body.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (body, ""),
    };
    let mut nanos: i128 = 0;
    let mut parts = 0;
    for (part, units) in [(days, &[('D', 86_400_i128)][..]), (time, &[('H', 3600), ('M', 60), ('S', 1)][..])] {
        let mut rest = part;
        for (unit, seconds) in units {
            let Some((number, after)) = rest.split_once(*unit) else { continue };
            nanos = nanos.checked_add(decimal_nanos(number)?.checked_mul(*seconds)?)?;
            rest = after;
            parts += 1;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    if parts == 0 {
        return None;
    }
    let length = SignedDuration::new(i64::try_from(nanos / 1_000_000_000).ok()?, i32::try_from(nanos % 1_000_000_000).ok()?);
    Some(if negative { -length } else { length })
}

/// A length of time as Windows writes it, `PT60.000S`; finer than a millisecond only where it is.
pub fn xml_seconds(length: Duration) -> String {
    let (seconds, nanos) = (length.as_secs(), length.subsec_nanos());
    if nanos % 1_000_000 == 0 { format!("PT{seconds}.{:03}S", nanos / 1_000_000) } else { format!("PT{seconds}.{nanos:09}S") }
}

fn decimal_nanos(number: &str) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // As many digits as seconds have in 64 bits.
    if whole.is_empty() || whole.len() > 19 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.get(..fraction.len().min(9))?;
    let nanos: i128 = format!("{fraction:0<9}").parse().ok()?;
    Some(whole.parse::<i128>().ok()? * 1_000_000_000 + nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_written_form_means_the_same_instant() {
        let forms = [
            "20130415162843.488171+000",
            "20130415182843.488171+120",
            "20130415092843.488171-420",
            "2013-04-15T16:28:43.488171Z",
            "2013-04-15T09:28:43.488171-07:00",
            "2013-04-15T16:28:43.488171",
        ];
        for form in forms {
            let read = CimDatetime::parse(form).unwrap_or_else(|| panic!("{form}"));
            assert_eq!(read.to_xml(), "2013-04-15T16:28:43.488171Z", "{form}");
            assert_eq!(read.to_cim(), "20130415162843.488171+000", "{form}");
        }
    }

    #[test]
    fn each_written_form_means_the_same_interval() {
        for form in ["00000001003000.500000:000", "P1DT0H30M0.5S", "P1DT30M0.500S"] {
            let read = CimDatetime::parse(form).unwrap_or_else(|| panic!("{form}"));
            assert_eq!(read.to_cim(), "00000001003000.500000:000", "{form}");
            assert_eq!(read.to_xml(), "P1DT0H30M0.500000S", "{form}");
        }
    }

    #[test]
    fn what_one_of_the_forms_cannot_say_is_no_datetime() {
        for text in ["-P1D", "P100000000D", "-000001-12-31T23:59:59Z"] {
            assert_eq!(CimDatetime::parse(text), None, "{text}");
        }
        for text in ["2013-04-15T16:28:43.488171499Z", "PT0.0000014S", "P99999999DT23H59M59.999999S", "0000-01-01T00:00:00Z"] {
            let read = CimDatetime::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((CimDatetime::parse(&read.to_cim()), CimDatetime::parse(&read.to_xml())), (Some(read), Some(read)), "{text}");
        }
    }

    #[test]
    fn a_length_of_time_is_written_as_fine_as_it_is() {
        for (length, wanted) in [
            (Duration::from_secs(60), "PT60.000S"),
            (Duration::new(1, 5_000_000), "PT1.005S"),
            (Duration::new(i64::MAX.unsigned_abs(), 1), "PT9223372036854775807.000000001S"),
        ] {
            assert_eq!(xml_seconds(length), wanted);
            assert_eq!(xml_duration(wanted).and_then(|read| Duration::try_from(read).ok()), Some(length));
        }
    }

    #[test]
    fn what_is_no_datetime_stays_unread() {
        for text in ["", "P", "PT", "P1Y", "PT1", "tomorrow", "2013041516****.******+000", "20131315162843.488171+000", "PT1X"] {
            assert_eq!(CimDatetime::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn both_forms_read_back(micros in -60_000_000_000_000_000_i64..250_000_000_000_000_000) {
            let instant = CimDatetime::Instant(Timestamp::from_microsecond(micros).expect("in range"));
            prop_assert_eq!(CimDatetime::parse(&instant.to_cim()), Some(instant));
            prop_assert_eq!(CimDatetime::parse(&instant.to_xml()), Some(instant));
            let interval = CimDatetime::Interval(SignedDuration::from_micros(micros.abs() / 100));
            prop_assert_eq!(CimDatetime::parse(&interval.to_cim()), Some(interval));
            prop_assert_eq!(CimDatetime::parse(&interval.to_xml()), Some(interval));
        }
    }
}
