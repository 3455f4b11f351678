//! The SOAP codec, as either end meets it: whatever is read can be written, and reading that again ends as well.
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
        let _ = Envelope::<Request>::decode(&request.encode(), limits);
    }
    if let Ok(response) = Envelope::<Response>::decode(text, limits) {
        let _ = Envelope::<Response>::decode(&response.encode(&NAMING), limits);
    }
});
