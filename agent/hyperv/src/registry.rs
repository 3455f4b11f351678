//! The registry of a Windows machine, read through `StdRegProv`.
//!
//! Guarantees: a key or value that does not exist is `None`, anything else that fails is an error. Deliberately absent: writing.

use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::classes;
use crate::peer::{Input, Peer, TalkError};
use crate::return_code::{Family, NOT_FOUND, ReturnCode};

/// `HKEY_LOCAL_MACHINE`.
const LOCAL_MACHINE: u32 = 0x8000_0002;

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

fn registry() -> CimPath {
    CimPath::class_of(Namespace::CIMV2, classes::REGISTRY)
}

async fn call(peer: &Peer, method: &'static str, input: &Input) -> Result<Option<CimInstance>, TalkError> {
    let answer = peer.invoke(&registry(), method, input).await?;
    match answer.value {
        0 => Ok(Some(answer.out)),
        NOT_FOUND => Ok(None),
        value => Err(peer.refused(method, ReturnCode { family: Family::Windows, value })),
    }
}

/// The text at `value` of `key` below the local machine.
pub(crate) async fn text(peer: &Peer, key: &str, value: &str) -> Result<Option<String>, TalkError> {
    const METHOD: &str = "GetStringValue";
    let input = [("hDefKey", LOCAL_MACHINE.into()), ("sSubKeyName", key.into()), ("sValueName", value.into())];
    let found = call(peer, METHOD, &input).await?;
    let Some(out) = found else { return Ok(None) };
    let text = peer.read(METHOD, out.text("sValue").map_err(Into::into))?;
    Ok(text.map(str::to_owned))
}

/// The keys below `key`, below the local machine.
pub(crate) async fn keys(peer: &Peer, key: &str) -> Result<Vec<String>, TalkError> {
    const METHOD: &str = "EnumKey";
    let input = [("hDefKey", LOCAL_MACHINE.into()), ("sSubKeyName", key.into())];
    let Some(out) = call(peer, METHOD, &input).await? else { return Ok(Vec::new()) };
    let names = peer.read(METHOD, out.texts("sNames").map_err(Into::into))?;
    Ok(names.into_iter().map(str::to_owned).collect())
}
