//! What goes on in one running Windows: its processes, its shells, the shutdown that was announced; and the files of a guest.
//!
//! Guarantees: a boot ends all of it but the files.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::file_tree::Folders;
use crate::host::disk::{File, FileKey};
use crate::program::process::Processes;
use crate::program::shutdown::Announced;
use crate::shell::Shells;

/// See the module.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Activity {
    pub(crate) processes: Processes,
    pub(crate) shells: Shells,
    pub(crate) shutdown: Option<Announced>,
    pub(crate) folders: Folders,
    /// A guest's files. A host's lie beside its virtual disks.
    pub(crate) files: BTreeMap<FileKey, File>,
}

impl Activity {
    /// The system has gone down and come up.
    pub(crate) fn boot(&mut self) {
        self.processes = Processes::default();
        self.shells = Shells::default();
        self.shutdown = None;
    }

    /// When something happens here by itself.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let shutdown = self.shutdown.as_ref().map(|announced| announced.at);
        [self.processes.next_event(), self.shells.next_event(), shutdown].into_iter().flatten().min()
    }
}
