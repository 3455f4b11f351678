//! `Profile`: the catalogue of one product in one version, as data.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decode::{Decode, Decoder, Spanned};
use super::document::Document;
use super::hardware::{BootOrder, IntegrationServicesSpec};
use super::layer::DrainSpec;
use super::record::{choice, record};
use super::scalar::{Bounded, Fqdn, Label, Sentence, Subnet, Version};
use crate::desired::{Grade, ManagementLifetime, StartAction, StartMode, StopAction};
use crate::names::{CounterName, NetworkName, RoleName, RuleName, ServiceName, SwitchName};
use crate::units::{MemorySize, Span};
use crate::yaml::{Node, NodeIndex};

/// A `Profile` document.
pub type ProfileManifest = Document<ProfileSpec>;

record! {
    /// The catalogue of one product in one version.
    pub struct ProfileSpec {
        /// The product.
        product "product": Spanned<Label>,
        /// The product's version, in quotes; settings may begin or end with a version.
        version "version": Spanned<Version>,
        /// What it is, for people.
        description "description": Option<Spanned<Sentence>>,
        /// The network over which serving guests are probed.
        probe_network "probeNetwork": Spanned<NetworkName>,
        /// Limits of the product.
        limits "limits": Option<ProfileLimits>,
        /// The networks of an appliance.
        #[schemars(extend("minProperties" = 1))]
        networks "networks": BTreeMap<NetworkName, Spanned<ProfileNetwork>>,
        /// Hardware types. The numbers are examples unless the product documents them.
        sizes "sizes": BTreeMap<Label, Spanned<ProfileSize>>,
        /// The VMs, in order: what others depend on comes first.
        #[schemars(length(min = 1))]
        roles "roles": Vec<Spanned<ProfileRole>>,
        /// Certificates and their lifetimes.
        certificates "certificates": BTreeMap<Label, Spanned<ProfileCertificate>>,
        /// How calls are brought to an end, unless an appliance says otherwise.
        drain "drain": Option<DrainSpec>,
        /// Product settings by dotted path.
        settings "settings": BTreeMap<SettingPath, Spanned<SettingSpec>>,
        /// Rules between settings.
        rules "rules": Vec<Spanned<ProfileRule>>,
    }
}

record! {
    /// Limits of a product.
    pub struct ProfileLimits {
        /// Appliances of one site.
        appliances_per_site "appliancesPerSite": Option<Spanned<Bounded<1, 1_000>>>,
        /// Sites of one repository.
        sites "sites": Option<Spanned<Bounded<1, 100_000>>>,
    }
}

choice! {
    /// Whose a network's switch is.
    pub enum SwitchOwner {
        /// Made by an administrator: used, never changed.
        Administrator = "administrator",
        /// Ours: an internal switch over which guests are set up.
        Trunkline = "trunkline",
    }
}

/// How long a switch of ours lives.
pub type Lifetime = ManagementLifetime;

record! {
    /// A network of an appliance.
    pub struct ProfileNetwork {
        /// Whose its switch is.
        owner "owner": Spanned<SwitchOwner>,
        /// How long a switch of ours lives.
        lifetime "lifetime": Option<Spanned<ManagementLifetime>>,
        /// The switch's name, unless a manifest states one.
        switch "switch": Option<Spanned<SwitchName>>,
        /// The subnet, unless a manifest states one.
        subnet "subnet": Option<Spanned<Subnet>>,
        /// What it is for.
        description "description": Option<Spanned<Sentence>>,
    }
}

record! {
    /// A hardware type.
    pub struct ProfileSize {
        /// Whether it is taken when a manifest states none.
        default "default": Option<Spanned<bool>>,
        /// Calls at once that one appliance carries.
        calls "calls": Option<Spanned<Bounded<1, 1_000_000>>>,
        /// What it is, for people.
        description "description": Option<Spanned<Sentence>>,
        /// Hardware by role.
        roles "roles": BTreeMap<RoleName, Spanned<SizeRole>>,
    }
}

record! {
    /// The hardware of a VM.
    pub struct SizeRole {
        /// Virtual processors.
        processors "processors": Option<Spanned<Bounded<1, 240>>>,
        /// Static memory.
        memory "memory": Option<Spanned<MemorySize>>,
    }
}

record! {
    /// A VM of the product.
    pub struct ProfileRole {
        /// Its name.
        name "name": Spanned<RoleName>,
        /// What it is, for people.
        description "description": Option<Spanned<Sentence>>,
        /// Its adapters, in order. The adapter on a network of ours is implied.
        #[schemars(length(min = 1))]
        adapters "adapters": Vec<Spanned<ProfileAdapter>>,
        /// Further addresses that a manifest states for it.
        addresses "addresses": BTreeMap<Label, Spanned<ProfileAddress>>,
        /// Its place in a directory.
        membership "membership": Option<Spanned<ProfileMembership>>,
        /// Whether its services are held while the appliance is down (default true; a directory's never are).
        holds "holds": Option<Spanned<bool>>,
        /// Watched services, in start order: call-taking ones last.
        services "services": Vec<Spanned<ProfileService>>,
        /// Performance counters that tell how many calls run: their sum must come to nothing before services stop for planned work.
        calls "calls": Vec<Spanned<ProfileCallCounter>>,
        /// Watched inbound firewall rules.
        firewall_rules "firewallRules": Vec<Spanned<ProfileFirewallRule>>,
        /// What the VM tries to boot from first, in this order, unless a manifest says otherwise.
        boot_order "bootOrder": Option<Spanned<BootOrder>>,
        /// Integration services that the host offers to the guest (`true`) or not, unless a manifest says otherwise.
        integration_services "integrationServices": Option<IntegrationServicesSpec>,
        /// What the host does with the VM when the host starts. Default alwaysStart.
        start_action "startAction": Option<Spanned<StartAction>>,
        /// What the host does with the VM when the host stops. Default shutDown.
        stop_action "stopAction": Option<Spanned<StopAction>>,
    }
}

choice! {
    /// Where a guest gets its name servers for an adapter.
    pub enum NameServers {
        /// From the network.
        Network = "network",
        /// The role that hosts the directory.
        Directory = "directory",
        /// None.
        Nowhere = "none",
    }
}

record! {
    /// An adapter of a VM.
    pub struct ProfileAdapter {
        /// Its network.
        network "network": Spanned<NetworkName>,
        /// Whether the guest's default gateway is the network's.
        gateway "gateway": Option<Spanned<bool>>,
        /// Where the guest gets its name servers. Default: the network.
        name_servers "nameServers": Option<Spanned<NameServers>>,
    }
}

record! {
    /// A further address of a VM.
    pub struct ProfileAddress {
        /// The network on which it lies; left out: outside, such as a public address.
        network "network": Option<Spanned<NetworkName>>,
        /// Whether it must be stated.
        required "required": Option<Spanned<bool>>,
        /// It must be stated when this network translates addresses.
        behind "behind": Option<Spanned<NetworkName>>,
        /// What it is for.
        description "description": Option<Spanned<Sentence>>,
    }
}

record! {
    /// A VM's place in a directory: one of the two.
    pub struct ProfileMembership {
        /// Its image hosts the domain that this setting names.
        hosts "hosts": Option<Spanned<SettingPath>>,
        /// It joins the domain that this setting names.
        joins "joins": Option<Spanned<SettingPath>>,
    }
}

record! {
    /// A service that must run.
    pub struct ProfileService {
        /// Accepted names; the first that exists counts.
        #[schemars(length(min = 1))]
        names "names": Vec<Spanned<ServiceName>>,
        /// How bad its loss is.
        grade "grade": Spanned<Grade>,
        /// Its start mode while serving. Default automatic.
        start_mode "startMode": Option<Spanned<StartMode>>,
    }
}

record! {
    /// A performance counter of calls.
    pub struct ProfileCallCounter {
        /// Accepted classes, `Win32_PerfFormattedData_…`; the first that the guest has counts.
        #[schemars(length(min = 1))]
        classes "classes": Vec<Spanned<CounterName>>,
        /// The instance. Default `_Total`.
        instance "instance": Option<Spanned<CounterName>>,
        /// The property that holds the number.
        property "property": Spanned<CounterName>,
    }
}

record! {
    /// An inbound firewall rule that must be enabled.
    pub struct ProfileFirewallRule {
        /// Its name.
        name "name": Spanned<RuleName>,
        /// How bad its loss is.
        grade "grade": Spanned<Grade>,
    }
}

record! {
    /// A kind of certificate.
    pub struct ProfileCertificate {
        /// How long a new one is good; left out: its issuer decides.
        lifetime "lifetime": Option<Spanned<Span>>,
        /// It is renewed when less than this is left, unless a manifest states another span.
        renew_before "renewBefore": Spanned<Span>,
        /// What it is for.
        description "description": Option<Spanned<Sentence>>,
    }
}

choice! {
    /// What a setting holds.
    pub enum SettingType {
        /// Text.
        Text = "text",
        /// `true` or `false`.
        Boolean = "boolean",
        /// A whole number.
        Integer = "integer",
        /// One of the words in `of`.
        Choice = "choice",
        /// A computer name of at most 15 characters.
        ComputerName = "computerName",
        /// A DNS name.
        Fqdn = "fqdn",
        /// An address.
        Address = "address",
        /// A subnet.
        Subnet = "subnet",
        /// An `http` or `https` URL.
        Url = "url",
        /// A duration with its unit.
        Duration = "duration",
        /// A regular expression.
        Pattern = "pattern",
        /// Two port numbers: `49152-57500`.
        PortRange = "portRange",
        /// A path on the host.
        Path = "path",
        /// The name of a credential.
        Credential = "credential",
        /// Named parts, in `fields`.
        Record = "record",
    }
}

choice! {
    /// Whether values must be equal or different.
    pub enum Equality {
        /// The same everywhere.
        Equal = "equal",
        /// Different everywhere.
        Unique = "unique",
    }
}

choice! {
    /// What a change of a setting takes.
    pub enum SettingClass {
        /// Nothing that anybody notices.
        InPlace = "inPlace",
        /// A drain and work in the guest.
        Drain = "drain",
        /// A new instance beside the old.
        Rebuild = "rebuild",
        /// A new identity of the site or the appliance.
        Identity = "identity",
    }
}

record! {
    /// A product setting.
    pub struct SettingSpec {
        /// What it holds.
        r#type "type": Spanned<SettingType>,
        /// What it is for.
        description "description": Option<Spanned<Sentence>>,
        /// Whether it is a list of these, in order.
        list "list": Option<Spanned<bool>>,
        /// Whether it must have a value. An empty list is none.
        required "required": Option<Spanned<bool>>,
        /// The value when a manifest states none.
        default "default": Option<RawValue>,
        /// The least number (`integer`).
        min "min": Option<Spanned<Bounded<0, 4_294_967_295>>>,
        /// The greatest number (`integer`).
        max "max": Option<Spanned<Bounded<0, 4_294_967_295>>>,
        /// The words offered (`choice`).
        of "of": Vec<Spanned<Label>>,
        /// The parts (`record`).
        fields "fields": BTreeMap<Label, Spanned<SettingSpec>>,
        /// Values that must not be used.
        reserved "reserved": Vec<Spanned<Label>>,
        /// Domains below which a name must not lie.
        forbidden_under "forbiddenUnder": Vec<Spanned<Fqdn>>,
        /// Within a site. `equal`: it can be stated in the Site and in Defaults only.
        within_site "withinSite": Option<Spanned<Equality>>,
        /// Across the sites of a repository.
        across_sites "acrossSites": Option<Spanned<Equality>>,
        /// What a change takes. Default: drain.
        change "change": Option<Spanned<SettingClass>>,
        /// The first product version that has it.
        since "since": Option<Spanned<Version>>,
        /// The first product version that has it no more.
        until "until": Option<Spanned<Version>>,
    }
}

record! {
    /// A rule between settings: exactly one of its forms.
    pub struct ProfileRule {
        /// The first setting's values must not be among the second's.
        differs "differs": Option<DiffersRule>,
        /// When a setting has a value, others must have one.
        requires "requires": Option<RequiresRule>,
        /// A warning when a name of the first setting lies in a domain of the second.
        outside "outside": Option<DiffersRule>,
    }
}

record! {
    /// Two settings that must not meet.
    pub struct DiffersRule {
        /// The setting at which the fault is shown.
        setting "setting": Spanned<SettingPath>,
        /// The other setting.
        from "from": Spanned<SettingPath>,
        /// Why, for the hint.
        because "because": Spanned<Sentence>,
    }
}

record! {
    /// A setting that needs others.
    pub struct RequiresRule {
        /// The condition.
        when "when": RuleCondition,
        /// What must then have a value; paths through the same list mean the same item.
        settings "settings": Vec<Spanned<SettingPath>>,
        /// Why, for the hint.
        because "because": Spanned<Sentence>,
    }
}

record! {
    /// A setting and the value that counts.
    pub struct RuleCondition {
        /// The setting.
        setting "setting": Spanned<SettingPath>,
        /// The value.
        is "is": Spanned<Label>,
    }
}

/// A dotted path to a setting: `voice.sipDomains`, `gateways[].fqdn`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SettingPath(std::sync::Arc<str>);

impl SettingPath {
    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SettingPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl super::scalar::Scalar for SettingPath {
    const EXPECTED: &'static str = "a setting's path such as `voice.sipDomains`";
    const CODE: crate::diagnostic::Code = crate::diagnostic::Code::BadName;

    fn read(text: &str) -> Result<Self, String> {
        let part = |part: &str| {
            let part = part.strip_suffix("[]").unwrap_or(part);
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if text.split('.').all(part) { Ok(Self(text.into())) } else { Err(format!("`{text}` cannot be a setting's path")) }
    }
}

impl JsonSchema for SettingPath {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SettingPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^[A-Za-z0-9]+(\[\])?(\.[A-Za-z0-9]+(\[\])?)*$" })
    }
}

/// A value that is typed later, kept by its place.
#[derive(Debug, Clone, Copy)]
pub struct RawValue {
    /// The file.
    pub file: u32,
    /// The node in that file's tree.
    pub node: NodeIndex,
}

impl Decode for RawValue {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        Some(Self { file: cx.origin(node).file, node: node.index() })
    }
}

impl JsonSchema for RawValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}
