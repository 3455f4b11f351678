//! What the state directory keeps may be lost, out of reach, or taken by another: that costs time, and never a look.

use std::time::Duration;

use engine::event::Happening;
use engine::interrupt::KillSwitch;
use engine::lock::{LockHolder, StateLock};
use engine::outcome::Outcome;
use model::condition::{ConditionKind, Reason};
use sim::world::Fault;

use crate::support::{Stage, heard, log, while_running};

const VM: &str = "app1.2.1";

#[tokio::test(start_paused = true)]
async fn files_that_cannot_be_read_stop_no_watching_and_nothing_is_written_over_them() {
    log();
    let stage = Stage::new();
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    let directory = stage.state().appliance(&stage.name());
    // A status that can be set aside, and a memory whose place there is taken.
    for path in ["status.json", "memory.json"] {
        std::fs::remove_file(directory.join(path)).unwrap();
        std::fs::create_dir(directory.join(path)).unwrap();
    }
    for path in ["memory.damaged", "memory.json"] {
        std::fs::create_dir_all(directory.join(path)).unwrap();
        std::fs::write(directory.join(path).join("precious"), "text").unwrap();
    }
    stage
        .while_running(&stage.snapshot(), async |events| {
            let alert = heard(events, |event| matches!(event.what, Happening::Alert { .. })).await;
            let says = alert.what.to_string().replace(directory.to_str().unwrap(), "<directory>");
            insta::assert_snapshot!(says, @"ALERT: cannot read `<directory>/memory.json`: Is a directory (os error 21); it is left as it is, and until it can be read or is removed nothing that is learned outlives the agent");
            heard(events, |event| matches!(event.what, Happening::Converged { .. })).await;
            let stopped = Fault::ServiceStops { host: stage.host(), vm: Some(VM.to_owned()), service: "AppSvc".to_owned() };
            stage.sim.apply(stopped).unwrap();
            heard(events, |event| matches!(event.what, Happening::StepDone { .. })).await;
            heard(events, |event| matches!(event.what, Happening::Converged { .. })).await;
            assert!(events.try_recv().is_err(), "it is told once");
        })
        .await;
    assert!(stage.status(&stage.name()).is_ready(), "the status is written anew");
    assert_eq!(std::fs::read_to_string(directory.join("memory.json/precious")).unwrap(), "text");
    assert_eq!(std::fs::read_to_string(directory.join("memory.damaged/precious")).unwrap(), "text");

    // Within reach again: the next life goes by it and keeps it.
    std::fs::remove_dir_all(directory.join("memory.json")).unwrap();
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    assert!(directory.join("memory.json").is_file());
}

#[tokio::test(start_paused = true)]
async fn an_agent_whose_lock_was_removed_holds_while_another_works_there_and_goes_on_after_it() {
    log();
    let stage = Stage::new();
    let engine = stage.engine(KillSwitch::default());
    // Somebody removes the state directory, and starts a second agent.
    std::fs::remove_file(stage.directory.path().join("lock")).unwrap();
    let other = LockHolder { pid: 4712, command: "apply".to_owned(), since: stage.clock.now() };
    let second = StateLock::take(&stage.state(), &other).unwrap();
    while_running(&engine, &stage.snapshot(), async |_| {
        tokio::time::sleep(Duration::from_secs(300)).await;
        let status = stage.status(&stage.name());
        let ready = status.condition(ConditionKind::Ready).unwrap();
        assert_eq!((ready.reason, stage.methods().len()), (Reason::Held, 0), "{}", ready.message);
        let says = status.hold.unwrap().reason.replace(stage.directory.path().to_str().unwrap(), "<state>");
        insta::assert_snapshot!(says, @"the state directory `<state>` is in use by `trunkline apply` (process 4712, since 2026-03-03T11:30:00Z), as its lock was removed while this agent works; one of the two must end");
        drop(second);
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_ne!(stage.methods().len(), 0, "nobody else is there any more");
    })
    .await;
    assert!(StateLock::take(&stage.state(), &other).is_err(), "the lock is ours again");
}
