//! Files to parsed files to a snapshot, parsing only what was not parsed before.
//!
//! What was parsed is kept by path and blob id, in memory: it lives as long as the schema that it was parsed by. Guarantees: the order
//! of threads never shows in the result; bounded memory beyond what is kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use git2::Oid;
use model::diagnostic::Code;
use model::parallel;
use model::resolve::ParsedFile;
use model::snapshot::{PolicyFile, Revision, Snapshot};
use model::validate::Assembler;
use model::yaml::MAX_FILE_BYTES;

use crate::error::SourceError;
use crate::listing::{FileKind, Listed, Listing, MAX_TOTAL_BYTES};

/// Below this many new files threads cost more than they save.
const FEW: usize = 32;

/// What a file holds.
pub(crate) enum Content {
    Bytes(Vec<u8>),
    /// More than a file may have; so many bytes.
    TooLarge(u64),
}

/// Where files are read from.
pub(crate) trait Contents: Sized + Send {
    fn content(&self, file: &Listed) -> Result<Content, SourceError>;

    /// The same for another thread, as handles of git stay on one.
    fn again(&self) -> Result<Self, SourceError>;
}

/// Everything that was parsed and is still in the tree.
#[derive(Clone, Default)]
pub(crate) struct Parsed {
    files: Files,
    count: u64,
}

/// By path. Not std's hash, for a poll of ten thousand files asks for each of them.
type Files = HashMap<Arc<str>, Entry, RandomState>;

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
        let held: Vec<Option<&Entry>> = listing.files.iter().map(|file| held(&self.files, file)).collect();
        let known = held.iter().flatten().map(|entry| entry.bytes).sum();
        let fresh: Vec<&Listed> = listing.files.iter().zip(&held).filter(|(_, held)| held.is_none()).map(|(file, _)| file).collect();
        let parsed = parse_all(&fresh, contents, known)?;
        // Counted only now: a revision that cannot be read leaves what was known as it was.
        self.count += parsed.len() as u64;
        let mut parsed = parsed.into_iter();
        let mut files = Files::with_capacity_and_hasher(listing.files.len(), RandomState::default());
        let mut manifests = listing.unread;
        let mut policies = Vec::new();
        for (file, held) in listing.files.iter().zip(held) {
            // What is not held was parsed, in this same order.
            let Some(entry) = held.cloned().or_else(|| parsed.next()) else { continue };
            match &entry.what {
                What::Manifest(parsed) => manifests.push(Arc::clone(parsed)),
                What::Policy(text) => policies.push(PolicyFile { path: Arc::clone(&file.path), text: Arc::clone(text) }),
            }
            files.insert(Arc::clone(&file.path), entry);
        }
        self.files = files;
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
}

fn held<'f>(files: &'f Files, file: &Listed) -> Option<&'f Entry> {
    files.get(&file.path).filter(|entry| !file.id.is_zero() && entry.id == file.id)
}

/// Reads and parses, in the order of the files; `known` bytes are held already.
fn parse_all(files: &[&Listed], contents: &impl Contents, known: u64) -> Result<Vec<Entry>, SourceError> {
    if files.len() >= FEW
        && let Some(entries) = side_by_side(files, contents, known)?
    {
        return Ok(entries);
    }
    let mut total = known;
    let mut admit = |content| match content {
        Content::Bytes(bytes) => {
            total += bytes.len() as u64;
            if total > MAX_TOTAL_BYTES { Content::TooLarge(bytes.len() as u64) } else { Content::Bytes(bytes) }
        }
        large @ Content::TooLarge(_) => large,
    };
    files.iter().map(|&file| Ok(entry(file, admit(contents.content(file)?)))).collect()
}

/// The same on several threads; nothing when the limit of the whole is passed, as it takes their order to say which files are too many.
fn side_by_side(files: &[&Listed], contents: &impl Contents, known: u64) -> Result<Option<Vec<Entry>>, SourceError> {
    let total = AtomicU64::new(known);
    let read = |contents: &_, file: &&Listed| {
        let content = if total.load(Ordering::Relaxed) > MAX_TOTAL_BYTES { return None } else { Contents::content(contents, file) };
        if let Ok(Content::Bytes(bytes)) = &content {
            total.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        Some(content.map(|content| entry(file, content)))
    };
    let others = (0..parallel::others()).map(|_| contents.again()).collect::<Result<_, _>>()?;
    let entries: Option<Result<Vec<Entry>, _>> = parallel::map_with(contents.again()?, others, files, read).into_iter().collect();
    entries.filter(|_| total.into_inner() <= MAX_TOTAL_BYTES).transpose()
}

fn entry(file: &Listed, content: Content) -> Entry {
    let (bytes, id) = match &content {
        Content::Bytes(bytes) => (bytes.len() as u64, file.id),
        // Whether the limit of the whole is passed depends on the other files.
        Content::TooLarge(bytes) if *bytes <= MAX_FILE_BYTES as u64 => (0, Oid::ZERO_SHA1),
        Content::TooLarge(_) => (0, file.id),
    };
    let what = match (content, file.kind) {
        (Content::Bytes(bytes), FileKind::Manifest) => What::Manifest(Arc::new(ParsedFile::new(Arc::clone(&file.path), &bytes))),
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
    Entry { id, bytes, what }
}

fn refused(file: &Listed, code: Code, message: String, hint: &str) -> What {
    What::Manifest(Arc::new(ParsedFile::unread(&file.path, code, message, hint)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred bytes, whatever the file is called.
    struct Hundred;

    impl Contents for Hundred {
        fn content(&self, _: &Listed) -> Result<Content, SourceError> {
            Ok(Content::Bytes(format!("#{}\n", "-".repeat(98)).into_bytes()))
        }

        fn again(&self) -> Result<Self, SourceError> {
            Ok(Self)
        }
    }

    #[test]
    fn the_files_that_are_too_many_are_the_last_ones_however_many_threads_read_them() {
        let listed = |number| Listed { path: format!("{number:03}.yaml").into(), id: Oid::ZERO_SHA1, kind: FileKind::Manifest };
        for count in [FEW / 2, FEW * 10] {
            let files: Vec<Listed> = (0..count).map(listed).collect();
            let entries = parse_all(&files.iter().collect::<Vec<_>>(), &Hundred, MAX_TOTAL_BYTES - 1_099).unwrap();
            let is_refused = |entry: &Entry| match &entry.what {
                What::Manifest(file) => file.faults().iter().any(|fault| fault.code == Code::TooManyFiles),
                What::Policy(_) => false,
            };
            let expected: Vec<bool> = (0..count).map(|number| number >= 10).collect();
            assert_eq!(entries.iter().map(is_refused).collect::<Vec<_>>(), expected);
        }
    }
}
