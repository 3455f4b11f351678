//! Paths of what methods work on, built from the keys that Hyper-V documents.

use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::classes::{self, Resource};
use crate::guid::Guid;

/// A VM.
pub(crate) fn vm(guid: &Guid) -> CimPath {
    system(classes::COMPUTER_SYSTEM, guid.as_str())
}

/// The host as Hyper-V's own object.
pub(crate) fn host(name: &str) -> CimPath {
    system(classes::COMPUTER_SYSTEM, name)
}

/// A switch.
pub(crate) fn switch(guid: &Guid) -> CimPath {
    system(classes::SWITCH, guid.as_str())
}

/// Settings, by their `InstanceID`.
pub(crate) fn settings(class: &'static str, id: &str) -> CimPath {
    CimPath::class_of(Namespace::VIRTUALIZATION, class).with_key("InstanceID", id)
}

fn system(class: &'static str, name: &str) -> CimPath {
    CimPath::class_of(Namespace::VIRTUALIZATION, class).with_key("CreationClassName", class).with_key("Name", name)
}

/// A change of existing settings: the key, and nothing that does not change. A whole instance that was read is refused.
pub(crate) fn change(class: &'static str, id: &str) -> CimInstance {
    CimInstance::new(class).with("InstanceID", id)
}

/// New settings of this kind.
pub(crate) fn new(class: &'static str, resource: Resource) -> CimInstance {
    CimInstance::new(class).with("ResourceType", resource.kind).with("ResourceSubType", resource.sub_type)
}
