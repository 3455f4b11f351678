//! What a request is about: all classes of a namespace, a class, or one instance of it.
//!
//! Guarantees: selectors are told from keys, missing and unknown ones refused by their own codes.

use wsman::cim::{CimPath, ClassName, Key, Name, Namespace};
use wsman::envelope::Header;
use wsman::resource::{CIM_NAMESPACE, Naming, ResourceUri};
use wsman::schema;

use super::{Refusal, shell};
use crate::machine::{Machine, Object, WmiCode};

/// Classes of which there is one instance, addressed without keys.
const SINGLETONS: [&str; 3] = ["Win32_OperatingSystem", "MSFT_MpPreference", "MSFT_MpComputerStatus"];

/// The resource of a request.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The class; `None` for all of the namespace.
    pub(super) class: Option<ClassName>,
    /// How classes are named in the answer, and the namespace.
    pub(super) naming: Naming,
    /// The selectors, without the one that names the namespace.
    pub(super) selectors: Vec<(Name, Key)>,
}

impl Target {
    /// The target of `header`.
    pub(super) fn of(header: &Header) -> Result<Self, Refusal> {
        let resource = header.resource.as_ref().ok_or(Refusal::INVALID_RESOURCE_URI)?;
        if let ResourceUri::Other(_) = resource {
            return Err(shell::refusal(header));
        }
        let naming = Naming::answering(Some(resource), &header.selectors);
        let (stated, selectors): (Vec<_>, Vec<_>) = header.selectors.iter().cloned().partition(|(name, _)| *name == CIM_NAMESPACE);
        let differs = |key: &Key| !matches!(key, Key::Text(text) if Namespace::new(text) == *naming.namespace());
        if stated.iter().any(|(_, key)| differs(key)) {
            return Err(Refusal::namespaces_differ());
        }
        for (index, (name, _)) in selectors.iter().enumerate() {
            if selectors[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(Refusal::DUPLICATE_SELECTORS);
            }
        }
        Ok(Self { class: resource.class().cloned(), naming, selectors })
    }

    pub(super) fn namespace(&self) -> &Namespace {
        self.naming.namespace()
    }

    /// The class; an operation on one cannot be asked of all.
    pub(super) fn class(&self) -> Result<&ClassName, Refusal> {
        self.class.as_ref().ok_or(Refusal::INVALID_RESOURCE_URI)
    }

    /// The class and the selectors as a path, whatever they are.
    pub(super) fn path(&self) -> Result<CimPath, Refusal> {
        let class = CimPath::class_of(self.namespace().clone(), self.class()?.clone());
        Ok(self.selectors.iter().fold(class, |path, (name, key)| match key {
            Key::Text(text) => path.with_key(name.as_str(), text.as_str()),
            Key::Path(inner) => path.with_path_key(name.as_str(), CimPath::clone(inner)),
        }))
    }

    /// Every instance of the class; a class or namespace that the machine lacks makes the URI wrong.
    pub(super) fn instances(&self, machine: &dyn Machine) -> Result<Vec<Object>, Refusal> {
        machine.instances(self.namespace(), self.class()?.as_str()).map_err(|error| match error.code {
            WmiCode::InvalidClass | WmiCode::InvalidNamespace => {
                Refusal::Wsman { code: Refusal::INVALID_RESOURCE, text: Some(error.message) }
            }
            _ => Refusal::Wmi(error),
        })
    }

    /// The instance that the selectors name, all of its keys and nothing else.
    pub(super) fn instance(&self, machine: &dyn Machine) -> Result<Object, Refusal> {
        let objects = self.instances(machine)?;
        self.check_keys(&objects)?;
        let path = self.path()?;
        let mut matching = objects.into_iter().filter(|object| crate::machine::matches(&object.path, &path));
        match (matching.next(), matching.next()) {
            (Some(object), None) => Ok(object),
            (Some(_), Some(_)) => Err(Refusal::AMBIGUOUS_SELECTORS),
            (None, _) => Err(Refusal::NOT_FOUND),
        }
    }

    /// Whether the selectors are the keys of the class.
    pub(super) fn check_keys(&self, objects: &[Object]) -> Result<(), Refusal> {
        let class = self.class()?;
        let declared: Vec<Name> = schema::class(self.namespace(), class.as_str())
            .map(|class| class.keys().map(|key| Name::from_static(key.name())).collect())
            .unwrap_or_default();
        // Where the table does not state the keys, those of any instance tell them.
        let keys = match (declared.is_empty(), objects.first()) {
            (true, Some(object)) => object.path.keys().map(|(name, _)| name.clone()).collect(),
            _ => declared,
        };
        if self.selectors.is_empty() && SINGLETONS.iter().any(|singleton| *class == **singleton) {
            return Ok(());
        }
        if self.selectors.iter().any(|(name, _)| !keys.contains(name)) && !(keys.is_empty() && objects.is_empty()) {
            return Err(Refusal::UNEXPECTED_SELECTORS);
        }
        if keys.iter().any(|key| !self.selectors.iter().any(|(name, _)| name == key)) {
            return Err(Refusal::TOO_FEW_SELECTORS);
        }
        Ok(())
    }
}
