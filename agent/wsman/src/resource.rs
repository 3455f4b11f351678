//! Resource URIs: which class, or which other resource, a message is about.
//!
//! Guarantees: both spellings of a CIM class (Microsoft's with the namespace in it, DMTF's with a selector) are told apart and kept.

use std::fmt;

use crate::cim::{CimPath, ClassName, Key, Name, Namespace};

const WMI: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/";
const DMTF: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/";
const DMTF_ALL: &str = "http://schemas.dmtf.org/wbem/wscim/1/*";

/// The selector that gives the namespace beside a DMTF URI.
pub const CIM_NAMESPACE: &str = "__cimnamespace";

/// The resource that a message names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceUri {
    /// `…/wmi/<namespace>/<class>`.
    Class(Namespace, ClassName),
    /// `…/wmi/<namespace>/*`: every class of a namespace, where a query says which.
    AllClasses(Namespace),
    /// `…/cim-schema/2/<class>`; the namespace is the selector `__cimnamespace`, or the server's own default.
    DmtfClass(ClassName),
    /// `…/wscim/1/*`: every class, as DMTF spells it.
    DmtfAll,
    /// Anything else: a shell, an event log, the configuration.
    Other(String),
}

impl ResourceUri {
    /// Reads a URI; what is not CIM is `Other`.
    #[must_use]
    pub fn parse(uri: &str) -> Self {
        if let Some(rest) = strip_prefix(uri, WMI) {
            // A namespace without a class is no WMI resource; Windows refuses it as an invalid URI.
            let Some((namespace, class)) = rest.rsplit_once('/').filter(|(n, c)| !n.is_empty() && !c.is_empty()) else {
                return Self::Other(uri.to_owned());
            };
            let namespace = Namespace::new(namespace);
            return if class == "*" { Self::AllClasses(namespace) } else { Self::Class(namespace, ClassName::from(class)) };
        }
        if uri == DMTF_ALL {
            return Self::DmtfAll;
        }
        match strip_prefix(uri, DMTF) {
            Some(class) if !class.is_empty() => Self::DmtfClass(ClassName::from(class)),
            _ => Self::Other(uri.to_owned()),
        }
    }

    /// The class; `None` for all classes and for what is not CIM.
    #[must_use]
    pub fn class(&self) -> Option<&ClassName> {
        match self {
            Self::Class(_, class) | Self::DmtfClass(class) => Some(class),
            Self::AllClasses(_) | Self::DmtfAll | Self::Other(_) => None,
        }
    }

    /// The namespace that stands in the URI itself.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        match self {
            Self::Class(namespace, _) | Self::AllClasses(namespace) => Some(namespace),
            Self::DmtfClass(_) | Self::DmtfAll | Self::Other(_) => None,
        }
    }

    /// The instance that this and `selectors` name; `None` where that is no CIM instance or no namespace is known.
    #[must_use]
    pub fn path(&self, selectors: &[(Name, Key)]) -> Option<CimPath> {
        let class = self.class()?.clone();
        let selected = selectors.iter().find_map(|(name, key)| match key {
            Key::Text(text) if *name == CIM_NAMESPACE => Some(Namespace::new(text)),
            _ => None,
        });
        let namespace = self.namespace().cloned().or(selected)?;
        let mut path = CimPath::class_of(namespace, class);
        for (name, key) in selectors.iter().filter(|(name, _)| *name != CIM_NAMESPACE) {
            path.set_key(name.clone(), key.clone());
        }
        Some(path)
    }
}

impl From<&CimPath> for ResourceUri {
    fn from(path: &CimPath) -> Self {
        Self::Class(path.namespace().clone(), path.class().clone())
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(namespace, class) => write!(f, "{WMI}{namespace}/{class}"),
            Self::AllClasses(namespace) => write!(f, "{WMI}{namespace}/*"),
            Self::DmtfClass(class) => write!(f, "{DMTF}{class}"),
            Self::DmtfAll => f.write_str(DMTF_ALL),
            Self::Other(uri) => f.write_str(uri),
        }
    }
}

/// How classes are named in an answer: as the request named them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    /// Microsoft URIs; references carry no `__cimnamespace`.
    Microsoft(Namespace),
    /// DMTF URIs; references carry `__cimnamespace`.
    Dmtf(Namespace),
}

impl Naming {
    /// As a request for `resource` and `selectors` names classes. DMTF's URIs mean `root/hardware` where `__cimnamespace` does not say
    /// otherwise (MS-WSMV 3.1.4.1.1); what is no class has no namespace, and is written as if it were in `root/cimv2`.
    #[must_use]
    pub fn answering(resource: Option<&ResourceUri>, selectors: &[(Name, Key)]) -> Self {
        let selected = selectors.iter().find_map(|(name, key)| match key {
            Key::Text(text) if *name == CIM_NAMESPACE => Some(Namespace::new(text)),
            _ => None,
        });
        match resource {
            Some(ResourceUri::Class(namespace, _) | ResourceUri::AllClasses(namespace)) => Self::Microsoft(namespace.clone()),
            Some(ResourceUri::DmtfClass(_) | ResourceUri::DmtfAll) => Self::Dmtf(selected.unwrap_or(Namespace::HARDWARE)),
            Some(ResourceUri::Other(_)) | None => Self::Microsoft(Namespace::CIMV2),
        }
    }

    /// The namespace that classes are in.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        match self {
            Self::Microsoft(namespace) | Self::Dmtf(namespace) => namespace,
        }
    }

    /// The URI of `class`.
    #[must_use]
    pub fn class_uri(&self, class: &ClassName) -> String {
        match self {
            Self::Microsoft(namespace) => format!("{WMI}{namespace}/{class}"),
            Self::Dmtf(_) => format!("{DMTF}{class}"),
        }
    }
}

/// The namespace in the XML namespace of an instance; `None` when it has none.
pub(crate) fn namespace_of_uri(uri: &str) -> Option<&str> {
    strip_prefix(uri, WMI).and_then(|rest| rest.rsplit_once('/')).map(|(namespace, _)| namespace)
}

fn strip_prefix<'a>(uri: &'a str, prefix: &str) -> Option<&'a str> {
    match uri.get(..prefix.len()) {
        Some(head) if head.eq_ignore_ascii_case(prefix) => uri.get(prefix.len()..),
        _ => None,
    }
}
