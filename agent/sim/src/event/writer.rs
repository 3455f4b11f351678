//! Who writes into the logs by itself: the service manager of each Windows, its boots, and Hyper-V of its machines.
//!
//! Guarantees: what a look finds changed is written once, at the instant of the look; the first look only remembers.
//! Deliberately absent: what programs write; each does so when it acts.

use jiff::Timestamp;

use super::log::{Level, Record};
use crate::host::Host;
use crate::host::power::Power;
use crate::windows::Windows;
use crate::windows::service::Run;

const SERVICES: &str = "Service Control Manager";
const HYPER_V: &str = "Microsoft-Windows-Hyper-V-Worker";
const HYPER_V_LOG: &str = "Microsoft-Windows-Hyper-V-Worker-Admin";

impl Windows {
    /// Writes the changes of services, and a boot.
    pub(crate) fn write_log(&mut self, now: Timestamp) {
        // The first look finds a system that has booted.
        let first = self.log.newest("System") == 0;
        if self.log.turned("boot", &self.last_boot.to_string()) || first {
            self.write_boot();
        }
        for at in 0..self.services.len() {
            let service = &self.services[at];
            let state = match service.run {
                Run::Running => "running",
                Run::Stopped => "stopped",
                Run::Paused => "paused",
                Run::StartPending | Run::StopPending => continue,
            };
            let (name, died) = (service.display_name().to_owned(), service.has_died());
            if !self.log.turned(&format!("service {}", service.name), state) {
                continue;
            }
            let record = if died {
                let text = format!("The {name} service terminated unexpectedly.");
                Record::new(Level::Error, "System", SERVICES, 7034, text).with("param1", &name)
            } else {
                let text = format!("The {name} service entered the {state} state.");
                Record::information("System", SERVICES, 7036, text).with("param1", &name).with("param2", state)
            };
            self.log.write(now, record);
        }
    }

    fn write_boot(&mut self) {
        let at = self.last_boot;
        let started = format!("The operating system started at system time {at}.");
        for record in [
            Record::information("System", "Microsoft-Windows-Kernel-General", 12, started),
            Record::information("System", "EventLog", 6005, "The Event log service was started."),
        ] {
            self.log.write(at, record);
        }
    }

    /// Writes that the system goes down in order.
    pub(crate) fn write_shutdown(&mut self, now: Timestamp) {
        let down = format!("The operating system is shutting down at system time {now}.");
        for record in [
            Record::information("System", "EventLog", 6006, "The Event log service was stopped."),
            Record::information("System", "Microsoft-Windows-Kernel-General", 13, down),
        ] {
            self.log.write(now, record);
        }
    }
}

impl Host {
    /// Writes what has changed on the host, in its machines, and of them.
    pub(crate) fn write_logs(&mut self, now: Timestamp) {
        if !self.is_up() {
            return;
        }
        self.windows.write_log(now);
        for at in 0..self.machines.len() {
            let machine = &self.machines[at];
            let (id, name, power, up) = (machine.id.clone(), machine.name.clone(), machine.power, machine.is_up());
            let (state, number, words) = match power {
                Power::Running => ("running", 18500, "started successfully"),
                Power::Off => ("off", 18502, "was turned off"),
                Power::Paused => ("paused", 18516, "was paused"),
                Power::Saved => ("saved", 18510, "saved successfully"),
                Power::Starting | Power::Stopping | Power::Pausing | Power::Resuming | Power::Saving => continue,
            };
            if self.windows.log.turned(&format!("machine {id}"), state) {
                let text = format!("'{name}' {words}. (Virtual machine ID {id})");
                let record = Record::information(HYPER_V_LOG, HYPER_V, number, text).with("VmName", &name).with("VmId", &id);
                self.windows.log.write(now, record);
            }
            if up && let Some(guest) = self.guest_mut(&id) {
                guest.windows.write_log(now);
            }
        }
    }
}
