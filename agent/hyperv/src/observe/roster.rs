//! Which VMs are ours, which are others', and which marks two of them bear.
//!
//! Guarantees: only the mark decides. A mark that cannot be read is an error: taking it for foreign could build a twin; so could a VM whose
//! settings nobody told, while one of ours is not seen to stand set up.

use std::collections::BTreeMap;

use model::desired::Desired;
use model::mark::UnreadableMark;
use model::names::{InstanceId, RoleName, VmName};
use model::observed::{DuplicateMark, Mark, Remarks};

use crate::guid::Guid;
use crate::observe::vm::{Settings, Untold};

/// One of our VMs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OurVm {
    pub(crate) guid: Guid,
    pub(crate) settings: Settings,
    pub(crate) mark: Mark,
}

/// A VM that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TheirVm {
    pub(crate) guid: Guid,
    pub(crate) name: VmName,
    /// Another owner's mark.
    pub(crate) mark: Option<Mark>,
}

/// A VM whose mark cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) name: VmName,
    pub(crate) why: UnreadableMark,
}

/// All VMs of a host, sorted by owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Roster {
    pub(crate) ours: BTreeMap<(InstanceId, RoleName), Vec<OurVm>>,
    pub(crate) theirs: Vec<TheirVm>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// Those that no settings tell of, where one of ours may be among them.
    pub(crate) untold: Vec<Untold>,
}

impl Roster {
    /// Sorts the VMs of the host of `desired`.
    pub(crate) fn of(desired: &Desired, all: BTreeMap<Guid, Settings>) -> Self {
        let mut roster = Self::default();
        for (guid, settings) in all {
            match Mark::read(&settings.notes) {
                Ok(Some(mark)) if mark.fleet == desired.fleet && mark.appliance == desired.appliance => {
                    let key = (mark.instance.clone(), mark.role.clone());
                    roster.ours.entry(key).or_default().push(OurVm { guid, settings, mark });
                }
                Ok(mark) => roster.theirs.push(TheirVm { guid, name: settings.name, mark }),
                Err(why) => roster.unreadable.push(Unreadable { name: settings.name, why }),
            }
        }
        roster
    }

    /// The same beside VMs that no settings tell of. Who has every VM of the wish, each set up, misses none and makes none, so whose the
    /// others are is no question.
    pub(crate) fn beside(mut self, untold: Vec<Untold>, desired: &Desired) -> Self {
        let is_set_up = |vm: &OurVm| Remarks::read(&vm.settings.notes).set_up;
        if !desired.roles.iter().all(|role| self.find(&desired.instance, &role.role).is_some_and(is_set_up)) {
            self.untold = untold;
        }
        self
    }

    /// Marks that more than one VM bears.
    pub(crate) fn duplicates(&self) -> Vec<DuplicateMark> {
        let several = self.ours.iter().filter(|(_, vms)| vms.len() > 1);
        several
            .map(|((instance, role), vms)| DuplicateMark {
                instance: instance.clone(),
                role: role.clone(),
                vms: vms.iter().map(|vm| vm.settings.name.clone()).collect(),
            })
            .collect()
    }

    /// Our VM of `role` in `instance`; of several with one mark the first by GUID, so that none looks absent.
    pub(crate) fn find(&self, instance: &InstanceId, role: &RoleName) -> Option<&OurVm> {
        self.ours.get(&(instance.clone(), role.clone()))?.first()
    }
}
