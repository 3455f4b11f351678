//! A product whose guests are probed over the management switch, which therefore stays: Cloud Connector 1.4.2.

use std::path::Path;
use std::sync::Arc;

use engine::interrupt::KillSwitch;
use engine::outcome::Outcome;
use model::desired::Desired;
use model::names::ApplianceName;
use model::observed::Reach;
use model::resolve::ParsedFile;
use model::validate::Assembler;
use sim::world::{Fault, HostName};

use crate::support::{Known, Stage, log};

const WORLD: &str = include_str!("../../../../examples/seattle.world.yaml");
const KNOWN: Known = Known(&[
    ("hyperv-host", "trunkline", "example-host"),
    ("guest-admin", "Administrator", "example-guest"),
    ("domain-admin", r"VDOMAIN\Administrator", "example-domain"),
]);

/// The example's first appliance as it would be with the older product, alone at its site.
fn wish() -> Desired {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/seattle");
    let older = |path: &str| {
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        let text = text.replace("cloud-connector-2.1", "cloud-connector-1.4.2").replace("version: \"2.1\"", "version: \"1.4.2\"");
        let alone = "minServing: 0\n    plannedOutage: { in: [nights], atMost: 45m }";
        Arc::new(ParsedFile::new(path, text.replace("minServing: 1", alone).as_bytes()))
    };
    let files = ["repository.yaml", "releases/2.1.yaml", "sites/seattle/site.yaml", "sites/seattle/sea-1.yaml"].map(older);
    let assembled = Assembler::new(env!("CARGO_PKG_VERSION")).assemble(files);
    assert!(assembled.complete, "{:#?}", assembled.diagnostics);
    Desired::clone(&assembled.desired[&ApplianceName::new("sea-1").unwrap()])
}

#[tokio::test(start_paused = true)]
async fn an_appliance_that_is_watched_over_the_management_switch_converges_and_is_mended() {
    log();
    let stage = Stage::of(WORLD, wish(), "hv-sea-1", KNOWN);
    assert_eq!(stage.desired.watch.network.as_str(), "management");
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    let done = stage.sim.mutations().len();
    assert_eq!(stage.steps_of(&stage.snapshot()).await, (Outcome::Converged, vec![]), "a second life finds nothing to do");
    assert_eq!(stage.sim.mutations().len(), done);

    let previews = engine::preview::preview(stage.parts(KillSwitch::default()), &stage.snapshot(), &[stage.name()].into()).await;
    let observed = &previews[&stage.name()].as_ref().unwrap().observed;
    for (role, vm) in &observed.instances[&stage.desired.instance].vms {
        assert_eq!(vm.guest.known().map(|guest| guest.reach), Some(Reach::Management), "{role}");
        assert!(vm.remarks.set_up, "{role}");
    }

    let vm = stage.desired.roles[2].vm.to_string();
    let stops = Fault::ServiceStops { host: HostName::new("hv-sea-1"), vm: Some(vm), service: "RTCMEDSRV".to_owned() };
    stage.sim.apply(stops).unwrap();
    let (outcome, done) = stage.steps_of(&stage.snapshot()).await;
    assert_eq!(outcome, Outcome::Converged);
    assert!(done.iter().any(|step| step == "1.4.2/mediation/start-service/RTCMEDSRV"), "{done:#?}");
}
