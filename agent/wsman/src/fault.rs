//! Faults: what a host refuses with, and why.
//!
//! Guarantees: the number that says most is found wherever the host put it (the WMI error, the fault of the provider, the fault of the
//! service, the subcode); a fault that nobody here knows keeps its number and its words.

mod codes;
mod kind;
mod wire;

pub use codes::{Known, known, named};
pub use kind::FaultKind;
pub(crate) use wire::{read, write};

use std::fmt;

/// Whose fault it is, in SOAP's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoapCode {
    /// The request is wrong.
    Sender,
    /// The service could not do it.
    Receiver,
    /// A header had to be understood and was not.
    MustUnderstand,
    /// Not SOAP 1.2.
    VersionMismatch,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whose fault.
    pub soap: SoapCode,
    /// The subcode with Windows' prefix: `w:SchemaValidationError`.
    pub subcode: Option<String>,
    /// The fault detail, without the part that all have in common: `InvalidResourceURI`.
    pub detail: Option<String>,
    /// The service's number, or Win32's.
    pub code: Option<u32>,
    /// The number of WMI, an HRESULT.
    pub wmi: Option<u32>,
    /// The reason in words.
    pub reason: String,
    /// What the provider said, where that is more.
    pub provider: Option<String>,
    /// The host that said it.
    pub machine: Option<String>,
    /// The headers that were not understood: namespace and name.
    pub not_understood: Vec<(String, String)>,
}

impl Fault {
    /// The fault with the service's number `code`, in the form that Windows gives it.
    #[must_use]
    pub fn service(code: u32, reason: impl Into<String>) -> Self {
        let form = known(code);
        Self {
            soap: form.map_or(SoapCode::Receiver, |f| f.soap),
            subcode: Some(form.map_or("w:InternalError", |f| f.subcode).to_owned()).filter(|s| s != "-"),
            detail: form.map(|f| f.detail).filter(|d| *d != "-").map(str::to_owned),
            code: Some(code),
            wmi: None,
            reason: reason.into(),
            provider: None,
            machine: None,
            not_understood: vec![],
        }
    }

    /// The fault of a WMI provider with the HRESULT `wmi`, as Windows Server 2012 and later give it.
    #[must_use]
    pub fn wmi(wmi: u32, reason: impl Into<String>) -> Self {
        Self { code: None, wmi: Some(wmi), ..Self::service(0, reason) }
    }

    /// The refusal of a header that had to be understood.
    #[must_use]
    pub fn must_understand(namespace: &str, name: &str) -> Self {
        let reason = format!("The header `{name}` must be understood and is not.");
        let mut fault = Self::service(codes::MUST_UNDERSTAND, reason);
        fault.subcode = None;
        fault.not_understood.push((namespace.to_owned(), name.to_owned()));
        fault
    }

    /// The same, said by `machine`.
    #[must_use]
    pub fn on(mut self, machine: &str) -> Self {
        self.machine = Some(machine.to_owned());
        self
    }

    /// The number that says most: WMI's, else the service's.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        self.wmi.or(self.code)
    }

    /// Whether an answer stood ready and was larger than the request allowed: whatever was asked for is done.
    #[must_use]
    pub fn is_answer_too_large(&self) -> bool {
        self.code == Some(codes::ANSWER_TOO_LARGE)
    }

    /// What it means.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        kind::kind(self)
    }

    /// The action of an envelope that carries it.
    #[must_use]
    pub fn action(&self) -> &'static str {
        let family = self.code.and_then(known).map(|f| f.family).filter(|f| *f != "-");
        let family = family.or_else(|| match self.subcode.as_deref()?.split(':').next()? {
            "a" => Some("addressing"),
            "n" => Some("enumeration"),
            "x" => Some("transfer"),
            "e" => Some("eventing"),
            _ => None,
        });
        match family.unwrap_or("wsman") {
            "addressing" => "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault",
            "enumeration" => "http://schemas.xmlsoap.org/ws/2004/09/enumeration/fault",
            "transfer" => "http://schemas.xmlsoap.org/ws/2004/09/transfer/fault",
            "eventing" => "http://schemas.xmlsoap.org/ws/2004/08/eventing/fault",
            _ => "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.provider.as_deref().unwrap_or(&self.reason);
        match (self.number(), self.number().and_then(named)) {
            (Some(number), Some(name)) => write!(f, "{words} ({name}, 0x{number:08X})"),
            (Some(number), None) => write!(f, "{words} (0x{number:08X})"),
            (None, _) => write!(f, "{words} ({})", self.subcode.as_deref().unwrap_or("no code")),
        }
    }
}

impl std::error::Error for Fault {}
