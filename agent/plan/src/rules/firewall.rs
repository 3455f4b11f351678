//! Watched firewall rules are enabled.
//!
//! Guarantees: a rule that nobody watches is never touched, and none is ever made.

use model::desired::DesiredRole;
use model::names::RuleName;
use model::observed::RuleState;

use super::Round;
use crate::draft::Draft;
use crate::step::{Act, Purpose};

fn disabled<'r>(draft: &Draft<'_>, role: &'r DesiredRole) -> Vec<&'r RuleName> {
    let Some(rules) = draft.guest(role).and_then(|guest| guest.rules.known()) else { return Vec::new() };
    let off = |name: &&RuleName| rules.get(*name) == Some(&RuleState::Disabled);
    role.rules.iter().map(|rule| &rule.name).filter(off).collect()
}

/// Enables rules in guests that are set up; nobody notices.
pub(crate) fn repair(draft: &mut Draft<'_>, round: Round) {
    for role in draft.roles() {
        if !draft.is_set_up(role) {
            continue;
        }
        for rule in disabled(draft, role) {
            if round.takes(draft, &format!("{}/{rule}", role.role)) {
                draft.step(role, Act::EnableRule { rule: rule.clone() }, Purpose::Repair);
            }
        }
    }
}

/// Enables rules in guests that are being built.
pub(crate) fn set_up(draft: &mut Draft<'_>) {
    for role in draft.roles() {
        for rule in disabled(draft, role) {
            if draft.is_building(role) {
                draft.step(role, Act::EnableRule { rule: rule.clone() }, Purpose::SetUp);
            }
        }
    }
}
