//! `-store`, `-addstore`, `-delstore`, `-dump`, `-ca.cert`.

use super::super::certreq::when;
use super::super::{Call, Step};
use super::{Arguments, INVALID_ARGUMENT, der_of, fail, pem, well};
use crate::windows::certificate_store::{Certificate, StoreName};

/// `CRYPT_E_NOT_FOUND`.
const NOT_FOUND: u32 = 0x8009_2004;
const FILE_NOT_FOUND: u32 = 0x8007_0002;
/// `ASN1_BADTAG`.
const BAD_DATA: u32 = 0x8009_310B;
const UNAVAILABLE: u32 = 0x8007_06BA;

/// The store of the first word, and the words behind it.
fn named(arguments: &Arguments) -> Option<(StoreName, &[String])> {
    let (name, rest) = arguments.rest.split_first()?;
    StoreName::parse(name).map(|store| (store, rest))
}

/// Whether `id`, as people name a certificate, names this one, the `index`-th.
pub(super) fn is_meant(id: &str, index: usize, thumbprint: &str, certificate: &Certificate) -> bool {
    let bare = id.replace(' ', "").to_ascii_lowercase();
    let facts = certificate.facts();
    id.parse() == Ok(index)
        || thumbprint.eq_ignore_ascii_case(&bare)
        || facts.as_ref().is_some_and(|facts| facts.serial == bare)
        || facts.is_some_and(|facts| facts.subject.to_lowercase().contains(&id.to_lowercase()))
}

fn describe(call: &mut Call<'_, '_>, thumbprint: &str, certificate: &Certificate) {
    let Some(facts) = certificate.facts() else { return };
    call.say(&format!("Serial Number: {}\r\nIssuer: {}", facts.serial, facts.issuer));
    call.say(&format!(" NotBefore: {}\r\n NotAfter: {}", when(facts.not_before), when(facts.not_after)));
    call.say(&format!("Subject: {}", facts.subject));
    if facts.subject == facts.issuer {
        call.say("Signature matches Public Key\r\nRoot Certificate: Subject matches Issuer");
    }
    call.say(&format!("Cert Hash(sha1): {}", thumbprint.to_ascii_lowercase()));
    match &certificate.key {
        Some(key) => {
            call.say(&format!("  Key Container = {}\r\n  Provider = Microsoft Software Key Storage Provider", key.container));
            call.say(if key.exportable { "Encryption test passed" } else { "Private key is NOT exportable\r\nEncryption test passed" });
        }
        None => call.say("  No key provider information\r\nCannot find the certificate and private key for decryption."),
    }
}

pub(super) fn list(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    let (store, rest) = if arguments.rest.is_empty() {
        (StoreName::Ca, &[][..])
    } else {
        match named(arguments) {
            Some(found) => found,
            None => return fail(call, arguments, FILE_NOT_FOUND, "The system cannot find the file specified."),
        }
    };
    let all: Vec<(String, Certificate)> = call.windows()?.certificates.of(store).map(|(t, c)| (t.to_owned(), c.clone())).collect();
    call.say(&format!("{} \"{}\"", store.as_str(), people(store)));
    let mut shown = 0;
    for (index, (thumbprint, certificate)) in all.iter().enumerate() {
        if rest.first().is_none_or(|id| is_meant(id, index, thumbprint, certificate)) {
            call.say(&format!("================ Certificate {index} ================"));
            describe(call, thumbprint, certificate);
            call.say("");
            shown += 1;
        }
    }
    if shown == 0 && !rest.is_empty() {
        return fail(call, arguments, NOT_FOUND, "Cannot find object or property.");
    }
    well(call, arguments)
}

fn people(store: StoreName) -> &'static str {
    match store {
        StoreName::My => "Personal",
        StoreName::Root => "Trusted Root Certification Authorities",
        StoreName::Ca => "Intermediate Certification Authorities",
        StoreName::Request => "Certificate Enrollment Requests",
    }
}

pub(super) fn add(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    let Some((store, [file])) = named(arguments) else { return fail(call, arguments, INVALID_ARGUMENT, "The parameter is incorrect.") };
    let path = call.path(file);
    let Ok(bytes) = call.files()?.read(&path) else {
        return fail(call, arguments, FILE_NOT_FOUND, "The system cannot find the file specified.");
    };
    let certificate = Certificate::bare(der_of(&bytes));
    let Some(facts) = certificate.facts() else { return fail(call, arguments, BAD_DATA, "ASN1 bad tag value met.") };
    call.say(&format!("{} \"{}\"", store.as_str(), people(store)));
    let thumbprint = certificate.thumbprint();
    let stores = &mut call.windows()?.certificates;
    if stores.get(store, &thumbprint).is_some() {
        call.say(&format!("Certificate \"{}\" already in store.", facts.subject));
    } else {
        stores.add(store, certificate);
        call.say(&format!("Certificate \"{}\" added to store.", facts.subject));
    }
    well(call, arguments)
}

pub(super) fn delete(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    let Some((store, [id])) = named(arguments) else { return fail(call, arguments, INVALID_ARGUMENT, "The parameter is incorrect.") };
    let stores = &mut call.windows()?.certificates;
    let found = stores.of(store).enumerate().filter(|(index, (thumbprint, certificate))| is_meant(id, *index, thumbprint, certificate));
    let doomed: Vec<String> = found.map(|(_, (thumbprint, _))| thumbprint.to_owned()).collect();
    if doomed.is_empty() {
        return fail(call, arguments, NOT_FOUND, "Cannot find object or property.");
    }
    doomed.iter().for_each(|thumbprint| drop(stores.remove(store, thumbprint)));
    call.say(&format!("{} \"{}\"", store.as_str(), people(store)));
    doomed.iter().for_each(|thumbprint| call.say(&format!("Deleting Certificate {}", thumbprint.to_ascii_lowercase())));
    well(call, arguments)
}

pub(super) fn dump(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    let [file] = arguments.rest.as_slice() else { return fail(call, arguments, INVALID_ARGUMENT, "The parameter is incorrect.") };
    let path = call.path(file);
    let Ok(bytes) = call.files()?.read(&path) else {
        return fail(call, arguments, FILE_NOT_FOUND, "The system cannot find the file specified.");
    };
    let certificate = Certificate::bare(der_of(&bytes));
    if certificate.facts().is_none() {
        return fail(call, arguments, BAD_DATA, "ASN1 bad tag value met.");
    }
    call.say("X509 Certificate:\r\nVersion: 3");
    let thumbprint = certificate.thumbprint();
    describe(call, &thumbprint, &certificate);
    well(call, arguments)
}

pub(super) fn authority(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    let [file] = arguments.rest.as_slice() else { return fail(call, arguments, INVALID_ARGUMENT, "The parameter is incorrect.") };
    let Some(at) = call.desk.authority(arguments.config.as_deref()) else {
        return fail(call, arguments, UNAVAILABLE, "The RPC server is unavailable.");
    };
    let certificate = call.desk.world.outside.authorities.get(at)?.certificate.clone();
    if let Err(error) = call.write_file(file, pem("CERTIFICATE", &certificate).into_bytes())? {
        let code = 0x8007_0000 | error.code();
        return fail(call, arguments, code, &error.to_string());
    }
    call.say("CA cert[0]: 3 -- Valid");
    well(call, arguments)
}
