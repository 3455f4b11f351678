//! What belongs to one thing of a repository, and what must be the same everywhere.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;

use super::report::{Finding, Scope};
use super::{Assembler, Outcome, Roster, helpers};
use crate::diagnostic::Code;
use crate::manifest::{Fault, Origin};
use crate::names::{ApplianceName, InstanceId, ProfileName, SiteName};
use crate::parallel;
use crate::resolve::{Fact, FactKey, Owner, instance_of, management_slot, management_slots};

/// Who made a claim.
#[derive(Clone, Copy)]
struct Claim<'a> {
    fact: &'a Fact,
    site: &'a SiteName,
    appliance: &'a ApplianceName,
}

/// A claim by what it claims. The place of its roster and entry say who; a hundred thousand of them should stay small.
struct Claimed<'a>(&'a Fact);

impl PartialEq for Claimed<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for Claimed<'_> {}

impl Hash for Claimed<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

/// Checks the whole repository.
pub(crate) fn check(assembler: &Assembler, rosters: &[Roster], findings: &mut Vec<Finding>) {
    claims(assembler, rosters, findings);
    directories(assembler, rosters, findings);
    equal_across(assembler, rosters, findings);
    management_slots_differ(assembler, findings);
}

/// Addresses are claimed about as often as everything else together, so the two are looked through side by side.
fn claims(assembler: &Assembler, rosters: &[Roster], findings: &mut Vec<Finding>) {
    let is_address = |key: &FactKey| matches!(key, FactKey::Address(_));
    let entries = (0..).zip(rosters).flat_map(|(site, roster)| (0..).zip(&roster.entries).map(move |(place, entry)| (site, place, entry)));
    let outcomes: Vec<_> = entries.filter_map(|(site, place, entry)| Some(((site, place), assembler.outcomes.get(&entry.key)?))).collect();
    let conflicts = |(): &(), addresses: &bool| conflicts(&outcomes, rosters, |key| is_address(key) == *addresses);
    findings.extend(parallel::map_with((), helpers(rosters), &[true, false], conflicts).into_iter().flatten());
}

/// An outcome and its appliance, by the places of its roster and its entry.
type Placed<'a> = ((u32, u32), &'a Outcome);

/// What is claimed twice, of what is `asked`.
fn conflicts(outcomes: &[Placed<'_>], rosters: &[Roster], asked: impl Fn(&FactKey) -> bool) -> Vec<Finding> {
    let claims = || {
        outcomes.iter().flat_map(|(who, outcome)| outcome.facts.iter().map(move |fact| (*who, fact))).filter(|(_, fact)| asked(&fact.key))
    };
    let told = |fact, (site, place): (u32, u32)| {
        let roster = &rosters[site as usize];
        Claim { fact, site: &roster.site, appliance: &roster.entries[place as usize].name }
    };
    let mut findings = Vec::new();
    let mut taken = HashMap::with_capacity_and_hasher(claims().count(), RandomState::default());
    for (who, fact) in claims() {
        match taken.entry(Claimed(fact)) {
            Slot::Vacant(place) => drop(place.insert(who)),
            Slot::Occupied(first) => {
                let (first, claim) = (told(first.key().0, *first.get()), told(fact, who));
                if !same(&first, &claim) {
                    findings.push(conflict(&first, &claim));
                }
            }
        }
    }
    findings
}

/// Whether two claims are one: made at one place for one owner, or where several may claim.
fn same(one: &Claim<'_>, other: &Claim<'_>) -> bool {
    let owner = match (one.fact.owner, other.fact.owner) {
        (Owner::Endpoint, Owner::Endpoint) => return true,
        (Owner::Site, Owner::Site) => one.site == other.site,
        _ => one.appliance == other.appliance,
    };
    owner && one.fact.origin == other.fact.origin
}

fn conflict(first: &Claim<'_>, second: &Claim<'_>) -> Finding {
    let mut scope = Scope::site(first.site);
    if let (Scope::Sites(sites), Scope::Sites(more)) = (&mut scope, Scope::site(second.site)) {
        sites.extend(more);
    }
    let owner = |claim: &Claim<'_>| match claim.fact.owner {
        Owner::Site => format!("site `{}`", claim.site),
        Owner::Appliance => format!("`{}`", claim.appliance),
        Owner::Endpoint => format!("the host of `{}`", claim.appliance),
    };
    let who = owner(first);
    let (code, message, hint) = match &second.fact.key {
        FactKey::Address(address) => {
            (Code::AddressTaken, format!("{address} belongs to {who} already"), "every address of the repository is used once")
        }
        FactKey::Computer(name) => (
            Code::NameTaken,
            format!("the computer name `{name}` belongs to {who} already"),
            "every computer name of the repository is used once",
        ),
        FactKey::Endpoint(endpoint) => {
            (Code::HostTaken, format!("the host `{endpoint}` carries {who} already"), "a host carries one appliance")
        }
        FactKey::Directory(path) => {
            (Code::DirectoryTaken, format!("the directory `{path}` belongs to {who} already"), "each site has a directory of its own")
        }
        FactKey::Setting(setting) => {
            (Code::NotUnique, format!("`{}` has this value at {who} already", setting.0), "the product needs it to be different")
        }
    };
    let related = if first.fact.origin == second.fact.origin { Vec::new() } else { vec![(first.fact.origin, "there".to_owned())] };
    let fault = Fault { related, ..Fault::new(code, second.fact.origin, message).hint(hint) };
    Finding::new(scope, fault)
}

fn directories(assembler: &Assembler, rosters: &[Roster], findings: &mut Vec<Finding>) {
    let mut taken: HashMap<FactKey, (Origin, &SiteName)> = HashMap::new();
    for roster in rosters {
        let Some(directory) = assembler.shelf.site(&roster.site).and_then(|site| site.spec.directory.as_ref()) else { continue };
        match taken.entry(FactKey::Directory(directory.value.clone())) {
            Slot::Vacant(place) => drop(place.insert((directory.origin, &roster.site))),
            Slot::Occupied(first) => {
                let (origin, site) = *first.get();
                let message = format!("the directory belongs to site `{site}` already");
                let fault = Fault::new(Code::DirectoryTaken, directory.origin, message).related(origin, "there");
                let scope = Scope::Sites([site.as_str().into(), roster.site.as_str().into()].into());
                findings.push(Finding::new(scope, fault.hint("each site has a directory of its own")));
            }
        }
    }
}

/// Settings that must be equal across the sites that use one profile.
fn equal_across(assembler: &Assembler, rosters: &[Roster], findings: &mut Vec<Finding>) {
    let mut said: HashMap<(ProfileName, &str), (&str, Origin, &SiteName)> = HashMap::new();
    for roster in rosters {
        let first = roster.entries.iter().filter_map(|entry| assembler.outcomes.get(&entry.key)).find(|outcome| !outcome.equal.is_empty());
        let Some((equal, product)) = first.and_then(|outcome| Some((&outcome.equal, outcome.profile.clone()?))) else {
            continue;
        };
        for (path, value, origin) in equal.iter() {
            match said.entry((product.clone(), path)) {
                Slot::Vacant(place) => drop(place.insert((value, *origin, &roster.site))),
                Slot::Occupied(known) if known.get().0 == value => {}
                Slot::Occupied(known) => {
                    let (other, place, site) = *known.get();
                    let message = format!("`{path}` must be equal across sites, and is `{other}` at site `{site}`");
                    let fault = Fault::new(Code::NotEqual, *origin, message).related(place, "there");
                    let scope = Scope::Sites([site.as_str().into(), roster.site.as_str().into()].into());
                    findings.push(Finding::new(scope, fault.hint("write it once, in a Defaults document")));
                }
            }
        }
    }
}

/// Two releases of a profile that could stand side by side must not get the same management addresses.
fn management_slots_differ(assembler: &Assembler, findings: &mut Vec<Finding>) {
    let mut taken: HashMap<(&ProfileName, u64), InstanceId> = HashMap::new();
    for (name, release) in assembler.shelf.releases() {
        let Some(profile) = assembler.shelf.profile(&release.spec.profile.value) else { continue };
        let network = profile.management.as_ref().and_then(|network| profile.spec().networks.get(network));
        let Some(subnet) = network.and_then(|network| network.value.subnet.as_ref()) else { continue };
        let instance = instance_of(release);
        let slot = management_slot(&instance, management_slots(subnet.value.0, profile.spec().roles.len()));
        match taken.entry((&release.spec.profile.value, slot)) {
            Slot::Vacant(place) => drop(place.insert(instance)),
            Slot::Occupied(other) if *other.get() == instance => {}
            Slot::Occupied(other) => {
                let message = format!("the instances `{}` and `{instance}` would have the same management addresses", other.get());
                let origin = release.spec.instance.as_ref().map_or(release.spec.version.origin, |instance| instance.origin);
                let fault =
                    Fault::new(Code::ManagementTooSmall, origin, message).hint(format!("give the release `{name}` another `instance`"));
                findings.push(Finding::new(Scope::Users, fault));
            }
        }
    }
}
