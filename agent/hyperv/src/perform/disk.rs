//! Differencing disks: a file layered on a role image.
//!
//! Guarantees: a file that lies at the path with the right parent is the one that was wanted; any other there is in the way and is
//! never written over, nor taken for a VM's disk.

use model::names::HostPath;
use wsman::cim::CimInstance;

use crate::classes;
use crate::failure::Failure;
use crate::observe::file;
use crate::perform::Check;
use crate::perform::call::Call;
use crate::perform::cx::Cx;
use crate::row::{Malformed, Row};

/// Whether the disk is there, with that parent.
pub(crate) async fn is_made(cx: &Cx<'_>, path: &HostPath, parent: &HostPath) -> Result<Check, Failure> {
    if cx.select(&file::query([path])).await?.is_empty() {
        return Ok(Check::Open);
    }
    // While a job may still write the file, it cannot be told what it will be.
    if let Some(blocker) = cx.orphan(|job| job.creates).await? {
        return Ok(Check::Blocked(blocker));
    }
    let found = settings(cx, path).await?;
    let kind = cx.read(classes::DISK_SETTINGS, found.number("Type"))?;
    let below = cx.read(classes::DISK_SETTINGS, found.text("ParentPath").map_err(Into::into))?.unwrap_or_default();
    let in_the_way = |why| Err(Failure::InTheWay { object: format!("disk `{path}`"), why });
    if kind != u64::from(classes::DIFFERENCING) {
        return in_the_way("it is no differencing disk; move it away, and one is made on the image".to_owned());
    }
    if !below.eq_ignore_ascii_case(parent.as_str()) {
        return in_the_way(format!(
            "it is layered on `{below}`, not on `{parent}`; move it away to begin anew, or name its image in git to go on with it"
        ));
    }
    Ok(Check::Done)
}

/// Open when what lies in the place of the step's disk is that disk, whoever made it.
pub(crate) async fn is_fit(cx: &Cx<'_>) -> Result<Check, Failure> {
    let wish = cx.wish()?;
    match is_made(cx, &wish.disk, &wish.image.path).await? {
        Check::Done => Ok(Check::Open),
        Check::Open => Err(Failure::Missing(format!("the disk `{}`", wish.disk))),
        blocked @ Check::Blocked(_) => Ok(blocked),
    }
}

async fn settings(cx: &Cx<'_>, path: &HostPath) -> Result<CimInstance, Failure> {
    const METHOD: &str = "GetVirtualHardDiskSettingData";
    let call = Call::service(classes::IMAGE_SERVICE, METHOD, path.as_str()).with("Path", path.as_str());
    let out = call.run(cx.host).await?;
    let missing = Malformed::Missing { class: format!("{METHOD}_OUTPUT"), property: "SettingData" };
    let settings = out.instances("SettingData").and_then(|found| found.into_iter().next().ok_or(missing));
    cx.read(METHOD, settings)
}

/// Makes the disk.
pub(crate) async fn make(cx: &Cx<'_>, path: &HostPath, parent: &HostPath) -> Result<(), Failure> {
    let settings = CimInstance::new(classes::DISK_SETTINGS)
        .with("Type", classes::DIFFERENCING)
        .with("Format", classes::VHDX)
        .with("Path", path.as_str())
        .with("ParentPath", parent.as_str());
    let call = Call::service(classes::IMAGE_SERVICE, "CreateVirtualHardDisk", path.as_str());
    call.with("VirtualDiskSettingData", settings).run(cx.host).await.map(drop)
}
