//! The state directory: where everything lies that the agent keeps between two lives, and how a file in it is replaced.
//!
//! Guarantees: a file is either the old or the new one, never half; nothing in here is needed for correctness (law 3), so what
//! cannot be read is set aside under another name and never deleted.
//! Deliberately absent: what stands in the files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use model::cause::chain;
use model::condition::Disposition;
use model::names::ApplianceName;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A directory cannot be made.
    #[error("cannot make the directory `{}`", path.display())]
    MakeDirectory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be replaced.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file can be read but says nothing that we understand.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl StateError {
    /// What it asks for: a full disk or a missing right can pass, so all are tried again.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::MakeDirectory { .. } | Self::Read { .. } | Self::Write { .. } | Self::Damaged { .. } => Disposition::Retry,
        }
    }
}

/// The state directory.
#[derive(Debug, Clone)]
pub struct StateDirectory {
    root: PathBuf,
}

impl StateDirectory {
    /// Uses `root`, making it when it is missing.
    ///
    /// # Errors
    /// `StateError::MakeDirectory`.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StateError> {
        let root = root.into();
        make(&root)?;
        Ok(Self { root })
    }

    /// `root` as it is, there or not, for whoever only reads.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of one appliance. Whoever writes there makes it.
    #[must_use]
    pub fn appliance(&self, appliance: &ApplianceName) -> PathBuf {
        // The prefix keeps names like `con` or `aux` away from Windows, which reserves them.
        self.root.join("appliances").join(format!("appliance-{appliance}"))
    }

    /// The appliances that something is kept of.
    ///
    /// # Errors
    /// `StateError::Read`: what cannot be looked at is not empty.
    pub fn appliances(&self) -> Result<Vec<ApplianceName>, StateError> {
        let path = self.root.join("appliances");
        let named = |entry: fs::DirEntry| ApplianceName::new(entry.file_name().to_str()?.strip_prefix("appliance-")?).ok();
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.and_then(Iterator::collect::<io::Result<Vec<_>>>),
        };
        let mut names: Vec<_> = entries.map_err(|source| StateError::Read { path, source })?.into_iter().filter_map(named).collect();
        names.sort();
        Ok(names)
    }
}

pub(crate) fn make(path: &Path) -> Result<(), StateError> {
    fs::create_dir_all(path).map_err(|source| StateError::MakeDirectory { path: path.to_owned(), source })
}

/// Replaces a file: written beside it, brought to the disk, renamed.
///
/// # Errors
/// `StateError::Write`; the old file is still there then.
pub(crate) fn replace(path: &Path, value: &impl Serialize) -> Result<(), StateError> {
    replace_with(path, value, File::sync_data)
}

/// Replaces a file that is written often and of which a power cut may cost the last word.
///
/// # Errors
/// `StateError::Write`; the old file is still there then.
pub(crate) fn replace_lightly(path: &Path, value: &impl Serialize) -> Result<(), StateError> {
    replace_with(path, value, |_| Ok(()))
}

fn replace_with(path: &Path, value: &impl Serialize, settle: impl Fn(&File) -> io::Result<()>) -> Result<(), StateError> {
    let attempt = || -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        let beside = path.with_extension("new");
        let mut file = match File::create(&beside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(path))?;
                File::create(&beside)?
            }
            other => other?,
        };
        file.write_all(&text)?;
        settle(&file)?;
        fs::rename(&beside, path)
    };
    attempt().map_err(|source| StateError::Write { path: path.to_owned(), source })
}

/// Reads a file; `None` when there is none.
///
/// # Errors
/// `StateError::Read` or `StateError::Damaged`.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StateError::Read { path: path.to_owned(), source }),
    };
    serde_json::from_slice(&text).map(Some).map_err(|source| StateError::Damaged { path: path.to_owned(), source })
}

/// What a file says whose loss costs time only.
#[derive(Debug)]
pub(crate) struct Left<T> {
    /// Its value; `None` when it is missing, or counts as missing.
    pub(crate) value: Option<T>,
    /// Why it lies there unread: whatever is written in its place would destroy it.
    pub(crate) unread: Option<StateError>,
}

/// Reads a file whose loss costs time only. One that never will be read (damaged, or no file at all) is set aside as `<name>.damaged`
/// and counts as missing; so does one that cannot be read now, which stays where it is.
pub(crate) fn read_or_set_aside<T: DeserializeOwned>(path: &Path) -> Left<T> {
    let error = match read(path) {
        Ok(value) => return Left { value, unread: None },
        Err(error) => error,
    };
    let unread = if is_for_ever(&error) { set_aside(path, error).err() } else { Some(error) };
    Left { value: None, unread }
}

fn is_for_ever(error: &StateError) -> bool {
    match error {
        StateError::Damaged { .. } => true,
        StateError::Read { source, .. } => source.kind() == io::ErrorKind::IsADirectory,
        StateError::MakeDirectory { .. } | StateError::Write { .. } => false,
    }
}

/// Puts a file out of the way; what is wrong with it when that fails.
fn set_aside(path: &Path, error: StateError) -> Result<(), StateError> {
    let aside = path.with_extension("damaged");
    if fs::rename(path, &aside).is_err() {
        return Err(error);
    }
    tracing::warn!(file = %path.display(), kept = %aside.display(), error = chain(&error), "a file of the state directory is set aside");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_left(path: &Path) -> Option<u32> {
        let Left { value, unread } = read_or_set_aside(path);
        assert!(unread.is_none(), "{unread:?}");
        value
    }

    #[test]
    fn what_cannot_be_set_aside_or_may_be_read_later_stays_where_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("memory.json");
        fs::write(&path, "{\"half\":").unwrap();
        fs::create_dir_all(directory.path().join("memory.damaged/full")).unwrap();
        assert!(matches!(read_or_set_aside::<u32>(&path), Left { value: None, unread: Some(StateError::Damaged { .. }) }));
        assert!(path.is_file());
        let below = path.join("status.json");
        assert!(matches!(read_or_set_aside::<u32>(&below), Left { value: None, unread: Some(StateError::Read { .. }) }));
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_counts_as_missing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("memory.json");
        fs::write(&path, "{\"half\":").unwrap();
        assert!(matches!(read::<u32>(&path), Err(StateError::Damaged { .. })));
        assert_eq!(value_left(&path), None);
        assert_eq!(fs::read_to_string(directory.path().join("memory.damaged")).unwrap(), "{\"half\":");
        assert_eq!(value_left(&path), None, "the second life starts as if nothing had been there");
    }

    #[test]
    fn a_replaced_file_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("number.json");
        replace(&path, &1).unwrap();
        replace(&path, &2).unwrap();
        assert_eq!(read::<u32>(&path).unwrap(), Some(2));
    }

    #[test]
    fn the_appliances_that_something_is_kept_of_are_found() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path().join("state")).unwrap();
        let name = ApplianceName::new("con").unwrap();
        assert_eq!(state.appliances().unwrap(), [], "nobody wrote yet");
        replace(&state.appliance(&name).join("status.json"), &1).unwrap();
        assert_eq!(state.appliances().unwrap(), [name]);
    }

    #[test]
    fn a_directory_that_cannot_be_looked_at_is_not_empty() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path()).unwrap();
        fs::write(directory.path().join("appliances"), "no directory").unwrap();
        assert!(matches!(state.appliances(), Err(StateError::Read { .. })));
    }
}
