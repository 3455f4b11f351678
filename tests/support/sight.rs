//! Observations as they are compared: without what differs between two equal hosts.

use model::observed::Observed;
use serde_json::Value;

/// An observation without instants. Everything else must be equal when two hosts are.
pub fn timeless(observed: &Observed) -> Value {
    let mut value = serde_json::to_value(observed).unwrap();
    forget_instants(&mut value);
    value
}

/// The same for the JSON that `observe` prints.
pub fn timeless_json(text: &str) -> Value {
    let mut value = serde_json::from_str(text).unwrap();
    forget_instants(&mut value);
    value
}

fn forget_instants(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("at");
            map.remove("bootedAt");
            map.values_mut().for_each(forget_instants);
        }
        Value::Array(list) => list.iter_mut().for_each(forget_instants),
        _ => {}
    }
}
