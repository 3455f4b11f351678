//! Changes of virtual disks that exist: their size, their parent; and whether their chain is whole.
//!
//! Guarantees: what a VM has open is left alone, and so is what other disks stand on.
//! Deliberately absent: converting, compacting, merging by hand and mounting.

use wsman::cim::CimInstance;

use crate::host::change::Change;
use crate::host::disk::{self, DiskKind, FRESH_BYTES, File, FileKey};
use crate::host::{Host, Surroundings, data_file, input};
use crate::job::{Failure, JobKind, code};
use crate::machine::Output;

pub(crate) const LARGEST: u64 = 64 << 40;
pub(crate) const SMALLEST: u64 = 3 << 20;
const SECTOR: u64 = 512;

/// The least size that a disk can be given: its file's, up to a whole sector; a fixed one's file says nothing.
pub(crate) fn least_size(file: &File) -> u64 {
    let fixed = file.disk.as_ref().is_some_and(|d| d.kind == DiskKind::Fixed);
    if fixed { SMALLEST } else { (file.bytes / SECTOR + 1) * SECTOR }.max(SMALLEST)
}

impl Host {
    pub(crate) fn resize_disk(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let (file, disk) = self.named_disk(input)?;
        let size = input::number(input, "MaxInternalSize")?.ok_or_else(|| input::missing("MaxInternalSize"))?;
        let old = disk::extension(&file.path).is_some_and(|e| e == "vhd" || e == "avhd");
        let differencing = matches!(disk.kind, DiskKind::Differencing { .. });
        if old && (differencing || size < disk.size) {
            return Err(Failure::new(code::NOT_SUPPORTED, "a VHD does not shrink, and a differencing one keeps its size"));
        }
        if size < least_size(file) || size > LARGEST {
            return Err(input::invalid(format!("the size is between {} and {LARGEST} bytes", least_size(file))));
        }
        if self.is_open(&file.path) {
            return Err(Failure::new(code::IN_USE, format!("'{}' is in use", file.path)));
        }
        let path = file.path.clone();
        let affects = data_file::path_of(&path);
        Ok(self.submit(JobKind::ResizeDisk, Some(affects), Change::ResizeDisk { path, size }, cx).output())
    }

    pub(crate) fn apply_resize_disk(&mut self, path: &str, size: u64) -> Result<(), Failure> {
        let failed = |code, what: String| Err(Failure::new(code, format!("Failed to resize the virtual disk '{path}'. {what}")));
        self.check_chain(path)?;
        if self.is_open(path) {
            return failed(code::IN_USE, "The process cannot access the file because it is being used. (0x80070020)".to_owned());
        }
        let above = self.children(path);
        if !above.is_empty() {
            // Another size would be another disk, and what stands on it would fit no more.
            return failed(code::FAILED, format!("It is the parent of '{}'.", above.join("', '")));
        }
        let Some(file) = self.file(path) else { return failed(code::FILE_NOT_FOUND, "It is not there.".to_owned()) };
        let (volume, fixed) = (file.volume().unwrap_or_default(), file.disk.as_ref().is_some_and(|d| d.kind == DiskKind::Fixed));
        let bytes = if fixed { size } else { file.bytes };
        if bytes.saturating_sub(file.bytes) > self.free_space(volume) {
            return failed(code::FAILED, "There is not enough space on the disk. (0x80070070)".to_owned());
        }
        if let Some(file) = self.files.get_mut(&FileKey::new(path)) {
            file.bytes = bytes.max(FRESH_BYTES);
            if let Some(disk) = &mut file.disk {
                disk.size = size;
            }
        }
        Ok(())
    }

    pub(crate) fn set_parent(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let there = |name: &'static str| {
            let path = input::text(input, name)?.ok_or_else(|| input::missing(name))?;
            let file = self.file(path).ok_or_else(|| Failure::new(code::FILE_NOT_FOUND, format!("'{path}' is not there")))?;
            file.disk.as_ref().map(|disk| (file, disk)).ok_or_else(|| input::invalid(format!("'{path}' is no virtual hard disk")))
        };
        let ((child, disk), (parent, _)) = (there("ChildPath")?, there("ParentPath")?);
        if !matches!(disk.kind, DiskKind::Differencing { .. }) {
            return Err(Failure::new(code::NOT_SUPPORTED, format!("'{}' is no differencing disk", child.path)));
        }
        // While a VM has it open, the VM's own disk has to be named.
        if self.is_open(&child.path) && input::text(input, "LeafPath")?.is_none_or(str::is_empty) {
            return Err(Failure::new(code::IN_USE, format!("'{}' is in use", child.path)));
        }
        let (child, parent) = (child.path.clone(), parent.path.clone());
        if self.whole_chain(&parent).is_ok_and(|_| self.stands_on(&parent, &child)) {
            return Err(input::invalid(format!("'{parent}' stands on '{child}' itself")));
        }
        let any_id = input::truth(input, "IgnoreIDMismatch")?.unwrap_or(false);
        let affects = data_file::path_of(&child);
        Ok(self.submit(JobKind::SetParentDisk, Some(affects), Change::SetParent { child, parent, any_id }, cx).output())
    }

    /// Whether `path` is `below`, or a disk above it.
    pub(crate) fn stands_on(&self, path: &str, below: &str) -> bool {
        let mut next = path;
        for _ in 0..=self.files.len() {
            if next.eq_ignore_ascii_case(below) {
                return true;
            }
            match self.file(next).and_then(|f| f.disk.as_ref()).map(|d| &d.kind) {
                Some(DiskKind::Differencing { parent, .. }) => next = parent,
                _ => return false,
            }
        }
        true
    }

    pub(crate) fn apply_set_parent(&mut self, child: &str, parent: &str, any_id: bool) -> Result<(), Failure> {
        let failed = |code, what: String| Err(Failure::new(code, format!("Failed to set new parent for the virtual disk. {what}")));
        let below = match self.whole_chain(parent) {
            Ok(chain) => chain.first().map(|d| (d.id.clone(), d.size)),
            Err(broken) => return failed(code::FAILED, broken.to_string()),
        };
        let Some((id, size)) = below else { return failed(code::FILE_NOT_FOUND, format!("'{parent}' is not there.")) };
        let (child_key, told) = (FileKey::new(child), parent.to_owned());
        let Some(disk) = self.files.get_mut(&child_key).and_then(|f| f.disk.as_mut()) else {
            return failed(code::FILE_NOT_FOUND, format!("'{child}' is not there."));
        };
        let DiskKind::Differencing { parent, parent_id } = &mut disk.kind else {
            return failed(code::NOT_SUPPORTED, format!("'{child}' is no differencing disk."));
        };
        if !any_id && parent_id.as_ref().is_some_and(|old| *old != id) {
            let mismatch = disk::Broken::Changed { child: child.to_owned(), parent: told };
            return failed(code::FAILED, mismatch.to_string());
        }
        if disk.size < size {
            return failed(code::FAILED, "The parent is larger than the child. (0xC03A0017)".to_owned());
        }
        (*parent, *parent_id) = (told, Some(id));
        Ok(())
    }

    pub(crate) fn validate_disk(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let path = self.named_disk(input)?.0.path.clone();
        let affects = data_file::path_of(&path);
        Ok(self.submit(JobKind::ValidateDisk, Some(affects), Change::ValidateDisk { path }, cx).output())
    }

    /// Whether every disk beneath `path` is there, and is the one that it was.
    pub(crate) fn check_chain(&self, path: &str) -> Result<(), Failure> {
        match self.whole_chain(path) {
            Ok(_) => Ok(()),
            Err(broken) => Err(Failure::new(code::FAILED, format!("The chain of virtual hard disks is corrupted at '{path}'. {broken}"))),
        }
    }
}
