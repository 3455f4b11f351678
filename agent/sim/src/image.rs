//! What a boot of a role image brings: the operating system that is found on a fresh disk.
//!
//! Guarantees: a first boot on a fresh differencing disk always begins here.
//! Deliberately absent: what becomes of it afterwards; that is the guest's state and lies on its disk.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::windows::domain::Domain;
pub use crate::windows::firewall::{Action, Direction, Rule};
pub use crate::windows::service::StartMode;
pub use crate::windows::setup::SetupSpec;
pub use crate::windows::winrm::{CbtHardeningLevel, ClientCertificate, Lockout, Winrm};

/// A finished image: one role's system disk.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// The name by which files refer to it.
    pub name: String,
    /// The computer name that the system has until it is renamed.
    pub computer_name: String,
    /// Windows version, `10.0.20348`.
    #[serde(default = "Image::version")]
    pub version: String,
    /// What Windows calls itself.
    #[serde(default = "Image::caption")]
    pub caption: String,
    /// From power on to a listening system, the first time on a disk.
    #[serde(default = "Image::first_boot")]
    #[schemars(with = "String")]
    pub first_boot: SignedDuration,
    /// From power on to a listening system, later.
    #[serde(default = "Image::boot")]
    #[schemars(with = "String")]
    pub boot: SignedDuration,
    /// From the order to shut down until the power is off.
    #[serde(default = "Image::shutdown")]
    #[schemars(with = "String")]
    pub shutdown: SignedDuration,
    /// The workgroup that the system belongs to before it joins a domain.
    #[serde(default = "Image::workgroup")]
    pub workgroup: String,
    /// The services that matter, beside Windows's own; one that bears the name of one of those stands in its place.
    #[serde(default)]
    pub services: Vec<ServiceSpec>,
    /// The firewall rules that matter.
    #[serde(default)]
    pub firewall_rules: Vec<Rule>,
    /// Local accounts.
    #[serde(default)]
    pub accounts: Vec<Account>,
    /// How its WS-Management service is configured.
    #[serde(default)]
    pub winrm: Winrm,
    /// Items that the guest publishes to its host from the first boot on. `trunkline.listener` is its listener's thumbprint unless it
    /// stands here.
    #[serde(default)]
    pub kvp: BTreeMap<String, String>,
    /// For a directory: the domain that it hosts, with its DNS.
    #[serde(default)]
    pub domain: Option<Domain>,
    /// What else it brings: clock, registry, features, updates, Defender, calls.
    #[serde(default)]
    pub setup: SetupSpec,
}

impl Image {
    fn version() -> String {
        "10.0.20348".to_owned()
    }
    fn caption() -> String {
        "Microsoft Windows Server 2022 Standard".to_owned()
    }
    fn first_boot() -> SignedDuration {
        SignedDuration::from_secs(90)
    }
    fn boot() -> SignedDuration {
        SignedDuration::from_secs(40)
    }
    fn shutdown() -> SignedDuration {
        SignedDuration::from_secs(15)
    }
    fn workgroup() -> String {
        "WORKGROUP".to_owned()
    }
}

/// A service as an image or a host brings it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceSpec {
    /// The service's key name.
    pub name: String,
    /// What a person sees; the name when left out.
    #[serde(default)]
    pub display_name: Option<String>,
    /// When it starts. Automatic ones run once the system is up.
    #[serde(default)]
    pub start_mode: StartMode,
    /// From the order to start until it runs.
    #[serde(default = "ServiceSpec::start_takes")]
    #[schemars(with = "String")]
    pub start_takes: SignedDuration,
    /// From the order to stop until it has stopped.
    #[serde(default = "ServiceSpec::stop_takes")]
    #[schemars(with = "String")]
    pub stop_takes: SignedDuration,
    /// Services that have to run first.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// When it dies: how long until the service manager starts it again. It stays dead when left out.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub restarts_after: Option<SignedDuration>,
    /// Whether it can be paused: then it goes on with what it does and takes nothing new.
    #[serde(default = "ServiceSpec::accepts_pause")]
    pub accepts_pause: bool,
    /// `domainMember`: its account is a domain's, so it starts only on a member.
    #[serde(default)]
    pub needs: Needs,
}

impl ServiceSpec {
    fn start_takes() -> SignedDuration {
        SignedDuration::from_secs(2)
    }
    fn stop_takes() -> SignedDuration {
        SignedDuration::from_secs(1)
    }
    fn accepts_pause() -> bool {
        true
    }
}

/// What a service needs to start, beside other services.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Needs {
    /// Nothing.
    #[default]
    Nothing,
    /// That the machine is in a domain.
    DomainMember,
}

/// A user who may log on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The user name, without a domain.
    pub user: String,
    /// The password; simulated hosts only.
    pub password: String,
    /// What the account may do over the network.
    #[serde(default)]
    pub rights: Rights,
}

/// What an account may do over the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Rights {
    /// Everything: the built-in Administrator, or another member of Administrators where `LocalAccountTokenFilterPolicy` is 1.
    #[default]
    Administrator,
    /// A member of Administrators whose token is filtered for want of that policy: answered as if the password were wrong.
    Filtered,
    /// A member of Remote Management Users: let in, and then denied access to every resource.
    RemoteManagement,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}
