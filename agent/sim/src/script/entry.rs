//! One entry of a script, as it is written.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Seen;
use crate::world::{Fault, MachineId};

/// The operation of a step of a handshake, which is none of WS-Management.
pub(crate) const AUTHENTICATE: &str = "Authenticate";

/// One thing that shall go wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Entry {
    /// When: `30s` after the start, or an instant (`2026-03-01T02:00:00Z`). With `on`: from when on requests count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub at: Option<Moment>,
    /// Which request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Request>,
    /// What happens.
    #[serde(rename = "do")]
    pub act: Act,
}

/// Which requests an entry waits for; what is left out matches any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Request {
    /// A host's name in the world file, a guest's computer name, or a VM's GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// `Identify`, `Enumerate`, `Pull`, `Release`, `Get`, `Put`, `Create`, `Delete`, `Invoke` …; or `Authenticate`, a step of a Negotiate
    /// handshake, which is matched only where it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// A class, such as `Win32_Service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// A method, such as `DefineSystem`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The first matching request that the entry acts on, counted from 1.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many it acts on from there; left out in YAML as `times: null` for all of them.
    #[serde(default = "once")]
    pub times: Option<u32>,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Act {
    /// The request is carried out, the answer held back this long (`5s`).
    Slow(#[schemars(with = "String")] SignedDuration),
    /// The connection ends before the request is carried out.
    Drop,
    /// The connection ends after so many bytes of the request, head included, have come. Counts every request to the machine, steps of
    /// handshakes too, since none has been read yet; `on` can name no more than the machine.
    CutRequest(u32),
    /// The request is carried out, the connection ends before the answer.
    CutBeforeAnswer,
    /// The request is carried out, the connection ends after so many bytes of the answer, head included.
    CutAfter(u32),
    /// The request is not carried out, and answered with the fault of this code (`2150858793`).
    Fault(u32),
    /// The request is not carried out, and answered with this HTTP status and no body.
    Status(u16),
    /// Something happens to the world.
    World(Fault),
}

/// A point in time of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Moment {
    /// So long after the start.
    After(SignedDuration),
    /// At this instant.
    At(Timestamp),
}

impl Moment {
    /// The instant, in a simulation that began at `start`.
    #[must_use]
    pub fn after(self, start: Timestamp) -> Timestamp {
        match self {
            Self::After(length) => start.saturating_add(length).unwrap_or(Timestamp::MAX),
            Self::At(instant) => instant,
        }
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if let Ok(instant) = text.parse() {
            return Ok(Self::At(instant));
        }
        text.parse()
            .map(Self::After)
            .map_err(|_| format!("`{text}` is neither an instant (2026-03-01T02:00:00Z) nor a length of time (30s)"))
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        match moment {
            Moment::After(length) => format!("{length:#}"),
            Moment::At(instant) => instant.to_string(),
        }
    }
}

impl Entry {
    /// What is wrong with it, when it can never act or says too little.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match (&self.at, &self.on, &self.act) {
            (None, None, _) => Err("says neither `at` nor `on`"),
            (Some(_), None, act) if !matches!(act, Act::World(_)) => Err("acts on the wire and needs `on`"),
            (_, Some(Request { nth: 0, .. }), _) => Err("counts requests from 0; the first is 1"),
            (_, Some(Request { times: Some(0), .. }), _) => Err("acts 0 times"),
            (_, Some(on), Act::CutRequest(_)) if on.operation.is_some() || on.class.is_some() || on.method.is_some() => {
                Err("cuts requests before they are read, and can name no more than their machine")
            }
            (_, _, Act::Slow(delay)) if delay.is_negative() => Err("is slow by less than nothing"),
            (_, _, Act::Status(status)) if !(400..600).contains(status) => Err("has a status outside 400 to 599"),
            _ => Ok(()),
        }
    }
}

impl Request {
    /// Any request.
    #[must_use]
    pub fn any() -> Self {
        Self { machine: None, operation: None, class: None, method: None, nth: 1, times: Some(1) }
    }

    pub(super) fn matches(&self, seen: &Seen<'_>) -> bool {
        let named = seen.operation != AUTHENTICATE || self.operation.is_some();
        self.leads_to(seen.machine, seen.computer)
            && named
            && fits(self.operation.as_ref(), seen.operation)
            && fits(self.class.as_ref(), seen.class)
            && fits(self.method.as_ref(), seen.method)
    }

    /// Whether it is about this machine.
    pub(super) fn leads_to(&self, machine: &MachineId, computer: &str) -> bool {
        let own = match machine {
            MachineId::Host(host) => host.as_str(),
            MachineId::Guest { vm, .. } => vm,
        };
        fits(self.machine.as_ref(), own) || fits(self.machine.as_ref(), computer)
    }
}

fn fits(wanted: Option<&String>, found: &str) -> bool {
    wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
}

fn one() -> u32 {
    1
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn once() -> Option<u32> {
    Some(1)
}
