//! What lies beyond the hosts, as their programs see it: files to download, what installers do, authorities that issue certificates.
//!
//! Guarantees: a certificate is real, and the n-th of an authority is the same in each run; a download that was cut continues where the
//! source says. Deliberately absent: proxies, redirects, revocation.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SerialNumber,
};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivatePkcs8KeyDer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::image::ServiceSpec;
use crate::windows::key_drawer;

/// A file that is published somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpSource {
    /// Its address, `https://host/path`.
    pub url: String,
    /// What stands in it, as text; its size follows from that.
    #[serde(default)]
    pub content: Option<String>,
    /// Its size where nothing stands in it, MiB.
    #[serde(default)]
    pub mib: u64,
    /// Its SHA-256 where nothing stands in it, lower hex; made up when left out.
    #[serde(default)]
    pub sha256: Option<String>,
    /// For a virtual disk: the image that boots from it.
    #[serde(default)]
    pub image: Option<String>,
    /// How fast it comes, MiB a second.
    #[serde(default = "HttpSource::speed")]
    pub mib_per_second: u64,
    /// What its server answers, if not 200.
    #[serde(default)]
    pub status: Option<u16>,
    /// Whether its server sends parts.
    #[serde(default)]
    pub ranges: Ranges,
    /// After how many bytes of the whole file the connection is cut, each time once.
    #[serde(default)]
    pub cuts: Vec<u64>,
    /// Whether somebody listens there.
    #[serde(default)]
    pub listener: Listener,
}

/// Whether a server sends parts of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Ranges {
    /// It does.
    #[default]
    Sent,
    /// It sends the whole each time.
    Ignored,
}

/// Whether somebody listens at an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Listener {
    /// Somebody does.
    #[default]
    Present,
    /// The connection is refused.
    Absent,
}

impl HttpSource {
    fn speed() -> u64 {
        100
    }

    /// Its size, bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.content.as_ref().map_or(self.mib << 20, |text| u64::try_from(text.len()).unwrap_or(u64::MAX))
    }

    /// The host of its address, with the port where one is named.
    pub(crate) fn authority(&self) -> &str {
        authority(&self.url)
    }
}

/// The host of an address, with the port where one is named.
pub(crate) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

/// What an installer's file does, by its name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Package {
    /// The file's name, without its folder.
    pub file: String,
    /// What it is.
    pub kind: PackageKind,
    /// The product code of an installer, or the number of an update: `{GUID}`, `KB5034123`.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Its version.
    #[serde(default = "Package::version")]
    pub version: String,
    /// How long it takes.
    #[serde(default = "Package::takes")]
    #[schemars(with = "String")]
    pub takes: SignedDuration,
    /// Whether it is done only after a restart.
    #[serde(default)]
    pub restart: RestartNeed,
    /// What it ends with when it fails.
    #[serde(default)]
    pub fails: Option<u32>,
    /// The Windows version that it is for; for any when left out.
    #[serde(default)]
    pub applies_to: Option<String>,
    /// Services that it brings.
    #[serde(default)]
    pub services: Vec<ServiceSpec>,
}

impl Package {
    fn version() -> String {
        "1.0.0".to_owned()
    }

    fn takes() -> SignedDuration {
        SignedDuration::from_secs(20)
    }
}

/// What a package is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PackageKind {
    /// For Windows Installer: `.msi`.
    Product,
    /// For servicing: `.msu`, `.cab`.
    Update,
}

/// Whether something is done only after a restart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RestartNeed {
    /// It is done at once.
    #[default]
    None,
    /// It needs one.
    Needed,
}

/// An authority that issues certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthoritySpec {
    /// Its name; clients address it as `computer\name`.
    pub name: String,
    /// The computer name of the machine that it runs on.
    pub computer: String,
    /// How long its certificates are good, days.
    #[serde(default = "AuthoritySpec::days")]
    pub valid_days: u32,
    /// What it does with a request.
    #[serde(default)]
    pub policy: IssuePolicy,
}

impl AuthoritySpec {
    fn days() -> u32 {
        730
    }
}

/// What an authority does with a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum IssuePolicy {
    /// It issues.
    #[default]
    Issue,
    /// It waits for a person, who never comes.
    Hold,
    /// It refuses.
    Deny,
}

/// An authority with what it has issued.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Authority {
    pub(crate) spec: AuthoritySpec,
    /// Its own certificate, DER.
    pub(crate) certificate: Vec<u8>,
    /// Which key of the drawer is its own.
    key: u64,
    /// What became of each request: its certificate, or that it waits.
    requests: Vec<Option<Vec<u8>>>,
}

/// What an authority answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Issued(u32, Vec<u8>),
    Held(u32),
    Denied(u32),
    /// The request is none.
    Malformed,
}

/// What lies beyond the hosts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Outside {
    pub(crate) sources: Vec<HttpSource>,
    pub(crate) packages: Vec<Package>,
    pub(crate) authorities: Vec<Authority>,
}

impl Outside {
    /// The package of that kind in a file of that name.
    pub(crate) fn package(&self, path: &str, kind: PackageKind) -> Option<&Package> {
        let name = path.rsplit(['\\', '/']).next().unwrap_or(path);
        self.packages.iter().find(|package| package.kind == kind && package.file.eq_ignore_ascii_case(name))
    }
}

/// `at` as certificates write it.
pub(crate) fn certificate_time<T: std::ops::Add<Duration>>(epoch: T, at: Timestamp) -> T::Output {
    epoch + Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0))
}

/// The key pair of a number of the drawer.
pub(crate) fn key_pair(pkcs8: &[u8]) -> Result<KeyPair, rcgen::Error> {
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8.to_vec()), &rcgen::PKCS_RSA_SHA256)
}

impl Authority {
    /// An authority that begins at `at`.
    pub(crate) fn new(spec: &AuthoritySpec, number: u64, at: Timestamp) -> Result<Self, rcgen::Error> {
        // From the other end of the drawer than where machines begin.
        let key = 7_u64.wrapping_sub(number);
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, spec.name.as_str());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = certificate_time(rcgen::date_time_ymd(1970, 1, 1), at);
        params.not_after = certificate_time(rcgen::date_time_ymd(1970, 1, 1), years(at, 10));
        params.serial_number = Some(SerialNumber::from_slice(&[0x4d, u8::try_from(number & 0x7f).unwrap_or(1), 1]));
        let certificate = params.self_signed(&key_pair(key_drawer::key(key))?)?.der().to_vec();
        Ok(Self { spec: spec.clone(), certificate, key, requests: Vec::new() })
    }

    /// What it does with a request, PKCS#10 DER.
    pub(crate) fn submit(&mut self, request: &[u8], at: Timestamp) -> Answer {
        let Ok(parsed) = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request.to_vec())) else {
            return Answer::Malformed;
        };
        let number = u32::try_from(self.requests.len()).unwrap_or(u32::MAX) + 1;
        match self.spec.policy {
            IssuePolicy::Deny => {
                self.requests.push(None);
                Answer::Denied(number)
            }
            IssuePolicy::Hold => {
                self.requests.push(None);
                Answer::Held(number)
            }
            IssuePolicy::Issue => match self.issue(parsed, number, at) {
                Ok(certificate) => {
                    self.requests.push(Some(certificate.clone()));
                    Answer::Issued(number, certificate)
                }
                Err(_) => Answer::Malformed,
            },
        }
    }

    /// What became of a request.
    pub(crate) fn retrieve(&self, number: u32) -> Option<Answer> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        Some(match self.requests.get(at)? {
            Some(certificate) => Answer::Issued(number, certificate.clone()),
            None if self.spec.policy == IssuePolicy::Deny => Answer::Denied(number),
            None => Answer::Held(number),
        })
    }

    fn issue(&self, mut request: CertificateSigningRequestParams, number: u32, at: Timestamp) -> Result<Vec<u8>, rcgen::Error> {
        let days = SignedDuration::from_hours(24 * i64::from(self.spec.valid_days));
        // Ten minutes back, as Active Directory Certificate Services do for clocks that are late.
        let from = at.saturating_sub(SignedDuration::from_mins(10)).unwrap_or(at);
        request.params.not_before = certificate_time(rcgen::date_time_ymd(1970, 1, 1), from);
        request.params.not_after = certificate_time(rcgen::date_time_ymd(1970, 1, 1), from.saturating_add(days).unwrap_or(from));
        let mut serial = vec![0x61];
        serial.extend_from_slice(&number.to_be_bytes());
        request.params.serial_number = Some(SerialNumber::from_slice(&serial));
        request.params.use_authority_key_identifier_extension = true;
        let key = key_pair(key_drawer::key(self.key))?;
        let issuer = Issuer::from_ca_cert_der(&CertificateDer::from(self.certificate.clone()), key)?;
        Ok(request.signed_by(&issuer)?.der().to_vec())
    }
}

fn years(at: Timestamp, count: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_hours(24 * 365 * count)).unwrap_or(at)
}
