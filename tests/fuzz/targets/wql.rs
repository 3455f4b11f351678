//! The WQL parser: every text is a query or a refusal at a place inside it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = sim::wql::parse(text) {
        assert!(error.position <= text.len(), "{error}");
    }
});
