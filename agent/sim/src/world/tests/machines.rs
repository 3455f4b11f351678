//! Defining, changing, powering and destroying VMs.

use super::*;

const MODIFY: &str = "ModifyResourceSettings";

fn processor(vm: &CimPath) -> String {
    format!("Microsoft:{}\\b637f346-6a0e-4dec-af52-bd70cb80a21d\\0", vm.key("Name").unwrap())
}

fn memory(vm: &CimPath) -> CimInstance {
    let id = format!("Microsoft:{}\\4764334d-e001-4176-82ee-5594ec9b530e", vm.key("Name").unwrap());
    class("Msvm_MemorySettingData").with("InstanceID", id)
}

fn processors(vm: &CimPath, count: u64) -> CimInstance {
    let setting = class("Msvm_ProcessorSettingData").with("InstanceID", processor(vm)).with("VirtualQuantity", count);
    class("in").with("ResourceSettings", vec![setting])
}

#[test]
fn a_defined_vm_has_its_mark_from_the_first_moment() {
    let mut b = Bench::new();
    let vm = b.define("sea-1-ad", 2);
    let settings = b.one(&V2, "Msvm_VirtualSystemSettingData", "ElementName", "sea-1-ad");
    assert_eq!(settings.instance.texts("Notes").unwrap(), ["a mark"]);
    assert_eq!(settings.path, Bench::settings(&vm));
    assert_eq!(b.state(&vm), 3);
}

#[test]
fn generation_two_starts_without_controllers_and_generation_one_with_its_own() {
    let mut b = Bench::new();
    b.define("two", 2);
    let before = b.all(&V2, "Msvm_ResourceAllocationSettingData").len();
    b.define("one", 1);
    // Two IDE controllers, a diskette controller and its drive.
    assert_eq!(b.all(&V2, "Msvm_ResourceAllocationSettingData").len(), before + 4);
    let serial = b.all(&V2, "Msvm_SerialPortSettingData");
    assert!(serial.iter().any(|o| o.instance.text("ElementName").unwrap() == Some("COM 2")));
}

#[test]
fn a_dvd_drive_comes_from_who_makes_the_vm_and_not_with_its_definition() {
    let mut b = Bench::of(&WORLD.replace("{path: 'D:\\old.vhdx', gib: 1}", "{path: 'D:\\old.vhdx'}\n      - {path: 'D:\\setup.iso'}"));
    let second = |vm: &CimPath| {
        let id = format!("Microsoft:{}\\83F8638B-8DCA-4152-9EDA-2CA8B33039B4\\1", vm.key("Name").unwrap());
        CimPath::class_of(V2, "Msvm_ResourceAllocationSettingData").with_key("InstanceID", id).on_host("HV01")
    };
    let dvd = |parent: &str| {
        Bench::drive(parent, "0").with("ResourceType", 16u16).with("ResourceSubType", "Microsoft:Hyper-V:Synthetic DVD Drive")
    };
    let disc = |parent: &str| Bench::medium(parent, vec!["D:\\setup.iso"]).with("ResourceSubType", "Microsoft:Hyper-V:Virtual CD/DVD Disk");
    let defined = b.define("one", 1);
    let drive = b.added(&defined, dvd(&second(&defined)));
    b.added(&defined, disc(&drive));
    let by_hand = b.one(&V2, "Msvm_ComputerSystem", "ElementName", "legacy").path;
    assert_eq!(b.add(&by_hand, dvd(&second(&by_hand))).return_value, 32774, "Hyper-V Manager has put one there");
}

#[test]
fn disks_want_a_drive_an_array_a_path_and_a_file() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    let scsi = b.added(&vm, Bench::scsi());
    let old = vec!["D:\\old.vhdx"];
    assert_eq!(b.add(&vm, Bench::medium(&scsi, old.clone())).return_value, 32773, "a controller is no drive");
    let drive = b.added(&vm, Bench::drive(&scsi, "0"));
    assert_eq!(b.add(&vm, Bench::drive(&scsi, "0")).return_value, 32774, "the slot is taken");
    assert_eq!(b.add(&vm, Bench::drive(&scsi, "64")).return_value, 32773, "there is no such slot");
    assert_eq!(b.add(&vm, Bench::medium(&drive, "D:\\old.vhdx")).return_value, 32776, "a scalar");
    assert_eq!(b.add(&vm, Bench::medium(&drive, vec!["old.vhdx"])).return_value, 32773, "not absolute");
    assert_eq!(b.add(&vm, Bench::medium(&drive, vec!["D:\\absent.vhdx"])).return_value, 32779, "not there");
    b.added(&vm, Bench::medium(&drive, old.clone()));
    assert_eq!(b.add(&vm, Bench::medium(&drive, old)).return_value, 32774, "the drive is full");
    let disk = b.all(&V2, "Msvm_StorageAllocationSettingData").pop().expect("a disk");
    assert_eq!(disk.instance.texts("HostResource").unwrap(), ["D:\\old.vhdx"]);
    assert_eq!(disk.instance.text("Parent").unwrap(), Some(drive.as_str()));
    assert!(disk.instance.text("InstanceID").unwrap().expect("an id").ends_with("\\0\\0\\L"));
}

#[test]
fn a_drive_that_holds_a_disk_cannot_be_removed() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    let of_vm = |o: &Object| o.instance.text("InstanceID").unwrap().is_some_and(|id| id.contains(vm.key("Name").unwrap()));
    let drive = b.all(&V2, "Msvm_ResourceAllocationSettingData").into_iter().rfind(|o| of_vm(o)).expect("a drive").path;
    let disk = b.all(&V2, "Msvm_StorageAllocationSettingData").into_iter().rfind(|o| of_vm(o)).expect("a disk").path;
    let target = service("Msvm_VirtualSystemManagementService");
    let input = class("in").with("ResourceSettings", vec![drive.clone()]);
    let refused = b.try_invoke(&target, "RemoveResourceSettings", &input).expect_err("it holds a disk");
    assert_eq!(refused.code.hresult(), 0x8004_1001);
    assert_eq!(b.vsms("RemoveResourceSettings", class("in").with("ResourceSettings", vec![disk])).return_value, 0);
    assert_eq!(b.vsms("RemoveResourceSettings", class("in").with("ResourceSettings", vec![drive])).return_value, 0);
}

#[test]
fn processors_change_only_while_the_vm_is_off_and_within_the_host() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    assert_eq!(b.vsms(MODIFY, processors(&vm, 9)).return_value, 32773, "the host has 8");
    assert_eq!(b.vsms(MODIFY, processors(&vm, 4)).return_value, 0);
    b.start(&vm);
    assert_eq!(b.vsms(MODIFY, processors(&vm, 2)).return_value, 32775);
    let id = processor(&vm);
    assert_eq!(b.one(&V2, "Msvm_ProcessorSettingData", "InstanceID", &id).instance.unsigned("VirtualQuantity").unwrap(), Some(4));
}

#[test]
fn memory_stays_below_its_limit_and_dynamic_memory_in_its_range() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    let mut modify = |setting: CimInstance| b.vsms(MODIFY, class("in").with("ResourceSettings", vec![setting])).return_value;
    assert_eq!(modify(memory(&vm).with("Limit", 2048u64)), 0);
    assert_eq!(modify(memory(&vm).with("VirtualQuantity", 4096u64)), 32773);
    assert_eq!(modify(memory(&vm).with("VirtualQuantity", 2047u64)), 32773, "odd");
    assert_eq!(modify(memory(&vm).with("DynamicMemoryEnabled", true).with("Reservation", 4096u64)), 32773);
    assert_eq!(modify(memory(&vm).with("DynamicMemoryEnabled", true).with("Reservation", 512u64).with("VirtualQuantity", 2048u64)), 0);
}

#[test]
fn a_cable_is_pulled_and_put_back_while_the_vm_runs() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    b.start(&vm);
    let ports = b.all(&V2, "Msvm_EthernetPortAllocationSettingData");
    let id = ports
        .iter()
        .find_map(|o| o.instance.text("InstanceID").unwrap().filter(|id| id.contains(vm.key("Name").unwrap())))
        .expect("a cable")
        .to_owned();
    let change = class("Msvm_EthernetPortAllocationSettingData").with("InstanceID", id.as_str());
    let mut modify = |c: CimInstance| b.vsms(MODIFY, class("in").with("ResourceSettings", vec![c])).return_value;
    assert_eq!(modify(change.clone().with("EnabledState", 3u16)), 0);
    assert_eq!(
        modify(change.clone().with("HostResource", vec!["\\\\HV01\\root\\virtualization\\v2:Msvm_VirtualEthernetSwitch.Name=\"no\""])),
        32773
    );
    assert_eq!(modify(change.clone().with("HostResource", corpnet.as_str())), 32776, "a scalar");
    assert_eq!(modify(change.with("EnabledState", 2u16).with("HostResource", vec![corpnet.as_str()])), 0);
    let cable = b.one(&V2, "Msvm_EthernetPortAllocationSettingData", "InstanceID", &id);
    assert_eq!(cable.instance.texts("HostResource").unwrap(), [corpnet.as_str()]);
}

#[test]
fn adapters_come_and_go_hot_on_generation_two_only() {
    let mut b = Bench::new();
    for (generation, add, remove) in [(2, 0, 0), (1, 32775, 32775)] {
        let vm = b.define("hot", generation);
        let first = b.added(&vm, Bench::nic("a", "00155D000001"));
        b.start(&vm);
        assert_eq!(b.add(&vm, Bench::nic("b", "00155D000002")).return_value, add);
        let path: CimPath = first.parse().expect("a path");
        assert_eq!(b.vsms("RemoveResourceSettings", class("in").with("ResourceSettings", vec![path])).return_value, remove);
        let off = b.ask(&vm, 3);
        b.done(&off);
    }
}

#[test]
fn settings_are_changed_by_a_minimal_instance_only() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    let whole = b.one(&V2, "Msvm_VirtualSystemSettingData", "ElementName", "web").instance;
    assert_eq!(b.vsms("ModifySystemSettings", class("in").with("SystemSettings", whole.with("ElementName", "x"))).return_value, 32768);
    let id = Bench::settings(&vm).key("InstanceID").unwrap().to_owned();
    let minimal = class("Msvm_VirtualSystemSettingData").with("InstanceID", id.as_str());
    let change = minimal.clone().with("Notes", vec!["one", "two"]).with("AutomaticStartupAction", 4u16);
    assert_eq!(b.vsms("ModifySystemSettings", class("in").with("SystemSettings", change)).return_value, 0);
    let settings = b.one(&V2, "Msvm_VirtualSystemSettingData", "InstanceID", &id).instance;
    assert_eq!(settings.texts("Notes").unwrap(), ["one", "two"]);
    assert_eq!(settings.unsigned("AutomaticStartupAction").unwrap(), Some(4));
    let odd = minimal.with("AutomaticStartupAction", 9u16);
    assert_eq!(b.vsms("ModifySystemSettings", class("in").with("SystemSettings", odd)).return_value, 32773);
}

#[test]
fn a_vm_passes_through_the_states_of_hyper_v() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    for (requested, meanwhile, then) in [(2, 10, 2), (9, 32776, 9), (2, 32777, 2), (6, 32773, 6), (2, 10, 2), (3, 4, 3)] {
        let output = b.ask(&vm, requested);
        assert_eq!(output.return_value, 4096);
        assert_eq!(b.state(&vm), meanwhile);
        assert_eq!(b.ask(&vm, 2).return_value, 4097, "a second request meanwhile");
        b.done(&output);
        assert_eq!(b.state(&vm), then);
    }
}

#[test]
fn transitions_that_hyper_v_does_not_know_are_refused() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    for requested in [3, 6, 9, 10, 11, 99] {
        assert_eq!(b.ask(&vm, requested).return_value, 4097, "off to {requested}");
    }
    b.start(&vm);
    for requested in [2, 10, 4] {
        assert_eq!(b.ask(&vm, requested).return_value, 4097, "running, nothing booted, to {requested}");
    }
    let host = b.one(&V2, "Msvm_ComputerSystem", "Name", "HV01").path;
    assert_eq!(b.ask(&host, 3).return_value, 32770);
}

#[test]
fn a_vm_does_not_start_without_its_disk_its_memory_or_the_disk_to_itself() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    let big = class("in").with("ResourceSettings", vec![memory(&vm).with("VirtualQuantity", 16_000u64)]);
    assert_eq!(b.vsms(MODIFY, big).return_value, 0);
    let output = b.ask(&vm, 2);
    assert_eq!(b.finish(&output), 10);
    assert_eq!(b.state(&vm), 3, "back where it was");
    let small = class("in").with("ResourceSettings", vec![memory(&vm).with("VirtualQuantity", 2048u64)]);
    assert_eq!(b.vsms(MODIFY, small).return_value, 0);

    let twin = b.define("twin", 2);
    let scsi = b.added(&twin, Bench::scsi());
    let drive = b.added(&twin, Bench::drive(&scsi, "0"));
    b.added(&twin, Bench::medium(&drive, vec!["D:\\VMs\\web.vhdx"]));
    b.start(&vm);
    let output = b.ask(&twin, 2);
    assert_eq!(b.finish(&output), 10, "the disk is open");

    let off = b.ask(&vm, 3);
    b.done(&off);
    b.world
        .apply(super::super::Fault::FileLost { host: HostName::new("hv-1"), path: "d:\\vms\\WEB.vhdx".to_owned() })
        .expect("it is there");
    let output = b.ask(&vm, 2);
    assert_eq!(b.finish(&output), 10, "the disk is gone");
}

#[test]
fn what_the_host_says_is_free_is_what_its_vms_leave() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    // In KiB.
    let free = |b: &mut Bench| {
        b.all(&Namespace::CIMV2, "Win32_OperatingSystem")[0].instance.unsigned("FreePhysicalMemory").unwrap().unwrap() / 1024
    };
    let set =
        |b: &mut Bench, size: u64| b.vsms(MODIFY, class("in").with("ResourceSettings", vec![memory(&vm).with("VirtualQuantity", size)]));
    let all = free(&mut b);
    assert_eq!(set(&mut b, all).return_value, 0);
    b.start(&vm);
    assert_eq!(free(&mut b), 0);
    let off = b.ask(&vm, 3);
    b.done(&off);
    assert_eq!(free(&mut b), all, "whoever is off gives all of it back");
    assert_eq!(set(&mut b, all + 2).return_value, 0);
    let output = b.ask(&vm, 2);
    assert_eq!(b.finish(&output), 10, "more than is free is not given");
}

/// A VM with the file at `path` in its only drive.
fn holding(b: &mut Bench, name: &str, path: &str, dvd: bool) -> CimPath {
    let vm = b.define(name, 2);
    let scsi = b.added(&vm, Bench::scsi());
    let as_dvd = |i: CimInstance, kind: u16, sub: &str| if dvd { i.with("ResourceType", kind).with("ResourceSubType", sub) } else { i };
    let drive = b.added(&vm, as_dvd(Bench::drive(&scsi, "0"), 16, "Microsoft:Hyper-V:Synthetic DVD Drive"));
    b.added(&vm, as_dvd(Bench::medium(&drive, vec![path]), 31, "Microsoft:Hyper-V:Virtual CD/DVD Disk"));
    vm
}

#[test]
fn a_disk_is_written_only_while_none_that_stands_on_it_is_open() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let child = b.appliance("web", "calls", &corpnet);
    let sibling = b.appliance("mail", "calls", &corpnet);
    let parent = holding(&mut b, "base", "D:\\Images\\calls.vhdx", false);
    b.start(&child);
    b.start(&sibling);
    let output = b.ask(&parent, 2);
    assert_eq!(b.finish(&output), 10, "two read it");
    for vm in [&child, &sibling] {
        let off = b.ask(vm, 3);
        b.done(&off);
    }
    b.start(&parent);
    let output = b.ask(&child, 2);
    assert_eq!(b.finish(&output), 10, "it is being written");
}

#[test]
fn one_disc_is_in_several_drives_at_once() {
    let mut b = Bench::of(&WORLD.replace("{path: 'D:\\old.vhdx', gib: 1}", "{path: 'D:\\old.vhdx'}\n      - {path: 'D:\\setup.iso'}"));
    for name in ["first", "second"] {
        let vm = holding(&mut b, name, "D:\\setup.iso", true);
        b.start(&vm);
    }
}

#[test]
fn a_saved_vm_can_be_destroyed_too() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    b.start(&vm);
    let saved = b.ask(&vm, 6);
    b.done(&saved);
    let output = b.vsms("DestroySystem", class("in").with("AffectedSystem", vm.clone()));
    b.done(&output);
    assert!(b.all(&V2, "Msvm_ComputerSystem").iter().all(|o| o.path != vm));
}

#[test]
fn a_running_vm_is_not_destroyed_and_one_that_is_off_leaves_its_disks() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    b.start(&vm);
    let destroy = || class("in").with("AffectedSystem", vm.clone());
    assert_eq!(b.vsms("DestroySystem", destroy()).return_value, 32775);
    let off = b.ask(&vm, 3);
    b.done(&off);
    let output = b.vsms("DestroySystem", destroy());
    b.done(&output);
    assert!(b.all(&V2, "Msvm_ComputerSystem").iter().all(|o| o.path != vm));
    b.one(&Namespace::CIMV2, "CIM_DataFile", "Name", "d:\\vms\\web.vhdx");
    assert_eq!(b.vsms("DestroySystem", destroy()).return_value, 32773, "it is gone");
}

#[test]
fn a_service_wants_its_selector_and_a_method_it_has() {
    let mut b = Bench::new();
    let bare = CimPath::class_of(V2, "Msvm_VirtualSystemManagementService");
    let refused = b.try_invoke(&bare, "DefineSystem", &class("in")).expect_err("no selector");
    assert_eq!(refused.code.hresult(), 0x8004_102F);
    let refused = b.try_invoke(&service("Msvm_ImageManagementService"), "DefineSystem", &class("in")).expect_err("no such method");
    assert_eq!(refused.code.hresult(), 0x8004_102E);
    let at = b.at.clone();
    let machine = b.world.machine_mut(&at).expect("it runs");
    assert_eq!(machine.instances(&V2, "Msvm_Nonsense").expect_err("no class").code.hresult(), 0x8004_1010);
    assert_eq!(machine.instances(&Namespace::new("root/none"), "X").expect_err("no namespace").code.hresult(), 0x8004_100E);
}

#[test]
fn definitions_tell_the_limits_of_the_host() {
    let mut b = Bench::new();
    let maximum = b.all(&V2, "Msvm_ProcessorSettingData").into_iter().find(|o| {
        let id = o.instance.text("InstanceID").unwrap().unwrap_or_default();
        id.starts_with("Microsoft:Definition") && id.ends_with("Maximum")
    });
    assert_eq!(maximum.expect("a definition").instance.unsigned("VirtualQuantity").unwrap(), Some(8));
}

#[test]
fn a_vm_leads_to_its_settings_and_they_to_its_devices() {
    let mut b = Bench::new();
    let legacy = b.one(&V2, "Msvm_ComputerSystem", "ElementName", "legacy").path;
    let at = b.at.clone();
    let machine = b.world.machine_mut(&at).expect("it runs");
    let by_lower_case = CimPath::class_of(V2, "Msvm_ComputerSystem")
        .with_key("CreationClassName", "Msvm_ComputerSystem")
        .with_key("Name", legacy.key("Name").unwrap().to_ascii_lowercase());
    let settings = machine.associations(&V2, &by_lower_case).expect("it is there");
    let settings = settings.iter().find(|a| a.class == "Msvm_SettingsDefineState").expect("settings");
    assert_eq!((settings.role.as_str(), settings.result_role.as_str()), ("ManagedElement", "SettingData"));
    let devices = machine.associations(&V2, &settings.other).expect("they are there");
    let classes: std::collections::BTreeSet<_> = devices.iter().map(|a| a.other.class().as_str().to_owned()).collect();
    for wanted in ["Msvm_ProcessorSettingData", "Msvm_MemorySettingData", "Msvm_StorageAllocationSettingData", "Msvm_SerialPortSettingData"]
    {
        assert!(classes.contains(wanted), "{wanted}");
    }
    let processors = machine.instances(&Namespace::CIMV2, "Win32_ComputerSystemProcessor").expect("a class");
    assert_eq!(processors.len(), 2);
}

#[test]
fn a_vm_is_built_step_by_step_as_libvirt_does() {
    let mut b = Bench::new();
    let settings = class("Msvm_VirtualSystemSettingData").with("ElementName", "virt");
    assert_eq!(b.vsms("DefineSystem", class("in").with("SystemSettings", settings)).return_value, 0);
    let vm = b.one(&V2, "Msvm_ComputerSystem", "ElementName", "virt").path;
    let guid = vm.key("Name").unwrap().to_owned();
    let mut modify = |setting: CimInstance| assert_eq!(b.vsms(MODIFY, class("in").with("ResourceSettings", vec![setting])).return_value, 0);
    modify(class("Msvm_ProcessorSettingData").with("InstanceID", processor(&vm)).with("VirtualQuantity", 2u64));
    // The limit first, even below the memory that the VM has by default.
    modify(memory(&vm).with("Limit", 512u64));
    modify(memory(&vm).with("VirtualQuantity", 512u64));

    // Its paths name the namespace in another case, and the disk comes in the drive's class.
    let path = |class: &str, id: &str| format!("\\\\HV01\\Root\\Virtualization\\V2:{class}.InstanceID=\"{}\"", id.replace('\\', "\\\\"));
    let ide = format!("Microsoft:{}\\83F8638B-8DCA-4152-9EDA-2CA8B33039B4\\0", guid.to_ascii_lowercase());
    let drive = b.added(&vm, Bench::drive(&path("Msvm_ResourceAllocationSettingData", &ide), "1"));
    let drive: CimPath = drive.parse().expect("a path");
    let disk = Bench::medium(&path("Msvm_ResourceAllocationSettingData", drive.key("InstanceID").unwrap()), vec!["D:\\old.vhdx"]);
    let disk = disk.properties().fold(class("Msvm_ResourceAllocationSettingData"), |i, (n, v)| i.with(n.as_str(), v.clone()));
    b.added(&vm, disk);

    let nic =
        Bench::nic("Network Adapter", "525400ABCDEF").with("VirtualSystemIdentifiers", vec!["{0d0c6e1f-0a11-4a3b-9c57-2b0e3f7c0001}"]);
    let nic: CimPath = b.added(&vm, nic).parse().expect("a path");
    assert_eq!(nic.key("InstanceID"), Some(format!("Microsoft:{guid}\\0D0C6E1F-0A11-4A3B-9C57-2B0E3F7C0001").as_str()));
    let corpnet = b.switch("Corpnet");
    b.added(&vm, Bench::cable(&path("Msvm_SyntheticEthernetPortSettingData", nic.key("InstanceID").unwrap()), &corpnet));

    let serial = format!("Microsoft:{guid}\\8e3a359f-559a-4b6a-98a9-1690a6100ed7\\0");
    let pipe = class("Msvm_SerialPortSettingData").with("InstanceID", serial.as_str()).with("Connection", vec!["\\\\.\\pipe\\com1"]);
    assert_eq!(b.vsms(MODIFY, class("in").with("ResourceSettings", vec![pipe])).return_value, 0);
    assert_eq!(b.one(&V2, "Msvm_SerialPortSettingData", "InstanceID", &serial).instance.texts("Connection").unwrap().len(), 1);
    b.start(&vm);
    assert_eq!(b.state(&vm), 2);
}

#[test]
fn memory_of_a_running_vm_follows_its_mode() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    let modify = |b: &mut Bench, setting: CimInstance| {
        b.vsms("ModifyResourceSettings", class("in").with("ResourceSettings", vec![setting])).return_value
    };
    b.start(&vm);
    assert_eq!(modify(&mut b, memory(&vm).with("VirtualQuantity", 2048u64)), 0, "static memory changes hot on this version");
    assert_eq!(modify(&mut b, memory(&vm).with("VirtualQuantity", 15_000u64)), 32778, "not beyond what is free");
    assert_eq!(modify(&mut b, memory(&vm).with("DynamicMemoryEnabled", true)), 32775, "the mode does not");
    let off = b.ask(&vm, 3);
    b.done(&off);
    let dynamic = memory(&vm).with("DynamicMemoryEnabled", true).with("Reservation", 1024u64).with("Limit", 4096u64);
    assert_eq!(modify(&mut b, dynamic), 0);
    b.start(&vm);
    assert_eq!(modify(&mut b, memory(&vm).with("Limit", 8192u64).with("Reservation", 512u64)), 0, "a wider range");
    assert_eq!(modify(&mut b, memory(&vm).with("Limit", 4096u64)), 32775, "a narrower one");
    assert_eq!(modify(&mut b, memory(&vm).with("VirtualQuantity", 1024u64)), 32775, "its start");
}

#[test]
fn an_older_host_changes_no_memory_of_a_running_vm() {
    let mut b = Bench::of(&WORLD.replacen("    computerName: HV01\n", "    computerName: HV01\n    version: 6.3.9600\n", 1));
    let vm = b.define("web", 2);
    b.start(&vm);
    let setting = memory(&vm).with("VirtualQuantity", 2048u64);
    assert_eq!(b.vsms("ModifyResourceSettings", class("in").with("ResourceSettings", vec![setting])).return_value, 32775);
}

#[test]
fn a_service_is_called_in_any_case_by_its_class_name_and_not_without_it() {
    let mut b = Bench::new();
    let at = b.at.clone();
    let mut is_service =
        |namespace: &Namespace, name: &str| b.world.machine_mut(&at).expect("it runs").is_service(namespace, &ClassName::from(name));
    let names = ["Msvm_VirtualSystemManagementService", "msvm_virtualsystemmanagementservice"];
    assert_eq!(names.map(|name| is_service(&V2, name)), [true, true]);
    assert_eq!(names.map(|name| is_service(&Namespace::CIMV2, name)), [false, false], "it is Hyper-V's");
    assert!(!is_service(&V2, "Msvm_ComputerSystem"));
    let input = || class("in").with("SystemSettings", class("Msvm_VirtualSystemSettingData").with("ElementName", "one"));
    for name in names {
        assert_eq!(b.invoke(&service(name), "definesystem", input()).return_value, 0, "{name}");
        for target in [CimPath::class_of(V2, name), CimPath::class_of(V2, name).with_key("Name", "vmms")] {
            let refused = b.try_invoke(&target, "DefineSystem", &input()).expect_err("its key is missing");
            assert_eq!(refused.code, WmiCode::InvalidMethodParameters, "{target}");
        }
    }
}
