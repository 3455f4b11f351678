//! Whether a catalogue is consistent in itself.

use std::collections::BTreeSet;

use super::SettingIndex;
use crate::diagnostic::Code;
use crate::manifest::{Fault, Origin, ProfileManifest, ProfileRole, ProfileSpec, SettingPath, Spanned, SwitchOwner, one_of, suggest};
use crate::names::NetworkName;

/// Collects faults of one code.
struct Check<'a> {
    spec: &'a ProfileSpec,
    faults: &'a mut Vec<Fault>,
}

/// Checks everything but the settings; gives the network of ours.
pub(super) fn check(manifest: &ProfileManifest, faults: &mut Vec<Fault>) -> Option<NetworkName> {
    let mut check = Check { spec: &manifest.spec, faults };
    check.network_exists(&manifest.spec.probe_network);
    let management = check.networks();
    check.sizes(manifest.metadata.name.origin);
    let mut names = BTreeSet::new();
    for role in &manifest.spec.roles {
        if !names.insert(&role.value.name.value) {
            check.report(role.value.name.origin, format!("the role `{}` is listed twice", role.value.name.value));
        }
        check.role(&role.value, management.as_ref());
    }
    check.directory();
    if manifest.spec.roles.is_empty() {
        check.report(manifest.origin, "the profile has no roles".into());
    }
    management
}

impl Check<'_> {
    fn report(&mut self, origin: Origin, message: String) {
        self.faults.push(Fault::new(Code::ProfileInconsistent, origin, message));
    }

    fn network_exists(&mut self, network: &Spanned<NetworkName>) {
        if !self.spec.networks.contains_key(&network.value) {
            let names = || self.spec.networks.keys().map(NetworkName::as_str);
            let fault = Fault::new(Code::ProfileInconsistent, network.origin, format!("the profile has no network `{}`", network.value));
            let hint = suggest(network.value.as_str(), names());
            let fault = Fault { hint, ..fault.expected(one_of(names())) };
            self.faults.push(fault);
        }
    }

    fn networks(&mut self) -> Option<NetworkName> {
        let mut management: Option<NetworkName> = None;
        for (name, network) in &self.spec.networks {
            let ours = network.value.owner.value == SwitchOwner::Trunkline;
            match (&network.value.lifetime, ours) {
                (None, true) => self.report(network.origin, format!("the network `{name}` is ours and says no `lifetime`")),
                (Some(lifetime), false) => {
                    self.report(lifetime.origin, format!("the network `{name}` is an administrator's, whose lifetime is not ours to say"));
                }
                _ => {}
            }
            if ours {
                if let Some(first) = &management {
                    self.report(network.origin, format!("the networks `{first}` and `{name}` are both ours; one is enough"));
                }
                management = Some(name.clone());
            }
        }
        management
    }

    fn sizes(&mut self, profile: Origin) {
        let chosen = self.spec.sizes.values().filter(|size| size.value.default.as_ref().is_some_and(|default| default.value)).count();
        if !self.spec.sizes.is_empty() && chosen != 1 {
            self.report(profile, format!("{chosen} sizes are the default, it must be one"));
        }
        for size in self.spec.sizes.values() {
            for (role, wish) in &size.value.roles {
                if !self.spec.roles.iter().any(|known| known.value.name.value == *role) {
                    self.report(wish.origin, format!("the profile has no role `{role}`"));
                }
            }
        }
    }

    fn role(&mut self, role: &ProfileRole, management: Option<&NetworkName>) {
        let name = &role.name.value;
        if role.adapters.is_empty() {
            self.report(role.name.origin, format!("the role `{name}` has no adapters"));
        }
        for adapter in &role.adapters {
            self.network_exists(&adapter.value.network);
            if Some(&adapter.value.network.value) == management {
                self.report(adapter.value.network.origin, "the adapter on a network of ours is implied".into());
            }
        }
        for (address, wish) in &role.addresses {
            let on_adapter =
                |network: &Spanned<NetworkName>| role.adapters.iter().any(|adapter| adapter.value.network.value == network.value);
            if let Some(network) = wish.value.network.as_ref().filter(|network| !on_adapter(network)) {
                self.report(network.origin, format!("`{address}` lies on `{}`, where `{name}` has no adapter", network.value));
            }
            if let Some(behind) = &wish.value.behind {
                self.network_exists(behind);
            }
        }
        for service in role.services.iter().filter(|service| service.value.names.is_empty()) {
            self.report(service.origin, "the service has no names".into());
        }
        for counter in role.calls.iter().filter(|counter| counter.value.classes.is_empty()) {
            self.report(counter.origin, "the counter has no classes".into());
        }
    }

    fn directory(&mut self) {
        let memberships = || self.spec.roles.iter().filter_map(|role| role.value.membership.as_ref());
        let hosts = memberships().filter(|one| one.value.hosts.is_some()).count();
        let joins = memberships().filter(|one| one.value.joins.is_some()).count();
        if let Some(one) = memberships().find(|one| one.value.hosts.is_some() == one.value.joins.is_some()) {
            self.report(one.origin, "a membership says `hosts` or `joins`, one of the two".into());
        }
        let wrong = hosts > 1 || (joins > 0 && hosts == 0);
        if let Some(one) = memberships().next_back().filter(|_| wrong) {
            self.report(one.origin, format!("{hosts} roles host the directory, it must be one"));
        }
    }
}

/// Checks what rules and memberships refer to.
pub(super) fn rules(spec: &ProfileSpec, settings: &SettingIndex, faults: &mut Vec<Fault>) {
    let mut exists = |path: &Spanned<SettingPath>| {
        if !settings.knows(path.value.as_str()) {
            let fault = Fault::new(Code::ProfileInconsistent, path.origin, format!("the profile has no setting `{}`", path.value));
            faults.push(Fault { hint: suggest(path.value.as_str(), settings.paths()), ..fault });
        }
    };
    for rule in spec.rules.iter().map(|rule| &rule.value) {
        for pair in [&rule.differs, &rule.outside].into_iter().flatten() {
            exists(&pair.setting);
            exists(&pair.from);
        }
        if let Some(requires) = &rule.requires {
            exists(&requires.when.setting);
            requires.settings.iter().for_each(&mut exists);
        }
    }
    for membership in spec.roles.iter().filter_map(|role| role.value.membership.as_ref()) {
        membership.value.hosts.iter().chain(&membership.value.joins).for_each(&mut exists);
    }
    for rule in &spec.rules {
        let forms = [rule.value.differs.is_some(), rule.value.requires.is_some(), rule.value.outside.is_some()];
        if forms.into_iter().filter(|form| *form).count() != 1 {
            faults.push(Fault::new(Code::ProfileInconsistent, rule.origin, "a rule has exactly one form"));
        }
    }
}
