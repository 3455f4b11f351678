//! The policies that come with the agent, compiled in from `policies/`.

use model::snapshot::PolicyFile;

/// Path and text of a file of `policies/`.
macro_rules! file {
    ($name:literal) => {
        (concat!("policies/", $name), include_str!(concat!("../../../policies/", $name)))
    };
}

const FILES: [(&str, &str); 6] = [
    file!("availability_promise.rego"),
    file!("availability_promise_test.rego"),
    file!("certificate_lifetimes.rego"),
    file!("certificate_lifetimes_test.rego"),
    file!("no_destruction_without_prune.rego"),
    file!("no_destruction_without_prune_test.rego"),
];

/// The shipped policies with their tests.
#[must_use]
pub fn shipped() -> Vec<PolicyFile> {
    FILES.iter().map(|(path, text)| PolicyFile { path: format!("shipped:{path}").into(), text: (*text).into() }).collect()
}
