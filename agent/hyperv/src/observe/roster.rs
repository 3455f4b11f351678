//! Which VMs are ours, which are others', and which marks two of them bear.
//!
//! Guarantees: only the mark decides. A mark that cannot be read is an error: taking it for foreign could build a twin.

use std::collections::BTreeMap;

use model::desired::Desired;
use model::mark::UnreadableMark;
use model::names::{InstanceId, RoleName, VmName};
use model::observed::{DuplicateMark, Mark};

use crate::guid::Guid;
use crate::observe::vm::Settings;

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
