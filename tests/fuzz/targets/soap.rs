//! The SOAP codec, as either end meets it: whatever is read can be written, and is read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wsman::cim::Namespace;
use wsman::envelope::{Envelope, Request, Response};
use wsman::resource::Naming;
use wsman::xml::Limits;

const NAMING: Naming = Naming::Microsoft(Namespace::CIMV2);

fuzz_target!(|text: &str| {
    let limits = Limits::default();
    if let Ok(request) = Envelope::<Request>::decode(text, limits) {
        let written = request.encode();
        let again = Envelope::<Request>::decode(&written, limits).expect("what we write can be read");
        assert_eq!(again.encode(), written);
    }
    if let Ok(response) = Envelope::<Response>::decode(text, limits) {
        let written = response.encode(&NAMING);
        let again = Envelope::<Response>::decode(&written, limits).expect("what we write can be read");
        assert_eq!(again.encode(&NAMING), written);
    }
});
