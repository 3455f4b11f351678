//! How a machine's WS-Management service is configured (`winrm/config/service`), and what it does about wrong passwords.
//!
//! Guarantees: what is left out is as Windows Server 2012 and later install it.
//! Deliberately absent: Kerberos and CredSSP, which the simulation does not speak.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of one machine's service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Winrm {
    /// `Auth/Basic`: takes a password in the header, inside TLS. Local accounts only; Windows is installed without it.
    pub basic: bool,
    /// `Auth/Negotiate`: takes NTLM, bare or inside SPNEGO.
    pub negotiate: bool,
    /// `Auth/Certificate`: asks TLS clients for a certificate, and lets in whom `clientCertificates` names.
    pub certificate: bool,
    /// Takes messages over HTTP that are not sealed.
    pub allow_unencrypted: bool,
    /// What is demanded of NTLM inside TLS.
    pub cbt_hardening_level: CbtHardeningLevel,
    /// Requests that the service processes at once, of all users.
    pub max_connections: usize,
    /// Which client certificate stands for which account.
    pub client_certificates: Vec<ClientCertificate>,
    /// When wrong passwords lock an account.
    pub lockout: Lockout,
}

impl Default for Winrm {
    fn default() -> Self {
        Self {
            basic: false,
            negotiate: true,
            certificate: false,
            allow_unencrypted: false,
            cbt_hardening_level: CbtHardeningLevel::default(),
            max_connections: 300,
            client_certificates: Vec::new(),
            lockout: Lockout::default(),
        }
    }
}

impl Winrm {
    /// What Identify tells a user: each way for both transports, whether it is taken over both or not (MS-WSMV 3.1.4.1.29.2).
    pub(crate) fn profiles(&self) -> Vec<&'static str> {
        let ways = [
            (self.basic, "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/basic"),
            (self.basic, "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/basic"),
            (self.negotiate, "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/spnego-kerberos"),
            (self.negotiate, "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/spnego-kerberos"),
            (self.certificate, "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"),
        ];
        ways.into_iter().filter(|(taken, _)| *taken).map(|(_, profile)| profile).collect()
    }
}

/// `Auth/CbtHardeningLevel`: whether NTLM inside TLS must prove which TLS it is inside of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CbtHardeningLevel {
    /// Never looked at.
    None,
    /// A wrong proof is refused, a missing one is not.
    #[default]
    Relaxed,
    /// A missing proof is refused too.
    Strict,
}

/// A client certificate that stands for an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientCertificate {
    /// SHA-1 over the certificate, 40 hex digits: what Windows calls the thumbprint.
    pub thumbprint: String,
    /// The local account.
    pub account: String,
}

/// The account lockout policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Lockout {
    /// Wrong passwords in a row that lock an account; 0 locks none.
    pub threshold: u32,
    /// How long an account stays locked, and how long a wrong password is remembered.
    #[schemars(with = "String")]
    pub duration: SignedDuration,
}

impl Default for Lockout {
    fn default() -> Self {
        Self { threshold: 0, duration: SignedDuration::from_mins(10) }
    }
}

/// Wrong passwords by account, in lower case.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Failures(BTreeMap<String, Failed>);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Failed {
    times: u32,
    last: Timestamp,
}

impl Failures {
    /// Whether `account` is locked at `now`.
    pub(crate) fn locks(&self, account: &str, policy: &Lockout, now: Timestamp) -> bool {
        // Without a threshold nothing is counted, so what is there was locked by hand.
        self.recent(account, policy, now) >= policy.threshold.max(1)
    }

    /// A wrong password for `account`. One that comes while it is locked does not lengthen that.
    pub(crate) fn count(&mut self, account: &str, policy: &Lockout, now: Timestamp) {
        if policy.threshold == 0 || self.locks(account, policy, now) {
            return;
        }
        let times = self.recent(account, policy, now) + 1;
        self.0.insert(account.to_ascii_lowercase(), Failed { times, last: now });
    }

    /// Locks `account` at `now`, whatever the threshold.
    pub(crate) fn lock(&mut self, account: &str, now: Timestamp) {
        self.0.insert(account.to_ascii_lowercase(), Failed { times: u32::MAX, last: now });
    }

    /// The right password for `account`.
    pub(crate) fn forget(&mut self, account: &str) {
        self.0.remove(&account.to_ascii_lowercase());
    }

    fn recent(&self, account: &str, policy: &Lockout, now: Timestamp) -> u32 {
        let failed = self.0.get(&account.to_ascii_lowercase());
        failed.filter(|failed| now.duration_since(failed.last) < policy.duration).map_or(0, |failed| failed.times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Lockout = Lockout { threshold: 3, duration: SignedDuration::from_mins(10) };

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(minutes * 60).expect("in range")
    }

    #[test]
    fn the_third_wrong_password_locks_for_ten_minutes() {
        let mut failures = Failures::default();
        for minute in 0..3 {
            assert!(!failures.locks("Admin", &POLICY, at(minute)));
            failures.count("admin", &POLICY, at(minute));
        }
        assert!(failures.locks("ADMIN", &POLICY, at(3)));
        failures.count("admin", &POLICY, at(11));
        assert!(!failures.locks("admin", &POLICY, at(12)), "what came while it was locked did not lengthen that");
        assert!(!failures.locks("other", &POLICY, at(3)));
    }

    #[test]
    fn the_right_password_and_time_wipe_the_slate() {
        let mut failures = Failures::default();
        for minute in [0, 1] {
            failures.count("admin", &POLICY, at(minute));
        }
        failures.forget("admin");
        failures.count("admin", &POLICY, at(2));
        failures.count("admin", &POLICY, at(20));
        failures.count("admin", &POLICY, at(21));
        assert!(!failures.locks("admin", &POLICY, at(21)));
    }

    #[test]
    fn without_a_threshold_nothing_is_locked_or_kept() {
        let (mut failures, policy) = (Failures::default(), Lockout::default());
        for _ in 0..100 {
            failures.count("admin", &policy, at(0));
        }
        assert!(!failures.locks("admin", &policy, at(0)));
        assert!(failures.0.is_empty());
    }
}
