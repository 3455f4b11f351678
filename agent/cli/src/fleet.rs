//! Desired state, read once for a command.
//!
//! Guarantees: to look (`validate`, `plan`, `explain`, `observe`) a plain directory is read as it lies there, edits that are not
//! committed included; to act, only what is committed counts. Deliberately absent: following a reference (that is `source::Watcher`).

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::desired::Desired;
use model::diagnostic::{Severity, render_all};
use model::names::ApplianceName;
use model::snapshot::Snapshot;
use source::{Location, Origin, Reader, SourceError};

use crate::access::access;
use crate::error::{Context as _, Failure};
use crate::settings::{Settings, masked};
use crate::wiring::credentials;

/// What the command does with the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Nothing is changed anywhere.
    Look,
    /// Hosts are changed.
    Act,
}

/// Where desired state lives, as the settings say.
///
/// # Errors
/// When that cannot be an origin.
pub fn origin(settings: &Settings) -> Result<Origin, Failure> {
    let source = settings.get("source").unwrap_or(".");
    Origin::new(source, settings.get("ref"), settings.get("path")).context(format!("`{}` cannot be read", masked(source)))
}

/// Reads the state once.
///
/// # Errors
/// When the origin cannot be read. Faults of documents are in the snapshot.
pub fn read(settings: &Settings, purpose: Purpose) -> Result<Snapshot, Failure> {
    let origin = origin(settings)?;
    is_there(&origin)?;
    if purpose == Purpose::Look
        && let Some(directory) = plain_directory(&origin)
    {
        // It ends with the process: to take ten thousand documents apart first would be a tenth of what `validate` costs.
        let mut assembler = ManuallyDrop::new(source::assembler());
        let read = source::read_directory_with(&directory, &mut assembler).context(format!("cannot read `{}`", directory.display()));
        return read.map_err(|failure| match directory.is_dir() {
            true => failure,
            false => failure.hint("--path names a directory of the repository, from its root"),
        });
    }
    let mut reader = reader(settings, &[])?;
    let read = reader.read().map_err(|error| unreadable(error, &origin)).map(|read| read.map(|reading| reading.snapshot));
    read?.ok_or_else(|| Failure::new("the origin was read already"))
}

/// Refuses what nobody has to ask git about.
fn is_there(origin: &Origin) -> Result<(), Failure> {
    let Location::Local(path) = &origin.location else { return Ok(()) };
    let failure = match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => Failure::new(format!("`{}` is no directory", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Failure::new(format!("there is no directory `{}`", path.display())),
        Err(error) => Failure::because(format!("cannot read `{}`", path.display()), error),
    };
    Err(failure.hint("name the directory of the manifests with --source; it is looked for from where the command runs"))
}

fn unreadable(error: SourceError, origin: &Origin) -> Failure {
    if let SourceError::NoReference { .. } = &error {
        let failure = Failure::because(format!("cannot read `{origin}`"), error);
        return failure.hint(match &origin.location {
            Location::Local(_) => "name a branch or a tag of that repository with --ref: `git branch --all` and `git tag` list them",
            Location::Remote { .. } => "name a branch or a tag of that repository with --ref: `git ls-remote` lists them",
        });
    }
    let uncommitted = matches!(error, SourceError::Open { .. }) && plain_directory(origin).is_some();
    let failure = Failure::because(format!("cannot read `{origin}`"), error);
    if uncommitted {
        return failure.hint("hosts are changed by what is committed: run `git init` there and commit, or name a repository with --source");
    }
    failure
}

/// What is said of a revision that cannot be read.
#[must_use]
pub fn unread_revision(error: SourceError, origin: &Origin, revision: &str) -> Failure {
    let hint = match (&error, &origin.location) {
        (SourceError::NoRevision { .. }, Location::Local(_)) => {
            "name a commit, a branch or a tag of that repository: `git log --oneline --all` lists them"
        }
        (SourceError::NoRevision { .. }, Location::Remote { .. }) => {
            "name a branch or a tag that `git ls-remote` lists there, or a commit on the branch that --ref names"
        }
        (SourceError::Open { .. }, _) => {
            "revisions are a git repository's: name one with --source, from its root (--path names a directory in it)"
        }
        (SourceError::NoPath { .. }, _) => "--path names a directory of the repository, from its root",
        _ => return Failure::because(format!("cannot read revision `{revision}`"), error),
    };
    Failure::because(format!("cannot read revision `{revision}`"), error).hint(hint)
}

/// The error says what it was about; only what is new about it is said around it.
fn unfetched(error: SourceError, origin: &Origin) -> Failure {
    if let SourceError::NoReference { .. } = &error {
        return unreadable(error, origin);
    }
    let hint = match &error {
        SourceError::Refused { .. } => {
            Some("the credentials file (--credentials) holds it under `source`; `user` with a password or token, or with `key`")
        }
        SourceError::Fetch { .. } | SourceError::TimedOut { .. } => {
            Some("is the server up, and the address right? A running agent goes on with the last good state")
        }
        _ => None,
    };
    let failure = Failure::because(format!("cannot read `{origin}`"), error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A reader of the origin, fetched anew when it is remote, with what these rev-specs begin with.
///
/// # Errors
/// When the origin cannot be opened or fetched.
pub fn reader(settings: &Settings, revisions: &[&str]) -> Result<Reader, Failure> {
    let origin = origin(settings)?;
    is_there(&origin)?;
    let mut reader = Reader::new(origin.clone(), Some(settings.state_dir()));
    if let Location::Remote { .. } = &origin.location {
        let access = access(settings, Arc::new(credentials(settings)?))?;
        let fetched = reader.fetch(&access).and_then(|()| reader.fetch_revisions(&access, revisions));
        fetched.map_err(|error| unfetched(error, &origin))?;
    }
    Ok(reader)
}

/// The directory that people edit, when the origin is one and no reference is named; a bare repository has nothing lying about.
#[must_use]
pub fn plain_directory(origin: &Origin) -> Option<PathBuf> {
    match &origin.location {
        Location::Local(path) if origin.reference.is_none() && path.is_dir() && !is_bare(path) => Some(path.join(origin.path.as_str())),
        Location::Local(_) | Location::Remote { .. } => None,
    }
}

fn is_bare(path: &Path) -> bool {
    path.join("HEAD").is_file() && path.join("objects").is_dir()
}

/// The wishes that a command is about, or the faults that forbid it.
///
/// # Errors
/// When a name is unknown, or a wanted appliance has no sound wish.
pub fn chosen(snapshot: &Snapshot, only: &[ApplianceName]) -> Result<Vec<Arc<Desired>>, Failure> {
    let names: Vec<_> = if only.is_empty() { snapshot.desired.keys().cloned().collect() } else { only.to_vec() };
    let mut chosen = Vec::new();
    for name in &names {
        match (snapshot.desired.get(name), snapshot.refused.get(name)) {
            (Some(desired), _) => chosen.push(Arc::clone(desired)),
            (None, Some(_)) => return Err(refused(snapshot, format!("the manifests of `{name}` are faulty"))),
            (None, None) if !snapshot.complete => return Err(refused(snapshot, format!("no sound manifest describes `{name}`"))),
            (None, None) => {
                let known: Vec<_> = snapshot.desired.keys().map(ApplianceName::as_str).collect();
                return Err(Failure::new(format!("there is no appliance `{name}`")).hint(format!("there are: {}", known.join(", "))));
            }
        }
    }
    if chosen.is_empty() && !snapshot.complete {
        return Err(refused(snapshot, "the repository is faulty".to_owned()));
    }
    Ok(chosen)
}

/// What a command says of a revision that is refused in part, once the sound rest is dealt with.
///
/// # Errors
/// When it is refused in part.
pub fn whole(snapshot: &Snapshot) -> Result<(), Failure> {
    if snapshot.complete {
        return Ok(());
    }
    let names: Vec<_> = snapshot.refused.keys().map(ApplianceName::as_str).collect();
    let whom = if names.is_empty() { "a part of the fleet".to_owned() } else { names.join(", ") };
    Err(refused(snapshot, format!("{:#} is faulty; left out: {whom}", snapshot.revision)))
}

/// Faults that are shown by a command that is not about them.
const MOST_FAULTS: usize = 10;

/// What stands in the way, after `message`: faults before warnings; a wrong directory has thousands, of which the first tell it all.
#[must_use]
pub fn refused(snapshot: &Snapshot, message: String) -> Failure {
    let mut found = snapshot.diagnostics.to_vec();
    if found.len() <= MOST_FAULTS {
        return Failure::new(format!("{message}\n\n{}", render_all(&found))).hint("`trunkline validate` shows the same");
    }
    found.sort_by_key(|one| one.severity != Severity::Error);
    let shown: String = found.iter().take(MOST_FAULTS).map(|one| format!("{one}\n")).collect();
    let more = found.len() - MOST_FAULTS;
    Failure::new(format!("{message}\n\n{shown}and {more} more"))
        .hint("`trunkline validate` shows all; is this the directory of the manifests (--source, --path)?")
}
