//! What the state directory keeps of an appliance may be lost or out of reach: that costs time, and never a look.

use engine::event::Happening;
use engine::interrupt::KillSwitch;
use engine::outcome::Outcome;
use sim::world::Fault;

use crate::support::{Stage, heard, log};

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
