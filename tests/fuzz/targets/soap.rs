//! The SOAP codec, as either end meets it: whatever is read can be written, and is read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wsman::cim::Namespace;
use wsman::envelope::{Envelope, Header, Request, Response};
use wsman::resource::Naming;
use wsman::xml::Limits;

fuzz_target!(|text: &str| {
    let limits = Limits::default();
    if let Ok(mut request) = Envelope::<Request>::decode(text, limits) {
        forget_flaws(&mut request.header);
        let written = request.encode();
        let again = Envelope::<Request>::decode(&written, limits).expect("what we write can be read");
        assert_eq!(again, request, "{written}");
        assert_eq!(again.encode(), written);
    }
    if let Ok(mut response) = Envelope::<Response>::decode(text, limits) {
        forget_flaws(&mut response.header);
        for naming in [Naming::Microsoft(Namespace::CIMV2), Naming::Dmtf(Namespace::CIMV2)] {
            let written = response.encode(&naming);
            let again = Envelope::<Response>::decode(&written, limits).expect("what we write can be read");
            assert_eq!(again, response, "{written}");
            assert_eq!(again.encode(&naming), written);
        }
    }
});

/// That a header stood twice or meant nothing is noted for the refusal, and never written.
fn forget_flaws(header: &mut Header) {
    (header.repeated, header.meaningless) = (None, None);
}
