//! The registry, as far as it says something of what is simulated: `StdRegProv`.
//!
//! Guarantees: keys are computed from the state of the system, so they cannot disagree with the classes.
//! Deliberately absent: every other key, and writing anywhere but where integration services publish a guest's items.

use wsman::cim::{CimInstance, CimValue};

use crate::machine::{Output, WmiError};
use crate::windows::Windows;
use crate::windows::domain::Membership;

const LOCAL_MACHINE: u64 = 0x8000_0002;

// Win32 error codes.
const NOT_FOUND: u32 = 2;
const ACCESS_DENIED: u32 = 5;
const INVALID_PARAMETER: u32 = 87;
// WBEM_E_TYPE_MISMATCH, which StdRegProv returns rather than raises.
const TYPE_MISMATCH: u32 = 0x8004_1005;

const NAMES: &str = r"SYSTEM\CurrentControlSet\Control\ComputerName";
const TCPIP: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
const NETLOGON: &str = r"SYSTEM\CurrentControlSet\Services\Netlogon";
const WINDOWS: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const EXTERNAL: &str = r"SOFTWARE\Microsoft\Virtual Machine\External";
const GUEST: &str = r"SOFTWARE\Microsoft\Virtual Machine\Guest";

enum Value {
    Text(String),
    Number(u32),
}

/// A key with its values.
type Entry = (String, Vec<(String, Value)>);

impl Windows {
    /// Runs a method of `StdRegProv`.
    pub(crate) fn invoke_registry(&mut self, method: &str, input: &CimInstance) -> Result<Output, WmiError> {
        let is = |name: &str| method.eq_ignore_ascii_case(name);
        let text = |name| input.text(name).ok().flatten().unwrap_or_default().to_owned();
        let key = text("sSubKeyName").trim_matches('\\').to_owned();
        let output = match () {
            () if input.unsigned("hDefKey").ok().flatten().unwrap_or(LOCAL_MACHINE) != LOCAL_MACHINE => Output::code(NOT_FOUND),
            () if is("GetStringValue") => self.read_value(&key, &text("sValueName"), "sValue"),
            () if is("GetDWORDValue") => self.read_value(&key, &text("sValueName"), "uValue"),
            () if is("EnumKey") => self.keys_below(&key),
            () if is("EnumValues") => self.values_of(&key),
            () if is("SetStringValue") => self.publish(&key, &text("sValueName"), Some(text("sValue"))),
            () if is("DeleteValue") => self.publish(&key, &text("sValueName"), None),
            () => return Err(WmiError::method("StdRegProv", method)),
        };
        Ok(output)
    }

    fn registry(&self) -> Vec<Entry> {
        let key = |path: &str, values: &[(&str, &str)]| {
            (path.to_owned(), values.iter().map(|(n, v)| ((*n).to_owned(), Value::Text((*v).to_owned()))).collect())
        };
        let items = |path: &str, items: &std::collections::BTreeMap<String, String>| {
            (path.to_owned(), items.iter().map(|(n, v)| (n.clone(), Value::Text(v.clone()))).collect())
        };
        let next = self.pending_name.as_ref().unwrap_or(&self.computer_name);
        let domain = match (&self.hosts_domain, &self.membership) {
            (Some(domain), _) => domain.name.as_str(),
            (None, Membership::Domain(name)) => name,
            (None, Membership::Workgroup(_)) => "",
        };
        let build = self.version.rsplit('.').next().unwrap_or_default();
        let mut all: Vec<Entry> = vec![
            key(&format!(r"{NAMES}\ActiveComputerName"), &[("ComputerName", &self.computer_name)]),
            key(&format!(r"{NAMES}\ComputerName"), &[("ComputerName", next)]),
            key(TCPIP, &[("Hostname", &self.computer_name), ("NV Hostname", next), ("Domain", domain), ("NV Domain", domain)]),
            key(&format!(r"{NETLOGON}\Parameters"), &[]),
            key(WINDOWS, &[("ProductName", &self.caption), ("CurrentBuildNumber", build)]),
            items(EXTERNAL, &self.received),
            items(GUEST, &self.published),
        ];
        all[4].1.push(("CurrentMajorVersionNumber".to_owned(), Value::Number(10)));
        // Windows keeps these two from a join until the restart after it.
        if matches!(self.pending_membership, Some(Membership::Domain(_))) {
            all.push(key(&format!(r"{NETLOGON}\AvoidSpnSet"), &[]));
            all.push(key(&format!(r"{NETLOGON}\JoinDomain"), &[]));
        }
        all
    }

    fn read_value(&self, key: &str, name: &str, parameter: &str) -> Output {
        let all = self.registry();
        let values = all.iter().find(|(path, _)| path.eq_ignore_ascii_case(key)).map(|(_, values)| values);
        let value = values.and_then(|values| values.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)));
        match (value.map(|(_, v)| v), parameter) {
            (None, _) => Output::code(NOT_FOUND).with(parameter, CimValue::Null),
            (Some(Value::Text(text)), "sValue") => Output::code(0).with(parameter, text.as_str()),
            (Some(Value::Number(number)), "uValue") => Output::code(0).with(parameter, *number),
            (Some(_), _) => Output::code(TYPE_MISMATCH).with(parameter, CimValue::Null),
        }
    }

    fn keys_below(&self, key: &str) -> Output {
        let all = self.registry();
        let below = |path: &str| {
            let rest = path.get(key.len()..).filter(|_| path[..key.len()].eq_ignore_ascii_case(key))?;
            let rest = if key.is_empty() { rest } else { rest.strip_prefix('\\')? };
            rest.split('\\').next().map(ToOwned::to_owned)
        };
        let names: std::collections::BTreeSet<_> =
            all.iter().filter(|(path, _)| path.len() > key.len()).filter_map(|(path, _)| below(path)).collect();
        let exists = all.iter().any(|(path, _)| path.eq_ignore_ascii_case(key));
        match (names.is_empty(), exists) {
            (true, false) => Output::code(NOT_FOUND).with("sNames", CimValue::Null),
            (true, true) => Output::code(0).with("sNames", CimValue::Null),
            (false, _) => Output::code(0).with("sNames", names.into_iter().collect::<Vec<_>>()),
        }
    }

    fn values_of(&self, key: &str) -> Output {
        let all = self.registry();
        let Some((_, values)) = all.iter().find(|(path, _)| path.eq_ignore_ascii_case(key)) else {
            return Output::code(NOT_FOUND);
        };
        if values.is_empty() {
            return Output::code(0).with("sNames", CimValue::Null).with("Types", CimValue::Null);
        }
        // REG_SZ and REG_DWORD.
        let kind = |value: &Value| CimValue::Signed(if matches!(value, Value::Text(_)) { 1 } else { 4 });
        let names: Vec<_> = values.iter().map(|(name, _)| name.as_str()).collect();
        Output::code(0).with("sNames", names).with("Types", CimValue::Array(values.iter().map(|(_, v)| kind(v)).collect()))
    }

    fn publish(&mut self, key: &str, name: &str, value: Option<String>) -> Output {
        if !key.eq_ignore_ascii_case(GUEST) {
            return Output::code(ACCESS_DENIED);
        }
        if name.is_empty() {
            return Output::code(INVALID_PARAMETER);
        }
        let Some(value) = value else {
            return Output::code(if self.published.remove(name).is_some() { 0 } else { NOT_FOUND });
        };
        self.published.insert(name.to_owned(), value);
        Output::code(0)
    }
}
