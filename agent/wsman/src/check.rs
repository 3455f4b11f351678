//! Checks what is about to be sent against the class table.
//!
//! Guarantees: only what the table states is held against a request; a class, method or type that it does not state passes, and of what a
//! host gave, what the table does not state can be listed.

use crate::cim::{CimInstance, CimPath, CimType, CimValue, Namespace};
use crate::client::ProgramError;
use crate::schema::{self, Class, Declared, Direction};

/// A request that contradicts the class table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// A parameter that the method does not have.
    #[error("method `{method}` of {class} has no parameter `{parameter}`")]
    UnknownParameter {
        /// The class.
        class: String,
        /// The method.
        method: String,
        /// The parameter.
        parameter: String,
    },
    /// A property that the class does not have.
    #[error("{class} has no property `{property}`")]
    UnknownProperty {
        /// The class.
        class: String,
        /// The property.
        property: String,
    },
    /// An instance is meant, and a part of its key is missing.
    #[error("the path to an instance of {class} lacks the key `{key}`")]
    MissingKey {
        /// The class.
        class: String,
        /// The missing part.
        key: String,
    },
    /// A selector that is no property of the class.
    #[error("{class} has no property `{selector}` to be selected by")]
    UnknownSelector {
        /// The class.
        class: String,
        /// The selector.
        selector: String,
    },
    /// A program that cannot be started as it is given.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A value of another type.
    #[error("`{name}` of {owner} must be {wanted}, not {found}")]
    WrongType {
        /// The class or method.
        owner: String,
        /// The property or parameter.
        name: String,
        /// The declared type.
        wanted: String,
        /// What was given, without its value (it may be a password).
        found: &'static str,
    },
}

/// Checks a method call.
pub(crate) fn call(path: &CimPath, method: &str, values: &[(&str, CimValue)]) -> Result<(), CheckError> {
    let Some(class) = schema::class(path.namespace(), path.class().as_str()) else { return Ok(()) };
    let Some(known) = class.method(method) else { return Ok(()) };
    for (name, value) in values {
        let parameter = known.parameter(name, Direction::In).ok_or_else(|| CheckError::UnknownParameter {
            class: class.name().to_owned(),
            method: known.name().to_owned(),
            parameter: (*name).to_owned(),
        })?;
        let owner = || format!("{}.{}", class.name(), known.name());
        check_value(value, parameter.declared()).map_err(|wrong| wrong.at(owner, parameter.name()))?;
    }
    Ok(())
}

/// Checks the path to one instance: every key that the table states, and nothing that is no property.
pub(crate) fn target(path: &CimPath) -> Result<(), CheckError> {
    let Some(class) = schema::class(path.namespace(), path.class().as_str()) else { return Ok(()) };
    for (name, _) in path.keys() {
        if class.property(name.as_str()).is_none() {
            return Err(CheckError::UnknownSelector { class: class.name().to_owned(), selector: name.to_string() });
        }
    }
    match class.keys().find(|key| !path.keys().any(|(name, _)| *name == key.name())) {
        Some(key) => Err(CheckError::MissingKey { class: class.name().to_owned(), key: key.name().to_owned() }),
        None => Ok(()),
    }
}

/// What of `instance`, as a host of `namespace` gave it, the class table does not state: `class`, or `class.property`. Such values are text.
#[must_use]
pub fn unverified(namespace: &Namespace, instance: &CimInstance) -> Vec<String> {
    let name = instance.class();
    let Some(class) = schema::class(namespace, name.as_str()) else { return vec![name.to_string()] };
    let is_open = |property: &str| class.property(property).is_none_or(|p| p.declared().cim.is_none());
    instance.properties().filter(|(p, _)| is_open(p.as_str())).map(|(p, _)| format!("{name}.{p}")).collect()
}

/// Checks the properties of an instance of `namespace`, and of those that are embedded in it.
pub(crate) fn instance(namespace: &Namespace, instance: &CimInstance) -> Result<(), CheckError> {
    match schema::class(namespace, instance.class().as_str()) {
        Some(class) => properties(class, instance),
        None => embedded(instance),
    }
}

/// Checks an embedded instance, which does not say in which namespace its class is.
fn embedded(instance: &CimInstance) -> Result<(), CheckError> {
    schema::any_class(instance.class().as_str()).map_or(Ok(()), |class| properties(class, instance))
}

fn properties(class: &Class, instance: &CimInstance) -> Result<(), CheckError> {
    for (name, value) in instance.properties() {
        let property = class
            .property(name.as_str())
            .ok_or_else(|| CheckError::UnknownProperty { class: class.name().to_owned(), property: name.to_string() })?;
        check_value(value, property.declared()).map_err(|wrong| wrong.at(|| class.name().to_owned(), property.name()))?;
    }
    Ok(())
}

/// The type that `name` of a method's input has, for writing it.
pub(crate) fn declared(path: &CimPath, method: &str, name: &str) -> Option<Declared> {
    let class = schema::class(path.namespace(), path.class().as_str())?;
    class.method(method)?.parameter(name, Direction::In).map(|p| p.declared())
}

enum Wrong {
    Type(Declared, &'static str),
    Inside(CheckError),
}

impl Wrong {
    fn at(self, owner: impl Fn() -> String, name: &str) -> CheckError {
        match self {
            Self::Inside(error) => error,
            Self::Type(declared, found) => {
                CheckError::WrongType { owner: owner(), name: name.to_owned(), wanted: wording(declared), found }
            }
        }
    }
}

fn check_value(value: &CimValue, declared: Declared) -> Result<(), Wrong> {
    match (value, declared.array) {
        (CimValue::Null, _) => Ok(()),
        (CimValue::Array(values), true) => values.iter().try_for_each(|v| check_scalar(v, declared)),
        (CimValue::Array(_), false) => Err(Wrong::Type(declared, "an array")),
        (value, true) => Err(Wrong::Type(declared, kind(value))),
        (value, false) => check_scalar(value, declared),
    }
}

fn check_scalar(value: &CimValue, declared: Declared) -> Result<(), Wrong> {
    use CimType as T;
    let Some(cim) = declared.cim else { return Ok(()) };
    let fits = match (cim, value) {
        (T::Boolean, CimValue::Boolean(_)) | (T::Datetime, CimValue::Datetime(_)) | (T::Reference, CimValue::Reference(_)) => true,
        (T::Uint8 | T::Uint16 | T::Uint32 | T::Uint64 | T::Char16, value) => {
            whole(value).is_some_and(|n| (0..=i128::from(crate::cim::unsigned_max(cim))).contains(&n))
        }
        (T::Sint8 | T::Sint16 | T::Sint32 | T::Sint64, value) => {
            let (low, high) = crate::cim::signed_range(cim);
            whole(value).is_some_and(|n| (i128::from(low)..=i128::from(high)).contains(&n))
        }
        (T::Real32 | T::Real64, CimValue::Real(_) | CimValue::Unsigned(_) | CimValue::Signed(_)) => true,
        // Where the listing says text, a datetime, a reference or an embedded instance may hide behind it.
        (T::String | T::EmbeddedInstance, CimValue::String(_)) => true,
        (T::String, CimValue::Datetime(_) | CimValue::Reference(_)) => true,
        (T::String | T::EmbeddedInstance | T::Object, CimValue::Instance(inner)) => {
            return embedded(inner).map_err(Wrong::Inside);
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(Wrong::Type(declared, kind(value))) }
}

fn whole(value: &CimValue) -> Option<i128> {
    match value {
        CimValue::Unsigned(n) => Some(i128::from(*n)),
        CimValue::Signed(n) => Some(i128::from(*n)),
        _ => None,
    }
}

fn kind(value: &CimValue) -> &'static str {
    match value {
        CimValue::Null => "NULL",
        CimValue::Boolean(_) => "a truth value",
        CimValue::Unsigned(_) | CimValue::Signed(_) => "a number, or one out of range",
        CimValue::Real(_) => "a real number",
        CimValue::String(_) => "text",
        CimValue::Datetime(_) => "a datetime",
        CimValue::Reference(_) => "a reference",
        CimValue::Instance(_) => "an instance",
        CimValue::Array(_) => "an array",
    }
}

fn wording(declared: Declared) -> String {
    let cim = declared.cim.map_or_else(String::new, |cim| format!("{cim:?}").to_lowercase());
    format!("{cim}{}", if declared.array { "[]" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cim::Namespace;

    fn service() -> CimPath {
        CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_VirtualSystemManagementService")
    }

    #[test]
    fn what_contradicts_the_table_is_refused_in_words() {
        let settings = CimInstance::new("Msvm_ResourceAllocationSettingData").with("HostResource", "C:\\x.vhdx");
        let errors = [
            call(&service(), "DefineSystem", &[("Nonsense", CimValue::Null)]),
            call(&service(), "DestroySystem", &[("AffectedSystem", "VM".into())]),
            call(&service(), "AddResourceSettings", &[("ResourceSettings", settings.clone().into())]),
            call(&service(), "AddResourceSettings", &[("ResourceSettings", vec![settings].into())]),
            instance(&Namespace::VIRTUALIZATION, &CimInstance::new("Msvm_MemorySettingData").with("Weight", u64::MAX)),
            instance(&Namespace::VIRTUALIZATION, &CimInstance::new("Msvm_MemorySettingData").with("Wieght", 1_u16)),
            target(&CimPath::class_of(Namespace::CIMV2, "Win32_Service")),
            target(&CimPath::class_of(Namespace::CIMV2, "Win32_Service").with_key("Name", "W32Time").with_key("Nmae", "x")),
        ];
        let text: Vec<String> = errors.into_iter().map(|e| e.expect_err("refused").to_string()).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        method `DefineSystem` of Msvm_VirtualSystemManagementService has no parameter `Nonsense`
        `AffectedSystem` of Msvm_VirtualSystemManagementService.DestroySystem must be reference, not text
        `ResourceSettings` of Msvm_VirtualSystemManagementService.AddResourceSettings must be embeddedinstance[], not an instance
        `HostResource` of Msvm_ResourceAllocationSettingData must be string[], not text
        `Weight` of Msvm_MemorySettingData must be uint32, not a number, or one out of range
        Msvm_MemorySettingData has no property `Wieght`
        the path to an instance of Win32_Service lacks the key `Name`
        Win32_Service has no property `Nmae` to be selected by
        ");
    }

    #[test]
    fn what_the_table_does_not_state_passes() {
        let unknown = CimPath::class_of(Namespace::CIMV2, "Contoso_Thing");
        assert_eq!(call(&unknown, "DoIt", &[("X", CimValue::Real(1.5))]), Ok(()));
        assert_eq!(call(&service(), "MethodOfTomorrow", &[("X", CimValue::Real(1.5))]), Ok(()));
        assert_eq!(instance(&Namespace::CIMV2, &CimInstance::new("Contoso_Thing").with("X", true)), Ok(()));
        assert_eq!(target(&unknown), Ok(()));
        assert_eq!(target(&CimPath::class_of(Namespace::CIMV2, "Win32_Service").with_key("NAME", "W32Time")), Ok(()));
    }

    #[test]
    fn what_a_host_gives_beyond_the_table_is_listed() {
        let service = CimInstance::new("Win32_Service").with("Name", "W32Time").with("FeatureOfTomorrow", "x");
        assert_eq!(unverified(&Namespace::CIMV2, &service), ["Win32_Service.FeatureOfTomorrow"]);
        assert_eq!(unverified(&Namespace::CIMV2, &CimInstance::new("Contoso_Thing").with("X", true)), ["Contoso_Thing"]);
    }
}
