//! Our internal switches: making them with their mark, deleting them.

use std::collections::BTreeMap;

use model::mark::UnreadableMark;
use model::names::SwitchName;
use model::observed::SwitchMark;
use wsman::cim::CimInstance;

use crate::classes;
use crate::failure::{Blocker, Failure};
use crate::guid::Guid;
use crate::observe::{adapter, switch};
use crate::perform::Check;
use crate::perform::call::Call;
use crate::perform::cx::Cx;
use crate::perform::target;
use crate::wql::Query;

/// Switches of one name, with their marks.
type Named = Vec<(Guid, Option<SwitchMark>)>;

/// The switches called `name`.
async fn named(cx: &Cx<'_>, name: &SwitchName) -> Result<Named, Failure> {
    let (switches, settings) = (Query::hyperv(classes::SWITCH), Query::hyperv(classes::SWITCH_SETTINGS));
    let (switches, settings) = tokio::join!(cx.select(&switches), cx.select(&settings));
    let names: BTreeMap<Guid, SwitchName> = cx.read(classes::SWITCH, switch::names(&switches?))?;
    let notes = cx.read(classes::SWITCH_SETTINGS, switch::notes(&settings?))?;
    let unreadable = |source: UnreadableMark| Failure::UnreadableMark { object: format!("switch `{name}`"), source };
    let mine = names.into_iter().filter(|(_, one)| one == name);
    mine.map(|(guid, _)| {
        let mark = SwitchMark::read(notes.get(&guid).map_or("", String::as_str)).map_err(unreadable)?;
        Ok((guid, mark))
    })
    .collect()
}

fn is_ours(cx: &Cx<'_>, mark: Option<&SwitchMark>) -> bool {
    mark.is_some_and(|mark| mark.fleet == cx.desired.fleet && mark.appliance == cx.desired.appliance)
}

/// The switch of that name; ours first.
pub(crate) async fn find(cx: &Cx<'_>, name: &SwitchName) -> Result<Option<Guid>, Failure> {
    let rows = cx.select(&Query::hyperv(classes::SWITCH)).await?;
    let names = cx.read(classes::SWITCH, switch::names(&rows))?;
    let mut mine = names.into_iter().filter(|(_, one)| one == name).map(|(guid, _)| guid);
    match (mine.next(), mine.next()) {
        (Some(_), Some(_)) => {
            let all = named(cx, name).await?;
            let ours = all.iter().find(|(_, mark)| is_ours(cx, mark.as_ref()));
            Ok(ours.or(all.first()).map(|(guid, _)| guid.clone()))
        }
        (one, _) => Ok(one),
    }
}

/// Whether our switch is there.
pub(crate) async fn is_made(cx: &Cx<'_>, name: &SwitchName, wanted: &SwitchMark) -> Result<Check, Failure> {
    let all = named(cx, name).await?;
    if all.iter().any(|(_, mark)| mark.as_ref() == Some(wanted)) {
        return Ok(Check::Done);
    }
    match all.first() {
        None => Ok(Check::Open),
        Some((_, mark)) => {
            let why = match mark {
                Some(mark) => format!("it belongs to appliance `{}` of fleet `{}`", mark.appliance, mark.fleet),
                None => "it bears no mark of ours".to_owned(),
            };
            Err(Failure::InTheWay { object: format!("switch `{name}`"), why })
        }
    }
}

/// Makes an internal switch, the mark in its notes.
pub(crate) async fn make(cx: &Cx<'_>, name: &SwitchName, mark: &SwitchMark) -> Result<(), Failure> {
    let host = target::host(cx.host.name().await?).on_host(cx.host.name().await?);
    let settings = CimInstance::new(classes::SWITCH_SETTINGS).with("ElementName", name.as_str()).with("Notes", vec![mark.to_string()]);
    // The host's own port makes the switch internal; without any it would be private.
    let port = target::new(classes::CONNECTION, classes::ETHERNET_CONNECTION)
        .with("ElementName", name.as_str())
        .with("EnabledState", classes::PLUGGED)
        .with("HostResource", vec![host]);
    let call = Call::service(classes::SWITCH_SERVICE, "DefineSystem", name.as_str());
    call.with("SystemSettings", settings).with("ResourceSettings", vec![port]).run(cx.host).await.map(drop)
}

/// Whether our switch is gone. One that is not ours is not deleted, one that is in use neither.
pub(crate) async fn is_removed(cx: &Cx<'_>, name: &SwitchName) -> Result<Check, Failure> {
    let all = named(cx, name).await?;
    let ours = all.iter().find(|(_, mark)| is_ours(cx, mark.as_ref()));
    let Some((guid, mark)) = ours.or(all.first()) else { return Ok(Check::Done) };
    if !is_ours(cx, mark.as_ref()) {
        return Err(Failure::NotOurs(format!("switch `{name}`")));
    }
    let rows = cx.select(&Query::hyperv(classes::CONNECTION)).await?;
    let connections = cx.read(classes::CONNECTION, adapter::connections(&rows))?;
    let connected = connections.iter().filter(|connection| connection.switch() == Some(guid)).count();
    Ok(match u32::try_from(connected).unwrap_or(u32::MAX) {
        0 => Check::Open,
        count => Check::Blocked(Blocker::Connected(name.clone(), count)),
    })
}

/// Deletes our switch.
pub(crate) async fn remove(cx: &Cx<'_>, name: &SwitchName) -> Result<(), Failure> {
    let all = named(cx, name).await?;
    let Some((guid, _)) = all.iter().find(|(_, mark)| is_ours(cx, mark.as_ref())) else { return Ok(()) };
    let call = Call::service(classes::SWITCH_SERVICE, "DestroySystem", name.as_str());
    call.with("AffectedSystem", target::switch(guid)).run(cx.host).await.map(drop)
}
