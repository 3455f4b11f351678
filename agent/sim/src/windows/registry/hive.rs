//! Keys and values of a registry.
//!
//! Guarantees: names compare without case and keep the case in which they were first written; every key's parents are there.
//! Deliberately absent: access control; whoever writes has decided that it may be written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The data of one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Data {
    /// `REG_SZ`.
    Text(String),
    /// `REG_EXPAND_SZ`, as it is stored.
    ExpandedText(String),
    /// `REG_BINARY`.
    Binary(Vec<u8>),
    /// `REG_DWORD`.
    Number(u32),
    /// `REG_MULTI_SZ`.
    Texts(Vec<String>),
    /// `REG_QWORD`.
    WideNumber(u64),
}

impl Data {
    /// The type's number.
    pub(crate) fn kind(&self) -> i64 {
        match self {
            Self::Text(_) => 1,
            Self::ExpandedText(_) => 2,
            Self::Binary(_) => 3,
            Self::Number(_) => 4,
            Self::Texts(_) => 7,
            Self::WideNumber(_) => 11,
        }
    }
}

/// A key below the local machine with its values, as a world file writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeySpec {
    /// Its path, `SOFTWARE\Contoso`.
    pub key: String,
    /// Its values by name.
    #[serde(default)]
    pub values: BTreeMap<String, Data>,
}

/// Why a key was not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotDeleted {
    /// There is none.
    Missing,
    /// Keys are below it.
    HasKeys,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Key {
    path: String,
    /// By name in lower case; each with its name as it was written.
    values: BTreeMap<String, (String, Data)>,
}

/// All keys below the local machine.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Hive {
    /// By path in lower case.
    keys: BTreeMap<String, Key>,
}

impl Hive {
    /// A hive that holds `keys`.
    pub(crate) fn of(keys: &[KeySpec]) -> Self {
        let mut hive = Self::default();
        for spec in keys {
            hive.create(&spec.key);
            spec.values.iter().for_each(|(name, data)| hive.put(&spec.key, name, data.clone()));
        }
        hive
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        path.is_empty() || self.keys.contains_key(&path.to_lowercase())
    }

    /// Makes the key and the keys above it.
    pub(crate) fn create(&mut self, path: &str) {
        let ends = path.match_indices('\\').map(|(at, _)| at).chain([path.len()]);
        for above in ends.filter_map(|end| path.get(..end)).filter(|above| !above.is_empty()) {
            let key = || Key { path: above.to_owned(), values: BTreeMap::new() };
            self.keys.entry(above.to_lowercase()).or_insert_with(key);
        }
    }

    /// Sets a value, whose key is made if need be.
    pub(crate) fn put(&mut self, path: &str, name: &str, data: Data) {
        self.create(path);
        if let Some(key) = self.keys.get_mut(&path.to_lowercase()) {
            match key.values.get_mut(&name.to_lowercase()) {
                Some((_, known)) => *known = data,
                None => drop(key.values.insert(name.to_lowercase(), (name.to_owned(), data))),
            }
        }
    }

    pub(crate) fn value(&self, path: &str, name: &str) -> Option<&Data> {
        self.keys.get(&path.to_lowercase())?.values.get(&name.to_lowercase()).map(|(_, data)| data)
    }

    /// The values of a key, by name; `None` when there is no key.
    pub(crate) fn values(&self, path: &str) -> Option<impl Iterator<Item = (&str, &Data)>> {
        let key = self.keys.get(&path.to_lowercase())?;
        Some(key.values.values().map(|(name, data)| (name.as_str(), data)))
    }

    /// The names of the keys right below a key.
    pub(crate) fn below(&self, path: &str) -> Vec<&str> {
        let prefix = if path.is_empty() { String::new() } else { format!("{}\\", path.to_lowercase()) };
        let inside = self.keys.range(prefix.clone()..).take_while(|(lower, _)| lower.starts_with(&prefix));
        inside.filter_map(|(_, key)| key.path.get(prefix.len()..)).filter(|rest| !rest.is_empty() && !rest.contains('\\')).collect()
    }

    /// Removes a value; `false` when there was none.
    pub(crate) fn remove_value(&mut self, path: &str, name: &str) -> bool {
        self.keys.get_mut(&path.to_lowercase()).is_some_and(|key| key.values.remove(&name.to_lowercase()).is_some())
    }

    /// Removes a key that has no keys below it.
    pub(crate) fn remove(&mut self, path: &str) -> Result<(), NotDeleted> {
        if path.is_empty() || !self.has(path) {
            return Err(NotDeleted::Missing);
        }
        if !self.below(path).is_empty() {
            return Err(NotDeleted::HasKeys);
        }
        self.keys.remove(&path.to_lowercase());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_with_all_that_stand_above_and_compare_without_case() {
        let mut hive = Hive::default();
        hive.put(r"SOFTWARE\Contoso\Branch", "Size", Data::Number(3));
        assert_eq!(hive.below(r"software"), ["Contoso"]);
        assert_eq!(hive.below(""), ["SOFTWARE"]);
        assert_eq!(hive.value(r"software\contoso\BRANCH", "size"), Some(&Data::Number(3)));
        assert!(!hive.has(r"SOFTWARE\Cont"), "part of a name is no key");
    }

    #[test]
    fn a_key_with_keys_below_it_is_not_deleted() {
        let mut hive = Hive::of(&[KeySpec { key: r"A\B".to_owned(), values: BTreeMap::new() }]);
        assert_eq!(hive.remove("A"), Err(NotDeleted::HasKeys));
        assert_eq!(hive.remove(r"A\B"), Ok(()));
        assert_eq!(hive.remove(r"A\B"), Err(NotDeleted::Missing));
        assert_eq!(hive.remove("a"), Ok(()));
    }
}
