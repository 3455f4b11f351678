//! Virtual disks that exist: what they are, their size, their parent, and whether their chain is whole.

use model::names::HostPath;
use model::units::DiskSize;
use wsman::cim::CimInstance;

use super::Operations;
use crate::classes;
use crate::failure::Failure;
use crate::perform::call::Call;
use crate::row::{Malformed, Row};

/// A virtual disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFile {
    /// The format of its file.
    pub format: DiskFormat,
    /// How it keeps its blocks.
    pub kind: DiskKind,
    /// What a system sees of it.
    pub size: DiskSize,
    /// What its file takes.
    pub file: DiskSize,
    /// The least that it can be shrunk to, where Hyper-V tells.
    pub least: Option<DiskSize>,
    /// The disk that it stands on.
    pub parent: Option<HostPath>,
    /// Whether somebody has it open.
    pub in_use: bool,
}

/// The format of a disk's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFormat {
    /// 2: the older one, up to 2 TiB.
    Vhd,
    /// 3.
    Vhdx,
    /// 4: a set, for guest clusters.
    VhdSet,
}

/// How a disk keeps its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskKind {
    /// 2: all of them, always.
    Fixed,
    /// 3: those that were written.
    Dynamic,
    /// 4: those that differ from the disk below.
    Differencing,
}

/// Whether a new parent must be the very disk that the child was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdCheck {
    /// It must.
    Strict,
    /// It need not: whoever is wrong about it spoils the child.
    Ignored,
}

impl Operations<'_> {
    /// What the disk at `path` is.
    ///
    /// # Errors
    /// `Failure::Refused` with 32779 when it is not there.
    pub async fn disk(&self, path: &HostPath) -> Result<DiskFile, Failure> {
        let settings = self.told(path, "GetVirtualHardDiskSettingData", "SettingData").await?;
        let state = self.told(path, "GetVirtualHardDiskState", "State").await?;
        Ok(self.host.peer().read(classes::DISK_SETTINGS, disk(&settings, &state))?)
    }

    /// Gives the disk another size.
    ///
    /// # Errors
    /// `Failure::Refused` with 32774 while it is in use, 32773 where it would be too small, 32779 when it is not there; `Failure::Job`
    /// when other disks stand on it.
    pub async fn resize_disk(&self, path: &HostPath, size: DiskSize) -> Result<(), Failure> {
        self.image("ResizeVirtualHardDisk", path).with("Path", path.as_str()).with("MaxInternalSize", size.bytes()).run(self.host).await?;
        Ok(())
    }

    /// Lets the differencing disk `child` stand on `parent`.
    ///
    /// # Errors
    /// `Failure::Job` when `parent` is another disk than it was, and that matters.
    pub async fn set_disk_parent(&self, child: &HostPath, parent: &HostPath, check: IdCheck) -> Result<(), Failure> {
        let call = self.image("SetParentVirtualHardDisk", child).with("ChildPath", child.as_str()).with("ParentPath", parent.as_str());
        call.with("IgnoreIDMismatch", check == IdCheck::Ignored).run(self.host).await.map(drop)
    }

    /// Whether every disk beneath the one at `path` is there, and is the one that it was.
    ///
    /// # Errors
    /// `Failure::Job` which says what is wrong with the chain.
    pub async fn validate_disk(&self, path: &HostPath) -> Result<(), Failure> {
        self.image("ValidateVirtualHardDisk", path).with("Path", path.as_str()).run(self.host).await.map(drop)
    }

    fn image<'p>(&self, method: &'static str, path: &'p HostPath) -> Call<'p> {
        Call::service(classes::IMAGE_SERVICE, method, path.as_str())
    }

    async fn told(&self, path: &HostPath, method: &'static str, parameter: &'static str) -> Result<CimInstance, Failure> {
        let out = self.image(method, path).with("Path", path.as_str()).run(self.host).await?;
        let missing = || Malformed::Missing { class: format!("{method}_OUTPUT"), property: parameter };
        let told = out.instances(parameter).and_then(|told| told.into_iter().next().ok_or_else(missing));
        Ok(self.host.peer().read(method, told)?)
    }
}

fn disk(settings: &CimInstance, state: &CimInstance) -> Result<DiskFile, Malformed> {
    let class = || settings.class().to_string();
    let format = match settings.number("Format")? {
        2 => DiskFormat::Vhd,
        3 => DiskFormat::Vhdx,
        4 => DiskFormat::VhdSet,
        other => return Err(Malformed::Meaningless { class: class(), property: "Format", found: other.to_string() }),
    };
    let kind = match settings.number("Type")? {
        2 => DiskKind::Fixed,
        3 => DiskKind::Dynamic,
        4 => DiskKind::Differencing,
        other => return Err(Malformed::Meaningless { class: class(), property: "Type", found: other.to_string() }),
    };
    let parent = settings.text("ParentPath")?.filter(|path| !path.is_empty());
    let meaningless = |path: &str| Malformed::Meaningless { class: class(), property: "ParentPath", found: path.to_owned() };
    Ok(DiskFile {
        format,
        kind,
        size: DiskSize::from_bytes(settings.number("MaxInternalSize")?),
        file: DiskSize::from_bytes(state.number("FileSize")?),
        least: state.unsigned("MinInternalSize")?.map(DiskSize::from_bytes),
        parent: parent.map(|path| path.parse().map_err(|_| meaningless(path))).transpose()?,
        in_use: state.boolean("InUse")?.unwrap_or(false),
    })
}
