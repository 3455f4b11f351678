//! `-importpfx` and `-exportpfx`: certificate and key in one file, PKCS#12.
//!
//! Guarantees: files of others are read, and what is written others read. Deliberately absent: sameness. The salts of a file that is
//! written are drawn anew each time, as everywhere.

use p12_keystore::error::Error;
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy, PrivateKey, PrivateKeyChain};

use super::super::{Call, Step};
use super::store::is_meant;
use super::{Arguments, INVALID_ARGUMENT, fail, well};
use crate::windows::certificate_store::{Certificate, MachineKey, StoreName};

const FILE_NOT_FOUND: u32 = 0x8007_0002;
/// `ERROR_INVALID_PASSWORD` as an HRESULT.
const WRONG_PASSWORD: u32 = 0x8007_0056;
/// `ERROR_INVALID_DATA` as an HRESULT.
const INVALID_DATA: u32 = 0x8007_000D;
/// `CRYPT_E_NOT_FOUND`.
const NOT_FOUND: u32 = 0x8009_2004;
/// `NTE_BAD_KEY_STATE`: the key may not leave the machine.
const NOT_EXPORTABLE: u32 = 0x8009_000B;

/// The store of the first word, when it is one, and the rest.
fn named(arguments: &Arguments) -> (StoreName, &[String]) {
    let found = arguments.rest.split_first().and_then(|(name, rest)| Some((StoreName::parse(name)?, rest)));
    found.unwrap_or((StoreName::My, &arguments.rest))
}

pub(super) fn import(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    let (store, [file, modifiers @ ..]) = named(arguments) else {
        return fail(call, arguments, INVALID_ARGUMENT, "The parameter is incorrect.");
    };
    let path = call.path(file);
    let Ok(bytes) = call.files()?.read(&path) else {
        return fail(call, arguments, FILE_NOT_FOUND, "The system cannot find the file specified.");
    };
    let password = arguments.password.clone().unwrap_or_default();
    let found = match KeyStore::from_pkcs12(&bytes, &password, Pkcs12ImportPolicy::Relaxed) {
        Ok(found) => found,
        Err(Error::MacError(_) | Error::UnpadError) => {
            return fail(call, arguments, WRONG_PASSWORD, "The specified network password is not correct.");
        }
        Err(_) => return fail(call, arguments, INVALID_DATA, "The data is invalid."),
    };
    let exportable = !modifiers.iter().any(|word| word.to_ascii_lowercase().contains("noexport"));
    for (alias, entry) in found.entries() {
        let (key, certificates) = match entry {
            KeyStoreEntry::PrivateKeyChain(chain) => (Some(chain.key().as_der().to_vec()), chain.certs()),
            KeyStoreEntry::Certificate(certificate) => (None, std::slice::from_ref(certificate)),
            KeyStoreEntry::Secret(_) => continue,
        };
        let container = call.desk.ids().guid();
        for (at, certificate) in certificates.iter().enumerate() {
            let own = key.as_ref().filter(|_| at == 0);
            let key = own.map(|pkcs8| MachineKey { container: format!("pfx-{container}"), pkcs8: pkcs8.clone(), exportable });
            let friendly_name = own.map(|_| alias.clone()).filter(|alias| !alias.is_empty());
            // What is not the key's own goes where authorities are kept.
            let root = certificate.subject() == certificate.issuer();
            let place = if key.is_some() || certificates.len() == 1 {
                store
            } else if root {
                StoreName::Root
            } else {
                StoreName::Ca
            };
            let added = Certificate { friendly_name, key, ..Certificate::bare(certificate.as_der().to_vec()) };
            let Some(facts) = added.facts() else { return fail(call, arguments, INVALID_DATA, "The data is invalid.") };
            call.windows()?.certificates.add(place, added);
            call.say(&format!("Certificate \"{}\" added to store.\r\n", facts.subject));
        }
    }
    well(call, arguments)
}

pub(super) fn export(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    let (store, [id, file, ..]) = named(arguments) else {
        return fail(call, arguments, INVALID_ARGUMENT, "The parameter is incorrect.");
    };
    let certificates = &call.windows()?.certificates;
    let found = certificates.of(store).enumerate().find(|(at, (thumbprint, held))| is_meant(id, *at, thumbprint, held));
    let Some((held, key)) = found.and_then(|(_, (_, held))| Some((held.clone(), held.key.clone()?))) else {
        return fail(call, arguments, NOT_FOUND, "Cannot find object or property.");
    };
    if !key.exportable {
        return fail(call, arguments, NOT_EXPORTABLE, "Key not valid for use in specified state.");
    }
    let Ok(bytes) = written(&held, &key, arguments.password.as_deref().unwrap_or_default()) else {
        return fail(call, arguments, INVALID_DATA, "The data is invalid.");
    };
    if let Err(error) = call.write_file(file, bytes)? {
        let code = 0x8007_0000 | error.code();
        return fail(call, arguments, code, &error.to_string());
    }
    well(call, arguments)
}

fn written(held: &Certificate, key: &MachineKey, password: &str) -> Result<Vec<u8>, Error> {
    let leaf = p12_keystore::Certificate::from_der(&held.der)?;
    let chain = PrivateKeyChain::new(&b"1"[..], PrivateKey::from_der(&key.pkcs8)?, [leaf]);
    let mut store = KeyStore::new();
    store.add_entry(held.friendly_name.as_deref().unwrap_or_default(), KeyStoreEntry::PrivateKeyChain(chain));
    store.writer(password).write()
}
