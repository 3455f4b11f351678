//! `timeout`: it waits for a key, so it refuses to run where its input is no console, which is everywhere here.
//!
//! Guarantees: whoever wants to wait in a remote shell learns what they learn on Windows; `ping -n` waits.

use super::{Call, Step};

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    call.fail("ERROR: Input redirection is not supported, exiting the process immediately.", 1)
}
