//! Negotiate with NTLM inside: what a Windows host offers by default.
//!
//! Guarantees: over HTTP every envelope is sealed and every answer must be, in its place of the sequence; over HTTPS the handshake is
//! bound to the TLS connection. A handshake that the host ends early, or without its own proof where SPNEGO carries one, is an error.
//! Deliberately absent: NTLM version 1, and falling back from one way to another.

use super::context::Package;
use super::multipart::Protocol;
use super::tokens::{Dialect, Tokens};
use super::{Account, AuthError, Authenticate, Peer, Session};

/// The second token proves the password.
const DIALECT: Dialect = Dialect { scheme: "Negotiate", protocol: Protocol::Spnego, proof: 2, binds: true };

/// What the tokens are wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wrapping {
    /// SPNEGO, as Windows clients do: the agreement itself is signed too.
    #[default]
    Spnego,
    /// Nothing: bare NTLM messages, as Windows servers also take.
    Raw,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Negotiate {
    /// Whose name and password.
    pub account: Account,
    /// What the tokens are wrapped in.
    pub wrapping: Wrapping,
}

impl Negotiate {
    /// Negotiate for `account`, wrapped in SPNEGO.
    #[must_use]
    pub fn new(account: Account) -> Self {
        Self { account, wrapping: Wrapping::Spnego }
    }
}

impl Authenticate for Negotiate {
    fn session(&self, peer: Peer<'_>) -> Result<Box<dyn Session>, AuthError> {
        let package = match self.wrapping {
            Wrapping::Spnego => Package::spnego(&self.account),
            Wrapping::Raw => Package::ntlm(&self.account),
        }?;
        Ok(Box::new(Tokens::new(DIALECT, package, &self.account, peer)))
    }

    fn account(&self) -> Option<&Account> {
        Some(&self.account)
    }
}
