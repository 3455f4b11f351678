//! `certreq`: makes a key and a request, has it signed by an authority, and binds certificate and key together.
//!
//! Guarantees: requests and certificates are real; a certificate without the key that its request left here is not accepted.
//! Deliberately absent: keys of users, smart cards, other algorithms than RSA with 2048 bits, policies of Active Directory.

mod authority;
mod inf;
mod request;

use super::{Call, Step};
pub(crate) use authority::Errand;
pub(in crate::program) use request::when;

/// `CRYPT_E_NOT_FOUND`.
pub(super) const NOT_FOUND: u32 = 0x8009_2004;
/// `ERROR_INVALID_DATA`.
pub(super) const INVALID_DATA: u32 = 0x8007_000D;

/// The switches and the other words of the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) machine: bool,
    pub(super) config: Option<String>,
    pub(super) rest: Vec<String>,
}

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    let (mut arguments, mut verb) = (Arguments::default(), None);
    let mut words = call.words().into_iter();
    while let Some(word) = words.next() {
        let lower = word.to_ascii_lowercase().replacen('/', "-", 1);
        match lower.as_str() {
            "-new" | "-submit" | "-accept" | "-retrieve" => verb = Some(lower),
            "-machine" => arguments.machine = true,
            "-config" => arguments.config = words.next(),
            "-attrib" | "-policyserver" | "-cert" => drop(words.next()),
            "-q" | "-f" | "-user" | "-adminforcemachine" | "-binary" => {}
            _ if word.starts_with('-') => return usage(call),
            _ => arguments.rest.push(word),
        }
    }
    match verb.as_deref() {
        Some("-new") => request::create(call, &arguments),
        Some("-submit") => authority::submit(call, arguments),
        Some("-retrieve") => authority::retrieve(call, arguments),
        Some("-accept") => request::accept(call, &arguments),
        _ => usage(call),
    }
}

fn usage(call: &mut Call<'_, '_>) -> Option<Step> {
    call.say("Usage:\r\n  CertReq -?\r\n  CertReq [-v] -?\r\n  CertReq [-Command] -?");
    Some(Step::Done(super::certutil::INVALID_ARGUMENT))
}

/// Ends as certreq says that it failed.
pub(super) fn fail(call: &mut Call<'_, '_>, words: &str, code: u32) -> Option<Step> {
    call.say(&format!("Certificate Request Processor: {words} 0x{code:x} ({})", code.cast_signed()));
    Some(Step::Done(code))
}
