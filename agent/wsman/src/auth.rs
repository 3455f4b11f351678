//! Authentication: a seam, since it belongs to a connection and may seal what goes over it.
//!
//! `Authenticate` makes one `Session` for each connection. A session may first want a handshake of empty requests, then names itself
//! in each request, and may seal and unseal bodies. Here: Basic. A sealed Negotiate fits the same trait.
//! Guarantees: a password goes over HTTP in clear only where that was asked for by name.

use std::fmt;

use base64::Engine as _;
use hyper::body::Bytes;
use hyper::header::HeaderValue;

use crate::connect::{Endpoint, Scheme};
use crate::secret::Secret;

/// The media type of a plain envelope.
pub const SOAP_TYPE: &str = "application/soap+xml;charset=UTF-8";

/// A way to authenticate, for any number of connections.
pub trait Authenticate: Send + Sync + fmt::Debug {
    /// The session of a new connection to `endpoint`.
    ///
    /// # Errors
    /// This way is not allowed on such a connection.
    fn session(&self, endpoint: &Endpoint) -> Result<Box<dyn Session>, AuthError>;
}

/// Authentication on one connection.
pub trait Session: Send {
    /// What the next request of the handshake says, given what the host said last; `None` when requests may go.
    ///
    /// # Errors
    /// The host's words make no sense or are a refusal.
    fn handshake(&mut self, challenge: Option<&HeaderValue>) -> Result<Option<HeaderValue>, AuthError>;

    /// What each request says.
    fn authorization(&self) -> Option<HeaderValue>;

    /// The body that is sent for `envelope`, and its media type.
    ///
    /// # Errors
    /// It cannot be sealed.
    fn seal(&mut self, envelope: Bytes) -> Result<(HeaderValue, Bytes), AuthError> {
        Ok((HeaderValue::from_static(SOAP_TYPE), envelope))
    }

    /// The envelope in a body of `media_type`.
    ///
    /// # Errors
    /// It cannot be unsealed.
    fn unseal(&mut self, media_type: Option<&HeaderValue>, body: Bytes) -> Result<Bytes, AuthError> {
        let _ = media_type;
        Ok(body)
    }
}

/// Authentication that goes no further.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AuthError {
    /// Basic over HTTP.
    #[error("Basic authentication would send the password in clear to `{endpoint}`; use https, or ask for it by name")]
    InClear {
        /// Where it would have gone.
        endpoint: String,
    },
    /// A name or password that no header can carry.
    #[error("the user's name or password cannot be sent: the name holds a colon or a control character")]
    Unsendable,
    /// The handshake failed.
    #[error("the handshake failed: {0}")]
    Handshake(String),
}

/// How Basic may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cleartext {
    /// Over HTTPS only.
    #[default]
    Refused,
    /// Over HTTP too: anybody on the way can read the password.
    Allowed,
}

/// A user's name and password in each request. Windows takes it for local accounts only.
#[derive(Debug, Clone)]
pub struct Basic {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// Whether it may go over HTTP.
    pub cleartext: Cleartext,
}

impl Basic {
    /// Basic over HTTPS only.
    #[must_use]
    pub fn new(user: impl Into<String>, password: Secret) -> Self {
        Self { user: user.into(), password, cleartext: Cleartext::Refused }
    }
}

impl Authenticate for Basic {
    fn session(&self, endpoint: &Endpoint) -> Result<Box<dyn Session>, AuthError> {
        if endpoint.scheme == Scheme::Http && self.cleartext == Cleartext::Refused {
            return Err(AuthError::InClear { endpoint: endpoint.to_string() });
        }
        if self.user.contains(':') || self.user.chars().any(char::is_control) {
            return Err(AuthError::Unsendable);
        }
        let pair = format!("{}:{}", self.user, self.password.reveal());
        let header = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        let mut header = HeaderValue::try_from(header).map_err(|_| AuthError::Unsendable)?;
        header.set_sensitive(true);
        Ok(Box::new(Fixed(Some(header))))
    }
}

/// No authentication: for Identify.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

impl Authenticate for Anonymous {
    fn session(&self, _endpoint: &Endpoint) -> Result<Box<dyn Session>, AuthError> {
        Ok(Box::new(Fixed(None)))
    }
}

struct Fixed(Option<HeaderValue>);

impl Session for Fixed {
    fn handshake(&mut self, _challenge: Option<&HeaderValue>) -> Result<Option<HeaderValue>, AuthError> {
        Ok(None)
    }

    fn authorization(&self) -> Option<HeaderValue> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_sent_in_clear_unless_that_is_said() {
        let mut basic = Basic::new("agent", Secret::new("s3cret"));
        let refused = basic.session(&Endpoint::http("hv01")).err();
        assert!(matches!(refused, Some(AuthError::InClear { .. })));
        assert!(basic.session(&Endpoint::https("hv01")).is_ok());
        basic.cleartext = Cleartext::Allowed;
        let session = basic.session(&Endpoint::http("hv01")).expect("allowed");
        assert_eq!(session.authorization().expect("a header"), "Basic YWdlbnQ6czNjcmV0");
    }

    #[test]
    fn a_password_is_in_no_debug_text() {
        let basic = Basic::new("agent", Secret::new("s3cret"));
        assert!(!format!("{basic:?}").contains("s3cret"));
        let session = basic.session(&Endpoint::https("hv01")).expect("allowed");
        assert!(!format!("{:?}", session.authorization()).contains("YWdlbnQ"));
    }
}
