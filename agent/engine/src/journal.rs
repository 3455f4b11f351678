//! What the agent meant to do and did to one appliance: an append-only file, each record chained to the one before it.
//!
//! Guarantees: an `Intent` is on the disk before its host hears of it; a file that was cut at any byte loses no earlier record and
//! never keeps the agent from starting (the torn tail is kept aside as `journal.torn`); changed history is noticed; the size is bounded.
//! Deliberately absent: any way to ask what to do next. The journal explains, it never commands (law 3).
//!
//! Writing blocks the thread for one line. It is done in place, and not handed to another thread, so that a future which is dropped
//! leaves no write behind it that would land after a later one.

mod record;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use model::condition::Disposition;

use record::{End, decode, encode};
pub use record::{Entry, Record, Tear};

/// A file that grew beyond this is put aside; with the one before it, that is the whole history kept.
const ROTATE_AT: u64 = 1024 * 1024;

const CURRENT: &str = "journal.jsonl";
const BEFORE: &str = "journal.1.jsonl";
const TORN: &str = "journal.torn";

/// The journal cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file of it cannot be read.
    #[error("cannot read the journal `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A record cannot be written.
    #[error("cannot write to the journal `{}`", path.display())]
    Append {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A torn tail cannot be set aside.
    #[error("cannot set aside the torn end of the journal as `{}`", path.display())]
    SetAside {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl JournalError {
    /// What it asks for. Without a journal no planned work is done, and a full disk can pass.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Read { .. } | Self::Append { .. } | Self::SetAside { .. } => Disposition::Retry,
        }
    }
}

/// An end of the journal that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Where it was set aside.
    pub kept: PathBuf,
    /// How many bytes.
    pub bytes: usize,
    /// Why it could not be read.
    pub why: Tear,
}

/// The journal of one appliance, open for writing. One owner at a time: the state directory's lock sees to it.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    file: File,
    length: u64,
    end: End,
    // A write failed half-way: where the file must be cut before the next one.
    cut_at: Option<u64>,
    rotate_at: u64,
}

impl Journal {
    /// Opens the journal in `directory`; a torn end is set aside and told.
    ///
    /// # Errors
    /// `JournalError` when the disk refuses; never for what stands in the files.
    pub fn open(directory: &Path) -> Result<(Self, Option<Torn>), JournalError> {
        Self::open_bounded(directory, ROTATE_AT)
    }

    fn open_bounded(directory: &Path, rotate_at: u64) -> Result<(Self, Option<Torn>), JournalError> {
        let before = scan(&content(&directory.join(BEFORE))?, None);
        let path = directory.join(CURRENT);
        let bytes = content(&path)?;
        // A file before that is damaged at its end cannot say what continues it; the current one is believed then.
        let known = before.tear.is_none().then_some(before.end.as_ref()).flatten();
        let scanned = scan(&bytes, known);
        let torn = match (scanned.tear, bytes.get(scanned.sound..)) {
            (Some(why), Some(tail)) => Some(set_aside(directory, tail, why)?),
            _ => None,
        };
        let fail = |source| JournalError::Append { path: path.clone(), source };
        fs::create_dir_all(directory).map_err(fail)?;
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        let length = u64::try_from(scanned.sound).unwrap_or(u64::MAX);
        if torn.is_some() {
            file.set_len(length).and_then(|()| file.sync_data()).map_err(fail)?;
        }
        file.seek(SeekFrom::Start(length)).map_err(fail)?;
        let end = scanned.end.or(before.end).unwrap_or_else(End::genesis);
        Ok((Self { directory: directory.to_owned(), file, length, end, cut_at: None, rotate_at }, torn))
    }

    /// Writes a record. An `Intent` is on the disk when this returns; the others get there with the next `Intent` at the latest.
    ///
    /// # Errors
    /// `JournalError::Append`; the record does not count as written then.
    pub fn append(&mut self, at: Timestamp, entry: Entry) -> Result<(), JournalError> {
        let sync = matches!(entry, Entry::Intent { .. });
        self.write(at, entry, sync).map_err(|source| JournalError::Append { path: self.directory.join(CURRENT), source })
    }

    fn write(&mut self, at: Timestamp, entry: Entry, sync: bool) -> io::Result<()> {
        if self.length >= self.rotate_at {
            self.rotate()?;
        }
        if let Some(length) = self.cut_at {
            self.file.set_len(length)?;
            self.file.seek(SeekFrom::Start(length))?;
            self.cut_at = None;
        }
        let (line, end) = encode(&self.end, at, entry)?;
        self.cut_at = Some(self.length);
        self.file.write_all(&line)?;
        if sync {
            self.file.sync_data()?;
        }
        self.cut_at = None;
        self.length += u64::try_from(line.len()).unwrap_or(u64::MAX);
        self.end = end;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        // Between these two calls there is no current file; opening then goes on from the file before. Where the second one failed, the
        // first has nothing left to do when the next record comes.
        match fs::rename(self.directory.join(CURRENT), self.directory.join(BEFORE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        self.file = OpenOptions::new().create_new(true).write(true).open(self.directory.join(CURRENT))?;
        self.length = 0;
        Ok(())
    }
}

/// What can be read of a journal, oldest first, and why it ends earlier than its files do. Takes no lock and changes nothing.
///
/// # Errors
/// `JournalError::Read`.
pub fn read(directory: &Path) -> Result<(Vec<Record>, Option<Tear>), JournalError> {
    let before = scan(&content(&directory.join(BEFORE))?, None);
    let known = before.tear.is_none().then_some(before.end.as_ref()).flatten();
    let current = scan(&content(&directory.join(CURRENT))?, known);
    let mut records = before.records;
    records.extend(current.records);
    Ok((records, before.tear.or(current.tear)))
}

struct Scanned {
    records: Vec<Record>,
    end: Option<End>,
    sound: usize,
    tear: Option<Tear>,
}

fn scan(bytes: &[u8], before: Option<&End>) -> Scanned {
    let mut scanned = Scanned { records: Vec::new(), end: None, sound: 0, tear: None };
    while let Some(rest) = bytes.get(scanned.sound..).filter(|rest| !rest.is_empty()) {
        match decode(rest, scanned.end.as_ref().or(before)) {
            Ok((record, length, end)) => {
                scanned.records.push(record);
                scanned.sound += length;
                scanned.end = Some(end);
            }
            Err(tear) => {
                scanned.tear = Some(tear);
                break;
            }
        }
    }
    scanned
}

fn content(path: &Path) -> Result<Vec<u8>, JournalError> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(JournalError::Read { path: path.to_owned(), source }),
    }
}

/// Puts a torn tail where it can be looked at. It is on the disk there before it is cut off here. The newest tears are kept.
fn set_aside(directory: &Path, tail: &[u8], why: Tear) -> Result<Torn, JournalError> {
    let path = directory.join(TORN);
    let attempt = || -> io::Result<()> {
        let grown = fs::metadata(&path).is_ok_and(|file| file.len() > ROTATE_AT);
        let mut file = OpenOptions::new().create(true).append(!grown).truncate(grown).write(true).open(&path)?;
        file.write_all(tail)?;
        file.write_all(b"\n")?;
        file.sync_data()
    };
    attempt().map_err(|source| JournalError::SetAside { path: path.clone(), source })?;
    tracing::warn!(kept = %path.display(), bytes = tail.len(), %why, "the end of a journal could not be read");
    Ok(Torn { kept: path, bytes: tail.len(), why })
}

#[cfg(test)]
mod tests;
