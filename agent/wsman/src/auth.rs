//! Authentication: a seam, since it belongs to a connection and may seal what goes over it.
//!
//! `Authenticate` makes one `Session` for each connection. A session may first want a handshake of empty requests, then names itself
//! in each request, and may seal and unseal bodies. Guarantees: a password goes over HTTP in clear only where that was asked for by
//! name; no password, key or token is in any `Debug` or error text. Deliberately absent: CredSSP, and trust in hosts (see `tls`).

mod basic;
pub mod binding;
mod certificate;
mod context;
mod der;
mod kerberos;
pub mod multipart;
mod negotiate;
mod offers;
mod refusals;
mod tokens;

use std::fmt;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};

use crate::connect::{BoxFuture, Endpoint};
use crate::secret::Secret;

pub use basic::{Basic, Cleartext};
pub use certificate::{ClientCertificate, ClientIdentity, IdentityError};
pub use kerberos::Kerberos;
pub use negotiate::{Negotiate, Wrapping};
pub use offers::{Offer, Offers};
pub use refusals::Refusals;

/// The media type of a plain envelope.
pub const SOAP_TYPE: &str = "application/soap+xml;charset=UTF-8";

/// A user and the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user's name: `Administrator`, `CCE\Administrator`, `admin@cce.contoso.local`.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// The other end of a connection that is about to be authenticated.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// Where it listens.
    pub endpoint: &'a Endpoint,
    /// The certificate (DER) by which it proved who it is, on HTTPS.
    pub certificate: Option<&'a [u8]>,
}

/// A way to authenticate, for any number of connections.
pub trait Authenticate: Send + Sync + fmt::Debug {
    /// The session of a new connection to `peer`.
    ///
    /// # Errors
    /// This way is not allowed on such a connection.
    fn session(&self, peer: Peer<'_>) -> Result<Box<dyn Session>, AuthError>;

    /// Whose password it sends or proves, if any; such an account can be locked out by attempts.
    fn account(&self) -> Option<&Account> {
        None
    }

    /// What TLS is to show to the host, if anything.
    fn identity(&self) -> Option<&ClientIdentity> {
        None
    }
}

/// What the host said to the last request of a handshake.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status: 401 to go on, success when it is content.
    pub status: StatusCode,
    /// What it offers, with the token that belongs to it.
    pub offers: Offers,
}

/// Authentication on one connection.
pub trait Session: Send {
    /// What the next request of the handshake says, given what the host said last; `None` when requests may go.
    ///
    /// # Errors
    /// The host's words make no sense or are a refusal.
    fn handshake<'a>(&'a mut self, reply: Option<&'a Reply>) -> BoxFuture<'a, Result<Option<HeaderValue>, AuthError>> {
        let _ = reply;
        Box::pin(async { Ok(None) })
    }

    /// What each request says.
    fn authorization(&self) -> Option<HeaderValue> {
        None
    }

    /// A header of its own that each request carries besides.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        None
    }

    /// Why a request of this session got 401, given what the host offers instead.
    fn refused(&self, offers: &Offers) -> AuthError;

    /// Whether envelopes are sealed, so that whatever comes without a seal may be anybody's word.
    fn seals(&self) -> bool {
        false
    }

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
    /// It was not sealed by the host, or not for this place in the conversation.
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
    /// A way that exists only within TLS.
    #[error("`{endpoint}` is not https, and a client certificate is shown only within TLS")]
    NeedsTls {
        /// Where it would have gone.
        endpoint: String,
    },
    /// A name or password that no header can carry.
    #[error("the user's name or password cannot be sent: the name holds a colon or a control character")]
    Unsendable,
    /// The host does not offer what was asked for.
    #[error(
        "the host does not offer {wished}: it offers {offers}; allow {wished} in its WinRM service, or choose another `authentication`"
    )]
    NotOffered {
        /// The scheme.
        wished: &'static str,
        /// What it offers.
        offers: Offers,
    },
    /// The host knows no such user, or the user another password; or the account is locked, disabled or may not log on from afar.
    #[error("the host refuses user `{user}`: wrong name or password, a locked account, or one that may not log on over the network")]
    Refused {
        /// The user.
        user: String,
    },
    /// The host does not take the certificate that TLS showed, or never asked for it.
    #[error(
        "the host does not take the client certificate: map it to an account there, and let the listener ask for it when TLS begins \
         (`netsh http update sslcert … clientcertnegotiation=enable`)"
    )]
    CertificateRefused,
    /// The host let us in, then answered 401 on the same connection, and again on a new one.
    #[error("the host accepts user `{user}` and then forgets it: something between may share connections")]
    Forgotten {
        /// The user.
        user: String,
    },
    /// This user and password were refused lately.
    #[error(
        "the host refused user `{user}`: wrong name or password, a locked account, or one that may not log on over the network; so that it \
         locks no account, this process does not try that password again for {seconds} s"
    )]
    Resting {
        /// The user.
        user: String,
        /// What is left of the rest.
        seconds: u64,
    },
    /// Kerberos wants a realm, and nothing names one.
    #[error("the user's name `{user}` tells no realm, and no domain controller is named")]
    NoRealm {
        /// The user.
        user: String,
    },
    /// A domain controller does not answer.
    #[error("the domain controller `{controller}` gives no ticket: {why}")]
    NoTicket {
        /// Its host and port.
        controller: String,
        /// Why.
        why: String,
    },
    /// The handshake failed.
    #[error("the handshake failed: {0}")]
    Handshake(String),
    /// The host ended the handshake without proving that it knows the password too.
    #[error("the host ended the handshake without proof that it knows the password")]
    NotProven,
    /// An answer that had to be sealed and came in plain text, or in another form.
    #[error("the answer is not sealed as it must be: {0}")]
    NotSealed(multipart::MultipartError),
    /// An answer that was changed on the way, repeated, or sealed by somebody else.
    #[error("the answer's seal is broken: it was changed on its way, or is not the host's answer to this request")]
    SealBroken,
}

impl AuthError {
    /// Whether the host itself said no to the account, so that another attempt brings it nearer to being locked.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether it was found out here, before anybody was asked.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::InClear { .. } | Self::NeedsTls { .. } | Self::Unsendable | Self::NoRealm { .. })
    }
}

/// No authentication: for Identify.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

impl Authenticate for Anonymous {
    fn session(&self, _peer: Peer<'_>) -> Result<Box<dyn Session>, AuthError> {
        Ok(Box::new(Nobody))
    }
}

struct Nobody;

impl Session for Nobody {
    // Without it Windows wants to know who asks, even for Identify.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        Some((HeaderName::from_static("wsmanidentify"), HeaderValue::from_static("unauthenticated")))
    }

    fn refused(&self, offers: &Offers) -> AuthError {
        AuthError::NotOffered { wished: "anonymous requests", offers: offers.clone() }
    }
}
