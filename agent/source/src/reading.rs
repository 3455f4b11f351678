//! Files to parsed files to a snapshot, parsing only what was not parsed before.
//!
//! What was parsed is kept by path and blob id, in memory: it lives as long as the schema that it was parsed by. Guarantees: the order
//! of threads never shows in the result; bounded memory beyond what is kept.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use git2::Oid;
use model::diagnostic::Code;
use model::snapshot::{PolicyFile, Revision, Snapshot};
use model::yaml::MAX_FILE_BYTES;

use model::resolve::ParsedFile;
use model::validate::Assembler;

use crate::error::SourceError;
use crate::listing::{FileKind, Listed, Listing, MAX_TOTAL_BYTES};

/// Files that are handed over at once: a thread that waits for each file by itself sleeps and wakes as long as it parses.
const BATCH: usize = 32;

/// Batches that are read ahead of the threads that parse them.
const AHEAD: usize = 4;

/// Threads that parse. More would outrun the one that reads.
const MAX_THREADS: usize = 4;

/// Below this many new files threads cost more than they save.
const FEW: usize = 32;

/// What a file holds.
pub(crate) enum Content {
    Bytes(Vec<u8>),
    /// More than a file may have; so many bytes.
    TooLarge(u64),
}

/// Where files are read from.
pub(crate) trait Contents {
    fn content(&self, file: &Listed) -> Result<Content, SourceError>;
}

/// Everything that was parsed and is still in the tree.
#[derive(Clone, Default)]
pub(crate) struct Parsed {
    files: Files,
    count: u64,
}

/// By path. Not std's hash, for a poll of ten thousand files asks for each of them several times.
type Files = HashMap<Arc<str>, Entry, foldhash::fast::RandomState>;

#[derive(Clone)]
struct Entry {
    /// Zero: to be read again next time.
    id: Oid,
    bytes: u64,
    what: What,
}

#[derive(Clone)]
enum What {
    Manifest(Arc<ParsedFile>),
    Policy(Arc<str>),
}

/// The version that a repository's `minimumAgent` is compared with.
const AGENT: &str = env!("CARGO_PKG_VERSION");

/// An assembler for this agent.
#[must_use]
pub fn assembler() -> Assembler {
    Assembler::new(AGENT)
}

impl Parsed {
    /// How many files were parsed so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The snapshot of the files of a listing.
    pub(crate) fn snapshot(
        &mut self,
        listing: Listing,
        contents: &impl Contents,
        revision: Revision,
        assembler: &mut Assembler,
    ) -> Result<Snapshot, SourceError> {
        let fresh: Vec<&Listed> = listing.files.iter().filter(|file| !self.holds(file)).collect();
        let held = listing.files.iter().filter(|file| self.holds(file));
        let known = held.filter_map(|file| self.files.get(&file.path)).map(|entry| entry.bytes).sum();
        let parsed = parse_all(&fresh, contents, Total(known))?;
        // Counted only now: a revision that cannot be read leaves what was known as it was.
        self.count += parsed.len() as u64;
        let mut before = std::mem::take(&mut self.files);
        let mut new: Files = parsed.into_iter().collect();
        self.files.reserve(listing.files.len());
        let mut manifests = listing.unread;
        let mut policies = Vec::new();
        for file in &listing.files {
            let Some((path, entry)) = new.remove_entry(&file.path).or_else(|| before.remove_entry(&file.path)) else { continue };
            match &entry.what {
                What::Manifest(parsed) => manifests.push(Arc::clone(parsed)),
                What::Policy(text) => policies.push(PolicyFile { path: Arc::clone(&path), text: Arc::clone(text) }),
            }
            self.files.insert(path, entry);
        }
        // One order whatever was unread, so that the same tree gives the same findings.
        manifests.sort_by(|a, b| a.path().cmp(b.path()));
        let assembled = assembler.assemble(manifests);
        Ok(Snapshot {
            revision,
            desired: assembled.desired,
            refused: assembled.refused,
            diagnostics: assembled.diagnostics,
            complete: assembled.complete,
            approvals: assembled.approvals,
            fleet: assembled.fleet,
            kept: Arc::default(),
            policies: Arc::new(policies),
        })
    }

    fn holds(&self, file: &Listed) -> bool {
        !file.id.is_zero() && self.files.get(&file.path).is_some_and(|entry| entry.id == file.id)
    }
}

type Batch<'l> = Vec<(&'l Listed, Content)>;

/// Reads on this thread, as git's handles stay on one, and parses on others.
fn parse_all(files: &[&Listed], contents: &impl Contents, mut total: Total) -> Result<Vec<(Arc<str>, Entry)>, SourceError> {
    if files.len() < FEW {
        return files.iter().map(|&file| Ok(entry(file, total.admit(contents.content(file)?)))).collect();
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let (send, receive) = sync_channel::<Batch<'_>>(AHEAD);
    let receive = Mutex::new(receive);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&receive))).collect();
        let fed = files.chunks(BATCH).try_for_each(|files| {
            let read = files.iter().map(|&file| Ok((file, total.admit(contents.content(file)?))));
            let batch: Batch<'_> = read.collect::<Result<_, SourceError>>()?;
            // Nobody receives any more only when every worker has died, which joining them tells.
            let _ = send.send(batch);
            Ok(())
        });
        drop(send);
        let mut done = Vec::with_capacity(files.len());
        for worker in workers {
            match worker.join() {
                Ok(entries) => done.extend(entries),
                Err(cause) => std::panic::resume_unwind(cause),
            }
        }
        fed.map(|()| done)
    })
}

fn work(batches: &Mutex<Receiver<Batch<'_>>>) -> Vec<(Arc<str>, Entry)> {
    let mut done = Vec::new();
    loop {
        let next = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = next else { return done };
        done.extend(batch.into_iter().map(|(file, content)| entry(file, content)));
    }
}

/// Bytes of this revision that are read.
struct Total(u64);

impl Total {
    fn admit(&mut self, content: Content) -> Content {
        match content {
            Content::Bytes(bytes) => {
                self.0 += bytes.len() as u64;
                if self.0 > MAX_TOTAL_BYTES { Content::TooLarge(bytes.len() as u64) } else { Content::Bytes(bytes) }
            }
            large @ Content::TooLarge(_) => large,
        }
    }
}

fn entry(file: &Listed, content: Content) -> (Arc<str>, Entry) {
    let (bytes, id) = match &content {
        Content::Bytes(bytes) => (bytes.len() as u64, file.id),
        // Whether the limit of the whole is passed depends on the other files.
        Content::TooLarge(bytes) if *bytes <= MAX_FILE_BYTES as u64 => (0, Oid::ZERO_SHA1),
        Content::TooLarge(_) => (0, file.id),
    };
    let what = match (content, file.kind) {
        (Content::Bytes(bytes), FileKind::Manifest) => What::Manifest(Arc::new(ParsedFile::new(&file.path, &bytes))),
        (Content::Bytes(bytes), FileKind::Policy) => match String::from_utf8(bytes) {
            Ok(text) => What::Policy(text.into()),
            Err(_) => refused(file, Code::NotUtf8, "the file is not UTF-8 text".to_owned(), "save the file as UTF-8"),
        },
        (Content::TooLarge(bytes), _) if bytes <= MAX_FILE_BYTES as u64 => {
            let message = format!("with this file the repository has more than {} MiB to read", MAX_TOTAL_BYTES >> 20);
            refused(file, Code::TooManyFiles, message, "read a directory of it with `--path`")
        }
        (Content::TooLarge(bytes), _) => {
            let message = format!("the file has {bytes} bytes, the limit is {MAX_FILE_BYTES}");
            refused(file, Code::FileTooLarge, message, "split it: a manifest per file reads better anyway")
        }
    };
    (Arc::clone(&file.path), Entry { id, bytes, what })
}

fn refused(file: &Listed, code: Code, message: String, hint: &str) -> What {
    What::Manifest(Arc::new(ParsedFile::unread(&file.path, code, message, hint)))
}
