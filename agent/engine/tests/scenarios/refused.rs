//! A host that refuses our password: until when it is left alone is told once, and what is put right is noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::event::Happening;
use engine::interrupt::KillSwitch;
use engine::outcome::Outcome;
use hyperv::{Credential, CredentialError, Credentials};
use model::condition::{ConditionKind, Reason, Truth};
use model::names::CredentialName;
use sim::script::Script;
use sim::world::Fault;
use wsman::Secret;

use crate::support::{Stage, WORLD, heard, log};

/// Our password of the host, as somebody corrects it some time.
#[derive(Debug, Default)]
struct Corrected(AtomicBool);

impl Credentials for Corrected {
    fn resolve(&self, name: &CredentialName) -> Result<Credential, CredentialError> {
        Ok(match name.as_str() {
            "host-admin" if self.0.load(Ordering::Relaxed) => Credential::new("trunkline", Secret::new("new-secret")),
            "host-admin" => Credential::new("trunkline", Secret::new("host-secret")),
            _ => Credential::new("Administrator", Secret::new("guest-secret")),
        })
    }
}

fn changed_to(stage: &Stage, password: &str) -> Fault {
    Fault::PasswordChanged { host: stage.host(), vm: None, user: "trunkline".to_owned(), password: password.to_owned() }
}

/// An appliance in force whose host refuses the password that we have.
async fn refused() -> (Stage, Arc<Corrected>) {
    log();
    let mut stage = Stage::new();
    let corrected = Arc::new(Corrected::default());
    stage.credentials = Arc::clone(&corrected) as Arc<dyn Credentials>;
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    stage.sim.apply(changed_to(&stage, "new-secret")).unwrap();
    (stage, corrected)
}

#[tokio::test(start_paused = true)]
async fn until_when_a_refused_password_rests_is_told_once_with_what_ends_it_sooner() {
    let (stage, _) = refused().await;
    stage
        .while_running(&stage.snapshot(), async |events| {
            let first = heard(events, |event| matches!(event.what, Happening::Stalled { reason: Reason::AccessDenied, .. })).await;
            let until = first.at + jiff::SignedDuration::from_mins(10);
            let says = first.what.to_string().replace(&format!("{until:.0}"), "<ten minutes later>");
            insta::assert_snapshot!(says, @"stalled (AccessDenied): the host of `branch-1` could not be observed: it refused credential `host-admin`, which is tried again at <ten minutes later>, as attempts lock accounts; sooner when the credential holds another password, or the agent is started anew");
            tokio::time::sleep(Duration::from_secs(400)).await;
            assert!(events.try_recv().is_err(), "it is not told again at each look");
            let status = stage.status(&stage.name());
            let stalled = status.condition(ConditionKind::Stalled).unwrap();
            assert_eq!((stalled.status, stalled.reason), (Truth::True, Reason::AccessDenied));
            assert!(stalled.message.contains(&format!("{until:.0}")), "{}", stalled.message);

            // The host takes our password again: it is noticed when the rest is over, and nothing had locked the account.
            stage.sim.apply(changed_to(&stage, "host-secret")).unwrap();
            let well = heard(events, |event| matches!(event.what, Happening::Converged { .. })).await;
            assert!(well.at >= until && well.at.duration_since(until).as_secs() < 60, "{} and {until}", well.at);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_comes_and_goes_has_no_guest_lock_our_account() {
    log();
    let lockout = "computerName: TEMPLATE\n    winrm: {lockout: {threshold: 20, duration: 10h}}";
    let stage = Stage::in_world(&WORLD.replace("computerName: TEMPLATE", lockout), 1);
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    let password = |password: &str| {
        let (vm, user) = (Some("app1.2.1".to_owned()), "Administrator".to_owned());
        stage.sim.apply(Fault::PasswordChanged { host: stage.host(), vm, user, password: password.to_owned() }).unwrap();
    };
    password("other");
    stage
        .while_running(&stage.snapshot(), async |_| {
            for _ in 0..30 {
                tokio::time::sleep(Duration::from_secs(60)).await;
                let away = r#"[{"on":{"machine":"hv-1","times":null},"do":"drop"}]"#;
                stage.sim.play(&Script::parse(away).unwrap()).unwrap();
                tokio::time::sleep(Duration::from_secs(60)).await;
                stage.sim.clear_script();
            }
            password("guest-secret");
            // No rest is longer than an hour.
            tokio::time::sleep(Duration::from_secs(3700)).await;
        })
        .await;
    assert!(stage.status(&stage.name()).unseen.is_empty(), "our account is locked: {:#?}", stage.status(&stage.name()).unseen);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_is_corrected_in_our_credentials_is_tried_at_the_next_look() {
    let (stage, corrected) = refused().await;
    stage
        .while_running(&stage.snapshot(), async |events| {
            heard(events, |event| matches!(event.what, Happening::Stalled { reason: Reason::AccessDenied, .. })).await;
            tokio::time::sleep(Duration::from_secs(90)).await;
            corrected.0.store(true, Ordering::Relaxed);
            let at = stage.clock.now();
            let well = heard(events, |event| matches!(event.what, Happening::Converged { .. })).await;
            assert!(well.at.duration_since(at).as_secs() <= 70, "{} and {at}", well.at);
        })
        .await;
}
