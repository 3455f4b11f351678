//! Certificates as the registry keeps them, and the facts that are read from the certificate inside.
#![no_main]

use hyperv::windows::certificate::{Blob, Facts};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // A blob says something of itself or nothing; the facts are what else a stranger can break.
    let _ = Facts::read(bytes);
    if let Ok(blob) = Blob::parse(bytes) {
        let _ = (Facts::read(blob.certificate()), blob.friendly_name(), blob.has_key());
        let written = blob.to_bytes();
        let again = Blob::parse(&written).expect("what we write can be read");
        assert_eq!(again.to_bytes(), written);
    }
});
