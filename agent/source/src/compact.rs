//! Keeping a mirror small: what many fetches brought becomes one pack.
//!
//! Guarantees: whatever the mirror's references and the last good revisions reach stays; the new pack is on the disk before an old one
//! goes, so a crash at any point costs space until the next time. Deliberately absent: locking (whoever calls is alone with the mirror),
//! and history that grew on purpose; only what is doubled or unreachable goes.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use git2::{ObjectType, Oid, Repository};

/// Packs that may lie side by side. Each fetch brings one, and each look-up asks all of them.
const MAX_PACKS: usize = 50;

/// Files that a fetch that was cut off may leave lying about.
const MAX_LEFTOVERS: usize = 8;

/// A mirror that could not be compacted; it works as before.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompactError {
    /// The new pack could not be made.
    #[error("cannot write one pack in place of {packs}")]
    Pack { packs: usize, source: git2::Error },
    /// A file could not be listed, flushed or removed.
    #[error("cannot {act} `{}`", path.display())]
    File { act: &'static str, path: PathBuf, source: io::Error },
}

/// Whether a mirror has grown beyond its bounds.
pub(crate) fn is_due(mirror: &Path) -> Result<bool, CompactError> {
    let names = list(&packs_of(mirror))?;
    let packs = names.iter().filter(|name| name.ends_with(".pack")).count();
    Ok(packs > MAX_PACKS || names.iter().filter(|name| is_leftover(name, &names)).count() > MAX_LEFTOVERS)
}

/// Makes one pack of all that the references and `keep` reach, and removes the others. Nobody else may use the mirror meanwhile.
pub(crate) fn compact(mirror: &Path, keep: &[Oid], stop: &AtomicBool) -> Result<(), CompactError> {
    let directory = packs_of(mirror);
    let old = list(&directory)?;
    let packs = old.iter().filter(|name| name.ends_with(".pack")).count();
    let new = write(mirror, keep, stop).map_err(|source| CompactError::Pack { packs, source })?;
    let Some(new) = new else { return Ok(()) };
    let ours = [format!("pack-{new}.pack"), format!("pack-{new}.idx")];
    for path in ours.iter().map(|name| directory.join(name)).chain([directory.clone()]) {
        flush(&path).map_err(|source| CompactError::File { act: "flush", path, source })?;
    }
    // Indexes first: a pack without one does not exist for git, an index without its pack does.
    let is_index = |name: &&String| name.ends_with(".idx");
    let (indexes, rest): (Vec<_>, Vec<_>) = old.iter().filter(|name| !ours.contains(name)).partition(is_index);
    for path in indexes.into_iter().chain(rest).map(|name| directory.join(name)) {
        std::fs::remove_file(&path).map_err(|source| CompactError::File { act: "remove", path, source })?;
    }
    Ok(())
}

/// Writes the pack, and gives its name; `None` when there is nothing to keep.
fn write(mirror: &Path, keep: &[Oid], stop: &AtomicBool) -> Result<Option<String>, git2::Error> {
    let repository = Repository::open_bare(mirror)?;
    let mut walk = repository.revwalk()?;
    let mut builder = repository.packbuilder()?;
    // One thread: a host that serves has better things to do.
    builder.set_threads(1);
    builder.set_progress_callback(|_, _, _| !stop.load(Ordering::Relaxed))?;
    for reference in repository.references()? {
        let reference = reference?;
        let Some(target) = reference.target() else { continue };
        // An annotated tag is an object of its own; what it stands for is walked.
        if repository.find_object(target, None)?.kind() == Some(ObjectType::Tag) {
            builder.insert_object(target, None)?;
        }
        walk.push(reference.peel_to_commit()?.id())?;
    }
    // A good revision that was rewritten away is reached by nothing else.
    for commit in keep.iter().filter(|commit| repository.find_commit(**commit).is_ok()) {
        walk.push(*commit)?;
    }
    builder.insert_walk(&mut walk)?;
    if builder.object_count() == 0 {
        return Ok(None);
    }
    builder.write(&packs_of(mirror), 0)?;
    Ok(builder.name()?.map(str::to_owned))
}

fn packs_of(mirror: &Path) -> PathBuf {
    mirror.join("objects").join("pack")
}

/// The names of all files of a directory.
fn list(directory: &Path) -> Result<BTreeSet<String>, CompactError> {
    let failed = |source| CompactError::File { act: "list", path: directory.to_owned(), source };
    let names = std::fs::read_dir(directory).map_err(failed)?.map(|entry| Ok(entry?.file_name()));
    let names: Vec<OsString> = names.collect::<io::Result<_>>().map_err(failed)?;
    // What git and we write has plain names; anything else is not ours to remove.
    Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
}

/// Neither a pack with its index nor an index.
fn is_leftover(name: &str, all: &BTreeSet<String>) -> bool {
    match name.strip_suffix(".pack") {
        Some(stem) => !all.contains(&format!("{stem}.idx")),
        None => !name.ends_with(".idx"),
    }
}

#[cfg(unix)]
fn flush(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn flush(path: &Path) -> io::Result<()> {
    // Windows flushes files that are open for writing only, and directories not at all.
    if path.is_dir() { Ok(()) } else { File::options().write(true).open(path)?.sync_all() }
}
