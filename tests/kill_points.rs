//! The agent dies at every kill point of every step of a full installation, the hosts living on.
//!
//! Two VMs: one undisturbed installation is photographed at each of its kill points, the hosts as they are at that instant and the
//! agent's disk; from each photograph a new life begins. Four VMs: one installation in which the agent dies once of each step. Every
//! other life begins without the disk. All must end where the undisturbed one ended, and the hosts must not have been told anything
//! more often. Time is driven, so boots and jobs take as long as the examples say.

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
use crate::support::memory::{Photograph, Room, driven, put_files};
use crate::support::sight::{EQUAL, differences};

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
            self.film.lock().unwrap().push((step.clone(), Photograph::of(&self.sim, &self.disk)));
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
                film.lock().unwrap().push((step, Photograph::of(&sim, &disk)));
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
        let film = std::mem::take(&mut *photographer.film.lock().unwrap());
        Undisturbed { sight: room.look().await, deeds: room.deeds(), film }
    })
}

/// Dies once for each step of an installation, each time in a room of its own; at least `least` steps live long enough to die so.
fn die_in_rooms_of_their_own(death: Death, least: usize) {
    let (example, appliance) = (Example::BranchBundle, "ulm-1");
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
            assert_eq!(differences(&room.look().await, &whole.sight), EQUAL, "{what}");
            assert_eq!(room.deeds(), whole.deeds, "{what}: the hosts noticed it");
            let done = room.mutations().len();
            assert_eq!(room.live(disk.path(), KillSwitch::default()).await, Outcome::Converged, "{what}");
            assert_eq!(room.mutations().len(), done, "{what}: there was something left to do");
        });
    }
}

/// Dies once of each step, over as many lives.
#[derive(Debug)]
struct DieOfEach {
    death: Death,
    died_of: Mutex<BTreeSet<StepId>>,
}

impl Interrupt for DieOfEach {
    fn dies_at(&self, point: KillPoint, step: &StepId) -> bool {
        self.death == Death::At(point) && self.died_of.lock().unwrap().insert(step.clone())
    }

    fn dies_after(&self, step: &StepId) -> Option<Duration> {
        let Death::After(after) = self.death else { return None };
        self.died_of.lock().unwrap().insert(step.clone()).then_some(after)
    }
}

/// Dies once of each step of one installation. Its agent does one step at a time, so that no step dies of another's death.
fn die_in_one_room(death: Death) {
    let (example, appliance) = (Example::Seattle, "sea-1");
    let whole = undisturbed(example, appliance, death);
    driven(async {
        let room = Room::bare(example, appliance);
        room.sim.play(&Script::parse(SLOW).unwrap()).unwrap();
        let killer = Arc::new(DieOfEach { death, died_of: Mutex::default() });
        let mut disk = tempfile::tempdir().unwrap();
        let mut deaths = 0;
        loop {
            match room.live_slowly(disk.path(), KillSwitch::held_by(killer.clone())).await {
                Outcome::Converged => break,
                Outcome::Stopped => deaths += 1,
                other => panic!("after {deaths} deaths, of {:?}: {other:?}", killer.died_of.lock().unwrap()),
            }
            if deaths % 2 == 0 {
                disk = tempfile::tempdir().unwrap();
            }
        }
        let died_of = killer.died_of.lock().unwrap().clone();
        let missed: Vec<_> = whole.film.iter().map(|(step, _)| step).filter(|step| !died_of.contains(step)).collect();
        assert!(missed.is_empty(), "nobody died of {missed:?}");
        assert_eq!(differences(&room.look().await, &whole.sight), EQUAL);
        assert_eq!(room.deeds(), whole.deeds, "the hosts noticed it");
    });
}

mod two_vms {
    use super::*;

    const ALL: usize = 38;

    #[test]
    fn before_an_intent_is_written() {
        die_in_rooms_of_their_own(Death::At(KillPoint::BeforeIntent), ALL);
    }

    #[test]
    fn after_an_intent_was_written() {
        die_in_rooms_of_their_own(Death::At(KillPoint::AfterIntent), ALL);
    }

    #[test]
    fn when_a_request_was_sent_and_not_answered() {
        die_in_rooms_of_their_own(Death::After(UNANSWERED), ALL);
    }

    #[test]
    fn while_a_job_runs() {
        die_in_rooms_of_their_own(Death::After(JOB), 5);
    }

    #[test]
    fn when_the_host_was_done_and_nobody_had_looked() {
        die_in_rooms_of_their_own(Death::At(KillPoint::Performed), ALL);
    }

    #[test]
    fn before_done_is_written() {
        die_in_rooms_of_their_own(Death::At(KillPoint::Verified), ALL);
    }
}

mod four_vms {
    use super::*;

    #[test]
    fn before_an_intent_is_written() {
        die_in_one_room(Death::At(KillPoint::BeforeIntent));
    }

    #[test]
    fn after_an_intent_was_written() {
        die_in_one_room(Death::At(KillPoint::AfterIntent));
    }

    #[test]
    fn when_a_request_was_sent_and_not_answered() {
        die_in_one_room(Death::After(UNANSWERED));
    }

    #[test]
    fn while_a_job_runs() {
        die_in_one_room(Death::After(JOB));
    }

    #[test]
    fn when_the_host_was_done_and_nobody_had_looked() {
        die_in_one_room(Death::At(KillPoint::Performed));
    }

    #[test]
    fn before_done_is_written() {
        die_in_one_room(Death::At(KillPoint::Verified));
    }
}

mod journal_of_an_installation {
    use super::*;

    /// Where the agent keeps it, below its disk.
    const FILE: &str = "appliances/appliance-ulm-1/journal.jsonl";

    fn ends(journal: &[u8]) -> Vec<usize> {
        journal.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect()
    }

    #[test]
    fn cut_at_any_byte_it_opens_with_every_whole_record() {
        let whole = undisturbed(Example::BranchBundle, "ulm-1", Death::At(KillPoint::Verified));
        let (_, last) = whole.film.last().unwrap();
        let text = &last.files[FILE];
        let ends = ends(text);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.jsonl");
        for cut in 0..text.len() {
            std::fs::write(&path, &text[..cut]).unwrap();
            let (opened, torn) = journal::Journal::open(directory.path()).unwrap();
            drop(opened);
            let sound = ends.iter().copied().take_while(|end| *end <= cut).last().unwrap_or(0);
            assert_eq!(torn.map_or(0, |torn| torn.bytes), cut - sound, "cut at {cut}");
            assert_eq!(std::fs::metadata(&path).unwrap().len(), u64::try_from(sound).unwrap(), "cut at {cut}");
        }
    }

    /// Cut at each byte of the record that was being written, and at both ends and the middle of each earlier one.
    #[test]
    fn cut_anywhere_the_next_life_comes_to_the_same_end() {
        let whole = undisturbed(Example::BranchBundle, "ulm-1", Death::At(KillPoint::Verified));
        let (step, last) = whole.film.last().unwrap();
        let length = last.files[FILE].len();
        let ends = ends(&last.files[FILE]);
        let earlier = ends.windows(2).flat_map(|record| [record[0], record[0].midpoint(record[1]), record[1] - 1]);
        let cuts: BTreeSet<usize> = earlier.chain(ends[ends.len() - 2]..length).collect();
        assert!(cuts.len() > 300, "{}", cuts.len());
        for cut in cuts {
            driven(async {
                let room = Room::of(last, Example::BranchBundle, "ulm-1");
                let disk = tempfile::tempdir().unwrap();
                let mut files = last.files.clone();
                files.get_mut(FILE).unwrap().truncate(cut);
                put_files(disk.path(), &files);
                assert_eq!(
                    room.live(disk.path(), KillSwitch::default()).await,
                    Outcome::Converged,
                    "cut at {cut}, before `{step}` was done"
                );
                assert_eq!(room.deeds(), whole.deeds, "cut at {cut}");
            });
        }
    }
}
