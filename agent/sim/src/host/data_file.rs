//! `CIM_DataFile`: files as the host's own system shows them.

use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::host::Host;
use crate::host::disk::{self, File, FileKey};
use crate::machine::{Object, Output, WmiCode, WmiError};
use crate::windows::system::instant;

// Return codes of CIM_LogicalFile's methods.
const SHARING_VIOLATION: u32 = 15;

pub(crate) fn path_of(path: &str) -> CimPath {
    CimPath::class_of(Namespace::CIMV2, "CIM_DataFile").with_key("Name", path.to_ascii_lowercase())
}

impl Host {
    pub(crate) fn data_files(&self) -> Vec<Object> {
        self.files.values().map(|f| Object::keyed(&Namespace::CIMV2, self.data_file(f), &["Name"])).collect()
    }

    fn data_file(&self, file: &File) -> CimInstance {
        // The file system's provider shows every path in lower case.
        let path = file.path.to_ascii_lowercase();
        let (folder, name) = path.rsplit_once('\\').unwrap_or(("", &path));
        let extension = disk::extension(&path).unwrap_or_default();
        let stem = name.strip_suffix(&format!(".{extension}")).unwrap_or(name);
        CimInstance::new("CIM_DataFile")
            .with("Name", path.as_str())
            .with("Caption", path.as_str())
            .with("Description", path.as_str())
            .with("CreationClassName", "CIM_LogicalFile")
            .with("CSCreationClassName", "Win32_ComputerSystem")
            .with("CSName", self.windows.computer_name.as_str())
            .with("FSCreationClassName", "Win32_FileSystem")
            .with("FSName", "NTFS")
            .with("Drive", path.get(..2).unwrap_or_default())
            .with("Path", format!("{}\\", folder.get(2..).unwrap_or_default()))
            .with("FileName", stem)
            .with("Extension", extension.as_str())
            .with("FileType", format!("{extension} File"))
            .with("FileSize", file.bytes)
            .with("CreationDate", instant(file.created))
            .with("LastModified", instant(file.created))
            .with("Readable", true)
            .with("Writeable", true)
            .with("Archive", true)
            .with("Hidden", false)
            .with("System", false)
            .with("Compressed", false)
            .with("Encrypted", false)
            .with("Status", "OK")
    }

    /// `Delete`. What a powered VM has open stays.
    pub(crate) fn invoke_data_file(&mut self, target: &CimPath, method: &str) -> Result<Output, WmiError> {
        let path = target.key("Name").unwrap_or_default();
        let file = self.file(path).ok_or_else(|| WmiError::new(WmiCode::NotFound, format!("no file {path}")))?;
        if !method.eq_ignore_ascii_case("Delete") {
            return Err(WmiError::method("CIM_DataFile", method));
        }
        let path = file.path.clone();
        if self.is_open(&path) {
            return Ok(Output::code(SHARING_VIOLATION));
        }
        self.files.remove(&FileKey::new(&path));
        Ok(Output::code(0))
    }
}
