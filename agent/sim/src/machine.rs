//! What one Windows machine shows through WMI: instances, associations, methods.
//!
//! Guarantees: views are computed from typed state on demand, in a stable order; nothing is stored twice.
//! Deliberately absent: queries and envelopes. The protocol side evaluates those over this trait.

use wsman::cim::{CimInstance, CimPath, CimValue, ClassName, Name, Namespace};

use crate::program::Desk;

/// One Windows machine as WMI shows it: a host or a guest.
pub trait Machine {
    /// The name that `__SERVER` gives.
    fn computer_name(&self) -> &str;

    /// All instances of `class` and its subclasses in `namespace`, in a stable order, each with its key path.
    ///
    /// # Errors
    /// `InvalidNamespace` or `InvalidClass` when the machine does not know the name.
    fn instances(&self, namespace: &Namespace, class: &str) -> Result<Vec<Object>, WmiError>;

    /// All associations of `namespace` that touch `path`.
    ///
    /// # Errors
    /// `InvalidNamespace`, or `NotFound` when nothing is at `path`.
    fn associations(&self, namespace: &Namespace, path: &CimPath) -> Result<Vec<Association>, WmiError>;

    /// Whether methods of `class` are called by its key `CreationClassName` alone, whatever other keys it has: Hyper-V's services are.
    fn is_service(&self, _namespace: &Namespace, _class: &ClassName) -> bool {
        false
    }

    /// Invokes a method; `input` holds the decoded parameters.
    ///
    /// # Errors
    /// What the provider refuses outright; a refusal in the method's own terms is an `Output` with a return value.
    fn invoke(&mut self, target: &CimPath, method: &str, input: &CimInstance) -> Result<Output, WmiError>;

    /// Changes the properties that `change` carries.
    ///
    /// # Errors
    /// `NotFound`, or `ProviderNotCapable` for a class that cannot be written.
    fn put(&mut self, target: &CimPath, change: &CimInstance) -> Result<Object, WmiError>;

    /// Creates an instance and tells its path.
    ///
    /// # Errors
    /// `ProviderNotCapable` for a class whose instances are not created like this.
    fn create(&mut self, namespace: &Namespace, new: &CimInstance) -> Result<CimPath, WmiError>;

    /// Deletes the instance at `target`.
    ///
    /// # Errors
    /// `NotFound`, or `ProviderNotCapable` for a class whose instances are not deleted like this.
    fn delete(&mut self, target: &CimPath) -> Result<(), WmiError>;

    /// Who asks from now on, as `COMPUTER\user`.
    fn called_by(&mut self, _user: &str) {}

    /// The machine from inside: what runs programs there. `None` where nothing does.
    fn desk(&mut self) -> Option<Desk<'_>> {
        None
    }

    /// The instance at `path`, whose keys may be fewer than all as long as they name one.
    ///
    /// # Errors
    /// As [`Machine::instances`]; `NotFound` when none or several match.
    fn get(&self, path: &CimPath) -> Result<Object, WmiError> {
        let mut matching = self.instances(path.namespace(), path.class().as_str())?.into_iter().filter(|o| matches(&o.path, path));
        match (matching.next(), matching.next()) {
            (Some(object), None) => Ok(object),
            _ => Err(WmiError::new(WmiCode::NotFound, format!("no {} is there", path.class()))),
        }
    }
}

/// Whether `path` carries every key that `wanted` carries, with the same value.
#[must_use]
pub fn matches(path: &CimPath, wanted: &CimPath) -> bool {
    wanted.keys().all(|(name, value)| path.keys().any(|(n, v)| n == name && v == value))
}

/// What `links`, instances of association classes, say of the instance at `path`.
pub(crate) fn ends(links: &[Object], path: &CimPath) -> Vec<Association> {
    let is_here = |end: &CimPath| end.class() == path.class() && matches(end, path);
    let mut found = Vec::new();
    for link in links {
        let refs: Vec<_> = link.instance.properties().filter_map(|(name, value)| Some((name, reference(value)?))).collect();
        let [(left_role, left), (right_role, right)] = refs.as_slice() else { continue };
        for ((role, end), (result_role, other)) in [((left_role, left), (right_role, right)), ((right_role, right), (left_role, left))] {
            if is_here(end) {
                let (role, result_role) = ((*role).clone(), (*result_role).clone());
                found.push(Association { class: link.instance.class().clone(), role, result_role, other: (*other).clone() });
            }
        }
    }
    found
}

fn reference(value: &CimValue) -> Option<&CimPath> {
    match value {
        CimValue::Reference(path) => Some(path),
        _ => None,
    }
}

/// An instance and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Namespace, class and all keys.
    pub path: CimPath,
    /// The properties that have a value here; a declared one that is missing is NULL.
    pub instance: CimInstance,
}

impl Object {
    /// `instance` with the path that its properties `keys` give.
    #[must_use]
    pub fn keyed(namespace: &Namespace, instance: CimInstance, keys: &[&str]) -> Self {
        let class = CimPath::class_of(namespace.clone(), instance.class().clone());
        let path = keys.iter().fold(class, |path, key| match instance.get(key) {
            CimValue::String(text) => path.with_key(key, text.as_str()),
            CimValue::Unsigned(number) => path.with_key(key, number.to_string()),
            CimValue::Signed(number) => path.with_key(key, number.to_string()),
            CimValue::Boolean(truth) => path.with_key(key, if *truth { "TRUE" } else { "FALSE" }),
            CimValue::Reference(other) => path.with_path_key(key, (**other).clone()),
            _ => path,
        });
        Self { path, instance }
    }
}

/// One association seen from one of its ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Association {
    /// The association class.
    pub class: ClassName,
    /// The reference property that names this end.
    pub role: Name,
    /// The reference property that names the other end.
    pub result_role: Name,
    /// The other end.
    pub other: CimPath,
}

/// What a method gave back.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The method's own verdict; 0 is done, 4096 a job.
    pub return_value: u32,
    /// Out parameters, without the return value.
    pub out: CimInstance,
    /// How long it took; a caller that may not wait so long is told that the time is up, and what was begun goes on.
    pub takes: std::time::Duration,
}

impl Output {
    /// A verdict without out parameters.
    #[must_use]
    pub fn code(return_value: u32) -> Self {
        Self { return_value, out: CimInstance::new("__PARAMETERS"), takes: std::time::Duration::ZERO }
    }

    /// The same, after so long.
    #[must_use]
    pub fn taking(self, takes: std::time::Duration) -> Self {
        Self { takes, ..self }
    }

    /// Whether `method`, having given this, changed or will change something: reading does not, and neither does a refusal.
    #[must_use]
    pub(crate) fn changes(&self, method: &str) -> bool {
        let reads = ["Get", "Enum", "Validate", "Interrogate", "Check", "IsPending"]
            .iter()
            .any(|verb| method.get(..verb.len()).is_some_and(|m| m.eq_ignore_ascii_case(verb)));
        !reads && matches!(self.return_value, 0 | 4096)
    }

    /// The same with one more out parameter.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: impl Into<CimValue>) -> Self {
        self.out.set(parameter, value);
        self
    }
}

/// The WMI results that a provider answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are WBEM's own")]
pub enum WmiCode {
    Failed,
    NotFound,
    AccessDenied,
    TypeMismatch,
    InvalidParameter,
    InvalidNamespace,
    InvalidClass,
    InvalidQuery,
    ReadOnly,
    ProviderNotCapable,
    InvalidMethod,
    InvalidMethodParameters,
    MethodNotImplemented,
}

impl WmiCode {
    /// The HRESULT.
    #[must_use]
    pub const fn hresult(self) -> u32 {
        match self {
            Self::Failed => 0x8004_1001,
            Self::NotFound => 0x8004_1002,
            Self::AccessDenied => 0x8004_1003,
            Self::TypeMismatch => 0x8004_1005,
            Self::InvalidParameter => 0x8004_1008,
            Self::InvalidNamespace => 0x8004_100E,
            Self::InvalidClass => 0x8004_1010,
            Self::InvalidQuery => 0x8004_1017,
            Self::ReadOnly => 0x8004_1023,
            Self::ProviderNotCapable => 0x8004_1024,
            Self::InvalidMethod => 0x8004_102E,
            Self::InvalidMethodParameters => 0x8004_102F,
            Self::MethodNotImplemented => 0x8004_1055,
        }
    }
}

/// A provider refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("WMI error 0x{:08X}: {message}", .code.hresult())]
pub struct WmiError {
    /// Which of WMI's results.
    pub code: WmiCode,
    /// What was refused, for a person.
    pub message: String,
}

impl WmiError {
    /// The result `code` with a message.
    #[must_use]
    pub fn new(code: WmiCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The class has no such method.
    #[must_use]
    pub fn method(class: &str, method: &str) -> Self {
        Self::new(WmiCode::InvalidMethod, format!("{class} has no method {method}"))
    }

    /// The class is known, but this cannot be done to its instances.
    #[must_use]
    pub fn not_capable(class: &str) -> Self {
        Self::new(WmiCode::ProviderNotCapable, format!("the provider of {class} does not do that"))
    }
}
