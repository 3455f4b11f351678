//! What of a plan a person must consent to in git, and whether somebody has.
//!
//! Guarantees: a consent holds for exactly the steps that were shown: their digest names them, and nothing else in the plan or in
//! the sight moves it. A consent that was given goes on holding for what is left of those steps, as long as it stands in git.
//! To interrupt is less than to destroy, and neither stands for the other. Deliberately absent: what needs consent (that is the rules', and
//! the gate's where the promise to the site would be broken).

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use model::manifest::Approved;
use model::names::ApplianceName;
use model::validate::Approval;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::given::Given;
use crate::report::{Wait, WaitingOn};
use crate::step::{Act, Step, StepId};

/// What of a plan destroys what has served, or ends serving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// SHA-256 of it, 64 hexadecimal digits: what an Approval names as `plan`.
    pub digest: String,
    /// The steps that do.
    pub steps: BTreeSet<StepId>,
    /// The digest of the Approval that allows it, which is another one when some of its steps are done.
    pub given_by: Option<String>,
}

/// What would let work go although the promise to the site is broken by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// The digest that an Approval (`allow: interrupt`) must name.
    pub plan: String,
    /// Why those do not do that are there.
    pub unfit: Vec<String>,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it goes all the same with an Approval (`allow: interrupt`) of plan {}", self.plan)?;
        self.unfit.iter().try_for_each(|unfit| write!(f, "; {unfit}"))
    }
}

/// What of a plan ends serving, and whether somebody has consented to that whatever was promised. Nobody is asked where nothing does.
pub(crate) fn interruption(appliance: &ApplianceName, steps: &[&Step], given: &Given) -> Option<Consent> {
    if steps.is_empty() {
        return None;
    }
    let digest = digest(INTERRUPTION, appliance, steps);
    let fits = |approval: &&Approval| approval.allow == Approved::Interrupt && approval.plan == digest && approval.expires > given.now;
    let given_by = given.approvals.iter().filter(|one| one.appliance == *appliance).find(fits).map(|approval| approval.plan.clone());
    Some(Consent { digest, steps: steps.iter().map(|step| step.id.clone()).collect(), given_by })
}

/// What would let an interruption go.
pub(crate) fn remedy(interruption: &Consent, appliance: &ApplianceName, given: &Given) -> Remedy {
    let mine = given.approvals.iter().filter(|approval| approval.appliance == *appliance);
    let covers = |approval: &Approval| approval.plan == interruption.digest;
    let about = mine.filter(|approval| approval.allow == Approved::Interrupt || covers(approval));
    let unfit = about.map(|approval| unfit(approval, (covers(approval), Approved::Interrupt), given.now)).collect();
    Remedy { plan: interruption.digest.clone(), unfit }
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
    let digest = digest(DESTRUCTION, appliance, &destroying);
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
            let unfit: Vec<String> =
                mine.iter().map(|approval| unfit(approval, (covers(approval), Approved::Destroy), given.now)).collect();
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
fn unfit(approval: &Approval, (covers, needed): (bool, Approved), now: Timestamp) -> String {
    let name = &approval.name;
    match (covers, approval.allow) {
        (false, _) => format!("`{name}` is of another plan"),
        (true, allowed) if allowed == needed && approval.expires <= now => format!("`{name}` expired at {:.0}", approval.expires),
        (true, allowed) if allowed == needed => format!("`{name}` does not do"),
        (true, Approved::Interrupt) => format!("`{name}` allows to interrupt only"),
        (true, Approved::Destroy) => format!("`{name}` allows to destroy only"),
    }
}

/// What a digest is of, so that a consent to one thing is never one to another.
const DESTRUCTION: &[u8] = b"trunkline.dev/consent.v1";
const INTERRUPTION: &[u8] = b"trunkline.dev/interruption.v1";

fn digest(what: &[u8], appliance: &ApplianceName, steps: &[&Step]) -> String {
    let mut hash = Sha256::new();
    // Every part with its length, so that no two lists read alike.
    let mut add = |part: &[u8]| {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    };
    add(what);
    add(appliance.as_str().as_bytes());
    for step in steps {
        // Ids name instance, role, act and file; the act is added for what they leave out.
        add(step.id.as_str().as_bytes());
        // Acts are plain data, so this cannot fail.
        add(&serde_json::to_vec(&step.act).unwrap_or_default());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
