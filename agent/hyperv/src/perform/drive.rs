//! Attaching a disk: a controller, a drive in it, the disk in the drive, each made where it is missing.
//!
//! Guarantees: what an earlier attempt made is used, so that nothing is made twice; each of the three is seen before the next.

use std::collections::BTreeSet;

use model::names::HostPath;
use wsman::cim::CimInstance;

use crate::classes;
use crate::failure::Failure;
use crate::guid::Guid;
use crate::observe::roster::{OurVm, Roster};
use crate::perform::Check;
use crate::perform::call::Call;
use crate::perform::cx::Cx;
use crate::perform::target;
use crate::row::{Malformed, Row};
use crate::wql::Query;

/// Drives that a SCSI controller takes.
const SLOTS: u64 = 64;

/// Whether the disk is attached to our VM, and to no other.
pub(crate) async fn is_attached(cx: &Cx<'_>, path: &HostPath) -> Result<Check, Failure> {
    let (roster, disks) = cx.holders().await?;
    let vm = cx.vm_in(&roster)?;
    let holders: Vec<&Guid> = disks.iter().filter(|(_, disks)| disks.contains(path)).map(|(holder, _)| holder).collect();
    if holders.contains(&&vm.guid) {
        return Ok(Check::Done);
    }
    match holders.first() {
        None => Ok(Check::Open),
        Some(holder) => {
            // One without a name is a VM all the same: planned, or of a mark that cannot be read.
            let other = name(&roster, holder).map_or_else(|| holder.to_string(), |name| name.to_string());
            Err(Failure::InTheWay { object: format!("disk `{path}`"), why: format!("`{other}` uses it") })
        }
    }
}

/// The name of the VM `guid`; `None` when no VM has it.
pub(crate) fn name(roster: &Roster, guid: &Guid) -> Option<model::names::VmName> {
    let ours = roster.ours.values().flatten().map(|vm| (&vm.guid, &vm.settings.name));
    let theirs = roster.theirs.iter().map(|vm| (&vm.guid, &vm.name));
    ours.chain(theirs).find(|(one, _)| *one == guid).map(|(_, name)| name.clone())
}

/// Attaches the disk.
pub(crate) async fn attach(cx: &Cx<'_>, path: &HostPath) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let missing = |what: &str| Failure::Missing(format!("the {what} that was added to `{}`", vm.settings.name));
    let mut tree = Tree::of(cx, &vm).await?;
    if tree.controller().is_none() {
        add(cx, &vm, target::new(classes::RESOURCE, classes::SCSI_CONTROLLER)).await?;
        tree = Tree::of(cx, &vm).await?;
    }
    let controller = tree.controller().ok_or_else(|| missing("controller"))?.to_owned();
    if tree.empty_drive(&controller).is_none() {
        let slot = tree.free_slot(&controller).ok_or_else(|| missing("free place on the controller"))?;
        let drive = target::new(classes::RESOURCE, classes::DISK_DRIVE)
            .with("Parent", on_host(cx, &controller).await?)
            .with("AddressOnParent", slot.to_string());
        add(cx, &vm, drive).await?;
        tree = Tree::of(cx, &vm).await?;
    }
    let drive = tree.empty_drive(&controller).ok_or_else(|| missing("drive"))?.to_owned();
    // The path of the file must be an array: a scalar is refused as a wrong type.
    let disk = target::new(classes::STORAGE, classes::HARD_DISK)
        .with("Parent", on_host(cx, &drive).await?)
        .with("HostResource", vec![path.as_str()]);
    add(cx, &vm, disk).await
}

async fn on_host(cx: &Cx<'_>, id: &str) -> Result<String, Failure> {
    Ok(target::settings(classes::RESOURCE, id).on_host(cx.host.name().await?))
}

/// Adds settings to a VM.
pub(crate) async fn add(cx: &Cx<'_>, vm: &OurVm, settings: CimInstance) -> Result<(), Failure> {
    let call = Call::vms("AddResourceSettings", vm.settings.name.as_str())
        .with("AffectedConfiguration", target::settings(classes::SYSTEM_SETTINGS, &vm.settings.id))
        .with("ResourceSettings", vec![settings]);
    call.run(cx.host).await.map(drop)
}

/// Controllers and drives of a VM, and which drives hold something.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tree {
    nodes: Vec<Node>,
    /// `InstanceID`s of drives that hold a disk, upper case.
    full: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Node {
    id: String,
    kind: u64,
    parent: Option<String>,
    slot: Option<u64>,
}

impl Tree {
    async fn of(cx: &Cx<'_>, vm: &OurVm) -> Result<Self, Failure> {
        let (resources, disks) = (Query::hyperv(classes::RESOURCE).of(&vm.guid), Query::hyperv(classes::STORAGE).of(&vm.guid));
        let (resources, disks) = tokio::join!(cx.select(&resources), cx.select(&disks));
        cx.read(classes::RESOURCE, Self::read(&resources?, &disks?))
    }

    fn read(resources: &[CimInstance], disks: &[CimInstance]) -> Result<Self, Malformed> {
        let mut tree = Self::default();
        for row in resources {
            let slot = row.text("AddressOnParent")?.and_then(|slot| slot.trim().parse().ok());
            tree.nodes.push(Node { id: row.need("InstanceID")?.to_owned(), kind: row.number("ResourceType")?, parent: parent(row), slot });
        }
        tree.full = disks.iter().filter_map(parent).map(|id| id.to_ascii_uppercase()).collect();
        Ok(tree)
    }

    fn controller(&self) -> Option<&str> {
        self.of_kind(classes::SCSI_CONTROLLER.kind).map(|node| node.id.as_str()).min()
    }

    fn empty_drive(&self, controller: &str) -> Option<&str> {
        let drives = self.of_kind(classes::DISK_DRIVE.kind).filter(|node| node.is_in(controller));
        drives.map(|node| node.id.as_str()).filter(|id| !self.full.contains(&id.to_ascii_uppercase())).min()
    }

    fn free_slot(&self, controller: &str) -> Option<u64> {
        let taken: BTreeSet<u64> = self.nodes.iter().filter(|node| node.is_in(controller)).filter_map(|node| node.slot).collect();
        (0..SLOTS).find(|slot| !taken.contains(slot))
    }

    fn of_kind(&self, kind: u16) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.kind == u64::from(kind))
    }
}

impl Node {
    fn is_in(&self, controller: &str) -> bool {
        self.parent.as_ref().is_some_and(|parent| parent.eq_ignore_ascii_case(controller))
    }
}

fn parent(row: &CimInstance) -> Option<String> {
    row.path("Parent")?.key("InstanceID").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: &str = "Microsoft:2B0E83F8-1111-2222-3333-444455556666";

    fn node(id: &str, kind: u16) -> CimInstance {
        CimInstance::new(classes::RESOURCE).with("InstanceID", format!("{VM}\\{id}")).with("ResourceType", kind)
    }

    fn below(row: CimInstance, id: &str) -> CimInstance {
        row.with("Parent", target::settings(classes::RESOURCE, &format!("{VM}\\{id}")).on_host("hv01"))
    }

    #[test]
    fn a_drive_that_an_earlier_attempt_left_empty_is_used() {
        let resources = [
            node("C\\0", 6),
            below(node("C\\0\\0\\D", 17), "C\\0").with("AddressOnParent", "0"),
            below(node("C\\0\\1\\D", 17), "c\\0").with("AddressOnParent", "1"),
        ];
        let disks = [below(CimInstance::new(classes::STORAGE).with("InstanceID", format!("{VM}\\C\\0\\0\\L")), "C\\0\\0\\d")];
        let tree = Tree::read(&resources, &disks).unwrap();
        let controller = tree.controller().unwrap();
        assert_eq!(tree.empty_drive(controller), Some(format!("{VM}\\C\\0\\1\\D").as_str()));
        assert_eq!(tree.free_slot(controller), Some(2));
    }

    #[test]
    fn optical_drives_take_places_and_hold_no_disks() {
        let resources = [node("C\\0", 6), below(node("C\\0\\0\\D", 16), "C\\0").with("AddressOnParent", "0")];
        let tree = Tree::read(&resources, &[]).unwrap();
        assert_eq!(tree.empty_drive(tree.controller().unwrap()), None);
        assert_eq!(tree.free_slot(tree.controller().unwrap()), Some(1));
    }
}
