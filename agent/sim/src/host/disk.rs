//! Files on the host, virtual disks above all.
//!
//! Guarantees: a path means the same file in any case.
//! Deliberately absent: what is on a virtual disk, other than the system that has booted from it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::file_tree::Content;
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

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this lies below `folder`, which ends in a backslash.
    pub(crate) fn is_below(&self, folder: &Self) -> bool {
        self.0.len() > folder.0.len() && self.0.starts_with(&folder.0)
    }
}

/// One file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) created: Timestamp,
    pub(crate) disk: Option<Disk>,
    #[serde(default)]
    pub(crate) content: Content,
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
    /// On the disk at a path, as long as it is the one that it was made on.
    Differencing {
        parent: String,
        /// The parent's id when it was made, or set anew.
        #[serde(default)]
        parent_id: Option<String>,
    },
}

/// What is wrong with a chain of differencing disks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A disk of the chain is not there.
    Missing(String),
    /// Another disk lies where the parent of this one was.
    Changed { child: String, parent: String },
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "The system cannot find the file specified: '{path}'. (0x80070002)"),
            Self::Changed { child, parent } => {
                write!(
                    f,
                    "There exists ID mismatch between the differencing virtual hard disk '{child}' and its parent '{parent}'. (0xC03A000E)"
                )
            }
        }
    }
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

    /// The disk at `path` and its ancestors, the nearest first; `None` when the chain is broken.
    pub(crate) fn chain(&self, path: &str) -> Option<Vec<&Disk>> {
        self.whole_chain(path).ok()
    }

    /// The same, with what is wrong.
    pub(crate) fn whole_chain(&self, path: &str) -> Result<Vec<&Disk>, Broken> {
        let missing = |path: &str| Broken::Missing(path.to_owned());
        let (mut chain, mut next): (Vec<&Disk>, &str) = (Vec::new(), path);
        // A chain that bites its own tail ends where it is longer than there are files.
        while chain.len() <= self.files.len() {
            let disk = self.file(next).and_then(|f| f.disk.as_ref()).ok_or_else(|| missing(next))?;
            chain.push(disk);
            let DiskKind::Differencing { parent, parent_id } = &disk.kind else { return Ok(chain) };
            let found = self.file(parent).and_then(|f| f.disk.as_ref()).ok_or_else(|| missing(parent))?;
            if parent_id.as_ref().is_some_and(|id| *id != found.id) {
                return Err(Broken::Changed { child: next.to_owned(), parent: parent.clone() });
            }
            next = parent;
        }
        Err(missing(path))
    }

    /// The differencing disks right above the one at `path`.
    pub(crate) fn children(&self, path: &str) -> Vec<String> {
        let key = FileKey::new(path);
        let above = |f: &&File| matches!(f.disk.as_ref().map(|d| &d.kind), Some(DiskKind::Differencing { parent, .. }) if FileKey::new(parent) == key);
        self.files.values().filter(above).map(|f| f.path.clone()).collect()
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
                    Some(DiskKind::Differencing { parent, .. }) => next.clone_from(parent),
                    _ => return false,
                }
            }
            false
        };
        self.machines.iter().filter(|m| !m.power.is_off()).flat_map(|m| m.media()).any(leads_here)
    }
}
