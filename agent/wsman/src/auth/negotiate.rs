//! Negotiate with NTLM inside: what a Windows host offers by default.
//!
//! Guarantees: over HTTP every envelope is sealed and every answer must be, in its place of the sequence; over HTTPS the handshake is
//! bound to the TLS connection. A handshake that the host ends early, or without its own proof where SPNEGO carries one, is an error.
//! Deliberately absent: NTLM version 1, and falling back from one way to another.

use base64::Engine as _;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::HeaderValue;

use super::context::{Context, Package};
use super::multipart::{self, MultipartError, Protocol, Sealed};
use super::{Account, AuthError, Authenticate, Offers, Peer, Reply, SOAP_TYPE, Session, binding};
use crate::connect::{BoxFuture, Scheme};

/// The scheme's name in headers.
const SCHEME: &str = "Negotiate";

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
        let bindings = peer.certificate.and_then(binding::tls_server_end_point);
        let bindings = bindings.map(|data| binding::sec_channel_bindings(&data));
        let context = Context::new(package, &peer.endpoint.host, bindings);
        let sealing = peer.endpoint.scheme == Scheme::Http;
        Ok(Box::new(Negotiated { user: self.account.user.clone(), context, sealing, tokens: 0 }))
    }

    fn account(&self) -> Option<&Account> {
        Some(&self.account)
    }
}

struct Negotiated {
    user: String,
    context: Context,
    sealing: bool,
    /// Tokens that were sent. The second one proves the password.
    tokens: u8,
}

impl Negotiated {
    fn proved(&self) -> bool {
        self.tokens > 1
    }

    fn speak(&mut self, said: Vec<u8>) -> Result<Option<HeaderValue>, AuthError> {
        let token = self.context.step(said)?.token;
        if token.is_empty() {
            return Ok(None);
        }
        self.tokens = self.tokens.saturating_add(1);
        let words = format!("{SCHEME} {}", base64::engine::general_purpose::STANDARD.encode(token));
        let mut words = HeaderValue::try_from(words).map_err(|_| AuthError::Unsendable)?;
        words.set_sensitive(true);
        Ok(Some(words))
    }

    fn answer(&mut self, reply: &Reply) -> Result<Option<HeaderValue>, AuthError> {
        let offer = reply.offers.find(SCHEME);
        let said = offer.map(|offer| offer.token.clone()).unwrap_or_default();
        if reply.status == StatusCode::UNAUTHORIZED {
            if self.proved() {
                return Err(AuthError::Refused { user: self.user.clone() });
            }
            if offer.is_none() {
                return Err(AuthError::NotOffered { wished: SCHEME, offers: reply.offers.clone() });
            }
            if said.is_empty() {
                let early = "the host ended it after the first message, before the password came into it; it may forbid NTLM";
                return Err(AuthError::Handshake(early.to_owned()));
            }
            return self.speak(said);
        }
        let more = if self.context.is_established() || said.is_empty() { None } else { self.speak(said)? };
        match more {
            None if self.proved() && self.context.is_established() => Ok(None),
            _ => Err(AuthError::NotProven),
        }
    }
}

impl Session for Negotiated {
    fn handshake<'a>(&'a mut self, reply: Option<&'a Reply>) -> BoxFuture<'a, Result<Option<HeaderValue>, AuthError>> {
        Box::pin(async move {
            match reply {
                None => self.speak(vec![]),
                Some(reply) => self.answer(reply),
            }
        })
    }

    fn refused(&self, _offers: &Offers) -> AuthError {
        AuthError::Forgotten { user: self.user.clone() }
    }

    fn seal(&mut self, envelope: Bytes) -> Result<(HeaderValue, Bytes), AuthError> {
        if !self.sealing {
            return Ok((HeaderValue::from_static(SOAP_TYPE), envelope));
        }
        let mut data = Vec::from(envelope);
        let signature = self.context.seal(&mut data)?;
        let body = multipart::encode(Protocol::Spnego, Sealed { length: data.len(), signature: &signature, data: &data });
        Ok((HeaderValue::from_static(Protocol::Spnego.content_type()), body.into()))
    }

    fn unseal(&mut self, media_type: Option<&HeaderValue>, body: Bytes) -> Result<Bytes, AuthError> {
        if !self.sealing {
            return Ok(body);
        }
        let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let sealed = multipart::decode(Protocol::Spnego, media_type, &body).map_err(AuthError::NotSealed)?;
        if sealed.length != sealed.data.len() {
            return Err(AuthError::NotSealed(MultipartError::Headers));
        }
        let mut data = sealed.data.to_vec();
        self.context.unseal(sealed.signature, &mut data)?;
        Ok(data.into())
    }
}
