//! The documents that people write, typed and with the place of every value.
//!
//! A kind is declared once, by the `record!` macro: the decoder, the JSON schema and the reference text all come from that
//! declaration. Guarantees: decoding a document reports all of its faults; a value that is there knows where it stands.
//! Deliberately absent: defaults and references (that is `resolve`), rules between documents (that is `validate`).

mod appliance;
mod approval;
mod decode;
mod defaults;
mod document;
mod hardware;
mod layer;
mod profile;
mod record;
mod release;
mod repository;
mod scalar;
mod site;

pub use appliance::{ApplianceManifest, ApplianceSpec, MaintenanceSpec};
pub use approval::{ApprovalManifest, ApprovalSpec, Approved};
pub use decode::{Decode, Decoder, Fault, Origin, Spanned};
pub(crate) use decode::{one_of, suggest};
pub use defaults::{DefaultsManifest, DefaultsSpec, Selector};
pub use document::{API_VERSION, Document, DocumentKind, Header, Metadata};
pub use hardware::{AlwaysOn, BootKind, BootOrder, IntegrationServicesSpec};
pub use layer::{
    CertificateSpec, DrainSpec, FailClosedSpec, GuestsSpec, HostSpec, ImageSpec, InstallSpec, Layer, NetworkSpec, RecoverySpec, RoleSpec,
    SettingsSpec,
};
pub use profile::{
    DiffersRule, Equality, Lifetime, NameServers, ProfileAdapter, ProfileAddress, ProfileCallCounter, ProfileCertificate,
    ProfileFirewallRule, ProfileLimits, ProfileManifest, ProfileMembership, ProfileNetwork, ProfileRole, ProfileRule, ProfileService,
    ProfileSize, ProfileSpec, RawValue, RequiresRule, RuleCondition, SettingClass, SettingPath, SettingSpec, SettingType, SizeRole,
    SwitchOwner,
};
pub use release::{ReleaseManifest, ReleaseSpec};
pub use repository::{Atomicity, Budgets, Every, Notification, RepositoryManifest, RepositorySpec, WindowSpec};
pub use scalar::{
    Bounded, Bytes, Clock, DayName, Fingerprint, Form, Fqdn, HostAddress, Label, Moment, Scalar, Sentence, Subnet, Url, Version, WeekName,
    compare_versions,
};
pub use site::{AvailabilitySpec, PlannedOutageSpec, RolloutSpec, SiteManifest, SiteSpec};
