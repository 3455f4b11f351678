//! The passing of time: what happens by itself, in the order of its instants.
//!
//! Guarantees: one long step gives the same world as many short ones.

use jiff::Timestamp;

use crate::host::machine::VirtualMachine;
use crate::host::power::Power;
use crate::host::provider::start_by_itself;
use crate::host::{Host, Surroundings};
use crate::job::{Job, Stage};
use crate::program::Desk;
use crate::windows::provider::Wish;
use crate::world::{HostName, MachineId, World};

// Values of AutomaticStartupAction and AutomaticShutdownAction.
const START_IF_RUNNING: u16 = 3;
const START_ALWAYS: u16 = 4;
const TURN_OFF: u16 = 2;
const SHUT_DOWN: u16 = 4;

impl World {
    /// Lets time pass until `now`: jobs end, guests boot, services start. Time never goes back.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(next) = self.hosts.values().filter_map(Host::next_event).min().filter(|next| *next <= now) {
            self.now = self.now.max(next);
            let names: Vec<_> =
                self.hosts.iter().filter(|(_, h)| h.next_event().is_some_and(|at| at <= next)).map(|(n, _)| n.clone()).collect();
            for name in names {
                if let Some((host, mut cx)) = self.host_and_surroundings(&name) {
                    host.advance(&mut cx);
                }
                self.advance_programs(&name);
                self.write_logs(&name);
            }
            self.touched();
        }
        self.now = self.now.max(now);
        let present = self.now;
        self.unreachable.retain(|_, until| *until > present);
    }

    /// When something happens anywhere by itself.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        self.hosts.values().filter_map(Host::next_event).min()
    }

    /// Programs get on, on the host and in its guests.
    fn advance_programs(&mut self, name: &HostName) {
        let Some(host) = self.hosts.get(name).filter(|host| host.is_up()) else { return };
        let guests = host.machines.iter().filter(|m| m.is_up()).map(|m| MachineId::Guest { host: name.clone(), vm: m.id.clone() });
        for machine in std::iter::once(MachineId::Host(name.clone())).chain(guests).collect::<Vec<_>>() {
            Desk::new(self, machine).advance();
        }
    }

    /// The host goes down at once and comes back after `timing.hostRestart`.
    pub(crate) fn restart_host(&mut self, name: &HostName) {
        let Some((host, cx)) = self.host_and_surroundings(name) else { return };
        host.windows.write_shutdown(cx.now);
        host.goes_down(&cx);
        host.down_until = cx.now.saturating_add(cx.timing.host_restart).ok();
        self.touched();
    }

    /// The system in a VM goes down, because somebody inside asked.
    pub(crate) fn shut_down_guest(&mut self, name: &HostName, vm: &str, wish: Wish) {
        if let Some((host, cx)) = self.host_and_surroundings(name) {
            if let Some(guest) = host.guest_mut(vm) {
                guest.windows.write_shutdown(cx.now);
            }
            host.close_system(vm, wish, &cx);
        }
    }
}

impl Host {
    /// When something happens here by itself.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        if let Some(back) = self.down_until {
            return Some(back);
        }
        let jobs = self.jobs.iter().filter_map(Job::next_event);
        let systems = self.machines.iter().filter_map(VirtualMachine::next_event);
        let inside = self.machines.iter().filter_map(|m| self.running_guest(m)).filter_map(|g| g.windows.next_event());
        jobs.chain(systems).chain(inside).chain(self.windows.next_event()).min()
    }

    fn advance(&mut self, cx: &mut Surroundings<'_>) {
        if let Some(back) = self.down_until {
            if back <= cx.now {
                self.comes_back(cx);
            }
            return;
        }
        self.windows.advance(cx.now, cx.ids);
        self.advance_jobs(cx);
        for vm in self.machines.iter().map(|m| m.id.clone()).collect::<Vec<_>>() {
            self.advance_system(&vm, cx);
            if self.machine(&vm).is_some_and(VirtualMachine::is_up)
                && let Some(guest) = self.guest_mut(&vm)
            {
                guest.windows.advance(cx.now, cx.ids);
            }
        }
    }

    /// Running jobs are lost; each VM goes the way that its definition says.
    fn goes_down(&mut self, cx: &Surroundings<'_>) {
        for id in self.jobs.iter().filter(|j| j.is_running()).map(|j| j.id.clone()).collect::<Vec<_>>() {
            self.stop_job(&id, Stage::Killed, cx);
        }
        self.jobs.clear();
        // A second restart, before the first has ended, finds the VMs as the first left them.
        if self.is_up() {
            self.ran_before = self.machines.iter().filter(|m| m.power.holds_memory()).map(|m| m.id.clone()).collect();
        }
        for machine in self.machines.iter_mut().filter(|m| m.power.holds_memory()) {
            let power = match machine.automatic.stop {
                TURN_OFF | SHUT_DOWN => Power::Off,
                _ => Power::Saved,
            };
            machine.set_power(power, cx.now);
        }
    }

    fn comes_back(&mut self, cx: &mut Surroundings<'_>) {
        self.down_until = None;
        let plugged = self.plugged();
        self.windows.boot(cx.now, &plugged, cx.ids);
        let ran = std::mem::take(&mut self.ran_before);
        let starts: Vec<_> = self
            .machines
            .iter()
            .filter(|m| m.automatic.start == START_ALWAYS || (m.automatic.start == START_IF_RUNNING && ran.contains(&m.id)))
            .map(|m| m.id.clone())
            .collect();
        for vm in starts {
            start_by_itself(self, &vm, cx);
        }
    }
}
