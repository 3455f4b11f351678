//! `Win32_Process`: the processes of a system, and how one is started that belongs to no shell.
//!
//! Guarantees: what is started here outlives shells and connections, and ends with the system.
//! Deliberately absent: the processes of Windows itself.

use wsman::cim::{CimInstance, CimPath, Namespace};

use super::Desk;
use super::desk::{Watched, split_program};
use super::process::{CodePage, Process, Setting, Streams};
use crate::file_tree::{Found, resolve};
use crate::machine::{Object, Output, WmiCode, WmiError};
use crate::windows::Windows;
use crate::windows::system::instant;

// Return codes of Create and Terminate.
const UNKNOWN_FAILURE: u32 = 8;
const PATH_NOT_FOUND: u32 = 9;
const INVALID_PARAMETER: u32 = 21;

/// Where WMI's provider host starts what it starts.
const DIRECTORY: &str = r"C:\Windows\System32";

impl Windows {
    pub(crate) fn process_objects(&self) -> Vec<Object> {
        let view = |process: &Process| Object::keyed(&Namespace::CIMV2, process.view(&self.computer_name), &["Handle"]);
        self.activity.processes.running().map(view).collect()
    }
}

impl Desk<'_> {
    /// Whether `target` is what [`Desk::invoke_process`] is for.
    pub(crate) fn has(target: &CimPath) -> bool {
        *target.namespace() == Namespace::CIMV2 && target.class().as_str().eq_ignore_ascii_case("Win32_Process")
    }

    /// Runs a method of `Win32_Process`, asked by `user`.
    pub(crate) fn invoke_process(&mut self, target: &CimPath, method: &str, input: &CimInstance, user: &str) -> Result<Output, WmiError> {
        if method.eq_ignore_ascii_case("Create") {
            return Ok(self.create_process(input, user));
        }
        let missing = || WmiError::new(WmiCode::NotFound, "no such process");
        let id: u32 = target.key("Handle").and_then(|handle| handle.parse().ok()).ok_or_else(missing)?;
        let process = self.windows().and_then(|w| w.activity.processes.all.get(&id)).filter(|p| p.exit.is_none()).ok_or_else(missing)?;
        match () {
            () if method.eq_ignore_ascii_case("Terminate") => {
                let reason = input.unsigned("Reason").ok().flatten().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
                self.kill(id, reason);
                self.world.touched();
                Ok(Output::code(0))
            }
            () if method.eq_ignore_ascii_case("GetOwner") => {
                let (domain, name) = process.setting.user.split_once('\\').unwrap_or(("", &process.setting.user));
                Ok(Output::code(0).with("User", name).with("Domain", domain))
            }
            () => Err(WmiError::method("Win32_Process", method)),
        }
    }

    fn create_process(&mut self, input: &CimInstance, user: &str) -> Output {
        let text = |name| input.text(name).ok().flatten().map(str::to_owned);
        let Some(line) = text("CommandLine").filter(|line| !line.trim().is_empty()) else { return Output::code(INVALID_PARAMETER) };
        let directory = text("CurrentDirectory").map_or_else(|| DIRECTORY.to_owned(), |given| resolve(DIRECTORY, &given));
        if self.files().is_none_or(|files| files.find(&directory) != Found::Folder) {
            return Output::code(PATH_NOT_FOUND);
        }
        let setting = Setting {
            environment: self.environment(user),
            directory,
            streams: Streams::NONE,
            code_page: CodePage::Ascii,
            user: user.to_owned(),
            parent: 0,
        };
        match self.start(&line, setting, Watched::No) {
            Some(id) => {
                self.world.touched();
                Output::code(0).with("ProcessId", id)
            }
            None => {
                let path = resolve(DIRECTORY, &split_program(&line).0);
                let there = self.files().is_some_and(|files| files.find(&path) == Found::File);
                Output::code(if there { UNKNOWN_FAILURE } else { PATH_NOT_FOUND })
            }
        }
    }
}

impl Process {
    fn view(&self, computer: &str) -> CimInstance {
        CimInstance::new("Win32_Process")
            .with("Handle", self.id.to_string())
            .with("ProcessId", self.id)
            .with("ParentProcessId", self.setting.parent)
            .with("Name", self.name.as_str())
            .with("Caption", self.name.as_str())
            .with("Description", self.name.as_str())
            .with("CommandLine", self.command_line.as_str())
            .with("ExecutablePath", format!("{DIRECTORY}\\{}", self.name))
            .with("CreationDate", instant(self.started))
            .with("CreationClassName", "Win32_Process")
            .with("CSCreationClassName", "Win32_ComputerSystem")
            .with("CSName", computer)
            .with("OSCreationClassName", "Win32_OperatingSystem")
            .with("Priority", 8u32)
            .with("SessionId", 0u32)
            .with("ThreadCount", 1u32)
    }
}
