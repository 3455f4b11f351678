//! Power: which states a VM passes through, and what its system does meanwhile.
//!
//! Guarantees: a system listens only while its VM runs and it is up.
//! Deliberately absent: how a client asks for a state; see `computer_system` and `component`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::guest::Guest;
use crate::host::machine::VirtualMachine;
use crate::host::{Host, Surroundings};
use crate::image::Image;
use crate::job::{Failure, code};
use crate::windows::provider::Wish;

/// The state of a VM as Hyper-V counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Power {
    Off,
    Starting,
    Running,
    Stopping,
    Pausing,
    Paused,
    Resuming,
    Saving,
    Saved,
}

impl Power {
    /// `EnabledState`.
    pub(crate) fn enabled_state(self) -> u16 {
        match self {
            Self::Running => 2,
            Self::Off => 3,
            Self::Stopping => 4,
            Self::Saved => 6,
            Self::Paused => 9,
            Self::Starting => 10,
            Self::Saving => 32773,
            Self::Pausing => 32776,
            Self::Resuming => 32777,
        }
    }

    pub(crate) fn is_off(self) -> bool {
        self == Self::Off
    }

    /// Off or saved, as the page of `DestroySystem` says; with a saved VM its state is lost.
    pub(crate) fn can_be_destroyed(self) -> bool {
        matches!(self, Self::Off | Self::Saved)
    }

    pub(crate) fn holds_memory(self) -> bool {
        !matches!(self, Self::Off | Self::Saved)
    }

    /// Whether the VM has devices that clients see: the integration components.
    pub(crate) fn is_live(self) -> bool {
        !matches!(self, Self::Off | Self::Saved | Self::Starting)
    }
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PowerRequest {
    Start,
    TurnOff,
    Save,
    Pause,
    Resume,
    Reset,
    Reboot,
}

impl PowerRequest {
    /// What `requested`, a value of `RequestStateChange`, means in the state `now`; `None` where Hyper-V refuses.
    pub(crate) fn of(requested: u64, now: Power) -> Option<Self> {
        match (requested, now) {
            (2, Power::Off | Power::Saved) => Some(Self::Start),
            (2, Power::Paused) => Some(Self::Resume),
            (3, Power::Running | Power::Paused | Power::Saved) => Some(Self::TurnOff),
            (6, Power::Running | Power::Paused) => Some(Self::Save),
            (9, Power::Running) => Some(Self::Pause),
            (10, Power::Running) => Some(Self::Reboot),
            (11, Power::Running) => Some(Self::Reset),
            _ => None,
        }
    }

    /// The state while the job runs.
    pub(crate) fn meanwhile(self) -> Power {
        match self {
            Self::Start => Power::Starting,
            Self::TurnOff => Power::Stopping,
            Self::Save => Power::Saving,
            Self::Pause => Power::Pausing,
            Self::Resume => Power::Resuming,
            Self::Reset | Self::Reboot => Power::Running,
        }
    }
}

/// What a powered VM holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) process_id: u32,
    pub(crate) started: Timestamp,
    pub(crate) system: System,
}

/// What the system in a VM does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum System {
    /// Nothing boots from the disks.
    Absent,
    Booting {
        until: Timestamp,
    },
    Up,
    /// On its way down.
    Closing {
        until: Timestamp,
        then: AfterClosing,
    },
}

/// What follows when a system has gone down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AfterClosing {
    PowerOff,
    Boot,
}

impl VirtualMachine {
    /// Whether its system is up and runs at this moment.
    pub(crate) fn is_up(&self) -> bool {
        self.power == Power::Running && self.run.as_ref().is_some_and(|r| r.system == System::Up)
    }

    /// When its system does something by itself.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        match (self.power, self.run.as_ref()?.system) {
            (Power::Running, System::Booting { until } | System::Closing { until, .. }) => Some(until),
            _ => None,
        }
    }

    pub(crate) fn set_power(&mut self, power: Power, at: Timestamp) {
        (self.power, self.changed) = (power, at);
        if power == Power::Off {
            self.run = None;
        }
    }

    /// While it was paused or saved its clock stood still.
    fn shift_clock(&mut self, from: Timestamp, to: Timestamp) {
        let gap = to.duration_since(from);
        if let Some(run) = &mut self.run {
            match &mut run.system {
                System::Booting { until } | System::Closing { until, .. } => *until = until.saturating_add(gap).unwrap_or(*until),
                System::Absent | System::Up => {}
            }
        }
    }
}

impl Host {
    /// The guest in `machine`, when its system is up.
    pub(crate) fn running_guest(&self, machine: &VirtualMachine) -> Option<&Guest> {
        if machine.is_up() { self.guest(machine) } else { None }
    }

    /// The state that `request` leads to; applied when its job ends.
    pub(crate) fn apply_power(&mut self, vm: &str, request: PowerRequest, cx: &mut Surroundings<'_>) -> Result<(), Failure> {
        let gone = || Failure::new(code::FAILED, "the virtual machine is gone");
        let machine = self.machine(vm).ok_or_else(gone)?;
        if machine.power != request.meanwhile() {
            return Err(Failure::new(code::INVALID_STATE, format!("'{}' is in another state by now", machine.name)));
        }
        match request {
            PowerRequest::Start if machine.run.is_none() => return self.power_on(vm, cx),
            PowerRequest::Reset => return self.boot_again(vm, cx),
            PowerRequest::Reboot => {
                self.close_system(vm, Wish::Restart, cx);
                return Ok(());
            }
            PowerRequest::Start | PowerRequest::Resume | PowerRequest::TurnOff | PowerRequest::Save | PowerRequest::Pause => {}
        }
        let machine = self.machine_mut(vm).ok_or_else(gone)?;
        match request {
            PowerRequest::TurnOff => machine.set_power(Power::Off, cx.now),
            PowerRequest::Save => machine.set_power(Power::Saved, cx.now),
            PowerRequest::Pause => machine.set_power(Power::Paused, cx.now),
            _ => {
                let since = machine.changed;
                machine.shift_clock(since, cx.now);
                machine.set_power(Power::Running, cx.now);
            }
        }
        Ok(())
    }

    fn power_on(&mut self, vm: &str, cx: &mut Surroundings<'_>) -> Result<(), Failure> {
        self.check_power_on(vm)?;
        let process_id = cx.ids.process_id();
        let started = cx.now;
        if let Some(machine) = self.machine_mut(vm) {
            machine.set_power(Power::Running, started);
            machine.run = Some(Run { process_id, started, system: System::Absent });
        }
        self.boot_again(vm, cx)
    }

    fn check_power_on(&self, vm: &str) -> Result<(), Failure> {
        let Some(machine) = self.machine(vm) else { return Err(Failure::new(code::FAILED, "the virtual machine is gone")) };
        let failed = |code, what: String| Err(Failure::new(code, format!("'{}' failed to start. {what}", machine.name)));
        for path in machine.media() {
            match self.file(path) {
                None => return failed(code::FILE_NOT_FOUND, format!("The system cannot find the file specified: '{path}'.")),
                Some(file) => {
                    if let Some(Err(broken)) = file.disk.as_ref().map(|_| self.whole_chain(path)) {
                        return failed(code::FAILED, format!("The chain of virtual hard disks is broken at '{path}'. {broken}"));
                    }
                }
            }
        }
        // A disk is written, and must be ours alone, also from those that stand on it. What it stands on is only read, as a disc is.
        for path in machine.disks() {
            let collides = |other: &str| self.stands_on(other, path) || self.stands_on(path, other);
            let others = self.machines.iter().filter(|m| m.id != machine.id && !m.power.is_off());
            if others.flat_map(VirtualMachine::disks).any(collides) {
                return failed(code::IN_USE, format!("'{path}' is in use by another virtual machine."));
            }
        }
        // Its own share is counted already: a starting VM holds its memory.
        let others: u64 = self.machines.iter().filter(|m| m.power.holds_memory()).map(|m| m.memory.startup).sum();
        if others > self.memory.saturating_sub(super::RESERVED_MEMORY) {
            return failed(code::OUT_OF_MEMORY, format!("Not enough memory in the system, {} MB are needed.", machine.memory.startup));
        }
        if machine.processor.count > self.logical_processors() {
            return failed(code::FAILED, format!("It has {} processors, the host {}.", machine.processor.count, self.logical_processors()));
        }
        Ok(())
    }

    /// The system starts from its disk, as after power on.
    fn boot_again(&mut self, vm: &str, cx: &mut Surroundings<'_>) -> Result<(), Failure> {
        let boots_in = self.machine(vm).and_then(|m| self.boot_image(m, cx).map(|image| (image, self.guest(m).is_some())));
        let system = match boots_in {
            None => System::Absent,
            Some((image, seen)) => {
                let length = if seen { image.boot } else { image.first_boot };
                System::Booting { until: cx.now.saturating_add(length).unwrap_or(cx.now) }
            }
        };
        let machine = self.machine_mut(vm).ok_or_else(|| Failure::new(code::FAILED, "the virtual machine is gone"))?;
        machine.power = Power::Running;
        if let Some(run) = &mut machine.run {
            run.system = system;
        }
        Ok(())
    }

    fn boot_image<'a>(&self, machine: &VirtualMachine, cx: &Surroundings<'a>) -> Option<&'a Image> {
        let path = machine.boot_disk()?;
        let name = self.guest(machine).map(|g| g.image.as_str()).or_else(|| self.image_on(path))?;
        cx.images.get(name)
    }

    /// The system is told to go down, from inside or by its integration component.
    pub(crate) fn close_system(&mut self, vm: &str, wish: Wish, cx: &Surroundings<'_>) {
        let then = match wish {
            Wish::Nothing => return,
            Wish::Restart => AfterClosing::Boot,
            Wish::PowerOff => AfterClosing::PowerOff,
        };
        let Some(machine) = self.machine(vm) else { return };
        let length = self.boot_image(machine, cx).map(|image| image.shutdown).unwrap_or_default();
        let until = cx.now.saturating_add(length).unwrap_or(cx.now);
        if let Some(run) = self.machine_mut(vm).and_then(|m| m.run.as_mut()) {
            run.system = System::Closing { until, then };
        }
    }

    /// What is due in the VM `vm` at `cx.now`: a boot ends, or a shutdown.
    pub(crate) fn advance_system(&mut self, vm: &str, cx: &mut Surroundings<'_>) {
        let Some(machine) = self.machine(vm) else { return };
        if machine.next_event().is_none_or(|at| at > cx.now) {
            return;
        }
        match machine.run.as_ref().map(|r| r.system) {
            Some(System::Booting { .. }) => self.system_comes_up(vm, cx),
            Some(System::Closing { then: AfterClosing::PowerOff, .. }) => {
                if let Some(machine) = self.machine_mut(vm) {
                    machine.set_power(Power::Off, cx.now);
                }
            }
            Some(System::Closing { then: AfterClosing::Boot, .. }) => {
                // The VM was there a moment ago; a boot that finds nothing leaves the system absent.
                let _ = self.boot_again(vm, cx);
            }
            Some(System::Absent | System::Up) | None => {}
        }
    }

    /// A system has booted: on a fresh disk it is what the image brings.
    pub(crate) fn system_comes_up(&mut self, vm: &str, cx: &mut Surroundings<'_>) {
        let Some(machine) = self.machine(vm) else { return };
        let items = machine.host_items.clone();
        let (plugged, image, path) = (self.plugged_in(machine), self.boot_image(machine, cx), machine.boot_disk().map(ToOwned::to_owned));
        let disk = path.and_then(|p| self.files.get_mut(&super::disk::FileKey::new(&p))).and_then(|f| f.disk.as_mut());
        let mut system = System::Absent;
        if let (Some(disk), Some(image)) = (disk, image) {
            if disk.guest.is_none() {
                // The computer name was checked with the file, so there is always a certificate for it.
                disk.guest = Guest::first_boot(image, cx.now, cx.ids).ok().map(Box::new);
            }
            if let Some(guest) = &mut disk.guest {
                guest.windows.boot(cx.now, &plugged, cx.ids);
                guest.windows.received = items;
                system = System::Up;
            }
        }
        if let Some(run) = self.machine_mut(vm).and_then(|m| m.run.as_mut()) {
            run.system = system;
        }
    }
}
