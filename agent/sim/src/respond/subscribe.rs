//! Subscribe and Unsubscribe: not supported yet. Here is where they will stand.

use super::Refusal;

/// What a client is told that asks for events.
pub(super) fn refusal() -> Refusal {
    Refusal::DELIVERY_MODE
}
