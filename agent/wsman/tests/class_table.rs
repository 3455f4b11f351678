//! The class table against what it was made from, and what it states of the classes that matter.

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code)]
#[path = "../examples/class_table.rs"]
mod generator;

use std::path::Path;

use trunkline_wsman::cim::{CimType, Namespace};
use trunkline_wsman::schema::{self, Direction};

#[test]
fn the_table_is_what_the_signatures_say() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/wire/cim-signatures-server2019.txt");
    let Ok(listing) = std::fs::read_to_string(&source) else {
        eprintln!("lacking: {}; nothing was checked", source.display());
        return;
    };
    let made = generator::facts(&listing);
    assert!(made == include_str!("../schema/classes.txt"), "run the example class_table again");
}

#[test]
fn a_virtual_machine_has_its_types_and_keys() {
    let class = schema::class(&Namespace::VIRTUALIZATION, "msvm_computersystem").expect("in the table");
    let cim = |name: &str| class.property(name).and_then(|p| p.declared().cim);
    assert_eq!(cim("EnabledState"), Some(CimType::Uint16));
    assert_eq!(cim("OnTimeInMilliseconds"), Some(CimType::Uint64));
    assert_eq!(cim("TimeOfLastStateChange"), Some(CimType::Datetime));
    assert!(class.property("operationalstatus").is_some_and(|p| p.declared().array));
    assert_eq!(class.keys().map(|k| k.name()).collect::<Vec<_>>(), ["CreationClassName", "Name"]);
    assert!(class.is_a("CIM_ManagedElement") && !class.is_a("CIM_Service"));
}

#[test]
fn parameters_say_whether_they_are_references_or_embedded() {
    let service = schema::class(&Namespace::VIRTUALIZATION, "Msvm_VirtualSystemManagementService").expect("in the table");
    let define = service.method("DefineSystem").expect("a method");
    let of = |name: &str, direction| define.parameter(name, direction).expect("a parameter").declared();
    assert_eq!(of("SystemSettings", Direction::In).cim, Some(CimType::EmbeddedInstance));
    assert!(of("ResourceSettings", Direction::In).array);
    assert_eq!(of("ResultingSystem", Direction::Out).cim, Some(CimType::Reference));
    assert_eq!(of("Job", Direction::Out).class, Some("CIM_ConcreteJob"));
    let registry = schema::class(&Namespace::CIMV2, "StdRegProv").expect("in the table");
    assert!(registry.methods().iter().all(schema::Method::is_static));
}

#[test]
fn what_the_table_does_not_state_is_absent() {
    assert!(schema::class(&Namespace::CIMV2, "Msvm_ComputerSystem").is_none());
    assert!(schema::any_class("Win32_NoSuchThing").is_none());
    let os = schema::class(&Namespace::CIMV2, "Win32_OperatingSystem").expect("in the table");
    assert!(os.property("NoSuchProperty").is_none());
}

#[test]
fn every_class_that_libvirt_reads_is_in_the_table() {
    for name in [
        "Msvm_ComputerSystem",
        "Msvm_VirtualSystemSettingData",
        "Msvm_ProcessorSettingData",
        "Msvm_MemorySettingData",
        "Msvm_ResourceAllocationSettingData",
        "Msvm_StorageAllocationSettingData",
        "Msvm_SerialPortSettingData",
        "Msvm_SyntheticEthernetPortSettingData",
        "Msvm_EthernetPortAllocationSettingData",
        "Msvm_VirtualEthernetSwitch",
        "Msvm_DiskDrive",
        "Msvm_ConcreteJob",
        "Msvm_ShutdownComponent",
    ] {
        assert!(schema::class(&Namespace::VIRTUALIZATION, name).is_some(), "{name}");
    }
    for name in ["Win32_ComputerSystemProduct", "Win32_OperatingSystem", "Win32_ComputerSystem", "Win32_Processor", "CIM_DataFile"] {
        assert!(schema::class(&Namespace::CIMV2, name).is_some(), "{name}");
    }
}
