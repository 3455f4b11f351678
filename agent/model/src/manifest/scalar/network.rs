//! Addresses, subnets, names in the DNS, URLs and fingerprints.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Form, Scalar, text_schema, text_type};
use crate::diagnostic::Code;

text_type!(/// A DNS name of at least one label.
    Fqdn);
text_type!(/// A DNS name or an address of a host.
    HostAddress);
text_type!(/// A SHA-1 or SHA-256 fingerprint in hexadecimal digits, lower case, without separators.
    Fingerprint);
text_type!(/// An `http` or `https` URL.
    Url);

/// Whether the text is a DNS name.
pub(crate) fn is_domain_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

impl Scalar for Fqdn {
    const EXPECTED: &'static str = "a DNS name such as `sbc1.contoso.com`";
    const CODE: Code = Code::BadDomainName;

    fn read(text: &str) -> Result<Self, String> {
        if !is_domain_name(text) || text.parse::<IpAddr>().is_ok() {
            return Err(format!("`{text}` is not a DNS name"));
        }
        Ok(Self(text.into()))
    }
}
text_schema!(Fqdn, { "type": "string", "format": "hostname" });

impl Scalar for HostAddress {
    const EXPECTED: &'static str = "a DNS name or an address";
    const CODE: Code = Code::BadAddress;

    fn read(text: &str) -> Result<Self, String> {
        let looks_numeric = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let good = text.parse::<IpAddr>().is_ok() || (!looks_numeric && is_domain_name(text));
        if good { Ok(Self(text.into())) } else { Err(format!("`{text}` is neither a DNS name nor an address")) }
    }
}
text_schema!(HostAddress, { "type": "string" });

impl Scalar for Fingerprint {
    const EXPECTED: &'static str = "40 (SHA-1) or 64 (SHA-256) hexadecimal digits";
    const CODE: Code = Code::BadFingerprint;

    fn read(text: &str) -> Result<Self, String> {
        let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>().to_ascii_lowercase();
        if !matches!(digits.len(), 40 | 64) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("this is not a fingerprint".into());
        }
        Ok(Self(digits.into()))
    }
}
text_schema!(Fingerprint, { "type": "string", "pattern": "^([0-9A-Fa-f]{2}[: ]?){20}(([0-9A-Fa-f]{2}[: ]?){12})?$" });

impl Scalar for Url {
    const EXPECTED: &'static str = "an `http` or `https` URL";
    const CODE: Code = Code::BadUrl;
    const FORM: Form = Form::Word;

    fn read(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
        match host {
            Some(host) if host.contains('@') => Err("the URL holds a user or a password".into()),
            Some(host) if !host.is_empty() && !text.contains(char::is_whitespace) => Ok(Self(text.into())),
            _ => Err(format!("`{text}` is not an `http` or `https` URL")),
        }
    }
}
text_schema!(Url, { "type": "string", "format": "uri", "pattern": "^https?://" });

impl Scalar for IpAddr {
    const EXPECTED: &'static str = "an address such as `192.168.0.10`";
    const CODE: Code = Code::BadAddress;

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| match text.split_once('/') {
            Some((address, _)) if address.parse::<Self>().is_ok() => format!("`{text}` is a subnet, not an address"),
            _ => format!("`{text}` is not an address"),
        })
    }
}

/// A subnet by its first address and prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subnet(pub IpNet);

impl Scalar for Subnet {
    const EXPECTED: &'static str = "a subnet such as `192.168.0.0/24`";
    const CODE: Code = Code::BadSubnet;

    fn read(text: &str) -> Result<Self, String> {
        let net: IpNet = text.parse().map_err(|_| format!("`{text}` is not a subnet"))?;
        if net.addr() != net.network() {
            return Err(format!("`{text}` is an address inside `{}`, not the subnet itself", net.trunc()));
        }
        Ok(Self(net))
    }

    fn suggest(text: &str) -> Option<String> {
        let net: IpNet = text.parse().ok()?;
        Some(format!("write `{}`", net.trunc()))
    }
}
text_schema!(Subnet, { "type": "string", "description": "A subnet: first address and prefix length.", "examples": ["192.168.0.0/24"] });
