//! Clock and time zone: `Win32_TimeZone`, `Win32_UTCTime`, and the offset that `Win32_OperatingSystem` tells.
//!
//! Deliberately absent: the days on which daylight saving begins and ends; the world file says whether it is in force.

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, CimValue, Namespace};

use crate::machine::Object;

/// A system's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ClockSpec {
    /// How far it is ahead of the world's time; negative when it is behind.
    #[schemars(with = "String")]
    pub ahead: SignedDuration,
    /// Windows's name of the time zone, `Pacific Standard Time`.
    pub zone: String,
    /// Standard time less UTC, minutes.
    pub bias: i32,
    /// Whether daylight saving time is in force, an hour ahead of standard time.
    pub daylight: bool,
}

impl Default for ClockSpec {
    fn default() -> Self {
        Self { ahead: SignedDuration::ZERO, zone: "Coordinated Universal Time".to_owned(), bias: 0, daylight: false }
    }
}

impl ClockSpec {
    /// What the clock shows at `now`.
    pub(crate) fn at(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.ahead).unwrap_or(now)
    }

    /// Local time less UTC at this moment, minutes.
    pub(crate) fn offset(&self) -> i64 {
        i64::from(self.bias) + if self.daylight { 60 } else { 0 }
    }

    pub(crate) fn zone_object(&self) -> Object {
        let view = CimInstance::new("Win32_TimeZone")
            .with("StandardName", self.zone.as_str())
            .with("DaylightName", self.zone.replace("Standard", "Daylight"))
            .with("Caption", format!("(UTC{:+03}:{:02}) {}", self.bias / 60, self.bias % 60, self.zone))
            .with("Bias", CimValue::Signed(self.bias.into()))
            .with("DaylightBias", CimValue::Signed(-60))
            .with("StandardBias", 0u32);
        Object::keyed(&Namespace::CIMV2, view, &["StandardName"])
    }

    pub(crate) fn utc_object(&self, now: Timestamp) -> Object {
        let when = self.at(now).to_zoned(TimeZone::fixed(Offset::UTC)).datetime();
        let number = |n: i16| u32::try_from(n).unwrap_or_default();
        let view = CimInstance::new("Win32_UTCTime")
            .with("Year", number(when.year()))
            .with("Month", number(when.month().into()))
            .with("Day", number(when.day().into()))
            .with("Hour", number(when.hour().into()))
            .with("Minute", number(when.minute().into()))
            .with("Second", number(when.second().into()))
            .with("Quarter", number((when.month() as i16 - 1) / 3 + 1))
            .with("DayOfWeek", number(when.weekday().to_sunday_zero_offset().into()))
            .with("WeekInMonth", number((when.day() as i16 - 1) / 7 + 1));
        Object::keyed(&Namespace::CIMV2, view, &[])
    }
}
