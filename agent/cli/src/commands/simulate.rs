//! `trunkline simulate`: serves a world of simulated hosts, or tells a running one what to do.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::lock::{LockError, LockHolder, StateLock};
use engine::place::StateDirectory;
use jiff::SignedDuration;
use sim::network::{Endpoints, PlainHttp, Serving, Simulator};
use sim::script::{Reply, Script};
use sim::world::{MachineId, Timing, World, WorldFile};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use wsman::clock::{Clock as _, SharedClock, SystemClock};

use crate::args::{Control, Simulate};
use crate::bounded;
use crate::connect;
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};
use crate::runtime::block_on;
use crate::signals;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const CONTROL_TIMEOUT: Duration = Duration::from_secs(10);
/// A world of a thousand hosts has a tenth of this.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// In a state directory: the world file that its world began as.
const BEGAN_AS: &str = "world-file.yaml";
/// As many connections and listeners as a simulation has at most, and some.
const DESCRIPTORS: u64 = 16 * 1024;

/// How long boots and jobs of simulated machines take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As the world file says, and by default as on real ones.
    AsWritten,
    /// Seconds, for whoever looks on.
    Quick,
}

impl Pace {
    /// The world at this pace.
    pub fn of(self, mut world: WorldFile) -> WorldFile {
        if self == Self::AsWritten {
            return world;
        }
        let millis = SignedDuration::from_millis;
        for image in &mut world.images {
            (image.first_boot, image.boot, image.shutdown) = (millis(1500), millis(1000), millis(500));
            for service in &mut image.services {
                (service.start_takes, service.stop_takes) = (millis(200), millis(100));
            }
        }
        world.timing = Timing {
            start: millis(200),
            state_change: millis(200),
            create_disk: millis(300),
            switch: millis(200),
            guest_exchange: millis(200),
            destroy_system: millis(200),
            ..Timing::default()
        };
        world
    }
}

/// Serves until a signal comes, or sends one control command.
///
/// # Errors
/// When the world, its state or the faults cannot be read, or no port can be had.
pub fn run(args: &Simulate, console: &Console) -> Result<Ending, Failure> {
    let endpoints = args.endpoints.clone().unwrap_or_else(|| beside(args.state.as_deref()));
    if let Some(Control::Inject { command }) = &args.control {
        return inject(&endpoints, command, console);
    }
    let world = world_of(args)?;
    // Before the state is read, and until the end.
    let _lock = args.state.as_deref().map(lock).transpose()?;
    let pace = if args.quick { Pace::Quick } else { Pace::AsWritten };
    let simulator = open(&world, pace, args.state.as_deref(), Arc::new(SystemClock))?;
    if let Some(file) = &args.faults {
        let what = || format!("cannot use the faults in `{}`", file.display());
        let script = Script::parse(&bounded::read_text(file, MOST_BYTES).context(what())?).context(what())?;
        simulator.play(&script).context(what())?;
    }
    if args.plain_http {
        simulator.set_plain_http(PlainHttp::Allowed);
        let says = "passwords cross the loopback interface in clear: --plain-http also takes Basic and unsealed messages over HTTP";
        console.tell(&console.paint.bad(says));
    }
    // A descriptor for each connection and listener. What the system does not give is found out when it is needed.
    if let Err(error) = rlimit::increase_nofile_limit(DESCRIPTORS) {
        debug!(%error, "the limit of open files stays as it is");
    }
    block_on(async {
        let mut serving = serve(&simulator, &endpoints).await?;
        announce(&endpoints, &world, console);
        let stop = CancellationToken::new();
        let mut beside = JoinSet::new();
        beside.spawn(signals::watch(stop.clone(), console));
        tokio::select! {
            // Cancel-safe: waiting only.
            () = stop.cancelled() => {}
            () = serving.ended() => {}
        }
        console.line("stopped");
        Ok(Ending::Done)
    })
}

/// The world file; a state that was kept goes on without one being named.
fn world_of(args: &Simulate) -> Result<PathBuf, Failure> {
    let kept = || args.state.as_ref().map(|state| state.join(BEGAN_AS)).filter(|file| file.is_file());
    args.world
        .clone()
        .or_else(kept)
        .ok_or_else(|| Failure::new("no world is named").hint("give --world FILE; one lies beside each example"))
}

fn beside(state: Option<&Path>) -> PathBuf {
    state.map_or_else(|| PathBuf::from("endpoints.yaml"), |state| state.join("endpoints.yaml"))
}

/// One simulation at a time goes on with a state: two would write over each other's worlds.
fn lock(state: &Path) -> Result<StateLock, Failure> {
    let what = || format!("cannot go on with the world in `{}`", state.display());
    let me = LockHolder { pid: std::process::id(), command: "simulate".to_owned(), since: SystemClock.now() };
    let directory = StateDirectory::open(state).context(what())?;
    StateLock::take(&directory, &me).map_err(|error| {
        let hint = match &error {
            LockError::Held { .. } => "stop the other, tell it something with `simulate --state … inject`, or give another --state",
            LockError::Refused { .. } | LockError::Sign { .. } => "its directory must be writable, with room; or give another --state",
        };
        Failure::because(what(), error).hint(hint)
    })
}

/// The simulation of a world file, gone on with from its state when there is one. A state that began as another world is refused, for
/// nothing of `world` would be seen in it.
///
/// # Errors
/// When the file or the state cannot be read, or they do not belong together.
pub fn open(world: &Path, pace: Pace, state: Option<&Path>, clock: SharedClock) -> Result<Simulator, Failure> {
    let what = || format!("cannot build the world of `{}`", world.display());
    let text = bounded::read_text(world, MOST_BYTES)
        .map_err(|error| bounded::unread(what(), error, "name a world file with --world; one lies beside each example"))?;
    let file = WorldFile::parse(&text).context(what())?;
    let kept = state.map(World::load).transpose().context("cannot read the world's state")?.flatten();
    let built = match (kept, state) {
        (Some(kept), Some(state)) => {
            refuse_another(state, world, &file)?;
            kept
        }
        (None, Some(state)) => {
            let built = World::from_file(pace.of(file)).context(what())?;
            // Before the world's own state: whoever dies in between begins anew.
            std::fs::create_dir_all(state)
                .and_then(|()| std::fs::write(state.join(BEGAN_AS), &text))
                .context(format!("cannot keep the world file in `{}`", state.display()))?;
            built
        }
        (_, None) => World::from_file(pace.of(file)).context(what())?,
    };
    let simulator = Simulator::new(built, clock);
    if let Some(state) = state {
        simulator.keep_state_in(state.to_owned()).context("cannot keep the world's state")?;
    }
    Ok(simulator)
}

/// Refuses a world file that says something else than the one that the world in `state` began as; comments and order do not count. A
/// state that was kept before world files were says nothing.
fn refuse_another(state: &Path, world: &Path, file: &WorldFile) -> Result<(), Failure> {
    let began_as = state.join(BEGAN_AS);
    let text = match bounded::read_text(&began_as, MOST_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::because(format!("cannot read `{}`", began_as.display()), error)),
    };
    let says = |file: &WorldFile| serde_json::to_value(file).ok();
    let same = WorldFile::parse(&text).is_ok_and(|began| says(&began) == says(file));
    if same {
        return Ok(());
    }
    Err(Failure::new(format!("the world in `{}` began as another world file than `{}`", state.display(), world.display()))
        .hint(format!("`{}` is that file; a new world wants a --state of its own", began_as.display())))
}

/// Binds loopback ports, and writes the address map and, beside it, the hosts' certificates for `--ca`.
///
/// # Errors
/// When a port cannot be had or a file cannot be written.
pub async fn serve(simulator: &Simulator, endpoints: &Path) -> Result<Serving, Failure> {
    let certificates: String = {
        let world = simulator.world();
        let hosts: Vec<_> = world.hosts().cloned().collect();
        hosts.into_iter().filter_map(|host| Some(world.certificate(&MachineId::Host(host))?.certificate_pem())).collect()
    };
    let file = authorities(endpoints);
    std::fs::write(&file, certificates).context(format!("cannot write `{}`", file.display()))?;
    simulator.serve(LOOPBACK, endpoints.to_owned()).await.context("cannot serve the world")
}

/// Where the hosts' certificates lie.
#[must_use]
pub fn authorities(endpoints: &Path) -> PathBuf {
    endpoints.with_file_name("hosts.pem")
}

fn announce(endpoints: &Path, world: &Path, console: &Console) {
    console.line(&format!("serving; addresses are in {}", endpoints.display()));
    console.line("every command finds these hosts with:");
    console.line(&format!("  --connect-to {} --ca {}", endpoints.display(), authorities(endpoints).display()));
    console.line(&format!("and with --credentials: users and passwords stand under `accounts` in {}", world.display()));
    console.line("Ctrl-C ends it");
}

fn inject(endpoints: &Path, command: &str, console: &Console) -> Result<Ending, Failure> {
    let what = || format!("cannot reach the simulation of `{}`", endpoints.display());
    let text = bounded::read_text(endpoints, connect::MOST_BYTES).context(what());
    let text = text.map_err(|failure| failure.hint("name the directory of its --state, or the file of its --endpoints"))?;
    let control = Endpoints::parse(&text).context(what())?.control;
    let control = control.ok_or_else(|| Failure::new(what()).hint("is it running? `trunkline simulate --world …` writes the file anew"))?;
    let answer = tell(control, &as_json(command)).context(what()).map_err(|failure| failure.hint("is `trunkline simulate` running?"))?;
    if let Ok(Reply::Refused { reason }) = serde_json::from_str(&answer) {
        return Err(refused(&reason));
    }
    console.line(answer.trim_end());
    Ok(Ending::Done)
}

/// A word is taken without its quotes, which a shell would want in quotes of their own.
fn as_json(command: &str) -> String {
    let is_word = !command.is_empty() && command.chars().all(char::is_alphanumeric);
    if is_word { format!("\"{command}\"") } else { command.to_owned() }
}

/// What a simulation did not want to do.
fn refused(reason: &str) -> Failure {
    let hint = if reason.contains("virtual machine") || reason.contains("running guest") {
        "VMs go by their names with the instance (`sea1-edge.2.1`), as `trunkline plan` shows them; a bare host has none until `trunkline apply`"
    } else if reason.starts_with("not a command") {
        "`trunkline simulate inject --help` shows each command, and `trunkline schema faults` all that may stand in it"
    } else {
        "names are those of the world file and of what has been installed since"
    };
    Failure::new(format!("the simulation refuses this: {reason}")).hint(hint)
}

/// Sends one line to a running simulation and reads the line that comes back.
fn tell(control: SocketAddr, line: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&control, CONTROL_TIMEOUT)?;
    stream.set_read_timeout(Some(CONTROL_TIMEOUT))?;
    writeln!(stream, "{}", line.replace(['\r', '\n'], " "))?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORLD: &str = "apiVersion: trunkline.dev/sim/v1alpha1\nkind: World\nseed: 7\nhosts: []\n";

    #[test]
    fn a_state_goes_on_with_the_world_that_it_began_as_and_no_other() {
        let place = tempfile::tempdir().unwrap();
        let (world, state) = (place.path().join("world.yaml"), place.path().join("state"));
        let open = |text: &str| {
            std::fs::write(&world, text).unwrap();
            let opened = open(&world, Pace::AsWritten, Some(&state), Arc::new(SystemClock));
            opened.map(drop).map_err(|failure| failure.render().replace(place.path().to_str().unwrap(), "<here>"))
        };
        open(WORLD).unwrap();
        open(&format!("# Read again.\n{WORLD}")).unwrap();
        insta::assert_snapshot!(open(&WORLD.replace("seed: 7", "seed: 8")).unwrap_err(), @r"
        error: the world in `<here>/state` began as another world file than `<here>/world.yaml`
        hint: `<here>/state/world-file.yaml` is that file; a new world wants a --state of its own
        ");
        open(WORLD).unwrap();
        std::fs::remove_file(state.join(BEGAN_AS)).unwrap();
        open(&WORLD.replace("seed: 7", "seed: 8")).unwrap();
    }
}
