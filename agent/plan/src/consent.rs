//! What of a plan a person must consent to in git, and whether somebody has.
//!
//! Guarantees: a consent holds for exactly the steps that were shown: their digest names them, and nothing else in the plan or in
//! the sight moves it. A consent that was given goes on holding for what is left of those steps, as long as it stands in git.
//! Deliberately absent: what needs consent (that is the rules').

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::manifest::Approved;
use model::names::ApplianceName;
use model::validate::Approval;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::given::Given;
use crate::report::{Wait, WaitingOn};
use crate::step::{Act, Step, StepId};

/// What of a plan destroys what has served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// SHA-256 of it, 64 hexadecimal digits: what an Approval names as `plan`.
    pub digest: String,
    /// The steps that destroy.
    pub steps: BTreeSet<StepId>,
    /// The digest of the Approval that allows it, which is another one when some of its steps are done.
    pub given_by: Option<String>,
}

/// One thing that must be consented to, and the steps that it keeps back.
#[derive(Debug)]
pub(crate) struct Request {
    pub what: String,
    pub blocks: Vec<StepId>,
}

/// Judges the requests of a plan; the second part is what is waited for.
pub(crate) fn judge(appliance: &ApplianceName, requests: Vec<Request>, steps: &[Step], given: &Given) -> (Option<Consent>, Vec<Wait>) {
    if requests.is_empty() {
        return (None, Vec::new());
    }
    let asked: BTreeSet<&StepId> = requests.iter().flat_map(|request| &request.blocks).collect();
    // Whether a VM still runs is no part of what is consented to: it may go off before anybody reads the plan.
    let destroys = |step: &&Step| matches!(step.act, Act::RemoveVm { .. } | Act::RemoveDisk { .. });
    let destroying: Vec<&Step> = steps.iter().filter(|step| asked.contains(&step.id)).filter(destroys).collect();
    let digest = digest(appliance, &destroying);
    let steps: BTreeSet<StepId> = destroying.iter().map(|step| step.id.clone()).collect();
    let covers = |approval: &&Approval| {
        let shown = || given.memory.consents.get(&approval.plan).is_some_and(|shown| steps.is_subset(shown));
        approval.plan == digest || shown()
    };
    let mine: Vec<&Approval> = given.approvals.iter().filter(|approval| approval.appliance == *appliance).collect();
    let valid = |approval: &&&Approval| approval.allow == Approved::Destroy && approval.expires > given.now;
    let given_by = mine.iter().filter(valid).copied().find(covers).map(|approval| approval.plan.clone());
    let waits = match &given_by {
        Some(_) => Vec::new(),
        None => {
            let unfit: Vec<String> = mine.iter().map(|approval| unfit(approval, covers(approval), given.now)).collect();
            let wait = |request: Request| Wait {
                on: WaitingOn::Approval { what: request.what, plan: digest.clone(), unfit: unfit.clone() },
                blocks: request.blocks,
            };
            requests.into_iter().map(wait).collect()
        }
    };
    (Some(Consent { digest, steps, given_by }), waits)
}

/// Why an Approval does not do.
fn unfit(approval: &Approval, covers: bool, now: Timestamp) -> String {
    let name = &approval.name;
    match (covers, approval.allow) {
        (false, _) => format!("`{name}` is of another plan"),
        (true, Approved::Interrupt) => format!("`{name}` allows to interrupt only"),
        (true, Approved::Destroy) if approval.expires <= now => format!("`{name}` expired at {:.0}", approval.expires),
        (true, Approved::Destroy) => format!("`{name}` does not do"),
    }
}

fn digest(appliance: &ApplianceName, steps: &[&Step]) -> String {
    let mut hash = Sha256::new();
    // Every part with its length, so that no two lists read alike.
    let mut add = |part: &[u8]| {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    };
    add(b"trunkline.dev/consent.v1");
    add(appliance.as_str().as_bytes());
    for step in steps {
        // Ids name instance, role, act and file; the act is added for what they leave out.
        add(step.id.as_str().as_bytes());
        // Acts are plain data, so this cannot fail.
        add(&serde_json::to_vec(&step.act).unwrap_or_default());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
