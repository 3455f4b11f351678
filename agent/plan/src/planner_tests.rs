use model::desired::{Desired, Maintenance, Mode, OnExpiry, StartMode};
use model::observed::{DuplicateMark, Observed, PowerState, RuleState, ServiceState, UnfinishedJob};
use model::seen::{Cause, Seen};
use model::units::{DiskSize, MemorySize};

use crate::fixtures::*;
use crate::given::Given;
use crate::plan;
use crate::render::text::text;

fn shown(desired: &Desired, observed: &Observed, given: &Given) -> String {
    let (plan, report) = plan(desired, observed, given);
    text(&plan, &report, None).to_string()
}

#[test]
fn x() {
    let d = branch_bundle();
    println!("{}", shown(&d, &bare(&d), &given()));
    println!("{}", shown(&d, &converged(&d), &given()));
    let d = cloud_connector();
    println!("{}", shown(&d, &bare(&d), &given_with_peer()));
    println!("{}", shown(&d, &converged(&d), &given_with_peer()));
    let o = converged(&d);
    let mut d2 = d.clone();
    d2.roles[2].processors = Some(4);
    println!("{}", shown(&d2, &o, &given_with_peer()));
}
