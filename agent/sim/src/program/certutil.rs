//! `certutil`: hashes of files, and the machine's certificate stores.
//!
//! Guarantees: what it adds and removes is the machine's own store; hashes are real where a file's bytes are known, and follow from what
//! the file is where they are not. Deliberately absent: users' stores, templates, key archival.

mod encoding;
mod hash;
mod pfx;
mod store;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Call, Step};

/// `ERROR_INVALID_PARAMETER` as an HRESULT.
pub(super) const INVALID_ARGUMENT: u32 = 0x8007_0057;

/// The switches and the other words of the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Arguments {
    verb: String,
    password: Option<String>,
    config: Option<String>,
    forced: bool,
    rest: Vec<String>,
}

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    let mut arguments = Arguments::default();
    let mut words = call.words().into_iter();
    while let Some(word) = words.next() {
        let lower = word.to_ascii_lowercase().replacen('/', "-", 1);
        match lower.as_str() {
            "-p" => arguments.password = words.next(),
            "-config" => arguments.config = words.next(),
            "-f" => arguments.forced = true,
            "-v" | "-machine" | "-enterprise" | "-silent" | "-privatekey" => {}
            _ if lower.starts_with('-') && arguments.verb.is_empty() => arguments.verb = lower,
            _ => arguments.rest.push(word),
        }
    }
    match arguments.verb.as_str() {
        "-hashfile" => hash::run(call, &arguments),
        "-store" => store::list(call, &arguments),
        "-addstore" => store::add(call, &arguments),
        "-delstore" => store::delete(call, &arguments),
        "-dump" | "" => store::dump(call, &arguments),
        "-ca.cert" => store::authority(call, &arguments),
        "-encode" => encoding::encode(call, &arguments),
        "-decode" => encoding::decode(call, &arguments),
        "-importpfx" => pfx::import(call, &arguments),
        "-exportpfx" => pfx::export(call, &arguments),
        _ => {
            call.say(&format!("CertUtil: Unknown arg: {}", arguments.verb));
            Some(Step::Done(INVALID_ARGUMENT))
        }
    }
}

fn well(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    call.say(&format!("CertUtil: {} command completed successfully.", arguments.verb));
    Some(Step::Done(0))
}

fn fail(call: &mut Call<'_, '_>, arguments: &Arguments, code: u32, words: &str) -> Option<Step> {
    call.say(&format!("CertUtil: {} command FAILED: 0x{code:x} ({})", arguments.verb, code.cast_signed()));
    call.say(&format!("CertUtil: {words}"));
    Some(Step::Done(code))
}

/// `der` between the lines that name it.
pub(super) fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    // 64 characters a line; base64 is ASCII, so chunks of bytes are chunks of characters.
    let lines: String = text.as_bytes().chunks(64).flat_map(|line| line.iter().map(|byte| char::from(*byte)).chain(['\r', '\n'])).collect();
    format!("-----BEGIN {kind}-----\r\n{lines}-----END {kind}-----\r\n")
}

/// The bytes of a file that holds them as they are or as base64, with or without lines around it.
pub(super) fn der_of(bytes: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    let inner: String = text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(inner).ok().filter(|der| !der.is_empty()).unwrap_or_else(|| bytes.to_vec())
}
