//! Golden plans, the gate's verdicts and the properties of law 1.
//!
//! Guarantees: what a person would read is asserted as a person would read it. Deliberately absent: any host.

mod bonds;
mod change;
mod decision;
mod document;
mod drain;
mod gate;
mod hardware;
mod install;
mod last_hope;
mod memory;
mod promise;
mod properties;
mod rebuild;
mod refuse;
mod removal;
mod repair;
mod standing;

use model::desired::Desired;
use model::observed::Observed;

use crate::given::Given;
use crate::plan;
use crate::render::text::text;

/// The plan as a person reads it.
fn shown(desired: &Desired, observed: &Observed, given: &Given) -> String {
    let (plan, report) = plan(desired, observed, given);
    text(&plan, &report, None).to_string()
}

/// The plan with the gate's verdict, as a person reads it.
fn gated(desired: &Desired, observed: &Observed, given: &Given) -> String {
    let (plan, report) = plan(desired, observed, given);
    let gated = crate::gate::gate(&plan, &report, desired, given);
    text(&plan, &report, Some(&gated)).to_string()
}
