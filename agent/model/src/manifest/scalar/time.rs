//! Times of day, days, weeks, zones and moments.

use jiff::civil::{Time, Weekday};

use super::{Form, Scalar, is_clock, text_schema};
use crate::diagnostic::Code;
use crate::manifest::decode::suggest;
use crate::manifest::record::words;
use crate::window::{WeekOfMonth, Zone, day_name};

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
        suggest(text, names.iter().map(String::as_str))
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
        let found = DAYS.into_iter().find(|day| day_name(*day) == text);
        found.map(Self).ok_or_else(|| format!("`{text}` is not a day"))
    }

    fn suggest(text: &str) -> Option<String> {
        suggest(text, DAYS.into_iter().map(day_name))
    }
}
text_schema!(DayName, { "enum": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] });

/// A week of the month.
pub type WeekName = WeekOfMonth;

words! { WeekOfMonth { First = "first", Second = "second", Third = "third", Fourth = "fourth", Last = "last", } }
text_schema!(WeekOfMonth, { "enum": ["first", "second", "third", "fourth", "last"] });
