//! Integration services, which a host offers to the guest of each VM or does not.

use model::names::VmName;

use super::Operations;
use crate::failure::Failure;
use crate::perform::call::Call;
use crate::perform::target;
use crate::row::Row;
use crate::wql::Query;

/// An integration service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GuestService {
    /// Signs of life.
    Heartbeat,
    /// Shutting the guest down.
    Shutdown,
    /// Key-value pairs.
    Exchange,
    /// The host's time.
    TimeSync,
    /// Backups that the guest takes part in.
    Vss,
    /// Copying of files into the guest; off by default.
    FileCopy,
}

/// Whether a host offers a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It does.
    On,
    /// It does not.
    Off,
}

impl GuestService {
    fn class(self) -> &'static str {
        match self {
            Self::Heartbeat => "Msvm_HeartbeatComponentSettingData",
            Self::Shutdown => "Msvm_ShutdownComponentSettingData",
            Self::Exchange => "Msvm_KvpExchangeComponentSettingData",
            Self::TimeSync => "Msvm_TimeSyncComponentSettingData",
            Self::Vss => "Msvm_VssComponentSettingData",
            Self::FileCopy => "Msvm_GuestServiceInterfaceComponentSettingData",
        }
    }
}

impl Operations<'_> {
    /// Whether the host offers the service to the guest of the VM.
    ///
    /// # Errors
    /// `Failure::Missing` when the VM has no such service.
    pub async fn guest_service(&self, vm: &VmName, service: GuestService) -> Result<Offer, Failure> {
        self.guest_service_setting(vm, service).await.map(|(_, offer)| offer)
    }

    /// Offers the service, or no longer.
    ///
    /// # Errors
    /// `Failure::Refused` with what Hyper-V says.
    pub async fn offer_guest_service(&self, vm: &VmName, service: GuestService, offer: Offer) -> Result<(), Failure> {
        let (id, _) = self.guest_service_setting(vm, service).await?;
        let state: u16 = match offer {
            Offer::On => 2,
            Offer::Off => 3,
        };
        let change = target::change(service.class(), &id).with("EnabledState", state);
        Call::vms("ModifyGuestServiceSettings", vm.as_str()).with("GuestServiceSettings", vec![change]).run(self.host).await.map(drop)
    }

    async fn guest_service_setting(&self, vm: &VmName, service: GuestService) -> Result<(String, Offer), Failure> {
        let (guid, _) = self.vm(vm).await?;
        let (peer, class) = (self.host.peer(), service.class());
        let rows = peer.select(&Query::hyperv(class).of(&guid)).await?;
        let row = rows.first().ok_or_else(|| Failure::Missing(format!("the {class} of `{vm}`")))?;
        let offer = if peer.read(class, row.number("EnabledState"))? == 2 { Offer::On } else { Offer::Off };
        Ok((peer.read(class, row.need("InstanceID"))?.to_owned(), offer))
    }
}
