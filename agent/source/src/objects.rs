//! One repository's objects and references, over a handle that lives as long as its reader.
//!
//! Guarantees: reads only. Deliberately absent: the network (that is [`crate::fetch`]'s), and the meaning of what is read.

use std::path::Path;

use git2::{ErrorCode, ObjectType, Oid, Repository, Tree};
use model::snapshot::Revision;
use model::yaml::MAX_FILE_BYTES;

use crate::error::SourceError;
use crate::listing::{Listed, MAX_LINK_BYTES};
use crate::origin::{Origin, SubPath};
use crate::reading::{Content, Contents};

/// A repository that is read.
pub(crate) struct Objects {
    repository: Repository,
    /// For errors.
    origin: String,
}

/// What a reference points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tip {
    /// The reference as people call it: `main`.
    pub(crate) name: String,
    pub(crate) commit: Oid,
}

impl Tip {
    pub(crate) fn revision(&self) -> Revision {
        Revision::of_commit(&self.name, &self.commit.to_string())
    }
}

impl Objects {
    /// Opens the repository at exactly this place: its work tree's root, its `.git`, or a bare one.
    pub(crate) fn open(path: &Path, origin: &Origin) -> Result<Self, SourceError> {
        Self::at(path, origin.to_string())
    }

    fn at(path: &Path, origin: String) -> Result<Self, SourceError> {
        let repository = Repository::open(path).map_err(|source| match source.code() {
            ErrorCode::Owner => SourceError::NotOurs { path: path.to_owned(), source },
            _ => SourceError::Open { path: path.to_owned(), source },
        })?;
        Ok(Self { repository, origin })
    }

    /// Where its references lie, for whoever watches them.
    pub(crate) fn git_directories(&self) -> [std::path::PathBuf; 2] {
        [self.repository.path().to_owned(), self.repository.commondir().to_owned()]
    }

    /// What the reference points at; `names` are its full names, the likeliest first, or empty when HEAD decides.
    pub(crate) fn tip(&self, names: &[String], asked: Option<&str>) -> Result<Tip, SourceError> {
        let found = if names.is_empty() {
            self.repository.head()
        } else {
            let missing = || git2::Error::new(ErrorCode::NotFound, git2::ErrorClass::Reference, "no such reference");
            let mut found = names.iter().map(|name| self.repository.find_reference(name));
            // Only what is not there leaves room for the next: a branch that cannot be read is not the tag of its name.
            found.find(|found| !found.as_ref().is_err_and(|error| error.code() == ErrorCode::NotFound)).unwrap_or_else(|| Err(missing()))
        };
        let reference = found.map_err(|source| match (source.code(), asked) {
            (ErrorCode::UnbornBranch, _) | (ErrorCode::NotFound, None) => SourceError::Empty { origin: self.origin.clone() },
            (ErrorCode::NotFound, Some(asked)) => SourceError::NoReference { origin: self.origin.clone(), reference: asked.to_owned() },
            _ => SourceError::Object { origin: self.origin.clone(), object: asked.unwrap_or("HEAD").to_owned(), source },
        })?;
        let name = String::from_utf8_lossy(reference.shorthand_bytes());
        // Mirrors keep what they fetched under `refs/trunkline/heads/…`.
        let name = name.strip_prefix("trunkline/heads/").or_else(|| name.strip_prefix("trunkline/tags/")).unwrap_or(&name).to_owned();
        let commit = reference.peel_to_commit();
        let commit = commit.map_err(|source| SourceError::Object { origin: self.origin.clone(), object: name.clone(), source })?;
        Ok(Tip { name, commit: commit.id() })
    }

    /// The commit that any rev-spec names (`main~3`, `v1.2`, an abbreviated id).
    pub(crate) fn commit_of(&self, rev: &str) -> Result<Oid, SourceError> {
        let commit = self.repository.revparse_single(rev).and_then(|object| object.peel_to_commit());
        let commit = commit.map_err(|source| SourceError::NoRevision { origin: self.origin.clone(), rev: rev.to_owned(), source })?;
        Ok(commit.id())
    }

    /// Whether `new` has `old` among its ancestors, or is it. A history that lost `old` does not.
    pub(crate) fn descends(&self, new: Oid, old: Oid) -> bool {
        new == old || self.repository.graph_descendant_of(new, old).unwrap_or(false)
    }

    /// The tree of a directory of a commit.
    pub(crate) fn root(&self, commit: Oid, path: &SubPath) -> Result<Oid, SourceError> {
        let found = self.repository.find_commit(commit).and_then(|commit| commit.tree());
        let tree = found.map_err(|source| self.damaged(commit, source))?;
        if path.as_str().is_empty() {
            return Ok(tree.id());
        }
        let missing = || SourceError::NoPath { revision: commit.to_string(), path: path.to_string() };
        let entry = match tree.get_path(Path::new(path.as_str())) {
            Ok(entry) => entry,
            Err(source) if source.code() == ErrorCode::NotFound => return Err(missing()),
            Err(source) => return Err(self.damaged(tree.id(), source)),
        };
        if entry.kind() == Some(ObjectType::Tree) { Ok(entry.id()) } else { Err(missing()) }
    }

    pub(crate) fn tree(&self, id: Oid) -> Result<Tree<'_>, SourceError> {
        self.repository.find_tree(id).map_err(|source| self.damaged(id, source))
    }

    /// Where a link leads; `None` when that is too long or no text.
    pub(crate) fn link_target(&self, id: Oid) -> Result<Option<String>, SourceError> {
        match self.bounded(id, MAX_LINK_BYTES)? {
            Content::Bytes(bytes) => Ok(String::from_utf8(bytes).ok()),
            Content::TooLarge(_) => Ok(None),
        }
    }

    fn bounded(&self, id: Oid, limit: usize) -> Result<Content, SourceError> {
        let damaged = |source| self.damaged(id, source);
        let odb = self.repository.odb().map_err(damaged)?;
        // The header first: it tells the size without unpacking, so a bomb is never inflated.
        let (size, _) = odb.read_header(id).map_err(damaged)?;
        if size > limit {
            return Ok(Content::TooLarge(size as u64));
        }
        Ok(Content::Bytes(odb.read(id).map_err(damaged)?.data().to_vec()))
    }

    pub(crate) fn damaged(&self, id: Oid, source: git2::Error) -> SourceError {
        SourceError::Object { origin: self.origin.clone(), object: id.to_string(), source }
    }
}

impl Contents for Objects {
    fn content(&self, file: &Listed) -> Result<Content, SourceError> {
        self.bounded(file.id, MAX_FILE_BYTES)
    }

    fn again(&self) -> Result<Self, SourceError> {
        Self::at(self.repository.path(), self.origin.clone())
    }
}
