//! A whole repository: all of its faults, and the wish of every appliance that none of them touches.
//!
//! Guarantees: every fault of every document is found in one pass; a fault refuses the sites whose closure it touches (or all, with
//! `atomicity: repository`) and nobody else; assembling again after a change redoes only what depends on it, and gives the same as
//! assembling anew. Deliberately absent: reading files, and any idea of what was in force before.

mod documents;
mod lost;
mod outcome;
mod report;
mod site;
mod unique;
mod windows;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::desired::Desired;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::manifest::{
    Approved, Atomicity, Decoder, Document, DocumentKind, Fault, Header, Origin, Scalar, Spanned, Version, compare_versions, one_of,
    suggest,
};
use crate::names::{ApplianceName, FleetName, ProfileName, ReleaseName, SiteName};
use crate::parallel;
use crate::resolve::{Closure, Fact, Library, Members, ParsedFile, Resolved, SettingValues, Trace, Traced, resolve};
use crate::yaml::Node;

use documents::{DocumentKey, Shelf};
use report::{Finding, Scope};

/// What a repository asks for.
#[derive(Debug, Clone, Default)]
pub struct Assembled {
    /// One wish per sound appliance.
    pub desired: Arc<BTreeMap<ApplianceName, Arc<Desired>>>,
    /// Appliances whose closure holds a fault, with the faults.
    pub refused: Arc<BTreeMap<ApplianceName, Vec<Diagnostic>>>,
    /// Every finding, in the order of files and lines.
    pub diagnostics: Arc<Vec<Diagnostic>>,
    /// Whether every document was sound; if not, what is missing was not removed.
    pub complete: bool,
    /// Consents, by name.
    pub approvals: Arc<Vec<Approval>>,
    /// What holds for the whole fleet.
    pub fleet: Option<Fleet>,
}

/// What holds for the whole fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// Its name.
    pub name: FleetName,
    /// How much may change at once: appliances of one commit, appliances of one day.
    pub budgets: (Option<u32>, Option<u32>),
    /// Where events are posted: name, URL, credential, sites (none: all).
    pub notifications: Vec<NotificationWish>,
}

/// Where events are posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationWish {
    /// Its name.
    pub name: String,
    /// The URL.
    pub url: String,
    /// The credential whose token goes along.
    pub credential: Option<crate::names::CredentialName>,
    /// Only these sites; empty: all.
    pub sites: Vec<SiteName>,
}

/// A consent in git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The document's name.
    pub name: String,
    /// The appliance.
    pub appliance: ApplianceName,
    /// What is consented to.
    pub allow: Approved,
    /// The digest of the plan.
    pub plan: String,
    /// Until when.
    pub expires: jiff::Timestamp,
    /// Why.
    pub reason: String,
}

/// Assembles a repository, again and again, redoing only what changed.
#[derive(Debug)]
pub struct Assembler {
    agent: Version,
    pub(crate) library: Library,
    pub(crate) shelf: Shelf,
    outcomes: Outcomes,
    rosters: Vec<Roster>,
    windows: windows::Windows,
}

/// By appliance document. Not std's hash: with ten thousand appliances it is a good part of what an unchanged fleet costs.
type Outcomes = HashMap<DocumentKey, Outcome, foldhash::fast::RandomState>;

/// What was worked out for one appliance, and from what.
#[derive(Debug, Clone)]
struct Outcome {
    stamp: u64,
    /// The release that is asked for, with its stamp when it was found sound.
    release: Option<(ReleaseName, Option<u64>)>,
    profile: Option<ProfileName>,
    /// Which Defaults pick it, by their place on the shelf.
    defaults: Box<[usize]>,
    size: Option<Box<str>>,
    desired: Option<Arc<Desired>>,
    faults: Arc<[Fault]>,
    facts: Arc<[Fact]>,
    /// What must be equal across sites, from one appliance of the site: path, value, place.
    equal: Arc<[(Arc<str>, String, Origin)]>,
}

/// One appliance document before it is decoded.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: DocumentKey,
    pub(crate) name: ApplianceName,
    /// Whether its text has faults.
    pub(crate) spoiled: bool,
}

/// The appliances of one site, by name.
#[derive(Debug)]
pub(crate) struct Roster {
    pub(crate) site: SiteName,
    pub(crate) entries: Vec<Entry>,
}

impl Assembler {
    /// For an agent of that version, such as `0.1.0`; a version that cannot be read is taken as the oldest.
    pub fn new(agent: &str) -> Self {
        let plain = agent.split(['-', '+']).next().unwrap_or_default();
        let agent = Version::read(plain).unwrap_or_else(|_| Version::oldest());
        Self {
            agent,
            library: Library::default(),
            shelf: Shelf::default(),
            outcomes: Outcomes::default(),
            rosters: Vec::new(),
            windows: windows::Windows::default(),
        }
    }

    /// Assembles the files of a revision.
    pub fn assemble(&mut self, files: impl IntoIterator<Item = Arc<ParsedFile>>) -> Assembled {
        self.library.replace(files);
        let mut findings = Vec::new();
        let lost = lost::text_faults(&self.library, &mut findings);
        let rosters = self.shelf.fill(&mut self.library, &lost, &mut findings);
        let windows = windows::compile(self.shelf.repository(), &mut findings);
        self.check_repository(&lost, &mut findings);
        self.resolve_all(&rosters, &windows, &mut findings);
        self.check_across(&rosters, &windows, &mut findings);
        let assembled = self.finish(&rosters, findings);
        (self.rosters, self.windows) = (rosters, windows);
        assembled
    }

    /// The document of a kind and name: its file and its root.
    pub(crate) fn find_document(&self, kind: DocumentKind, name: &str) -> Option<(u32, crate::yaml::NodeIndex)> {
        let is_it = |header: &Header| header.kind == kind && header.name == name;
        let mut files = self.library.files();
        files.find_map(|(number, file)| {
            let head = file.heads().iter().find(|head| head.header.as_ref().is_some_and(is_it))?;
            Some((number, head.root))
        })
    }

    /// Where the values of an appliance come from: its manifest's number and root, and every value that was looked up.
    pub(crate) fn trace_appliance(&self, name: &str) -> Option<(DocumentKey, Vec<Traced>)> {
        let find = |roster: &'_ Roster| roster.entries.iter().position(|entry| entry.name.as_str() == name);
        let (roster, index) = self.rosters.iter().find_map(|roster| Some((roster, find(roster)?)))?;
        let trace = Trace::on();
        let entry = &roster.entries[index];
        self.trace(roster, entry, &self.windows, &trace)?;
        Some((entry.key, trace.into_entries()))
    }

    /// The repository's documents as JSON, for policies: kind, name, file and value.
    pub fn documents(&self) -> Vec<DocumentView> {
        let mut views = Vec::new();
        for (_, file) in self.library.files().filter(|(number, _)| !self.library.is_shipped(*number)) {
            for head in file.heads() {
                let Some(Header { kind, name, .. }) = &head.header else { continue };
                let root = file.tree().node(head.root);
                let (line, _) = file.tree().line_column(root.span().start);
                views.push(DocumentView { kind: *kind, name: name.clone(), file: file.path().clone(), line, value: root.to_json() });
            }
        }
        views
    }

    fn check_repository(&self, lost: &lost::Lost, findings: &mut Vec<Finding>) {
        let Some(repository) = self.shelf.repository() else {
            if !self.shelf.has_repository() && !lost.may_hold(DocumentKind::Repository, None) {
                let fault = Fault::new(Code::NoRepository, Origin::NOWHERE, "there is no `Repository` document");
                let hint = "add a document with `kind: Repository`; its `metadata.name` names the fleet";
                findings.push(Finding::new(Scope::Everything, fault.hint(hint)));
            }
            return;
        };
        if let Some(wanted) = &repository.spec.minimum_agent
            && compare_versions(&wanted.value, &self.agent).is_gt()
        {
            let message = format!("this agent is {}, the repository wants {} or later", self.agent, wanted.value);
            let fault = Fault::new(Code::AgentTooOld, wanted.origin, message).hint("update the agent");
            findings.push(Finding::new(Scope::Everything, fault));
        }
        for notification in &repository.spec.notifications {
            for site in &notification.sites {
                if !self.shelf.knows_site(&site.value) {
                    findings.push(Finding::new(Scope::Everything, self.unknown_site(site)));
                }
            }
        }
    }

    fn unknown_site(&self, site: &Spanned<SiteName>) -> Fault {
        let names = || self.shelf.sites().map(|(name, _)| name.as_str());
        let fault = Fault::new(Code::UnknownSite, site.origin, format!("there is no site `{}`", site.value));
        Fault { hint: suggest(site.value.as_str(), names()), ..fault.expected(one_of(names())) }
    }

    /// Resolves what changed since the last time.
    fn resolve_all(&mut self, rosters: &[Roster], windows: &windows::Windows, findings: &mut Vec<Finding>) {
        let this = &*self;
        let mut sites = parallel::map_with((), helpers(rosters), rosters, |(): &(), roster| this.resolve_site(roster, windows));
        let mut outcomes = Outcomes::default();
        outcomes.reserve(rosters.iter().map(|roster| roster.entries.len()).sum());
        for (roster, site) in rosters.iter().zip(&mut sites) {
            let scope = Scope::site(&roster.site);
            for (entry, outcome) in roster.entries.iter().zip(site.drain(..)) {
                findings.extend(outcome.faults.iter().cloned().map(|fault| Finding::new(scope.clone(), fault)));
                outcomes.insert(entry.key, outcome);
            }
        }
        self.outcomes = outcomes;
        self.blame_shared(rosters, findings);
    }

    /// Extends the reach of a fault in a shared document to the sites that use it.
    fn blame_shared(&self, rosters: &[Roster], findings: &mut [Finding]) {
        if findings.iter().all(|finding| finding.scope != Scope::Users) {
            return;
        }
        let mut users: HashMap<u32, BTreeSet<Arc<str>>> = HashMap::new();
        for roster in rosters {
            for outcome in roster.entries.iter().filter_map(|entry| self.outcomes.get(&entry.key)) {
                let Some((release, _)) = &outcome.release else { continue };
                for file in self.shelf.files_of_release(release) {
                    users.entry(file).or_default().insert(roster.site.as_str().into());
                }
            }
        }
        for finding in findings.iter_mut().filter(|finding| finding.scope == Scope::Users) {
            let sites = users.get(&finding.fault.origin.file).cloned().unwrap_or_default();
            finding.scope = Scope::Sites(sites);
        }
    }

    fn check_across(&self, rosters: &[Roster], windows: &windows::Windows, findings: &mut Vec<Finding>) {
        for roster in rosters {
            site::check(self, roster, windows, findings);
        }
        site::check_count(self, rosters, findings);
        unique::check(self, rosters, findings);
        // What a faulty document would have used is not known.
        if findings.iter().all(|finding| finding.fault.code.severity() == Severity::Warning) {
            windows::unused(self, findings);
            self.idle_defaults(findings);
        }
    }

    /// Warns of Defaults that pick nobody.
    fn idle_defaults(&self, findings: &mut Vec<Finding>) {
        let used: BTreeSet<usize> = self.outcomes.values().flat_map(|outcome| outcome.defaults.iter().copied()).collect();
        for (_, defaults) in self.shelf.defaults().enumerate().filter(|(index, _)| !used.contains(index)) {
            let origin = defaults.spec.selector.as_ref().map_or(defaults.origin, |selector| selector.origin);
            let message = format!("the Defaults `{}` pick no appliance", defaults.metadata.name.value);
            findings.push(Finding::new(Scope::Nobody, Fault::new(Code::SelectsNothing, origin, message)));
        }
    }

    fn finish(&self, rosters: &[Roster], mut findings: Vec<Finding>) -> Assembled {
        let repository = self.shelf.repository();
        let atomicity = repository.and_then(|repository| repository.spec.atomicity.as_ref()).map(|atomicity| atomicity.value);
        if atomicity == Some(Atomicity::Repository) {
            findings.iter_mut().for_each(Finding::widen);
        }
        let diagnostics = report::diagnostics(&self.library, findings);
        let reach = report::Reach::of(&diagnostics);
        let (mut desired, mut refused) = (BTreeMap::new(), BTreeMap::new());
        for roster in rosters {
            for entry in &roster.entries {
                let found = reach.touching(&roster.site, &diagnostics);
                let wish = self.outcomes.get(&entry.key).and_then(|outcome| outcome.desired.clone());
                match wish.filter(|_| found.is_empty()) {
                    Some(wish) => drop(desired.insert(entry.name.clone(), wish)),
                    None => drop(refused.insert(entry.name.clone(), found)),
                }
            }
        }
        let complete = diagnostics.iter().all(|one| one.severity != Severity::Error);
        Assembled {
            desired: Arc::new(desired),
            refused: Arc::new(refused),
            diagnostics: Arc::new(diagnostics),
            complete,
            approvals: Arc::new(self.shelf.approvals().collect()),
            fleet: self.shelf.fleet(),
        }
    }
}

/// With fewer sites more threads cost more than they save.
const FEW: usize = 64;

/// Whoever helps the calling thread with so many sites.
fn helpers(rosters: &[Roster]) -> Vec<()> {
    vec![(); if rosters.len() <= FEW { 0 } else { parallel::others() }]
}

/// A document as a policy sees it.
#[derive(Debug, Clone)]
pub struct DocumentView {
    /// Its kind.
    pub kind: DocumentKind,
    /// Its name.
    pub name: String,
    /// The file.
    pub file: Arc<str>,
    /// The line of its first key.
    pub line: u32,
    /// The whole document.
    pub value: serde_json::Value,
}
