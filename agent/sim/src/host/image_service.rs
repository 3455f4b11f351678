//! `Msvm_ImageManagementService`: makes virtual disks and tells about them.
//!
//! Deliberately absent: changes of disks that exist; see `disk_change`.

use wsman::cim::{CimInstance, CimValue};

use crate::file_tree::Content;
use crate::host::change::Change;
use crate::host::disk::{self, Disk, DiskKind, FRESH_BYTES, File, FileKey};
use crate::host::disk_change::{LARGEST, SMALLEST, least_size};
use crate::host::service::Service;
use crate::host::submit::Submitted;
use crate::host::{Host, Surroundings, data_file, input};
use crate::job::{Failure, JobKind, code};
use crate::machine::Output;
use crate::windows::system::instant;

/// The service, and what it can do.
pub(super) const SERVICE: Service = Service {
    class: "Msvm_ImageManagementService",
    methods: &[
        ("CreateVirtualHardDisk", |host, input, cx| Ok(host.create_disk(input, cx)?)),
        ("GetVirtualHardDiskSettingData", |host, input, _| {
            let (file, disk) = host.named_disk(input)?;
            Ok(told("SettingData", setting(file, disk)))
        }),
        ("GetVirtualHardDiskState", |host, input, _| {
            let (file, _) = host.named_disk(input)?;
            Ok(told("State", host.state(file)))
        }),
        ("ResizeVirtualHardDisk", |host, input, cx| Ok(host.resize_disk(input, cx)?)),
        ("SetParentVirtualHardDisk", |host, input, cx| Ok(host.set_parent(input, cx)?)),
        ("ValidateVirtualHardDisk", |host, input, cx| Ok(host.validate_disk(input, cx)?)),
    ],
};

impl Host {
    fn create_disk(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let setting = input::instance(input, "VirtualDiskSettingData")?;
        let path = input::text(setting, "Path")?.ok_or_else(|| input::missing("Path"))?;
        let format = match input::number(setting, "Format")? {
            Some(2) => "vhd",
            Some(3) => "vhdx",
            _ => return Err(input::invalid("Format is 2, VHD, or 3, VHDX")),
        };
        if disk::volume_of(path).is_none() || disk::extension(path).as_deref() != Some(format) {
            return Err(input::invalid(format!("'{path}' is not the path of a .{format}")));
        }
        let size = input::number(setting, "MaxInternalSize")?.unwrap_or(0);
        let parent = input::text(setting, "ParentPath")?.filter(|p| !p.is_empty());
        let kind = match (input::number(setting, "Type")?, parent) {
            (Some(4), Some(parent)) => DiskKind::Differencing { parent: parent.to_owned(), parent_id: None },
            (Some(4), None) => return Err(input::missing("ParentPath")),
            (Some(2 | 3), _) if !(SMALLEST..=LARGEST).contains(&size) => {
                return Err(input::invalid("MaxInternalSize is between 3 MB and 64 TB"));
            }
            (Some(2), None) => DiskKind::Fixed,
            (Some(3), None) => DiskKind::Dynamic,
            (Some(2 | 3), Some(_)) => return Err(input::invalid("only a differencing disk has a parent")),
            _ => return Err(input::invalid("Type is 2, fixed, 3, dynamic, or 4, differencing")),
        };
        let bytes = if kind == DiskKind::Fixed { size } else { FRESH_BYTES };
        let disk = Disk { id: cx.ids.guid(), kind, size, image: None, guest: None };
        let file = File { path: path.replace('/', "\\"), bytes, created: cx.now, disk: Some(disk), content: Content::Opaque };
        let affects = data_file::path_of(&file.path);
        Ok(self.submit(JobKind::CreateDisk, Some(affects), Change::CreateDisk(Box::new(file)), cx).output())
    }

    pub(crate) fn apply_create_disk(&mut self, mut file: File) -> Result<(), Failure> {
        let failed = |code, what: &str| Err(Failure::new(code, format!("Failed to create the virtual hard disk '{}'. {what}", file.path)));
        if self.file(&file.path).is_some() {
            return failed(code::FAILED, "The file exists. (0x80070050)");
        }
        let volume = file.volume().unwrap_or_default();
        if !self.volumes.iter().any(|v| v.letter.eq_ignore_ascii_case(&volume)) {
            return failed(code::FAILED, "The system cannot find the path specified. (0x80070003)");
        }
        if file.bytes > self.free_space(volume) {
            return failed(code::FAILED, "There is not enough space on the disk. (0x80070070)");
        }
        if let Some(Disk { kind: DiskKind::Differencing { parent, parent_id }, size, .. }) = &mut file.disk {
            let below = self.whole_chain(parent).map(|chain| chain.first().map(|d| (d.id.clone(), d.size)));
            match below {
                Ok(below) => (*parent_id, *size) = below.map_or((None, *size), |(id, size)| (Some(id), size)),
                Err(broken) => {
                    let what = format!("The parent '{parent}' cannot be opened. {broken}");
                    return Err(Failure::new(code::FILE_NOT_FOUND, what));
                }
            }
        }
        self.files.insert(FileKey::new(&file.path), file);
        Ok(())
    }

    pub(crate) fn named_disk(&self, input: &CimInstance) -> Result<(&File, &Disk), Failure> {
        let path = input::text(input, "Path")?.ok_or_else(|| input::missing("Path"))?;
        let file = self.file(path).ok_or_else(|| Failure::new(code::FILE_NOT_FOUND, format!("'{path}' is not there")))?;
        let disk = file.disk.as_ref().ok_or_else(|| Failure::new(code::FAILED, format!("'{path}' is no virtual hard disk")))?;
        Ok((file, disk))
    }

    fn state(&self, file: &File) -> CimInstance {
        CimInstance::new("Msvm_VirtualHardDiskState")
            .with("FileSize", file.bytes)
            .with("InUse", self.is_open(&file.path))
            .with("MinInternalSize", CimValue::Unsigned(least_size(file)))
            .with("PhysicalSectorSize", 4096u32)
            .with("Alignment", 1u32)
            .with("Timestamp", instant(file.created))
    }
}

fn told(name: &str, what: CimInstance) -> Output {
    Submitted::Done.output().with(name, what)
}

fn setting(file: &File, disk: &Disk) -> CimInstance {
    let format = if disk::extension(&file.path).as_deref() == Some("vhd") { 2u16 } else { 3u16 };
    let (kind, parent) = match &disk.kind {
        DiskKind::Fixed => (2u16, None),
        DiskKind::Dynamic => (3u16, None),
        DiskKind::Differencing { parent, .. } => (4u16, Some(parent.as_str())),
    };
    let parent_id = match &disk.kind {
        DiskKind::Differencing { parent_id: Some(id), .. } => CimValue::from(id.as_str()),
        _ => CimValue::Null,
    };
    CimInstance::new("Msvm_VirtualHardDiskSettingData")
        .with("InstanceID", file.path.as_str())
        .with("ParentIdentifier", parent_id)
        .with("Path", file.path.as_str())
        .with("Format", format)
        .with("Type", kind)
        .with("ParentPath", parent.map_or(CimValue::Null, CimValue::from))
        .with("MaxInternalSize", disk.size)
        .with("BlockSize", if disk.kind == DiskKind::Fixed { 0u32 } else { 33_554_432u32 })
        .with("LogicalSectorSize", 512u32)
        .with("PhysicalSectorSize", 4096u32)
        .with("VirtualDiskId", disk.id.as_str())
        .with("DataAlignment", 0u64)
        .with("IsPmemCompatible", false)
}
