//! The firewall: `MSFT_NetFirewallRule`, `MSFT_NetProtocolPortFilter`, `MSFT_NetFirewallProfile`.
//!
//! Deliberately absent: any effect on traffic; a rule is watched, not enforced.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, Namespace};

use crate::machine::{Object, Output, WmiCode, WmiError};
use crate::windows::Windows;

/// One rule.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Its identity, `InstanceID`.
    pub id: String,
    /// What a person sees; the identity when left out.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Its group.
    #[serde(default)]
    pub group: Option<String>,
    /// Which way it looks.
    #[serde(default)]
    pub direction: Direction,
    /// What it does.
    #[serde(default)]
    pub action: Action,
    /// Whether it is in force.
    #[serde(default = "Rule::in_force")]
    pub enabled: bool,
    /// The protocol, `TCP`.
    #[serde(default = "Rule::any")]
    pub protocol: String,
    /// Local ports, `5061` or `49152-57500`; any when left out.
    #[serde(default)]
    pub ports: Vec<String>,
}

impl Rule {
    fn in_force() -> bool {
        true
    }

    fn any() -> String {
        "Any".to_owned()
    }

    fn filter(&self, computer: &str) -> CimInstance {
        let ports = if self.ports.is_empty() { vec!["Any".to_owned()] } else { self.ports.clone() };
        CimInstance::new("MSFT_NetProtocolPortFilter")
            .with("InstanceID", self.id.as_str())
            .with("CreationClassName", "MSFT|FW|FirewallRule|".to_owned() + &self.id)
            .with("SystemCreationClassName", "")
            .with("SystemName", computer)
            .with("Protocol", self.protocol.as_str())
            .with("LocalPort", ports)
            .with("RemotePort", vec!["Any"])
    }

    fn view(&self, computer: &str) -> CimInstance {
        let name = self.display_name.as_deref().unwrap_or(&self.id);
        let mut view = CimInstance::new("MSFT_NetFirewallRule")
            .with("InstanceID", self.id.as_str())
            .with("PolicyRuleName", "")
            .with("CreationClassName", "MSFT|FW|FirewallRule|".to_owned() + &self.id)
            .with("SystemCreationClassName", "")
            .with("SystemName", computer)
            .with("DisplayName", name)
            .with("ElementName", name)
            .with("Enabled", if self.enabled { 1u16 } else { 2u16 })
            .with("Direction", self.direction as u16)
            .with("Action", self.action as u16)
            .with("Profiles", 0u16)
            .with("EdgeTraversalPolicy", 0u16)
            .with("LooseSourceMapping", false)
            .with("LocalOnlyMapping", false)
            .with("PrimaryStatus", 1u16)
            .with("Status", "The rule was parsed successfully from the store. (65536)")
            .with("StatusCode", 65536u32)
            .with("PolicyStoreSource", "PersistentStore")
            .with("PolicyStoreSourceType", 1u16);
        if let Some(group) = &self.group {
            view.set("RuleGroup", group.as_str());
            view.set("DisplayGroup", group.as_str());
        }
        view
    }
}

/// The firewall's profiles, by the kind of network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Profiles {
    /// Whether it is on in networks of the domain.
    pub domain: bool,
    /// In private ones.
    pub private: bool,
    /// In public ones.
    pub public: bool,
}

impl Default for Profiles {
    fn default() -> Self {
        Self { domain: true, private: true, public: true }
    }
}

impl Profiles {
    pub(crate) fn objects(self) -> Vec<Object> {
        let view = |(name, on): (&str, bool)| {
            CimInstance::new("MSFT_NetFirewallProfile")
                .with("InstanceID", format!("MSFT|FW|FirewallProfile|{name}"))
                .with("Name", name)
                .with("ElementName", name)
                .with("Enabled", u16::from(on))
                // 4 is block, 2 allow.
                .with("DefaultInboundAction", 4u16)
                .with("DefaultOutboundAction", 2u16)
        };
        let all = [("Domain", self.domain), ("Private", self.private), ("Public", self.public)];
        all.into_iter().map(|one| Object::keyed(&Namespace::STANDARD_CIMV2, view(one), &["InstanceID"])).collect()
    }
}

/// Which way a rule looks; the numbers are the property's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[repr(u16)]
pub enum Direction {
    /// What arrives.
    #[default]
    Inbound = 1,
    /// What leaves.
    Outbound = 2,
}

/// What a rule does; the numbers are the property's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[repr(u16)]
pub enum Action {
    /// Lets it through.
    #[default]
    Allow = 2,
    /// Stops it.
    Block = 4,
}

impl Windows {
    pub(crate) fn rule_objects(&self) -> Vec<Object> {
        // InstanceID names a rule; the four others are CIM_PolicyRule's keys and stand in every endpoint reference too.
        let keys = ["InstanceID", "CreationClassName", "PolicyRuleName", "SystemCreationClassName", "SystemName"];
        self.rules.iter().map(|r| Object::keyed(&Namespace::STANDARD_CIMV2, r.view(&self.computer_name), &keys)).collect()
    }

    pub(crate) fn filter_objects(&self) -> Vec<Object> {
        self.rules.iter().map(|r| Object::keyed(&Namespace::STANDARD_CIMV2, r.filter(&self.computer_name), &["InstanceID"])).collect()
    }

    pub(crate) fn rule_mut(&mut self, id: &str) -> Option<&mut Rule> {
        self.rules.iter_mut().find(|r| r.id.eq_ignore_ascii_case(id))
    }

    pub(crate) fn invoke_rule(&mut self, id: &str, method: &str) -> Result<Output, WmiError> {
        let rule = self.rule_mut(id).ok_or_else(|| no_rule(id))?;
        match () {
            () if method.eq_ignore_ascii_case("Enable") => rule.enabled = true,
            () if method.eq_ignore_ascii_case("Disable") => rule.enabled = false,
            () => return Err(WmiError::method("MSFT_NetFirewallRule", method)),
        }
        Ok(Output::code(0))
    }

    /// `Put`: `Enabled`, `Action` and `Direction` can be written.
    pub(crate) fn put_rule(&mut self, id: &str, change: &CimInstance) -> Result<(), WmiError> {
        let wrong = |e: wsman::cim::WrongType| WmiError::new(WmiCode::TypeMismatch, e.to_string());
        let (enabled, action) = (change.unsigned("Enabled").map_err(wrong)?, change.unsigned("Action").map_err(wrong)?);
        let rule = self.rule_mut(id).ok_or_else(|| no_rule(id))?;
        let invalid = |what: &str| WmiError::new(WmiCode::InvalidParameter, format!("no such {what} of a firewall rule"));
        let enabled = match enabled {
            None => rule.enabled,
            Some(1) => true,
            Some(2) => false,
            Some(_) => return Err(invalid("Enabled")),
        };
        rule.action = match action {
            None => rule.action,
            Some(2) => Action::Allow,
            Some(4) => Action::Block,
            Some(_) => return Err(invalid("Action")),
        };
        rule.enabled = enabled;
        Ok(())
    }
}

fn no_rule(id: &str) -> WmiError {
    WmiError::new(WmiCode::NotFound, format!("no firewall rule is called {id}"))
}
