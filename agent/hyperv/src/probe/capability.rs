//! What may be read on a machine, one capability at a time.

use std::collections::BTreeSet;
use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use model::cause::chain;
use model::names::ServiceName;
use model::units::DiskSize;
use wsman::cim::{CimInstance, Namespace};
use wsman::event::{EventQuery, SubscribeSettings};
use wsman::shell::Program;

use super::{Finding, Outcome, Report, advice};
use crate::classes;
use crate::peer::TalkError;
use crate::windows::certificate::Store;
use crate::windows::feature::FeatureState;
use crate::windows::{Windows, WindowsError};
use crate::wql::Query;

/// Kerberos allows five minutes; what is dated by a machine wants better.
const MOST_AHEAD: SignedDuration = SignedDuration::from_mins(2);

/// How much of a log is read.
const LATELY: SignedDuration = SignedDuration::from_mins(10);

/// Octets that are kept of what a command writes.
const WORDS: usize = 4096;

/// Whether the account is let in, and into what.
pub(super) async fn account(windows: &Windows) -> Result<String, TalkError> {
    let peer = windows.peer();
    let rows = peer.select(&Query::windows(classes::OPERATING_SYSTEM)).await?;
    let said = |property: &str| rows.first().and_then(|row| row.get(property).as_str().map(str::to_owned)).unwrap_or_default();
    Ok(format!("`{}` is let in to {} {}", peer.credential().user, said("Caption"), said("Version")))
}

/// Tries every capability and notes what comes, one after the other, so that a quota of a few operations is enough.
pub(super) async fn try_all(windows: &Windows, report: &mut Report) {
    let (clock, now) = clock(windows).await;
    report.findings.push(Finding { subject: "clock", outcome: clock });
    let (hyperv, unverified) = virtualization(windows).await;
    report.findings.push(Finding { subject: "Hyper-V", outcome: hyperv });
    report.unverified = unverified;
    note(report, "cluster", cluster(windows)).await;
    note(report, "services", services(windows)).await;
    note(report, "firewall", firewall(windows)).await;
    note(report, "addresses", addresses(windows)).await;
    note(report, "files and disks", volumes(windows)).await;
    note(report, "registry", registry(windows)).await;
    note(report, "certificates", certificates(windows)).await;
    note(report, "features", features(windows)).await;
    note(report, ".NET", dotnet(windows)).await;
    note(report, "updates", updates(windows)).await;
    note(report, "Defender", defender(windows)).await;
    match now {
        Some(now) => note(report, "event log", event_log(windows, now)).await,
        None => report.findings.push(Finding { subject: "event log", outcome: Outcome::NotTried { because: "its clock cannot be read" } }),
    }
    note(report, "events", events(windows)).await;
    note(report, "shell", shell(windows)).await;
}

/// What a try brought: something to read, or an error.
type Tried = Result<String, WindowsError>;

async fn note(report: &mut Report, subject: &'static str, tried: impl Future<Output = Tried>) {
    // Boxed, since each try is a large future and they are held one at a time.
    let outcome = match Box::pin(tried).await {
        Ok(detail) => Outcome::works(detail),
        Err(WindowsError::NotInstalled(what)) => Outcome::Absent { detail: format!("{what} is not installed") },
        Err(WindowsError::Talk(error)) if error.is_absent() => Outcome::Absent { detail: "this Windows has no such class".to_owned() },
        Err(error) => Outcome::trouble(chain(&error), on(&error)),
    };
    report.findings.push(Finding { subject, outcome });
}

fn on(error: &WindowsError) -> String {
    match error {
        WindowsError::Talk(talk) => advice::on_talk(talk),
        WindowsError::Hidden(_) => "a policy hides it from all but administrators".to_owned(),
        WindowsError::StillRunning(_) => "try again later".to_owned(),
        _ => "see the cause".to_owned(),
    }
}

/// How its clock goes, and what time it has.
async fn clock(windows: &Windows) -> (Outcome, Option<Timestamp>) {
    let clock = windows.clock().await;
    let now = clock.as_ref().ok().map(|clock| clock.at);
    let outcome = match clock {
        Ok(clock) if clock.is_off_by_more_than(MOST_AHEAD) => Outcome::trouble(
            format!("it is {:#} ahead of this machine (negative: behind)", clock.ahead),
            "let both follow one time source (`w32tm /query /status`): certificates, Kerberos and windows are told by the clock",
        ),
        Ok(clock) => Outcome::works(format!("{} by its own clock, {}", clock.at.strftime("%Y-%m-%d %H:%M:%SZ"), clock.zone)),
        Err(error) => Outcome::trouble(chain(&error), on(&error)),
    };
    (outcome, now)
}

/// Reads every class of Hyper-V's that an observation reads, and tells what of it our class table does not know.
async fn virtualization(windows: &Windows) -> (Outcome, BTreeSet<String>) {
    const READ: [&str; 14] = [
        classes::COMPUTER_SYSTEM,
        classes::SYSTEM_SETTINGS,
        classes::PROCESSOR,
        classes::MEMORY,
        classes::RESOURCE,
        classes::STORAGE,
        classes::ADAPTER,
        classes::CONNECTION,
        classes::SWITCH,
        classes::SWITCH_SETTINGS,
        classes::HEARTBEAT,
        classes::KEY_VALUES,
        classes::GUEST_NETWORK,
        classes::JOB,
    ];
    let mut unverified = BTreeSet::new();
    let (mut machines, mut switches) = (0, 0);
    for class in READ {
        let rows = match windows.peer().select(&Query::hyperv(class)).await {
            Ok(rows) => rows,
            Err(error) if error.is_absent() && class == classes::COMPUTER_SYSTEM => {
                return (Outcome::Absent { detail: "there is no Hyper-V on this machine".to_owned() }, unverified);
            }
            Err(error) => return (Outcome::trouble(chain(&error), advice::on_talk(&error)), unverified),
        };
        match class {
            // One of them is the host itself.
            classes::COMPUTER_SYSTEM => machines = rows.len().saturating_sub(1),
            classes::SWITCH => switches = rows.len(),
            _ => {}
        }
        unverified.extend(rows.iter().flat_map(|row: &CimInstance| wsman::unverified(&Namespace::VIRTUALIZATION, row)));
    }
    (Outcome::works(format!("{machines} VMs, {switches} switches")), unverified)
}

async fn cluster(windows: &Windows) -> Tried {
    match windows.peer().select(&Query::cluster(classes::CLUSTER_RESOURCE)).await {
        Ok(rows) => Ok(format!("a node of a failover cluster with {} resources: clustered VMs are left alone", rows.len())),
        Err(error) => Err(WindowsError::or_not_installed(error, "failover clustering")),
    }
}

async fn services(windows: &Windows) -> Tried {
    let names: Vec<ServiceName> = ["WinRM", "vmms"].iter().filter_map(|name| ServiceName::new(name).ok()).collect();
    let found = windows.services(&names).await?;
    Ok(format!("read; {}", found.keys().map(ServiceName::as_str).collect::<Vec<_>>().join(" and ")))
}

async fn firewall(windows: &Windows) -> Tried {
    let profiles = windows.firewall_profiles().await?;
    let off: Vec<&str> = profiles.iter().filter(|profile| !profile.on).map(|profile| profile.name.as_str()).collect();
    Ok(if off.is_empty() { format!("{} profiles, all on", profiles.len()) } else { format!("read; off for {}", off.join(", ")) })
}

async fn addresses(windows: &Windows) -> Tried {
    Ok(format!("{} addresses", windows.addresses().await?.len()))
}

async fn volumes(windows: &Windows) -> Tried {
    let volumes = windows.volumes().await?;
    let each = volumes.iter().map(|volume| format!("{} {} of {} GiB free", volume.drive, gib(volume.free), gib(volume.size)));
    Ok(each.collect::<Vec<_>>().join(", "))
}

/// Whole gibibytes.
fn gib(size: DiskSize) -> u64 {
    size.bytes() >> 30
}

async fn registry(windows: &Windows) -> Tried {
    let name = windows.registry().text(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion", "ProductName").await?;
    Ok(name.map_or_else(|| "read; it does not name its product".to_owned(), |name| format!("read; {name}")))
}

async fn certificates(windows: &Windows) -> Tried {
    Ok(format!("{} in the machine's own store", windows.certificates().thumbprints(Store::My).await?.len()))
}

async fn features(windows: &Windows) -> Tried {
    let found = windows.features(&["Microsoft-Hyper-V"]).await?;
    Ok(match found.get("Microsoft-Hyper-V") {
        Some(FeatureState::Enabled) => "Hyper-V is enabled".to_owned(),
        Some(_) => "Hyper-V can be enabled".to_owned(),
        None => "read; Hyper-V is not among them".to_owned(),
    })
}

async fn dotnet(windows: &Windows) -> Tried {
    let framework = windows.framework().await?;
    Ok(match framework.map(crate::windows::dotnet::Framework::version) {
        Some(Some(version)) => format!("Framework {version}"),
        Some(None) => "Framework of a release that is not in our table".to_owned(),
        None => "no Framework 4".to_owned(),
    })
}

async fn updates(windows: &Windows) -> Tried {
    let due = windows.updates().says_restart_is_due().await?;
    let causes = windows.updates().restart_causes().await?;
    Ok(if due == Some(true) || !causes.is_empty() { "a restart is due".to_owned() } else { "no restart is due".to_owned() })
}

async fn defender(windows: &Windows) -> Tried {
    let status = windows.defender().status().await?;
    let tamper = if status.tamper_protected { ", tamper protection on: exclusions are refused silently" } else { "" };
    Ok(format!("{}{tamper}", if status.running { "runs" } else { "does not run" }))
}

async fn event_log(windows: &Windows, now: Timestamp) -> Tried {
    match windows.events_between("System", now.saturating_sub(LATELY).unwrap_or(now), now).await {
        Ok(events) => Ok(format!("{} entries of System in the last minutes", events.len())),
        Err(WindowsError::TooMany { .. }) => Ok("System fills quickly".to_owned()),
        Err(error) => Err(error),
    }
}

async fn events(windows: &Windows) -> Tried {
    let query = "SELECT * FROM __InstanceModificationEvent WITHIN 30 WHERE TargetInstance ISA 'Win32_Service'".to_owned();
    let subscription = windows.peer().subscribe(EventQuery::Wmi(Namespace::CIMV2, query), SubscribeSettings::default()).await?;
    subscription.close().await;
    Ok("subscriptions are taken".to_owned())
}

async fn shell(windows: &Windows) -> Tried {
    let finished = windows.peer().run(&Program::new("hostname"), WORDS).await?;
    Ok(format!("commands run; it calls itself {}", finished.stdout().trim()))
}
