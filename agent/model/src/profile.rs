//! A product's catalogue, checked and ready to resolve appliances with.
//!
//! Guarantees: everything that a `Profile` document refers to inside itself exists, or it is refused with the faults; what every
//! appliance shares is made once. The shipped catalogues are documents like any other, compiled in and parsed only when named.
//! Deliberately absent: any knowledge of a product.

mod check;
mod settings;

use std::sync::Arc;

use crate::desired::StartMode;
use crate::desired::{CallCounter, WatchedRule, WatchedService};
use crate::manifest::{Fault, ProfileManifest, ProfileRole, ProfileSpec, Spanned};
use crate::names::{CounterName, NetworkName, ProfileName};

pub(crate) use settings::{NETBIOS_LENGTH, name_too_long};
pub use settings::{Setting, SettingIndex};

/// The catalogues that come with the agent: name and text.
pub const SHIPPED: [(&str, &str); 2] = [
    ("cloud-connector-1.4.2", include_str!("../profiles/cloud-connector-1.4.2.yaml")),
    ("cloud-connector-2.1", include_str!("../profiles/cloud-connector-2.1.yaml")),
];

/// A checked catalogue.
#[derive(Debug)]
pub struct Profile {
    /// Its name.
    pub name: ProfileName,
    /// The document.
    pub manifest: ProfileManifest,
    /// What appliances share, by role, in role order.
    pub signals: Vec<Signals>,
    /// The settings by path.
    pub settings: SettingIndex,
    /// The network of ours over which guests are set up.
    pub management: Option<NetworkName>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// The watched signals of a role.
#[derive(Debug)]
pub struct Signals {
    /// Services in start order.
    pub services: Arc<[WatchedService]>,
    /// Firewall rules.
    pub rules: Arc<[WatchedRule]>,
    /// Counters of calls.
    pub calls: Arc<[CallCounter]>,
}

impl Profile {
    /// Checks a document and prepares it.
    pub fn new(name: ProfileName, manifest: ProfileManifest) -> Self {
        let mut faults = Vec::new();
        let management = check::check(&manifest, &mut faults);
        let signals = manifest.spec.roles.iter().map(|role| signals(&role.value)).collect();
        let settings = SettingIndex::new(&manifest.spec, &mut faults);
        check::rules(&manifest.spec, &settings, &mut faults);
        Self { name, manifest, signals, settings, management, faults }
    }

    /// What the document says.
    pub fn spec(&self) -> &ProfileSpec {
        &self.manifest.spec
    }

    /// The roles, in order.
    pub fn roles(&self) -> impl Iterator<Item = &ProfileRole> {
        self.spec().roles.iter().map(|role| &role.value)
    }

    /// The size that is taken when a manifest states none.
    pub fn default_size(&self) -> Option<&str> {
        let chosen = |size: &crate::manifest::ProfileSize| size.default.as_ref().is_some_and(|default| default.value);
        self.spec().sizes.iter().find(|(_, size)| chosen(&size.value)).map(|(name, _)| name.as_str())
    }
}

fn signals(role: &ProfileRole) -> Signals {
    let service = |service: &Spanned<crate::manifest::ProfileService>| WatchedService {
        names: service.value.names.iter().map(|name| name.value.clone()).collect(),
        grade: service.value.grade.value,
        start_mode: service.value.start_mode.as_ref().map_or(StartMode::Automatic, |mode| mode.value),
    };
    let rule = |rule: &Spanned<crate::manifest::ProfileFirewallRule>| WatchedRule {
        name: rule.value.name.value.clone(),
        grade: rule.value.grade.value,
    };
    let counter = |counter: &Spanned<crate::manifest::ProfileCallCounter>| CallCounter {
        classes: counter.value.classes.iter().map(|class| class.value.clone()).collect(),
        instance: counter.value.instance.as_ref().map_or_else(CounterName::total, |instance| instance.value.clone()),
        property: counter.value.property.value.clone(),
    };
    Signals {
        services: role.services.iter().map(service).collect(),
        rules: role.firewall_rules.iter().map(rule).collect(),
        calls: role.calls.iter().map(counter).collect(),
    }
}
