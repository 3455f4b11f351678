//! Faults as they stand in a body.

use super::{Fault, SoapCode};
use crate::cim::CimInstance;
use crate::cim::element;
use crate::xml::names::{
    ADDRESSING, CIM_BINDING, CIM_COMMON, ENUMERATION, EVENTING, FAULT_DETAIL, SOAP, TRANSFER, WSMAN, WSMAN_FAULT, XSI,
};
use crate::xml::{Piece, Reader, Tag, Writer, XmlError};

const WMI_ERROR: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError";

/// Reads an open `s:Fault`.
pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Fault, XmlError> {
    let mut fault = Fault { subcode: None, code: None, ..Fault::service(0, "") };
    while let Some(tag) = reader.child()? {
        match (reader.namespace(&tag)?, tag.local()) {
            (SOAP, "Code") => read_code(reader, &mut fault)?,
            (SOAP, "Reason") => {
                while let Some(_text) = reader.child()? {
                    fault.reason = words(reader)?;
                }
            }
            (SOAP, "Detail") => read_detail(reader, &mut fault)?,
            _ => reader.skip()?,
        }
    }
    // Windows says the reason twice where nobody has more to say.
    fault.provider = fault.provider.filter(|said| *said != fault.reason);
    // An error of WMI alone has no place for a machine.
    fault.machine = fault.machine.filter(|_| fault.code.is_some() || fault.wmi.is_none());
    Ok(fault)
}

fn read_code(reader: &mut Reader<'_>, fault: &mut Fault) -> Result<(), XmlError> {
    while let Some(tag) = reader.child()? {
        match tag.local() {
            "Value" => {
                let value = reader.trimmed()?;
                fault.soap = match value.rsplit(':').next() {
                    Some("Sender") => SoapCode::Sender,
                    Some("MustUnderstand") => SoapCode::MustUnderstand,
                    Some("VersionMismatch") => SoapCode::VersionMismatch,
                    _ => SoapCode::Receiver,
                };
            }
            "Subcode" => {
                while let Some(tag) = reader.child()? {
                    if tag.local() != "Value" {
                        reader.skip()?;
                        continue;
                    }
                    let value = reader.trimmed()?;
                    fault.subcode = Some(canonical(reader, &value));
                }
            }
            _ => reader.skip()?,
        }
    }
    Ok(())
}

/// A qualified name with Windows' own prefix, whichever was written.
fn canonical(reader: &Reader<'_>, value: &str) -> String {
    let (namespace, local) = reader.qualified(value);
    let prefix = match namespace {
        WSMAN => "w",
        ADDRESSING => "a",
        ENUMERATION => "n",
        TRANSFER => "x",
        EVENTING => "e",
        SOAP => "s",
        CIM_BINDING => "b",
        _ => return value.to_owned(),
    };
    format!("{prefix}:{local}")
}

fn read_detail(reader: &mut Reader<'_>, fault: &mut Fault) -> Result<(), XmlError> {
    while let Some(tag) = reader.child()? {
        match (reader.namespace(&tag)?, tag.local()) {
            (WSMAN, "FaultDetail") => {
                let text = reader.trimmed()?;
                fault.detail = Some(text.rsplit('/').next().unwrap_or_default().to_owned()).filter(|d| !d.is_empty());
            }
            (WSMAN_FAULT, "WSManFault") => read_service_fault(reader, &tag, fault)?,
            (_, "MSFT_WmiError") => {
                let error = element::read_properties(reader, "MSFT_WmiError", "")?;
                fault.wmi = error.get("error_Code").as_u64().and_then(|n| u32::try_from(n).ok());
                let said = error.get("Message").as_str().map(str::trim).filter(|t| !t.is_empty());
                fault.provider = said.map(str::to_owned);
            }
            _ => reader.skip()?,
        }
    }
    Ok(())
}

/// A `WSManFault`; one that a provider gives stands inside the service's and says more, so its number is taken as WMI's.
fn read_service_fault(reader: &mut Reader<'_>, tag: &Tag<'_>, fault: &mut Fault) -> Result<(), XmlError> {
    let number = reader.attribute(tag, "", "Code")?.and_then(|code| number(&code));
    if let Some(machine) = reader.attribute(tag, "", "Machine")? {
        fault.machine = Some(machine.into_owned());
    }
    match fault.code {
        None => fault.code = number,
        Some(_) => fault.wmi = fault.wmi.or(number.filter(|n| *n >= 0x8000_0000)),
    }
    let said = read_message(reader, fault)?;
    if !said.is_empty() {
        fault.provider = Some(said);
    }
    Ok(())
}

/// What an element says in words, with everything inside that says more put into `fault`.
fn read_message(reader: &mut Reader<'_>, fault: &mut Fault) -> Result<String, XmlError> {
    let mut said = String::new();
    loop {
        match reader.piece()? {
            Piece::End => return Ok(said.trim().to_owned()),
            Piece::Text(text) => said.push_str(&text),
            Piece::Child(tag) => match tag.local() {
                "WSManFault" => read_service_fault(reader, &tag, fault)?,
                "__ExtendedStatus" => {
                    let status = element::read_instance(reader, &tag, "root/cimv2")?;
                    read_status(&status, fault);
                }
                _ => {
                    let inner = read_message(reader, fault)?;
                    said.push_str(&inner);
                }
            },
        }
    }
}

fn read_status(status: &CimInstance, fault: &mut Fault) {
    fault.wmi = status.get("StatusCode").as_u64().and_then(|n| u32::try_from(n).ok()).or(fault.wmi);
    if let Some(description) = status.get("Description").as_str().map(str::trim).filter(|d| !d.is_empty()) {
        fault.provider = Some(description.to_owned());
    }
}

fn words(reader: &mut Reader<'_>) -> Result<String, XmlError> {
    let mut said = String::new();
    loop {
        match reader.piece()? {
            Piece::End => return Ok(said.trim().to_owned()),
            Piece::Text(text) => said.push_str(&text),
            Piece::Child(_) => reader.skip()?,
        }
    }
}

/// Decimal, or hexadecimal after `0x`; a negative one is the same 32 bits.
fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok().or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned)),
    }
}

/// Writes an `s:Fault`.
pub(crate) fn write(writer: &mut Writer, fault: &Fault) {
    writer.open("s:Fault");
    writer.open("s:Code");
    let soap = match fault.soap {
        SoapCode::Sender => "s:Sender",
        SoapCode::Receiver => "s:Receiver",
        SoapCode::MustUnderstand => "s:MustUnderstand",
        SoapCode::VersionMismatch => "s:VersionMismatch",
    };
    writer.leaf("s:Value", soap);
    if let Some(subcode) = &fault.subcode {
        // A value is a qualified name, so that its prefix has to be bound; `b` is the one that no envelope binds.
        writer.open_with("s:Subcode", if subcode.starts_with("b:") { &[("xmlns:b", CIM_BINDING)] } else { &[] });
        writer.leaf("s:Value", subcode);
        writer.close("s:Subcode");
    }
    writer.close("s:Code");
    writer.open("s:Reason");
    writer.leaf_with("s:Text", &[("xml:lang", "en-US")], &fault.reason);
    writer.close("s:Reason");
    if fault.detail.is_some() || fault.number().is_some() || is_by_service(fault) {
        writer.open("s:Detail");
        write_detail(writer, fault);
        writer.close("s:Detail");
    }
    writer.close("s:Fault");
}

/// Whether the service speaks in an element of its own; where WMI gives the number, Windows writes WMI's instead.
fn is_by_service(fault: &Fault) -> bool {
    fault.code.is_some() || fault.wmi.is_none() && (fault.machine.is_some() || fault.provider.is_some())
}

fn write_detail(writer: &mut Writer, fault: &Fault) {
    if let Some(detail) = &fault.detail {
        writer.leaf("w:FaultDetail", &format!("{FAULT_DETAIL}{detail}"));
    }
    let said = fault.provider.as_ref().unwrap_or(&fault.reason);
    if is_by_service(fault) {
        let code = fault.code.map(|code| code.to_string());
        let mut attributes = vec![("xmlns:f", WSMAN_FAULT)];
        attributes.extend(code.as_deref().map(|code| ("Code", code)));
        attributes.extend(fault.machine.as_deref().map(|machine| ("Machine", machine)));
        writer.open_with("f:WSManFault", &attributes);
        writer.leaf("f:Message", said);
        writer.close("f:WSManFault");
    }
    if let Some(wmi) = fault.wmi {
        let namespaces = [("b:IsCIM_Error", "true"), ("xmlns:p", WMI_ERROR), ("xmlns:b", CIM_BINDING), ("xmlns:cim", CIM_COMMON)];
        writer.open_with("p:MSFT_WmiError", &namespaces);
        let status = cim_status(wmi).to_string();
        writer.leaf_with("p:CIMStatusCode", &[("xsi:type", "cim:cimUnsignedInt"), ("xmlns:xsi", XSI)], &status);
        writer.leaf("p:Message", said);
        writer.leaf("p:MessageID", &format!("HRESULT 0x{wmi:08x}"));
        writer.leaf("p:error_Code", &wmi.to_string());
        writer.leaf("p:error_Type", "HRESULT");
        writer.leaf("p:error_WindowsErrorMessage", &fault.reason);
        writer.close("p:MSFT_WmiError");
    }
}

/// CIM's status of a WMI error (DSP0223): 2 access denied, 3 invalid namespace, 4 invalid parameter, 5 invalid class, 6 not found,
/// 7 not supported, 11 already exists, 15 invalid query, 1 failed.
fn cim_status(wmi: u32) -> u32 {
    match wmi {
        0x8004_1003 | 0x8007_0005 => 2,
        0x8004_100E => 3,
        0x8004_1008 | 0x8004_102F | 0x8004_1005 => 4,
        0x8004_1010 => 5,
        0x8004_1002 => 6,
        0x8004_100C => 7,
        0x8004_1019 => 11,
        0x8004_1017 => 15,
        _ => 1,
    }
}
