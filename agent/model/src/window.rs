//! Named stretches of time in which planned work may disrupt serving.
//!
//! Guarantees: a window opens at a civil time of its zone and stays open for its duration in elapsed time, so a clock change
//! neither shortens nor stretches it; an opening time that a clock change skips is taken as jiff's `compatible` rule says (the same
//! distance after the gap). An opening may cross midnight. Deliberately absent: the clock; every question names its `now`.

use std::fmt;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Serialize, Serializer};

use crate::units::Span;

/// Days that are looked at for the next opening: a monthly window by date on the 31st opens at least every other month.
const HORIZON_DAYS: i32 = 400;

/// When planned work may disrupt serving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// The days on which it opens.
    pub calendar: Calendar,
    /// The civil time at which it opens.
    pub start: Time,
    /// How long it stays open.
    pub duration: Span,
    /// The zone of `start`.
    pub zone: Zone,
}

/// The days on which a window opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Calendar {
    /// Every day.
    Daily,
    /// On these days of every week.
    #[serde(serialize_with = "day_names")]
    Weekly(Vec<Weekday>),
    /// On this day of the month, 1 to 31; months without it are left out.
    MonthlyByDate(i8),
    /// On these days of these weeks of the month.
    #[serde(serialize_with = "week_and_day_names")]
    MonthlyByWeekday(Vec<WeekOfMonth>, Vec<Weekday>),
}

/// Which one of the (up to five) Mondays, Tuesdays … of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum WeekOfMonth {
    /// Days 1 to 7.
    First,
    /// Days 8 to 14.
    Second,
    /// Days 15 to 21.
    Third,
    /// Days 22 to 28.
    Fourth,
    /// The last seven days.
    Last,
}

/// An IANA time zone, compared and shown by name.
#[derive(Clone)]
pub struct Zone(TimeZone);

/// One opening of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    /// First moment inside.
    pub opens: Timestamp,
    /// First moment outside.
    pub closes: Timestamp,
}

impl Zone {
    /// The zone of that IANA name, in any case.
    pub fn find(name: &str) -> Option<Self> {
        jiff::tz::db().get(name).ok().map(Self)
    }

    /// Its IANA name: `America/Los_Angeles`.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The zone itself.
    pub fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    /// Every IANA name that can be found, for suggestions.
    pub fn names() -> Vec<String> {
        jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect()
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Window {
    /// The opening that `now` lies in; of several that overlap, the one that closes last.
    pub fn open_at(&self, now: Timestamp) -> Option<Opening> {
        let today = now.to_zoned(self.zone.0.clone()).date();
        let reach = i32::try_from(self.duration.secs() / 86_400).unwrap_or(HORIZON_DAYS).min(HORIZON_DAYS) + 1;
        (-reach..=1)
            .filter_map(|days| self.opening_on(today.checked_add(days.days()).ok()?))
            .filter(|opening| opening.opens <= now && now < opening.closes)
            .max_by_key(|opening| opening.closes)
    }

    /// The first opening that begins after `now`.
    pub fn next_opening_after(&self, now: Timestamp) -> Option<Opening> {
        self.openings_after(now).next()
    }

    /// Openings that begin after `now`, in order, for about a year.
    pub fn openings_after(&self, now: Timestamp) -> impl Iterator<Item = Opening> + '_ {
        let today = now.to_zoned(self.zone.0.clone()).date();
        (-1..=HORIZON_DAYS)
            .filter_map(move |days| self.opening_on(today.checked_add(days.days()).ok()?))
            .filter(move |opening| opening.opens > now)
    }

    fn opening_on(&self, date: Date) -> Option<Opening> {
        if !self.calendar.holds(date) {
            return None;
        }
        let opens = date.to_datetime(self.start).to_zoned(self.zone.0.clone()).ok()?.timestamp();
        let length = SignedDuration::from_secs(i64::try_from(self.duration.secs()).ok()?);
        Some(Opening { opens, closes: opens.checked_add(length).ok()? })
    }
}

impl Calendar {
    /// Whether a window opens on that date.
    pub fn holds(&self, date: Date) -> bool {
        match self {
            Self::Daily => true,
            Self::Weekly(days) => days.contains(&date.weekday()),
            Self::MonthlyByDate(day) => date.day() == *day,
            Self::MonthlyByWeekday(weeks, days) => days.contains(&date.weekday()) && weeks.iter().any(|week| week.holds(date)),
        }
    }

    /// The least time between two openings, in seconds; a longer duration would never close.
    pub fn shortest_period(&self) -> u64 {
        const DAY: u64 = 86_400;
        match self {
            Self::Daily => DAY,
            Self::Weekly(days) => shortest_gap(days.iter().map(|day| day.to_monday_zero_offset()), 7) * DAY,
            Self::MonthlyByDate(_) => 28 * DAY,
            Self::MonthlyByWeekday(weeks, days) => {
                let within = shortest_gap(days.iter().map(|day| day.to_monday_zero_offset()), 7);
                if weeks.len() == 1 && days.len() == 1 { 21 * DAY } else { within.min(7) * DAY }
            }
        }
    }
}

fn shortest_gap(days: impl Iterator<Item = i8>, cycle: i8) -> u64 {
    let mut days: Vec<i8> = days.collect();
    days.sort_unstable();
    let wrap = days.first().zip(days.last()).map(|(first, last)| first + cycle - last);
    let gaps = days.windows(2).map(|pair| pair[1] - pair[0]).chain(wrap);
    gaps.filter(|gap| *gap > 0).min().map_or(7, |gap| u64::from(gap.unsigned_abs()))
}

impl WeekOfMonth {
    fn holds(self, date: Date) -> bool {
        match self {
            Self::First => date.day() <= 7,
            Self::Second => (8..=14).contains(&date.day()),
            Self::Third => (15..=21).contains(&date.day()),
            Self::Fourth => (22..=28).contains(&date.day()),
            Self::Last => date.day() > date.days_in_month() - 7,
        }
    }
}

fn day_names<S: Serializer>(days: &[Weekday], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(days.iter().map(|day| day_name(*day)))
}

fn week_and_day_names<S: Serializer>(weeks: &[WeekOfMonth], days: &[Weekday], serializer: S) -> Result<S::Ok, S::Error> {
    (weeks, days.iter().map(|day| day_name(*day)).collect::<Vec<_>>()).serialize(serializer)
}

/// The day as a manifest writes it.
pub fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(calendar: Calendar, start: &str, hours: u64, zone: &str) -> Window {
        let duration = Span::from_secs(hours * 3600);
        Window { calendar, start: start.parse().unwrap(), duration, zone: Zone::find(zone).unwrap() }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_that_crosses_midnight_is_open_on_the_next_morning() {
        let nights = window(Calendar::Daily, "22:00", 6, "America/Los_Angeles");
        let opening = nights.open_at(at("2026-03-03T11:30:00Z")).unwrap();
        assert_eq!(opening.opens, at("2026-03-03T06:00:00Z"));
        assert_eq!(opening.closes, at("2026-03-03T12:00:00Z"));
        assert_eq!(nights.open_at(at("2026-03-03T12:00:00Z")), None);
    }

    #[test]
    fn a_clock_change_does_not_shorten_an_opening() {
        // The clocks of Los Angeles go from 02:00 to 03:00 on 8 March 2026.
        let nights = window(Calendar::Daily, "22:00", 6, "America/Los_Angeles");
        let opening = nights.open_at(at("2026-03-08T10:30:00Z")).unwrap();
        assert_eq!(opening.closes.duration_since(opening.opens), SignedDuration::from_hours(6));
    }

    #[test]
    fn a_start_that_a_clock_change_skips_opens_after_the_gap() {
        let window = window(Calendar::Daily, "02:30", 1, "America/Los_Angeles");
        let opening = window.next_opening_after(at("2026-03-08T00:00:00Z")).unwrap();
        assert_eq!(opening.opens, at("2026-03-08T10:30:00Z"));
    }

    #[test]
    fn the_second_and_last_tuesday_of_a_month_are_found() {
        let calendar = Calendar::MonthlyByWeekday(vec![WeekOfMonth::Second, WeekOfMonth::Last], vec![Weekday::Tuesday]);
        let window = window(calendar, "01:00", 4, "Europe/Berlin");
        let opens: Vec<_> = window.openings_after(at("2026-01-01T00:00:00Z")).take(3).map(|one| one.opens.to_string()).collect();
        assert_eq!(opens, ["2026-01-13T00:00:00Z", "2026-01-27T00:00:00Z", "2026-02-10T00:00:00Z"]);
    }

    #[test]
    fn the_31st_is_left_out_of_short_months() {
        let window = window(Calendar::MonthlyByDate(31), "01:00", 4, "UTC");
        let opens: Vec<_> = window.openings_after(at("2026-01-31T12:00:00Z")).take(2).map(|one| one.opens.to_string()).collect();
        assert_eq!(opens, ["2026-03-31T01:00:00Z", "2026-05-31T01:00:00Z"]);
    }

    #[test]
    fn a_window_longer_than_a_day_is_still_open_on_its_third_day() {
        let weekend = window(Calendar::Weekly(vec![Weekday::Friday]), "20:00", 60, "UTC");
        assert!(weekend.open_at(at("2026-01-05T07:59:59Z")).is_some());
        assert!(weekend.open_at(at("2026-01-05T08:00:00Z")).is_none());
        assert_eq!(weekend.calendar.shortest_period(), 7 * 86_400);
    }
}
