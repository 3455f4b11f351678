//! Registry keys that tell who a machine is and what awaits its restart.
//!
//! Guarantees: a key or value that does not exist is `None`, anything else that fails is an error.

use crate::peer::{Peer, TalkError};
use crate::windows::registry::Registry;

/// The name that is in force.
pub(crate) const ACTIVE_NAME: &str = r"SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName";
/// The name that the next restart brings into force.
pub(crate) const NEXT_NAME: &str = r"SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName";
/// The value below either.
pub(crate) const NAME_VALUE: &str = "ComputerName";
/// Below it stands `JoinDomain` from a join until the restart after it.
pub(crate) const NETLOGON: &str = r"SYSTEM\CurrentControlSet\Services\Netlogon";
/// The key that says that a join awaits its restart.
pub(crate) const JOIN_KEY: &str = "JoinDomain";

/// The text at `value` of `key` below the local machine.
pub(crate) async fn text(peer: &Peer, key: &str, value: &str) -> Result<Option<String>, TalkError> {
    Registry::of(peer).text(key, value).await
}

/// The keys below `key`, below the local machine.
pub(crate) async fn keys(peer: &Peer, key: &str) -> Result<Vec<String>, TalkError> {
    Ok(Registry::of(peer).keys(key).await?.unwrap_or_default())
}
