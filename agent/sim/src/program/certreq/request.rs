//! `-new` and `-accept`: a key is made here, and the certificate for it comes back to it.

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType};

use super::super::certutil::pem;
use super::super::{Call, Step};
use super::inf::Inf;
use super::{Arguments, INVALID_DATA, NOT_FOUND, fail};
use crate::windows::certificate_store::{Certificate, MachineKey, StoreName};
use crate::windows::key_drawer::{self, KEY_LENGTH};
use crate::world::outside::{certificate_time, key_pair};

/// `NTE_PERM`: a key of the user's own cannot be made in a logon over the network.
const NO_USER_KEY: u32 = 0x8009_0010;
/// `NTE_BAD_LEN`.
const BAD_LENGTH: u32 = 0x8009_0004;
/// `CRYPT_E_INVALID_X500_STRING`.
const BAD_NAME: u32 = 0x8009_2023;
const FILE_NOT_FOUND: u32 = 0x8007_0002;

pub(super) fn create(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    let [source, target] = arguments.rest.as_slice() else { return super::usage(call) };
    let text = match call.read_text(source)? {
        Ok(text) => text,
        Err(_) => return fail(call, "The system cannot find the file specified.", FILE_NOT_FOUND),
    };
    let inf = Inf::parse(&text);
    if !arguments.machine && !inf.is_set("MachineKeySet") {
        return fail(call, "Access denied.", NO_USER_KEY);
    }
    if inf.get("NewRequest", "KeyLength").is_some_and(|length| length.parse() != Ok(KEY_LENGTH)) {
        return fail(call, "Bad Length.", BAD_LENGTH);
    }
    let Some(params) = params(&inf) else {
        return fail(call, "The string contains an invalid X500 name attribute key, oid, value or delimiter.", BAD_NAME);
    };
    let (number, container) = (call.desk.ids().process_id(), call.desk.ids().guid());
    let pkcs8 = key_drawer::key(u64::from(number / 4)).to_vec();
    let signed = key_pair(&pkcs8).and_then(|key| made(params, &key, call.now()));
    // The key is one of ours and the name was read: what cannot be signed now is the request's own fault.
    let Ok((request, dummy)) = signed else { return fail(call, "The data is invalid.", INVALID_DATA) };
    let key = MachineKey { container: format!("tq-{}", container.to_ascii_lowercase()), pkcs8, exportable: inf.is_set("Exportable") };
    let friendly_name = inf.get("NewRequest", "FriendlyName").map(str::to_owned);
    let pending = Certificate { friendly_name, key: Some(key), ..Certificate::bare(dummy) };
    let own_signature = inf.get("NewRequest", "RequestType").is_some_and(|kind| kind.eq_ignore_ascii_case("cert"));
    let (file, store) = if own_signature {
        (pem("CERTIFICATE", &pending.der), StoreName::My)
    } else {
        (pem("NEW CERTIFICATE REQUEST", &request), StoreName::Request)
    };
    if let Err(error) = call.write_file(target, file.into_bytes())? {
        let code = 0x8007_0000 | error.code();
        return fail(call, &error.to_string(), code);
    }
    call.windows()?.certificates.add(store, pending);
    call.say("");
    call.say(if own_signature { "Installed Certificate" } else { "CertReq: Request Created" });
    Some(Step::Done(0))
}

/// The request, and the certificate that keeps its key's place in the store until the real one comes.
fn made(mut params: CertificateParams, key: &rcgen::KeyPair, now: jiff::Timestamp) -> Result<(Vec<u8>, Vec<u8>), rcgen::Error> {
    let request = params.serialize_request(key)?.der().to_vec();
    params.not_before = certificate_time(rcgen::date_time_ymd(1970, 1, 1), now);
    let year = now.saturating_add(jiff::SignedDuration::from_hours(24 * 365)).unwrap_or(now);
    params.not_after = certificate_time(rcgen::date_time_ymd(1970, 1, 1), year);
    let dummy = params.self_signed(key)?.der().to_vec();
    Ok((request, dummy))
}

fn params(inf: &Inf) -> Option<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new()).ok()?;
    params.distinguished_name = name(inf.get("NewRequest", "Subject")?)?;
    for name in inf.names() {
        params.subject_alt_names.push(SanType::DnsName(name.try_into().ok()?));
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    for oid in inf.all("EnhancedKeyUsageExtension", "OID") {
        let usage = match oid.as_str() {
            "1.3.6.1.5.5.7.3.1" => ExtendedKeyUsagePurpose::ServerAuth,
            "1.3.6.1.5.5.7.3.2" => ExtendedKeyUsagePurpose::ClientAuth,
            _ => return None,
        };
        params.extended_key_usages.push(usage);
    }
    Some(params)
}

/// `CN=a, O="b, c"`.
fn name(text: &str) -> Option<DistinguishedName> {
    let mut name = DistinguishedName::new();
    let (mut parts, mut quoted) = (vec![String::new()], false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => parts.push(String::new()),
            c => parts.last_mut()?.push(c),
        }
    }
    // Windows writes a name from its end.
    for part in parts.iter().rev().filter(|part| !part.trim().is_empty()) {
        let (kind, value) = part.split_once('=')?;
        let kind = match kind.trim().to_ascii_uppercase().as_str() {
            "CN" => DnType::CommonName,
            "O" => DnType::OrganizationName,
            "OU" => DnType::OrganizationalUnitName,
            "C" => DnType::CountryName,
            "L" => DnType::LocalityName,
            "S" | "ST" => DnType::StateOrProvinceName,
            _ => return None,
        };
        name.push(kind, value.trim());
    }
    Some(name)
}

pub(super) fn accept(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    let [source] = arguments.rest.as_slice() else { return super::usage(call) };
    let path = call.path(source);
    let bytes = match call.files()?.read(&path) {
        Ok(bytes) => bytes,
        Err(_) => return fail(call, "The system cannot find the file specified.", FILE_NOT_FOUND),
    };
    let der = super::super::certutil::der_of(&bytes);
    let certificate = Certificate::bare(der);
    let Some(facts) = certificate.facts() else { return fail(call, "The data is invalid.", INVALID_DATA) };
    let store = &mut call.windows()?.certificates;
    let pending = store.of(StoreName::Request).find(|(_, held)| held.facts().is_some_and(|f| f.public_key == facts.public_key));
    let Some(thumbprint) = pending.map(|(thumbprint, _)| thumbprint.to_owned()) else {
        return fail(call, "Cannot find object or property.", NOT_FOUND);
    };
    let held = store.remove(StoreName::Request, &thumbprint)?;
    store.add(StoreName::My, Certificate { friendly_name: held.friendly_name, key: held.key, ..certificate });
    call.say("Installed Certificate:");
    call.say(&format!("  Serial Number: {}", facts.serial));
    call.say(&format!("  Subject: {}", facts.subject));
    call.say(&format!("  NotBefore: {}\r\n  NotAfter: {}", when(facts.not_before), when(facts.not_after)));
    Some(Step::Done(0))
}

/// A time as these programs write it.
pub(in crate::program) fn when(at: jiff::Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%-m/%-d/%Y %-I:%M %p").to_string()
}
