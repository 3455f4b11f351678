//! Repositories of a test.

use std::path::{Path, PathBuf};

use git2::{IndexEntry, IndexTime, Oid, Repository, RepositoryInitOptions, Signature, Time};
use source::{Origin, Reader};

/// A repository in a directory that goes away with it.
pub struct Repo {
    pub directory: tempfile::TempDir,
    pub git: Repository,
}

/// A file mode in a tree.
pub const FILE: u32 = 0o100_644;
pub const LINK: u32 = 0o120_000;
pub const SUBMODULE: u32 = 0o160_000;

impl Repo {
    pub fn bare() -> Self {
        Self::init(true)
    }

    pub fn with_work_tree() -> Self {
        Self::init(false)
    }

    fn init(bare: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let git = Self::init_at(directory.path(), bare);
        Self { directory, git }
    }

    pub fn init_at(path: &Path, bare: bool) -> Repository {
        let mut options = RepositoryInitOptions::new();
        options.bare(bare).initial_head("main").external_template(false);
        Repository::init_opts(path, &options).unwrap()
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Commits exactly these files onto `main`.
    pub fn commit(&self, files: &[(&str, &str)]) -> Oid {
        let entries: Vec<_> = files.iter().map(|(path, text)| (*path, FILE, self.git.blob(text.as_bytes()).unwrap())).collect();
        self.commit_entries(&entries)
    }

    /// Commits exactly these entries onto `main`.
    pub fn commit_entries(&self, entries: &[(&str, u32, Oid)]) -> Oid {
        commit(&self.git, "refs/heads/main", entries)
    }

    /// Replaces `main` by a history that has nothing in common with what was.
    pub fn force(&self, files: &[(&str, &str)]) -> Oid {
        self.git.find_reference("refs/heads/main").unwrap().delete().unwrap();
        self.commit(files)
    }

    pub fn origin(&self) -> Origin {
        Origin::new(self.path().to_str().unwrap(), Some("main"), None).unwrap()
    }

    pub fn remote_origin(&self) -> Origin {
        Origin::new(&self.url(), Some("main"), None).unwrap()
    }

    pub fn reader(&self) -> Reader {
        Reader::new(self.origin(), None)
    }
}

/// Commits exactly these entries onto a reference. `a/b` makes directories.
pub fn commit(git: &Repository, reference: &str, entries: &[(&str, u32, Oid)]) -> Oid {
    let mut index = git2::Index::new().unwrap();
    for &(path, mode, id) in entries {
        let zero = IndexTime::new(0, 0);
        let path = path.as_bytes().to_vec();
        let entry = IndexEntry {
            ctime: zero,
            mtime: zero,
            dev: 0,
            ino: 0,
            mode,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path,
        };
        index.add(&entry).unwrap();
    }
    let tree = git.find_tree(index.write_tree_to(git).unwrap()).unwrap();
    let parents: Vec<_> = git.find_reference(reference).ok().and_then(|tip| tip.peel_to_commit().ok()).into_iter().collect();
    // Distinct times keep commits of equal trees apart.
    let time = i64::from(u32::try_from(parents.iter().map(|parent| parent.time().seconds()).max().unwrap_or(1_700_000_000)).unwrap()) + 1;
    let who = Signature::new("Test", "test@example.com", &Time::new(time, 0)).unwrap();
    git.commit(Some(reference), &who, &who, "a change", &tree, &parents.iter().collect::<Vec<_>>()).unwrap()
}
