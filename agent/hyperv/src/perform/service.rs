//! Services inside a guest: holding, starting, start modes.
//!
//! Guarantees: a service is set to manual before it is stopped, so that nothing starts it in between. Both are asked for and then
//! looked at, since Windows does them in its own time. What depends on a held service is stopped with it and, where it starts with the
//! system, started with it again when calls return. Deliberately absent: what depended on one and was lost with our process in between.

use std::collections::BTreeSet;

use model::cause::chain;
use model::desired::{DesiredRole, StartMode};
use model::names::ServiceName;
use model::observed::{ObservedService, ServiceState};
use plan::step::Purpose;
use wsman::cim::{CimPath, Namespace};

use crate::classes;
use crate::failure::Failure;
use crate::observe::guest;
use crate::pause::Pause;
use crate::perform::Check;
use crate::perform::call::Call;
use crate::perform::cx::{Cx, Guest};
use crate::return_code::{ALREADY_RUNNING, CANNOT_ACCEPT_CONTROL, DEPENDENTS_RUNNING, Family, NOT_STARTED};
use crate::row::Row;

/// Looks at a service that has stopped after it was started, before it is given up: Windows may try it again itself.
const STOPPED_LOOKS: u32 = 3;

fn path(service: &str) -> CimPath {
    CimPath::class_of(Namespace::CIMV2, classes::SERVICE).with_key("Name", service)
}

async fn read(guest: &Guest, service: &ServiceName) -> Result<ObservedService, Failure> {
    let rows = guest.peer.select(&guest::service_query(std::slice::from_ref(service))).await?;
    let services = guest.peer.read(classes::SERVICE, guest::services(&rows))?;
    services.get(service).copied().ok_or_else(|| Failure::Missing(format!("service `{service}` of `{}`", guest.name)))
}

async fn done_if(cx: &Cx<'_>, service: &ServiceName, is_done: impl Fn(ObservedService) -> bool) -> Result<Check, Failure> {
    match cx.guest().await? {
        Ok(guest) => Ok(Check::done_if(is_done(read(&guest, service).await?))),
        Err(blocker) => Ok(Check::Blocked(blocker)),
    }
}

/// Whether the service takes no new calls: it is paused, or does not run at all, and starts only when asked.
pub(crate) async fn is_drained(cx: &Cx<'_>, service: &ServiceName) -> Result<Check, Failure> {
    let quiet = |state| matches!(state, ServiceState::Paused | ServiceState::Stopped);
    done_if(cx, service, |seen| quiet(seen.state) && seen.start_mode == StartMode::Manual).await
}

/// Has the service take no new calls; those that run go on. A service that cannot be paused refuses.
pub(crate) async fn drain(cx: &Cx<'_>, service: &ServiceName) -> Result<(), Failure> {
    let guest = cx.need_guest().await?;
    if read(&guest, service).await?.start_mode != StartMode::Manual {
        change_start_mode(&guest, service, StartMode::Manual).await?;
    }
    let call = Call::on(path(service.as_str()), "PauseService", service.as_str(), Family::Service);
    let mut pause = Pause::for_state();
    loop {
        match read(&guest, service).await?.state {
            ServiceState::Paused | ServiceState::Stopped => return Ok(()),
            ServiceState::Starting | ServiceState::Stopping => {}
            ServiceState::Running => match call.code(&guest.peer).await? {
                0 | NOT_STARTED | CANNOT_ACCEPT_CONTROL => {}
                value => return Err(call.refused(value)),
            },
        }
        pause.sleep().await;
    }
}

/// Whether the service is stopped and starts only when asked.
pub(crate) async fn is_held(cx: &Cx<'_>, service: &ServiceName) -> Result<Check, Failure> {
    done_if(cx, service, |seen| seen.state == ServiceState::Stopped && seen.start_mode == StartMode::Manual).await
}

/// Holds the service. One that is between two states takes no control yet and is asked again.
pub(crate) async fn hold(cx: &Cx<'_>, service: &ServiceName) -> Result<(), Failure> {
    let guest = cx.need_guest().await?;
    if read(&guest, service).await?.start_mode != StartMode::Manual {
        change_start_mode(&guest, service, StartMode::Manual).await?;
    }
    let mut pause = Pause::for_state();
    loop {
        match read(&guest, service).await?.state {
            ServiceState::Stopped => return Ok(()),
            ServiceState::Stopping => {}
            ServiceState::Running | ServiceState::Starting | ServiceState::Paused => {
                if stop(&guest, service.as_str()).await? == Stop::DependentsRun {
                    stop_dependents(&guest, service.as_str()).await?;
                }
            }
        }
        pause.sleep().await;
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Stop {
    Asked,
    DependentsRun,
}

async fn stop(guest: &Guest, service: &str) -> Result<Stop, Failure> {
    let call = Call::on(path(service), "StopService", service, Family::Service);
    match call.code(&guest.peer).await? {
        // One that is on its way cannot take the control, and one that does not run needs none: looking again tells which.
        0 | NOT_STARTED | CANNOT_ACCEPT_CONTROL => Ok(Stop::Asked),
        DEPENDENTS_RUNNING => Ok(Stop::DependentsRun),
        value => Err(call.refused(value)),
    }
}

/// Asks whatever depends on `service`, near or far, to stop: it cannot run without it, and Windows wants it stopped first, and by name.
async fn stop_dependents(guest: &Guest, service: &str) -> Result<(), Failure> {
    let mut asked = BTreeSet::new();
    let mut open = vec![service.to_owned()];
    while let Some(name) = open.pop() {
        for (dependent, _) in dependents(guest, &name).await? {
            if asked.insert(dependent.clone()) && stop(guest, &dependent).await? == Stop::DependentsRun {
                open.push(dependent);
            }
        }
    }
    Ok(())
}

/// Starts whatever depends on `service`, near or far, starts with the system and does not run: it was stopped with it. What is watched
/// has steps of its own.
async fn start_dependents(guest: &Guest, service: &str, watched: &DesiredRole) -> Result<(), Failure> {
    let mut asked = BTreeSet::new();
    let mut open = vec![service.to_owned()];
    while let Some(name) = open.pop() {
        for (dependent, seen) in dependents(guest, &name).await? {
            let is_watched = watched.services.iter().flat_map(|one| &one.names).any(|name| name.as_str().eq_ignore_ascii_case(&dependent));
            let was_stopped = seen.is_some_and(|seen| seen.start_mode == StartMode::Automatic && seen.state == ServiceState::Stopped);
            if is_watched || !was_stopped || !asked.insert(dependent.clone()) {
                continue;
            }
            let call = Call::on(path(&dependent), "StartService", dependent.as_str(), Family::Service);
            match call.code(&guest.peer).await? {
                0 | ALREADY_RUNNING => open.push(dependent),
                value => {
                    tracing::warn!(service = %dependent, error = %call.refused(value), "what depends on a service does not start with it")
                }
            }
        }
    }
    Ok(())
}

/// The services that depend on `service` themselves, as far as they can be read.
async fn dependents(guest: &Guest, service: &str) -> Result<Vec<(String, Option<ObservedService>)>, Failure> {
    let rows = guest.peer.dependents(&path(service)).await?;
    let one = |row: &_| {
        let name = guest.peer.read(classes::SERVICE, Row::need(row, "Name")).map(str::to_owned)?;
        Ok((name, guest::service(row).ok()))
    };
    rows.iter().map(one).collect()
}

/// Whether the service runs.
pub(crate) async fn is_running(cx: &Cx<'_>, service: &ServiceName) -> Result<Check, Failure> {
    done_if(cx, service, |seen| seen.state == ServiceState::Running).await
}

/// Starts the service, resumes one that is paused, and waits until it runs, or has stopped again by itself.
pub(crate) async fn start(cx: &Cx<'_>, service: &ServiceName) -> Result<(), Failure> {
    let guest = cx.need_guest().await?;
    run(&guest, service).await?;
    if cx.step.purpose == Purpose::Return
        && let Err(error) = start_dependents(&guest, service.as_str(), cx.wish()?).await
    {
        // Calls do not wait for what nobody watches.
        tracing::warn!(%service, error = chain(&error), "what depends on a service may not run");
    }
    Ok(())
}

async fn run(guest: &Guest, service: &ServiceName) -> Result<(), Failure> {
    let mut pause = Pause::for_state();
    while read(guest, service).await?.state == ServiceState::Stopping {
        pause.sleep().await;
    }
    let call = Call::on(path(service.as_str()), "StartService", service.as_str(), Family::Service);
    match call.code(&guest.peer).await? {
        0 | ALREADY_RUNNING => {}
        value => return Err(call.refused(value)),
    }
    let mut stopped = 0;
    let mut pause = Pause::for_state();
    loop {
        match read(guest, service).await?.state {
            ServiceState::Running => return Ok(()),
            ServiceState::Stopped => stopped += 1,
            // A start finds it running already; it is to go on.
            ServiceState::Paused => resume(guest, service).await?,
            ServiceState::Starting | ServiceState::Stopping => {}
        }
        if stopped >= STOPPED_LOOKS {
            return Err(Failure::DidNotStay(service.clone()));
        }
        pause.sleep().await;
    }
}

async fn resume(guest: &Guest, service: &ServiceName) -> Result<(), Failure> {
    let call = Call::on(path(service.as_str()), "ResumeService", service.as_str(), Family::Service);
    match call.code(&guest.peer).await? {
        // One that is on its way into or out of the pause cannot take the control: looking again tells.
        0 | ALREADY_RUNNING | NOT_STARTED | CANNOT_ACCEPT_CONTROL => Ok(()),
        value => Err(call.refused(value)),
    }
}

/// Whether the service has the start mode.
pub(crate) async fn has_start_mode(cx: &Cx<'_>, service: &ServiceName, to: StartMode) -> Result<Check, Failure> {
    done_if(cx, service, |seen| seen.start_mode == to).await
}

/// Sets the start mode.
pub(crate) async fn set_start_mode(cx: &Cx<'_>, service: &ServiceName, to: StartMode) -> Result<(), Failure> {
    let guest = cx.need_guest().await?;
    change_start_mode(&guest, service, to).await
}

async fn change_start_mode(guest: &Guest, service: &ServiceName, to: StartMode) -> Result<(), Failure> {
    // Written `Automatic`, read back `Auto`.
    let mode = match to {
        StartMode::Automatic => "Automatic",
        StartMode::Manual => "Manual",
        StartMode::Disabled => "Disabled",
    };
    let call = Call::on(path(service.as_str()), "ChangeStartMode", service.as_str(), Family::Service).with("StartMode", mode);
    match call.code(&guest.peer).await? {
        0 => Ok(()),
        value => Err(call.refused(value)),
    }
}
