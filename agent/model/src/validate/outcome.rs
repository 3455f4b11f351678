//! What becomes of one appliance, and when the last answer still holds.

use std::cell::OnceCell;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::windows::Windows;
use super::{Arc, Assembler, Decoder, Document, Entry, Fault, Members, Node, Outcome, ReleaseName, Resolved, Roster, SettingValues};
use super::{Closure, Trace, resolve};
use crate::desired::{CertificateWish, Desired, DesiredNetwork, SettingValue};
use crate::diagnostic::Code;
use crate::manifest::{ApplianceManifest, ApplianceSpec, Label, SiteManifest, Spanned, one_of, suggest};
use crate::names::{FleetName, NetworkName, SiteName, WindowName};
use crate::resolve::{DefaultsLayer, Inherited};
use crate::window::Window;
use std::collections::BTreeMap;

/// What a site's appliances have in common.
pub(super) struct Common<'a> {
    fleet: Option<&'a FleetName>,
    name: &'a SiteName,
    /// As far as it could be read.
    site: Option<&'a SiteManifest>,
    /// Whether that is all of it, without a fault.
    site_is_sound: bool,
    members: Members,
    stamp: u64,
    windows: &'a Windows,
    trace: &'a Trace,
}

/// What appliances of a site have in common, kept once.
#[derive(Default)]
pub(super) struct Pool {
    /// Settings by release and by the Defaults that apply, for appliances that state none themselves.
    settings: BTreeMap<(ReleaseName, Vec<usize>), Arc<SettingValues>>,
    /// The same for those that do state some: what they add to.
    inherited: BTreeMap<(ReleaseName, Vec<usize>), OnceCell<Option<Inherited>>>,
    values: Vec<Arc<BTreeMap<Arc<str>, SettingValue>>>,
    networks: Vec<Arc<BTreeMap<NetworkName, DesiredNetwork>>>,
    windows: Vec<Arc<BTreeMap<WindowName, Window>>>,
    certificates: Vec<Arc<BTreeMap<String, CertificateWish>>>,
    /// Whether what must be equal across sites has been noted for this one.
    noted_equal: bool,
}

/// Different values of one kind that a pool keeps; more would be searched for longer than they save.
const POOLED: usize = 8;

impl Pool {
    fn share(&mut self, wish: &mut Desired) {
        once(&mut self.values, &mut wish.settings);
        once(&mut self.networks, &mut wish.networks);
        once(&mut self.windows, &mut wish.windows);
        once(&mut self.certificates, &mut wish.certificates);
    }
}

fn once<T: PartialEq>(pool: &mut Vec<Arc<T>>, value: &mut Arc<T>) {
    match pool.iter().find(|known| Arc::ptr_eq(known, value) || ***known == **value) {
        Some(known) => *value = known.clone(),
        None if pool.len() < POOLED => pool.push(value.clone()),
        None => {}
    }
}

/// What an appliance's release leads to.
struct Release<'a> {
    name: ReleaseName,
    stamp: u64,
    manifest: &'a crate::manifest::ReleaseManifest,
    profile: &'a crate::profile::Profile,
}

impl Assembler {
    pub(super) fn resolve_site(&self, roster: &Roster, windows: &Windows) -> Vec<Outcome> {
        let trace = Trace::default();
        let Some(common) = self.common(roster, windows, &trace) else { return Vec::new() };
        let mut pool = Pool::default();
        roster.entries.iter().map(|entry| self.outcome(entry, &common, &mut pool)).collect()
    }

    /// Resolves one appliance once more, telling the trace where its values come from.
    pub(super) fn trace(&self, roster: &Roster, entry: &Entry, windows: &Windows, trace: &Trace) -> Option<Outcome> {
        let common = self.common(roster, windows, trace)?;
        Some(self.resolve_entry(entry, &common, &mut Pool::default(), 0))
    }

    fn common<'a>(&'a self, roster: &'a Roster, windows: &'a Windows, trace: &'a Trace) -> Option<Common<'a>> {
        let site = self.shelf.site_as_read(&roster.site);
        let site_is_sound = self.shelf.site(&roster.site).is_some();
        let names: Vec<_> = roster.entries.iter().map(|entry| entry.name.clone()).collect();
        let leader = site.and_then(|site| site.spec.rollout.as_ref()).and_then(|rollout| rollout.leader.as_ref());
        // A leader that is none of them is reported with the site; the first by name stands in, so that the rest can be checked.
        let leader = leader.map(|leader| &leader.value).filter(|leader| names.contains(leader)).or(names.first()).cloned();
        let leader = leader?;
        let mut stamp = DefaultHasher::new();
        names.hash(&mut stamp);
        (self.shelf.site_stamp(&roster.site), self.shelf.defaults_stamp(), self.shelf.repository_stamp()).hash(&mut stamp);
        // What could not be read silences faults, so an answer given then is none when it is gone.
        (self.shelf.knows_site(&roster.site), self.shelf.may_lack_defaults(), self.shelf.may_lack_windows()).hash(&mut stamp);
        let members = Members { names, leader };
        Some(Common {
            fleet: self.shelf.fleet_name(),
            name: &roster.site,
            site,
            site_is_sound,
            members,
            stamp: stamp.finish(),
            windows,
            trace,
        })
    }

    fn outcome(&self, entry: &Entry, common: &Common<'_>, pool: &mut Pool) -> Outcome {
        let mut stamp = DefaultHasher::new();
        (common.stamp, self.library.file(entry.key.file).map(|file| file.digest()), entry.key).hash(&mut stamp);
        let stamp = stamp.finish();
        if let Some(last) = self.outcomes.get(&entry.key).filter(|last| last.stamp == stamp) {
            let same = |name: &ReleaseName| last.release.as_ref().and_then(|(_, stamp)| *stamp) == self.shelf.release_stamp(name);
            if last.release.as_ref().is_some_and(|(name, stamp)| stamp.is_some() && same(name)) {
                return last.clone();
            }
        }
        self.resolve_entry(entry, common, pool, stamp)
    }

    fn resolve_entry(&self, entry: &Entry, common: &Common<'_>, pool: &mut Pool, stamp: u64) -> Outcome {
        let mut outcome = Outcome {
            stamp,
            release: None,
            profile: None,
            defaults: [].into(),
            size: None,
            desired: None,
            faults: [].into(),
            facts: [].into(),
            equal: [].into(),
        };
        let mut faults = Vec::new();
        let Some(appliance) = self.decode_appliance(entry, &mut faults) else {
            outcome.faults = faults.into();
            return outcome;
        };
        let sound = faults.is_empty() && !entry.spoiled && common.site_is_sound;
        let complete = sound && !self.shelf.may_lack_defaults();
        let Some(site) = common.site else {
            if !self.shelf.knows_site(common.name) {
                faults.push(self.unknown_site(&appliance.spec.site));
            }
            outcome.faults = faults.into();
            return outcome;
        };
        let defaults = self.shelf.matching_defaults(&site.metadata, &appliance.metadata);
        outcome.defaults = defaults.iter().map(|(index, _)| *index).collect();
        let layers: Vec<DefaultsLayer<'_>> = defaults.iter().map(|(_, layer)| *layer).collect();
        let stack = || [&appliance.spec.layer, &site.spec.layer].into_iter().chain(layers.iter().map(|defaults| defaults.layer));
        outcome.size = stack().find_map(|layer| layer.size.as_ref()).map(|size| size.value.as_str().into());
        let wish = stack().find_map(|layer| layer.release.as_ref());
        if wish.is_none() && complete {
            let fault = Fault::new(Code::NoRelease, appliance.origin, "no release is stated");
            faults.push(fault.expected("`spec.release` in the Appliance, its Site or Defaults"));
        }
        outcome.release = wish.map(|wish| (wish.value.clone(), None));
        let release = wish.and_then(|wish| self.find_release(wish, &mut faults));
        if let (Some(release), Some(fleet)) = (release, common.fleet.or(self.shelf.stand_in_fleet())) {
            let key = (release.name.clone(), defaults.iter().map(|(index, _)| *index).collect::<Vec<_>>());
            let own_settings = appliance.spec.layer.settings.is_some();
            let closure = Closure {
                library: &self.library,
                fleet,
                windows: Some(&common.windows.by_name).filter(|_| !self.shelf.may_lack_windows()),
                site_name: common.name,
                site,
                members: &common.members,
                defaults: &layers,
                name: &entry.name,
                appliance: &appliance,
                release_name: &release.name,
                release: release.manifest,
                profile: release.profile,
                shared_settings: pool.settings.get(&key).filter(|_| !own_settings).cloned(),
                inherited_settings: pool.inherited.entry(key.clone()).or_default(),
                known_networks: &pool.networks,
                trace: common.trace,
            };
            let Resolved { mut desired, faults: found, mut facts, settings } = resolve(&closure);
            if !own_settings {
                pool.settings.entry(key).or_insert_with(|| settings.clone());
            }
            if let Some(wish) = &mut desired {
                pool.share(wish);
            }
            if !std::mem::replace(&mut pool.noted_equal, true) {
                outcome.equal = settings.equal_across(release.profile, &self.library).into();
            }
            facts.extend(settings.claims.iter().cloned());
            // What a faulty value would have said is unknown, so what seems to be missing then may be there.
            faults.extend(found.into_iter().filter(|fault| complete || !is_absence(fault.code)));
            outcome.desired = desired.filter(|_| sound && common.fleet.is_some()).map(Arc::new);
            outcome.facts = facts.into();
            outcome.profile = Some(release.profile.name.clone());
            outcome.release = Some((release.name, Some(release.stamp)));
        }
        outcome.faults = faults.into();
        outcome
    }

    fn decode_appliance(&self, entry: &Entry, faults: &mut Vec<Fault>) -> Option<ApplianceManifest> {
        let mut decoder = Decoder::new(entry.key.file);
        let node: Node<'_> = self.library.file(entry.key.file)?.tree().node(entry.key.root);
        let appliance = Document::<ApplianceSpec>::decode(node, &mut decoder);
        faults.append(&mut decoder.faults);
        appliance
    }

    fn find_release<'a>(&'a self, wish: &Spanned<ReleaseName>, faults: &mut Vec<Fault>) -> Option<Release<'a>> {
        let Some(manifest) = self.shelf.release(&wish.value) else {
            if !self.shelf.knows_release(&wish.value) {
                let names = || self.shelf.release_names();
                let fault = Fault::new(Code::UnknownRelease, wish.origin, format!("there is no release `{}`", wish.value));
                faults.push(Fault { hint: suggest(wish.value.as_str(), names()), ..fault.expected(one_of(names())) });
            }
            return None;
        };
        let profile = self.shelf.profile(&manifest.spec.profile.value)?;
        let stamp = self.shelf.release_stamp(&wish.value)?;
        Some(Release { name: wish.value.clone(), stamp, manifest, profile })
    }
}

/// Codes that say that something is not there.
fn is_absence(code: Code) -> bool {
    matches!(
        code,
        Code::MissingKey
            | Code::NoRelease
            | Code::RoleIncomplete
            | Code::NetworkIncomplete
            | Code::SettingMissing
            | Code::ImageMissing
            | Code::PublicAddressMissing
            | Code::Requires
            | Code::NoWindow
    )
}

/// The labels of an appliance: its own, and its site's where it has none of that key.
pub(super) fn label<'a>(key: &Label, appliance: &'a crate::manifest::Metadata, site: &'a crate::manifest::Metadata) -> Option<&'a Label> {
    appliance.labels.get(key).or_else(|| site.labels.get(key)).map(|label| &label.value)
}
