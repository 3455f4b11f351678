//! `trunkline apply`: shows the plan, asks, and carries out just that.

use std::collections::{BTreeMap, BTreeSet};

use engine::Engine;
use engine::outcome::Outcome;
use engine::preview::preview;
use model::names::ApplianceName;
use plan::render::text::Tone;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::args::Apply;
use crate::commands::plan::{Planned, show_text, sound, wish_of};
use crate::console::{Answer, Aside, Console};
use crate::error::{Ending, Failure};
use crate::fit;
use crate::fleet::{self, Purpose};
use crate::following::Following;
use crate::progress::{Detail, Progress};
use crate::runtime::block_on;
use crate::settings::Settings;
use crate::signals;
use crate::wiring::Wiring;

/// Converges what is committed, up to the impact that was shown.
///
/// # Errors
/// When the repository or a host cannot be read, or another agent works here.
pub fn run(args: &Apply, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let wiring = Wiring::new(settings)?;
    let snapshot = fleet::read(settings, Purpose::Act)?;
    let wanted: BTreeSet<_> = fleet::chosen(&snapshot, &args.only.names())?.iter().map(|desired| desired.appliance.clone()).collect();
    block_on(async {
        let lock = wiring.lock("apply")?;
        Following::new(&wiring, &fleet::origin(settings)?, console)?.read(&snapshot)?;
        let (planned, blind) = sound(preview(wiring.parts()?, &snapshot, &wanted).await);
        console.aside(Aside::Note, &wish_of(&snapshot));
        show_text(&planned, console);
        if let Some(failure) = &blind {
            console.complain(failure);
        }
        let left_out = fleet::whole(&snapshot).err();
        if let Some(failure) = &left_out {
            console.complain(failure);
        }
        let most = if blind.is_some() || left_out.is_some() { Ending::Unfinished } else { Ending::Done };
        if !planned.iter().any(Planned::is_due) {
            // What cannot be seen is not in force.
            return Ok(if planned.iter().any(Planned::is_open) { Ending::Unfinished } else { most });
        }
        if !args.yes && console.ask("\nCarry this out?")? == Answer::No {
            console.line("nothing was done");
            return Ok(Ending::Unfinished);
        }
        let shown = planned.iter().map(|one| (one.decision.plan.appliance.clone(), one.decision.plan.impact())).collect();
        let engine = Engine::new(wiring.parts()?, lock);
        let stop = CancellationToken::new();
        let mut beside = JoinSet::new();
        beside.spawn(signals::watch(stop.clone(), console));
        beside.spawn(Progress::new(console, Detail::Steps).follow(engine.listen()));
        let outcomes = engine.apply_once(&snapshot, shown, stop).await;
        drop(engine);
        tokio::task::yield_now().await;
        beside.shutdown().await;
        Ok(match conclude(&outcomes, console) {
            Ending::Done => most,
            worse => worse,
        })
    })
}

/// Prints how each appliance ended.
pub fn conclude(outcomes: &BTreeMap<ApplianceName, Outcome>, console: &Console) -> Ending {
    for (appliance, outcome) in outcomes {
        let (tone, says) = match outcome {
            Outcome::Converged => (Tone::Good, "converged".to_owned()),
            Outcome::Watched => continue,
            Outcome::Waiting { waits, .. } => {
                (Tone::Notice, format!("waiting: {}", waits.iter().map(|wait| wait.says.as_str()).collect::<Vec<_>>().join("; ")))
            }
            Outcome::Retrying { says, attempts, .. } => (Tone::Alarm, format!("failed {attempts} times: {says}")),
            Outcome::Blind { says, .. } => (Tone::Alarm, format!("cannot be seen: {says}")),
            Outcome::Stalled { reason, says, .. } => (Tone::Alarm, format!("stalled ({reason:?}): {says}")),
            Outcome::Beyond { impact } => {
                (Tone::Notice, format!("stopped: what is left goes further than what was shown ({impact:?}); run `trunkline apply` again"))
            }
            Outcome::Stopped => (Tone::Notice, "stopped".to_owned()),
        };
        let text = fit::hung(&format!("{appliance}: {says}"), console.columns());
        let (name, says) = text.split_at(appliance.as_str().len());
        let (colon, says) = says.split_at(": ".len().min(says.len()));
        let says = match tone {
            Tone::Good => console.paint.good(says),
            Tone::Alarm => console.paint.bad(says),
            _ => console.paint.caution(says),
        };
        console.line(&format!("{}{colon}{says}", console.paint.strong(name)));
    }
    let done = |outcome: &Outcome| matches!(outcome, Outcome::Converged | Outcome::Watched);
    if outcomes.values().all(done) { Ending::Done } else { Ending::Unfinished }
}
