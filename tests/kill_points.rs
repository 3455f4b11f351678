//! The agent dies at every kill point of every step of a full installation, the hosts living on.
//!
//! One undisturbed installation is photographed at each of its kill points: the hosts as they are at that instant, and the agent's
//! disk. From each photograph a new life begins, every other one without the disk. All must end where the undisturbed one ended, and
//! the hosts must not have been told anything more often. Time is driven, so boots and jobs take as long as the examples say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::interrupt::{Interrupt, KillPoint, KillSwitch};
use engine::journal;
use engine::outcome::Outcome;
use plan::step::StepId;
use serde_json::Value;
use sim::network::Simulator;
use sim::script::Script;
use tokio::task::JoinSet;

use crate::support::example::Example;
use crate::support::memory::{Photograph, Room, driven, files_below, put_files};

/// Every changing request is answered a tenth of a second after it was carried out.
const SLOW: &str = r#"[{"on":{"operation":"Invoke","times":null},"do":{"slow":"100ms"}}]"#;
/// After that a request was carried out, and its answer is still on its way.
const UNANSWERED: Duration = Duration::from_millis(50);
/// After that every job that the examples' hosts take on is running.
const JOB: Duration = Duration::from_millis(700);

/// When the agent dies in the life of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// At a point between two awaits.
    At(KillPoint),
    /// So long after the host was asked, if it is still at it.
    After(Duration),
}

/// Takes a photograph of each step at one moment of its life. Kills nobody.
#[derive(Debug)]
struct Photographer {
    death: Death,
    sim: Simulator,
    disk: PathBuf,
    film: Arc<Mutex<Vec<(StepId, Photograph)>>>,
    performed: Arc<Mutex<BTreeSet<StepId>>>,
    timers: Mutex<JoinSet<()>>,
}

impl Interrupt for Photographer {
    fn dies_at(&self, point: KillPoint, step: &StepId) -> bool {
        if point == KillPoint::Performed {
            self.performed.lock().unwrap().insert(step.clone());
        }
        if self.death == Death::At(point) {
            self.film.lock().unwrap().push((step.clone(), Room::photograph(&self.sim, &[], &self.disk)));
        }
        false
    }

    fn dies_after(&self, step: &StepId) -> Option<Duration> {
        let Death::After(after) = self.death else { return None };
        let (sim, disk, step) = (self.sim.clone(), self.disk.clone(), step.clone());
        let (film, performed) = (Arc::clone(&self.film), Arc::clone(&self.performed));
        self.timers.lock().unwrap().spawn(async move {
            tokio::time::sleep(after).await;
            if !performed.lock().unwrap().contains(&step) {
                film.lock().unwrap().push((step, Room::photograph(&sim, &[], &disk)));
            }
        });
        None
    }
}

/// How an installation that nobody disturbed ended, and the photographs of it.
struct Undisturbed {
    sight: Value,
    deeds: BTreeMap<String, usize>,
    film: Vec<(StepId, Photograph)>,
    disk: BTreeMap<String, Vec<u8>>,
    end: Photograph,
}

fn undisturbed(example: Example, appliance: &str, death: Death) -> Undisturbed {
    driven(async {
        let room = Room::bare(example, appliance);
        room.sim.play(&Script::parse(SLOW).unwrap()).unwrap();
        let disk = tempfile::tempdir().unwrap();
        let photographer = Arc::new(Photographer {
            death,
            sim: room.sim.clone(),
            disk: disk.path().to_owned(),
            film: Arc::default(),
            performed: Arc::default(),
            timers: Mutex::default(),
        });
        assert_eq!(room.live(disk.path(), KillSwitch::held_by(photographer.clone())).await, Outcome::Converged);
        let requests: u64 = room.sim.exchanges().iter().map(|(_, _, count)| count).sum(); eprintln!("requests {requests} {:?}", room.deeds());
        let film = std::mem::take(&mut *photographer.film.lock().unwrap());
        Undisturbed {
            sight: room.look().await,
            deeds: room.deeds(),
            film,
            disk: files_below(disk.path()),
            end: Room::photograph(&room.sim, &[], disk.path()),
        }
    })
}

/// Dies once for each step of an installation, each time in a room of its own; at least `least` steps live long enough to die so.
fn die(example: Example, appliance: &str, death: Death, least: usize) {
    let whole = undisturbed(example, appliance, death);
    assert!(whole.film.len() >= least, "only {} steps could be died of", whole.film.len());
    for (number, (step, photograph)) in whole.film.iter().enumerate() {
        let what = format!("died {death:?} of `{step}`");
        driven(async {
            let room = Room::of(photograph, example, appliance);
            let disk = tempfile::tempdir().unwrap();
            if number % 2 == 0 {
                put_files(disk.path(), &photograph.files);
            }
            assert_eq!(room.live(disk.path(), KillSwitch::default()).await, Outcome::Converged, "{what}");
            assert_eq!(room.look().await, whole.sight, "{what}: another end");
            assert_eq!(room.deeds(), whole.deeds, "{what}: the hosts noticed it");
            let done = room.mutations().len();
            assert_eq!(room.live(disk.path(), KillSwitch::default()).await, Outcome::Converged, "{what}");
            assert_eq!(room.mutations().len(), done, "{what}: there was something left to do");
        });
    }
}

mod two_vms {
    use super::*;

    const ALL: usize = 38;

    fn die_of_each_step(death: Death, least: usize) {
        die(Example::BranchBundle, "ulm-1", death, least);
    }

    #[test]
    fn before_an_intent_is_written() {
        die_of_each_step(Death::At(KillPoint::BeforeIntent), ALL);
    }

    #[test]
    fn after_an_intent_was_written() {
        die_of_each_step(Death::At(KillPoint::AfterIntent), ALL);
    }

    #[test]
    fn when_a_request_was_sent_and_not_answered() {
        die_of_each_step(Death::After(UNANSWERED), ALL);
    }

    #[test]
    fn while_a_job_runs() {
        die_of_each_step(Death::After(JOB), 5);
    }

    #[test]
    fn when_the_host_was_done_and_nobody_had_looked() {
        die_of_each_step(Death::At(KillPoint::Performed), ALL);
    }

    #[test]
    fn before_done_is_written() {
        die_of_each_step(Death::At(KillPoint::Verified), ALL);
    }
}
