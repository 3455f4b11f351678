//! `trunkline observe`: what hosts and guests are, as JSON that `plan --observed` takes.

use std::collections::{BTreeMap, BTreeSet};

use hyperv::Host;
use model::observed::Observed;
use model::seen::Cause;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use tokio::task::JoinSet;

use crate::args::Observe;
use crate::bounded;
use crate::console::{Aside, Console};
use crate::error::{Context as _, Ending, Failure};
use crate::fleet::{self, Purpose};
use crate::runtime::block_on;
use crate::settings::Settings;
use crate::unseen;
use crate::wiring::Wiring;

/// The version of the document: another one whenever what is seen gets a form that an older agent does not read, or the other way round.
pub const API_VERSION: &str = "trunkline.dev/observation.v2";
/// Room for ten thousand appliances.
const MOST_BYTES: u64 = 1024 * 1024 * 1024;
/// Begins the version of every observation.
const API: &str = "trunkline.dev/observation.";

/// What `observe` prints and `plan --observed` reads.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observation {
    /// [`API_VERSION`].
    pub api_version: String,
    /// One look at each appliance.
    pub appliances: Vec<Observed>,
}

/// What every version of it begins with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: String,
}

/// Looks at all wanted appliances at once. An appliance that cannot be seen fails the command, after the others were seen; what of one
/// could not be seen is told beside it.
///
/// # Errors
/// When a host cannot be seen.
pub fn run(args: &Observe, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let wiring = Wiring::new(settings)?;
    let snapshot = fleet::read(settings, Purpose::Look)?;
    let wanted = fleet::chosen(&snapshot, &args.only.names())?;
    block_on(async {
        let mut looks = JoinSet::new();
        for desired in wanted {
            let context = engine::Hosts::way_to(&wiring, &desired.host);
            looks.spawn(async move {
                let look = async {
                    let host = Host::new(&desired.host, context).context(format!("cannot reach the host of `{}`", desired.appliance))?;
                    host.observe(&desired).await.context(format!("cannot observe `{}`", desired.appliance))
                };
                let seen: Result<Observed, Failure> = look.await;
                (desired.appliance.clone(), seen)
            });
        }
        let mut appliances = Vec::new();
        let mut failures = BTreeMap::new();
        while let Some(look) = looks.join_next().await {
            match look.context("a look ended early")? {
                (_, Ok(observed)) => appliances.push(observed),
                (appliance, Err(failure)) => drop(failures.insert(appliance, failure)),
            }
        }
        appliances.sort_by(|a, b| a.appliance.cmp(&b.appliance));
        let blanks: Vec<_> = appliances.iter().flat_map(blanks).collect();
        let observation = Observation { api_version: API_VERSION.to_owned(), appliances };
        let text = serde_json::to_string_pretty(&observation).context("cannot write the observation")?;
        console.line(&text);
        blanks.iter().for_each(|blank| console.aside(Aside::Caution, &format!("warning: {blank}")));
        let said: Vec<_> = failures.values().map(|failure| failure.words()).collect();
        match unseen::failure(&said, None) {
            Some(failure) => Err(failure),
            None if blanks.is_empty() => Ok(Ending::Done),
            None => Ok(Ending::Unfinished),
        }
    })
}

/// What of a host that was seen could not be: lists that everything hangs on, and guests. A VM that is off hides nothing.
fn blanks(observed: &Observed) -> Vec<String> {
    let host = &observed.host;
    let lists = [
        ("its switches", host.switches.unknown()),
        ("what its cluster has", host.cluster.unknown()),
        ("its unfinished jobs", host.jobs.unknown()),
    ];
    let lists = lists.into_iter().filter_map(|(what, cause)| Some((what.to_owned(), cause?)));
    let vms = observed.instances.values().flat_map(|instance| &instance.vms);
    let guests = vms.filter_map(|(role, vm)| Some((format!("its guest `{role}`"), vm.guest.unknown()?)));
    let told = lists.chain(guests).filter(|(_, cause)| **cause != Cause::PoweredOff);
    told.map(|(what, cause)| format!("of `{}`, {what} could not be seen: {cause}", observed.appliance)).collect()
}

/// Reads an observation and keeps the wanted appliances.
///
/// # Errors
/// When the file cannot be read or is of another version.
pub fn read(file: &std::path::Path) -> Result<Observation, Failure> {
    let what = || format!("cannot read the observation `{}`", file.display());
    let text = bounded::read(file, MOST_BYTES).map_err(|error| bounded::unread(what(), error, "`trunkline observe > FILE` writes one"))?;
    let damaged = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        let says = match error.classify() {
            Category::Eof => format!("it ends too early, in line {line}"),
            Category::Syntax => format!("it is no JSON from line {line}, column {column} on"),
            Category::Data | Category::Io => format!("line {line}, column {column} is nothing that `trunkline observe` writes"),
        };
        Failure::new(format!("{}: {says}", what())).hint("run `trunkline observe` again, and keep all that it prints")
    };
    // The version first: another one may say anything.
    let Head { api_version } = serde_json::from_slice(&text).map_err(damaged)?;
    if !api_version.starts_with(API) {
        return Err(Failure::new(format!("{}: it is a `{api_version}`", what())).hint("it is what `trunkline observe` prints"));
    }
    if api_version != API_VERSION {
        return Err(Failure::new(format!("{}: it is a `{api_version}`, and this trunkline reads `{API_VERSION}`", what()))
            .hint("run `trunkline observe` again, with the trunkline that plans"));
    }
    let observation: Observation = serde_json::from_slice(&text).map_err(damaged)?;
    let names: BTreeSet<_> = observation.appliances.iter().map(|one| &one.appliance).collect();
    if names.len() != observation.appliances.len() {
        return Err(Failure::new(format!("{}: an appliance stands in it twice", what())));
    }
    Ok(observation)
}
