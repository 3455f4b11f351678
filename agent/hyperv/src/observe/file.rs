//! Files that a wish names, looked for with one query.

use std::collections::BTreeMap;

use model::desired::Desired;
use model::names::HostPath;
use model::observed::ObservedFile;
use model::seen::{Cause, Seen};
use model::units::DiskSize;
use wsman::cim::CimInstance;

use crate::classes;
use crate::row::{Malformed, Row};
use crate::wql::Query;

/// The files that `desired` names: images and disks.
pub(crate) fn named(desired: &Desired) -> Vec<HostPath> {
    let mut paths: Vec<HostPath> = desired.roles.iter().flat_map(|role| [role.image.path.clone(), role.disk.clone()]).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// The query for files at `paths`.
pub(crate) fn query<'p>(paths: impl IntoIterator<Item = &'p HostPath>) -> Query {
    Query::windows(classes::DATA_FILE).any_of("Name", paths.into_iter().map(HostPath::as_str))
}

/// What was found of `paths`; Windows answers in lower case.
pub(crate) fn files(paths: &[HostPath], rows: &[CimInstance]) -> Result<BTreeMap<HostPath, Seen<ObservedFile>>, Malformed> {
    let mut found: BTreeMap<HostPath, Seen<ObservedFile>> = paths.iter().map(|path| (path.clone(), Seen::Absent)).collect();
    for row in rows {
        let path: HostPath = row.name("Name")?;
        if let Some(seen) = found.get_mut(&path) {
            *seen = Seen::Known(ObservedFile { size: DiskSize::from_bytes(row.number("FileSize")?) });
        }
    }
    Ok(found)
}

/// The same when nobody could look.
pub(crate) fn unseen(paths: &[HostPath], cause: &Cause) -> BTreeMap<HostPath, Seen<ObservedFile>> {
    paths.iter().map(|path| (path.clone(), Seen::Unknown(cause.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_in_any_case_and_the_rest_is_absent() {
        let paths: Vec<HostPath> = vec![r"D:\Images\AD.vhdx".parse().unwrap(), r"D:\a.vhdx".parse().unwrap()];
        let row = CimInstance::new("CIM_DataFile").with("Name", r"d:\images\ad.vhdx").with("FileSize", "4194304");
        let read = files(&paths, &[row]).unwrap();
        assert_eq!(read[&paths[0]], Seen::Known(ObservedFile { size: DiskSize::from_bytes(4_194_304) }));
        assert_eq!(read[&paths[1]], Seen::Absent);
    }
}
