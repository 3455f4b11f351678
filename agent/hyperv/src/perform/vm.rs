//! The VM itself: defining it with its mark, its start and stop actions, its notes, deleting it.
//!
//! Guarantees: the mark is part of the definition, so that no VM of ours is ever without one; a VM of the wanted name that is not
//! ours stops us before anything is made. Notes of people stay.

use model::desired::{SecureBoot, StartAction, StopAction};
use model::names::VmName;
use model::observed::{Mark, Remarks};
use model::seen::Seen;
use wsman::cim::{CimInstance, CimValue};

use crate::classes;
use crate::failure::Failure;
use crate::observe::guest;
use crate::perform::Check;
use crate::perform::call::Call;
use crate::perform::cx::Cx;
use crate::perform::target;

/// Whether our VM is there, by its mark.
pub(crate) async fn is_defined(cx: &Cx<'_>, name: &VmName) -> Result<Check, Failure> {
    let roster = cx.whole_roster().await?;
    if cx.pick(&roster)?.is_some() {
        return Ok(Check::Done);
    }
    // One whose settings nobody told, or whose mark cannot be read, may be the very VM: building on would make a twin.
    if let Some(untold) = roster.untold.first() {
        return cx.read(classes::SYSTEM_SETTINGS, Err(untold.malformed()));
    }
    if let Some(bad) = roster.unreadable.into_iter().next() {
        return Err(Failure::UnreadableMark { object: format!("VM `{}`", bad.name), source: bad.why });
    }
    if let Some(theirs) = roster.theirs.iter().find(|vm| vm.name == *name) {
        let why = theirs.mark.as_ref().map_or("it bears no mark of ours".to_owned(), |mark| {
            format!("it belongs to appliance `{}` of fleet `{}`", mark.appliance, mark.fleet)
        });
        return Err(Failure::InTheWay { object: format!("VM `{name}`"), why });
    }
    if let Some(((instance, role), _)) = roster.ours.iter().find(|(_, vms)| vms.iter().any(|vm| vm.settings.name == *name)) {
        return Err(Failure::InTheWay { object: format!("VM `{name}`"), why: format!("it is our `{role}` of instance `{instance}`") });
    }
    Ok(Check::Open)
}

/// Defines the VM: generation 2, with its mark, its files beside its disk.
pub(crate) async fn define(cx: &Cx<'_>, name: &VmName, mark: &Mark) -> Result<(), Failure> {
    let mut settings = CimInstance::new(classes::SYSTEM_SETTINGS)
        .with("ElementName", name.as_str())
        .with("VirtualSystemSubType", classes::GENERATION_2)
        .with("Notes", vec![mark.write(&Remarks::default(), "")]);
    let role = cx.step.role.as_ref().and_then(|role| guest::role(cx.desired, role));
    if let Some((directory, _)) = role.and_then(|role| role.disk.as_str().rsplit_once('\\')) {
        for root in ["ConfigurationDataRoot", "SnapshotDataRoot", "SuspendDataRoot", "SwapFileDataRoot"] {
            settings.set(root, directory);
        }
    }
    Call::vms("DefineSystem", name.as_str()).with("SystemSettings", settings).run(cx.host).await.map(drop)
}

/// Whether the firmware lets start what it is to let start.
pub(crate) async fn has_secure_boot(cx: &Cx<'_>, to: SecureBoot) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    if vm.settings.secure_boot == Seen::Known(to) {
        return Ok(Check::Done);
    }
    cx.open_when_off(&vm).await
}

/// Sets that.
pub(crate) async fn set_secure_boot(cx: &Cx<'_>, to: SecureBoot) -> Result<(), Failure> {
    let template = match to {
        SecureBoot::Windows => classes::TEMPLATE_WINDOWS,
        SecureBoot::UefiAuthority => classes::TEMPLATE_UEFI,
        SecureBoot::OpenSourceShielded => classes::TEMPLATE_SHIELDED,
        SecureBoot::Disabled => return modify(cx, "SecureBootEnabled", false.into()).await,
    };
    modify(cx, "SecureBootTemplateId", template.into()).await?;
    modify(cx, "SecureBootEnabled", true.into()).await
}

/// Whether the host does this with the VM when it starts.
pub(crate) async fn has_start_action(cx: &Cx<'_>, to: StartAction) -> Result<Check, Failure> {
    Ok(Check::done_if(cx.vm().await?.settings.start_action == Seen::Known(to)))
}

/// Sets that.
pub(crate) async fn set_start_action(cx: &Cx<'_>, to: StartAction) -> Result<(), Failure> {
    let code: u16 = match to {
        StartAction::Nothing => 2,
        StartAction::StartIfRunning => 3,
        StartAction::AlwaysStart => 4,
    };
    modify(cx, "AutomaticStartupAction", code.into()).await
}

/// Whether the host does this with the VM when it stops.
pub(crate) async fn has_stop_action(cx: &Cx<'_>, to: StopAction) -> Result<Check, Failure> {
    Ok(Check::done_if(cx.vm().await?.settings.stop_action == Seen::Known(to)))
}

/// Sets that.
pub(crate) async fn set_stop_action(cx: &Cx<'_>, to: StopAction) -> Result<(), Failure> {
    let code: u16 = match to {
        StopAction::TurnOff => 2,
        StopAction::Save => 3,
        StopAction::ShutDown => 4,
    };
    modify(cx, "AutomaticShutdownAction", code.into()).await
}

/// Whether these are our remarks in the notes.
pub(crate) async fn has_remarks(cx: &Cx<'_>, remarks: &Remarks) -> Result<Check, Failure> {
    Ok(Check::done_if(Remarks::read(&cx.vm().await?.settings.notes) == *remarks))
}

/// Writes our remarks, and nobody else's lines.
pub(crate) async fn write_remarks(cx: &Cx<'_>, remarks: &Remarks) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let notes = vm.mark.write(remarks, &vm.settings.notes);
    modify(cx, "Notes", vec![notes].into()).await
}

/// Whether the notes say that the VM was set up.
pub(crate) async fn is_noted_set_up(cx: &Cx<'_>) -> Result<Check, Failure> {
    Ok(Check::done_if(Remarks::read(&cx.vm().await?.settings.notes).set_up))
}

/// Writes that, and leaves every other line as it is.
pub(crate) async fn note_set_up(cx: &Cx<'_>) -> Result<(), Failure> {
    let remarks = Remarks { set_up: true, ..Remarks::read(&cx.vm().await?.settings.notes) };
    write_remarks(cx, &remarks).await
}

/// Whether the VM is gone. Only one that is off may be deleted.
pub(crate) async fn is_removed(cx: &Cx<'_>) -> Result<Check, Failure> {
    match cx.find_vm().await? {
        None => Ok(Check::Done),
        Some(vm) => cx.open_when_off(&vm).await,
    }
}

/// Deletes the VM; its disks stay.
pub(crate) async fn remove(cx: &Cx<'_>) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let call = Call::vms("DestroySystem", vm.settings.name.as_str()).with("AffectedSystem", target::vm(&vm.guid));
    call.run(cx.host).await.map(drop)
}

/// Changes one property of the VM's settings.
pub(crate) async fn modify(cx: &Cx<'_>, property: &str, value: CimValue) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let change = target::change(classes::SYSTEM_SETTINGS, &vm.settings.id).with(property, value);
    Call::vms("ModifySystemSettings", vm.settings.name.as_str()).with("SystemSettings", change).run(cx.host).await.map(drop)
}
