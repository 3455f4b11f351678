//! The named windows of the repository.

use std::collections::{BTreeMap, BTreeSet};

use super::Assembler;
use super::report::{Finding, Scope};
use crate::diagnostic::Code;
use crate::manifest::{Every, Fault, Layer, RepositoryManifest, Spanned, WindowSpec};
use crate::names::WindowName;
use crate::window::{Calendar, Window};

/// Windows of one repository; the product keeps as many for a tenant.
const MAX_WINDOWS: usize = 20;

/// The windows by name.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(crate) by_name: BTreeMap<WindowName, Window>,
}

/// Checks the windows and makes them usable.
pub(crate) fn compile(repository: Option<&RepositoryManifest>, findings: &mut Vec<Finding>) -> Windows {
    let mut windows = Windows::default();
    let Some(repository) = repository else { return windows };
    let specs = &repository.spec.windows;
    if let Some((_, last)) = specs.iter().max_by_key(|(_, spec)| spec.origin).filter(|_| specs.len() > MAX_WINDOWS) {
        let message = format!("there are {} windows, at most {MAX_WINDOWS} are allowed", specs.len());
        findings.push(Finding::new(Scope::Everything, Fault::new(Code::TooManyWindows, last.origin, message)));
    }
    for (name, spec) in specs {
        let mut faults = Vec::new();
        let window = window(name, &spec.value, &mut faults);
        faults.extend(window.as_ref().and_then(|window| never_closes(name, spec, window)));
        // A window that cannot be used is known all the same, so that its users are not called wrong too.
        windows.by_name.extend(window.map(|window| (name.clone(), window)));
        findings.extend(faults.into_iter().map(|fault| Finding::new(Scope::Everything, fault)));
    }
    windows
}

fn window(name: &WindowName, spec: &WindowSpec, faults: &mut Vec<Fault>) -> Option<Window> {
    let calendar = calendar(name, spec, faults);
    Some(Window {
        calendar: calendar.unwrap_or(Calendar::Daily),
        start: spec.start.value.0,
        duration: spec.duration.value,
        zone: spec.zone.value.clone(),
    })
}

fn calendar(name: &WindowName, spec: &WindowSpec, faults: &mut Vec<Fault>) -> Option<Calendar> {
    let every = &spec.every;
    let days: Vec<_> = spec.days.iter().map(|day| day.value.0).collect();
    let weeks: Vec<_> = spec.weeks.iter().map(|week| week.value).collect();
    for (index, day) in spec.days.iter().enumerate() {
        if spec.days[..index].iter().any(|other| other.value == day.value) {
            faults.push(Fault::new(Code::DuplicateItem, day.origin, "the list holds this day already").hint("remove one of the two"));
        }
    }
    let mut useless = |origin: Option<crate::manifest::Origin>, key: &str, with: &str| {
        if let Some(origin) = origin {
            let fault = Fault::new(Code::UnknownKey, origin, format!("`{key}` means nothing for the window `{name}`"));
            faults.push(fault.hint(format!("remove it, or write `{with}`")));
        }
    };
    let first_day = spec.days.first().map(|day| day.origin);
    let first_week = spec.weeks.first().map(|week| week.origin);
    let date = spec.date.as_ref();
    match every.value {
        Every::Day => {
            useless(first_day, "days", "every: week");
            useless(first_week, "weeks", "every: month");
            useless(date.map(|date| date.origin), "date", "every: month");
            Some(Calendar::Daily)
        }
        Every::Week => {
            useless(first_week, "weeks", "every: month");
            useless(date.map(|date| date.origin), "date", "every: month");
            if days.is_empty() {
                faults.push(needs(every, "days", "`days: [saturday]`"));
                return None;
            }
            Some(Calendar::Weekly(days))
        }
        Every::Month => match date {
            Some(date) => {
                useless(first_day, "days", "weeks");
                useless(first_week, "weeks", "days");
                let day = i8::try_from(date.value.get()).ok()?;
                if day > 28 {
                    let message = format!("not every month has a day {day}; `{name}` does not open in the others");
                    faults.push(Fault::new(Code::DayNotInEveryMonth, date.origin, message).hint("use a day up to 28, or `weeks: [last]`"));
                }
                Some(Calendar::MonthlyByDate(day))
            }
            None if days.is_empty() || weeks.is_empty() => {
                faults.push(needs(every, if days.is_empty() { "days" } else { "weeks" }, "`date`, or `weeks` and `days`"));
                None
            }
            None => Some(Calendar::MonthlyByWeekday(weeks, days)),
        },
    }
}

fn needs(every: &Spanned<Every>, key: &str, expected: &'static str) -> Fault {
    Fault::new(Code::MissingKey, every.origin, format!("the key `{key}` is missing or empty")).expected(expected)
}

fn never_closes(name: &WindowName, spec: &Spanned<WindowSpec>, window: &Window) -> Option<Fault> {
    let duration = &spec.value.duration;
    if window.duration.secs() == 0 {
        return Some(Fault::new(Code::OutOfRange, duration.origin, "the window is never open").expected("at least 1s"));
    }
    if window.duration.secs() < window.calendar.shortest_period() {
        return None;
    }
    let message = format!("`{name}` is open for {} and opens again before that", window.duration);
    Some(Fault::new(Code::WindowNeverCloses, duration.origin, message).hint("shorten it, or leave the windows out: none means any time"))
}

/// Warns of windows that nobody uses.
pub(crate) fn unused(assembler: &Assembler, findings: &mut Vec<Finding>) {
    let shelf = &assembler.shelf;
    let mut used: BTreeSet<&WindowName> = BTreeSet::new();
    for site in shelf.sites().filter_map(|(_, site)| site) {
        let outage = site.spec.availability.as_ref().and_then(|availability| availability.value.planned_outage.as_ref());
        used.extend(outage.iter().flat_map(|outage| &outage.value.r#in.value).map(|name| &name.value));
        used.extend(of_layer(&site.spec.layer));
    }
    shelf.defaults().for_each(|defaults| used.extend(of_layer(&defaults.spec.layer)));
    used.extend(assembler.outcomes.values().filter_map(|outcome| outcome.desired.as_ref()).flat_map(|desired| desired.windows.keys()));
    let windows = shelf.repository().into_iter().flat_map(|repository| &repository.spec.windows);
    for (name, window) in windows.filter(|(name, _)| !used.contains(name)) {
        let fault = Fault::new(Code::UnusedWindow, window.origin, format!("nobody uses the window `{name}`"));
        findings.push(Finding::new(Scope::Nobody, fault));
    }
}

fn of_layer(layer: &Layer) -> impl Iterator<Item = &WindowName> {
    layer.windows.iter().flat_map(|windows| &windows.value).map(|name| &name.value)
}
