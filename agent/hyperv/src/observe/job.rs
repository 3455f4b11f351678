//! Jobs that have not ended, and whether one of them can bring something into being.

use model::observed::UnfinishedJob;
use wsman::cim::CimInstance;

use crate::classes;
use crate::guid::Guid;
use crate::job::FIRST_ENDED;
use crate::row::{Malformed, Row};
use crate::wql::Query;

/// The queries for unfinished jobs: the two classes share no queryable parent that real hosts enumerate alike.
pub(crate) fn queries() -> [Query; 2] {
    [classes::JOB, classes::STORAGE_JOB].map(|class| Query::hyperv(class).below("JobState", FIRST_ENDED))
}

/// Reads the jobs that have not ended.
pub(crate) fn unfinished(rows: &[CimInstance]) -> Result<Vec<UnfinishedJob>, Malformed> {
    let mut found = Vec::new();
    for row in rows {
        if row.number("JobState")? >= u64::from(FIRST_ENDED) {
            continue;
        }
        found.push(UnfinishedJob {
            id: row.need("InstanceID")?.to_owned(),
            caption: row.text("Caption")?.unwrap_or_default().to_owned(),
            creates: creates(row)?,
        });
    }
    Ok(found)
}

/// Captions are localised, so the type decides; what has none, and every job on disk files, may create.
fn creates(row: &CimInstance) -> Result<bool, Malformed> {
    if row.class() != classes::JOB {
        return Ok(true);
    }
    // Source: the page of Msvm_ConcreteJob. 2..=4 modify or destroy, 10..=16 and 26..=29 change power, 31..=32 modify or
    // remove resources, 40..=42 move memory.
    Ok(!matches!(row.unsigned("JobType")?, Some(2..=4 | 10..=16 | 26..=29 | 31 | 32 | 40..=42)))
}

/// Whether what a job works on is this VM, its settings, or a device of it.
pub(crate) fn is_of(affected: &CimInstance, vm: &Guid) -> bool {
    let mut named = ["Name", "InstanceID", "SystemName"].into_iter().filter_map(|name| affected.text(name).ok().flatten());
    named.any(|text| text.to_ascii_uppercase().contains(vm.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_job_works_on_is_told_by_the_vms_guid() {
        let guid = Guid::read("2B0E83F8-1111-2222-3333-444455556666").unwrap();
        let row = |name: &'static str, value: &str| CimInstance::new("Msvm_X").with(name, value);
        assert!(is_of(&row("Name", "2b0e83f8-1111-2222-3333-444455556666"), &guid));
        assert!(is_of(&row("InstanceID", r"Microsoft:2B0E83F8-1111-2222-3333-444455556666\\A"), &guid));
        assert!(!is_of(&row("Name", "9B0E83F8-1111-2222-3333-444455556666"), &guid));
    }

    fn job(class: &str, state: u16, kind: Option<u16>) -> CimInstance {
        let job =
            CimInstance::new(class).with("InstanceID", "J1").with("Caption", "Virtuelle Maschine wird erstellt").with("JobState", state);
        match kind {
            Some(kind) => job.with("JobType", kind),
            None => job,
        }
    }

    #[test]
    fn ended_jobs_are_left_out() {
        assert!(unfinished(&[job(classes::JOB, 7, None), job(classes::JOB, 10, None), job(classes::JOB, 32768, None)]).unwrap().is_empty());
        assert_eq!(unfinished(&[job(classes::JOB, 4, None)]).unwrap().len(), 1);
    }

    #[test]
    fn a_job_creates_unless_its_type_says_otherwise() {
        let creates = |class, kind| unfinished(&[job(class, 4, kind)]).unwrap()[0].creates;
        assert!(creates(classes::JOB, Some(1)), "defines a VM");
        assert!(creates(classes::JOB, Some(30)), "adds resources");
        assert!(creates(classes::JOB, None), "in doubt");
        assert!(!creates(classes::JOB, Some(12)), "starts a VM");
        assert!(creates(classes::STORAGE_JOB, Some(2)), "whatever happens to disk files");
    }
}
