//! Files on the host, virtual disks above all.
//!
//! Guarantees: a path means the same file in any case.
//! Deliberately absent: contents, other than the system that has booted from a disk.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::guest::Guest;
use crate::host::Host;

/// A path as the file system compares it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct FileKey(String);

impl FileKey {
    pub(crate) fn new(path: &str) -> Self {
        Self(path.replace('/', "\\").to_ascii_lowercase())
    }
}

/// One file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) created: Timestamp,
    pub(crate) disk: Option<Disk>,
}

/// What makes a file a virtual disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Disk {
    pub(crate) id: String,
    pub(crate) kind: DiskKind,
    /// The size that a system sees, bytes.
    pub(crate) size: u64,
    /// The image that boots from it.
    pub(crate) image: Option<String>,
    /// What a boot has left on it.
    pub(crate) guest: Option<Box<Guest>>,
}

/// How a disk keeps its blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DiskKind {
    Fixed,
    Dynamic,
    Differencing { parent: String },
}

/// What a fresh dynamic or differencing disk takes.
pub(crate) const FRESH_BYTES: u64 = 4 << 20;

impl File {
    pub(crate) fn volume(&self) -> Option<char> {
        volume_of(&self.path)
    }
}

/// The drive letter of an absolute path: `C` of `C:\x`.
pub(crate) fn volume_of(path: &str) -> Option<char> {
    let mut chars = path.chars();
    let (letter, colon, slash) = (chars.next()?, chars.next()?, chars.next()?);
    (letter.is_ascii_alphabetic() && colon == ':' && matches!(slash, '\\' | '/')).then_some(letter)
}

/// The lower-case extension of a path.
pub(crate) fn extension(path: &str) -> Option<String> {
    let name = path.rsplit(['\\', '/']).next()?;
    name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase())
}

impl Host {
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.get(&FileKey::new(path))
    }

    /// The disk at `path` and its ancestors, the nearest first; `None` when a link is missing.
    pub(crate) fn chain(&self, path: &str) -> Option<Vec<&Disk>> {
        let mut chain = Vec::new();
        let mut next = path;
        // A chain that bites its own tail ends where it is longer than there are files.
        while chain.len() <= self.files.len() {
            let disk = self.file(next)?.disk.as_ref()?;
            chain.push(disk);
            match &disk.kind {
                DiskKind::Differencing { parent } => next = parent,
                DiskKind::Fixed | DiskKind::Dynamic => return Some(chain),
            }
        }
        None
    }

    /// The image that a boot from `path` finds.
    pub(crate) fn image_on(&self, path: &str) -> Option<&str> {
        self.chain(path)?.into_iter().find_map(|disk| disk.image.as_deref())
    }

    /// Whether a VM that is not off has `path` open, itself or as an ancestor of one of its disks.
    pub(crate) fn is_open(&self, path: &str) -> bool {
        let key = FileKey::new(path);
        let leads_here = |medium: &str| {
            let mut next = medium.to_owned();
            for _ in 0..=self.files.len() {
                if FileKey::new(&next) == key {
                    return true;
                }
                match self.file(&next).and_then(|f| f.disk.as_ref()).map(|d| &d.kind) {
                    Some(DiskKind::Differencing { parent }) => next.clone_from(parent),
                    _ => return false,
                }
            }
            false
        };
        self.machines.iter().filter(|m| !m.power.is_off()).flat_map(|m| m.media()).any(leads_here)
    }
}
