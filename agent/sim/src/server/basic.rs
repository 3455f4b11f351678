//! The Basic scheme: a user and a password in one header.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A user and a password. `Debug` never shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account, as written; it may carry a domain.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// Reads the value of an `Authorization` header.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (scheme, value) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_hold_a_colon_and_is_never_shown() {
        let given = Credentials::parse("basic SFYwMVxhZG1pbjpwYTpzcw==").expect("credentials");
        assert_eq!((given.user.as_str(), given.password.as_str()), (r"HV01\admin", "pa:ss"));
        assert!(!format!("{given:?}").contains("pa:ss"));
    }

    #[test]
    fn what_is_not_basic_is_nobody() {
        for header in ["", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Negotiate SFYwMQ=="] {
            assert_eq!(Credentials::parse(header), None, "{header}");
        }
    }
}
