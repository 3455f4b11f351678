//! Sealed bodies: whatever is read can be written, and is read again as the same. The first line is the content type.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wsman::auth::multipart::{Protocol, decode, encode};

fuzz_target!(|bytes: &[u8]| {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(content_type) = std::str::from_utf8(&bytes[..end]) else { return };
    for protocol in [Protocol::Spnego, Protocol::Kerberos] {
        if let Ok(sealed) = decode(protocol, content_type, &bytes[end + 1..]) {
            let written = encode(protocol, sealed);
            assert_eq!(decode(protocol, protocol.content_type(), &written), Ok(sealed));
        }
    }
});
