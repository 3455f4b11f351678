//! A trace of the wire: each exchange as one file, ready to be read again as a fixture.
//!
//! Guarantees: what is written is what was said: both heads line by line, both envelopes unsealed; passwords are masked, by the names of
//! what holds them and by the values that somebody called secret, and so is what authenticates; files are for their owner only, few and
//! small; tracing never fails an exchange.
//! Deliberately absent: the messages in which the two ends agree on who they are, and octets that no envelope holds.

pub(crate) mod head;
mod mask;
mod record;

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use record::{Message, NoAnswer, Record, RecordError};

use crate::client::Heads;
use crate::clock::SharedClock;
use crate::secret::Secret;

/// How much is kept in one directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceLimits {
    /// Files.
    pub files: u64,
    /// Octets of one body; more is cut off.
    pub body: usize,
}

impl Default for TraceLimits {
    fn default() -> Self {
        Self { files: 10_000, body: 2 << 20 }
    }
}

/// See the module. One for all clients of a process.
#[derive(Debug)]
pub struct Trace {
    directory: PathBuf,
    limits: TraceLimits,
    clock: SharedClock,
    next: AtomicU64,
    is_full: AtomicBool,
    secrets: Mutex<Vec<Secret>>,
}

/// One exchange, as it is to be written.
pub(crate) struct Exchange<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) act: &'a str,
    pub(crate) request: &'a [u8],
    /// The body, or why there is none.
    pub(crate) answer: Result<&'a [u8], String>,
    pub(crate) heads: Heads,
    pub(crate) took: Duration,
}

impl Trace {
    /// A trace in `directory`, which is made when it is missing; it goes on after what is there.
    ///
    /// # Errors
    /// The directory cannot be made or read.
    pub fn open(directory: &Path, limits: TraceLimits, clock: SharedClock) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory)?;
        let mut last = 0;
        for entry in std::fs::read_dir(directory)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.split('-').next()?.parse::<u64>().ok());
            last = last.max(number.unwrap_or(0));
        }
        let (next, secrets) = (AtomicU64::new(last + 1), Mutex::default());
        Ok(Self { directory: directory.to_owned(), limits, clock, next, is_full: AtomicBool::new(false), secrets })
    }

    /// Masks `secret` in all that is written from now on, however it is spelled there.
    pub fn conceal(&self, secret: &Secret) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if !secret.reveal().is_empty() && !secrets.contains(secret) {
            secrets.push(secret.clone());
        }
    }

    /// Writes one exchange, if there is room. What goes wrong is logged, once for each file.
    pub(crate) fn write(&self, exchange: &Exchange<'_>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number > self.limits.files {
            if !self.is_full.swap(true, Ordering::Relaxed) {
                tracing::warn!(directory = %self.directory.display(), files = self.limits.files, "the trace is full; nothing more is written");
            }
            return;
        }
        let record = self.record(exchange);
        let host: String = exchange.endpoint.split("://").last().unwrap_or_default().chars().take_while(|c| *c != '/').collect();
        let plain =
            |text: &str| text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).take(60).collect::<String>();
        let path = self.directory.join(format!("{number:06}-{}-{}.http", plain(&host), plain(exchange.act)));
        if let Err(error) = create(&path).and_then(|mut file| file.write_all(record.to_string().as_bytes())) {
            tracing::warn!(file = %path.display(), %error, "an exchange was not traced");
        }
    }

    fn record(&self, exchange: &Exchange<'_>) -> Record {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let masked = |octets: &[u8]| {
            let mut text = mask::masked(&String::from_utf8_lossy(octets), &secrets);
            if text.len() > self.limits.body {
                let end = (0..=self.limits.body).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                text.truncate(end);
            }
            text
        };
        let head = |lines: &[String]| lines.iter().map(|line| masked(head::masked(line).as_bytes())).collect();
        let Exchange { endpoint, act, request, answer, heads, took } = exchange;
        Record {
            endpoint: (*endpoint).to_owned(),
            act: (*act).to_owned(),
            at: self.clock.now(),
            took: *took,
            request: Message { head: head(&heads.request), body: masked(request) },
            answer: match answer {
                Ok(body) => Ok(Message { head: head(&heads.answer), body: masked(body) }),
                Err(why) => Err(NoAnswer { why: masked(why.as_bytes()).replace(['\r', '\n'], " "), head: head(&heads.answer) }),
            },
        }
    }
}

/// A new file that only its owner reads.
fn create(path: &Path) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
