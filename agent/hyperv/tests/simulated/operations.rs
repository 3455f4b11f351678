//! What Hyper-V can do besides what plans ask for, and how it refuses.

use model::condition::{Disposition, Reason};
use model::desired::{IntegrationService, Offer};
use model::names::{HostPath, VmName};
use model::observed::PowerState;
use model::units::DiskSize;
use plan::fixtures::of;
use sim::world::{Fault, HostName};
use trunkline_hyperv::{BootSourceKind, DiskKind, Failure, IdCheck};

use crate::bench::{Bench, chain};

fn ad() -> VmName {
    of("ad1.2.1")
}

fn disk() -> HostPath {
    of(r"D:\Trunkline\Instances\2.1\ad.vhdx")
}

fn code(failure: &Failure) -> Option<u32> {
    match failure {
        Failure::Refused { code, .. } => Some(code.value),
        _ => None,
    }
}

async fn installed() -> Bench {
    let bench = Bench::bare();
    bench.converge().await;
    bench
}

async fn turn_off(bench: &Bench) {
    bench.simulator.world().apply(Fault::VmOff { host: HostName::new("hv-1"), vm: ad().to_string() }).expect("it runs");
}

#[tokio::test(start_paused = true)]
async fn a_disk_is_told_grown_and_left_alone_while_it_is_used() {
    let bench = installed().await;
    let operations = bench.host.operations();
    let told = operations.disk(&disk()).await.expect("it is there");
    assert_eq!((told.kind, told.in_use, told.parent), (DiskKind::Differencing, true, Some(of(r"D:\Images\ad.vhdx"))));
    let larger = DiskSize::from_bytes(300 << 30);
    assert_eq!(code(&operations.resize_disk(&disk(), larger).await.expect_err("it runs")), Some(32774));
    turn_off(&bench).await;
    operations.resize_disk(&disk(), larger).await.expect("nobody has it open");
    assert_eq!(operations.disk(&disk()).await.expect("it is there").size, larger);
    let small = DiskSize::from_bytes(1 << 20);
    assert_eq!(code(&operations.resize_disk(&disk(), small).await.expect_err("too small")), Some(32773));
    let absent = operations.disk(&of(r"D:\none.vhdx")).await.expect_err("it is not there");
    assert_eq!((code(&absent), absent.disposition()), (Some(32779), Disposition::Stall(Reason::ImageMissing)));
}

#[tokio::test(start_paused = true)]
async fn a_chain_that_is_broken_says_where_and_is_mended_by_force() {
    let bench = installed().await;
    turn_off(&bench).await;
    let operations = bench.host.operations();
    operations.validate_disk(&disk()).await.expect("it is whole");
    let image = r"D:\Images\ad.vhdx".to_owned();
    bench.simulator.world().apply(Fault::DiskReplaced { host: HostName::new("hv-1"), path: image.clone() }).expect("it is there");
    let broken = operations.validate_disk(&disk()).await.expect_err("another disk lies there");
    assert!(chain(&broken).contains("ID mismatch"), "{}", chain(&broken));
    let parent: HostPath = of(&image);
    assert!(matches!(operations.set_disk_parent(&disk(), &parent, IdCheck::Strict).await, Err(Failure::Job { .. })));
    operations.set_disk_parent(&disk(), &parent, IdCheck::Ignored).await.expect("by force");
    operations.validate_disk(&disk()).await.expect("it is whole again");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_is_made_gone_back_to_and_deleted() {
    let bench = installed().await;
    let operations = bench.host.operations();
    operations.checkpoint(&ad()).await.expect("it runs");
    let names = async || {
        let observed = bench.observe().await;
        observed.instances.values().flat_map(|one| one.vms.values()).flat_map(|vm| vm.checkpoints.clone()).collect::<Vec<_>>()
    };
    let name = names().await.pop().expect("one");
    assert_eq!(code(&operations.apply_checkpoint(&ad(), &name).await.expect_err("it runs")), Some(32775));
    turn_off(&bench).await;
    operations.apply_checkpoint(&ad(), &name).await.expect("it is off");
    operations.delete_checkpoint(&ad(), &name).await.expect("it is there");
    assert!(names().await.is_empty());
    let gone = operations.delete_checkpoint(&ad(), &name).await.expect_err("it is gone");
    assert!(matches!(gone, Failure::Missing(_)));
}

#[tokio::test(start_paused = true)]
async fn a_boot_order_is_read_and_turned_round_while_the_vm_is_off() {
    let bench = installed().await;
    let operations = bench.host.operations();
    let before = operations.boot_order(&ad()).await.expect("generation 2");
    assert_eq!(before.iter().map(|one| one.kind).collect::<Vec<_>>(), [BootSourceKind::Drive, BootSourceKind::Network]);
    let turned: Vec<&str> = before.iter().rev().map(|one| one.id.as_str()).collect();
    assert_eq!(code(&operations.set_boot_order(&ad(), &turned).await.expect_err("it runs")), Some(32775));
    turn_off(&bench).await;
    operations.set_boot_order(&ad(), &turned).await.expect("it is off");
    let after = operations.boot_order(&ad()).await.expect("generation 2");
    assert_eq!(after.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), turned);
    let foreign = operations.set_boot_order(&ad(), &["Microsoft:none\\B"]).await.expect_err("not its own");
    assert_eq!((code(&foreign), foreign.disposition()), (Some(32773), Disposition::Stall(Reason::StepFailed)));
}

#[tokio::test(start_paused = true)]
async fn an_integration_service_is_offered_or_not() {
    let bench = installed().await;
    let operations = bench.host.operations();
    assert_eq!(operations.integration_service(&ad(), IntegrationService::FileCopy).await.expect("it has it"), Some(Offer::Off));
    operations.offer_integration_service(&ad(), IntegrationService::FileCopy, Offer::On).await.expect("it may be on");
    assert_eq!(operations.integration_service(&ad(), IntegrationService::FileCopy).await.expect("it has it"), Some(Offer::On));
    operations.offer_integration_service(&ad(), IntegrationService::Heartbeat, Offer::Off).await.expect("it may be off");
    let beats = operations.summaries().await.expect("all").into_iter().find(|one| one.vm == ad()).expect("ours");
    assert_eq!(beats.power, PowerState::Running);
}

#[tokio::test(start_paused = true)]
async fn one_request_tells_of_every_vm() {
    let bench = installed().await;
    let before = bench.requests();
    let all = bench.host.operations().summaries().await.expect("all");
    assert_eq!(bench.requests() - before, 1);
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|one| one.power == PowerState::Running && one.beats == Some(true) && one.checkpoints == 0));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_stopped_leaves_nothing_and_is_told_as_terminated() {
    let bench = installed().await;
    turn_off(&bench).await;
    let operations = bench.host.operations();
    let path = disk();
    let resize = operations.resize_disk(&path, DiskSize::from_bytes(300 << 30));
    let cancel = async {
        let id = loop {
            let jobs = bench.observe().await.host.jobs;
            if let Some(job) = jobs.known().and_then(|jobs| jobs.first()) {
                break job.id.clone();
            }
        };
        operations.cancel_job(&id).await.expect("it runs");
        id
    };
    let (resized, id) = tokio::join!(resize, cancel);
    let Err(Failure::Job { source, .. }) = resized else { panic!("it was stopped") };
    assert_eq!(source.state, 8, "{source}");
    assert_eq!(code(&operations.cancel_job(&id).await.expect_err("it has ended")), Some(32775));
}
