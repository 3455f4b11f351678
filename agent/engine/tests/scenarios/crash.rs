//! A fault of our own: a pass that ends in a panic is one appliance's matter, and for a minute only.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::event::Happening;
use hyperv::{Credential, CredentialError, Credentials};
use model::names::CredentialName;
use sim::world::Fault;
use wsman::Secret;

use crate::support::{self, Stage, heard, is_done, log};

/// Panics so many times when it is asked for the credential of branch-2's host.
#[derive(Debug)]
struct Faulty {
    left: AtomicUsize,
}

impl Credentials for Faulty {
    fn resolve(&self, name: &CredentialName) -> Result<Credential, CredentialError> {
        if name.as_str() == "faulty" {
            let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            assert!(left.is_err(), "a fault of our own");
        }
        Ok(match name.as_str() {
            "guest-admin" => Credential::new("Administrator", Secret::new("guest-secret")),
            _ => Credential::new("trunkline", Secret::new("host-secret")),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_panics_stops_no_other_appliance_and_is_tried_again() {
    log();
    let mut stage = Stage::new();
    let mut pair = stage.pair();
    pair.1.host.credential = "faulty".parse().unwrap();
    // The two are nobody's peers here: one must go its way whatever becomes of the other.
    for desired in [&mut pair.0, &mut pair.1] {
        desired.peers.clear();
        desired.availability.min_serving = 0;
    }
    let faulty = Arc::new(Faulty { left: AtomicUsize::new(2) });
    stage.credentials = Arc::clone(&faulty) as Arc<dyn Credentials>;
    let began = stage.clock.now();
    stage
        .while_running(&support::snapshot([&pair.0, &pair.1]), async |events| {
            let name = pair.0.appliance.clone();
            heard(events, |event| event.appliance == name && matches!(event.what, Happening::Converged { .. })).await;
            let (vm, service) = (Some("app1.2.1".to_owned()), "AppSvc".to_owned());
            stage.sim.apply(Fault::ServiceStops { host: stage.host(), vm, service }).unwrap();
            heard(events, |event| event.appliance == name && is_done(event, "2.1/app/start-service/AppSvc")).await;
        })
        .await;
    assert_eq!(faulty.left.load(Ordering::Relaxed), 0, "it was not tried again");
    assert!(stage.clock.now().duration_since(began) > Duration::from_secs(60).try_into().unwrap());
}
