//! A plain directory as a snapshot, for `validate` and `plan` before anything is committed.
//!
//! Guarantees: the same files are read by the same rules as in a git tree; no link is followed, so nothing outside is read.
//! Deliberately absent: a history, so nothing is remembered, and watching.

use std::fs::{File, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};

use git2::Oid;
use model::snapshot::{Revision, Snapshot};
use model::validate::Assembler;
use model::yaml::MAX_FILE_BYTES;

use crate::error::SourceError;
use crate::listing::{Go, IsFile, Listed, Lister, Listing};
use crate::reading::{Content, Contents, Parsed, assembler};

/// Reads a directory. Blocking.
///
/// # Errors
/// [`SourceError::Directory`] when a part of it cannot be read; faults in files are diagnostics of the snapshot.
pub fn read_directory(path: &Path) -> Result<Snapshot, SourceError> {
    read_directory_with(path, &mut assembler())
}

/// The same with an assembler that the caller keeps, so that it can be asked where a value comes from.
///
/// # Errors
/// As [`read_directory`].
pub fn read_directory_with(path: &Path, assembler: &mut Assembler) -> Result<Snapshot, SourceError> {
    let directory = Directory { root: path.to_owned() };
    let listing = directory.list()?;
    Parsed::default().snapshot(listing, &directory, Revision::of_directory(), assembler)
}

/// Room for nearly every manifest, so that it is read at once and nobody asks for its length first.
const USUAL_BYTES: usize = 8 << 10;

#[derive(Clone)]
struct Directory {
    root: PathBuf,
}

impl Directory {
    fn list(&self) -> Result<Listing, SourceError> {
        let mut lister = Lister::new(String::new());
        let mut open = vec![(String::new(), 0)];
        while let Some((directory, depth)) = open.pop() {
            let at = self.root.join(&directory);
            let failed = |source| SourceError::Directory { path: at.clone(), source };
            for entry in std::fs::read_dir(&at).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                if lister.count(&directory) == Go::Stop {
                    return Ok(lister.finish());
                }
                let kind = entry.file_type().map_err(failed)?;
                let is_file = if kind.is_file() { IsFile::Yes } else { IsFile::No };
                let raw = entry.file_name();
                let Some(name) = lister.name(&directory, raw.as_encoded_bytes(), is_file) else { continue };
                let path = format!("{directory}{name}");
                if self.take(&mut lister, kind, &path)? == Go::Stop {
                    return Ok(lister.finish());
                }
                if kind.is_dir() && lister.enter(&path, depth + 1) == Go::On {
                    open.push((format!("{path}/"), depth + 1));
                }
            }
        }
        Ok(lister.finish())
    }

    fn take(&self, lister: &mut Lister, kind: FileType, path: &str) -> Result<Go, SourceError> {
        if kind.is_symlink() {
            let at = self.root.join(path);
            let target = std::fs::read_link(&at).map_err(|source| SourceError::Directory { path: at.clone(), source })?;
            lister.link(path, target.to_str());
            return Ok(Go::On);
        }
        // Sockets, pipes and devices are never opened: reading one could wait for ever.
        Ok(if kind.is_file() { lister.file(path.to_owned(), Oid::ZERO_SHA1) } else { Go::On })
    }
}

impl Contents for Directory {
    fn content(&self, file: &Listed) -> Result<Content, SourceError> {
        let path = self.root.join(&*file.path);
        let read = File::open(&path).and_then(|opened| {
            let mut bytes = Vec::with_capacity(USUAL_BYTES);
            // One byte more than allowed tells that there is more, whatever length the file claims and however it grows.
            (&opened).take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
            let is_large = bytes.len() > MAX_FILE_BYTES;
            Ok(if is_large { Content::TooLarge(opened.metadata()?.len().max(bytes.len() as u64)) } else { Content::Bytes(bytes) })
        });
        read.map_err(|source| SourceError::Directory { path, source })
    }

    fn again(&self) -> Result<Self, SourceError> {
        Ok(self.clone())
    }
}
