//! Basic: the user's name and password in each request.
//!
//! Guarantees: over HTTP only where that was asked for by name. Windows takes it for local accounts only, and not by default.

use base64::Engine as _;
use hyper::header::HeaderValue;
use zeroize::Zeroizing;

use super::{Account, AuthError, Authenticate, Offers, Peer, Session};
use crate::connect::Scheme;
use crate::secret::Secret;

/// How Basic may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cleartext {
    /// Over HTTPS only.
    #[default]
    Refused,
    /// Over HTTP too: anybody on the way can read the password.
    Allowed,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Basic {
    /// Whose name and password.
    pub account: Account,
    /// Whether they may go over HTTP.
    pub cleartext: Cleartext,
}

impl Basic {
    /// Basic over HTTPS only.
    #[must_use]
    pub fn new(user: impl Into<String>, password: Secret) -> Self {
        Self { account: Account { user: user.into(), password }, cleartext: Cleartext::Refused }
    }
}

impl Authenticate for Basic {
    fn session(&self, peer: Peer<'_>) -> Result<Box<dyn Session>, AuthError> {
        if peer.endpoint.scheme == Scheme::Http && self.cleartext == Cleartext::Refused {
            return Err(AuthError::InClear { endpoint: peer.endpoint.to_string() });
        }
        let Account { user, password } = &self.account;
        if user.contains(':') || user.chars().any(char::is_control) {
            return Err(AuthError::Unsendable);
        }
        let pair = Zeroizing::new(format!("{user}:{}", password.reveal()));
        let header = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(&*pair));
        let mut header = HeaderValue::try_from(header).map_err(|_| AuthError::Unsendable)?;
        header.set_sensitive(true);
        Ok(Box::new(Named { user: user.clone(), header }))
    }

    fn account(&self) -> Option<&Account> {
        Some(&self.account)
    }
}

struct Named {
    user: String,
    header: HeaderValue,
}

impl Session for Named {
    fn authorization(&self) -> Option<HeaderValue> {
        Some(self.header.clone())
    }

    fn refused(&self, offers: &Offers) -> AuthError {
        // A host that offers nothing at all says only no.
        if offers.is_empty() || offers.find("Basic").is_some() {
            return AuthError::Refused { user: self.user.clone() };
        }
        AuthError::NotOffered { wished: "Basic", offers: offers.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::Endpoint;

    fn session(basic: &Basic, endpoint: &Endpoint) -> Result<Box<dyn Session>, AuthError> {
        basic.session(Peer { endpoint, certificate: None })
    }

    #[test]
    fn a_password_is_not_sent_in_clear_unless_that_is_said() {
        let mut basic = Basic::new("agent", Secret::new("s3cret"));
        let refused = session(&basic, &Endpoint::http("hv01")).err();
        assert!(matches!(refused, Some(AuthError::InClear { .. })));
        assert!(session(&basic, &Endpoint::https("hv01")).is_ok());
        basic.cleartext = Cleartext::Allowed;
        let session = session(&basic, &Endpoint::http("hv01")).expect("allowed");
        assert_eq!(session.authorization().expect("a header"), "Basic YWdlbnQ6czNjcmV0");
    }

    #[test]
    fn a_password_is_in_no_debug_text() {
        let basic = Basic::new("agent", Secret::new("s3cret"));
        assert!(!format!("{basic:?}").contains("s3cret"));
        let session = session(&basic, &Endpoint::https("hv01")).expect("allowed");
        assert!(!format!("{:?}", session.authorization()).contains("YWdlbnQ"));
    }

    #[test]
    fn a_refusal_is_told_from_a_scheme_that_is_not_offered() {
        let basic = Basic::new("agent", Secret::new("s3cret"));
        let session = session(&basic, &Endpoint::https("hv01")).expect("allowed");
        assert!(session.refused(&Offers::parse(["Basic realm=\"WSMAN\""])).is_refusal());
        let other = session.refused(&Offers::parse(["Negotiate", "Kerberos"]));
        assert_eq!(
            other.to_string(),
            "the host does not offer Basic: it offers Negotiate, Kerberos; allow Basic in its WinRM service, or choose another `authentication`"
        );
    }
}
