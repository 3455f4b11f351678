//! Booting the image and asking, point by point.
//!
//! Guarantees: a point is asked once those that it rests on are kept; nothing is taken from the guest but through the door that the
//! host names. Cancel-safe as any step is: what was begun goes on, and `clear` finds it. Deliberately absent: cleaning up.

use std::sync::Arc;
use std::time::Duration;

use model::cause::chain;
use model::desired::{Desired, DesiredRole, Place};
use model::observed::{Observed, ObservedGuest};
use model::seen::{Cause, Seen};
use model::units::Span;
use plan::given::Given;
use plan::step::{Act, Step};
use tokio::time::Instant;

use super::verdict::{self, works};
use super::{ImageCheck, ImageCheckError, Report, wish};
use crate::observe::door::{self, Door};
use crate::observe::guest::{self, Watched};
use crate::observe::roster::OurVm;
use crate::observe::vitals::Vitals;
use crate::pause::Pause;
use crate::peer::{Peer, TalkError};
use crate::perform::cx::Cx;
use crate::probe::{Finding, Outcome};

/// From power on to the first heartbeat: a first boot of a generalised Windows restarts itself.
const BOOT: Duration = Duration::from_secs(30 * 60);
/// From there to the thumbprint, and to a listener that answers.
const SETTLE: Duration = Duration::from_secs(5 * 60);

const BROKEN: &str = "it rests on a point that is broken";
const ELSEWHERE: &str =
    "it needs a way into the guest, whose management network only its host is on: run the same command there, with `place: on-host`";

const IMAGE: &str = "image";
const POINTS: [&str; 9] = [IMAGE, "boot", "heartbeat", "thumbprint", "addresses", "listener", "account", "services", "firewall"];

impl ImageCheck<'_> {
    /// Boots the image and asks for each point; `tell` hears of each finding as it comes. What it made stays for [`ImageCheck::clear`].
    ///
    /// # Errors
    /// `ImageCheckError` when the host, and not the image, stands in the way.
    pub async fn examine(&self, tell: &mut (dyn FnMut(&Finding) + Send)) -> Result<Report, ImageCheckError> {
        let mut notes = Notes { findings: Vec::new(), tell };
        let because = self.walk(&self.role, &mut notes).await?;
        notes.skip_the_rest(because);
        let (findings, role) = (notes.findings, self.role.clone());
        Ok(Report { appliance: self.wish.leader.clone(), role: role.role, image: role.image.path, findings })
    }

    /// Goes as far as the points carry; why it goes no further.
    async fn walk(&self, role: &DesiredRole, notes: &mut Notes<'_>) -> Result<&'static str, ImageCheckError> {
        let observed = self.look(&self.wish).await?;
        if !notes.add(IMAGE, self.file(role, &observed).await) {
            return Ok(BROKEN);
        }
        let wish = wish::settled(&self.wish, &self.taken, &observed)?;
        let steps = planned(&wish, &observed)?;
        let Some(start) = steps.iter().find(|step| step.act == Act::StartVm) else { return Ok(BROKEN) };
        if !notes.add("boot", self.boot(&wish, &steps).await?) {
            return Ok(BROKEN);
        }
        let guest = Guest { check: self, cx: Cx { host: self.host, desired: &wish, step: start }, role };
        if !notes.add("heartbeat", guest.heartbeat().await?) {
            return Ok(BROKEN);
        }
        let published = notes.add("thumbprint", guest.thumbprint().await?);
        let addressed = match steps.iter().find(|step| matches!(step.act, Act::InjectAddress { .. })) {
            Some(inject) => notes.add("addresses", self.address(&wish, inject).await),
            None => false,
        };
        if !(published && addressed) {
            return Ok(BROKEN);
        }
        if self.wish.host.place == Place::Remote {
            return Ok(ELSEWHERE);
        }
        let entry = guest.enter().await?;
        notes.add("listener", entry.listener);
        if let Some(account) = entry.account {
            notes.add("account", account);
        }
        if let Some(seen) = entry.guest {
            notes.add("services", verdict::services(role, &seen));
            notes.add("firewall", verdict::rules(role, &seen));
            if let Some(domain) = verdict::domain(&role.membership, &seen) {
                notes.add("directory", domain);
            }
        }
        Ok(BROKEN)
    }

    async fn file(&self, role: &DesiredRole, observed: &Observed) -> Outcome {
        let seen = observed.host.files.get(&role.image.path).cloned().unwrap_or(Seen::Unknown(Cause::NotObserved));
        if let Err(outcome) = verdict::file(&role.image, &seen) {
            return outcome;
        }
        match self.host.operations().disk(&role.image.path).await {
            Ok(disk) => verdict::disk(&disk),
            Err(failure) => verdict::not_started(chain(&failure)),
        }
    }

    /// Builds the VM and starts it.
    async fn boot(&self, wish: &Desired, steps: &[Step]) -> Result<Outcome, ImageCheckError> {
        for step in steps {
            if let Err(error) = self.perform(wish, step).await {
                // These rest on the image; the others on the host alone.
                let of_image = matches!(step.act, Act::CreateDisk { .. } | Act::AttachDisk { .. } | Act::StartVm);
                return if of_image { Ok(verdict::not_started(chain(&error))) } else { Err(error) };
            }
            if step.act == Act::StartVm {
                break;
            }
        }
        Ok(works("a generation 2 VM on it starts"))
    }

    async fn address(&self, wish: &Desired, inject: &Step) -> Outcome {
        match self.perform(wish, inject).await {
            Ok(()) => works("the guest takes the address that its host gives it"),
            Err(error) => verdict::not_addressed(chain(&error)),
        }
    }
}

/// The steps of a VM that is built anew, up to its address in the guest.
fn planned(wish: &Desired, observed: &Observed) -> Result<Vec<Step>, ImageCheckError> {
    let (plan, report) = plan::plan(&wish::as_on_host(wish), observed, &Given::at(observed.at));
    let steps: Vec<Step> = plan.steps.iter().cloned().collect();
    if steps.iter().any(|step| step.act == Act::StartVm) {
        return Ok(steps);
    }
    let stalls = report.stalls.iter().map(|stall| format!("{}: {}", stall.message, stall.hint));
    let says = stalls.chain(report.waits.iter().map(|wait| wait.on.to_string())).collect();
    Err(ImageCheckError::NotPlanned { says })
}

/// What has been found, and who hears of it.
struct Notes<'t> {
    findings: Vec<Finding>,
    tell: &'t mut (dyn FnMut(&Finding) + Send),
}

impl Notes<'_> {
    /// Notes a point; whether it is kept.
    fn add(&mut self, subject: &'static str, outcome: Outcome) -> bool {
        let kept = matches!(outcome, Outcome::Works { .. });
        let finding = Finding { subject, outcome };
        (self.tell)(&finding);
        self.findings.push(finding);
        kept
    }

    /// Notes what was not asked, and why.
    fn skip_the_rest(&mut self, because: &'static str) {
        for subject in POINTS {
            if !self.findings.iter().any(|finding| finding.subject == subject) {
                self.add(subject, Outcome::NotTried { because });
            }
        }
    }
}

/// The guest of the check, up or on its way.
struct Guest<'a, 'h> {
    check: &'a ImageCheck<'h>,
    cx: Cx<'a>,
    role: &'a DesiredRole,
}

/// How far one comes into it.
struct Entry {
    listener: Outcome,
    account: Option<Outcome>,
    guest: Option<ObservedGuest>,
}

impl Guest<'_, '_> {
    async fn vitals(&self) -> Result<(OurVm, Vitals), ImageCheckError> {
        let ask = async {
            let vm = self.cx.vm().await?;
            let vitals = Vitals::of_one(self.cx.peer(), &vm.guid).await?;
            Ok((vm, vitals))
        };
        ask.await.map_err(|failure| ImageCheckError::Ask(Box::new(failure)))
    }

    /// Looks at what the host tells of the VM until `judge` makes something of it, given since when it is looked at.
    async fn until(&self, judge: impl Fn(&OurVm, &Vitals, Instant) -> Option<Outcome>) -> Result<Outcome, ImageCheckError> {
        let started = Instant::now();
        let mut pause = Pause::for_state();
        loop {
            let (vm, vitals) = self.vitals().await?;
            if let Some(outcome) = judge(&vm, &vitals, started) {
                return Ok(outcome);
            }
            pause.sleep().await;
        }
    }

    async fn heartbeat(&self) -> Result<Outcome, ImageCheckError> {
        let judge = |vm: &OurVm, vitals: &Vitals, started: Instant| match vitals.silence(&vm.guid) {
            None => Some(works(format!("{} after the start", spent(started)))),
            Some(cause) if cause == Cause::PoweredOff || started.elapsed() >= BOOT => Some(verdict::silent(&cause, BOOT)),
            Some(_) => None,
        };
        self.until(judge).await
    }

    async fn thumbprint(&self) -> Result<Outcome, ImageCheckError> {
        let judge = |vm: &OurVm, vitals: &Vitals, started: Instant| match vitals.listener(&vm.guid) {
            Seen::Known(thumbprint) => Some(works(thumbprint)),
            Seen::Absent | Seen::Unknown(_) if started.elapsed() < SETTLE => None,
            Seen::Absent => Some(verdict::unpublished(None)),
            Seen::Unknown(cause) => Some(verdict::unpublished(Some(&cause))),
        };
        self.until(judge).await
    }

    /// Looks in. A refusal is final: each attempt counts towards locking the account.
    async fn enter(&self) -> Result<Entry, ImageCheckError> {
        let started = Instant::now();
        let mut pause = Pause::for_state();
        loop {
            let late = started.elapsed() >= SETTLE;
            match self.door().await? {
                Ok((door, peer)) => {
                    let at = format!("{}:5986", door.address);
                    match guest::look(&peer, door.reach, &Watched::of(self.role), None).await {
                        Ok(seen) => return Ok(self.entered(&at, &peer, seen)),
                        Err(error) if late || matches!(error, TalkError::Refused { .. }) => {
                            let (listener, account) = verdict::refused(&error, &at, &peer.credential().user);
                            return Ok(Entry { listener, account, guest: None });
                        }
                        Err(_) => {}
                    }
                }
                Err(cause) if late => return Ok(Entry { listener: verdict::silent(&cause, SETTLE), account: None, guest: None }),
                Err(_) => {}
            }
            pause.sleep().await;
        }
    }

    /// The best door, and the conversation behind it.
    async fn door(&self) -> Result<Result<(Door, Arc<Peer>), Cause>, ImageCheckError> {
        let (vm, vitals) = self.vitals().await?;
        let doors = match door::doors(self.cx.desired, &self.cx.desired.instance, self.role_on_host(), (&vm.guid, &vitals)) {
            Ok(doors) => doors,
            Err(cause) => return Ok(Err(cause)),
        };
        let Some(door) = doors.into_iter().next() else { return Ok(Err(Cause::NotObserved)) };
        let peer = self.check.host.guest(&door, self.role)?;
        Ok(Ok((door, peer)))
    }

    /// The role with the address that it was given.
    fn role_on_host(&self) -> &DesiredRole {
        guest::role(self.cx.desired, &self.role.role).unwrap_or(self.role)
    }

    fn entered(&self, at: &str, peer: &Peer, seen: ObservedGuest) -> Entry {
        let listener = works(format!("{at} shows the certificate that the guest publishes"));
        let account = works(format!("user `{}` is let in", peer.credential().user));
        Entry { listener, account: Some(account), guest: Some(seen) }
    }
}

fn spent(since: Instant) -> String {
    Span::from_secs(since.elapsed().as_secs()).to_string()
}
