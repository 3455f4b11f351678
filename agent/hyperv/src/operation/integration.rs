//! Integration services, which a host offers to the guest of each VM or does not.

use model::desired::{IntegrationService, Offer};
use model::names::VmName;

use super::Operations;
use crate::failure::Failure;
use crate::perform::integration;

impl Operations<'_> {
    /// Whether the host offers the service to the guest of the VM; `None` when its state says neither.
    ///
    /// # Errors
    /// `Failure::Missing` when the VM has no such service.
    pub async fn integration_service(&self, vm: &VmName, service: IntegrationService) -> Result<Option<Offer>, Failure> {
        let (guid, _) = self.vm(vm).await?;
        Ok(integration::setting(self.host, (&guid, vm.as_str()), service).await?.1)
    }

    /// Offers the service, or no longer.
    ///
    /// # Errors
    /// `Failure::Refused` with what Hyper-V says.
    pub async fn offer_integration_service(&self, vm: &VmName, service: IntegrationService, offer: Offer) -> Result<(), Failure> {
        let (guid, _) = self.vm(vm).await?;
        integration::offer(self.host, (&guid, vm.as_str()), (service, offer)).await
    }
}
