//! The parts of an engine, from settings.
//!
//! Guarantees: one clock, one way to each host, made here and nowhere else. Deliberately absent: anything that runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::interrupt::KillSwitch;
use engine::lock::{LockError, LockHolder, StateLock};
use engine::place::StateDirectory;
use engine::store::memory::{MemoryStore, Ownership};
use engine::{Hosts, Limits, Parts};
use hyperv::HostContext;
use model::desired::DesiredHost;
use sim::network::Endpoints;
use wsman::auth::Refusals;
use wsman::clock::{SharedClock, SystemClock};
use wsman::tls::{Tls, Trust};
use wsman::trace::{Trace, TraceLimits};

use crate::bounded;
use crate::connect;
use crate::credentials::Credentials;
use crate::error::{Context as _, Failure};
use crate::settings::Settings;

/// The system's own authorities have a tenth of this.
const MOST_OF_AUTHORITIES: u64 = 4 * 1024 * 1024;
const AUTHORITIES: &str = "name a PEM file with --ca: certificates of authorities, each from `-----BEGIN CERTIFICATE-----` on";

/// Everything that a command on hosts is made of.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// Tells wall time.
    pub clock: SharedClock,
    /// Resolves names of credentials, the repository's included.
    pub credentials: Arc<Credentials>,
    trust: Trust,
    refusals: Refusals,
    trace: Option<Arc<Trace>>,
    connect_to: Option<PathBuf>,
    state: PathBuf,
}

impl Wiring {
    /// Reads what the settings name: credentials and authorities.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, Failure> {
        let trust = match settings.get("ca") {
            None => Trust::System,
            Some(file) => Trust::Authorities(
                bounded::read(Path::new(file), MOST_OF_AUTHORITIES)
                    .map_err(|error| bounded::unread(format!("cannot read the authorities in `{file}`"), error, AUTHORITIES))?,
            ),
        };
        let clock: SharedClock = Arc::new(SystemClock);
        if let Some(file) = settings.get("ca") {
            // Now rather than at the first host, so that the file is to blame and not the host.
            Tls::new(&trust, None, Arc::clone(&clock))
                .context(format!("cannot use the authorities in `{file}`"))
                .map_err(|failure| failure.hint(AUTHORITIES))?;
        }
        if let Some(file) = settings.get("connectTo") {
            let what = || format!("cannot read the address map `{file}`");
            let text = bounded::read_text(Path::new(file), connect::MOST_BYTES)
                .context(what())
                .map_err(|failure| failure.hint("`trunkline simulate` writes it"))?;
            Endpoints::parse(&text).context(what()).map_err(|failure| failure.hint("`trunkline simulate` writes it"))?;
        }
        let trace = settings.get("wireTrace").map(|directory| trace(Path::new(directory), &clock)).transpose()?;
        Ok(Self {
            clock,
            credentials: Arc::new(credentials(settings)?),
            trust,
            refusals: Refusals::default(),
            trace,
            connect_to: settings.get("connectTo").map(PathBuf::from),
            state: settings.state_dir().to_owned(),
        })
    }

    /// The state directory, made when it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn state(&self) -> Result<StateDirectory, Failure> {
        StateDirectory::open(&self.state).context(format!("cannot use the state directory `{}`", self.state.display()))
    }

    /// The state directory as it is, there or not, for whoever only reads.
    #[must_use]
    pub fn state_to_read(&self) -> StateDirectory {
        StateDirectory::at(&self.state)
    }

    /// The parts of an engine that owns every appliance of the repository.
    ///
    /// # Errors
    /// When the state directory cannot be used.
    pub fn parts(&self) -> Result<Parts, Failure> {
        Ok(Parts {
            clock: Arc::clone(&self.clock),
            state: self.state()?,
            store: Arc::new(MemoryStore::new(Arc::clone(&self.clock), Ownership::All)),
            hosts: Arc::new(self.clone()),
            limits: Limits::default(),
            kill: KillSwitch::default(),
        })
    }

    /// The lock on the state directory, for `command`.
    ///
    /// # Errors
    /// When another process has it, or the file system refuses it.
    pub fn lock(&self, command: &str) -> Result<StateLock, Failure> {
        let me = LockHolder { pid: std::process::id(), command: command.to_owned(), since: self.clock.now() };
        StateLock::take(&self.state()?, &me).map_err(|error| unlocked(error, &self.state))
    }
}

impl Hosts for Wiring {
    fn way_to(&self, host: &DesiredHost) -> HostContext {
        HostContext {
            connect: connect::way_to(host, self.connect_to.clone()),
            credentials: Arc::clone(&self.credentials) as Arc<dyn hyperv::Credentials>,
            trust: self.trust.clone(),
            clock: Arc::clone(&self.clock),
            refusals: self.refusals.clone(),
            trace: self.trace.clone(),
        }
    }
}

/// Only one of the reasons is another agent; whoever looks for it in vain must be told the others.
fn unlocked(error: LockError, state: &Path) -> Failure {
    match error {
        LockError::Held { .. } => Failure::because("another agent works here", error)
            .hint("`run` and `apply` share a state directory one at a time; stop the other, or give another --state-dir for other hosts"),
        LockError::Refused { .. } | LockError::Sign { .. } => {
            Failure::because(format!("cannot use the state directory `{}`", state.display()), error)
                .hint("the agent's account must be able to write there, and there must be room; --state-dir names another")
        }
    }
}

/// The trace of the wire in `directory`.
fn trace(directory: &Path, clock: &SharedClock) -> Result<Arc<Trace>, Failure> {
    let trace = Trace::open(directory, TraceLimits::default(), Arc::clone(clock));
    trace.map(Arc::new).context(format!("cannot write a trace to `{}`", directory.display()))
}

/// The credentials that the settings name.
///
/// # Errors
/// When the file cannot be read.
#[expect(clippy::disallowed_methods, reason = "the environment is one of the places where credentials come from")]
pub fn credentials(settings: &Settings) -> Result<Credentials, Failure> {
    Credentials::load(settings.get("credentials").map(std::path::Path::new), std::env::vars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lock_that_is_held_speaks_of_another_agent() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path()).unwrap();
        let me = LockHolder { pid: 4711, command: "run".to_owned(), since: "2026-03-01T10:00:00Z".parse().unwrap() };
        let render = |error| unlocked(error, directory.path()).render().replace(directory.path().to_str().unwrap(), "<state>");

        let held = StateLock::take(&state, &me).unwrap();
        insta::assert_snapshot!(render(StateLock::take(&state, &me).unwrap_err()), @r"
        error: another agent works here
          cause: the state directory `<state>` is in use by `trunkline run` (process 4711, since 2026-03-01T10:00:00Z)
        hint: `run` and `apply` share a state directory one at a time; stop the other, or give another --state-dir for other hosts
        ");
        drop(held);

        std::fs::remove_file(directory.path().join("lock")).unwrap();
        std::fs::create_dir(directory.path().join("lock")).unwrap();
        insta::assert_snapshot!(render(StateLock::take(&state, &me).unwrap_err()), @r"
        error: cannot use the state directory `<state>`
          cause: cannot lock `<state>/lock`
          cause: Is a directory (os error 21)
        hint: the agent's account must be able to write there, and there must be room; --state-dir names another
        ");
    }
}
