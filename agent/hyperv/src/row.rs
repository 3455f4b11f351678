//! Reading of instances: what must be there, and the forms in which WMI writes the same thing.
//!
//! Guarantees: a property that is missing, or holds what it cannot, is an error that names class and property, never a default.

use jiff::Timestamp;
use wsman::cim::{CimDatetime, CimInstance, CimPath, CimValue, Namespace, WrongType, embedded};

/// An instance lacks what its class promises, or holds something that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A property that must be there is missing or NULL.
    #[error("a {class} lacks `{property}`")]
    Missing {
        /// The class.
        class: String,
        /// The property.
        property: &'static str,
    },
    /// An object is told of by one class and not by another that must tell of it.
    #[error("no {class} tells of `{object}`, which is there")]
    Untold {
        /// The class that is silent.
        class: &'static str,
        /// What the other one tells of.
        object: String,
    },
    /// A property holds another type.
    #[error("a property has another type than its class says")]
    Type(#[source] WrongType),
    /// A property holds text that cannot be what it stands for.
    #[error("`{property}` of a {class} is `{found}`, which means nothing")]
    Meaningless {
        /// The class.
        class: String,
        /// The property.
        property: &'static str,
        /// What stands there, shortened.
        found: String,
    },
}

impl From<WrongType> for Malformed {
    fn from(wrong: WrongType) -> Self {
        Self::Type(wrong)
    }
}

/// How we read an instance.
pub(crate) trait Row {
    /// Text that must be there.
    fn need(&self, property: &'static str) -> Result<&str, Malformed>;
    /// A number that must be there.
    fn number(&self, property: &'static str) -> Result<u64, Malformed>;
    /// A name that must be there.
    fn name<T: std::str::FromStr>(&self, property: &'static str) -> Result<T, Malformed>;
    /// A point in time that must be there.
    fn instant(&self, property: &'static str) -> Result<Timestamp, Malformed>;
    /// The path in a property, which WMI writes as text or as a reference; the first one of an array.
    fn path(&self, property: &str) -> Option<CimPath>;
    /// Lines of text, however they are split over an array's elements.
    fn lines(&self, property: &str) -> Result<String, Malformed>;
    /// Instances that are embedded in a property, as CIM-XML or as elements.
    fn instances(&self, property: &'static str) -> Result<Vec<CimInstance>, Malformed>;
}

fn meaningless(row: &CimInstance, property: &'static str, found: &str) -> Malformed {
    Malformed::Meaningless { class: row.class().to_string(), property, found: found.chars().take(80).collect() }
}

impl Row for CimInstance {
    fn need(&self, property: &'static str) -> Result<&str, Malformed> {
        self.text(property)?.ok_or_else(|| Malformed::Missing { class: self.class().to_string(), property })
    }

    fn number(&self, property: &'static str) -> Result<u64, Malformed> {
        self.unsigned(property)?.ok_or_else(|| Malformed::Missing { class: self.class().to_string(), property })
    }

    fn name<T: std::str::FromStr>(&self, property: &'static str) -> Result<T, Malformed> {
        let text = self.need(property)?;
        text.parse().map_err(|_| meaningless(self, property, text))
    }

    fn instant(&self, property: &'static str) -> Result<Timestamp, Malformed> {
        let read = match self.get(property) {
            CimValue::Null => return Err(Malformed::Missing { class: self.class().to_string(), property }),
            CimValue::Datetime(when) => Some(*when),
            CimValue::String(text) => CimDatetime::parse(text),
            _ => None,
        };
        match read {
            Some(CimDatetime::Instant(instant)) => Ok(instant),
            _ => Err(meaningless(self, property, &format!("{:?}", self.get(property)))),
        }
    }

    fn path(&self, property: &str) -> Option<CimPath> {
        match self.get(property).elements().first()? {
            CimValue::Reference(path) => Some((**path).clone()),
            CimValue::String(text) => CimPath::parse_in(text, &Namespace::VIRTUALIZATION).ok(),
            _ => None,
        }
    }

    fn lines(&self, property: &str) -> Result<String, Malformed> {
        Ok(self.texts(property)?.join("\n"))
    }

    fn instances(&self, property: &'static str) -> Result<Vec<CimInstance>, Malformed> {
        let read = |value: &CimValue| match value {
            CimValue::Instance(instance) => Ok((**instance).clone()),
            CimValue::String(text) => embedded::decode(text).map_err(|_| meaningless(self, property, text)),
            other => Err(meaningless(self, property, &format!("{other:?}"))),
        };
        self.get(property).elements().iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let row = CimInstance::new("Msvm_ComputerSystem").with("EnabledState", "soon");
        assert_eq!(row.need("Name").unwrap_err().to_string(), "a Msvm_ComputerSystem lacks `Name`");
        assert!(matches!(row.number("EnabledState"), Err(Malformed::Type(_))));
    }

    #[test]
    fn a_path_is_read_as_text_and_as_a_reference() {
        let path = CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_X").with_key("InstanceID", r"Microsoft:A\B");
        let text = path.on_host("HV01");
        let row = CimInstance::new("Y").with("Parent", text.as_str()).with("HostResource", vec![text.as_str()]).with("Ref", path.clone());
        assert_eq!(row.path("Parent"), Some(path.clone()));
        assert_eq!(row.path("HostResource"), Some(path.clone()));
        assert_eq!(row.path("Ref"), Some(path));
        assert_eq!(row.path("Missing"), None);
    }

    #[test]
    fn an_instant_is_read_from_either_form() {
        let row = CimInstance::new("Win32_OperatingSystem").with("LastBootUpTime", "20260303100000.500000+000");
        assert_eq!(row.instant("LastBootUpTime").unwrap().to_string(), "2026-03-03T10:00:00.5Z");
    }
}
