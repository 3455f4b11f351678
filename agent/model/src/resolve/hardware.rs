//! What a VM boots from, and what its host offers to the guest: each value from its nearest statement.

use std::collections::BTreeMap;

use super::closure::Resolver;
use crate::desired::{BootDevice, IntegrationService, Offer};
use crate::manifest::{ProfileRole, RoleSpec};
use crate::names::RoleName;

impl<'a> Resolver<'a> {
    pub(super) fn boot_order(&self, profile: &'a ProfileRole) -> Vec<BootDevice> {
        let order = self.role_value(&profile.name.value, "bootOrder", |spec| spec.boot_order.as_ref(), profile.boot_order.as_ref());
        order.map(|order| order.value.0.clone()).unwrap_or_default()
    }

    pub(super) fn integration_services(&self, profile: &'a ProfileRole) -> BTreeMap<IntegrationService, Offer> {
        let role = &profile.name.value;
        // Most roles say nothing of any, and are not asked for each.
        let stated = profile.integration_services.is_some() || self.stack.layers().any(|layer| says_any(layer.roles.get(role)));
        let services = if stated { &IntegrationService::ALL[..] } else { &[] };
        services.iter().filter_map(|service| Some((*service, self.integration_service(role, profile, *service)?))).collect()
    }

    fn integration_service(&self, role: &'a RoleName, profile: &'a ProfileRole, service: IntegrationService) -> Option<Offer> {
        let key = format!("integrationServices.{}", service.as_str());
        let default = profile.integration_services.as_ref();
        let needed = |spec: &'a RoleSpec| spec.integration_services.as_ref()?.needed(service);
        if self.role_value(role, &key, needed, default.and_then(|spec| spec.needed(service))).is_some() {
            return Some(Offer::On);
        }
        let chosen = |spec: &'a RoleSpec| spec.integration_services.as_ref()?.chosen(service);
        let chosen = self.role_value(role, &key, chosen, default.and_then(|spec| spec.chosen(service)))?;
        Some(if chosen.value { Offer::On } else { Offer::Off })
    }
}

fn says_any(role: Option<&crate::manifest::Spanned<RoleSpec>>) -> bool {
    role.is_some_and(|role| role.value.integration_services.is_some())
}
