//! The table of numeric codes: `schema/faults.txt`, compiled in and read once.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::SoapCode;

/// What the table says of one code that has a SOAP form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name, without the common beginning.
    pub name: &'static str,
    /// Whose fault.
    pub soap: SoapCode,
    /// The subcode with its prefix; `-` when it has none.
    pub subcode: &'static str,
    /// The fault detail's last part; `-` when it has none.
    pub detail: &'static str,
    /// Which fault action it is sent with; `-` when not known.
    pub family: &'static str,
}

/// The answer is larger than the request's `MaxEnvelopeSize`.
pub(super) const ANSWER_TOO_LARGE: u32 = 2_150_858_824;
/// A header had to be understood.
pub(super) const MUST_UNDERSTAND: u32 = 2_150_858_768;

/// The names of WMI's errors (MS-WMI 2.2.11).
const WMI: [(u32, &str); 15] = [
    (0x8004_1001, "WBEM_E_FAILED"),
    (0x8004_1002, "WBEM_E_NOT_FOUND"),
    (0x8004_1003, "WBEM_E_ACCESS_DENIED"),
    (0x8004_1004, "WBEM_E_PROVIDER_FAILURE"),
    (0x8004_1005, "WBEM_E_TYPE_MISMATCH"),
    (0x8004_1006, "WBEM_E_OUT_OF_MEMORY"),
    (0x8004_1008, "WBEM_E_INVALID_PARAMETER"),
    (0x8004_100C, "WBEM_E_NOT_SUPPORTED"),
    (0x8004_100E, "WBEM_E_INVALID_NAMESPACE"),
    (0x8004_1010, "WBEM_E_INVALID_CLASS"),
    (0x8004_1017, "WBEM_E_INVALID_QUERY"),
    (0x8004_1019, "WBEM_E_ALREADY_EXISTS"),
    (0x8004_102E, "WBEM_E_INVALID_METHOD"),
    (0x8004_102F, "WBEM_E_INVALID_METHOD_PARAMETERS"),
    (0x8007_0005, "E_ACCESSDENIED"),
];

static CODES: LazyLock<HashMap<u32, (&'static str, Option<Known>)>> =
    LazyLock::new(|| include_str!("../../schema/faults.txt").lines().filter_map(line).collect());

fn line(line: &'static str) -> Option<(u32, (&'static str, Option<Known>))> {
    let mut words = line.split(' ');
    let code = words.next()?.parse().ok()?;
    let name = words.next()?;
    let soap = match words.next()? {
        "s:Sender" => Some(SoapCode::Sender),
        "s:Receiver" => Some(SoapCode::Receiver),
        "s:MustUnderstand" => Some(SoapCode::MustUnderstand),
        "s:VersionMismatch" => Some(SoapCode::VersionMismatch),
        _ => None,
    };
    let (subcode, detail, family) = (words.next()?, words.next()?, words.next()?);
    Some((code, (name, soap.map(|soap| Known { name, soap, subcode, detail, family }))))
}

/// The SOAP form of `code`; `None` when the table gives none.
#[must_use]
pub fn known(code: u32) -> Option<&'static Known> {
    CODES.get(&code).and_then(|(_, form)| form.as_ref())
}

/// The name of `code`, the service's or WMI's.
#[must_use]
pub fn named(code: u32) -> Option<&'static str> {
    CODES.get(&code).map(|(name, _)| *name).or_else(|| WMI.iter().find(|(c, _)| *c == code).map(|(_, name)| *name))
}
