//! One appliance with everything that it depends on, and the way from there to its wish.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::address::Fact;
use super::library::Library;
use super::settings::{Inherited, SettingLayers, SettingValues, SettingsContext, resolve_settings};
use super::stack::{DefaultsLayer, Stack, Trace};
use crate::desired::{Availability, Desired, DesiredNetwork, Maintenance, Mode, OnExpiry, PlannedOutage};
use crate::diagnostic::Code;
use crate::manifest::{ApplianceManifest, Fault, Origin, ReleaseManifest, SiteManifest, Spanned};
use crate::names::{ApplianceName, FleetName, InstanceId, NetworkName, ReleaseName, SiteName, WindowName};
use crate::profile::Profile;
use crate::window::Window;

/// The appliances of a site.
#[derive(Debug, Clone)]
pub(crate) struct Members {
    /// By name.
    pub(crate) names: Vec<ApplianceName>,
    /// The one that goes first.
    pub(crate) leader: ApplianceName,
}

/// What the wish of one appliance depends on.
pub(crate) struct Closure<'a> {
    pub(crate) library: &'a Library,
    pub(crate) fleet: &'a FleetName,
    /// The windows of the repository; `None` when it could not be read.
    pub(crate) windows: Option<&'a BTreeMap<WindowName, Window>>,
    pub(crate) site_name: &'a SiteName,
    pub(crate) site: &'a SiteManifest,
    pub(crate) members: &'a Members,
    pub(crate) defaults: &'a [DefaultsLayer<'a>],
    pub(crate) name: &'a ApplianceName,
    pub(crate) appliance: &'a ApplianceManifest,
    pub(crate) release_name: &'a ReleaseName,
    pub(crate) release: &'a ReleaseManifest,
    pub(crate) profile: &'a Profile,
    /// Settings that were worked out for a neighbour with the same layers.
    pub(crate) shared_settings: Option<Arc<SettingValues>>,
    /// What settings come to without the appliance's own; worked out by the first that asks.
    pub(crate) inherited_settings: &'a OnceCell<Option<Inherited>>,
    /// The networks of neighbours.
    pub(crate) known_networks: &'a [Arc<BTreeMap<NetworkName, DesiredNetwork>>],
    pub(crate) trace: &'a Trace,
}

/// What came of it.
pub(crate) struct Resolved {
    /// The wish; `None` when something that it needs is missing.
    pub(crate) desired: Option<Desired>,
    /// What is wrong.
    pub(crate) faults: Vec<Fault>,
    /// What it claims for itself.
    pub(crate) facts: Vec<Fact>,
    /// Its settings.
    pub(crate) settings: Arc<SettingValues>,
}

/// Collects faults and claims while the parts of a wish are made.
pub(super) struct Resolver<'a> {
    pub(super) cx: &'a Closure<'a>,
    pub(super) stack: Stack<'a>,
    pub(super) instance: InstanceId,
    pub(super) faults: Vec<Fault>,
    pub(super) facts: Vec<Fact>,
}

/// About as many claims as an appliance of four VMs makes.
const FACTS: usize = 24;

/// Resolves one appliance.
pub(crate) fn resolve(cx: &Closure<'_>) -> Resolved {
    let stack = Stack::new(&cx.appliance.spec.layer, &cx.site.spec.layer, cx.defaults, cx.library, cx.trace);
    let mut resolver = Resolver { cx, stack, instance: instance_of(cx.release), faults: Vec::new(), facts: Vec::with_capacity(FACTS) };
    let settings = resolver.settings();
    let desired = resolver.desired(&settings);
    let Resolver { stack, mut faults, facts, .. } = resolver;
    faults.extend(stack.into_ties());
    let sound = faults.iter().all(|fault| fault.code.severity() != crate::diagnostic::Severity::Error);
    Resolved { desired: desired.filter(|_| sound), faults, facts, settings }
}

/// The name of a release's VM set.
pub(crate) fn instance_of(release: &ReleaseManifest) -> InstanceId {
    match &release.spec.instance {
        Some(instance) => instance.value.clone(),
        None => release.spec.version.value.instance(),
    }
}

impl<'a> Resolver<'a> {
    fn settings(&mut self) -> Arc<SettingValues> {
        let cx = self.cx;
        let settings = match &cx.shared_settings {
            Some(settings) => settings.clone(),
            None => Arc::new(self.own_settings()),
        };
        if cx.trace.is_on() {
            for (setting, raw) in settings.written(cx.profile) {
                let origin = Origin { file: raw.file, span: cx.library.node(raw).span() };
                self.stack.written(|| format!("spec.settings.{}", setting.path), origin);
            }
        }
        self.faults.extend(settings.faults.iter().cloned());
        settings
    }

    fn own_settings(&self) -> SettingValues {
        let cx = self.cx;
        let context = SettingsContext {
            library: cx.library,
            profile: cx.profile,
            version: &cx.release.spec.version.value,
            origin: cx.appliance.origin,
        };
        let own = cx.appliance.spec.layer.settings.map(|settings| settings.0);
        let further: Vec<_> = self.stack.layers().skip(1).filter_map(|layer| layer.settings.map(|settings| settings.0)).collect();
        let inherited = own.and_then(|own| Some((own, cx.inherited_settings.get_or_init(|| Inherited::new(&further, &context)).as_ref()?)));
        match inherited {
            Some((own, inherited)) => inherited.with(own, &further, &context),
            None => resolve_settings(SettingLayers { own, further: &further }, &context),
        }
    }

    fn desired(&mut self, settings: &Arc<SettingValues>) -> Option<Desired> {
        let cx = self.cx;
        let host = self.host();
        let networks = self.networks();
        let roles = self.roles(host.as_ref().map(|host| &host.root), &networks, settings);
        let watch = self.watch();
        let certificates = self.certificates();
        let availability = self.availability();
        let windows = self.windows(availability.planned_outage.as_ref());
        let recovery = self.recovery();
        let desired = Desired {
            fleet: cx.fleet.clone(),
            site: cx.site_name.clone(),
            appliance: cx.name.clone(),
            mode: self.stack.value("spec.mode", |layer| layer.mode.as_ref(), None, (Mode::Converge, "converge")),
            profile: cx.profile.name.clone(),
            release: cx.release_name.clone(),
            instance: self.instance.clone(),
            host: host?,
            networks: networks.into_desired(cx.known_networks),
            roles: roles?,
            watch,
            drain: self.drain(),
            availability,
            leader: cx.members.leader.clone(),
            peers: cx.members.names.iter().filter(|name| *name != cx.name).cloned().collect(),
            windows: Arc::new(windows),
            maintenance: self.maintenance(),
            prune: self.stack.value("spec.prune", |layer| layer.prune.as_ref(), None, (false, "false")),
            install_attempts: self.install_attempts(),
            recovery,
            settings: settings.values.clone(),
            certificates: Arc::new(certificates),
        };
        Some(desired)
    }

    /// Notes that a value which an appliance needs is stated nowhere.
    pub(super) fn missing(&mut self, code: Code, path: &str, origin: Origin) {
        let fault = Fault::new(code, origin, format!("`{path}` is stated nowhere"));
        self.faults.push(fault.expected(format!("`{path}` in the Appliance, its Site or Defaults")));
    }

    fn maintenance(&self) -> Option<Maintenance> {
        let wish = self.cx.appliance.spec.maintenance.as_ref()?;
        self.stack.written(|| "spec.maintenance".into(), wish.origin);
        Some(Maintenance {
            reason: wish.value.reason.value.as_str().to_owned(),
            until: wish.value.until.value.0,
            on_expiry: wish.value.on_expiry.as_ref().map_or(OnExpiry::Resume, |action| action.value),
        })
    }

    fn availability(&self) -> Availability {
        let stated = self.cx.site.spec.availability.as_ref().map(|availability| &availability.value);
        let others = u32::try_from(self.cx.members.names.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let min_serving = stated.and_then(|stated| stated.min_serving.as_ref());
        match min_serving {
            Some(stated) => self.stack.written(|| "spec.availability.minServing".into(), stated.origin),
            None => self.stack.derived(|| "spec.availability.minServing".into(), || others.max(1).to_string()),
        }
        let outage = stated.and_then(|stated| stated.planned_outage.as_ref());
        if let Some(outage) = outage {
            self.stack.written(|| "spec.availability.plannedOutage".into(), outage.origin);
        }
        Availability {
            min_serving: min_serving.map_or(others.max(1), |stated| stated.value.get()),
            planned_outage: outage.map(|outage| PlannedOutage {
                windows: outage.value.r#in.value.iter().map(|window| window.value.clone()).collect(),
                at_most: outage.value.at_most.value,
            }),
        }
    }

    fn windows(&mut self, outage: Option<&PlannedOutage>) -> BTreeMap<WindowName, Window> {
        let stated = self.stack.pick(|| "spec.windows".into(), |layer| layer.windows.as_ref(), None);
        let mut windows = BTreeMap::new();
        let Some(known) = self.cx.windows else { return windows };
        for name in stated.iter().flat_map(|stated| &stated.value) {
            match known.get_key_value(&name.value) {
                Some((name, window)) => drop(windows.insert(name.clone(), window.clone())),
                None => self.faults.push(unknown_window(name, known)),
            }
        }
        // A site that states only when it may be out means these windows for all work that disrupts.
        if stated.is_none() {
            for name in outage.iter().flat_map(|outage| &outage.windows) {
                windows.extend(known.get(name).map(|window| (name.clone(), window.clone())));
            }
        }
        windows
    }
}

/// The fault of a window that the repository does not define.
pub(crate) fn unknown_window(name: &Spanned<WindowName>, windows: &BTreeMap<WindowName, Window>) -> Fault {
    let known = || windows.keys().map(WindowName::as_str);
    let fault = Fault::new(Code::UnknownWindow, name.origin, format!("the repository defines no window `{}`", name.value));
    let hint = crate::manifest::suggest(name.value.as_str(), known());
    Fault { hint, ..fault.expected(crate::manifest::one_of(known())) }
}
