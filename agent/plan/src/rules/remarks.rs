//! Our remarks in the notes of VMs: why the appliance takes no calls, and that set-up came to its end.
//!
//! Guarantees: `set up` is written only when every VM of the instance is well; `down` is written while its reason is there and
//! goes last, so that a look after a crash finds what the agent before it knew.

use model::observed::Remarks;

use super::power;
use crate::draft::Draft;
use crate::outage::PLANNED;
use crate::posture::assess;
use crate::step::{Act, Purpose};

const BY_HAND: &str = "by hand: start this VM's services, set them to Automatic";

/// Writes again that a VM was set up, where somebody lost the line: first of all, so that all others see it.
pub(crate) fn restore(draft: &mut Draft<'_>) {
    for role in std::mem::take(&mut draft.lost) {
        draft.write_alone(&draft.desired.instance, &role, Act::RestoreSetUp, Purpose::Repair);
    }
}

/// Writes why calls are kept away.
pub(crate) fn write_down(draft: &mut Draft<'_>) {
    let faults: Vec<String> = draft.sight.faults().iter().map(ToString::to_string).collect();
    let (purpose, why) = match &draft.desired.maintenance {
        _ if draft.sight.closes => (Purpose::Close, faults.join("; ")),
        Some(maintenance) if crate::posture::in_maintenance(draft.desired, draft.given.now) => {
            (Purpose::Drain, format!("maintenance until {}: {}", maintenance.until, maintenance.reason))
        }
        Some(_) | None => (Purpose::Drain, format!("{PLANNED}{}", power::reasons(draft).join("; "))),
    };
    for role in draft.roles() {
        let silent = draft.vm(role).is_some_and(|vm| vm.remarks.set_up && vm.remarks.down.is_none());
        if role.holds && silent {
            let remarks = Remarks { set_up: true, down: Some(format!("{why}; {BY_HAND}")) };
            let act = Act::WriteRemarks { remarks };
            match purpose {
                Purpose::Close => draft.step_behind(role, act, purpose),
                _ => draft.step_in_line(role, act, purpose),
            };
        }
    }
}

/// Writes that all is well, once it is: the last step of a set-up, and of a return.
pub(crate) fn write_well(draft: &mut Draft<'_>) {
    let sight = assess(draft.desired, &draft.world, draft.given);
    if sight.held {
        return;
    }
    let all_well = sight.all_well();
    let may_return = sight.may_return(draft.given, draft.desired, &draft.world);
    for role in draft.roles() {
        let Some(vm) = draft.vm(role) else { continue };
        let remarks = Remarks { set_up: true, down: None };
        if draft.is_building(role) && all_well && vm.remarks != remarks {
            draft.step_in_line(role, Act::WriteRemarks { remarks }, Purpose::SetUp);
        } else if vm.remarks.set_up && vm.remarks.down.is_some() && may_return {
            draft.step_in_line(role, Act::WriteRemarks { remarks }, Purpose::Return);
        }
    }
}
