//! The CIM-XML codec of embedded instances: whatever is read can be written, and is read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wsman::cim::embedded;

fuzz_target!(|text: &str| {
    if let Ok(instance) = embedded::decode(text) {
        let written = embedded::encode(&instance);
        assert_eq!(embedded::decode(&written), Ok(instance), "{written}");
    }
});
