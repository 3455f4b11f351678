//! A session of tokens and seals: how a security context travels in HTTP.
//!
//! Guarantees: nothing goes before both ends have said all; over HTTP each envelope is sealed and each answer must be; a host that ends
//! the handshake early, or without its own proof where there is one, is not believed. Deliberately absent: what the tokens mean.

use base64::Engine as _;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::HeaderValue;

use super::context::{Context, Package, StepError};
use super::multipart::{self, MultipartError, Protocol, Sealed};
use super::{Account, AuthError, Offers, Peer, Reply, SOAP_TYPE, Session, binding};
use crate::connect::{BoxFuture, Scheme};

/// How a way to authenticate writes its tokens and seals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    /// The scheme's name in headers.
    pub(super) scheme: &'static str,
    /// The name of its seals.
    pub(super) protocol: Protocol,
    /// Which of our tokens proves the password.
    pub(super) proof: u8,
    /// Whether it is bound to the TLS connection that it runs in.
    pub(super) binds: bool,
}

/// See the module.
pub(super) struct Tokens {
    dialect: Dialect,
    user: String,
    context: Context,
    sealing: bool,
    /// Tokens that were sent.
    sent: u8,
}

impl Tokens {
    /// The session of a new connection to `peer`.
    pub(super) fn new(dialect: Dialect, package: Package, account: &Account, peer: Peer<'_>) -> Self {
        let bindings = peer.certificate.filter(|_| dialect.binds).and_then(binding::tls_server_end_point);
        let bindings = bindings.map(|data| binding::sec_channel_bindings(&data));
        let context = Context::new(package, &peer.endpoint.host, bindings);
        Self { dialect, user: account.user.clone(), context, sealing: peer.endpoint.scheme == Scheme::Http, sent: 0 }
    }

    fn proved(&self) -> bool {
        self.sent >= self.dialect.proof
    }

    async fn speak(&mut self, said: Vec<u8>) -> Result<Option<HeaderValue>, AuthError> {
        let token = self.context.step(said).await.map_err(|error| match error {
            // A domain controller says no in place of the host.
            StepError::Refused => AuthError::Refused { user: self.user.clone() },
            StepError::NoTicket { controller, source } => AuthError::NoTicket { controller, why: source.to_string() },
            StepError::Failed(words) => AuthError::Handshake(words),
        })?;
        if token.is_empty() {
            return Ok(None);
        }
        self.sent = self.sent.saturating_add(1);
        let words = format!("{} {}", self.dialect.scheme, base64::engine::general_purpose::STANDARD.encode(token));
        let mut words = HeaderValue::try_from(words).map_err(|_| AuthError::Unsendable)?;
        words.set_sensitive(true);
        Ok(Some(words))
    }

    async fn answer(&mut self, reply: &Reply) -> Result<Option<HeaderValue>, AuthError> {
        let offer = reply.offers.find(self.dialect.scheme);
        let said = offer.map(|offer| offer.token.clone()).unwrap_or_default();
        if reply.status == StatusCode::UNAUTHORIZED {
            if offer.is_none() && !(self.proved() && reply.offers.is_empty()) {
                return Err(AuthError::NotOffered { wished: self.dialect.scheme, offers: reply.offers.clone() });
            }
            if self.proved() {
                return Err(AuthError::Refused { user: self.user.clone() });
            }
            if said.is_empty() {
                let early = "the host ended it after the first message, before the password came into it; it may forbid NTLM";
                return Err(AuthError::Handshake(early.to_owned()));
            }
            return self.speak(said).await;
        }
        let more = if self.context.is_established() || said.is_empty() { None } else { self.speak(said).await? };
        match more {
            None if self.proved() && self.context.is_established() => Ok(None),
            _ => Err(AuthError::NotProven),
        }
    }
}

impl Session for Tokens {
    fn handshake<'a>(&'a mut self, reply: Option<&'a Reply>) -> BoxFuture<'a, Result<Option<HeaderValue>, AuthError>> {
        Box::pin(async move {
            match reply {
                None => self.speak(vec![]).await,
                Some(reply) => self.answer(reply).await,
            }
        })
    }

    fn refused(&self, _offers: &Offers) -> AuthError {
        AuthError::Forgotten { user: self.user.clone() }
    }

    fn seals(&self) -> bool {
        self.sealing
    }

    fn seal(&mut self, envelope: Bytes) -> Result<(HeaderValue, Bytes), AuthError> {
        if !self.sealing {
            return Ok((HeaderValue::from_static(SOAP_TYPE), envelope));
        }
        let mut data = Vec::from(envelope);
        let signature = self.context.seal(&mut data)?;
        let protocol = self.dialect.protocol;
        let body = multipart::encode(protocol, Sealed { length: data.len(), signature: &signature, data: &data });
        Ok((HeaderValue::from_static(protocol.content_type()), body.into()))
    }

    fn unseal(&mut self, media_type: Option<&HeaderValue>, body: Bytes) -> Result<Bytes, AuthError> {
        if !self.sealing {
            return Ok(body);
        }
        let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let sealed = multipart::decode(self.dialect.protocol, media_type, &body).map_err(AuthError::NotSealed)?;
        if sealed.length != sealed.data.len() {
            return Err(AuthError::NotSealed(MultipartError::Headers));
        }
        let mut data = sealed.data.to_vec();
        self.context.unseal(sealed.signature, &mut data)?;
        Ok(data.into())
    }
}
