//! Volumes with a drive letter, and how much of them is free.

use model::units::DiskSize;
use wsman::cim::CimInstance;

use super::{Windows, WindowsError};
use crate::classes;
use crate::row::{Malformed, Row};
use crate::wql::Query;

/// `DriveType` of a fixed disk.
const FIXED: u16 = 3;

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its drive, `D:`.
    pub drive: String,
    /// Its size.
    pub size: DiskSize,
    /// What is free of it.
    pub free: DiskSize,
}

impl Windows {
    /// Its fixed volumes.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn volumes(&self) -> Result<Vec<Volume>, WindowsError> {
        let query = Query::windows(classes::LOGICAL_DISK);
        let rows = self.peer().select(&query).await?;
        Ok(self.peer().read(classes::LOGICAL_DISK, volumes(&rows))?)
    }
}

/// Reads volumes; a drive without a medium tells no size, and is none.
fn volumes(rows: &[CimInstance]) -> Result<Vec<Volume>, Malformed> {
    let mut found = Vec::new();
    for row in rows {
        let fixed = row.unsigned("DriveType")? == Some(u64::from(FIXED));
        if let (true, Some(size), Some(free)) = (fixed, row.unsigned("Size")?, row.unsigned("FreeSpace")?) {
            let drive = row.need("DeviceID")?.to_owned();
            found.push(Volume { drive, size: DiskSize::from_bytes(size), free: DiskSize::from_bytes(free) });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_without_a_medium_or_in_the_network_is_no_volume() {
        let row = |drive: &str, kind: u16| CimInstance::new("Win32_LogicalDisk").with("DeviceID", drive).with("DriveType", kind);
        let rows = [
            row("C:", 3).with("Size", "1000").with("FreeSpace", "400"),
            row("D:", 5),
            row("X:", 4).with("Size", "9").with("FreeSpace", "9"),
        ];
        let found = volumes(&rows).unwrap();
        assert_eq!(found, [Volume { drive: "C:".to_owned(), size: DiskSize::from_bytes(1000), free: DiskSize::from_bytes(400) }]);
    }
}
