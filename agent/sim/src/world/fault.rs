//! What goes wrong with the machines themselves.
//!
//! Guarantees: a fault looks to a client exactly as the same accident on a real host.
//! Deliberately absent: faults of the wire; those are the server's.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::host::disk::FileKey;
use crate::host::machine::{Replication, VirtualMachine};
use crate::host::power::Power;
use crate::job::{Failure, JobKind, code};
use crate::windows::Windows;
use crate::world::file::ReplicaMode;
use crate::world::{HostName, World, WorldError};

/// One accident. VMs and adapters go by their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// A service dies.
    ServiceStops {
        /// The host.
        host: HostName,
        /// The VM whose guest has the service; the host's own service when left out.
        #[serde(default)]
        vm: Option<String>,
        /// The service.
        service: String,
    },
    /// Somebody pauses a service.
    ServicePaused {
        /// The host.
        host: HostName,
        /// The VM whose guest has the service; the host's own service when left out.
        #[serde(default)]
        vm: Option<String>,
        /// The service.
        service: String,
    },
    /// Somebody disables a firewall rule.
    RuleDisabled {
        /// The host.
        host: HostName,
        /// The VM whose guest has the rule; the host's own rule when left out.
        #[serde(default)]
        vm: Option<String>,
        /// The rule's InstanceID.
        rule: String,
    },
    /// A VM loses power.
    VmOff {
        /// The host.
        host: HostName,
        /// The VM.
        vm: String,
    },
    /// Somebody saves a VM.
    VmSaved {
        /// The host.
        host: HostName,
        /// The VM.
        vm: String,
    },
    /// Somebody deletes a VM that is off, and leaves its disks.
    VmDeleted {
        /// The host.
        host: HostName,
        /// The VM.
        vm: String,
    },
    /// Somebody disconnects an adapter from its switch.
    NicUnplugged {
        /// The host.
        host: HostName,
        /// The VM.
        vm: String,
        /// The adapter's name.
        adapter: String,
    },
    /// Somebody removes an adapter from a VM.
    NicRemoved {
        /// The host.
        host: HostName,
        /// The VM.
        vm: String,
        /// The adapter's name.
        adapter: String,
    },
    /// Somebody makes a checkpoint of a VM.
    VmCheckpointed {
        /// The host.
        host: HostName,
        /// The VM.
        vm: String,
        /// What it is called.
        #[serde(default = "checkpoint_name")]
        name: String,
    },
    /// Somebody has a VM copied by Hyper-V Replica.
    VmReplicated {
        /// The host.
        host: HostName,
        /// The VM.
        vm: String,
        /// Whether this is the VM or its copy.
        #[serde(default = "replica_mode")]
        mode: ReplicaMode,
    },
    /// Somebody makes a VM a role of the host's cluster.
    VmClustered {
        /// The host.
        host: HostName,
        /// The VM.
        vm: String,
    },
    /// Somebody deletes a VM's checkpoints, ends its replication, and takes it out of the cluster.
    VmFreed {
        /// The host.
        host: HostName,
        /// The VM.
        vm: String,
    },
    /// Somebody puts another disk in place of one.
    DiskReplaced {
        /// The host.
        host: HostName,
        /// Its path.
        path: String,
    },
    /// The next job of a kind fails.
    JobFails {
        /// The host.
        host: HostName,
        /// Which kind.
        kind: JobKind,
        /// What the job says.
        #[serde(default = "job_message")]
        message: String,
    },
    /// A guest stops answering on the network; its services go on.
    GuestUnreachable {
        /// The host.
        host: HostName,
        /// The VM.
        vm: String,
        /// How long.
        #[serde(rename = "for")]
        #[schemars(with = "String")]
        length: SignedDuration,
    },
    /// A host tells no settings of a VM that stands, as while it loses sight of where they lie.
    VmUntold {
        /// The host.
        host: HostName,
        /// The VM.
        vm: String,
        /// How long.
        #[serde(rename = "for")]
        #[schemars(with = "String")]
        length: SignedDuration,
    },
    /// Programs of the host itself take so much memory; 0 gives it back.
    MemoryTaken {
        /// The host.
        host: HostName,
        /// MiB.
        mib: u64,
    },
    /// A file is lost.
    FileLost {
        /// The host.
        host: HostName,
        /// Its path.
        path: String,
    },
    /// An account is locked, as too many wrong passwords lock it.
    AccountLocked {
        /// The host.
        host: HostName,
        /// The VM whose guest has the account; the host's own account when left out.
        #[serde(default)]
        vm: Option<String>,
        /// The local account.
        user: String,
    },
    /// Somebody changes an account's password.
    PasswordChanged {
        /// The host.
        host: HostName,
        /// The VM whose guest has the account; the host's own account when left out.
        #[serde(default)]
        vm: Option<String>,
        /// The local account.
        user: String,
        /// The new password.
        password: String,
    },
    /// The host restarts.
    HostRestart {
        /// The host.
        host: HostName,
    },
}

impl Fault {
    /// The host that it happens to.
    #[must_use]
    pub fn host(&self) -> &HostName {
        match self {
            Self::ServiceStops { host, .. }
            | Self::ServicePaused { host, .. }
            | Self::RuleDisabled { host, .. }
            | Self::VmOff { host, .. }
            | Self::VmSaved { host, .. }
            | Self::VmDeleted { host, .. }
            | Self::NicUnplugged { host, .. }
            | Self::NicRemoved { host, .. }
            | Self::VmCheckpointed { host, .. }
            | Self::VmReplicated { host, .. }
            | Self::VmClustered { host, .. }
            | Self::VmFreed { host, .. }
            | Self::DiskReplaced { host, .. }
            | Self::JobFails { host, .. }
            | Self::GuestUnreachable { host, .. }
            | Self::VmUntold { host, .. }
            | Self::MemoryTaken { host, .. }
            | Self::FileLost { host, .. }
            | Self::AccountLocked { host, .. }
            | Self::PasswordChanged { host, .. }
            | Self::HostRestart { host, .. } => host,
        }
    }
}

fn checkpoint_name() -> String {
    "before the update".to_owned()
}

fn replica_mode() -> ReplicaMode {
    ReplicaMode::Primary
}

fn job_message() -> String {
    "The operation failed.".to_owned()
}

fn no(what: &'static str, name: &str) -> WorldError {
    WorldError::NoSuch { what, name: name.to_owned() }
}

impl World {
    /// Lets `fault` happen at the present instant.
    ///
    /// # Errors
    /// `NoSuch` when it does not fit; nothing happens then.
    pub fn apply(&mut self, fault: Fault) -> Result<(), WorldError> {
        match fault {
            Fault::ServiceStops { host, vm, service } => {
                let now = self.now;
                let windows = self.windows(&host, vm.as_deref())?;
                let at = windows.service(&service).ok_or_else(|| no("service", &service))?;
                windows.services[at].dies(now);
            }
            Fault::ServicePaused { host, vm, service } => {
                let now = self.now;
                let windows = self.windows(&host, vm.as_deref())?;
                let at = windows.service(&service).ok_or_else(|| no("service", &service))?;
                if windows.services[at].pause(now) != 0 {
                    return Err(no("service that runs", &service));
                }
            }
            Fault::RuleDisabled { host, vm, rule } => {
                self.windows(&host, vm.as_deref())?.rule_mut(&rule).ok_or_else(|| no("firewall rule", &rule))?.enabled = false;
            }
            Fault::VmOff { host, vm } => self.set_power(&host, &vm, Power::Off)?,
            Fault::VmSaved { host, vm } => self.set_power(&host, &vm, Power::Saved)?,
            Fault::VmDeleted { host, vm } => {
                let id = self.vm(&host, &vm)?;
                let owner = self.faulty_host(&host)?;
                if owner.machine(&id).is_some_and(|m| !m.power.is_off()) {
                    return Err(no("virtual machine that is off", &vm));
                }
                owner.machines.retain(|m| m.id != id);
            }
            Fault::NicUnplugged { host, vm, adapter } => self.unplugged(&host, &vm, &adapter)?,
            Fault::NicRemoved { host, vm, adapter } => self.removed(&host, &vm, &adapter)?,
            Fault::VmCheckpointed { host, vm, name } => self.checkpointed(&host, &vm, &name)?,
            Fault::VmReplicated { host, vm, mode } => self.with_vm(&host, &vm, |m| m.replication = Some(Replication::of(mode)))?,
            Fault::VmClustered { host, vm } => self.clustered(&host, &vm)?,
            Fault::VmFreed { host, vm } => self.freed(&host, &vm)?,
            Fault::DiskReplaced { host, path } => self.replaced(&host, &path)?,
            Fault::JobFails { host, kind, message } => {
                self.faulty_host(&host)?.planned_failures.push((kind, Failure::new(code::FAILED, message)));
            }
            Fault::GuestUnreachable { host, vm, length } => {
                let id = self.vm(&host, &vm)?;
                let until = self.now.saturating_add(length).unwrap_or(self.now);
                self.unreachable.insert(id, until);
            }
            Fault::VmUntold { host, vm, length } => {
                let until = self.now.saturating_add(length).unwrap_or(self.now);
                self.with_vm(&host, &vm, |m| m.untold_until = Some(until))?;
            }
            Fault::MemoryTaken { host, mib } => self.faulty_host(&host)?.taken_memory = mib,
            Fault::FileLost { host, path } => {
                let key = crate::host::disk::FileKey::new(&path);
                self.faulty_host(&host)?.files.remove(&key).ok_or_else(|| no("file", &path))?;
            }
            Fault::AccountLocked { host, vm, user } => {
                let now = self.now;
                let windows = self.windows(&host, vm.as_deref())?;
                let account = windows.account_mut(&user).ok_or_else(|| no("account", &user))?.user.clone();
                let account = format!("{}\\{account}", windows.computer_name);
                windows.failures.lock(&account, now);
            }
            Fault::PasswordChanged { host, vm, user, password } => {
                let windows = self.windows(&host, vm.as_deref())?;
                windows.account_mut(&user).ok_or_else(|| no("account", &user))?.password = password;
            }
            Fault::HostRestart { host } => {
                self.faulty_host(&host)?;
                self.restart_host(&host);
            }
        }
        self.touched();
        let names: Vec<_> = self.hosts.keys().cloned().collect();
        names.iter().for_each(|name| self.write_logs(name));
        Ok(())
    }

    /// The GUID of the VM called `name`.
    pub(crate) fn vm(&self, host: &HostName, name: &str) -> Result<String, WorldError> {
        let owner = self.hosts.get(host).ok_or_else(|| no("host", host.as_str()))?;
        let found = owner.machines.iter().find(|m| m.name.eq_ignore_ascii_case(name) || m.id.eq_ignore_ascii_case(name));
        found.map(|m| m.id.clone()).ok_or_else(|| no("virtual machine", name))
    }

    fn faulty_host(&mut self, name: &HostName) -> Result<&mut Host, WorldError> {
        self.hosts.get_mut(name).ok_or_else(|| no("host", name.as_str()))
    }

    fn windows(&mut self, host: &HostName, vm: Option<&str>) -> Result<&mut Windows, WorldError> {
        let Some(vm) = vm else { return Ok(&mut self.faulty_host(host)?.windows) };
        let id = self.vm(host, vm)?;
        let owner = self.faulty_host(host)?;
        let up = owner.machine(&id).is_some_and(crate::host::machine::VirtualMachine::is_up);
        let guest = owner.guest_mut(&id).filter(|_| up);
        guest.map(|g| &mut g.windows).ok_or_else(|| no("running guest", vm))
    }

    fn checkpointed(&mut self, host: &HostName, vm: &str, name: &str) -> Result<(), WorldError> {
        let id = self.vm(host, vm)?;
        let (owner, mut cx) = self.host_and_surroundings(host).ok_or_else(|| no("host", host.as_str()))?;
        owner.take_checkpoint(&id, name, &mut cx);
        Ok(())
    }

    fn unplugged(&mut self, host: &HostName, vm: &str, adapter: &str) -> Result<(), WorldError> {
        let id = self.vm(host, vm)?;
        let machine = self.faulty_host(host)?.machine_mut(&id).ok_or_else(|| no("virtual machine", vm))?;
        let nic = machine.adapters.iter_mut().find(|a| a.name.eq_ignore_ascii_case(adapter));
        nic.and_then(|a| a.connection.as_mut()).ok_or_else(|| no("connected adapter", adapter))?.enabled = false;
        Ok(())
    }

    fn removed(&mut self, host: &HostName, vm: &str, adapter: &str) -> Result<(), WorldError> {
        let id = self.vm(host, vm)?;
        let machine = self.faulty_host(host)?.machine_mut(&id).ok_or_else(|| no("virtual machine", vm))?;
        let at = machine.adapters.iter().position(|a| a.name.eq_ignore_ascii_case(adapter)).ok_or_else(|| no("adapter", adapter))?;
        machine.adapters.remove(at);
        Ok(())
    }

    fn clustered(&mut self, host: &HostName, vm: &str) -> Result<(), WorldError> {
        if self.faulty_host(host)?.cluster.is_none() {
            return Err(no("cluster of the host", host.as_str()));
        }
        self.with_vm(host, vm, |m| m.clustered = true)
    }

    fn freed(&mut self, host: &HostName, vm: &str) -> Result<(), WorldError> {
        let id = self.vm(host, vm)?;
        self.with_vm(host, vm, |m| (m.replication, m.clustered) = (None, false))?;
        let owner = self.faulty_host(host)?;
        let all: Vec<_> = owner.machine(&id).map(|m| m.checkpoints.iter().map(|c| c.id.clone()).collect()).unwrap_or_default();
        // The VM is there: it was just changed.
        let _ = owner.apply_destroy_checkpoints(&id, &all);
        Ok(())
    }

    fn replaced(&mut self, host: &HostName, path: &str) -> Result<(), WorldError> {
        let (owner, cx) = self.host_and_surroundings(host).ok_or_else(|| no("host", host.as_str()))?;
        let disk = owner.files.get_mut(&FileKey::new(path)).and_then(|f| f.disk.as_mut()).ok_or_else(|| no("disk", path))?;
        (disk.id, disk.guest) = (cx.ids.guid(), None);
        Ok(())
    }

    fn with_vm(&mut self, host: &HostName, vm: &str, change: impl FnOnce(&mut VirtualMachine)) -> Result<(), WorldError> {
        let id = self.vm(host, vm)?;
        self.faulty_host(host)?.machine_mut(&id).map(change).ok_or_else(|| no("virtual machine", vm))
    }

    fn set_power(&mut self, host: &HostName, vm: &str, power: Power) -> Result<(), WorldError> {
        let id = self.vm(host, vm)?;
        let now = self.now;
        let machine = self.faulty_host(host)?.machine_mut(&id).filter(|m| m.power.holds_memory());
        machine.ok_or_else(|| no("powered virtual machine", vm))?.set_power(power, now);
        Ok(())
    }
}
