//! Deleting of disk files that no VM uses.
//!
//! Guarantees: only below the appliance's own directory, and never what a VM, ours or not, or a snapshot of one has attached; but
//! the VM that is about to be deleted itself, once it is off.

use model::names::HostPath;
use model::observed::PowerState;
use wsman::cim::{CimPath, Namespace};

use crate::classes;
use crate::failure::{Blocker, Failure};
use crate::observe::{file, vm};
use crate::perform::call::Call;
use crate::perform::cx::Cx;
use crate::perform::{Check, drive};
use crate::return_code::Family;

/// Whether the file is gone.
pub(crate) async fn is_removed(cx: &Cx<'_>, path: &HostPath) -> Result<Check, Failure> {
    if !is_below(path, &cx.desired.host.root) {
        return Err(Failure::NotOurs(format!("file `{path}`, which is not below `{}`,", cx.desired.host.root)));
    }
    if cx.select(&file::query([path])).await?.is_empty() {
        return Ok(Check::Done);
    }
    let (roster, disks) = cx.holders().await?;
    let doomed = match cx.pick(&roster)? {
        Some(vm) if vm::power(cx.state(&vm).await?) == PowerState::Off => Some(vm.guid),
        Some(_) | None => None,
    };
    let mut holders = disks.iter().filter(|(holder, disks)| disks.contains(path) && Some(*holder) != doomed.as_ref());
    let Some((holder, _)) = holders.next() else { return Ok(Check::Open) };
    // A holder without a name is one that we know nothing of: a planned VM, one whose mark cannot be read.
    match drive::name(&roster, holder) {
        Some(user) => Ok(Check::Blocked(Blocker::InUse(path.clone(), user))),
        None => Err(Failure::NotOurs(format!("file `{path}`, which `{holder}` uses,"))),
    }
}

fn is_below(path: &HostPath, root: &HostPath) -> bool {
    let (path, root) = (path.as_str().to_lowercase(), root.as_str().trim_end_matches('\\').to_lowercase());
    let is_plain = !path.split('\\').any(|part| matches!(part, "." | ".."));
    is_plain && path.strip_prefix(&root).is_some_and(|rest| rest.starts_with('\\'))
}

/// Deletes the file.
pub(crate) async fn remove(cx: &Cx<'_>, path: &HostPath) -> Result<(), Failure> {
    let target = CimPath::class_of(Namespace::CIMV2, classes::DATA_FILE).with_key("Name", path.as_str());
    let call = Call::on(target, "Delete", path.as_str(), Family::File);
    match call.code(cx.peer()).await? {
        0 => Ok(()),
        value => Err(call.refused(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_appliances_directory_may_go() {
        let root: HostPath = r"D:\Trunkline\".parse().unwrap();
        let below = |path: &str| is_below(&path.parse().unwrap(), &root);
        assert!(below(r"d:\trunkline\2.1\ad.vhdx"));
        assert!(!below(r"D:\Trunkline2\ad.vhdx"));
        assert!(!below(r"D:\Trunkline\..\Windows\a.vhdx"));
        assert!(!below(r"D:\Trunkline"));
    }
}
