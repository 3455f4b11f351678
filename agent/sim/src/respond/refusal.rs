//! What a request is refused with: Windows's codes by name, and how each becomes an envelope.

use uuid::Uuid;
use wsman::cim::Namespace;
use wsman::envelope::{Envelope, Header, Response, UnknownHeader};
use wsman::fault::{Fault, SoapCode};
use wsman::resource::Naming;
use wsman::xml::XmlError;

use super::Reply;
use crate::machine::{WmiCode, WmiError};
use crate::quota;

/// The operation took longer than the client, or Windows, allows.
pub(crate) const TIMED_OUT: u32 = 2_150_858_793;
/// The user has no right to the resource.
pub(crate) const ACCESS_DENIED: u32 = 5;
/// The service has as many requests under way as it takes.
pub(crate) const QUOTA_LIMIT: u32 = 2_150_858_815;
/// The machine went away while it was asked.
pub(crate) const UNREACHABLE: u32 = 2_150_858_772;

/// Why a request is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// WS-Management's own code, and what to say beyond its usual words.
    Wsman { code: u32, text: Option<String> },
    /// WMI's own error.
    Wmi(WmiError),
    /// A feature that is not offered, by the last part of the fault's detail.
    Unsupported(&'static str),
    /// Headers that had to be understood.
    NotUnderstood(Vec<UnknownHeader>),
    /// The document is no XML that is read.
    NotXml(String),
}

impl Refusal {
    pub(super) const INVALID_RESOURCE: u32 = 2_150_858_811;

    pub(super) const ACCESS_DENIED: Self = Self::code(5);
    pub(super) const INVALID_PARAMETER: Self = Self::code(87);
    pub(super) const NOT_FOUND: Self = Self::code(2_150_858_752);
    pub(super) const INVALID_MESSAGE_HEADER: Self = Self::code(2_150_858_767);
    pub(super) const HEADER_REQUIRED: Self = Self::code(2_150_858_769);
    pub(super) const ACTION_NOT_SUPPORTED: Self = Self::code(2_150_858_771);
    pub(super) const DIALECT: Self = Self::code(2_150_858_777);
    pub(super) const CANNOT_PROCESS_FILTER: Self = Self::code(2_150_858_778);
    pub(super) const INVALID_CONTEXT: Self = Self::code(2_150_858_779);
    pub(super) const DELIVERY_MODE: Self = Self::code(2_150_858_782);
    pub(super) const ACTION_MISMATCH: Self = Self::code(2_150_858_801);
    pub(super) const ENCODING_LIMIT: Self = Self::code(2_150_858_805);
    pub(super) const INVALID_RESOURCE_URI: Self = Self::code(Self::INVALID_RESOURCE);
    pub(super) const SCHEMA_VALIDATION: Self = Self::code(2_150_858_817);
    pub(super) const ENVELOPE_EXCEEDED: Self = Self::code(2_150_858_824);
    pub(super) const TOO_FEW_SELECTORS: Self = Self::code(2_150_858_842);
    pub(super) const UNEXPECTED_SELECTORS: Self = Self::code(2_150_858_843);
    pub(super) const AMBIGUOUS_SELECTORS: Self = Self::code(2_150_858_846);
    pub(super) const DUPLICATE_SELECTORS: Self = Self::code(2_150_858_847);
    pub(super) const ADDRESSING_MODE: Self = Self::code(2_150_858_870);
    pub(super) const URI_LIMIT: Self = Self::code(2_150_858_797);
    pub(super) const FRAGMENT_PATH: Self = Self::code(2_150_858_899);
    pub(super) const FRAGMENT: Self = Self::code(2_150_858_871);
    pub(super) const MIN_ENVELOPE_SIZE: Self = Self::code(2_150_858_878);
    pub(super) const LOCALE: Self = Self::code(2_150_858_887);
    pub(super) const WQL_ON_CLASS: Self = Self::code(2_150_859_003);
    pub(super) const NOT_AT_SERVICE: Self = Self::code(2_150_859_064);
    pub(super) const QUOTA_SHELLS: Self = Self::code(2_150_859_173);
    pub(super) const EXPIRATION_TIME: Self = Self::code(2_150_858_783);
    pub(super) const EXPIRATION_TYPE: Self = Self::code(2_150_858_784);
    pub(super) const FILTERING_UNAVAILABLE: Self = Self::code(2_150_858_786);
    pub(super) const UNABLE_TO_RENEW: Self = Self::code(2_150_858_788);
    pub(super) const INVALID_EVENTING_MESSAGE: Self = Self::code(2_150_858_789);
    pub(super) const INVALID_BOOKMARK: Self = Self::code(2_150_858_808);
    pub(super) const INVALID_OPTIONS: Self = Self::code(2_150_858_809);
    pub(super) const FILTERING_REQUIRED: Self = Self::code(2_150_858_831);
    pub(super) const BOOKMARKS: Self = Self::code(2_150_858_859);
    pub(super) const FILTERING_NOT_SUPPORTED: Self = Self::code(2_150_858_776);
    pub(super) const QUOTA_OPERATIONS: Self = Self::code(2_150_859_174);

    /// WS-Management's refusal `code`, in its usual words.
    pub(crate) const fn code(code: u32) -> Self {
        Self::Wsman { code, text: None }
    }

    /// The namespace in the URI and the one beside it are not the same.
    pub(super) fn namespaces_differ() -> Self {
        Self::Wmi(WmiError::new(WmiCode::Failed, "the URI and the selector __cimnamespace name different namespaces"))
    }

    /// The body is not what the class table says, in our words.
    pub(super) fn invalid_body(text: String) -> Self {
        Self::Wsman { code: 2_150_858_817, text: Some(text) }
    }

    /// A provider's error about the instance that the request names: that it is not there is the URI's fault, then.
    pub(super) fn of_instance(error: WmiError) -> Self {
        match error.code {
            WmiCode::NotFound => Self::Wsman { code: 2_150_858_752, text: Some(error.message) },
            WmiCode::AccessDenied => Self::Wsman { code: 5, text: Some(error.message) },
            WmiCode::InvalidMethod => Self::Wsman { code: 2_150_858_771, text: Some(error.message) },
            _ => Self::Wmi(error),
        }
    }

    /// The answer that says so.
    pub(super) fn reply(self, request: Option<&Header>, computer: &str, message: Uuid) -> Reply {
        let status = if matches!(self, Self::NotXml(_)) { 400 } else { 500 };
        let mut fault = match self {
            Self::Wsman { code, text } => Fault::service(code, text.unwrap_or_else(|| words(code))),
            Self::Wmi(error) => {
                let mut fault = Fault::wmi(error.code.hresult(), error.message);
                fault.soap = SoapCode::Receiver;
                fault.subcode = Some("w:InternalError".to_owned());
                fault
            }
            Self::Unsupported(detail) => {
                let mut fault = Fault::service(2_150_858_818, words(2_150_858_818));
                fault.detail = Some(detail.to_owned());
                fault
            }
            Self::NotUnderstood(headers) => {
                let mut named = headers.into_iter().map(|header| (header.namespace, header.name));
                let (namespace, name) = named.next().unwrap_or_default();
                let mut fault = Fault::must_understand(&namespace, &name);
                fault.not_understood.extend(named);
                fault
            }
            Self::NotXml(text) => Fault::service(2_150_858_819, text),
        };
        fault.machine = Some(computer.to_owned()).filter(|name| !name.is_empty());
        let answered =
            request.map(|header| header.answer(Some(fault.action()))).unwrap_or_else(|| Header::default().answer(Some(fault.action())));
        let header = Header { message_id: Some(quota::text(message)), ..answered };
        let body = Envelope { header, body: Response::Fault(Box::new(fault)) }.encode(&Naming::Microsoft(Namespace::CIMV2));
        Reply { status, body }
    }
}

impl From<&XmlError> for Refusal {
    fn from(error: &XmlError) -> Self {
        let code = match error {
            // Before the first element, and after the last, nothing was said that could be answered in kind.
            XmlError::StrayText(place) if matches!(place.as_str(), "the prologue" | "the end of the document") => {
                return Self::NotXml(error.to_string());
            }
            XmlError::Missing("a root element") => return Self::NotXml(error.to_string()),
            XmlError::Meaningless { what: "the root of an envelope", found } if !found.ends_with("}Envelope") => {
                return Self::NotXml(error.to_string());
            }
            XmlError::Meaningless { what: "the operation timeout", .. } => 2_150_858_881,
            XmlError::Meaningless { what: "the enumeration mode", .. } => 2_150_858_886,
            XmlError::Meaningless { what: "a second filter", .. } => 2_150_858_778,
            XmlError::Meaningless { what: "the namespace of an instance", .. } => 2_150_858_840,
            XmlError::Meaningless { what: "the root of an envelope", .. } => 2_150_858_765,
            XmlError::Missing(_) | XmlError::Meaningless { .. } | XmlError::StrayText(_) | XmlError::StrayElement(_) => 2_150_858_817,
            _ => return Self::NotXml(error.to_string()),
        };
        Self::Wsman { code, text: Some(error.to_string()) }
    }
}

/// What Windows says, in words of ours.
fn words(code: u32) -> String {
    let words = match code {
        5 => "Access is denied.",
        87 => "A parameter is not correct.",
        2_150_858_752 => "The service cannot find the resource that the resource URI and the selectors name.",
        2_150_858_765 => "The envelope is not one of SOAP 1.2.",
        2_150_858_767 => "A message information header is not valid.",
        2_150_858_769 => "A required message information header is missing.",
        2_150_858_771 => "The action is not supported by the resource.",
        2_150_858_772 => "The endpoint is not available.",
        2_150_858_777 => "The filter dialect is not supported.",
        2_150_858_778 => "The filter cannot be processed.",
        2_150_858_779 => "The enumeration context is not valid: it has ended, has expired, or never was.",
        2_150_858_782 => "The delivery mode is not supported.",
        2_150_858_793 => "The operation did not end within the time that the operation timeout allows.",
        2_150_858_797 => "The resource URI is too long.",
        2_150_858_801 => "The action does not belong to the resource URI and the message.",
        2_150_858_805 => "The answer cannot be encoded within the limits of the request.",
        2_150_858_809 => "An option that must be complied with is not known.",
        2_150_858_811 => "The resource URI names nothing that the service has.",
        2_150_858_815 => "The service has as many requests under way as it takes.",
        2_150_858_817 => "The request's XML does not fit the schema of the resource.",
        2_150_858_818 => "The service does not support the feature.",
        2_150_858_824 => "The answer would be larger than the maximum envelope size.",
        2_150_858_842 => "The selectors do not name all keys of the class.",
        2_150_858_843 => "A selector is no key of the class.",
        2_150_858_846 => "The selectors name more than one instance.",
        2_150_858_847 => "A selector is given twice.",
        2_150_858_870 => "Only the anonymous addressing mode is supported.",
        2_150_858_871 => "Access to fragments is not supported.",
        2_150_858_878 => "The maximum envelope size is below the minimum of 8192 octets.",
        2_150_858_887 => "A locale cannot be required to be understood.",
        2_150_858_899 => "The path of the fragment is not valid.",
        2_150_859_003 => "WQL needs the resource URI of all classes of a namespace.",
        2_150_859_064 => "The service does not support the request.",
        2_150_858_776 => "Filtering is not supported.",
        2_150_859_173 => {
            "The WS-Management service cannot process the request. The maximum number of concurrent shells for this user has been exceeded."
        }
        2_150_859_174 => "The maximum number of concurrent operations for this user has been exceeded.",
        _ => {
            return wsman::fault::named(code)
                .map_or_else(|| format!("The request failed with code {code}."), |name| format!("The request failed: {name}."));
        }
    };
    words.to_owned()
}
