//! Who a request is from: the `Authorization` header, and what its connection has proven before.
//!
//! Guarantees: a logon by Negotiate holds for its connection and no other; a wrong password counts against its account whichever way
//! it came; nothing that was refused is let in later by the same handshake.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::basic::Credentials;
use super::mutual;
use super::negotiate::{Demands, Established, Handshake, Refused, Step};
use crate::image::{Rights, Winrm};
use crate::network::Shared;
use crate::world::{Caller, MachineId};

/// What a connection is inside of.
#[derive(Debug)]
pub(super) enum Channel {
    /// Nothing: everybody on the way can read it.
    Clear,
    /// TLS.
    Tls {
        /// The certificate that the listener has shown, DER.
        certificate: Vec<u8>,
        /// SHA-1 over the certificate that the client has shown.
        client: Option<String>,
    },
}

/// What a connection has proven so far.
#[derive(Debug, Default)]
pub(super) enum Session {
    /// Nothing.
    #[default]
    Nobody,
    /// Half of a handshake.
    Halfway(Handshake),
    /// Who is at its other end.
    Somebody(Established),
}

/// What becomes of a request, by who it is from.
#[derive(Debug)]
pub(super) enum Admission {
    /// It is from this account.
    Caller(Caller),
    /// It ends the handshake of this account. The token, if there is one, tells the client so.
    LoggedOn(Caller, Option<Vec<u8>>),
    /// It says nothing of whom it is from.
    Nobody,
    /// The client has to answer this token.
    Challenge(Vec<u8>),
    /// It is not who it says to be.
    Refused,
}

/// Where a request came in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entrance<'a> {
    /// What all connections share.
    pub(super) shared: &'a Shared,
    /// The machine that is asked.
    pub(super) machine: &'a MachineId,
    /// How its service is configured.
    pub(super) winrm: &'a Winrm,
    /// What the connection is inside of.
    pub(super) channel: &'a Channel,
}

impl Entrance<'_> {
    /// Who the request with these headers is from.
    pub(super) fn admit(&self, headers: &HeaderMap, session: &mut Session) -> Admission {
        let given = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
        let admission = match given.map(|given| given.split_once(' ').unwrap_or((given, ""))) {
            None => match session {
                Session::Somebody(established) => Admission::Caller(established.caller.clone()),
                Session::Nobody | Session::Halfway(_) => Admission::Nobody,
            },
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("negotiate") && self.winrm.negotiate => self.negotiate(token, session),
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("basic") && self.takes_basic() => self.basic(given.unwrap_or_default()),
            Some((mutual::PROFILE, _)) => self.mutual(),
            Some(_) => Admission::Refused,
        };
        match admission {
            // To its face, a filtered token looks like a wrong password.
            Admission::Caller(Caller { rights: Rights::Filtered, .. })
            | Admission::LoggedOn(Caller { rights: Rights::Filtered, .. }, _) => {
                *session = Session::Nobody;
                Admission::Refused
            }
            admission => admission,
        }
    }

    /// The schemes that a refusal offers, in Windows's order.
    pub(super) fn offer(&self, headers: &mut HeaderMap) {
        if self.winrm.negotiate {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Negotiate"));
        }
        if self.takes_basic() {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="WSMAN""#));
        }
    }

    /// A password in clear is taken only where nobody can read it, or where that was asked for.
    fn takes_basic(&self) -> bool {
        self.winrm.basic && (self.winrm.allow_unencrypted || matches!(self.channel, Channel::Tls { .. }))
    }

    fn basic(&self, header: &str) -> Admission {
        let Some(given) = Credentials::parse(header) else { return Admission::Refused };
        let mut state = self.shared.lock();
        let Some(known) = state.world.basic(self.machine, &given.user) else { return Admission::Refused };
        match known.iter().find(|principal| principal.password == given.password) {
            Some(principal) => {
                state.world.logon_succeeded(self.machine, &principal.caller.account);
                Admission::Caller(principal.caller.clone())
            }
            None => {
                for principal in known.iter().take(1) {
                    state.world.logon_failed(self.machine, &principal.caller.account);
                }
                Admission::Refused
            }
        }
    }

    fn mutual(&self) -> Admission {
        let Channel::Tls { client: Some(thumbprint), .. } = self.channel else { return Admission::Refused };
        let mapped = self.winrm.client_certificates.iter().find(|mapping| mapping.thumbprint.eq_ignore_ascii_case(thumbprint));
        let Some(mapping) = mapped.filter(|_| self.winrm.certificate) else { return Admission::Refused };
        let found = self.shared.lock().world.basic(self.machine, &mapping.account).unwrap_or_default();
        found.into_iter().next().map_or(Admission::Refused, |principal| Admission::Caller(principal.caller))
    }

    fn negotiate(&self, token: &str, session: &mut Session) -> Admission {
        let before = std::mem::take(session);
        let Ok(token) = STANDARD.decode(token.trim()) else { return Admission::Refused };
        if token.is_empty() {
            return Admission::Refused;
        }
        let handshake = match before {
            Session::Halfway(handshake) if !begins(&token) => Ok(handshake),
            _ => Handshake::begin(&token, self.shared.lock().world.principals(self.machine)),
        };
        let certificate = match self.channel {
            Channel::Clear => None,
            Channel::Tls { certificate, .. } => Some(certificate.as_slice()),
        };
        let demands = Demands { certificate, hardening: self.winrm.cbt_hardening_level };
        match handshake.and_then(|handshake| handshake.step(&token, demands)) {
            Ok((handshake, Step::Challenge(answer))) => {
                *session = handshake.map_or(Session::Nobody, Session::Halfway);
                Admission::Challenge(answer)
            }
            Ok((_, Step::Done(established, answer))) => {
                let caller = established.caller.clone();
                self.shared.lock().world.logon_succeeded(self.machine, &caller.account);
                *session = Session::Somebody(established);
                Admission::LoggedOn(caller, answer)
            }
            Err(Refused::Logon { account: Some(account) }) => {
                self.shared.lock().world.logon_failed(self.machine, &account);
                Admission::Refused
            }
            Err(Refused::Logon { account: None } | Refused::Token | Refused::Binding) => Admission::Refused,
        }
    }
}

/// Whether `token` begins a handshake: NTLM's first message, or SPNEGO's (its tag is that of RFC 2743's first token).
fn begins(token: &[u8]) -> bool {
    token.starts_with(b"NTLMSSP\0\x01") || token.first() == Some(&0x60)
}

/// The header that carries `token` to the client.
pub(super) fn challenge(token: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("Negotiate {}", STANDARD.encode(token))).ok()
}
