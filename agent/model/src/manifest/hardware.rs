//! What a VM boots from, and what its host offers to the guest.
//!
//! Guarantees: the services that the agent works by cannot be written off, so no wish ever asks for that.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decode::{Decode, Decoder, Fault, Spanned};
use super::record::{choice, record};
use crate::desired::{BootDevice, IntegrationService};
use crate::diagnostic::Code;
use crate::yaml::{Kind, Node, Style};

choice! {
    /// What a VM can be told to boot from.
    pub enum BootKind {
        /// A virtual hard disk.
        Disk = "disk",
        /// A network adapter.
        Network = "network",
    }
}

/// Kinds of boot devices, what is tried first in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootOrder(pub Vec<BootDevice>);

impl Decode for BootOrder {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let kinds = Vec::<Spanned<BootKind>>::decode(node, cx)?;
        if node.items().next().is_none() {
            let fault = Fault::new(Code::ListLength, cx.origin(node), "the order is empty");
            cx.fault(fault.expected("`disk`, `network` or both").hint("leave the key out, and the order stays as it is"));
        }
        let mut order = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let device = match kind.value {
                BootKind::Disk => BootDevice::Disk,
                BootKind::Network => BootDevice::Network,
            };
            if order.contains(&device) {
                let fault = Fault::new(Code::DuplicateItem, kind.origin, "the list holds this item already");
                cx.fault(fault.hint("remove one of the two"));
                continue;
            }
            order.push(device);
        }
        Some(Self(order))
    }
}

impl JsonSchema for BootOrder {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "BootOrder".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kind = generator.subschema_for::<BootKind>();
        json_schema!({ "type": "array", "items": kind, "minItems": 1, "uniqueItems": true })
    }
}

/// A service that is on: the agent works by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlwaysOn;

impl Decode for AlwaysOn {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if matches!(node.kind(), Kind::Scalar("false", Style::Plain)) {
            let fault = Fault::new(Code::ServiceNeeded, cx.origin(node), "the agent works by this service");
            let hint = "write `true`, and it is turned on again when somebody turns it off, or leave the key out";
            cx.fault(fault.expected("`true`").hint(hint));
            return None;
        }
        bool::decode(node, cx).map(|_| Self)
    }
}

impl JsonSchema for AlwaysOn {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AlwaysOn".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean", "const": true })
    }
}

record! {
    /// Integration services: `true`, and the host offers it to the guest; `false`, and it does not; left out, it stays as it is.
    pub struct IntegrationServicesSpec {
        /// Signs of life. The agent needs it.
        heartbeat "heartbeat": Option<Spanned<AlwaysOn>>,
        /// Shutting the guest down in order. The agent needs it.
        shutdown "shutdown": Option<Spanned<AlwaysOn>>,
        /// Key-value pairs, by which the guest says where it listens. The agent needs it.
        data_exchange "dataExchange": Option<Spanned<AlwaysOn>>,
        /// The host's time for the guest; off where the guest has its time from elsewhere, as a domain controller has.
        time_sync "timeSync": Option<Spanned<bool>>,
        /// Backups that the guest takes part in (VSS).
        backup "backup": Option<Spanned<bool>>,
        /// Copying of files from the host into the guest.
        file_copy "fileCopy": Option<Spanned<bool>>,
    }
}

impl IntegrationServicesSpec {
    /// What is said of a service that the agent needs.
    #[must_use]
    pub fn needed(&self, service: IntegrationService) -> Option<&Spanned<AlwaysOn>> {
        match service {
            IntegrationService::Heartbeat => self.heartbeat.as_ref(),
            IntegrationService::Shutdown => self.shutdown.as_ref(),
            IntegrationService::DataExchange => self.data_exchange.as_ref(),
            IntegrationService::TimeSync | IntegrationService::Backup | IntegrationService::FileCopy => None,
        }
    }

    /// What is said of one that it does not need.
    #[must_use]
    pub fn chosen(&self, service: IntegrationService) -> Option<&Spanned<bool>> {
        match service {
            IntegrationService::Heartbeat | IntegrationService::Shutdown | IntegrationService::DataExchange => None,
            IntegrationService::TimeSync => self.time_sync.as_ref(),
            IntegrationService::Backup => self.backup.as_ref(),
            IntegrationService::FileCopy => self.file_copy.as_ref(),
        }
    }
}
