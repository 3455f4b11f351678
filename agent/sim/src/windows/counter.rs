//! Calls that a system carries, and the performance counters that tell how many.
//!
//! Guarantees: calls run off while their service is paused (new ones are refused, those that run go on), are cut when it stops, and
//! come back when it runs. Deliberately absent: every other performance counter.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, Namespace};

use crate::machine::Object;
use crate::windows::Windows;
use crate::windows::service::Run;

/// Calls, as a world file writes them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallsSpec {
    /// The service that carries them.
    pub service: String,
    /// How many run at once while it takes calls.
    #[serde(default)]
    pub active: u32,
    /// How long each takes to end once no new ones come.
    #[serde(default = "CallsSpec::each")]
    #[schemars(with = "String")]
    pub each: SignedDuration,
    /// The counters that tell them; the first has them all, the others none.
    pub counters: Vec<CounterSpec>,
}

impl CallsSpec {
    fn each() -> SignedDuration {
        SignedDuration::from_secs(60)
    }
}

/// A performance counter.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CounterSpec {
    /// The class, `Win32_PerfFormattedData_…`.
    pub class: String,
    /// The instance.
    #[serde(default = "CounterSpec::instance")]
    pub instance: String,
    /// The property.
    pub property: String,
}

impl CounterSpec {
    fn instance() -> String {
        "_Total".to_owned()
    }
}

/// Calls as they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Calls {
    spec: CallsSpec,
}

impl Calls {
    pub(crate) fn new(spec: &CallsSpec) -> Self {
        Self { spec: spec.clone() }
    }
}

impl Windows {
    /// Calls that run at `now`.
    fn calls(&self, calls: &Calls, now: Timestamp) -> u32 {
        let Some(service) = self.service(&calls.spec.service).and_then(|at| self.services.get(at)) else { return 0 };
        match (service.run, service.paused_at) {
            (Run::Running, _) => calls.spec.active,
            (Run::Paused, Some(since)) => {
                let each = calls.spec.each.as_millis().max(1);
                let ended = now.duration_since(since).as_millis().max(0) / each;
                calls.spec.active.saturating_sub(u32::try_from(ended).unwrap_or(u32::MAX))
            }
            (Run::Paused | Run::Stopped | Run::StartPending | Run::StopPending, _) => 0,
        }
    }

    /// The name of the counter class `class`, in its own case.
    pub(crate) fn counter_class(&self, class: &str) -> Option<&str> {
        let counters = &self.setup.calls.as_ref()?.spec.counters;
        counters.iter().map(|counter| counter.class.as_str()).find(|name| name.eq_ignore_ascii_case(class))
    }

    pub(crate) fn counter_objects(&self, class: &str, now: Timestamp) -> Vec<Object> {
        let Some(calls) = &self.setup.calls else { return Vec::new() };
        let of_class = calls.spec.counters.iter().enumerate().filter(|(_, counter)| counter.class.eq_ignore_ascii_case(class));
        let count = |index: usize| if index == 0 { self.calls(calls, now) } else { 0 };
        let view = |(index, counter): (usize, &CounterSpec)| {
            let view = CimInstance::new(counter.class.as_str()).with("Name", counter.instance.as_str());
            Object::keyed(&Namespace::CIMV2, view.with(&counter.property, count(index)), &["Name"])
        };
        of_class.map(view).collect()
    }
}
