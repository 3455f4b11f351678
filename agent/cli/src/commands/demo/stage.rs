//! The demo's stage: a directory with a repository, credentials, settings and the simulated hosts.
//!
//! Guarantees: the files are those of `examples/seattle`, so that what a person sees here can be read there. The simulated hosts are
//! only quicker: boots take seconds. Deliberately absent: the tour.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sim::network::{Serving, Simulator};
use sim::world::{World, WorldFile};
use source::Scratch;
use wsman::clock::{SharedClock, SystemClock};

use crate::args::{Demo, Global};
use crate::commands::simulate::{self, Pace};
use crate::error::{Context as _, Failure};
use crate::settings::Settings;

/// The example, as it lies in `examples/seattle`.
const FILES: [(&str, &str); 4] = [
    ("repository.yaml", include_str!("../../../../../examples/seattle/repository.yaml")),
    ("releases/2.1.yaml", include_str!("../../../../../examples/seattle/releases/2.1.yaml")),
    ("sites/seattle/sea-1.yaml", SEA_1),
    ("sites/seattle/sea-2.yaml", include_str!("../../../../../examples/seattle/sites/seattle/sea-2.yaml")),
];
const SITE: &str = include_str!("../../../../../examples/seattle/sites/seattle/site.yaml");
const SEA_1: &str = include_str!("../../../../../examples/seattle/sites/seattle/sea-1.yaml");
const WORLD: &str = include_str!("../../../../../examples/seattle.world.yaml");

const FRESH: &str = "the demo wants a fresh directory; leave --directory out to get one";

/// Waits of a production site are minutes; whoever watches a demo has seconds.
const HURRY: &str = "\
# The demo's own: short waits, so that a tour takes a minute. A production site leaves these out.
apiVersion: trunkline.dev/v1alpha1
kind: Defaults
metadata:
  name: short-waits
spec:
  probeEvery: 5s
  confirm: 2s
  repairGrace: 2s
  stableFor: 2s
";
const CREDENTIALS: &str = include_str!("../../../../../examples/credentials.yaml");

/// Everything that is on the stage.
pub struct Stage {
    /// The demo's directory.
    pub directory: PathBuf,
    /// The repository.
    pub repository: Scratch,
    /// The hosts.
    pub simulator: Simulator,
    // Their sockets, closed when the stage goes.
    _serving: Serving,
    /// Settings by which every command finds them.
    pub settings: Settings,
    // Removes the directory of `--once` in the end.
    _kept: Option<tempfile::TempDir>,
}

impl Stage {
    /// Sets the stage.
    ///
    /// # Errors
    /// When a file cannot be written, or the directory is in use already.
    pub async fn set(args: &Demo) -> Result<Self, Failure> {
        let (directory, kept) = directory(args)?;
        let repository =
            Scratch::init(&directory.join("fleet")).context("cannot make the demo's repository").map_err(|failure| failure.hint(FRESH))?;
        let clock: SharedClock = Arc::new(SystemClock);
        let site = at_any_hour();
        let own = [("defaults.yaml", HURRY), ("sites/seattle/site.yaml", site.as_str())];
        let files: Vec<_> = FILES.into_iter().chain(own).collect();
        repository.commit(&files, "seattle: two appliances", clock.now().as_second()).context("cannot commit")?;

        let world = World::from_file(Pace::Quick.of(WorldFile::parse(WORLD).context("cannot read the example's world")?))
            .context("cannot build the world")?;
        let simulator = Simulator::new(world, clock);
        let endpoints = directory.join("endpoints.yaml");
        let serving = simulate::serve(&simulator, &endpoints).await?;
        let settings = settings(&directory, &endpoints)?;
        Ok(Self { directory, repository, simulator, _serving: serving, settings, _kept: kept })
    }

    /// Commits another number of processors for sea-1's mediation; the commit's id.
    ///
    /// # Errors
    /// When the commit fails.
    pub fn commit_processors(&self, from: u32, to: u32) -> Result<String, Failure> {
        let text = SEA_1.replace(&format!("processors: {from}"), &format!("processors: {to}"));
        let files = [("sites/seattle/sea-1.yaml", text.as_str())];
        let message = format!("sea-1: mediation gets {to} processors");
        self.repository.commit(&files, &message, self.simulator.now().as_second()).context("cannot commit")
    }
}

fn directory(args: &Demo) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    match (&args.directory, args.once) {
        (Some(directory), _) => {
            let what = || format!("cannot make `{}`", directory.display());
            std::fs::create_dir_all(directory).context(what())?;
            if std::fs::read_dir(directory).context(what())?.next().is_some() {
                return Err(Failure::new(format!("`{}` is not empty", directory.display())).hint(FRESH));
            }
            Ok((std::path::absolute(directory).context("the working directory is gone")?, None))
        }
        (None, once) => {
            let made = tempfile::Builder::new().prefix("trunkline-demo-").tempdir().context("cannot make a directory for the demo")?;
            Ok(if once { (made.path().to_owned(), Some(made)) } else { (made.keep(), None) })
        }
    }
}

/// The example's windows open at night; a demo is seen at any hour, so its site names none.
fn at_any_hour() -> String {
    SITE.replace("  windows: [nights, first-sundays]\n", "")
}

/// Writes credentials and a settings file, and loads settings as `cd <directory> && trunkline …` would.
fn settings(directory: &Path, endpoints: &Path) -> Result<Settings, Failure> {
    let credentials = directory.join("credentials.yaml");
    write_private(&credentials, CREDENTIALS).context(format!("cannot write `{}`", credentials.display()))?;
    let quoted = |path: &Path| format!("'{}'", path.display());
    let text = format!(
        "# `trunkline` in this directory finds the demo's repository and hosts by these settings.\nsource: {}\nstateDir: {}\ncredentials: {}\nconnectTo: {}\nca: {}\n",
        quoted(&directory.join("fleet")),
        quoted(&directory.join("state")),
        quoted(&credentials),
        quoted(endpoints),
        quoted(&simulate::authorities(endpoints)),
    );
    let file = directory.join("trunkline.yaml");
    std::fs::write(&file, text).context(format!("cannot write `{}`", file.display()))?;
    // The demo is a world of its own: a variable that points the agent at real hosts must not reach into it.
    Settings::load(&Global { config: Some(file), ..Global::default() }, &|_| None)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_holds_something_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let named = |name: &str| directory(&Demo { once: true, directory: Some(place.path().join(name)) });
        assert_eq!(named("fresh").unwrap().0, place.path().join("fresh"));
        std::fs::write(place.path().join("fresh/letter"), "dear").unwrap();
        insta::assert_snapshot!(named("fresh").unwrap_err().render().replace(place.path().to_str().unwrap(), "<here>"), @r"
        error: `<here>/fresh` is not empty
        hint: the demo wants a fresh directory; leave --directory out to get one
        ");
    }
}
