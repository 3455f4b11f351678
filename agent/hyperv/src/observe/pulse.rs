//! Signs of life that integration services bring to the host: heartbeat and key-value pairs.

use std::collections::BTreeMap;
use std::net::IpAddr;

use wsman::cim::{CimInstance, CimValue, embedded};

use crate::classes::LISTENER_PAIR;
use crate::guid::Guid;
use crate::row::{Malformed, Row};

/// By VM, whether its guest's heart beats. The component exists only while the VM runs.
pub(crate) fn heartbeats(rows: &[CimInstance]) -> Result<BTreeMap<Guid, bool>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        if let Some(vm) = Guid::read(row.need("SystemName")?) {
            // 2 is well, 3 is well with an older protocol; 12 and 13 have no contact.
            let first = row.get("OperationalStatus").elements().first().and_then(|status| status.as_u64());
            found.insert(vm, matches!(first, Some(2 | 3)));
        }
    }
    Ok(found)
}

/// What we read of a guest's key-value pairs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// SHA-1 thumbprint of the listener's certificate, upper-case hexadecimal digits.
    pub(crate) listener: Option<String>,
    /// Every address that the guest reports.
    pub(crate) addresses: Vec<IpAddr>,
    /// Whether the guest says anything at all: one whose end of the exchange does not run says nothing.
    pub(crate) spoken: bool,
}

/// Key-value pairs by VM.
pub(crate) fn pairs(rows: &[CimInstance]) -> Result<BTreeMap<Guid, Pairs>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        let Some(vm) = Guid::read(row.need("SystemName")?) else { continue };
        let mut pairs = Pairs::default();
        // What a guest publishes is its own affair, and that of others' guests too: one that cannot be read hides nobody else's.
        for item in row.get("GuestExchangeItems").elements().iter().filter_map(pair) {
            pairs.spoken = true;
            if item.text("Name") == Ok(Some(LISTENER_PAIR)) {
                pairs.listener = item.text("Data").ok().flatten().and_then(thumbprint);
            }
        }
        for item in row.instances("GuestIntrinsicExchangeItems")? {
            pairs.spoken = true;
            if matches!(item.text("Name")?, Some("NetworkAddressIPv4" | "NetworkAddressIPv6")) {
                let addresses = item.text("Data")?.unwrap_or_default().split(';');
                pairs.addresses.extend(addresses.filter_map(|text| text.split('%').next()?.trim().parse::<IpAddr>().ok()));
            }
        }
        found.insert(vm, pairs);
    }
    Ok(found)
}

/// A pair as CIM-XML or as an element.
fn pair(value: &CimValue) -> Option<CimInstance> {
    match value {
        CimValue::Instance(item) => Some((**item).clone()),
        CimValue::String(text) => embedded::decode(text).ok(),
        _ => None,
    }
}

/// Forty hexadecimal digits, however a person grouped them.
fn thumbprint(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | ':' | '-')).collect();
    (digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| digits.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: &str = "2B0E83F8-1111-2222-3333-444455556666";

    fn item(name: &str, data: &str) -> String {
        format!(
            r#"<INSTANCE CLASSNAME="Msvm_KvpExchangeDataItem"><PROPERTY NAME="Data" TYPE="string"><VALUE>{data}</VALUE></PROPERTY><PROPERTY NAME="Name" TYPE="string"><VALUE>{name}</VALUE></PROPERTY></INSTANCE>"#
        )
    }

    #[test]
    fn the_listener_and_the_addresses_are_found_among_the_pairs() {
        let row = CimInstance::new("Msvm_KvpExchangeComponent")
            .with("SystemName", VM)
            .with(
                "GuestExchangeItems",
                vec![item("other", "x"), item("trunkline.listener", "ab cd ef 01 23 45 67 89 ab cd ef 01 23 45 67 89 ab cd ef 01")],
            )
            .with("GuestIntrinsicExchangeItems", vec![item("NetworkAddressIPv4", "192.168.213.5;10.0.0.5"), item("OSName", "Windows")]);
        let read = pairs(&[row]).unwrap().remove(&Guid::read(VM).unwrap()).unwrap();
        assert_eq!(read.listener.unwrap(), "ABCDEF0123456789ABCDEF0123456789ABCDEF01");
        assert_eq!(read.addresses.len(), 2);
    }

    #[test]
    fn a_thumbprint_that_is_none_is_not_pinned() {
        let row = CimInstance::new("Msvm_KvpExchangeComponent")
            .with("SystemName", VM)
            .with("GuestExchangeItems", item("trunkline.listener", "none"));
        assert_eq!(pairs(&[row]).unwrap().into_values().next().unwrap().listener, None);
    }

    #[test]
    fn a_pair_that_cannot_be_read_hides_no_other() {
        let own = item("trunkline.listener", "abcdef0123456789abcdef0123456789abcdef01");
        let row = CimInstance::new("Msvm_KvpExchangeComponent")
            .with("SystemName", VM)
            .with("GuestExchangeItems", vec!["<INSTANCE".to_owned(), own]);
        let read = pairs(&[row]).unwrap().into_values().next().unwrap();
        assert!(read.spoken && read.listener.is_some());
    }

    #[test]
    fn only_a_beating_heart_counts() {
        let row = |status: Vec<u16>| CimInstance::new("Msvm_HeartbeatComponent").with("SystemName", VM).with("OperationalStatus", status);
        let alive = |status| heartbeats(&[row(status)]).unwrap().into_values().next().unwrap();
        assert!(alive(vec![2, 32775]));
        assert!(!alive(vec![12]));
        assert!(!alive(vec![13, 2]));
    }
}
