//! `trunkline observe`: what hosts and guests are, as JSON that `plan --observed` takes.

use std::collections::BTreeSet;

use hyperv::Host;
use model::observed::Observed;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use tokio::task::JoinSet;

use crate::args::Observe;
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};
use crate::fleet::{self, Purpose};
use crate::runtime::block_on;
use crate::settings::Settings;
use crate::wiring::Wiring;

/// The version of the document: another one whenever what is seen gets a form that an older agent does not read, or the other way round.
pub const API_VERSION: &str = "trunkline.dev/observation.v2";
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

/// Looks at all wanted appliances at once. An appliance that cannot be seen fails the command, after the others were seen.
///
/// # Errors
/// When a host cannot be seen.
pub fn run(args: &Observe, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let wiring = Wiring::new(settings)?;
    let snapshot = fleet::read(settings, Purpose::Look)?;
    let wanted = fleet::chosen(&snapshot, &args.only)?;
    block_on(async {
        let mut looks = JoinSet::new();
        for desired in wanted {
            let context = engine::Hosts::way_to(&wiring, &desired.host);
            looks.spawn(async move {
                let host = Host::new(&desired.host, context).context(format!("cannot reach the host of `{}`", desired.appliance))?;
                host.observe(&desired).await.context(format!("cannot observe `{}`", desired.appliance))
            });
        }
        let mut appliances = Vec::new();
        let mut failures = Vec::new();
        while let Some(look) = looks.join_next().await {
            match look.context("a look ended early")? {
                Ok(observed) => appliances.push(observed),
                Err(failure) => failures.push(failure),
            }
        }
        appliances.sort_by(|a, b| a.appliance.cmp(&b.appliance));
        let observation = Observation { api_version: API_VERSION.to_owned(), appliances };
        let text = serde_json::to_string_pretty(&observation).context("cannot write the observation")?;
        console.line(&text);
        match failures.into_iter().next() {
            Some(failure) => {
                Err(failure.hint("`trunkline observe` needs the host's WS-Management port and a credential that may read Hyper-V"))
            }
            None => Ok(Ending::Done),
        }
    })
}

/// Reads an observation and keeps the wanted appliances.
///
/// # Errors
/// When the file cannot be read or is of another version.
pub fn read(file: &std::path::Path) -> Result<Observation, Failure> {
    let what = || format!("cannot read the observation `{}`", file.display());
    let text = std::fs::read(file).context(what())?;
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
