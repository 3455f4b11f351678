//! What a read that failed is owed: another try where one may help, each kind once.
//!
//! Guarantees: only reads come here; none is tried without end. What is tried again: a request whose connection died before its answer
//! was whole; an enumeration whose context the host forgot; an answer that was larger than we said we would take.
//! Deliberately absent: waiting (that is the caller's, who knows what else waits), and anything that changes a host.

use super::Client;
use crate::envelope::Header;
use crate::error::Error;
use crate::fault::FaultKind;

/// How much larger the second answer may be.
const GROWTH: u64 = 4;

/// See the module. One for each read.
#[derive(Debug, Default)]
pub(super) struct Patience {
    reconnected: bool,
    restarted: bool,
    envelope: Option<u64>,
}

impl Patience {
    /// Whether the read is worth another try after `error`; notes that it is made.
    pub(super) fn bears(&mut self, client: &Client, error: &Error) -> bool {
        match error {
            // A host that is slow is not faster the second time; and the caller has waited long enough.
            Error::NoAnswer { source, .. } => {
                !source.is::<tokio::time::error::Elapsed>() && !std::mem::replace(&mut self.reconnected, true)
            }
            Error::Fault { fault, .. } if fault.kind() == FaultKind::InvalidEnumerationContext => {
                !std::mem::replace(&mut self.restarted, true)
            }
            Error::Fault { fault, .. } if fault.is_answer_too_large() && self.envelope.is_none() => {
                let settings = &client.shared.settings;
                let larger = settings.max_envelope_size.saturating_mul(GROWTH).min(settings.largest_envelope_size);
                self.envelope = Some(larger);
                larger > settings.max_envelope_size
            }
            _ => false,
        }
    }

    /// Says in `header` how large the answer may be by now.
    pub(super) fn grant(&self, header: &mut Header) {
        header.max_envelope_size = self.envelope.or(header.max_envelope_size);
    }
}
