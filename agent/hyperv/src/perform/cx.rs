//! What every step has at hand: the host, the wish, the step, and the look-ups that several of them share.
//!
//! Guarantees: a VM is found by its mark, never by its name. A guest's door that opened before is tried first; one that stays shut
//! is looked for anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use model::cause::chain;
use model::desired::{Desired, DesiredRole};
use model::names::{HostPath, RoleName, VmName};
use model::observed::{Reach, UnfinishedJob};
use model::seen::Cause;
use plan::step::Step;
use wsman::cim::CimInstance;

use crate::classes;
use crate::error::ConnectError;
use crate::failure::{Blocker, Failure};
use crate::guid::Guid;
use crate::host::Host;
use crate::observe::door::{self, Door};
use crate::observe::roster::{OurVm, Roster};
use crate::observe::vitals::Vitals;
use crate::observe::{guest, job, vm};
use crate::peer::{Peer, TalkError};
use crate::perform::Check;
use crate::row::Malformed;
use crate::windows::{Windows, WindowsError};
use crate::wql::Query;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cx<'a> {
    pub(crate) host: &'a Host,
    pub(crate) desired: &'a Desired,
    pub(crate) step: &'a Step,
}

/// A guest that answers.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    pub(crate) peer: Arc<Peer>,
    /// The VM that it lives in.
    pub(crate) vm: Guid,
    /// That VM's name, for people.
    pub(crate) name: VmName,
    /// When it started.
    pub(crate) booted_at: Timestamp,
}

impl Guest {
    /// The Windows inside it.
    pub(crate) fn windows(&self, cx: &Cx<'_>) -> Windows {
        Windows::new(Arc::clone(&self.peer), Arc::clone(&cx.host.context().clock))
    }

    /// What went wrong with that. An answer that was lost is still known for one.
    pub(crate) fn failure(&self, error: WindowsError) -> Failure {
        match error {
            WindowsError::Talk(talk) => Failure::Talk(talk),
            source => Failure::Guest { vm: self.name.clone(), source: Box::new(source) },
        }
    }
}

/// A guest, or why it cannot be looked into.
pub(crate) type Access = Result<Guest, Blocker>;

impl<'a> Cx<'a> {
    /// The conversation with the host.
    pub(crate) fn peer(&self) -> &'a Peer {
        self.host.peer()
    }

    /// Rows of the host.
    pub(crate) async fn select(&self, query: &Query) -> Result<Vec<CimInstance>, Failure> {
        Ok(self.peer().select(query).await?)
    }

    /// What was read of the host's answer.
    pub(crate) fn read<T>(&self, what: &str, read: Result<T, Malformed>) -> Result<T, Failure> {
        Ok(self.peer().read(what, read)?)
    }

    /// Every VM of the host, by owner.
    pub(crate) async fn roster(&self) -> Result<Roster, Failure> {
        let rows = self.select(&Query::hyperv(classes::SYSTEM_SETTINGS)).await?;
        Ok(Roster::of(self.desired, self.read(classes::SYSTEM_SETTINGS, vm::settings(&rows))?))
    }

    /// The same, with the VMs that stand and that no settings tell of: one may be what seems to be missing. What is made between the two
    /// answers has settings already.
    pub(crate) async fn whole_roster(&self) -> Result<Roster, Failure> {
        let systems = self.select(&Query::hyperv(classes::COMPUTER_SYSTEM)).await?;
        let states = self.read(classes::COMPUTER_SYSTEM, vm::states(&systems))?;
        let rows = self.select(&Query::hyperv(classes::SYSTEM_SETTINGS)).await?;
        let settings = self.read(classes::SYSTEM_SETTINGS, vm::settings(&rows))?;
        let untold = vm::untold(&states, &settings);
        Ok(Roster::of(self.desired, settings).beside(untold, self.desired))
    }

    /// Every VM of the host, by owner, and the disks that each holds, itself or by its snapshots.
    pub(crate) async fn holders(&self) -> Result<(Roster, BTreeMap<Guid, Vec<HostPath>>), Failure> {
        let (settings, storage) = (Query::hyperv(classes::SYSTEM_SETTINGS), Query::hyperv(classes::STORAGE));
        let (settings, storage) = tokio::join!(self.select(&settings), self.select(&storage));
        let settings = settings?;
        let roster = Roster::of(self.desired, self.read(classes::SYSTEM_SETTINGS, vm::settings(&settings))?);
        let snapshots = self.read(classes::SYSTEM_SETTINGS, vm::snapshots(&settings))?;
        let disks = self.read(classes::STORAGE, vm::disks(&storage?))?;
        Ok((roster, vm::with_snapshots(disks, &snapshots)))
    }

    /// The role that the step works on.
    pub(crate) fn role(&self) -> Result<&'a RoleName, Failure> {
        self.step.role.as_ref().ok_or_else(|| Failure::Missing(format!("the role of step `{}`", self.step.id)))
    }

    /// The wish for that role.
    pub(crate) fn wish(&self) -> Result<&'a DesiredRole, Failure> {
        let role = self.role()?;
        guest::role(self.desired, role).ok_or_else(|| Failure::Missing(format!("role `{role}` in the wish")))
    }

    /// The VM of the step in `roster`; `None` when there is none.
    pub(crate) fn pick(&self, roster: &Roster) -> Result<Option<OurVm>, Failure> {
        let (instance, role) = (&self.step.instance, self.role()?);
        match roster.ours.get(&(instance.clone(), role.clone())).map_or(&[][..], Vec::as_slice) {
            [] => Ok(None),
            [vm] => Ok(Some(vm.clone())),
            several => Err(Failure::DuplicateMark { instance: instance.clone(), role: role.clone(), count: several.len() }),
        }
    }

    /// The VM of the step, if there is one.
    pub(crate) async fn find_vm(&self) -> Result<Option<OurVm>, Failure> {
        self.pick(&self.roster().await?)
    }

    /// The VM of the step in `roster`, which must be there.
    pub(crate) fn vm_in(&self, roster: &Roster) -> Result<OurVm, Failure> {
        let missing = || {
            let role = self.step.role.as_ref().map_or("host", RoleName::as_str);
            Failure::Missing(format!("the VM of `{}/{role}`", self.step.instance))
        };
        self.pick(roster)?.ok_or_else(missing)
    }

    /// The VM of the step, which must be there.
    pub(crate) async fn vm(&self) -> Result<OurVm, Failure> {
        self.vm_in(&self.roster().await?)
    }

    /// Refuses when the VM of the step has checkpoints.
    pub(crate) async fn refuse_checkpoints(&self) -> Result<(), Failure> {
        match self.find_vm().await? {
            Some(vm) if !vm.settings.checkpoints.is_empty() => {
                Err(Failure::Checkpointed { vm: vm.settings.name, checkpoints: vm.settings.checkpoints })
            }
            _ => Ok(()),
        }
    }

    /// `EnabledState` of a VM.
    pub(crate) async fn state(&self, vm: &OurVm) -> Result<u16, Failure> {
        let rows = self.select(&Query::hyperv(classes::COMPUTER_SYSTEM).equal("Name", vm.guid.as_str())).await?;
        let states = self.read(classes::COMPUTER_SYSTEM, vm::states(&rows))?;
        states.get(&vm.guid).map(|state| state.enabled).ok_or_else(|| Failure::Missing(format!("VM `{}`", vm.settings.name)))
    }

    /// Open when the VM is off, else blocked.
    pub(crate) async fn open_when_off(&self, vm: &OurVm) -> Result<Check, Failure> {
        let is_off = vm::power(self.state(vm).await?) == model::observed::PowerState::Off;
        Ok(if is_off { Check::Open } else { Check::Blocked(Blocker::NotOff(vm.settings.name.clone())) })
    }

    /// A running job that `matters` and that nobody in this process waits for: of an answer that was lost, or of a process that
    /// ended.
    pub(crate) async fn orphan(&self, matters: impl Fn(&UnfinishedJob) -> bool) -> Result<Option<Blocker>, Failure> {
        let [jobs, storage_jobs] = job::queries();
        let (jobs, storage_jobs) = tokio::join!(self.select(&jobs), self.select(&storage_jobs));
        let mut unfinished = self.read(classes::JOB, job::unfinished(&jobs?))?;
        unfinished.extend(self.read(classes::STORAGE_JOB, job::unfinished(&storage_jobs?))?);
        let orphan = unfinished.into_iter().find(|job| matters(job) && !self.host.following().holds(&job.id));
        Ok(orphan.map(|job| Blocker::Job { id: job.id, caption: job.caption }))
    }

    /// The same, of those jobs only that may be our own order for this very VM: those on disk files and those that name other things alone
    /// are somebody else's. In doubt it may be ours.
    pub(crate) async fn own_orphan(&self) -> Result<Option<Blocker>, Failure> {
        let [jobs, _] = job::queries();
        let unfinished = self.read(classes::JOB, job::unfinished(&self.select(&jobs).await?))?;
        let orphans: Vec<UnfinishedJob> =
            unfinished.into_iter().filter(|job| job.creates && !self.host.following().holds(&job.id)).collect();
        if orphans.is_empty() {
            return Ok(None);
        }
        let vm = self.vm().await?;
        for job in orphans {
            // A host that does not tell what a job works on leaves it in doubt.
            let affected = self.peer().affected(&job.id).await.unwrap_or_default();
            if affected.is_empty() || affected.iter().any(|row| job::is_of(row, &vm.guid)) {
                return Ok(Some(Blocker::Job { id: job.id, caption: job.caption }));
            }
        }
        Ok(None)
    }

    /// The guest of the step's VM, through whichever door opens.
    pub(crate) async fn guest(&self) -> Result<Access, Failure> {
        self.guest_over(None).await
    }

    /// The same, over one network only when `over` names it.
    pub(crate) async fn guest_over(&self, over: Option<Reach>) -> Result<Access, Failure> {
        let (vm, role) = (self.vm().await?, self.wish()?);
        let key = (self.step.instance.clone(), role.role.clone());
        let refuses = || Failure::GuestRefuses { vm: vm.settings.name.clone(), credential: role.credential.clone() };
        if self.host.rests(&key, &role.credential).is_some() {
            return Err(refuses());
        }
        let known = self.host.memory().doors.get(&key).cloned();
        if let Some(door) = known.filter(|door| over.is_none_or(|over| door.reach == over)) {
            if let Ok(guest) = self.enter(&door, &vm, role).await {
                return Ok(Ok(guest));
            }
            if self.host.rests(&key, &role.credential).is_some() {
                return Err(refuses());
            }
            self.host.forget(&door);
            self.host.memory().doors.remove(&key);
        }
        let shut = |cause| Ok(Err(Blocker::Guest(vm.settings.name.clone(), cause)));
        let vitals = Vitals::of_one(self.peer(), &vm.guid).await?;
        let doors = match door::doors(self.desired, &self.step.instance, role, (&vm.guid, &vitals)) {
            Ok(doors) => doors,
            Err(cause) => return shut(cause),
        };
        let mut last = Cause::Unreachable(format!("`{}` over that network", vm.settings.name));
        for door in doors.into_iter().filter(|door| over.is_none_or(|over| door.reach == over)) {
            match self.enter(&door, &vm, role).await {
                Ok(guest) => {
                    self.host.memory().doors.insert(key, door);
                    return Ok(Ok(guest));
                }
                Err(Closed::Connect(ConnectError::Credential { name, source })) => return Err(Failure::Credential { name, source }),
                Err(Closed::Connect(error)) => last = Cause::Failed(chain(&error)),
                Err(Closed::Talk(TalkError::Refused { .. })) => return Err(refuses()),
                Err(Closed::Talk(error)) => last = error.cause(),
            }
        }
        shut(last)
    }

    async fn enter(&self, door: &Door, vm: &OurVm, role: &DesiredRole) -> Result<Guest, Closed> {
        let peer = self.host.guest(door, role).map_err(Closed::Connect)?;
        let key = (self.step.instance.clone(), role.role.clone());
        let booted_at = match guest::booted_at(&peer).await {
            Ok(booted_at) => booted_at,
            Err(error) => {
                if let TalkError::Refused { .. } = error {
                    self.host.refused(&key, (door, &peer), &self.desired.recovery);
                }
                return Err(Closed::Talk(error));
            }
        };
        self.host.admitted(&key, &peer);
        Ok(Guest { peer, vm: vm.guid.clone(), name: vm.settings.name.clone(), booted_at })
    }

    /// The guest, where acting without it makes no sense.
    pub(crate) async fn need_guest(&self) -> Result<Guest, Failure> {
        self.guest().await?.map_err(Failure::Blocked)
    }
}

/// A door that did not open.
enum Closed {
    Connect(ConnectError),
    Talk(TalkError),
}
