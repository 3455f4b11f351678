//! A repository of our own making on this machine, for the demonstration and for tests.
//!
//! Guarantees: a commit holds exactly the files that were given so far. Deliberately absent: work trees that anybody else edits, and
//! any repository that was there before.

use std::path::{Path, PathBuf};

use git2::{IndexAddOption, Repository, RepositoryInitOptions, Signature, Time};

use crate::error::SourceError;

/// A fresh repository with a work tree.
pub struct Scratch {
    repository: Repository,
    root: PathBuf,
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Scratch {
    /// Makes a repository with the branch `main` in `root`.
    ///
    /// # Errors
    /// `SourceError::Scratch` when the directory cannot be made or is a repository already.
    pub fn init(root: &Path) -> Result<Self, SourceError> {
        let mut options = RepositoryInitOptions::new();
        options.initial_head("main").no_reinit(true).mkpath(true);
        let failed = |source| SourceError::Scratch { act: "make a repository", path: root.to_owned(), source };
        let repository = Repository::init_opts(root, &options).map_err(failed)?;
        Ok(Self { repository, root: root.to_owned() })
    }

    /// Writes files (paths from the root, with `/`) and commits everything that lies in the work tree; the commit's id. `at` is its
    /// time, in seconds since 1970.
    ///
    /// # Errors
    /// `SourceError` when a file cannot be written or the commit not be made.
    pub fn commit(&self, files: &[(&str, &str)], message: &str, at: i64) -> Result<String, SourceError> {
        for (path, text) in files {
            let path = self.root.join(path);
            let write = || path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
            write().map_err(|source| SourceError::Directory { path: path.clone(), source })?;
        }
        let failed = |source| SourceError::Scratch { act: "commit", path: self.root.clone(), source };
        self.commit_all(message, at).map_err(failed)
    }

    fn commit_all(&self, message: &str, at: i64) -> Result<String, git2::Error> {
        let mut index = self.repository.index()?;
        index.add_all(["*"], IndexAddOption::DEFAULT, None)?;
        index.write()?;
        let tree = self.repository.find_tree(index.write_tree()?)?;
        let who = Signature::new("Trunkline", "trunkline@localhost", &Time::new(at, 0))?;
        let parent = self.repository.head().ok().and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        Ok(self.repository.commit(Some("HEAD"), &who, &who, message, &tree, &parents)?.to_string())
    }
}
