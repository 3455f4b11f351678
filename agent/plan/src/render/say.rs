//! Acts and changes in words.

use crate::diff::{Change, boot_order_name, secure_boot_name, start_action_name, start_mode_name, stop_action_name};
use crate::step::{Act, RestartReason, Step};

/// What an act does, in words that end a line beginning with the role.
#[must_use]
pub fn act(act: &Act) -> String {
    match act {
        Act::CreateSwitch { switch, .. } => format!("make the internal switch `{switch}`"),
        Act::AddressHost { switch, address } => format!("give the host {address} on `{switch}`"),
        Act::RemoveSwitch { switch } => format!("remove the switch `{switch}`"),
        Act::CreateDisk { path, .. } => format!("make the disk {}", file_name(path.as_str())),
        Act::DefineVm { vm, .. } => format!("make the VM {vm}"),
        Act::SetProcessors { to } => format!("set {to} processors"),
        Act::SetMemory { to } => format!("set {to} of memory"),
        Act::SetSecureBoot { to } => format!("secure boot: {}", secure_boot_name(*to)),
        Act::SetBootOrder { to } => format!("boot from: {}", boot_order_name(to)),
        Act::SetIntegrationService { service, to } => format!("integration service {}: {to}", service.as_str()),
        Act::SetVlan { adapter, to, .. } => format!("put {adapter} into VLAN {to}"),
        Act::SetStartAction { to } => format!("when the host starts: {}", start_action_name(*to)),
        Act::SetStopAction { to } => format!("when the host stops: {}", stop_action_name(*to)),
        Act::AttachDisk { path } => format!("attach the disk {}", file_name(path.as_str())),
        Act::AddAdapter { adapter, .. } => format!("add the adapter {adapter}"),
        Act::ConnectAdapter { adapter, switch, vlan: None, .. } => format!("connect {adapter} to `{switch}`"),
        Act::ConnectAdapter { adapter, switch, vlan: Some(vlan), .. } => format!("connect {adapter} to `{switch}`, VLAN {vlan}"),
        Act::DisconnectAdapter { adapter, .. } => format!("disconnect {adapter}"),
        Act::RemoveAdapter { adapter, .. } => format!("remove the adapter {adapter}"),
        Act::StartVm => "start the VM".to_owned(),
        Act::ShutDownVm => "shut the VM down".to_owned(),
        Act::RestoreSetUp => "note again that it was set up".to_owned(),
        Act::WriteRemarks { remarks } => match &remarks.down {
            Some(_) => "note why no calls are taken".to_owned(),
            None => "note that all is well".to_owned(),
        },
        Act::AwaitGuest { over } => match over {
            model::observed::Reach::Serving => "look into the guest over the product network".to_owned(),
            _ => "look into the guest over the management network".to_owned(),
        },
        Act::InjectAddress { adapter, config, .. } => {
            let addresses: Vec<String> = config.addresses.iter().map(ToString::to_string).collect();
            let gateways: Vec<String> = config.gateways.iter().map(|gateway| format!(", gateway {gateway}")).collect();
            format!("set {}{} on {adapter}", addresses.join(", "), gateways.concat())
        }
        Act::RenameGuest { to } => format!("name the guest {to}"),
        Act::JoinDomain { domain, .. } => format!("join the domain {domain}"),
        Act::RestartGuest { so_that } => match so_that {
            RestartReason::Renamed => "restart the guest, for its name".to_owned(),
            RestartReason::Joined => "restart the guest, for its domain".to_owned(),
            RestartReason::Recovered { .. } => "restart the guest, as its services would not start".to_owned(),
        },
        Act::DrainService { service } => format!("let {service} take no new calls"),
        Act::HoldService { service } => format!("hold {service}"),
        Act::StartService { service } => format!("start {service}"),
        Act::RestoreStartMode { service, to } => format!("let {service} start: {}", start_mode_name(*to)),
        Act::EnableRule { rule } => format!("enable the rule {rule}"),
        Act::RemoveVm { vm } => format!("delete the VM {vm}"),
        Act::RemoveDisk { path } => format!("delete the disk {}", file_name(path.as_str())),
    }
}

/// What a step does, and where: `mediation: start the VM`.
#[must_use]
pub fn step(step: &Step) -> String {
    let place = step.role.as_ref().map_or("host", |role| role.as_str());
    format!("{place}: {}", act(&step.act))
}

/// A change's two sides: `2 -> 4`.
#[must_use]
pub fn change(change: &Change) -> String {
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{from} -> {to}"),
        (None, Some(to)) => format!("+ {to}"),
        (Some(from), None) => format!("- {from}"),
        (None, None) => String::new(),
    }
}

/// A posture in a few words.
pub(super) fn posture(posture: &model::condition::Posture) -> (&'static str, &[model::condition::Fault]) {
    use model::condition::Posture;
    match posture {
        Posture::Serving => ("serving", &[]),
        Posture::Maintenance => ("in maintenance", &[]),
        Posture::Degraded(faults) => ("serving, degraded", faults),
        Posture::Down(faults) => ("down", faults),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}
