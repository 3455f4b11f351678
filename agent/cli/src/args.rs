//! The command line: every command, flag and help text.
//!
//! Guarantees: flags win over the environment, the environment over the settings file. Deliberately absent: what any
//! command does.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use model::desired::Authentication;
use model::names::{ApplianceName, CredentialName, RoleName};

/// Keeps Hyper-V hosted VM appliances in the state that a git repository describes.
#[derive(Debug, Parser)]
#[command(name = "trunkline", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 an error, 2 changes are due (only with --detailed-exitcode), 3 not all could be done or seen now."
)]
pub struct Arguments {
    /// Settings that every command shares.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Settings file [default: ./trunkline.yaml if there is one] [env: TRUNKLINE_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where desired state lives: a directory, a git repository, or a URL (https, ssh, file) [env: TRUNKLINE_SOURCE]
    #[arg(long, short = 'f', global = true, value_name = "PATH|URL")]
    pub source: Option<String>,
    /// The branch or tag to follow, never a commit id; without one the branch that is checked out, or the default branch of a URL [env: TRUNKLINE_REF]
    #[arg(long = "ref", global = true, value_name = "REF")]
    pub reference: Option<String>,
    /// The directory of the repository to read [env: TRUNKLINE_PATH]
    #[arg(long, global = true, value_name = "DIR")]
    pub path: Option<String>,
    /// Certificates (PEM) to trust for the source over https, instead of the system's [env: TRUNKLINE_SOURCE_CA]
    #[arg(long, global = true, value_name = "FILE")]
    pub source_ca: Option<PathBuf>,
    /// The ssh key that the source must show (SHA256:…), instead of those in ~/.ssh/known_hosts [env: TRUNKLINE_SOURCE_HOST_KEY]
    #[arg(long, global = true, value_name = "FINGERPRINT")]
    pub source_host_key: Option<String>,
    /// Journal, memory, status and clones [env: TRUNKLINE_STATE_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// User names and where passwords come from [env: TRUNKLINE_CREDENTIALS]
    #[arg(long, global = true, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Certificates (PEM) to trust for hosts, instead of the system's [env: TRUNKLINE_CA]
    #[arg(long, global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Send connections elsewhere, as `simulate` writes it (endpoints.yaml) [env: TRUNKLINE_CONNECT_TO]
    #[arg(long, global = true, value_name = "FILE")]
    pub connect_to: Option<PathBuf>,
    /// Write each exchange with a host or guest to a file here, passwords masked [env: TRUNKLINE_WIRE_TRACE]
    #[arg(long, global = true, value_name = "DIR")]
    pub wire_trace: Option<PathBuf>,
    /// Colour: auto looks at the terminal and at NO_COLOR [env: TRUNKLINE_COLOR]
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub color: Option<When>,
    /// Form of log lines on standard error [env: TRUNKLINE_LOG_FORMAT]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Which log lines: error, warn, info, debug, trace, or a tracing filter [env: TRUNKLINE_LOG]
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
}

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The form of results on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For pull requests.
    Markdown,
}

/// The form of results that have no markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Listing {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a repository: every fault, each with its line
    Validate(Validate),
    /// Print a value of the resolved state and the line it comes from
    Explain(Explain),
    /// Show what would be done, and what it waits for
    Plan(Plan),
    /// Look at hosts and guests, and print what was seen as JSON
    Observe(Observe),
    /// Show the plan, ask, and carry it out
    Apply(Apply),
    /// Watch the repository and converge until stopped
    #[command(
        after_help = "Example: trunkline run --source https://git.example.com/fleet.git --ref main --credentials /etc/trunkline/credentials.yaml

Ctrl-C ends after the step in hand; killing it loses nothing. `trunkline status` shows what it knows, `trunkline hold` stops it."
    )]
    Run,
    /// Show what the agent last knew of every appliance
    Status(Status),
    /// Keep the agent away from an appliance, on this machine and for a time
    Hold(Hold),
    /// Meet a machine: what of it works for us, and the script that prepares it
    #[command(subcommand)]
    Host(HostCommand),
    /// Role images: start them once, and hold them against the contract
    #[command(subcommand)]
    Image(ImageCommand),
    /// Serve simulated hosts and guests on free loopback ports
    Simulate(Simulate),
    /// See it all work: a fresh repository, two simulated hosts, drift, repair
    Demo(Demo),
    /// Print a JSON Schema
    Schema(Schema),
    /// Show settings
    Config(Config),
    /// Print a completion script for a shell
    Completions(Completions),
}

/// `validate`
#[derive(Debug, Args)]
pub struct Validate {
    /// A directory or repository, instead of --source
    #[arg(value_name = "SOURCE", conflicts_with = "source")]
    pub tree: Option<String>,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Listing,
}

/// `explain`
#[derive(Debug, Args)]
#[command(after_help = "Example: trunkline explain appliance sea-1 spec.roles.mediation.memory")]
pub struct Explain {
    /// Kind of the document: appliance, site, repository, defaults, release, profile, approval
    pub kind: String,
    /// Its name
    pub name: String,
    /// A path into it; without one, every value
    #[arg(value_name = "PATH")]
    pub value: Option<String>,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Listing,
}

/// Which appliances a command is about: all, unless some are named.
#[derive(Debug, Clone, Default, Args)]
pub struct Chosen {
    /// Only these appliances
    #[arg(value_name = "APPLIANCE")]
    named: Vec<ApplianceName>,
    /// The same as a flag; may be given several times, or with commas between the names
    #[arg(long, value_name = "APPLIANCE", value_delimiter = ',')]
    only: Vec<ApplianceName>,
}

impl Chosen {
    /// The names, each once; none means all.
    #[must_use]
    pub fn names(&self) -> Vec<ApplianceName> {
        let all: BTreeSet<_> = self.named.iter().chain(&self.only).cloned().collect();
        all.into_iter().collect()
    }
}

/// `plan`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trunkline plan sea-1                                       live, by what the host says now
  trunkline observe > seen.json; trunkline plan --observed seen.json
  trunkline plan --base main --head my-branch -o markdown    for a pull request

A plan that waits is shown with what it waits for. Nothing is changed anywhere.")]
pub struct Plan {
    /// Which appliances.
    #[command(flatten)]
    pub only: Chosen,
    /// Plan against this observation (the JSON of `observe`) instead of live hosts
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "head"])]
    pub observed: Option<PathBuf>,
    /// Show what changes from this revision on, without touching a host
    #[arg(long, value_name = "REV", requires = "head")]
    pub base: Option<String>,
    /// Show what changes up to this revision
    #[arg(long, value_name = "REV", requires = "base")]
    pub head: Option<String>,
    /// Exit with 0 when nothing is to change, 2 when something is, 3 when that cannot be told yet, 1 on an error
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Output,
}

/// `observe`
#[derive(Debug, Args)]
pub struct Observe {
    /// Which appliances.
    #[command(flatten)]
    pub only: Chosen,
}

/// `apply`
#[derive(Debug, Args)]
#[command(after_help = "Example: trunkline apply sea-1

It does what was shown and nothing worse; what is committed counts, not what lies in the directory. Exit code 3: not all could be done now.")]
pub struct Apply {
    /// Which appliances.
    #[command(flatten)]
    pub only: Chosen,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// `status`
#[derive(Debug, Args)]
pub struct Status {
    /// Which appliances.
    #[command(flatten)]
    pub only: Chosen,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Listing,
}

/// `hold`
#[derive(Debug, Args)]
#[command(
    override_usage = "trunkline hold <APPLIANCE|all> --for <TIME> --reason <TEXT>\n       trunkline hold <APPLIANCE|all> --release",
    after_help = "Example: trunkline hold sea-1 --for 4h --reason \"cabling\"; afterwards: trunkline hold sea-1 --release"
)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["for_", "release"]))]
pub struct Hold {
    /// An appliance, or `all`
    #[arg(value_name = "APPLIANCE|all")]
    pub appliance: String,
    /// How long: 45m, 4h, 2d
    #[arg(long = "for", value_name = "TIME", requires = "reason", id = "for_", allow_hyphen_values = true)]
    pub duration: Option<String>,
    /// Why, for everybody who looks; goes with --for
    #[arg(long, value_name = "TEXT", conflicts_with = "release")]
    pub reason: Option<String>,
    /// End the hold now
    #[arg(long)]
    pub release: bool,
}

/// `host`
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// Try all that the agent reads on a machine, and say what to do about each refusal; changes nothing
    Probe(Probe),
    /// Print the PowerShell script that makes listener, certificate and account on a host or guest
    Prepare(Prepare),
}

/// `host probe`
#[derive(Debug, Args)]
#[command(
    after_help = "Example: trunkline host probe hv01.example.org --credential hyperv-host\n\nExit codes: 0 all of it works, 1 an error, 3 something does not."
)]
pub struct Probe {
    /// A name or address; `http://hv01` for WinRM without TLS. Ports are 5986 (https) and 5985 (http) unless written
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: String,
    /// Log on by this entry of the credentials file; without one, only what needs no logon is tried
    #[arg(long, value_name = "NAME")]
    pub credential: Option<CredentialName>,
    /// How to say who we are
    #[arg(long, value_enum, value_name = "WAY", default_value_t)]
    pub authentication: Way,
    /// The certificate to insist on: SHA-256 or SHA-1 in hex
    #[arg(long, value_name = "HEX")]
    pub fingerprint: Option<String>,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Listing,
}

/// How to say who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Way {
    /// NTLM by Negotiate: what Windows offers by default.
    #[default]
    Negotiate,
    /// Kerberos by name.
    Kerberos,
    /// The password in each request, over https only.
    Basic,
    /// The client certificate of the credential.
    Certificate,
}

impl From<Way> for Authentication {
    fn from(way: Way) -> Self {
        match way {
            Way::Negotiate => Self::Negotiate,
            Way::Kerberos => Self::Kerberos,
            Way::Basic => Self::Basic,
            Way::Certificate => Self::Certificate,
        }
    }
}

/// `host prepare`
#[derive(Debug, Args)]
#[command(after_help = r"Example: trunkline host prepare --directory D:\CCE --from 10.0.0.0/24 > prepare.ps1

Read it, then run it on that machine as an administrator; it may run again at will. --undo prints its counterpart.")]
pub struct Prepare {
    /// What the machine is
    #[arg(long, value_enum, value_name = "MACHINE", default_value_t)]
    pub machine: Machine,
    /// The account to make, or to use when it is there
    #[arg(long, value_name = "NAME", default_value = "trunkline")]
    pub account: String,
    /// Who may connect: addresses, subnets, or `LocalSubnet`
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', default_value = "LocalSubnet")]
    pub from: Vec<String>,
    /// Where the appliance's disks and files go; hosts only [default: C:\Trunkline]
    #[arg(long, value_name = "DIR")]
    pub directory: Option<String>,
    /// Print the script that takes away what the other one made
    #[arg(long)]
    pub undo: bool,
    /// Run the script instead of printing it; on Windows, as an administrator
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// What a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Machine {
    /// A Hyper-V host: the account is no administrator.
    #[default]
    Host,
    /// A guest, or the image of one.
    Guest,
}

/// `image`
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Start each image once on its host, in a VM that is removed again, and say whether it keeps the image contract
    Check(ImageCheck),
}

/// `image check`
#[derive(Debug, Args)]
#[command(
    after_help = "Example: trunkline image check sea-1 --role edge\n\nRun it on the appliance's host; what runs there is not touched. From another machine some points are left out.\n\nExit codes: 0 every image keeps the contract, 1 one does not, 3 stopped, or points are left."
)]
pub struct ImageCheck {
    /// The appliance whose host, images, credentials and profile are used
    #[arg(value_name = "APPLIANCE")]
    pub appliance: ApplianceName,
    /// Only the images of these roles
    #[arg(long, value_name = "ROLE")]
    pub role: Vec<RoleName>,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Listing,
}

/// `simulate`
#[derive(Debug, Args)]
#[command(after_help = "Example: trunkline simulate --world examples/seattle.world.yaml --state world

Every command finds the hosts with --connect-to world/endpoints.yaml --ca world/hosts.pem --credentials examples/credentials.yaml.")]
pub struct Simulate {
    /// The world: hosts, adapters, switches, files, images [default: the one that the world in --state began as]
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Keep the world's state here, so that it survives a restart
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Where to write the address map for --connect-to [default: endpoints.yaml beside the world's state, or here]
    #[arg(long, value_name = "FILE")]
    pub endpoints: Option<PathBuf>,
    /// Scripted faults: a YAML list of {at: WHEN, on: REQUEST, do: ACT}; examples/seattle.faults.yaml shows them, `schema faults` has all
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Boots and jobs of seconds, where real ones take minutes; a world that was kept goes on at its own pace
    #[arg(long)]
    pub quick: bool,
    /// Also serve HTTP without TLS, with Basic: for clients that can do nothing else. Loopback only
    #[arg(long)]
    pub plain_http: bool,
    /// A control command for a running simulation, instead of serving one
    #[command(subcommand)]
    pub control: Option<Control>,
}

/// What a running simulation can be told.
#[derive(Debug, Subcommand)]
pub enum Control {
    /// Send one command to the simulation that --state or --endpoints names
    #[command(after_help = r#"Examples, with the world of examples/seattle.world.yaml:
  trunkline simulate --state world inject '{"world": {"vmOff": {"host": "hv-sea-1", "vm": "sea1-edge.2.1"}}}'
  trunkline simulate --state world inject '{"entry": {"on": {"machine": "hv-sea-1", "method": "DefineSystem"}, "do": "cutBeforeAnswer"}}'
  trunkline simulate --state world inject status

COMMAND is one of
  {"world": FAULT}   lets something happen at once; VMs are there once they are installed
  {"entry": ENTRY}   adds an entry to the script of faults, as in the file of --faults: {at: WHEN, on: REQUEST, do: ACT}
  list, clear        the entries that still wait; forgets them
  status             the time, and how many requests each machine has had
  mutations          every request that changed something

Some faults:
  {"vmOff": {"host": "hv-sea-1", "vm": "sea1-edge.2.1"}}, and so vmSaved, vmCheckpointed, vmDeleted
  {"nicUnplugged": {"host": "hv-sea-1", "vm": "sea1-edge.2.1", "adapter": "internet"}}
  {"serviceStops": {"host": "hv-sea-1", "vm": "sea1-ms.2.1", "service": "RTCMEDSRV"}}
  {"ruleDisabled": {"host": "hv-sea-1", "vm": "sea1-ms.2.1", "rule": "CS-RTCMEDSRV"}}
  {"guestUnreachable": {"host": "hv-sea-1", "vm": "sea1-cms.2.1", "for": "3m"}}
  {"hostRestart": {"host": "hv-sea-1"}}
All of them, and all that an ENTRY may say: `trunkline schema faults`, and examples/seattle.faults.yaml."#)]
    Inject {
        /// What to do: a JSON object, or the name of a command that needs nothing further
        #[arg(value_name = "COMMAND")]
        command: String,
    },
}

/// `demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// End after the tour instead of staying up
    #[arg(long)]
    pub once: bool,
    /// Where to put the demo's repository and state [default: a fresh directory]
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

/// `schema`
#[derive(Debug, Args)]
pub struct Schema {
    /// Which: `plan` stands for plan.v1. Without one, lists them
    pub name: Option<String>,
}

/// `config`
#[derive(Debug, Args)]
#[command(after_help = "A setting is a key of the settings file (stateDir), a variable (TRUNKLINE_STATE_DIR) or a flag (--state-dir).")]
pub struct Config {
    /// What to do with settings
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What `config` can do.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting that is in force, and what else sets it, in the form of the settings file
    Show {
        /// Also where each comes from
        #[arg(long)]
        origin: bool,
    },
}

/// `completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}
