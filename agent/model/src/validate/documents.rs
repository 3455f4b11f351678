//! The documents that appliances share: decoded once, kept until their file changes.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::lost::Lost;
use super::outcome::label;
use super::report::{Finding, Scope};
use super::{Approval, Entry, Fleet, NotificationWish, Roster};
use crate::diagnostic::Code;
use crate::manifest::{
    ApprovalManifest, ApprovalSpec, Decode, Decoder, DefaultsManifest, DefaultsSpec, Document, DocumentKind, Fault, Header, Metadata,
    Origin, ProfileSpec, ReleaseManifest, ReleaseSpec, RepositoryManifest, RepositorySpec, Scalar, SiteManifest, SiteSpec, one_of, suggest,
};
use crate::names::{ApplianceName, FleetName, ProfileName, ReleaseName, SiteName};
use crate::profile::{Profile, SHIPPED};
use crate::resolve::{DefaultsLayer, Head, Library, ParsedFile, SHIPPED_PREFIX};
use crate::yaml::NodeIndex;

/// A document by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DocumentKey {
    pub(crate) file: u32,
    pub(crate) root: NodeIndex,
}

/// A decoded document and where it came from.
#[derive(Debug)]
struct Kept<T> {
    /// The document, if it is sound.
    document: Option<Arc<T>>,
    /// What could be read of it, sound or not.
    as_read: Option<Arc<T>>,
    faults: Arc<[Fault]>,
    digest: u64,
    key: DocumentKey,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { document: self.document.clone(), as_read: self.as_read.clone(), faults: self.faults.clone(), ..*self }
    }
}

impl<T> Kept<T> {
    fn stamp(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.digest, self.key).hash(&mut hasher);
        hasher.finish()
    }
}

/// The shared documents of a repository.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    repository: Option<Kept<RepositoryManifest>>,
    fleet: Option<FleetName>,
    sites: BTreeMap<SiteName, Kept<SiteManifest>>,
    defaults: Vec<(String, Kept<DefaultsManifest>)>,
    releases: BTreeMap<ReleaseName, Kept<ReleaseManifest>>,
    profiles: BTreeMap<ProfileName, Kept<Profile>>,
    approvals: BTreeMap<String, Kept<ApprovalManifest>>,
    /// Sites and releases that are somewhere in text that could not be read.
    lost: BTreeSet<(DocumentKind, String)>,
    all_lost: bool,
    /// Sites that may have appliances which could not be read.
    incomplete: BTreeSet<String>,
    /// Whether any site may.
    any_incomplete: bool,
    stand_in: Option<FleetName>,
    /// Shipped profiles that were named once, parsed.
    shipped: Vec<Arc<ParsedFile>>,
}

/// A head with its place.
struct Placed<'a> {
    file: u32,
    digest: u64,
    head: &'a Head,
    header: &'a Header,
}

impl Placed<'_> {
    fn key(&self) -> DocumentKey {
        DocumentKey { file: self.file, root: self.head.root }
    }

    fn origin(&self) -> Origin {
        Origin { file: self.file, ..self.header.origin }
    }
}

/// Decodes documents, taking from the last time what has not changed.
struct Reader<'a> {
    library: &'a Library,
    findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    fn keep<T: Decode>(&mut self, last: Option<&Kept<Document<T>>>, placed: &Placed<'_>, scope: Scope) -> Kept<Document<T>> {
        let kept = match last.filter(|last| last.digest == placed.digest && last.key == placed.key()) {
            Some(last) => last.clone(),
            None => {
                let mut decoder = Decoder::new(placed.file);
                let node = self.library.file(placed.file).map(|file| file.tree().node(placed.head.root));
                let as_read = node.and_then(|node| Document::<T>::decode(node, &mut decoder)).map(Arc::new);
                Kept { document: None, as_read, faults: decoder.faults.into(), digest: placed.digest, key: placed.key() }
            }
        };
        self.report(&kept.faults, &scope);
        let as_read = kept.as_read.filter(|_| !placed.head.spoiled);
        Kept { document: as_read.clone().filter(|_| kept.faults.is_empty()), as_read, ..kept }
    }

    fn report(&mut self, faults: &[Fault], scope: &Scope) {
        self.findings.extend(faults.iter().map(|fault| Finding::new(scope.clone(), fault.clone())));
    }

    /// Without a name nothing can refer to a document; that is told here. What is wrong with a name that is there was told already.
    fn unnamed<T: Decode>(&mut self, placed: &Placed<'_>, scope: &Scope) {
        if placed.header.name.is_empty() {
            self.faults_of::<T>(placed, scope);
        }
    }

    /// Tells what is wrong with a document that is of no use.
    fn faults_of<T: Decode>(&mut self, placed: &Placed<'_>, scope: &Scope) {
        let mut decoder = Decoder::new(placed.file);
        if let Some(file) = self.library.file(placed.file) {
            drop(Document::<T>::decode(file.tree().node(placed.head.root), &mut decoder));
        }
        self.report(&decoder.faults, scope);
    }

    /// The document's name as a name of its kind.
    fn name<T: Scalar>(&mut self, placed: &Placed<'_>, scope: impl FnOnce() -> Scope) -> Option<T> {
        let read = T::read(&placed.header.name);
        match read {
            Ok(name) => Some(name),
            // A missing name is a missing key, which decoding reports.
            Err(_) if placed.header.name.is_empty() => None,
            Err(message) => {
                let fault = Fault::new(Code::BadName, placed.origin(), message).expected(T::EXPECTED);
                self.findings.push(Finding::new(scope(), fault));
                None
            }
        }
    }
}

impl Shelf {
    /// Takes the documents of the library; gives the appliances by site.
    pub(crate) fn fill(&mut self, library: &mut Library, lost: &Lost, findings: &mut Vec<Finding>) -> Vec<Roster> {
        for name in shipped_profiles(library) {
            library.add(self.shipped(name));
        }
        let library = &*library;
        let placed = sorted(library, findings);
        let mut last = std::mem::take(self);
        self.shipped = std::mem::take(&mut last.shipped);
        (self.all_lost, self.lost) = (lost.is_unknown(), lost.names().collect());
        (self.any_incomplete, self.incomplete) = (lost.is_unknown(), lost.sites().map(str::to_owned).collect());
        self.heads(library, findings);
        let mut reader = Reader { library, findings };
        let mut rosters: BTreeMap<SiteName, Vec<Entry>> = BTreeMap::new();
        for one in &placed {
            match one.header.kind {
                DocumentKind::Appliance => self.appliance(&mut reader, one, &mut rosters),
                kind => self.take(&mut reader, &last, one, kind),
            }
        }
        self.stand_in = FleetName::new("unnamed").ok();
        self.check_references(&rosters, findings);
        rosters.into_iter().map(|(site, entries)| Roster { site, entries }).collect()
    }

    /// A shipped profile; parsed when it is named for the first time.
    fn shipped(&mut self, (name, text): (&str, &str)) -> Arc<ParsedFile> {
        let path = format!("{SHIPPED_PREFIX}{name}");
        if let Some(known) = self.shipped.iter().find(|file| **file.path() == *path) {
            return known.clone();
        }
        let file = Arc::new(ParsedFile::new(path, text.as_bytes()));
        self.shipped.push(file.clone());
        file
    }

    fn take(&mut self, reader: &mut Reader<'_>, last: &Self, one: &Placed<'_>, kind: DocumentKind) {
        match kind {
            DocumentKind::Repository => {
                self.fleet = reader.name(one, || Scope::Everything);
                self.repository = Some(reader.keep::<RepositorySpec>(last.repository.as_ref(), one, Scope::Everything));
            }
            DocumentKind::Defaults => {
                let known = last.defaults.iter().find(|(name, _)| *name == one.header.name).map(|(_, kept)| kept);
                self.defaults.push((one.header.name.clone(), reader.keep::<DefaultsSpec>(known, one, Scope::Everything)));
            }
            DocumentKind::Site => {
                let Some(name) = reader.name::<SiteName>(one, || Scope::Everything) else {
                    return reader.unnamed::<SiteSpec>(one, &Scope::Everything);
                };
                let kept = reader.keep::<SiteSpec>(last.sites.get(&name), one, Scope::site(&name));
                self.sites.insert(name, kept);
            }
            DocumentKind::Release => {
                let Some(name) = reader.name::<ReleaseName>(one, || Scope::Everything) else {
                    return reader.unnamed::<ReleaseSpec>(one, &Scope::Everything);
                };
                let kept = reader.keep::<ReleaseSpec>(last.releases.get(&name), one, Scope::Users);
                self.releases.insert(name, kept);
            }
            DocumentKind::Profile => {
                let Some(name) = reader.name::<ProfileName>(one, || Scope::Users) else {
                    return reader.unnamed::<ProfileSpec>(one, &Scope::Users);
                };
                let kept = keep_profile(reader, last.profiles.get(&name), one, &name);
                self.profiles.insert(name, kept);
            }
            DocumentKind::Approval => {
                let known = last.approvals.get(&one.header.name);
                let kept = reader.keep::<ApprovalSpec>(known, one, Scope::Nobody);
                self.approvals.insert(one.header.name.clone(), kept);
            }
            DocumentKind::Appliance => {}
        }
    }

    /// Reports the faults of heads; a document whose head cannot be read may be an appliance of any site.
    fn heads(&mut self, library: &Library, findings: &mut Vec<Finding>) {
        for (number, file) in library.files() {
            for head in file.heads() {
                let kind = head.header.as_ref().map(|header| header.kind);
                if kind.is_some() && head.faults.is_empty() {
                    continue;
                }
                let site = head.site.as_deref().and_then(|site| SiteName::new(site).ok());
                if kind.is_none() {
                    match &site {
                        Some(site) => drop(self.incomplete.insert(site.as_str().to_owned())),
                        None => self.any_incomplete |= head.faults.iter().any(|fault| fault.code != Code::NotAManifest),
                    }
                }
                let scope = match (kind, site) {
                    (Some(DocumentKind::Approval), _) => Scope::Nobody,
                    (Some(DocumentKind::Appliance) | None, Some(site)) => Scope::site(&site),
                    _ => Scope::Everything,
                };
                for fault in &head.faults {
                    let fault = Fault { origin: Origin { file: number, ..fault.origin }, ..fault.clone() };
                    findings.push(Finding::new(scope.clone(), fault));
                }
            }
        }
    }

    fn appliance(&mut self, reader: &mut Reader<'_>, one: &Placed<'_>, rosters: &mut BTreeMap<SiteName, Vec<Entry>>) {
        let site = one.head.site.as_deref().and_then(|site| SiteName::new(site).ok());
        let scope = || site.as_ref().map_or(Scope::Everything, Scope::site);
        let name = reader.name::<ApplianceName>(one, scope);
        match (site.clone(), name) {
            (Some(site), Some(name)) => {
                rosters.entry(site).or_default().push(Entry { key: one.key(), name, spoiled: one.head.spoiled });
                return;
            }
            (Some(site), None) => drop(self.incomplete.insert(site.as_str().to_owned())),
            (None, _) => self.any_incomplete = true,
        }
        reader.faults_of::<crate::manifest::ApplianceSpec>(one, &scope());
    }

    fn check_references(&self, rosters: &BTreeMap<SiteName, Vec<Entry>>, findings: &mut Vec<Finding>) {
        for release in self.releases.values().filter_map(|kept| kept.document.as_ref()) {
            let wish = &release.spec.profile;
            if !self.profiles.contains_key(&wish.value) && !self.may_be_lost(DocumentKind::Profile, wish.value.as_str()) {
                let known: BTreeSet<&str> =
                    self.profiles.keys().map(ProfileName::as_str).chain(SHIPPED.iter().map(|(name, _)| *name)).collect();
                let names = || known.iter().copied();
                let fault = Fault::new(Code::UnknownProfile, wish.origin, format!("there is no profile `{}`", wish.value));
                let fault = Fault { hint: suggest(wish.value.as_str(), names()), ..fault.expected(one_of(names())) };
                findings.push(Finding::new(Scope::Users, fault));
            }
        }
        let exists = |name: &ApplianceName| self.any_incomplete || rosters.values().flatten().any(|entry| entry.name == *name);
        for approval in self.approvals.values().filter_map(|kept| kept.document.as_ref()) {
            let wish = &approval.spec.appliance;
            if !exists(&wish.value) && !self.may_be_lost(DocumentKind::Appliance, wish.value.as_str()) {
                let names = || rosters.values().flatten().map(|entry| entry.name.as_str());
                let fault = Fault::new(Code::UnknownAppliance, wish.origin, format!("there is no appliance `{}`", wish.value));
                findings.push(Finding::new(Scope::Nobody, Fault { hint: suggest(wish.value.as_str(), names()), ..fault }));
            }
        }
    }

    /// Whether a site may have appliances that could not be read.
    pub(crate) fn is_incomplete(&self, site: &SiteName) -> bool {
        self.any_incomplete || self.incomplete.contains(site.as_str())
    }

    /// Whether Defaults may be in force that could not be read.
    pub(crate) fn may_lack_defaults(&self) -> bool {
        self.all_lost
            || self.lost.iter().any(|(kind, _)| *kind == DocumentKind::Defaults)
            || self.defaults.iter().any(|(_, kept)| kept.document.is_none())
    }

    /// Whether windows may be defined that could not be read.
    pub(crate) fn may_lack_windows(&self) -> bool {
        self.repository().is_none()
    }

    fn may_be_lost(&self, kind: DocumentKind, name: &str) -> bool {
        self.all_lost || self.lost.contains(&(kind, name.to_owned()))
    }

    pub(crate) fn repository(&self) -> Option<&RepositoryManifest> {
        self.repository.as_ref()?.document.as_deref()
    }

    pub(crate) fn has_repository(&self) -> bool {
        self.repository.is_some()
    }

    pub(crate) fn repository_stamp(&self) -> Option<u64> {
        self.repository.as_ref().map(Kept::stamp)
    }

    pub(crate) fn fleet_name(&self) -> Option<&FleetName> {
        self.repository().and(self.fleet.as_ref())
    }

    /// A name for checking appliances of a fleet whose name is not known; nothing is made under it.
    pub(crate) fn stand_in_fleet(&self) -> Option<&FleetName> {
        self.stand_in.as_ref()
    }

    pub(crate) fn site(&self, name: &SiteName) -> Option<&SiteManifest> {
        self.sites.get(name)?.document.as_deref()
    }

    /// What could be read of a site, so that its own faults do not hide those of its appliances; nothing may be made of it.
    pub(crate) fn site_as_read(&self, name: &SiteName) -> Option<&SiteManifest> {
        self.sites.get(name)?.as_read.as_deref()
    }

    pub(crate) fn sites(&self) -> impl Iterator<Item = (&SiteName, Option<&SiteManifest>)> {
        self.sites.iter().map(|(name, kept)| (name, kept.document.as_deref()))
    }

    /// Whether a site is there, sound or not, or may be in text that could not be read.
    pub(crate) fn knows_site(&self, name: &SiteName) -> bool {
        self.sites.contains_key(name) || self.may_be_lost(DocumentKind::Site, name.as_str())
    }

    pub(crate) fn site_stamp(&self, name: &SiteName) -> Option<u64> {
        self.sites.get(name).map(Kept::stamp)
    }

    pub(crate) fn defaults_stamp(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.defaults.iter().for_each(|(_, kept)| kept.stamp().hash(&mut hasher));
        hasher.finish()
    }

    pub(crate) fn defaults(&self) -> impl Iterator<Item = &DefaultsManifest> {
        self.defaults.iter().filter_map(|(_, kept)| kept.document.as_deref())
    }

    /// The Defaults that pick an appliance, nearest first: more labels, then by name.
    pub(crate) fn matching_defaults(&self, site: &Metadata, appliance: &Metadata) -> Vec<(usize, DefaultsLayer<'_>)> {
        let mut matching: Vec<(usize, DefaultsLayer<'_>)> = self
            .defaults()
            .enumerate()
            .filter_map(|(index, defaults)| {
                let wanted = defaults.spec.selector.as_ref().map(|selector| &selector.value.match_labels);
                let matches =
                    wanted.is_none_or(|labels| labels.iter().all(|(key, value)| label(key, appliance, site) == Some(&value.value)));
                let rank = wanted.map_or(0, BTreeMap::len);
                matches.then_some((index, DefaultsLayer { rank, layer: &defaults.spec.layer }))
            })
            .collect();
        matching.sort_by_key(|(index, layer)| (std::cmp::Reverse(layer.rank), *index));
        matching
    }

    pub(crate) fn release(&self, name: &ReleaseName) -> Option<&ReleaseManifest> {
        self.releases.get(name)?.document.as_deref()
    }

    pub(crate) fn releases(&self) -> impl Iterator<Item = (&ReleaseName, &ReleaseManifest)> {
        self.releases.iter().filter_map(|(name, kept)| Some((name, kept.document.as_deref()?)))
    }

    pub(crate) fn release_names(&self) -> impl Iterator<Item = &str> {
        self.releases.keys().map(ReleaseName::as_str)
    }

    pub(crate) fn knows_release(&self, name: &ReleaseName) -> bool {
        self.releases.contains_key(name) || self.may_be_lost(DocumentKind::Release, name.as_str())
    }

    /// Changes when the release or its profile does.
    pub(crate) fn release_stamp(&self, name: &ReleaseName) -> Option<u64> {
        let release = self.releases.get(name)?;
        let profile = self.profiles.get(&release.document.as_ref()?.spec.profile.value)?;
        let mut hasher = DefaultHasher::new();
        (release.stamp(), profile.stamp()).hash(&mut hasher);
        Some(hasher.finish())
    }

    /// The files that a release is read from: its own and its profile's.
    pub(crate) fn files_of_release(&self, name: &ReleaseName) -> Vec<u32> {
        let Some(release) = self.releases.get(name) else { return Vec::new() };
        let profile = release.document.as_ref().and_then(|document| self.profiles.get(&document.spec.profile.value));
        [release.key.file].into_iter().chain(profile.map(|profile| profile.key.file)).collect()
    }

    pub(crate) fn profile(&self, name: &ProfileName) -> Option<&Profile> {
        self.profiles.get(name)?.document.as_deref()
    }

    pub(crate) fn approvals(&self) -> impl Iterator<Item = Approval> {
        self.approvals.iter().filter_map(|(name, kept)| {
            let spec = &kept.document.as_ref()?.spec;
            Some(Approval {
                name: name.clone(),
                appliance: spec.appliance.value.clone(),
                allow: spec.allow.value,
                plan: spec.plan.value.as_str().to_owned(),
                expires: spec.expires.value.0,
                reason: spec.reason.value.as_str().to_owned(),
            })
        })
    }

    pub(crate) fn fleet(&self) -> Option<Fleet> {
        let spec = &self.repository()?.spec;
        let budgets = spec.budgets.as_ref();
        let per_commit = budgets.and_then(|budgets| budgets.appliances_per_commit.as_ref()).map(|count| count.value.get());
        let per_day = budgets.and_then(|budgets| budgets.appliances_per_day.as_ref()).map(|count| count.value.get());
        let notification = |wish: &crate::manifest::Notification| NotificationWish {
            name: wish.name.value.as_str().to_owned(),
            url: wish.url.value.as_str().to_owned(),
            credential: wish.credential.as_ref().map(|credential| credential.value.clone()),
            sites: wish.sites.iter().map(|site| site.value.clone()).collect(),
        };
        Some(Fleet {
            name: self.fleet_name()?.clone(),
            budgets: (per_commit, per_day),
            notifications: spec.notifications.iter().map(notification).collect(),
        })
    }
}

fn keep_profile(reader: &mut Reader<'_>, last: Option<&Kept<Profile>>, one: &Placed<'_>, name: &ProfileName) -> Kept<Profile> {
    let shipped = reader.library.is_shipped(one.file);
    if !shipped && SHIPPED.iter().any(|(shipped, _)| *shipped == name.as_str()) {
        let fault = Fault::new(Code::ShippedProfile, one.origin(), format!("the profile `{name}` comes with the agent"));
        reader.report(&[fault.hint("give yours another name, and name that in the Release")], &Scope::Users);
    }
    if let Some(last) = last.filter(|last| last.digest == one.digest && last.key == one.key()) {
        reader.report(&last.faults, &Scope::Users);
        return last.clone();
    }
    let mut decoder = Decoder::new(one.file);
    let node = reader.library.file(one.file).map(|file| file.tree().node(one.head.root));
    let manifest = node.and_then(|node| Document::<ProfileSpec>::decode(node, &mut decoder));
    let mut faults = decoder.faults;
    // A profile that cannot be decoded in full is not checked further: what is missing would be reported twice.
    let profile = manifest.filter(|_| faults.is_empty()).map(|manifest| Profile::new(name.clone(), manifest));
    faults.extend(profile.iter().flat_map(|profile| profile.faults.iter().cloned()));
    reader.report(&faults, &Scope::Users);
    let document = profile.filter(|_| faults.is_empty() && !one.head.spoiled).map(Arc::new);
    Kept { as_read: document.clone(), document, faults: faults.into(), digest: one.digest, key: one.key() }
}

/// The shipped profiles that a Release of the repository names.
fn shipped_profiles(library: &Library) -> Vec<(&'static str, &'static str)> {
    let mut names = BTreeSet::new();
    for (_, file) in library.files() {
        for head in file.heads().iter().filter(|head| head.header.as_ref().is_some_and(|header| header.kind == DocumentKind::Release)) {
            names.extend(file.tree().node(head.root).at(&["spec", "profile"]).and_then(crate::yaml::Node::text));
        }
    }
    SHIPPED.into_iter().filter(|(name, _)| names.contains(name)).collect()
}

/// Every document once, in the order of paths; a second one of a kind and name is reported and left out.
fn sorted<'a>(library: &'a Library, findings: &mut Vec<Finding>) -> Vec<Placed<'a>> {
    let mut placed: Vec<Placed<'a>> = Vec::new();
    let mut files: Vec<_> = library.files().collect();
    files.sort_by(|one, other| one.1.path().cmp(other.1.path()));
    let mut seen: HashMap<(DocumentKind, &str), Origin, RandomState> =
        HashMap::with_capacity_and_hasher(files.len(), RandomState::default());
    for (number, file) in files {
        for head in file.heads() {
            let Some(header) = &head.header else { continue };
            let one = Placed { file: number, digest: file.digest(), head, header };
            let name = if header.kind == DocumentKind::Repository { "" } else { header.name.as_str() };
            if name.is_empty() && header.kind != DocumentKind::Repository {
                placed.push(one);
                continue;
            }
            match seen.get(&(header.kind, name)) {
                Some(first) if !library.is_shipped(first.file) && !library.is_shipped(number) => {
                    findings.push(Finding::new(duplicate_scope(head), duplicate(&one, *first)));
                }
                Some(_) => {}
                None => {
                    seen.insert((header.kind, name), one.origin());
                    placed.push(one);
                }
            }
        }
    }
    placed
}

fn duplicate_scope(head: &Head) -> Scope {
    let site = head.site.as_deref().and_then(|site| SiteName::new(site).ok());
    site.map_or(Scope::Everything, |site| Scope::site(&site))
}

fn duplicate(one: &Placed<'_>, first: Origin) -> Fault {
    let kind = one.header.kind;
    if kind == DocumentKind::Repository {
        let fault = Fault::new(Code::SecondRepository, one.origin(), "there are two `Repository` documents");
        return fault.related(first, "the first one").hint("keep one of the two; it names the fleet");
    }
    let fault = Fault::new(Code::DuplicateDocument, one.origin(), format!("there are two {kind} documents `{}`", one.header.name));
    fault.related(first, "the first one").hint("give one of the two another name")
}
