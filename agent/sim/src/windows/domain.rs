//! Names and domains: what `Win32_ComputerSystem` renames and joins.
//!
//! Guarantees: nothing takes effect before the next boot.
//! Deliberately absent: computer accounts in the directory, beside those that stand in a join's way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wsman::cim::CimInstance;

use crate::image::Account;
use crate::windows::Windows;

/// A domain, as its directory holds it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Domain {
    /// Its DNS name.
    pub name: String,
    /// Its short name, before the backslash of a user.
    pub netbios: String,
    /// Its accounts that may add computers.
    #[serde(default)]
    pub accounts: Vec<Account>,
    /// Names of computer accounts that somebody else made: a join that creates one of these is refused.
    #[serde(default)]
    pub computers: Vec<String>,
}

impl Domain {
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) || self.netbios.eq_ignore_ascii_case(name)
    }

    /// Whether the directory lets `user` in: `NETBIOS\user`, `user@name` or plain.
    pub(crate) fn accepts(&self, user: &str, password: &str) -> bool {
        let (realm, name) = match (user.split_once('\\'), user.split_once('@')) {
            (Some((realm, name)), _) | (None, Some((name, realm))) => (Some(realm), name),
            (None, None) => (None, user),
        };
        realm.is_none_or(|r| self.is_called(r)) && self.accounts.iter().any(|a| a.user.eq_ignore_ascii_case(name) && a.password == password)
    }
}

/// What a system belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Membership {
    Workgroup(String),
    Domain(String),
}

// Win32 error codes.
const INVALID_PARAMETER: u32 = 87;
const INVALID_COMPUTER_NAME: u32 = 1210;
const LOGON_FAILURE: u32 = 1326;
const NO_SUCH_DOMAIN: u32 = 1355;
const ACCOUNT_EXISTS: u32 = 2224;
const ALREADY_JOINED: u32 = 2691;
const NOT_JOINED: u32 = 2692;

const JOIN_DOMAIN: u64 = 0x1;
const CREATE_ACCOUNT: u64 = 0x2;
/// Of `FUnjoinOptions`: the account goes too.
const DELETE_ACCOUNT: u64 = 0x4;
const JOIN_IF_JOINED: u64 = 0x20;

impl Windows {
    /// `JoinDomainOrWorkgroup`; `reached` is the domain that the name leads to over the network at this moment.
    pub(crate) fn join(&mut self, input: &CimInstance, reached: Option<&Domain>) -> u32 {
        let text = |name| input.text(name).ok().flatten().unwrap_or_default();
        let (name, options) = (text("Name"), input.unsigned("FJoinOptions").ok().flatten().unwrap_or(0));
        if name.is_empty() {
            return INVALID_PARAMETER;
        }
        let joined = |m: &Membership| matches!(m, Membership::Domain(_));
        if options & JOIN_DOMAIN == 0 {
            // A member leaves its domain first.
            if self.hosts_domain.is_some() || joined(self.pending_membership.as_ref().unwrap_or(&self.membership)) {
                return ALREADY_JOINED;
            }
            self.pending_membership = Some(Membership::Workgroup(name.to_owned()));
            return 0;
        }
        let already = self.hosts_domain.is_some() || joined(&self.membership) || self.pending_membership.as_ref().is_some_and(joined);
        if already && options & JOIN_IF_JOINED == 0 {
            return ALREADY_JOINED;
        }
        let Some(domain) = reached.filter(|d| d.is_called(name)) else { return NO_SUCH_DOMAIN };
        if !domain.accepts(text("UserName"), text("Password")) {
            return LOGON_FAILURE;
        }
        let name = self.pending_name.as_ref().unwrap_or(&self.computer_name);
        if options & CREATE_ACCOUNT != 0 && domain.computers.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return ACCOUNT_EXISTS;
        }
        self.pending_membership = Some(Membership::Domain(domain.name.clone()));
        0
    }

    /// `UnjoinDomainOrWorkgroup`; the directory is asked only when the account is to go too.
    pub(crate) fn unjoin(&mut self, input: &CimInstance, reached: Option<&Domain>) -> u32 {
        let text = |name| input.text(name).ok().flatten().unwrap_or_default();
        let deletes = input.unsigned("FUnjoinOptions").ok().flatten().unwrap_or(0) & DELETE_ACCOUNT != 0;
        match &self.membership {
            Membership::Domain(name) => {
                if deletes {
                    match reached.filter(|domain| domain.is_called(name)) {
                        None => return NO_SUCH_DOMAIN,
                        Some(domain) if !domain.accepts(text("UserName"), text("Password")) => return LOGON_FAILURE,
                        Some(_) => {}
                    }
                }
                self.pending_membership = Some(Membership::Workgroup("WORKGROUP".to_owned()));
                0
            }
            Membership::Workgroup(_) => NOT_JOINED,
        }
    }

    /// `Rename`. A member asks its directory, with the credentials given.
    pub(crate) fn rename(&mut self, input: &CimInstance, reached: Option<&Domain>) -> u32 {
        let text = |name| input.text(name).ok().flatten().unwrap_or_default();
        let name = text("Name");
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || name.len() > 15 || !name.chars().all(good) || name.chars().all(|c| c.is_ascii_digit()) {
            return INVALID_COMPUTER_NAME;
        }
        if let Membership::Domain(_) = self.membership {
            match reached {
                None => return NO_SUCH_DOMAIN,
                Some(domain) if !domain.accepts(text("UserName"), text("Password")) => return LOGON_FAILURE,
                Some(_) => {}
            }
        }
        self.pending_name = Some(name.to_owned());
        0
    }
}
