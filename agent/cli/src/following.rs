//! How the repository is doing while it is followed: said when it changes, and kept for `trunkline status`.
//!
//! Guarantees: trouble is said once, however often it is tried again, and so is its end; what is kept is never older than what was said.
//! Deliberately absent: reading (that is `source::Watcher`), and any influence on what is done.

use engine::repository::{FailedRead, RepositoryRecord, in_force};
use jiff::{SignedDuration, Timestamp};
use model::cause::chain;
use model::diagnostic::{Diagnostic, Severity};
use model::snapshot::Snapshot;
use source::{Origin, SourceStatus};
use tokio::sync::watch;
use wsman::clock::SharedClock;

use crate::args::LogFormat;
use crate::console::{Aside, Console};
use crate::error::{Context as _, Failure};
use crate::wiring::Wiring;

/// Faults of one revision that are said one by one: a log is not read for the rest.
const MOST_FAULTS: usize = 10;

/// Tells of a repository.
#[derive(Debug)]
pub struct Following {
    record: RepositoryRecord,
    clock: SharedClock,
    console: Console,
    /// The trouble that was said last and is not over.
    said: Option<String>,
}

impl Following {
    /// Nothing is said yet.
    ///
    /// # Errors
    /// When the state directory cannot be used.
    pub fn new(wiring: &Wiring, origin: &Origin, console: &Console) -> Result<Self, Failure> {
        let record = RepositoryRecord::open(&wiring.state()?, origin.to_string());
        Ok(Self { record, clock: wiring.clock.clone(), console: console.clone(), said: None })
    }

    /// Writes down what was read once.
    ///
    /// # Errors
    /// When the state directory cannot be written.
    pub fn read(mut self, snapshot: &Snapshot) -> Result<(), Failure> {
        self.record.keep(Some(&snapshot.revision), None, self.clock.now()).context("cannot write to the state directory")
    }

    /// Says what is refused of each revision, and whenever the origin cannot be read or can be read again.
    pub async fn follow(mut self, mut snapshots: watch::Receiver<Snapshot>, mut status: watch::Receiver<SourceStatus>) {
        loop {
            tokio::select! {
                // Cancel-safe: `changed` leaves the newest to be seen next time.
                changed = snapshots.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let faults = refused(&snapshots.borrow_and_update());
                    faults.iter().for_each(|says| self.tell(says));
                }
                // Cancel-safe: as above.
                changed = status.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let now = status.borrow_and_update().clone();
                    self.take(&now);
                }
            }
        }
    }

    fn take(&mut self, status: &SourceStatus) {
        let SourceStatus { revision, trouble, .. } = status;
        let now = self.clock.now();
        let next = |wait| now.saturating_add(SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX);
        let failed = trouble.as_ref().map(|one| FailedRead { failures: one.failures, says: &one.message, next: next(one.retry_in) });
        if let Err(error) = self.record.keep(revision.as_ref(), failed, now) {
            self.tell(&format!("`trunkline status` cannot be told how the repository is doing: {}", chain(&error)));
        }
        let message = trouble.as_ref().map(|one| &one.message);
        if message == self.said.as_ref() {
            return;
        }
        match message {
            Some(says) => self.tell(&format!("the repository cannot be read: {says}; {}", in_force(revision.as_ref()))),
            None => self.tell("the repository can be read again"),
        }
        self.said = message.cloned();
    }

    fn tell(&self, says: &str) {
        match self.console.form {
            // Such a line has its time already.
            LogFormat::Json => self.console.aside(Aside::Caution, says),
            LogFormat::Text => self.console.aside(Aside::Caution, &format!("{:.0} {says}", self.clock.now())),
        }
    }
}

fn refused(snapshot: &Snapshot) -> Vec<String> {
    let faults = snapshot.diagnostics.iter().filter(|finding| finding.severity == Severity::Error);
    let how = if snapshot.desired.is_empty() { "is refused" } else { "is refused in part" };
    let say = |fault: &Diagnostic| {
        let (file, line, column) = (&fault.place.file, fault.place.line, fault.place.column);
        format!("{:#} {how}: {file}:{line}:{column}: {}", snapshot.revision, fault.message)
    };
    let mut said: Vec<String> = faults.clone().take(MOST_FAULTS).map(say).collect();
    if let Some(more) = faults.count().checked_sub(MOST_FAULTS).filter(|more| *more > 0) {
        said.push(format!("{:#} {how}: {more} more faults; `trunkline validate` shows all", snapshot.revision));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_of(files: &[(&str, String)]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        refused(&source::read_directory(directory.path()).unwrap())
    }

    #[test]
    fn what_is_refused_is_told_up_to_ten_faults_and_by_how_much_of_it_is_sound() {
        const WHOLE: &str = "apiVersion: trunkline.dev/v1alpha1\nkind: Repository\nmetadata: { name: contoso }\nspec: {}\n";
        let faults = |count: usize| "foo: bar\n---\n".repeat(count);
        assert!(refused_of(&[("repository.yaml", WHOLE.to_owned())]).is_empty());
        let ten = refused_of(&[("repository.yaml", WHOLE.to_owned()), ("a.yaml", faults(9) + "foo: bar\n")]);
        assert!(ten.len() == 10 && ten.iter().all(|says| says.starts_with("directory is refused: a.yaml:")), "{ten:#?}");
        let more = refused_of(&[("repository.yaml", WHOLE.to_owned()), ("a.yaml", faults(12) + "foo: bar\n")]);
        assert_eq!(
            (more.len(), more.last().unwrap().as_str()),
            (11, "directory is refused: 3 more faults; `trunkline validate` shows all")
        );
        let mut files: Vec<(String, String)> = Vec::new();
        let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/branch-bundle");
        for name in ["repository.yaml", "profile.yaml", "release.yaml", "defaults.yaml", "sites/ulm.yaml"] {
            files.push((name.replace('/', "-"), std::fs::read_to_string(example.join(name)).unwrap()));
        }
        let sound: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
        assert!(refused_of(&sound).is_empty(), "{:#?}", refused_of(&sound));
        let kiel = std::fs::read_to_string(example.join("sites/kiel.yaml")).unwrap().replace("addresses:", "adresses:");
        let part = refused_of(&[&sound[..], &[("z.yaml", kiel)]].concat());
        assert!(!part.is_empty() && part.iter().all(|says| says.starts_with("directory is refused in part: z.yaml:")), "{part:#?}");
    }
}
