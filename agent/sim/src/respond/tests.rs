//! Whole exchanges: an envelope in, an envelope out.

mod bench;
mod damaged;
mod enumerate;
mod invoke;
mod recorded;
mod refusals;
mod transfer;

use wsman::xml::{Limits, Reader};

use super::*;
use crate::fixture::{Fixture, VM};
use crate::image::Winrm;
use crate::world::{HostName, MachineId};

use bench::{Ask, Bench, between, body, reference, vm_selectors};

const MS: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2";
const CIMV2: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2";
const DMTF: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2";
const WQL: &str = "http://schemas.microsoft.com/wbem/wsman/1/WQL";
const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
