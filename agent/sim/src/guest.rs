//! The Windows on a VM's disk, and its view of itself.
//!
//! Guarantees: a guest belongs to its disk. A VM rebuilt on the disk finds it again; with the file it is lost.
//! Deliberately absent: power. Whether it runs is the VM's state.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::event::log::EventLog;
use crate::host::Host;
use crate::ids::{IdentityError, Ids};
use crate::image::Image;
use crate::machine::{Association, Machine, Object, Output, WmiCode, WmiError};
use crate::program::Desk;
use crate::windows::activity::Activity;
use crate::windows::certificate_store::CertificateStores;
use crate::windows::domain::{Domain, Membership};
use crate::windows::provider::{self, CLASSES, Call, Wish};
use crate::windows::service::Service;
use crate::windows::setup::Setup;
use crate::windows::winrm::Failures;
use crate::windows::{Plugged, Windows};
use crate::world::{MachineId, World};

/// Windows's own services that a guest has, and what a person sees.
pub(crate) const SERVICES: [(&str, &str); 3] =
    [("WinRM", "Windows Remote Management (WS-Management)"), ("EventLog", "Windows Event Log"), ("Dnscache", "DNS Client")];

/// What a boot has left on a disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Guest {
    pub(crate) windows: Windows,
    pub(crate) image: String,
}

impl Guest {
    /// What the first boot of `image` leaves.
    pub(crate) fn first_boot(image: &Image, at: Timestamp, ids: &mut Ids) -> Result<Self, IdentityError> {
        let listener = ids.identity(&image.computer_name, &[])?;
        let mut published = image.kvp.clone();
        // An image that publishes something else of its own accord breaks the contract, and is shown as it is.
        published.entry("trunkline.listener".to_owned()).or_insert_with(|| listener.thumbprint.clone());
        let brought = |name: &str| image.services.iter().any(|spec| spec.name.eq_ignore_ascii_case(name));
        let own = SERVICES.iter().filter(|(name, _)| !brought(name)).map(|(name, display)| Service::of_windows(name, display));
        let services = own.chain(image.services.iter().map(Service::new));
        let windows = Windows {
            computer_name: image.computer_name.clone(),
            pending_name: None,
            version: image.version.clone(),
            caption: image.caption.clone(),
            membership: Membership::Workgroup(image.workgroup.clone()),
            pending_membership: None,
            hosts_domain: image.domain.clone(),
            services: services.collect(),
            rules: image.firewall_rules.clone(),
            accounts: image.accounts.clone(),
            winrm: image.winrm.clone(),
            failures: Failures::default(),
            adapters: Vec::new(),
            last_boot: at,
            installed: at,
            listener,
            published,
            received: BTreeMap::new(),
            setup: Setup::new(&image.setup, &image.version),
            certificates: CertificateStores::default(),
            software: image.setup.software(at),
            activity: Activity::default(),
            log: EventLog::default(),
        };
        Ok(Self { windows, image: image.name.clone() })
    }

    /// What Windows itself tells the host: `GuestIntrinsicExchangeItems`.
    pub(crate) fn intrinsic(&self, plugged: &[Plugged]) -> Vec<(&'static str, String)> {
        let windows = &self.windows;
        let name = match (&windows.hosts_domain, &windows.membership) {
            (Some(Domain { name, .. }), _) | (None, Membership::Domain(name)) => format!("{}.{name}", windows.computer_name),
            (None, Membership::Workgroup(_)) => windows.computer_name.clone(),
        };
        let addresses = windows.addresses_in(plugged);
        let of = |v4: bool| {
            addresses.iter().filter(|(n, _)| n.addr().is_ipv4() == v4).map(|(n, _)| n.addr().to_string()).collect::<Vec<_>>().join(";")
        };
        let build = windows.version.rsplit('.').next().unwrap_or_default();
        vec![
            ("FullyQualifiedDomainName", name),
            ("OSName", windows.caption.clone()),
            ("OSVersion", windows.version.clone()),
            ("OSBuildNumber", build.to_owned()),
            ("OSMajorVersion", "10".to_owned()),
            ("OSMinorVersion", "0".to_owned()),
            ("OSPlatformId", "2".to_owned()),
            ("ProcessorArchitecture", "9".to_owned()),
            ("IntegrationServicesVersion", windows.version.clone()),
            ("NetworkAddressIPv4", of(true)),
            ("NetworkAddressIPv6", of(false)),
            ("RDPAddressIPv4", String::new()),
        ]
    }
}

/// A running guest, as its own WMI shows it.
pub(crate) struct GuestMachine<'w> {
    world: &'w mut World,
    host: crate::world::HostName,
    vm: String,
    computer_name: String,
    caller: String,
}

impl<'w> GuestMachine<'w> {
    /// `None` when no system runs in that VM.
    pub(crate) fn new(world: &'w mut World, host: &crate::world::HostName, vm: &str) -> Option<Self> {
        let owner = world.host(host)?;
        let computer_name = owner.running_guest(owner.machine(vm)?)?.windows.computer_name.clone();
        Some(Self { host: host.clone(), vm: vm.to_owned(), computer_name, caller: String::new(), world })
    }

    fn parts(&self) -> Result<(&Host, &crate::host::machine::VirtualMachine, &Guest), WmiError> {
        let gone = || WmiError::new(WmiCode::Failed, "the system is going down");
        let host = self.world.host(&self.host).ok_or_else(gone)?;
        let machine = host.machine(&self.vm).ok_or_else(gone)?;
        Ok((host, machine, host.running_guest(machine).ok_or_else(gone)?))
    }

    fn call<T>(&mut self, run: impl FnOnce(&mut Call<'_>) -> Result<T, WmiError>) -> Result<T, WmiError> {
        let (host, machine, _) = self.parts()?;
        let plugged = host.plugged_in(machine);
        let reached = self.world.domain_reached_from(&self.host, &self.vm);
        let now = self.world.now();
        let guest = self.world.host_mut(&self.host).and_then(|h| h.guest_mut(&self.vm));
        let guest = guest.ok_or_else(|| WmiError::new(WmiCode::Failed, "the system is going down"))?;
        run(&mut Call { windows: &mut guest.windows, plugged: &plugged, now, reached: reached.as_ref() })
    }
}

impl Machine for GuestMachine<'_> {
    fn computer_name(&self) -> &str {
        &self.computer_name
    }

    fn instances(&self, namespace: &Namespace, class: &str) -> Result<Vec<Object>, WmiError> {
        let (host, machine, guest) = self.parts()?;
        let (plugged, hardware) = (host.plugged_in(machine), host.hardware_of(machine));
        let objects = |c: &str| provider::objects(&guest.windows, c, &hardware, &plugged, self.world.now());
        Ok(provider::concrete(&guest.windows, &[CLASSES], namespace, class)?.into_iter().flat_map(objects).collect())
    }

    fn associations(&self, namespace: &Namespace, path: &CimPath) -> Result<Vec<Association>, WmiError> {
        self.get(path)?;
        let mut links = Vec::new();
        if *namespace == Namespace::CIMV2 {
            for class in ["Win32_ComputerSystemProcessor", "Win32_DependentService"] {
                links.extend(self.instances(namespace, class)?);
            }
        }
        Ok(crate::machine::ends(&links, path))
    }

    fn called_by(&mut self, user: &str) {
        user.clone_into(&mut self.caller);
    }

    fn desk(&mut self) -> Option<Desk<'_>> {
        let machine = MachineId::Guest { host: self.host.clone(), vm: self.vm.clone() };
        Some(Desk::new(self.world, machine))
    }

    fn invoke(&mut self, target: &CimPath, method: &str, input: &CimInstance) -> Result<Output, WmiError> {
        if Desk::has(target) {
            let machine = MachineId::Guest { host: self.host.clone(), vm: self.vm.clone() };
            return Desk::new(self.world, machine).invoke_process(target, method, input, &self.caller);
        }
        provider::concrete(&self.parts()?.2.windows, &[CLASSES], target.namespace(), target.class().as_str())?;
        if target.keys().next().is_some() {
            self.get(target)?;
        }
        let (output, wish) = self.call(|call| call.invoke(target, method, input))?;
        if output.changes(method) {
            self.world.touched();
        }
        if wish != Wish::Nothing {
            self.world.shut_down_guest(&self.host, &self.vm, wish);
        }
        Ok(output)
    }

    fn put(&mut self, target: &CimPath, change: &CimInstance) -> Result<Object, WmiError> {
        self.call(|call| call.put(target, change))?;
        self.world.touched();
        self.get(target)
    }

    fn create(&mut self, namespace: &Namespace, new: &CimInstance) -> Result<CimPath, WmiError> {
        provider::concrete(&self.parts()?.2.windows, &[CLASSES], namespace, new.class().as_str())?;
        let path = self.call(|call| call.create(new))?;
        self.world.touched();
        Ok(path)
    }

    fn delete(&mut self, target: &CimPath) -> Result<(), WmiError> {
        let path = self.get(target)?.path;
        self.call(|call| call.delete(&path))?;
        self.world.touched();
        Ok(())
    }
}
