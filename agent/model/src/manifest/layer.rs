//! The values that an Appliance, its Site and Defaults may all state; the nearest statement counts.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decode::{Decode, Decoder, Spanned};
use super::hardware::{BootOrder, IntegrationServicesSpec};
use super::profile::RawValue;
use super::record::record;
use super::scalar::{Bounded, Bytes, Fingerprint, HostAddress, Label, Subnet};
use crate::desired::{Authentication, DrainMode, Mode, OnDrainTimeout, OnLastServing, Place, Scheme, SecureBoot, StartAction, StopAction};
use crate::names::{ComputerName, CredentialName, HostPath, NetworkName, ReleaseName, RoleName, SwitchName, WindowName};
use crate::units::{MemorySize, Span};
use crate::yaml::{Kind, Node};

record! {
    /// Values that an Appliance, its Site and Defaults may all state. Precedence: Appliance, Site, Defaults (more labels first), Profile.
    pub struct Layer {
        /// The product version that is to serve.
        release "release": Option<Spanned<ReleaseName>>,
        /// The hardware type, one of the profile's sizes.
        size "size": Option<Spanned<Label>>,
        /// How much the agent may do: observe, plan, repair or converge (default).
        mode "mode": Option<Spanned<Mode>>,
        /// The Hyper-V host.
        host "host": Option<HostSpec>,
        /// How the agent enters the guests.
        guests "guests": Option<GuestsSpec>,
        /// Switches and subnets by network; the profile says which networks there are.
        networks "networks": BTreeMap<NetworkName, Spanned<NetworkSpec>>,
        /// Names, addresses and hardware by role; the profile says which roles there are.
        roles "roles": BTreeMap<RoleName, Spanned<RoleSpec>>,
        /// Product settings, typed by the profile.
        settings "settings": Option<SettingsSpec>,
        /// Lifetimes by certificate; the profile says which there are.
        certificates "certificates": BTreeMap<Label, Spanned<CertificateSpec>>,
        /// Windows for planned work that disrupts serving, named in the Repository. None: any time.
        windows "windows": Option<Spanned<Vec<Spanned<WindowName>>>>,
        /// How calls are brought to an end before anything that hurts.
        drain "drain": Option<DrainSpec>,
        /// What closes an appliance.
        fail_closed "failClosed": Option<FailClosedSpec>,
        /// How installation is retried.
        install "install": Option<InstallSpec>,
        /// How recovery is retried.
        recovery "recovery": Option<RecoverySpec>,
        /// A full probe this often. Default 60s.
        probe_every "probeEvery": Option<Spanned<Span>>,
        /// A stopped service is read again after this before it counts. Default 10s.
        confirm "confirm": Option<Spanned<Span>>,
        /// A repair without impact may take this long before the appliance is held. Default 5s.
        repair_grace "repairGrace": Option<Spanned<Span>>,
        /// All must be well this long before calls return. Default 60s.
        stable_for "stableFor": Option<Spanned<Span>>,
        /// Whether what is ours and no longer wished may be deleted. Default false.
        prune "prune": Option<Spanned<bool>>,
    }
}

record! {
    /// The Hyper-V host and how to reach it.
    pub struct HostSpec {
        /// Its computer name, unique in the repository.
        name "name": Option<Spanned<ComputerName>>,
        /// DNS name or address of its WS-Management endpoint.
        address "address": Option<Spanned<HostAddress>>,
        /// TCP port. Default 5986, or 5985 over http.
        port "port": Option<Spanned<Bounded<1, 65_535>>>,
        /// `https` (default), or `http`.
        scheme "scheme": Option<Spanned<Scheme>>,
        /// The certificate to insist on; left out: the system's roots or the settings' CA decide.
        fingerprint "fingerprint": Option<Spanned<Fingerprint>>,
        /// Where the agent runs: `on-host` (default) or `remote`, which can do everything but install.
        place "place": Option<Spanned<Place>>,
        /// The name of the credential, resolved by the agent's settings.
        credential "credential": Option<Spanned<CredentialName>>,
        /// How the agent says who it is: `negotiate` (default), `kerberos`, `basic`, `basicInClear` or `certificate`.
        authentication "authentication": Option<Spanned<Authentication>>,
        /// The appliance directory on the host: no spaces; changing it means installing again.
        directory "directory": Option<Spanned<HostPath>>,
        /// The host's own addresses by network; they must not be used by a VM.
        addresses "addresses": BTreeMap<NetworkName, Spanned<IpAddr>>,
    }
}

record! {
    /// How the agent enters the guests.
    pub struct GuestsSpec {
        /// The name of the credential of the guests' administrator.
        credential "credential": Option<Spanned<CredentialName>>,
        /// The name of the credential that may join machines to the directory.
        join_credential "joinCredential": Option<Spanned<CredentialName>>,
        /// How the agent says who it is in the guests: `negotiate` (default) or `basic`. Guests are met over https.
        authentication "authentication": Option<Spanned<Authentication>>,
    }
}

record! {
    /// A network: its switch and its subnet.
    pub struct NetworkSpec {
        /// The virtual switch, as Hyper-V names it.
        switch "switch": Option<Spanned<SwitchName>>,
        /// The subnet: first address and prefix length.
        subnet "subnet": Option<Spanned<Subnet>>,
        /// The default gateway.
        gateway "gateway": Option<Spanned<IpAddr>>,
        /// Name servers.
        dns "dns": Option<Spanned<Vec<Spanned<IpAddr>>>>,
        /// The VLAN that the VMs' ports on an administrator's switch are in; left out, ports stay as they are.
        vlan "vlan": Option<Spanned<Bounded<1, 4094>>>,
        /// Whether addresses of this network are translated on their way out; then roles state their public address.
        nat "nat": Option<Spanned<bool>>,
    }
}

record! {
    /// A VM: its name, addresses and hardware.
    pub struct RoleSpec {
        /// The computer name of the guest, at most 15 characters, unique in the repository.
        name "name": Option<Spanned<ComputerName>>,
        /// Addresses by network, and by the further names that the profile declares (such as `mediaRelay`, `public`).
        addresses "addresses": BTreeMap<Label, Spanned<IpAddr>>,
        /// Virtual processors.
        processors "processors": Option<Spanned<Bounded<1, 240>>>,
        /// Static memory; dynamic memory is turned off with it.
        memory "memory": Option<Spanned<MemorySize>>,
        /// What the firmware lets start: windows, uefiAuthority, openSourceShielded or disabled; left out, it stays as it is.
        secure_boot "secureBoot": Option<Spanned<SecureBoot>>,
        /// What the VM tries to boot from first, in this order; left out, the order stays as it is.
        boot_order "bootOrder": Option<Spanned<BootOrder>>,
        /// Integration services that the host offers to the guest (`true`) or not; those left out stay as they are.
        integration_services "integrationServices": Option<IntegrationServicesSpec>,
        /// The image on this host, when it differs from the Release's.
        image "image": Option<ImageSpec>,
        /// What the host does with the VM when the host starts.
        start_action "startAction": Option<Spanned<StartAction>>,
        /// What the host does with the VM when the host stops.
        stop_action "stopAction": Option<Spanned<StopAction>>,
    }
}

record! {
    /// A finished role image on the host.
    pub struct ImageSpec {
        /// Where it lies.
        path "path": Option<Spanned<HostPath>>,
        /// Its size; another size means another image.
        size "size": Option<Spanned<Bytes>>,
    }
}

record! {
    /// The lifetime of a certificate.
    pub struct CertificateSpec {
        /// How long a new one is good.
        lifetime "lifetime": Option<Spanned<Span>>,
        /// It is renewed when less than this is left.
        renew_before "renewBefore": Option<Spanned<Span>>,
    }
}

record! {
    /// How calls are brought to an end before anything that hurts.
    pub struct DrainSpec {
        /// `graceful` (running calls finish; default) or `immediate` (calls are cut).
        mode "mode": Option<Spanned<DrainMode>>,
        /// How long running calls may take. Default 30m.
        timeout "timeout": Option<Spanned<Span>>,
        /// What happens then: `abort` (default) or `force`.
        on_timeout "onTimeout": Option<Spanned<OnDrainTimeout>>,
    }
}

record! {
    /// What closes an appliance.
    pub struct FailClosedSpec {
        /// What closes the last serving appliance of a site: `callPathOnly` (default) or `any`.
        on_last_serving "onLastServing": Option<Spanned<OnLastServing>>,
    }
}

record! {
    /// How installation is retried.
    pub struct InstallSpec {
        /// How often an instance that never served may be rebuilt. Default 3.
        attempts "attempts": Option<Spanned<Bounded<1, 10>>>,
    }
}

record! {
    /// How recovery is retried.
    pub struct RecoverySpec {
        /// The wait before each of the first three attempts. Default 10s; it doubles from the fourth on.
        first_wait "firstWait": Option<Spanned<Span>>,
        /// The longest wait. Default 1h.
        longest_wait "longestWait": Option<Spanned<Span>>,
        /// Attempts to restart services before VMs are restarted. Default 3.
        service_restarts "serviceRestarts": Option<Spanned<Bounded<0, 10>>>,
    }
}

/// Product settings as written; the profile types them.
#[derive(Debug, Clone, Copy)]
pub struct SettingsSpec(pub RawValue);

impl Decode for SettingsSpec {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if !matches!(node.kind(), Kind::Map) {
            cx.wrong_type(node, "a map of product settings");
            return None;
        }
        RawValue::decode(node, cx).map(Self)
    }
}

impl JsonSchema for SettingsSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "description": "Product settings; the profile says which there are." })
    }
}
