//! What a certificate says: names, dates, uses.
//!
//! Guarantees: pure and bounded by its input; a certificate that cannot be read is an error, an extension that cannot be read too.
//! Deliberately absent: whether to trust it; that is TLS's.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A certificate that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// It is no X.509 certificate.
    #[error("it is no certificate: {0}")]
    NoCertificate(String),
    /// Something follows it.
    #[error("{0} octets follow it")]
    Trailing(usize),
    /// An extension cannot be read, or stands twice.
    #[error("its {0} cannot be read")]
    Extension(&'static str),
    /// A date is none.
    #[error("its dates cannot be read")]
    Dates,
}

/// What a certificate may be used for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Usage {
    /// Anything.
    Any,
    /// To be a server (TLS).
    Server,
    /// To be a client (TLS).
    Client,
    /// Something else, by its object identifier.
    Other(String),
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Whose it is, `CN=…, O=…`.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// Its number, lower-case hexadecimal digits.
    pub serial: String,
    /// It is good from then on.
    pub not_before: Timestamp,
    /// And until then.
    pub not_after: Timestamp,
    /// The DNS names and addresses that it is for.
    pub names: Vec<String>,
    /// What it may be used for; empty says nothing.
    pub usages: Vec<Usage>,
    /// Whether it may issue others.
    pub is_authority: bool,
}

impl Facts {
    /// Reads a certificate, DER.
    ///
    /// # Errors
    /// `FactsError`.
    pub fn read(der: &[u8]) -> Result<Self, FactsError> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|error| FactsError::NoCertificate(error.to_string()))?;
        if !rest.is_empty() {
            return Err(FactsError::Trailing(rest.len()));
        }
        let instant = |at: x509_parser::time::ASN1Time| Timestamp::from_second(at.timestamp()).map_err(|_| FactsError::Dates);
        let extension = |what| move |_| FactsError::Extension(what);
        let names = certificate.subject_alternative_name().map_err(extension("alternative names"))?;
        let usages = certificate.extended_key_usage().map_err(extension("extended key usage"))?;
        let constraints = certificate.basic_constraints().map_err(extension("basic constraints"))?;
        Ok(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: certificate.serial.to_str_radix(16),
            not_before: instant(certificate.validity().not_before)?,
            not_after: instant(certificate.validity().not_after)?,
            names: names.map(|names| names.value.general_names.iter().filter_map(name).collect()).unwrap_or_default(),
            usages: usages.map(|usages| uses(usages.value)).unwrap_or_default(),
            is_authority: constraints.is_some_and(|constraints| constraints.value.ca),
        })
    }

    /// Whether it is good at `now`.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// A name of a machine; those of people and the like are none.
fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => match octets.len() {
            4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(*octets).ok()?).to_string()),
            16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(*octets).ok()?).to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn uses(usage: &x509_parser::extensions::ExtendedKeyUsage<'_>) -> Vec<Usage> {
    let named = [(usage.any, Usage::Any), (usage.server_auth, Usage::Server), (usage.client_auth, Usage::Client)];
    let others = [
        (usage.code_signing, "1.3.6.1.5.5.7.3.3"),
        (usage.email_protection, "1.3.6.1.5.5.7.3.4"),
        (usage.time_stamping, "1.3.6.1.5.5.7.3.8"),
        (usage.ocsp_signing, "1.3.6.1.5.5.7.3.9"),
    ];
    let named = named.into_iter().filter(|(has, _)| *has).map(|(_, usage)| usage);
    let others = others.into_iter().filter(|(has, _)| *has).map(|(_, id)| Usage::Other(id.to_owned()));
    named.chain(others).chain(usage.other.iter().map(|id| Usage::Other(id.to_id_string()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused_wherever_it_ends() {
        assert!(matches!(Facts::read(&[]), Err(FactsError::NoCertificate(_))));
        assert!(matches!(Facts::read(&[0x30, 0x01, 0x00]), Err(FactsError::NoCertificate(_))));
        assert!(matches!(Facts::read(&[0xff; 64]), Err(FactsError::NoCertificate(_))));
    }
}
