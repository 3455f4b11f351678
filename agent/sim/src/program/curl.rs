//! `curl.exe`: downloads what the world publishes, as fast as it comes, and goes on where a file ends.
//!
//! Guarantees: what has come is on the disk, also when the connection or the machine breaks; exit codes are curl's own.
//! Deliberately absent: uploads, cookies, authentication, several addresses at once.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Call, Program, Step};
use crate::file_tree::{Content, FileError, Found};
use crate::host::disk::{Disk, DiskKind};
use crate::world::outside::{HttpSource, Listener, Ranges, authority};

// curl's exit codes.
const UNSUPPORTED_PROTOCOL: u32 = 1;
const MALFORMED: u32 = 3;
const NO_RESOLVE: u32 = 6;
const NO_CONNECT: u32 = 7;
const PARTIAL: u32 = 18;
const REFUSED: u32 = 22;
const WRITE: u32 = 23;
const NO_RANGE: u32 = 33;
const USAGE: u32 = 2;

/// Into how many steps a download is divided: so much is lost at most when the machine goes down.
const STEPS: u64 = 32;

/// What was asked on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Wanted {
    url: String,
    output: Option<String>,
    resumes: bool,
    fails: bool,
    silent: bool,
    shows_errors: bool,
    retries: u32,
    retries_all: bool,
    pause: Option<i64>,
}

/// A download under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transfer {
    wanted: Wanted,
    /// Bytes that are there.
    have: u64,
    /// Whether a pause before the next try is what is waited for.
    pausing: bool,
}

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    let wanted = match read(call.words()) {
        Ok(wanted) => wanted,
        Err(words) => {
            call.complain(&format!("curl: {words}"));
            return call.fail("curl: try 'curl --help' for more information", USAGE);
        }
    };
    Transfer { wanted, have: 0, pausing: true }.resume(call)
}

fn read(words: Vec<String>) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let mut next = |option: &str| words.next().ok_or_else(|| format!("option {option}: requires parameter"));
        if let Some(long) = word.strip_prefix("--") {
            match long {
                "output" => wanted.output = Some(next(&word)?),
                "continue-at" => wanted.resumes = next(&word)? == "-",
                "fail" => wanted.fails = true,
                "silent" => wanted.silent = true,
                "show-error" => wanted.shows_errors = true,
                "retry" => {
                    wanted.retries = next(&word)?.parse().map_err(|_| format!("option {word}: expected a proper numerical parameter"))?
                }
                "retry-delay" => wanted.pause = next(&word)?.parse().ok(),
                "retry-all-errors" => wanted.retries_all = true,
                "url" => wanted.url = next(&word)?,
                "connect-timeout" | "max-time" | "user-agent" | "proto" | "cacert" | "speed-limit" | "speed-time" => drop(next(&word)?),
                "location" | "insecure" | "ssl-no-revoke" | "tlsv1.2" | "retry-connrefused" | "create-dirs" | "no-progress-meter" => {}
                _ => return Err(format!("option {word}: is unknown")),
            }
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let mut letters = letters.chars();
            while let Some(letter) = letters.next() {
                let mut value = || {
                    let rest = letters.as_str().to_owned();
                    letters = "".chars();
                    if rest.is_empty() { next(&word) } else { Ok(rest) }
                };
                match letter {
                    'o' => wanted.output = Some(value()?),
                    'C' => wanted.resumes = value()? == "-",
                    'm' | 'A' => drop(value()?),
                    'f' => wanted.fails = true,
                    's' => wanted.silent = true,
                    'S' => wanted.shows_errors = true,
                    'L' | 'k' | '#' => {}
                    _ => return Err(format!("option {word}: is unknown")),
                }
            }
        } else {
            wanted.url = word;
        }
    }
    if wanted.url.is_empty() { Err("no URL specified!".to_owned()) } else { Ok(wanted) }
}

impl Transfer {
    pub(super) fn resume(mut self, call: &mut Call<'_, '_>) -> Option<Step> {
        if std::mem::take(&mut self.pausing) {
            return self.begin(call);
        }
        let source = self.source(call)?;
        let total = source.bytes();
        let step = (total / STEPS).max(1 << 20);
        let until = total.min(self.have.saturating_add(step));
        // A cut happens once, at its byte.
        let cut = source.cuts.iter().copied().filter(|at| (self.have..until).contains(at)).min();
        self.have = cut.unwrap_or(until);
        if let Err(error) = self.store(call, &source)? {
            return self.end(call, WRITE, &format!("Failure writing output to destination: {error}"));
        }
        if let Some(at) = cut {
            let held = call.desk.world.outside.sources.iter_mut().find(|held| held.url == self.wanted.url)?;
            held.cuts.retain(|cut| *cut != at);
            let left = total - self.have;
            return self.end(call, PARTIAL, &format!("end of response with {left} bytes missing"));
        }
        if self.have < total { self.later(call, &source) } else { self.end(call, 0, "") }
    }

    fn source(&self, call: &Call<'_, '_>) -> Option<HttpSource> {
        call.desk.world.outside.sources.iter().find(|source| source.url == self.wanted.url).cloned()
    }

    /// One try: connects, asks, and sees what is answered.
    fn begin(mut self, call: &mut Call<'_, '_>) -> Option<Step> {
        let url = self.wanted.url.clone();
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
        if !matches!(scheme, "http" | "https") {
            return self.end(call, UNSUPPORTED_PROTOCOL, &format!("Protocol \"{scheme}\" not supported"));
        }
        if rest.is_empty() || rest.contains(' ') {
            return self.end(call, MALFORMED, "URL using bad/illegal format or missing URL");
        }
        let host = authority(&url);
        let name = host.split(':').next().unwrap_or(host).to_owned();
        let known = call.desk.world.outside.sources.iter().any(|source| source.authority() == host);
        if !known || !call.desk.reaches_outside() {
            if name.parse::<std::net::IpAddr>().is_ok() {
                return self.end(call, NO_CONNECT, &format!("Failed to connect to {name}: Could not connect to server"));
            }
            return self.end(call, NO_RESOLVE, &format!("Could not resolve host: {name}"));
        }
        let Some(source) = self.source(call) else { return self.answered(call, 404) };
        if source.listener == Listener::Absent {
            return self.end(call, NO_CONNECT, &format!("Failed to connect to {name}: Could not connect to server"));
        }
        if let Some(status) = source.status.filter(|status| *status >= 300) {
            return self.answered(call, status);
        }
        self.have = 0;
        if let Some(output) = self.wanted.output.clone().filter(|_| self.wanted.resumes) {
            let path = call.path(&output);
            self.have = call.files()?.file(&path).map_or(0, |file| file.bytes);
        }
        // What is there already, or more, is a range that cannot be satisfied, which curl takes for the end of a resumed download.
        if self.have > 0 && self.have >= source.bytes() {
            return self.end(call, 0, "");
        }
        if self.have > 0 && source.ranges == Ranges::Ignored {
            return self.end(call, NO_RANGE, "HTTP server doesn't seem to support byte ranges. Cannot resume.");
        }
        if !self.wanted.silent {
            call.complain("  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current");
            call.complain("                                 Dload  Upload   Total   Spent    Left  Speed");
        }
        if let Err(error) = self.store(call, &source)? {
            return self.end(call, WRITE, &format!("Failure writing output to destination: {error}"));
        }
        if source.bytes() == 0 { self.end(call, 0, "") } else { self.later(call, &source) }
    }

    /// Until the next step of the file has come.
    fn later(self, call: &Call<'_, '_>, source: &HttpSource) -> Option<Step> {
        let step = (source.bytes() / STEPS).max(1 << 20).min(source.bytes() - self.have);
        let speed = source.mib_per_second.max(1) << 20;
        let length = SignedDuration::from_millis(i64::try_from(step.saturating_mul(1000) / speed).unwrap_or(i64::MAX).max(1));
        call.later(length, Program::Curl(Box::new(self)))
    }

    /// Puts what has come where it belongs.
    fn store(&self, call: &mut Call<'_, '_>, source: &HttpSource) -> Option<Result<(), FileError>> {
        let have = usize::try_from(self.have).unwrap_or(usize::MAX);
        let bytes = source.content.as_ref().map(|text| text.as_bytes()[..have.min(text.len())].to_vec());
        let Some(output) = &self.wanted.output else {
            if self.have == source.bytes() {
                call.put(&bytes.unwrap_or_default());
            }
            return Some(Ok(()));
        };
        let path = call.path(output);
        let disk = (self.have == source.bytes()).then(|| source.image.clone()).flatten();
        let id = call.desk.ids().guid();
        let mut files = call.files()?;
        if files.find(&path) == Found::Folder {
            return Some(Err(FileError::Denied));
        }
        let content = bytes.map_or_else(|| Content::Published(source.url.clone()), Content::Bytes);
        if let Err(error) = files.write(&path, content, self.have) {
            return Some(Err(error));
        }
        if let Some(image) = disk
            && let Some(file) = files.files.get_mut(&crate::host::disk::FileKey::new(&path))
        {
            file.disk = Some(Disk { id, kind: DiskKind::Dynamic, size: 127 << 30, image: Some(image), guest: None });
        }
        Some(Ok(()))
    }

    /// The server has answered that it has no such file, or something of that kind.
    fn answered(self, call: &mut Call<'_, '_>, status: u16) -> Option<Step> {
        if self.wanted.fails {
            let transient = matches!(status, 408 | 429 | 500 | 502 | 503 | 504);
            return self.try_again(call, transient, REFUSED, &format!("The requested URL returned error: {status}"));
        }
        let page = format!("<html><head><title>{status}</title></head></html>\n").into_bytes();
        match &self.wanted.output {
            None => call.put(&page),
            Some(output) => {
                if let Err(error) = call.write_file(&output.clone(), page)? {
                    return self.end(call, WRITE, &format!("Failure writing output to destination: {error}"));
                }
            }
        }
        Some(Step::Done(0))
    }

    fn end(self, call: &mut Call<'_, '_>, code: u32, words: &str) -> Option<Step> {
        self.try_again(call, false, code, words)
    }

    /// Ends with `code`, unless it is worth another try.
    fn try_again(mut self, call: &mut Call<'_, '_>, transient: bool, code: u32, words: &str) -> Option<Step> {
        if code == 0 {
            return Some(Step::Done(0));
        }
        if self.wanted.retries > 0 && (transient || self.wanted.retries_all) {
            self.wanted.retries -= 1;
            self.pausing = true;
            // A second, then twice as long each time, as curl does; here each pause is the first, or what was asked for.
            let pause = self.wanted.pause.unwrap_or(1).max(1);
            if !self.wanted.silent {
                call.complain(&format!("Warning: Problem : {words}. Will retry in {pause} second. {} retries left.", self.wanted.retries));
            }
            return call.later(SignedDuration::from_secs(pause), Program::Curl(Box::new(self)));
        }
        if !self.wanted.silent || self.wanted.shows_errors {
            call.complain(&format!("curl: ({code}) {words}"));
        }
        Some(Step::Done(code))
    }
}
