//! The VMs of an appliance.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

use super::address::{Fact, FactKey, check_address};
use super::closure::Resolver;
use super::derive::{self, Identity, ManagementBlock};
use super::network::Networks;
use super::settings::SettingValues;
use crate::desired::{Authentication, DesiredAdapter, DesiredRole, Membership, RoleImage, Scheme, SettingValue, StartAction, StopAction};
use crate::diagnostic::Code;
use crate::manifest::{
    Fault, ImageSpec, Label, Layer, NameServers, Origin, ProfileAddress, ProfileMembership, ProfileRole, ProfileSize, RoleSpec, SizeRole,
    Spanned, one_of, suggest,
};
use crate::names::{AdapterName, ComputerName, CredentialName, DomainName, HostPath, NetworkName, RoleName, VmName};
use crate::profile::{NETBIOS_LENGTH, name_too_long};
use crate::units::DiskSize;

/// What the roles of one appliance share.
struct Shared<'r, 'a> {
    root: &'r HostPath,
    networks: &'r Networks<'a>,
    settings: &'r SettingValues,
    size: Option<&'a ProfileSize>,
    credential: &'r CredentialName,
    authentication: Authentication,
    join_credential: &'r CredentialName,
    /// The addresses of the role that hosts the directory.
    directory: Vec<IpAddr>,
}

impl<'a> Resolver<'a> {
    pub(super) fn roles(&mut self, root: Option<&HostPath>, networks: &Networks<'a>, settings: &SettingValues) -> Option<Vec<DesiredRole>> {
        self.unknown_roles();
        let credential = self.guest_credential();
        let get = |layer: &'a Layer| layer.guests.as_ref().and_then(|guests| guests.join_credential.as_ref());
        let join = self.stack.pick(|| "spec.guests.joinCredential".into(), get, None).or(credential);
        let size = self.size();
        let nowhere = HostPath::new(r"C:\").ok()?;
        let nobody = CredentialName::new("nobody").ok()?;
        // Stand-ins for what is missing, so that the other faults of the roles are found all the same; nothing is made from them.
        let shared = Shared {
            root: root.unwrap_or(&nowhere),
            networks,
            settings,
            size,
            credential: credential.map_or(&nobody, |credential| &credential.value),
            authentication: self.guest_authentication(),
            join_credential: join.map_or(&nobody, |credential| &credential.value),
            directory: self.directory_addresses(),
        };
        let profile = self.cx.profile;
        let mut roles = Vec::with_capacity(profile.spec().roles.len());
        for (index, role) in profile.spec().roles.iter().enumerate() {
            roles.extend(self.role(index, &role.value, &shared));
        }
        (roles.len() == profile.spec().roles.len() && root.is_some() && credential.is_some()).then_some(roles)
    }

    fn guest_credential(&mut self) -> Option<&'a Spanned<CredentialName>> {
        let get = |layer: &'a Layer| layer.guests.as_ref().and_then(|guests| guests.credential.as_ref());
        let credential = self.stack.pick(|| "spec.guests.credential".into(), get, None);
        if credential.is_none() {
            self.missing(Code::MissingKey, "spec.guests.credential", self.cx.appliance.origin);
        }
        credential
    }

    fn guest_authentication(&mut self) -> Authentication {
        let get = |layer: &'a Layer| layer.guests.as_ref().and_then(|guests| guests.authentication.as_ref());
        let Some(wish) = self.stack.pick(|| "spec.guests.authentication".into(), get, None) else { return Authentication::Negotiate };
        // Guests are met at their addresses, over https, by the certificate that their host knows.
        if matches!(wish.value, Authentication::Kerberos | Authentication::Certificate) {
            let message = "guests are met before they are in any directory, by accounts of their own";
            self.faults.push(Fault::new(Code::UnfitAuthentication, wish.origin, message).hint("write `negotiate` or `basic`"));
        } else {
            self.check_authentication(wish, Scheme::Https, None);
        }
        wish.value
    }

    fn size(&mut self) -> Option<&'a ProfileSize> {
        let profile = self.cx.profile;
        let sizes = &profile.spec().sizes;
        let Some(wish) = self.stack.pick(|| "spec.size".into(), |layer| layer.size.as_ref(), None) else {
            let name = profile.default_size()?;
            self.stack.derived(|| "spec.size".into(), || name.to_owned());
            return sizes.iter().find(|(key, _)| key.as_str() == name).map(|(_, size)| &size.value);
        };
        let found = sizes.get(&wish.value);
        if found.is_none() {
            let names = || sizes.keys().map(Label::as_str);
            let fault = Fault::new(Code::UnknownSize, wish.origin, format!("the profile has no size `{}`", wish.value));
            self.faults.push(Fault { hint: suggest(wish.value.as_str(), names()), ..fault.expected(one_of(names())) });
        }
        found.map(|size| &size.value)
    }

    fn unknown_roles(&mut self) {
        let profile = self.cx.profile;
        let names = || profile.roles().map(|role| role.name.value.as_str());
        let known = |name: &RoleName| names().any(|known| known == name.as_str());
        let release = self.cx.release.spec.images.iter().map(|(name, image)| (name, image.origin));
        let layers = self.stack.layers().flat_map(|layer| layer.roles.iter().map(|(name, role)| (name, role.origin)));
        let mut faults: Vec<Fault> = layers
            .chain(release)
            .filter(|(name, _)| !known(name))
            .map(|(name, origin)| {
                let fault = Fault::new(Code::UnknownRole, origin, format!("the profile has no role `{name}`"));
                Fault { hint: suggest(name.as_str(), names()), ..fault.expected(one_of(names())) }
            })
            .collect();
        self.faults.append(&mut faults);
    }

    pub(super) fn role_value<T>(
        &self,
        role: &'a RoleName,
        key: &str,
        get: impl Fn(&'a RoleSpec) -> Option<&'a Spanned<T>>,
        profile: Option<&'a Spanned<T>>,
    ) -> Option<&'a Spanned<T>> {
        let get = |layer: &'a Layer| layer.roles.get(role).and_then(|role| get(&role.value));
        self.stack.pick(|| format!("spec.roles.{role}.{key}"), get, profile)
    }

    /// Where a role is spoken of, or the appliance.
    fn role_origin(&self, role: &RoleName) -> Origin {
        self.stack.layers().find_map(|layer| layer.roles.get(role)).map_or(self.cx.appliance.origin, |role| role.origin)
    }

    fn role_address(&self, role: &'a RoleName, name: &str) -> Option<&'a Spanned<IpAddr>> {
        let in_role = |spec: &'a RoleSpec| spec.addresses.iter().find(|(key, _)| key.as_str() == name).map(|(_, address)| address);
        let get = |layer: &'a Layer| layer.roles.get(role).and_then(|role| in_role(&role.value));
        self.stack.pick(|| format!("spec.roles.{role}.addresses.{name}"), get, None)
    }

    fn directory_addresses(&self) -> Vec<IpAddr> {
        let hosts = |role: &&ProfileRole| role.membership.as_ref().is_some_and(|one| one.value.hosts.is_some());
        let Some(role) = self.cx.profile.roles().find(hosts) else { return Vec::new() };
        let addresses =
            role.adapters.iter().filter_map(|adapter| self.role_address(&role.name.value, adapter.value.network.value.as_str()));
        addresses.map(|address| address.value).collect()
    }

    fn role(&mut self, index: usize, profile: &'a ProfileRole, shared: &Shared<'_, 'a>) -> Option<DesiredRole> {
        let cx = self.cx;
        let role = &profile.name.value;
        let name = self.role_value(role, "name", |spec| spec.name.as_ref(), None);
        match name {
            Some(name) => {
                self.check_computer_name(name);
                self.facts.push(Fact::own(FactKey::Computer(name.value.clone()), name.origin));
            }
            None => self.missing(Code::RoleIncomplete, &format!("spec.roles.{role}.name"), self.role_origin(role)),
        }
        let hardware = shared.size.and_then(|size| size.roles.get(role)).map(|role| &role.value);
        let processors = self.role_value(
            role,
            "processors",
            |spec| spec.processors.as_ref(),
            hardware.and_then(|size: &SizeRole| size.processors.as_ref()),
        );
        let memory = self.role_value(role, "memory", |spec| spec.memory.as_ref(), hardware.and_then(|size| size.memory.as_ref()));
        let instance = self.instance.clone();
        let identity = Identity { fleet: cx.fleet, appliance: cx.name, role, instance: &instance };
        let secure_boot = self.role_value(role, "secureBoot", |spec| spec.secure_boot.as_ref(), None);
        let image = self.image(role);
        let adapters = self.adapters(index, profile, shared, identity);
        let membership = self.membership(profile.membership.as_ref().map(|one| &one.value), shared)?;
        let start = self.role_value(role, "startAction", |spec| spec.start_action.as_ref(), profile.start_action.as_ref());
        let stop = self.role_value(role, "stopAction", |spec| spec.stop_action.as_ref(), profile.stop_action.as_ref());
        let disk = identity.disk(shared.root);
        self.stack.derived(|| format!("spec.roles.{role}.disk"), || disk.clone());
        let computer = name?.value.clone();
        let image = image?;
        let signals = cx.profile.signals.get(index)?;
        Some(DesiredRole {
            role: role.clone(),
            vm: VmName::new(&format!("{computer}.{instance}")).ok()?,
            processors: processors.map(|count| count.value.get()),
            memory: memory.map(|size| size.value),
            secure_boot: secure_boot.map(|template| template.value),
            boot_order: self.boot_order(profile),
            integration_services: self.integration_services(profile),
            spec: spec_digest(&image, &membership, shared.settings),
            image,
            disk: HostPath::new(&disk).ok()?,
            adapters: adapters?,
            membership,
            services: signals.services.clone(),
            rules: signals.rules.clone(),
            calls: signals.calls.clone(),
            holds: profile.holds.as_ref().is_none_or(|holds| holds.value),
            start_action: start.map_or(StartAction::AlwaysStart, |action| action.value),
            stop_action: stop.map_or(StopAction::ShutDown, |action| action.value),
            credential: shared.credential.clone(),
            authentication: shared.authentication,
            computer,
        })
    }

    pub(super) fn check_computer_name(&mut self, name: &Spanned<ComputerName>) {
        if name.value.as_str().len() > NETBIOS_LENGTH {
            self.faults.push(name_too_long(name.origin, name.value.as_str()));
        }
    }

    fn image(&mut self, role: &'a RoleName) -> Option<RoleImage> {
        let cx = self.cx;
        let released = cx.release.spec.images.get(role).map(|image| &image.value);
        let get = |get: fn(&ImageSpec) -> Option<&Spanned<HostPath>>| move |spec: &'a RoleSpec| spec.image.as_ref().and_then(get);
        let path = self.role_value(role, "image.path", get(|image| image.path.as_ref()), released.and_then(|image| image.path.as_ref()));
        let own_path = self.role_value(role, "image.path", get(|image| image.path.as_ref()), None).is_some();
        // The size belongs to the image that is named beside it.
        let released_size = released.and_then(|image| image.size.as_ref()).filter(|_| !own_path);
        let size = self.role_value(role, "image.size", |spec| spec.image.as_ref().and_then(|image| image.size.as_ref()), released_size);
        let Some(path) = path else {
            let fault = Fault::new(Code::ImageMissing, cx.release.origin, format!("the release has no image for the role `{role}`"));
            self.faults.push(fault.expected(format!("`spec.images.{role}.path` here, or `spec.roles.{role}.image.path` in the Appliance")));
            return None;
        };
        Some(RoleImage { path: path.value.clone(), size: size.map(|size| DiskSize::from_bytes(size.value.0)) })
    }

    fn adapters(
        &mut self,
        index: usize,
        profile: &'a ProfileRole,
        shared: &Shared<'_, 'a>,
        identity: Identity<'_>,
    ) -> Option<Vec<DesiredAdapter>> {
        let role = &profile.name.value;
        self.unknown_addresses(profile);
        self.public_addresses(profile, shared);
        let mut adapters = Vec::with_capacity(profile.adapters.len() + 1);
        for wish in profile.adapters.iter().map(|adapter| &adapter.value) {
            let name = &wish.network.value;
            let addresses = self.adapter_addresses(profile, name, shared);
            let (Some(network), Some(addresses)) = (shared.networks.get(name), addresses) else { continue };
            let gateway = network.desired.gateway.filter(|_| wish.gateway.as_ref().is_some_and(|gateway| gateway.value));
            if gateway.is_none() && wish.gateway.as_ref().is_some_and(|gateway| gateway.value) {
                self.gateway_missing(name);
            }
            let dns = match wish.name_servers.as_ref().map_or(NameServers::Network, |from| from.value) {
                NameServers::Network => network.first_dns(),
                NameServers::Directory => shared.directory.clone(),
                NameServers::Nowhere => Vec::new(),
            };
            adapters.push(DesiredAdapter {
                name: AdapterName::from(name),
                network: name.clone(),
                mac: identity.mac(name),
                addresses: addresses.into_iter().map(|address| derive::on_subnet(address, network.desired.subnet)).collect(),
                gateway,
                dns,
            });
        }
        let complete = adapters.len() == profile.adapters.len();
        adapters.extend(self.management_adapter(index, shared, identity));
        for adapter in &adapters {
            self.stack.derived(|| format!("spec.roles.{role}.adapters.{}.mac", adapter.name), || adapter.mac.to_string());
        }
        complete.then_some(adapters)
    }

    fn management_adapter(&self, index: usize, shared: &Shared<'_, 'a>, identity: Identity<'_>) -> Option<DesiredAdapter> {
        let name = self.cx.profile.management.as_ref()?;
        let block = shared.networks.get(name)?.block?;
        let address = block.address(index);
        self.stack.derived(|| format!("spec.roles.{}.addresses.{name}", identity.role), || address.addr().to_string());
        Some(DesiredAdapter {
            name: AdapterName::from(name),
            network: name.clone(),
            mac: identity.mac(name),
            addresses: vec![address],
            gateway: None,
            dns: self.set_up_name_server(index, block).into_iter().collect(),
        })
    }

    /// Who tells a guest where its directory is while the product networks are not connected yet: the directory itself, over the
    /// management network.
    fn set_up_name_server(&self, index: usize, block: ManagementBlock) -> Option<IpAddr> {
        let roles = &self.cx.profile.spec().roles;
        let membership = |role: &'a Spanned<ProfileRole>| role.value.membership.as_ref().map(|one| &one.value);
        roles.get(index).and_then(membership)?.joins.as_ref()?;
        let directory = roles.iter().position(|role| membership(role).is_some_and(|one| one.hosts.is_some()))?;
        Some(block.address(directory).addr())
    }

    /// The addresses of a role on a network: the one named after it, and further ones that the profile puts there.
    fn adapter_addresses(&mut self, profile: &'a ProfileRole, name: &NetworkName, shared: &Shared<'_, 'a>) -> Option<Vec<IpAddr>> {
        let role = &profile.name.value;
        let first = self.role_address(role, name.as_str());
        if first.is_none() {
            self.missing(Code::RoleIncomplete, &format!("spec.roles.{role}.addresses.{name}"), self.role_origin(role));
        }
        let on_network = |wish: &ProfileAddress| wish.network.as_ref().is_some_and(|network| network.value == *name);
        let mut stated: Vec<&Spanned<IpAddr>> = first.into_iter().collect();
        for (extra, wish) in profile.addresses.iter().filter(|(_, wish)| on_network(&wish.value)) {
            match self.role_address(role, extra.as_str()) {
                Some(address) if stated.iter().all(|other| other.value != address.value) => stated.push(address),
                Some(_) => {}
                None if wish.value.required.as_ref().is_some_and(|required| required.value) => {
                    self.missing(Code::RoleIncomplete, &format!("spec.roles.{role}.addresses.{extra}"), self.role_origin(role));
                }
                None => {}
            }
        }
        for address in &stated {
            if let Some(network) = shared.networks.get(name) {
                self.faults.extend(check_address(address, network.numbers(name)));
            }
            self.facts.push(Fact::own(FactKey::Address(address.value), address.origin));
        }
        first.map(|_| stated.iter().map(|address| address.value).collect())
    }

    /// Addresses outside of every network, such as the public one behind address translation.
    fn public_addresses(&mut self, profile: &'a ProfileRole, shared: &Shared<'_, 'a>) {
        let role = &profile.name.value;
        for (name, wish) in profile.addresses.iter().filter(|(_, wish)| wish.value.network.is_none()) {
            let stated = self.role_address(role, name.as_str());
            if let Some(address) = stated {
                self.facts.push(Fact::own(FactKey::Address(address.value), address.origin));
            }
            let behind = wish.value.behind.as_ref().and_then(|network| Some((network, shared.networks.get(&network.value)?)));
            if let (None, Some((network, true))) = (stated, behind.map(|(network, resolved)| (network, resolved.translates()))) {
                let message = format!("`{}` translates addresses, and the role `{role}` states no `{name}` address", network.value);
                let fault = Fault::new(Code::PublicAddressMissing, self.role_origin(role), message);
                self.faults.push(fault.expected(format!("`spec.roles.{role}.addresses.{name}`")));
            }
        }
    }

    fn unknown_addresses(&mut self, profile: &'a ProfileRole) {
        let role = &profile.name.value;
        let adapters = || profile.adapters.iter().map(|adapter| adapter.value.network.value.as_str());
        let names = || adapters().chain(profile.addresses.keys().map(Label::as_str));
        let stated = self.stack.layers().filter_map(|layer| layer.roles.get(role)).flat_map(|role| &role.value.addresses);
        let mut faults: Vec<Fault> = stated
            .filter(|(name, _)| !names().any(|known| known == name.as_str()))
            .map(|(name, address)| {
                let fault = Fault::new(Code::UnknownNetwork, address.origin, format!("the role `{role}` has no address `{name}`"));
                Fault { hint: suggest(name.as_str(), names()), ..fault.expected(one_of(names())) }
            })
            .collect();
        self.faults.append(&mut faults);
    }

    fn gateway_missing(&mut self, network: &NetworkName) {
        let path = format!("spec.networks.{network}.gateway");
        if self.faults.iter().all(|fault| !fault.message.contains(&path)) {
            self.missing(Code::NetworkIncomplete, &path, self.cx.appliance.origin);
        }
    }

    fn membership(&mut self, profile: Option<&'a ProfileMembership>, shared: &Shared<'_, 'a>) -> Option<Membership> {
        let Some(profile) = profile else { return Some(Membership::None) };
        let Some(path) = profile.hosts.as_ref().or(profile.joins.as_ref()) else { return Some(Membership::None) };
        // A setting that is missing has been reported with the settings.
        let Some(SettingValue::Text(domain)) = shared.settings.values.get(path.value.as_str()) else { return Some(Membership::None) };
        let domain = DomainName::new(domain).ok()?;
        if profile.hosts.is_some() {
            return Some(Membership::Hosts(domain));
        }
        let hosts = |role: &&ProfileRole| role.membership.as_ref().is_some_and(|one| one.value.hosts.is_some());
        let controller = self.cx.profile.roles().find(hosts)?.name.value.clone();
        Some(Membership::Joins { domain, controller, credential: shared.join_credential.clone() })
    }
}

/// Digest of what cannot be observed on a VM but decides whether it is the wished one.
fn spec_digest(image: &RoleImage, membership: &Membership, settings: &SettingValues) -> String {
    let domain = match membership {
        Membership::None => "",
        Membership::Hosts(domain) | Membership::Joins { domain, .. } => domain.as_str(),
    };
    let mut hash = Sha256::new();
    for part in [image.path.as_str(), domain] {
        hash.update(part.to_lowercase().as_bytes());
        hash.update([0]);
    }
    hash.update(image.size.map_or(0, DiskSize::bytes).to_le_bytes());
    hash.update(settings.rebuild);
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = hash.finalize().into();
    format!("{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}
