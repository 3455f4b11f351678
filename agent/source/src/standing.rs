//! Where a mirror's references stand, and whose turn it is to move them.
//!
//! Guarantees: what a remote said counts only while nobody has moved the mirror since it was asked, however long that was ago; so a fetch
//! that hung, in this process or another, never sets the mirror back. Deliberately absent: asking again, which is [`crate::mirror`]'s.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use git2::{Oid, Repository};

use crate::fetch::Landed;

/// Below it lies all that was fetched.
const FETCHED: &str = "refs/trunkline/*";

/// Where a mirror's HEAD and its references point.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    head: Option<Vec<u8>>,
    tips: Vec<(Vec<u8>, Option<Oid>)>,
}

impl Standing {
    pub(crate) fn of(repository: &Repository) -> Result<Self, git2::Error> {
        // What cannot be read stands nowhere; whoever moves or reads it will say so.
        let fetched = repository.references_glob(FETCHED)?.flatten();
        let mut tips: Vec<_> = fetched.map(|reference| (reference.name_bytes().to_owned(), reference.target())).collect();
        tips.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self { head: head(repository), tips })
    }
}

/// What HEAD names; `None` when that cannot be read.
pub(crate) fn head(repository: &Repository) -> Option<Vec<u8>> {
    repository.find_reference("HEAD").ok()?.symbolic_target_bytes().map(<[u8]>::to_owned)
}

/// The tree that a reference leads to.
pub(crate) fn tree_of(repository: &Repository, name: &str) -> Result<Oid, git2::Error> {
    Ok(repository.find_reference(name)?.peel_to_commit()?.tree()?.id())
}

/// Lets a reference stand where it stood: what the remote has there is no commit, and one that is none keeps git from fetching.
pub(crate) fn back(repository: &Repository, landed: &Landed) -> Result<(), git2::Error> {
    if landed.before.is_zero() {
        return repository.find_reference(&landed.name)?.delete();
    }
    repository.reference(&landed.name, landed.before, true, "trunkline: no commit").map(drop)
}

/// Nobody else moves the mirror's references while this lives.
#[derive(Debug)]
pub(crate) struct Turn {
    _file: File,
}

impl Turn {
    /// Waits for it. Whoever has it asks nobody else for anything, so that is soon.
    pub(crate) fn take(mirror: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(mirror.join("turn"))?;
        file.lock()?;
        Ok(Self { _file: file })
    }
}
