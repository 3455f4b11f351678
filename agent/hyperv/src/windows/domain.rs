//! A machine's name and its place in a domain or workgroup. Everything comes into force with the next restart.
//!
//! Guarantees: a password goes into the one call that needs it and into no error. Deliberately absent: the restart, and whether
//! a change is wanted.

use model::names::{ComputerName, DomainName};
use wsman::Secret;
use wsman::cim::{CimInstance, CimPath, Namespace};

use super::{Windows, WindowsError};
use crate::classes;
use crate::peer::{Input, Peer};
use crate::return_code::{ALREADY_JOINED, Family};
use crate::row::{Malformed, Row};
use crate::wql::Query;

/// `FJoinOptions`: join a domain (1) and make the account (2).
const JOIN_AND_CREATE: u32 = 3;
/// `FUnjoinOptions`: the computer's account in the directory goes too.
const DELETE_ACCOUNT: u32 = 4;
/// The machine is in no domain.
const NOT_JOINED: u32 = 2692;

/// An account of a directory that may add and remove computers.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    /// With its domain: `CONTOSO\Joiner`.
    pub user: &'a str,
    /// Its password.
    pub secret: &'a Secret,
}

/// What becomes of the computer's account in the directory.
#[derive(Clone, Copy)]
pub enum OldAccount<'a> {
    /// It stays there; the directory need not be reachable.
    Stays,
    /// It is removed by somebody who may do that.
    IsRemovedBy(Account<'a>),
}

/// What a machine belongs to, as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// A domain.
    Domain(String),
    /// A workgroup.
    Workgroup(String),
}

impl Windows {
    /// What it belongs to.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn membership(&self) -> Result<Membership, WindowsError> {
        let row = computer(self.peer()).await?;
        let read = || -> Result<Membership, Malformed> {
            let name = row.need("Domain")?.to_owned();
            Ok(if row.boolean("PartOfDomain")?.unwrap_or(false) { Membership::Domain(name) } else { Membership::Workgroup(name) })
        };
        Ok(self.peer().read(classes::WINDOWS_COMPUTER, read())?)
    }

    /// Renames it; a member tells its directory, by `account`.
    ///
    /// # Errors
    /// `Refused`: 1210 for a name that is none, 1326 for the account, 1355 when the directory cannot be reached.
    pub async fn rename(&self, to: &ComputerName, account: Option<Account<'_>>) -> Result<(), WindowsError> {
        let mut input = vec![("Name", to.as_str().into())];
        if let Some(account) = account {
            input.extend([("Password", account.secret.reveal().into()), ("UserName", account.user.into())]);
        }
        done(self.call("Rename", &input).await?, "Rename", to.as_str())
    }

    /// Joins the domain; a machine that is a member already stays one.
    ///
    /// # Errors
    /// `Refused`: 1326 for the account, 1355 when the domain cannot be reached, 2224 or 2732 for somebody else's computer account.
    pub async fn join(&self, domain: &DomainName, account: Account<'_>) -> Result<(), WindowsError> {
        let input = [
            ("Name", domain.as_str().into()),
            ("Password", account.secret.reveal().into()),
            ("UserName", account.user.into()),
            ("FJoinOptions", JOIN_AND_CREATE.into()),
        ];
        match self.call("JoinDomainOrWorkgroup", &input).await? {
            ALREADY_JOINED => Ok(()),
            value => done(value, "JoinDomainOrWorkgroup", domain.as_str()),
        }
    }

    /// Leaves the domain; a machine that is in none stays so.
    ///
    /// # Errors
    /// `Refused`.
    pub async fn unjoin(&self, account: OldAccount<'_>) -> Result<(), WindowsError> {
        let input = match account {
            OldAccount::Stays => vec![("FUnjoinOptions", 0_u32.into())],
            OldAccount::IsRemovedBy(account) => vec![
                ("Password", account.secret.reveal().into()),
                ("UserName", account.user.into()),
                ("FUnjoinOptions", DELETE_ACCOUNT.into()),
            ],
        };
        match self.call("UnjoinDomainOrWorkgroup", &input).await? {
            NOT_JOINED => Ok(()),
            value => done(value, "UnjoinDomainOrWorkgroup", "the domain"),
        }
    }

    /// Enters a workgroup; a member leaves its domain first.
    ///
    /// # Errors
    /// `Refused`: 2691 for a member of a domain.
    pub async fn enter_workgroup(&self, workgroup: &str) -> Result<(), WindowsError> {
        let input = [("Name", workgroup.into()), ("FJoinOptions", 0_u32.into())];
        done(self.call("JoinDomainOrWorkgroup", &input).await?, "JoinDomainOrWorkgroup", workgroup)
    }

    async fn call(&self, method: &'static str, input: &Input) -> Result<u32, WindowsError> {
        let row = computer(self.peer()).await?;
        let name = self.peer().read(classes::WINDOWS_COMPUTER, row.need("Name").map(str::to_owned))?;
        let target = CimPath::class_of(Namespace::CIMV2, classes::WINDOWS_COMPUTER).with_key("Name", name);
        Ok(self.peer().invoke(&target, method, input).await?.value)
    }
}

async fn computer(peer: &Peer) -> Result<CimInstance, WindowsError> {
    let rows = peer.select(&Query::windows(classes::WINDOWS_COMPUTER)).await?;
    rows.into_iter().next().ok_or_else(|| WindowsError::Missing(format!("the {}", classes::WINDOWS_COMPUTER)))
}

fn done(value: u32, method: &'static str, object: &str) -> Result<(), WindowsError> {
    match value {
        0 => Ok(()),
        value => Err(WindowsError::refused(method, format!("`{object}`"), (Family::Windows, value))),
    }
}
