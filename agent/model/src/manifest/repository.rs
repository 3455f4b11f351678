//! `Repository`: the root document of a fleet.

use std::collections::BTreeMap;

use super::decode::Spanned;
use super::document::Document;
use super::record::{choice, record};
use super::scalar::{Bounded, Clock, DayName, Label, Sentence, Url, Version, WeekName};
use crate::names::WindowName;
use crate::units::Span;
use crate::window::Zone;

/// A `Repository` document; its `metadata.name` is the fleet's name, which stands in the mark of every VM.
pub type RepositoryManifest = Document<RepositorySpec>;

record! {
    /// What holds for the whole fleet.
    pub struct RepositorySpec {
        /// The oldest agent that may act on this repository; an older one refuses it.
        minimum_agent "minimumAgent": Option<Spanned<Version>>,
        /// How far a faulty document reaches: its site (default), or the whole repository.
        atomicity "atomicity": Option<Spanned<Atomicity>>,
        /// Stretches of time by name, used by Sites, Appliances and Defaults. At most 20.
        windows "windows": BTreeMap<WindowName, Spanned<WindowSpec>>,
        /// Who is told, and of what.
        notifications "notifications": Vec<Notification>,
        /// How much may change at once.
        budgets "budgets": Option<Budgets>,
    }
}

choice! {
    /// How far a faulty document reaches.
    pub enum Atomicity {
        /// The sites that it touches keep their last good state; the others go on.
        Site = "site",
        /// Every appliance keeps its last good state.
        Repository = "repository",
    }
}

choice! {
    /// How often a window opens.
    pub enum Every {
        /// Every day.
        Day = "day",
        /// On the `days` of every week.
        Week = "week",
        /// On the `date` of every month, or on the `days` of the `weeks` of every month.
        Month = "month",
    }
}

record! {
    /// A stretch of time in which planned work may disrupt serving.
    pub struct WindowSpec {
        /// How often it opens.
        every "every": Spanned<Every>,
        /// Days of the week (`every: week`, or `every: month` together with `weeks`).
        days "days": Vec<Spanned<DayName>>,
        /// Weeks of the month (`every: month`).
        weeks "weeks": Vec<Spanned<WeekName>>,
        /// Day of the month (`every: month`); months without it are left out.
        date "date": Option<Spanned<Bounded<1, 31>>>,
        /// The time of day at which it opens, in quotes.
        start "start": Spanned<Clock>,
        /// How long it stays open; may cross midnight.
        duration "duration": Spanned<Span>,
        /// The zone of `start`, an IANA name.
        zone "zone": Spanned<Zone>,
    }
}

record! {
    /// Who is told, and of what.
    pub struct Notification {
        /// A name for it.
        name "name": Spanned<Label>,
        /// Where a JSON event is posted.
        url "url": Spanned<Url>,
        /// The name of the credential whose token goes along.
        credential "credential": Option<Spanned<crate::names::CredentialName>>,
        /// Only events of these sites; left out: all.
        sites "sites": Vec<Spanned<crate::names::SiteName>>,
        /// Why, for people.
        note "note": Option<Spanned<Sentence>>,
    }
}

record! {
    /// How much may change at once. What exceeds it waits for an Approval.
    pub struct Budgets {
        /// Appliances that one commit may change in a way that disrupts them.
        appliances_per_commit "appliancesPerCommit": Option<Spanned<Bounded<1, 10_000>>>,
        /// Appliances that may be disrupted on one day.
        appliances_per_day "appliancesPerDay": Option<Spanned<Bounded<1, 10_000>>>,
    }
}
