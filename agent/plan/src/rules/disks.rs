//! The VM's own differencing disk, layered on the role image.
//!
//! Guarantees: a disk that exists is never made again. Deliberately absent: removal (that is `removal`'s).

use model::desired::DesiredRole;
use model::seen::Seen;

use crate::draft::Draft;
use crate::step::{Act, Purpose};

/// Makes the disk of a role that is being built.
pub(crate) fn create(draft: &mut Draft<'_>, role: &DesiredRole) {
    let absent = matches!(draft.world.host.files.get(&role.disk), Some(Seen::Absent));
    if draft.is_building(role) && absent {
        draft.step(role, Act::CreateDisk { path: role.disk.clone(), parent: role.image.path.clone() }, Purpose::SetUp);
    }
}

/// Attaches it.
pub(crate) fn attach(draft: &mut Draft<'_>, role: &DesiredRole) {
    let attached = draft.vm(role).and_then(|vm| vm.disks.known()).is_some_and(|disks| disks.contains(&role.disk));
    if draft.is_building(role) && !attached {
        if super::bonds::binds(draft, role) {
            return super::bonds::stall(draft, role, "given its disk");
        }
        draft.step(role, Act::AttachDisk { path: role.disk.clone() }, Purpose::SetUp);
    }
}
