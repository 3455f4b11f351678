//! `trunkline simulate`: serves a world of simulated hosts, or tells a running one what to do.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::lock::{LockHolder, StateLock};
use engine::place::StateDirectory;
use sim::network::{Endpoints, PlainHttp, Serving, Simulator};
use sim::script::Script;
use sim::world::{MachineId, World, WorldFile};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use wsman::clock::{Clock as _, SharedClock, SystemClock};

use crate::args::{Control, Simulate};
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};
use crate::runtime::block_on;
use crate::signals;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const CONTROL_TIMEOUT: Duration = Duration::from_secs(10);
/// As many connections and listeners as a simulation has at most, and some.
const DESCRIPTORS: u64 = 16 * 1024;

/// Serves until a signal comes, or sends one control command.
///
/// # Errors
/// When the world, its state or the faults cannot be read, or no port can be had.
pub fn run(args: &Simulate, console: &Console) -> Result<Ending, Failure> {
    let endpoints = args.endpoints.clone().unwrap_or_else(|| beside(args.state.as_deref()));
    if let Some(Control::Inject { fault }) = &args.control {
        return inject(&endpoints, fault, console);
    }
    let world =
        args.world.as_deref().ok_or_else(|| Failure::new("no world is named").hint("give --world FILE; one lies beside each example"))?;
    // Before the state is read, and until the end.
    let _lock = args.state.as_deref().map(lock).transpose()?;
    let simulator = open(world, args.state.as_deref(), Arc::new(SystemClock))?;
    if let Some(file) = &args.faults {
        let what = || format!("cannot use the faults in `{}`", file.display());
        let script = Script::parse(&std::fs::read_to_string(file).context(what())?).context(what())?;
        simulator.play(&script).context(what())?;
    }
    if args.plain_http {
        simulator.set_plain_http(PlainHttp::Allowed);
        anstream::eprintln!(
            "{}",
            console
                .paint
                .bad("passwords cross the loopback interface in clear: --plain-http also takes Basic and unsealed messages over HTTP")
        );
    }
    // A descriptor for each connection and listener. What the system does not give is found out when it is needed.
    if let Err(error) = rlimit::increase_nofile_limit(DESCRIPTORS) {
        debug!(%error, "the limit of open files stays as it is");
    }
    block_on(async {
        let mut serving = serve(&simulator, &endpoints).await?;
        announce(&endpoints, console);
        let stop = CancellationToken::new();
        let mut beside = JoinSet::new();
        beside.spawn(signals::watch(stop.clone()));
        tokio::select! {
            // Cancel-safe: waiting only.
            () = stop.cancelled() => {}
            () = serving.ended() => {}
        }
        console.line("stopped");
        Ok(Ending::Done)
    })
}

fn beside(state: Option<&Path>) -> PathBuf {
    state.map_or_else(|| PathBuf::from("endpoints.yaml"), |state| state.join("endpoints.yaml"))
}

/// One simulation at a time goes on with a state: two would write over each other's worlds.
fn lock(state: &Path) -> Result<StateLock, Failure> {
    let what = || format!("cannot go on with the world in `{}`", state.display());
    let me = LockHolder { pid: std::process::id(), command: "simulate".to_owned(), since: SystemClock.now() };
    let directory = StateDirectory::open(state).context(what())?;
    StateLock::take(&directory, &me)
        .context(what())
        .map_err(|failure| failure.hint("stop the other, tell it something with `simulate --state … inject`, or give another --state"))
}

/// The simulation of a world file, gone on with from its state when there is one.
///
/// # Errors
/// When the file or the state cannot be read.
pub fn open(world: &Path, state: Option<&Path>, clock: SharedClock) -> Result<Simulator, Failure> {
    let what = || format!("cannot build the world of `{}`", world.display());
    let text = std::fs::read_to_string(world).context(what())?;
    let file = WorldFile::parse(&text).context(what())?;
    let kept = state.map(World::load).transpose().context("cannot read the world's state")?.flatten();
    let built = match kept {
        Some(kept) => kept,
        None => World::from_file(file).context(what())?,
    };
    let simulator = Simulator::new(built, clock);
    if let Some(state) = state {
        simulator.keep_state_in(state.to_owned()).context("cannot keep the world's state")?;
    }
    Ok(simulator)
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

fn announce(endpoints: &Path, console: &Console) {
    console.line(&format!("serving; addresses are in {}", endpoints.display()));
    console.line("every command finds these hosts with:");
    console.line(&format!("  --connect-to {} --ca {}", endpoints.display(), authorities(endpoints).display()));
    console.line("Ctrl-C ends it");
}

fn inject(endpoints: &Path, fault: &str, console: &Console) -> Result<Ending, Failure> {
    let what = || format!("cannot reach the simulation of `{}`", endpoints.display());
    let text = std::fs::read_to_string(endpoints).context(what());
    let text = text.map_err(|failure| failure.hint("name the directory of its --state, or the file of its --endpoints"))?;
    let control = Endpoints::parse(&text).context(what())?.control;
    let control = control.ok_or_else(|| Failure::new(what()).hint("is it running? `trunkline simulate --world …` writes the file anew"))?;
    let answer = command(control, fault).context(what()).map_err(|failure| failure.hint("is `trunkline simulate` running?"))?;
    console.line(answer.trim_end());
    Ok(if answer.contains("refused") { Ending::Faulty } else { Ending::Done })
}

/// Sends one line to a running simulation and reads the line that comes back.
fn command(control: SocketAddr, line: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&control, CONTROL_TIMEOUT)?;
    stream.set_read_timeout(Some(CONTROL_TIMEOUT))?;
    writeln!(stream, "{}", line.replace(['\r', '\n'], " "))?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(answer)
}
