//! The rules of a site: how many appliances, what it promises, what it shares.

use super::report::{Finding, Scope};
use super::windows::Windows;
use super::{Assembler, Roster};
use crate::desired::Desired;
use crate::diagnostic::Code;
use crate::manifest::{AvailabilitySpec, Fault, Origin, SiteManifest, Spanned, suggest};
use crate::names::ApplianceName;
use crate::profile::Profile;
use crate::resolve::unknown_window;

/// What the checks of one site need.
struct Site<'a> {
    assembler: &'a Assembler,
    roster: &'a Roster,
    manifest: &'a SiteManifest,
    windows: &'a Windows,
    faults: Vec<Fault>,
}

/// Checks one site.
pub(crate) fn check(assembler: &Assembler, roster: &Roster, windows: &Windows, findings: &mut Vec<Finding>) {
    let Some(manifest) = assembler.shelf.site(&roster.site) else { return };
    let mut site = Site { assembler, roster, manifest, windows, faults: Vec::new() };
    site.size();
    site.directory();
    // What depends on how many there are is not judged while some could not be read.
    if !assembler.shelf.is_incomplete(&roster.site) {
        site.leader();
        site.promise();
    }
    if !assembler.shelf.may_lack_windows() {
        site.outage();
        site.no_window();
    }
    let scope = Scope::site(&roster.site);
    findings.extend(site.faults.into_iter().map(|fault| Finding::new(scope.clone(), fault)));
}

/// Checks the number of sites, and warns of those without appliances.
pub(crate) fn check_count(assembler: &Assembler, rosters: &[Roster], findings: &mut Vec<Finding>) {
    let unread = |name: &crate::names::SiteName| rosters.iter().all(|roster| roster.site != *name);
    for (name, site) in assembler.shelf.sites().filter(|(name, _)| unread(name)) {
        let Some(site) = site.filter(|_| !assembler.shelf.is_incomplete(name)) else { continue };
        let fault = Fault::new(Code::EmptySite, site.metadata.name.origin, format!("the site `{name}` has no appliance"));
        findings.push(Finding::new(Scope::Nobody, fault));
    }
    let limit = |profile: &Profile| profile.spec().limits.as_ref().and_then(|limits| limits.sites.as_ref()).map(|sites| sites.value.get());
    let limits = rosters.iter().filter_map(|roster| profile_of(assembler, roster)).filter_map(limit);
    let count = assembler.shelf.sites().count();
    if let Some(limit) = limits.min().filter(|limit| count > *limit as usize) {
        let last = assembler.shelf.sites().filter_map(|(_, site)| site).last().map_or(Origin::NOWHERE, |site| site.metadata.name.origin);
        let fault = Fault::new(Code::TooManySites, last, format!("there are {count} sites, the product allows {limit}"));
        findings.push(Finding::new(Scope::Everything, fault.hint("split the repository")));
    }
}

/// The profile that the first appliance of a site needs.
fn profile_of<'a>(assembler: &'a Assembler, roster: &Roster) -> Option<&'a Profile> {
    let wish = roster.entries.iter().find_map(|entry| assembler.outcomes.get(&entry.key)?.release.as_ref())?;
    assembler.shelf.profile(&assembler.shelf.release(&wish.0)?.spec.profile.value)
}

impl Site<'_> {
    fn report(&mut self, code: Code, origin: Origin, message: impl Into<String>) -> &mut Fault {
        self.faults.push(Fault::new(code, origin, message));
        let last = self.faults.len() - 1;
        &mut self.faults[last]
    }

    fn count(&self) -> usize {
        self.roster.entries.len()
    }

    fn desired(&self) -> impl Iterator<Item = &Desired> {
        self.roster.entries.iter().filter_map(|entry| self.assembler.outcomes.get(&entry.key)?.desired.as_deref())
    }

    fn leader(&mut self) {
        let Some(leader) = self.manifest.spec.rollout.as_ref().and_then(|rollout| rollout.leader.as_ref()) else { return };
        let names = || self.roster.entries.iter().map(|entry| entry.name.as_str());
        let misread =
            |entry: &super::Entry| self.assembler.outcomes.get(&entry.key).is_none_or(|outcome| outcome.faults.iter().any(is_of_a_name));
        if self.roster.entries.iter().any(|entry| entry.name == leader.value || misread(entry)) {
            return;
        }
        let hint = suggest(leader.value.as_str(), names());
        let expected = crate::manifest::one_of(names());
        let message = format!("`{}` is no appliance of the site `{}`", leader.value, self.roster.site);
        let fault = self.report(Code::UnknownLeader, leader.origin, message);
        (fault.hint, fault.expected) = (hint, Some(expected.into()));
    }

    fn size(&mut self) {
        let Some(profile) = profile_of(self.assembler, self.roster) else { return };
        let limit = profile.spec().limits.as_ref().and_then(|limits| limits.appliances_per_site.as_ref());
        if let Some(limit) = limit.filter(|limit| self.count() > limit.value.get() as usize) {
            let (count, limit) = (self.count(), limit.value.get());
            let message = format!("the site has {count} appliances, the product allows {limit}");
            let origin = self.manifest.metadata.name.origin;
            self.report(Code::TooManyAppliances, origin, message).hint = Some("move some of them to another site".into());
        }
    }

    fn directory(&mut self) {
        let Some(directory) = &self.manifest.spec.directory else { return };
        if self.count() > 1 && !directory.value.as_str().starts_with(r"\\") {
            let message = "the site has more than one appliance, and its directory is on one of them only";
            let fault = self.report(Code::DirectoryNotShared, directory.origin, message);
            fault.expected = Some(r"a share such as `\\server\share\seattle`".into());
        }
    }

    fn promise(&mut self) {
        let count = self.count();
        let others = count.saturating_sub(1);
        let availability = self.manifest.spec.availability.as_ref().map(|availability| &availability.value);
        let outage = availability.and_then(|availability| availability.planned_outage.as_ref());
        let min_serving = availability.and_then(|availability| availability.min_serving.as_ref());
        if count == 1 {
            if outage.is_none() || min_serving.is_none_or(|min| min.value.get() > 0) {
                let origin = availability_origin(self.manifest);
                let message = format!("the only appliance of `{}` may never be out on purpose", self.roster.site);
                let fault = self.report(Code::OutageNotStated, origin, message);
                fault.expected = Some("`availability: { minServing: 0, plannedOutage: { in: […], atMost: … } }`".into());
                let never =
                    "release changes, restarts of VMs and of the host, hardware changes, renewal of certificates that restarts services";
                fault.hint = Some(format!("these will never run: {never}"));
            }
        } else if let Some(min) = min_serving.filter(|min| min.value.get() as usize > others) {
            let wanted = min.value.get();
            let message = format!("{wanted} others must serve, but there are {others}; nothing that disrupts can ever run");
            let fault = self.report(Code::PromiseTooHigh, min.origin, message);
            fault.expected = Some(format!("at most {others}").into());
        }
        self.capacity(availability, others);
    }

    fn outage(&mut self) {
        let availability = self.manifest.spec.availability.as_ref().map(|availability| &availability.value);
        let Some(outage) = availability.and_then(|availability| availability.planned_outage.as_ref()) else { return };
        for name in &outage.value.r#in.value {
            match self.windows.by_name.get(&name.value) {
                None => self.faults.push(unknown_window(name, &self.windows.by_name)),
                Some(window) if window.duration < outage.value.at_most.value => {
                    let message =
                        format!("an outage of {} does not fit into `{}` ({})", outage.value.at_most.value, name.value, window.duration);
                    self.report(Code::OutageLongerThanWindow, outage.value.at_most.origin, message)
                        .related
                        .push((name.origin, "this window".into()));
                }
                Some(_) => {}
            }
        }
        if outage.value.r#in.value.is_empty() {
            self.report(Code::ListLength, outage.value.r#in.origin, "no window is named").expected = Some("at least one window".into());
        }
        let windows = self.manifest.spec.layer.windows.as_ref();
        let outside = |name: &&Spanned<crate::names::WindowName>| {
            windows.is_some_and(|windows| windows.value.iter().all(|window| window.value != name.value))
        };
        let known = |name: &&Spanned<crate::names::WindowName>| self.windows.by_name.contains_key(&name.value);
        if let Some(name) = outage.value.r#in.value.iter().filter(known).find(outside) {
            let message = format!("`{}` is none of the site's windows, so nothing runs in it", name.value);
            let related = windows.map(|windows| (windows.origin, "the site's windows".to_owned()));
            self.report(Code::UnknownWindow, name.origin, message).related.extend(related);
        }
    }

    fn capacity(&mut self, availability: Option<&AvailabilitySpec>, others: usize) {
        let Some(promised) = availability.and_then(|availability| availability.calls.as_ref()) else { return };
        let Some(each) = self.calls_per_appliance().filter(|_| self.desired().count() == self.count()) else { return };
        let left = u64::from(each) * others as u64;
        if left < u64::from(promised.value.get()) {
            let message =
                format!("{} calls are promised, but with one appliance out the other {others} carry {left}", promised.value.get());
            let fault = self.report(Code::CapacityBelowPromise, promised.origin, message);
            fault.expected = Some(format!("at most {left}, or one more appliance").into());
        }
    }

    /// What the smallest appliance of the site carries.
    fn calls_per_appliance(&self) -> Option<u32> {
        let calls = |entry: &super::Entry| {
            let outcome = self.assembler.outcomes.get(&entry.key)?;
            let profile = profile_of(self.assembler, self.roster)?;
            let size = outcome.size.as_deref().or(profile.default_size())?;
            let size = profile.spec().sizes.iter().find(|(name, _)| name.as_str() == size)?.1;
            size.value.calls.as_ref().map(|calls| calls.value.get())
        };
        self.roster.entries.iter().filter_map(calls).min()
    }

    fn no_window(&mut self) {
        let without: Vec<ApplianceName> =
            self.desired().filter(|wish| wish.windows.is_empty()).map(|wish| wish.appliance.clone()).collect();
        if let Some(first) = without.first() {
            let who =
                if without.len() == 1 { format!("`{first}`") } else { format!("{} appliances of `{}`", without.len(), self.roster.site) };
            let fault = self.report(Code::NoWindow, self.manifest.metadata.name.origin, format!("work on {who} may disrupt at any time"));
            fault.hint = Some("name the windows for it: `windows: […]`".into());
        }
    }
}

/// Whether a fault may hide what an appliance is called.
fn is_of_a_name(fault: &Fault) -> bool {
    matches!(fault.code, Code::UnquotedBoolean | Code::UnquotedNumber | Code::UnquotedClock | Code::BadName)
}

fn availability_origin(site: &SiteManifest) -> Origin {
    site.spec.availability.as_ref().map_or(site.metadata.name.origin, |availability| availability.origin)
}
