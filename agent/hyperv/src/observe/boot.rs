//! In which order VMs of generation 2 boot, told by their own settings and those of their disks.
//!
//! Guarantees: no query of its own. A boot source is called like its drive or adapter with `\B` behind it, a drive like the disk in it
//! with another letter; what neither rule explains is something else. Deliberately absent: changing an order.

use std::collections::{BTreeMap, BTreeSet};

use model::desired::BootDevice;
use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::classes;
use crate::guid::Guid;
use crate::observe::vm;
use crate::row::{Malformed, Row};

/// A boot source as settings name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The path of its `Msvm_BootSourceSettingData`, as it was written.
    pub(crate) path: String,
    pub(crate) device: BootDevice,
}

/// The boot order of each VM; one of generation 1 has none.
pub(crate) fn orders(settings: &[CimInstance], storage: &[CimInstance]) -> Result<BTreeMap<Guid, Vec<BootDevice>>, Malformed> {
    let sources = sources(settings, storage)?;
    Ok(sources.into_iter().map(|(vm, order)| (vm, order.into_iter().map(|source| source.device).collect())).collect())
}

/// The boot sources of each VM, in order.
pub(crate) fn sources(settings: &[CimInstance], storage: &[CimInstance]) -> Result<BTreeMap<Guid, Vec<Source>>, Malformed> {
    let disks = disks(storage)?;
    let mut found = BTreeMap::new();
    for row in settings {
        let Some(vm) = vm::realized(row)? else { continue };
        let second = row.text("VirtualSystemSubType")?.is_some_and(|kind| kind.eq_ignore_ascii_case(classes::GENERATION_2));
        if second {
            let paths = row.texts("BootSourceOrder")?;
            let source = |path: &&str| Source { path: (*path).to_owned(), device: device(path, &disks) };
            found.insert(vm, paths.iter().map(source).collect());
        }
    }
    Ok(found)
}

/// What all drives are called that a hard disk is in, without their last letter.
fn disks(storage: &[CimInstance]) -> Result<BTreeSet<String>, Malformed> {
    let mut found = BTreeSet::new();
    for row in storage {
        if vm::is_hard_disk(row)? {
            found.extend(stem(row.need("InstanceID")?, "\\L"));
        }
    }
    Ok(found)
}

fn stem(id: &str, end: &str) -> Option<String> {
    let id = id.to_ascii_uppercase();
    id.strip_suffix(end).map(str::to_owned)
}

fn device(path: &str, disks: &BTreeSet<String>) -> BootDevice {
    let path = CimPath::parse_in(path, &Namespace::VIRTUALIZATION).ok();
    let Some(id) = path.as_ref().and_then(|path| stem(path.key("InstanceID")?, "\\B")) else { return BootDevice::Other };
    match id.strip_suffix("\\D") {
        Some(drive) if disks.contains(drive) => BootDevice::Disk,
        Some(_) => BootDevice::Other,
        // `Microsoft:<VM>\<adapter>`, and nothing behind it.
        None if Guid::device(&id).is_some() && id.split('\\').count() == 2 => BootDevice::Network,
        None => BootDevice::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: &str = "2B0E83F8-1111-2222-3333-444455556666";
    const DEVICE: &str = "83F8638B-8DCA-4152-9EDA-2CA8B33039B4";

    fn path(end: &str) -> String {
        let id = format!("Microsoft:{VM}\\{DEVICE}{end}\\B");
        CimPath::class_of(Namespace::VIRTUALIZATION, classes::BOOT_SOURCE).with_key("InstanceID", id).on_host("HV01")
    }

    fn settings(generation: &str, paths: Vec<String>) -> CimInstance {
        CimInstance::new(classes::SYSTEM_SETTINGS)
            .with("InstanceID", format!("Microsoft:{VM}"))
            .with("VirtualSystemType", classes::REALIZED)
            .with("VirtualSystemSubType", generation)
            .with("BootSourceOrder", paths)
    }

    #[test]
    fn a_source_is_told_by_what_it_is_called_like() {
        let disk = CimInstance::new(classes::STORAGE)
            .with("InstanceID", format!("Microsoft:{VM}\\{DEVICE}\\0\\1\\L"))
            .with("HostResource", vec![r"D:\ad.vhdx"]);
        let paths = vec![path(""), path("\\0\\0\\D"), path("\\0\\1\\d"), "a file".to_owned()];
        let read = orders(&[settings(classes::GENERATION_2, paths)], std::slice::from_ref(&disk)).unwrap();
        let told: Vec<_> = read.into_values().collect();
        assert_eq!(told, [[BootDevice::Network, BootDevice::Other, BootDevice::Disk, BootDevice::Other]]);
        assert!(orders(&[settings("Microsoft:Hyper-V:SubType:1", vec![])], &[disk]).unwrap().is_empty(), "generation 1");
    }
}
