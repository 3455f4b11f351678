//! Whether the host offers integration services to the guests of our VMs.
//!
//! Guarantees: only services that the wish names are asked for, a class at most once in a look; what was told stands until the
//! configuration of its VM has changed, and for an hour at most, so that a look at a host where nothing happens asks for none.
//! Deliberately absent: services that a guest itself stops, which no host tells.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::desired::{Desired, IntegrationService, Offer};
use model::seen::{Cause, Seen};
use tokio::task::JoinSet;
use wsman::cim::CimInstance;

use crate::classes;
use crate::guid::Guid;
use crate::host::{Host, KEPT};
use crate::observe::guest;
use crate::observe::roster::Roster;
use crate::observe::vitals::{Rows, Told, Vitals, told};
use crate::row::{Malformed, Row};
use crate::wql::Query;

/// `EnabledState` of a service that is offered.
const OFFERED: u64 = 2;
/// The same of one that is not.
const NOT_OFFERED: u64 = 3;

/// What was told of one service of one VM.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptOffer {
    offer: Offer,
    /// The configuration that it was told of.
    configured: Timestamp,
    said: Timestamp,
}

/// By VM, the services that the wish names.
pub(crate) type Offers = BTreeMap<Guid, BTreeMap<IntegrationService, Seen<Offer>>>;

impl Host {
    /// What is offered to the VMs of the wished instance.
    pub(crate) async fn offers(&self, desired: &Desired, roster: &Roster, vitals: &Vitals) -> Offers {
        let mut offers = Offers::new();
        let mut asked: BTreeMap<IntegrationService, BTreeSet<Guid>> = BTreeMap::new();
        for ((_, role), vms) in roster.ours.iter().filter(|((instance, _), _)| *instance == desired.instance) {
            let Some((vm, wish)) = vms.first().zip(guest::role(desired, role)) else { continue };
            for service in wish.integration_services.keys() {
                if let Some(offer) = self.kept_offer(&vm.guid, *service, vitals) {
                    offers.entry(vm.guid.clone()).or_default().insert(*service, Seen::Known(offer));
                } else {
                    asked.entry(*service).or_default().insert(vm.guid.clone());
                }
            }
        }
        if !asked.is_empty() {
            // VMs that are gone are forgotten with what was told of them.
            let ours = |guid: &Guid| roster.ours.values().flatten().any(|vm| vm.guid == *guid);
            self.memory().offers.retain(|(vm, _), _| ours(vm));
        }
        let mut questions = JoinSet::new();
        for (service, vms) in asked {
            let (peer, query) = (self.shared_peer(), Query::hyperv(classes::integration(service)).of_any(&vms));
            questions.spawn(async move { (service, vms, peer.select(&query).await) });
        }
        while let Some(ended) = questions.join_next().await {
            // A question that panicked leaves its services not observed.
            let Ok((service, vms, rows)) = ended else { continue };
            for (vm, offer) in of_service(&rows, vms) {
                self.keep_offer(&vm, (service, &offer), vitals);
                offers.entry(vm).or_default().insert(service, offer);
            }
        }
        offers
    }

    fn kept_offer(&self, vm: &Guid, service: IntegrationService, vitals: &Vitals) -> Option<Offer> {
        let now = self.context().clock.now();
        let kept = *self.memory().offers.get(&(vm.clone(), service))?;
        let stands = now.duration_since(kept.said).abs() < KEPT && vitals.configured(vm) == Some(kept.configured);
        stands.then_some(kept.offer)
    }

    fn keep_offer(&self, vm: &Guid, (service, offer): (IntegrationService, &Seen<Offer>), vitals: &Vitals) {
        let (key, said) = ((vm.clone(), service), self.context().clock.now());
        // A host that does not tell when a VM was configured is asked at each look.
        if let (Seen::Known(offer), Some(configured)) = (offer, vitals.configured(vm)) {
            self.memory().offers.insert(key, KeptOffer { offer: *offer, configured, said });
        } else {
            self.memory().offers.remove(&key);
        }
    }
}

/// What the rows of a service tell of these VMs. A VM without a row of it is none that we know how to set.
fn of_service(rows: &Rows, vms: BTreeSet<Guid>) -> Vec<(Guid, Seen<Offer>)> {
    let told = told(rows, offers);
    let of = |vm: &Guid| match &told {
        Ok(told) => told.get(vm).cloned().map_or_else(|| Seen::Unknown(Cause::Failed("the VM has no such service".to_owned())), known),
        Err(cause) => Seen::Unknown(cause.clone()),
    };
    vms.into_iter().map(|vm| (vm.clone(), of(&vm))).collect()
}

fn known(offer: Told<Offer>) -> Seen<Offer> {
    offer.map_or_else(Seen::Unknown, Seen::Known)
}

fn offers(rows: &[CimInstance]) -> Result<BTreeMap<Guid, Told<Offer>>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        if let Some(vm) = Guid::owner(row.need("InstanceID")?) {
            found.insert(vm, offer(row)?);
        }
    }
    Ok(found)
}

/// What the settings of a service say of it.
pub(crate) fn offer(row: &CimInstance) -> Result<Told<Offer>, Malformed> {
    Ok(match row.number("EnabledState")? {
        OFFERED => Ok(Offer::On),
        NOT_OFFERED => Ok(Offer::Off),
        other => Err(Cause::Failed(format!("EnabledState is {other}, which means neither on nor off"))),
    })
}

/// The `EnabledState` that says so.
pub(crate) fn state(offer: Offer) -> u64 {
    match offer {
        Offer::On => OFFERED,
        Offer::Off => NOT_OFFERED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: &str = "2B0E83F8-1111-2222-3333-444455556666";

    fn row(state: u16) -> CimInstance {
        CimInstance::new("Msvm_TimeSyncComponentSettingData")
            .with("InstanceID", format!("Microsoft:{VM}\\2497F4DE-E9FA-4204-80E4-4B75C46419C0"))
            .with("EnabledState", state)
    }

    #[test]
    fn a_service_is_offered_or_not_and_what_means_neither_is_unknown() {
        let vm = Guid::read(VM).unwrap();
        let read = |rows: Vec<CimInstance>| of_service(&Ok(rows), BTreeSet::from([vm.clone()])).remove(0).1;
        assert_eq!((read(vec![row(2)]), read(vec![row(3)])), (Seen::Known(Offer::On), Seen::Known(Offer::Off)));
        assert!(read(vec![row(5)]).unknown().is_some());
        assert!(read(vec![]).unknown().is_some(), "it is neither off nor on");
    }
}
