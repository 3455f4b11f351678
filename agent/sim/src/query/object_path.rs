//! An object path together with the machine that it names, as queries write it: `\\HOST\root\cimv2:Win32_Service.Name="x"`.
//!
//! Guarantees: host and namespace compare without case; a path that names no machine is on this one.

use wsman::cim::{CimPath, Namespace};

/// A path and the machine that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPath {
    /// The machine; `None` when the text names none.
    pub host: Option<String>,
    /// The rest.
    pub path: CimPath,
}

impl ObjectPath {
    /// Reads `text`; a path without a namespace is in `namespace`. `None` when it is not an object path.
    #[must_use]
    pub fn parse(text: &str, namespace: &Namespace) -> Option<Self> {
        let text = text.trim();
        let rest = text.strip_prefix(r"\\").or_else(|| text.strip_prefix("//"));
        let host = rest.and_then(|rest| rest.split(['\\', '/']).next()).map(str::to_owned);
        CimPath::parse_in(text, namespace).ok().map(|path| Self { host, path })
    }

    /// Whether the path is on `computer`.
    #[must_use]
    pub fn is_of(&self, computer: &str) -> bool {
        match self.host.as_deref() {
            None | Some(".") => true,
            Some(host) => host.eq_ignore_ascii_case("localhost") || host.eq_ignore_ascii_case(computer),
        }
    }

    /// Whether both name the same instance; either may leave the host out.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let hosts = match (&self.host, &other.host) {
            (_, Some(computer)) => self.is_of(computer),
            (Some(computer), None) => other.is_of(computer),
            (None, None) => true,
        };
        hosts && self.path == other.path
    }

    /// The whole text, on `computer` where no host was named.
    #[must_use]
    pub fn text(&self, computer: &str) -> String {
        self.path.on_host(self.host.as_deref().unwrap_or(computer))
    }
}
