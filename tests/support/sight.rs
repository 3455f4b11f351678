//! Observations as they are compared: without what differs between two equal hosts.

use std::collections::BTreeSet;

use model::observed::Observed;
use serde_json::Value;

/// An observation without instants, and without the certificates of guests, which differ with the order in which VMs are made.
/// Everything else must be equal when two hosts are.
pub fn timeless(observed: &Observed) -> Value {
    let mut value = serde_json::to_value(observed).unwrap();
    forget(&mut value);
    value
}

/// The same for the JSON that `observe` prints.
pub fn timeless_json(text: &str) -> Value {
    let mut value = serde_json::from_str(text).unwrap();
    forget(&mut value);
    value
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("at");
            map.remove("bootedAt");
            map.remove("listener");
            map.values_mut().for_each(forget);
        }
        Value::Array(list) => list.iter_mut().for_each(forget),
        _ => {}
    }
}

/// What `differences` says of equal values.
pub const EQUAL: [&str; 0] = [];

/// Where two values differ, a line each; empty when they are equal.
pub fn differences(found: &Value, wanted: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", found, wanted, &mut lines);
    lines
}

fn compare(path: &str, found: &Value, wanted: &Value, lines: &mut Vec<String>) {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let keys: BTreeSet<_> = found.keys().chain(wanted.keys()).collect();
            for key in keys {
                let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                compare(&format!("{path}/{key}"), &of(found), &of(wanted), lines);
            }
        }
        _ if found == wanted => {}
        _ => lines.push(format!("{path}: {found}, not {wanted}")),
    }
}
