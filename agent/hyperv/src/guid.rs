//! GUIDs, by which Hyper-V joins everything that belongs to one VM, adapter or switch.
//!
//! Guarantees: compared without case (upper case inside). Deliberately absent: making new ones; Hyper-V does that.

use std::fmt;

const PREFIX: &str = "Microsoft:";

/// A GUID without braces, upper case, as `Msvm_ComputerSystem.Name` writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Guid(String);

impl Guid {
    /// Reads a GUID, with or without braces. The host's own `Msvm_ComputerSystem` has a computer name there, which is none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let bare = text.trim().trim_start_matches('{').trim_end_matches('}');
        let good = bare.len() == 36
            && bare
                .bytes()
                .enumerate()
                .all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() });
        good.then(|| Self(bare.to_ascii_uppercase()))
    }

    /// The first GUID of `Microsoft:<GUID>\…`: the VM or switch that a setting belongs to. Definitions and pools have none.
    pub(crate) fn owner(instance_id: &str) -> Option<Self> {
        Self::parts(instance_id).next().and_then(Self::read)
    }

    /// The second GUID of `Microsoft:<GUID>\<GUID>…`: the device or port.
    pub(crate) fn device(instance_id: &str) -> Option<Self> {
        Self::parts(instance_id).nth(1).and_then(Self::read)
    }

    /// The VM and the adapter of `Microsoft:GuestNetwork\<VM>\<NIC>`.
    pub(crate) fn guest_network(instance_id: &str) -> Option<(Self, Self)> {
        let mut parts = Self::parts(instance_id);
        parts.next().filter(|part| part.eq_ignore_ascii_case("GuestNetwork"))?;
        Some((Self::read(parts.next()?)?, Self::read(parts.next()?)?))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(instance_id: &str) -> impl Iterator<Item = &str> {
        let body = match instance_id.get(..PREFIX.len()) {
            Some(head) if head.eq_ignore_ascii_case(PREFIX) => &instance_id[PREFIX.len()..],
            _ => instance_id,
        };
        body.split('\\')
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: &str = "2B0E83F8-1111-2222-3333-444455556666";
    const NIC: &str = "AAAABBBB-1111-2222-3333-444455556666";

    #[test]
    fn owner_and_device_are_read_in_any_case() {
        let id = format!("microsoft:{}\\{}\\0", VM.to_lowercase(), NIC);
        assert_eq!(Guid::owner(&id).unwrap().as_str(), VM);
        assert_eq!(Guid::device(&id).unwrap().as_str(), NIC);
    }

    #[test]
    fn definitions_and_computer_names_are_no_guids() {
        assert_eq!(Guid::owner("Microsoft:Definition\\4764334D-E001-4176-82EE-5594EC9B530E\\Default"), None);
        assert_eq!(Guid::read("HV01"), None);
        assert_eq!(Guid::read("2B0E83F8-1111-2222-3333-44445555666G"), None);
    }

    #[test]
    fn a_guest_network_names_vm_and_adapter() {
        let (vm, nic) = Guid::guest_network(&format!("Microsoft:GuestNetwork\\{VM}\\{NIC}")).unwrap();
        assert_eq!((vm.as_str(), nic.as_str()), (VM, NIC));
        assert_eq!(Guid::guest_network(&format!("Microsoft:{VM}\\{NIC}")), None);
    }
}
