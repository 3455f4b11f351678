//! The journal, cut and changed in every way.

use std::fs;

use model::names::{InstanceId, RoleName};
use plan::step::{Act, StepId};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_000_000 + second).unwrap()
}

fn step() -> StepId {
    StepId::of(&InstanceId::new("2.1").unwrap(), Some(&RoleName::new("ad").unwrap()), &Act::StartVm)
}

fn entries() -> Vec<Entry> {
    let failed = Entry::Failed { step: step(), says: "job 32775: ungültig".to_owned(), disposition: Disposition::Retry };
    vec![Entry::Intent { step: step() }, Entry::Done { step: step(), took_ms: 1250 }, Entry::Intent { step: step() }, failed]
}

fn written(directory: &Path) -> Vec<u8> {
    let (mut journal, torn) = Journal::open(directory).unwrap();
    assert_eq!(torn, None);
    for (second, entry) in (0..).zip(entries()) {
        journal.append(at(second), entry).unwrap();
    }
    fs::read(directory.join(CURRENT)).unwrap()
}

#[test]
fn what_was_written_is_read_in_order() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path());
    let (records, tear) = read(directory.path()).unwrap();
    assert_eq!(tear, None);
    assert_eq!(records.iter().map(|record| record.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(records.into_iter().map(|record| record.entry).collect::<Vec<_>>(), entries());
}

#[test]
fn a_record_is_a_line_that_a_person_can_read() {
    let directory = tempfile::tempdir().unwrap();
    let text = String::from_utf8(written(directory.path())).unwrap();
    insta::assert_snapshot!(text.lines().take(2).collect::<Vec<_>>().join("\n"), @r#"
    000000a9 a97eca7544e675b7097480fc853c41cf0b5acd3aae65bae1d6af69c9fbcb8685 {"number":1,"previous":"0000000000000000000000000000000000000000000000000000000000000000","at":"2026-02-25T06:13:20Z","entry":{"what":"intent","step":"2.1/ad/start-vm"}}
    000000b5 0d35d14c06253c580ebaea835bd686e75429755bbf0ffcf3da19a0a0d691c4a1 {"number":2,"previous":"a97eca7544e675b7097480fc853c41cf0b5acd3aae65bae1d6af69c9fbcb8685","at":"2026-02-25T06:13:21Z","entry":{"what":"done","step":"2.1/ad/start-vm","tookMs":1250}}
    "#);
}

#[test]
fn a_journal_cut_at_any_byte_loses_no_earlier_record_and_goes_on() {
    let whole = written(tempfile::tempdir().unwrap().path());
    let ends: Vec<usize> = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index + 1).collect();
    for cut in 0..=whole.len() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(CURRENT), &whole[..cut]).unwrap();
        let survive = ends.iter().filter(|end| **end <= cut).count();
        let sound = ends.iter().copied().filter(|end| *end <= cut).max().unwrap_or(0);

        let (mut journal, torn) = Journal::open(directory.path()).unwrap();
        assert_eq!(torn.as_ref().map_or(0, |torn| torn.bytes), cut - sound, "cut at {cut}");
        if let Some(torn) = torn {
            assert_eq!(torn.why, Tear::Cut, "cut at {cut}");
            assert_eq!(fs::read(torn.kept).unwrap(), [&whole[sound..cut], b"\n"].concat(), "cut at {cut}");
        }
        journal.append(at(99), Entry::Intent { step: step() }).unwrap();
        let (records, tear) = read(directory.path()).unwrap();
        assert_eq!((records.len(), tear), (survive + 1, None), "cut at {cut}");
        assert_eq!(records[..survive].iter().map(|record| record.entry.clone()).collect::<Vec<_>>(), entries()[..survive]);
    }
}

#[test]
fn any_changed_byte_is_noticed_and_what_stood_before_it_stays() {
    let whole = written(tempfile::tempdir().unwrap().path());
    for index in 0..whole.len() {
        let directory = tempfile::tempdir().unwrap();
        let mut changed = whole.clone();
        changed[index] ^= 0x01;
        fs::write(directory.path().join(CURRENT), &changed).unwrap();
        let (records, tear) = read(directory.path()).unwrap();
        assert!(tear.is_some(), "a flipped bit at {index} went unnoticed");
        assert_eq!(records.len(), whole[..index].iter().filter(|byte| **byte == b'\n').count(), "at {index}");
        let (journal, torn) = Journal::open(directory.path()).unwrap();
        assert!(torn.is_some());
        assert_eq!(journal.end.number, u64::try_from(records.len()).unwrap());
    }
}

#[test]
fn a_sound_record_in_the_wrong_place_breaks_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let text = String::from_utf8(written(directory.path())).unwrap();
    let without_the_second: String =
        text.split_inclusive('\n').enumerate().filter(|(index, _)| *index != 1).map(|(_, line)| line).collect();
    fs::write(directory.path().join(CURRENT), without_the_second).unwrap();
    let (records, tear) = read(directory.path()).unwrap();
    assert_eq!((records.len(), tear), (1, Some(Tear::Chain)));
}

#[test]
fn the_chain_and_the_numbers_go_on_across_rotations_and_the_size_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open_bounded(directory.path(), 1000).unwrap();
    for second in 0..40 {
        journal.append(at(second), Entry::Done { step: step(), took_ms: 1 }).unwrap();
        let size = |name| fs::metadata(directory.path().join(name)).map_or(0, |file| file.len());
        assert!(size(CURRENT) + size(BEFORE) < 2600, "{} bytes", size(CURRENT) + size(BEFORE));
    }
    drop(journal);
    let (records, tear) = read(directory.path()).unwrap();
    assert_eq!((records.last().map(|record| record.number), tear), (Some(40), None));

    // No new file could be made when the old one had been put aside: the same journal tries again.
    let (mut journal, _) = Journal::open_bounded(directory.path(), 1).unwrap();
    fs::rename(directory.path().join(CURRENT), directory.path().join(BEFORE)).unwrap();
    journal.append(at(40), Entry::Intent { step: step() }).unwrap();
    drop(journal);
    let (records, tear) = read(directory.path()).unwrap();
    assert_eq!((records.last().map(|record| record.number), tear), (Some(41), None));

    // The agent died between renaming the old file and making the new one.
    fs::rename(directory.path().join(CURRENT), directory.path().join(BEFORE)).unwrap();
    let (mut journal, torn) = Journal::open(directory.path()).unwrap();
    assert_eq!(torn, None);
    journal.append(at(41), Entry::Intent { step: step() }).unwrap();
    let (records, tear) = read(directory.path()).unwrap();
    assert_eq!((records.last().map(|record| record.number), tear), (Some(42), None));
}
