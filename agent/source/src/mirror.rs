//! The agent's own bare copy of a remote, in its state directory.
//!
//! It outlives the agent, so that after a restart the last state is known even while the remote is away. Guarantees: HEAD of the
//! mirror names what was fetched last; a mirror that cannot be opened is made anew, since nothing in it is ours alone.

use std::path::{Path, PathBuf};

use git2::{ErrorCode, ObjectType, Oid, Repository, RepositoryInitOptions};

use crate::error::SourceError;
use crate::fetch::{Access, fetch};
use crate::origin::Origin;

/// A bare copy of one reference of a remote.
pub(crate) struct Mirror {
    repository: Repository,
}

/// Where the state of an origin lies: the mirror, and what is remembered of it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) mirror: PathBuf,
    pub(crate) last_good: PathBuf,
}

impl Place {
    /// A name of its own for each origin, so that a changed setting never reads another repository's state.
    pub(crate) fn of(state: &Path, origin: &Origin) -> Self {
        let digest = Oid::hash_object(ObjectType::Blob, origin.identity().as_bytes()).map(|id| id.to_string()).unwrap_or_default();
        let name = digest.get(..16).unwrap_or("origin");
        Self { mirror: state.join("source").join(format!("{name}.git")), last_good: state.join("source").join(format!("{name}.good")) }
    }
}

impl Mirror {
    /// Opens or makes the mirror.
    pub(crate) fn open(path: &Path) -> Result<Self, SourceError> {
        match Repository::open_bare(path) {
            Ok(repository) => return Ok(Self { repository }),
            Err(error) if error.code() == ErrorCode::NotFound => {}
            Err(error) => tracing::warn!(path = %path.display(), error = error.message(), "the mirror is damaged and is made anew"),
        }
        let state = |act| move |source| SourceError::State { act, path: path.to_owned(), source };
        if path.exists() {
            std::fs::remove_dir_all(path).map_err(state("remove the damaged mirror"))?;
        }
        std::fs::create_dir_all(path).map_err(state("make the mirror"))?;
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).initial_head("refs/trunkline/none");
        let repository = Repository::init_opts(path, &options);
        let repository = repository.map_err(|source| SourceError::Open { path: path.to_owned(), source })?;
        Ok(Self { repository })
    }

    /// Brings the reference up to date. Afterwards HEAD of the mirror points at it.
    pub(crate) fn refresh(&self, access: &Access, origin: &Origin) -> Result<(), SourceError> {
        let found = fetch(&self.repository, access, &origin.candidates())?;
        let Some(name) = found else {
            return Err(match &origin.reference {
                Some(reference) => SourceError::NoReference { origin: origin.to_string(), reference: reference.clone() },
                None => SourceError::Empty { origin: origin.to_string() },
            });
        };
        // Written only when it moves, so that a poll without news leaves the disk alone.
        let head = self.repository.find_reference("HEAD").ok();
        if head.as_ref().and_then(|head| head.symbolic_target_bytes()) != Some(name.as_bytes()) {
            let moved = self.repository.reference_symbolic("HEAD", &name, true, "trunkline: what is followed");
            moved.map_err(|source| SourceError::Open { path: self.repository.path().to_owned(), source })?;
        }
        Ok(())
    }
}
