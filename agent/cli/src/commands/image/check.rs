//! `trunkline image check`: starts each role image once on its host, and says whether it keeps the image contract.
//!
//! Guarantees: asks before anything is made; whatever was made is removed, also when the check fails or is stopped, and what an earlier
//! check left is removed first. A person's hold holds it, and no agent with the same state directory works meanwhile.
//! Deliberately absent: the points (they are `hyperv::image_check`'s).

use engine::Hosts as _;
use engine::hold::Holds;
use hyperv::Host;
use hyperv::image_check::{Cleared, ImageCheck, Report};
use hyperv::probe::Finding;
use model::desired::Desired;
use model::names::RoleName;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::args::{ImageCheck as Args, Listing};
use crate::console::{Answer, Aside, Console};
use crate::error::{Context as _, Ending, Failure};
use crate::findings;
use crate::fleet::{self, Purpose};
use crate::runtime::block_on;
use crate::settings::Settings;
use crate::signals;
use crate::wiring::Wiring;

/// Checks and prints.
///
/// # Errors
/// When the repository or the host cannot be read, another agent works here, or the host, and not an image, stands in the way.
pub fn run(args: &Args, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let wiring = Wiring::new(settings)?;
    // Nothing that the repository wishes is put in force, so its images may be checked before they are committed.
    let snapshot = fleet::read(settings, Purpose::Look)?;
    let chosen = fleet::chosen(&snapshot, std::slice::from_ref(&args.appliance))?;
    let desired = chosen.first().ok_or_else(|| Failure::new(format!("there is no appliance `{}`", args.appliance)))?;
    let host = Host::new(&desired.host, wiring.way_to(&desired.host)).context(format!("cannot connect to `{}`", desired.host.address))?;
    let checks = checks(&host, desired, &args.role)?;
    refuse_when_held(&wiring, desired)?;
    let _lock = wiring.lock("image check")?;
    if !args.yes && console.ask(&question(desired, &checks))? == Answer::No {
        console.line("nothing was done");
        return Ok(Ending::Unfinished);
    }
    block_on(async {
        let stop = CancellationToken::new();
        let mut beside = JoinSet::new();
        beside.spawn(signals::watch(stop.clone(), console));
        let ended = all(&checks, &stop, (args.output, console)).await;
        beside.shutdown().await;
        console.still();
        let (reports, ending) = ended?;
        if args.output == Listing::Json {
            console.line(&serde_json::to_string_pretty(&reports).context("cannot write the reports")?);
        }
        Ok(ending)
    })
}

fn checks<'h>(host: &'h Host, desired: &Desired, only: &[RoleName]) -> Result<Vec<ImageCheck<'h>>, Failure> {
    let all = || desired.roles.iter().map(|role| role.role.clone()).collect();
    let roles: Vec<RoleName> = if only.is_empty() { all() } else { only.to_vec() };
    let check = |role: &RoleName| ImageCheck::new(host, desired, role).context(format!("cannot check the image of `{role}`"));
    roles.iter().map(check).collect()
}

fn refuse_when_held(wiring: &Wiring, desired: &Desired) -> Result<(), Failure> {
    match Holds::of(&wiring.state()?).on(&desired.appliance, wiring.clock.now()) {
        None => Ok(()),
        Some(hold) => {
            let says = format!("{} is held until {:.0}: {}", hold.scope, hold.until, hold.reason);
            Err(Failure::new(says).hint(format!("`trunkline hold {} --release` ends it", hold.scope)))
        }
    }
}

fn question(desired: &Desired, checks: &[ImageCheck<'_>]) -> String {
    let vms: Vec<String> = checks.iter().map(|check| check.vm().to_string()).collect();
    format!(
        "On {} each image is started once, in a VM that is removed again: {}.\nNothing else there is changed. Do this?",
        desired.host.address,
        vms.join(", ")
    )
}

/// One image after the other.
async fn all(checks: &[ImageCheck<'_>], stop: &CancellationToken, shown: (Listing, &Console)) -> Result<(Vec<Report>, Ending), Failure> {
    let mut reports: Vec<Report> = Vec::new();
    for check in checks {
        match one(check, stop, shown).await? {
            Some(report) => reports.push(report),
            None => return Ok((reports, Ending::Unfinished)),
        }
    }
    let ending = match () {
        () if reports.iter().any(Report::is_broken) => Ending::Faulty,
        () if reports.iter().all(Report::is_kept) => Ending::Done,
        // Some points were out of reach from here.
        () => Ending::Unfinished,
    };
    Ok((reports, ending))
}

/// Checks one image; `None` when it was stopped.
async fn one(check: &ImageCheck<'_>, stop: &CancellationToken, (form, console): (Listing, &Console)) -> Result<Option<Report>, Failure> {
    let moving = |says: &str| console.moving(format!("{}: {says}", check.vm()));
    moving("looking for what an earlier check left");
    let left = tokio::select! {
        biased;
        // Cancel-safe: it only waits.
        () = stop.cancelled() => {
            console.aside(Aside::Caution, "stopped before anything was made");
            return Ok(None);
        }
        // Dropped only to stop: nothing of this check is there yet, and what an earlier one left is removed by the next.
        left = check.clear() => left.context("what an earlier check left cannot be removed")?,
    };
    if left != Cleared::default() {
        console.aside(Aside::Caution, &format!("removed what an earlier check left: {}", list(&left)));
    }
    if form == Listing::Text {
        console.line(&console.paint.strong(check.image()));
    }
    moving("starting");
    let mut tell = |finding: &Finding| {
        moving(&format!("{} is done", finding.subject));
        if form == Listing::Text {
            findings::lines(finding, console.paint).iter().for_each(|line| console.line(line));
        }
    };
    let examined = tokio::select! {
        biased;
        // Cancel-safe: it only waits.
        () = stop.cancelled() => {
            console.aside(Aside::Caution, "stopping: the VM is removed first; a second signal leaves that to the next check");
            None
        }
        // Dropped only to stop: what was begun on the host goes on, and is found and removed below.
        report = check.examine(&mut tell) => Some(report),
    };
    moving("removing the VM");
    let cleared = check
        .clear()
        .await
        .context("the VM of the check could not be removed")
        .map_err(|failure| failure.hint("the same command removes it first when it is run again"));
    match (examined, cleared) {
        (Some(Err(error)), cleared) => {
            if let Err(left) = cleared {
                console.complain(&left);
            }
            Err(Failure::because(format!("the image `{}` could not be checked", check.image()), error))
        }
        (_, Err(left)) => Err(left),
        (Some(Ok(report)), Ok(_)) => Ok(Some(report)),
        (None, Ok(_)) => {
            console.aside(Aside::Caution, "stopped; the VM was removed");
            Ok(None)
        }
    }
}

fn list(left: &Cleared) -> String {
    let vms = left.vms.iter().map(|vm| format!("VM `{vm}`"));
    vms.chain(left.disks.iter().map(|disk| format!("disk `{disk}`"))).collect::<Vec<_>>().join(", ")
}
