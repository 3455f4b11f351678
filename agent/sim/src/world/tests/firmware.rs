//! Boot order, secure boot, and what each generation has of them.

use super::*;

fn modify(b: &mut Bench, vm: &CimPath, property: &str, value: impl Into<CimValue>) -> u32 {
    let change =
        class("Msvm_VirtualSystemSettingData").with("InstanceID", Bench::settings(vm).key("InstanceID").unwrap()).with(property, value);
    b.vsms("ModifySystemSettings", class("in").with("SystemSettings", change)).return_value
}

fn order(b: &mut Bench, vm: &CimPath) -> Vec<String> {
    let id = Bench::settings(vm).key("InstanceID").unwrap().to_owned();
    let own = b.one(&V2, "Msvm_VirtualSystemSettingData", "InstanceID", &id);
    own.instance.texts("BootSourceOrder").unwrap().into_iter().map(ToOwned::to_owned).collect()
}

/// A VM with two disks, the second of which boots another image.
fn with_two_disks() -> (Bench, CimPath) {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    let output = b.create_disk("D:\\VMs\\second.vhdx", "D:\\Images\\directory.vhdx");
    b.done(&output);
    let scsi = b.all(&V2, "Msvm_ResourceAllocationSettingData").into_iter().find(|o| {
        let id = o.instance.text("InstanceID").unwrap().unwrap();
        id.contains(vm.key("Name").unwrap()) && o.instance.unsigned("ResourceType").unwrap() == Some(6)
    });
    let scsi = scsi.expect("a controller").path.on_host("HV01");
    let drive = b.added(&vm, Bench::drive(&scsi, "1"));
    b.added(&vm, Bench::medium(&drive, vec!["D:\\VMs\\second.vhdx"]));
    (b, vm)
}

#[test]
fn a_boot_source_is_called_like_its_device() {
    let (mut b, vm) = with_two_disks();
    let sources = b.all(&V2, "Msvm_BootSourceSettingData");
    let kinds: Vec<_> = sources.iter().map(|o| o.instance.unsigned("BootSourceType").unwrap().unwrap()).collect();
    assert_eq!(kinds, [1, 1, 2]);
    let drives = b.all(&V2, "Msvm_ResourceAllocationSettingData");
    let first = sources[0].instance.text("InstanceID").unwrap().unwrap();
    assert!(drives.iter().any(|d| d.instance.text("InstanceID").unwrap() == first.strip_suffix("\\B")), "{first}");
    assert_eq!(order(&mut b, &vm), sources.iter().map(|o| o.path.on_host("HV01")).collect::<Vec<_>>());
    let at = b.at.clone();
    let links = b.world.machine_mut(&at).expect("it runs").associations(&V2, &Bench::settings(&vm)).expect("they are there");
    assert_eq!(links.iter().filter(|a| a.class == "Msvm_BootSourceComponent").count(), 3);
}

#[test]
fn the_first_disk_of_the_order_boots() {
    let (mut b, vm) = with_two_disks();
    let before = order(&mut b, &vm);
    let wished = vec![before[1].clone(), before[0].clone()];
    assert_eq!(modify(&mut b, &vm, "BootSourceOrder", wished.clone()), 0);
    assert_eq!(order(&mut b, &vm)[..2], wished[..]);
    assert_eq!(order(&mut b, &vm)[2], before[2], "what is not named comes last");
    let guest = b.boot(&vm, "192.168.0.60");
    let name = b.world.machine_mut(&guest).expect("it runs").computer_name().to_owned();
    assert_eq!(name, "WIN-AD");
}

#[test]
fn an_order_names_sources_of_the_vm_once_while_it_is_off() {
    let (mut b, vm) = with_two_disks();
    let all = order(&mut b, &vm);
    assert_eq!(modify(&mut b, &vm, "BootSourceOrder", vec![all[0].clone(), all[0].clone()]), 32773, "twice");
    let stranger = all[0].replace(vm.key("Name").unwrap(), "2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001");
    assert_eq!(modify(&mut b, &vm, "BootSourceOrder", vec![stranger]), 32773, "another VM's");
    assert_eq!(modify(&mut b, &vm, "BootSourceOrder", all[0].as_str()), 32776, "no array");
    b.start(&vm);
    assert_eq!(modify(&mut b, &vm, "BootSourceOrder", all), 32775, "it runs");
}

#[test]
fn secure_boot_has_three_templates_on_generation_two() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    assert_eq!(modify(&mut b, &vm, "SecureBootTemplateId", "272e7447-90a4-4563-a4b9-8e4ab00526ce"), 0);
    assert_eq!(modify(&mut b, &vm, "SecureBootTemplateId", "00000000-90a4-4563-a4b9-8e4ab00526ce"), 32773);
    assert_eq!(modify(&mut b, &vm, "SecureBootEnabled", false), 0);
    let old = b.define("old", 1);
    assert_eq!(modify(&mut b, &old, "SecureBootEnabled", true), 32773);
    assert_eq!(modify(&mut b, &old, "BootSourceOrder", Vec::<String>::new()), 32773);
    b.start(&vm);
    assert_eq!(modify(&mut b, &vm, "SecureBootEnabled", true), 32775, "it runs");
}

/// A generation-1 VM with `image` on its SCSI controller, made as libvirt makes one.
fn generation_one_with_scsi_disk(image: &str) -> (Bench, CimPath, String) {
    let mut b = Bench::new();
    let vm = b.define("old", 1);
    let scsi = b.added(&vm, Bench::scsi());
    let drive = b.added(&vm, Bench::drive(&scsi, "0"));
    b.added(&vm, Bench::medium(&drive, vec![format!("D:\\Images\\{image}.vhdx")]));
    (b, vm, scsi)
}

#[test]
fn the_bios_of_generation_one_knows_no_scsi_disk() {
    let (mut b, vm, _) = generation_one_with_scsi_disk("calls");
    b.start(&vm);
    b.wait(600);
    let guest = b.guest(&vm);
    assert!(b.world.machine_mut(&guest).is_none(), "it cannot boot from there");
    let off = b.ask(&vm, 3);
    b.done(&off);
    let ide = format!("Microsoft:{}\\83F8638B-8DCA-4152-9EDA-2CA8B33039B4\\1", vm.key("Name").unwrap());
    let ide = CimPath::class_of(V2, "Msvm_ResourceAllocationSettingData").with_key("InstanceID", ide).on_host("HV01");
    let drive = b.added(&vm, Bench::drive(&ide, "1"));
    b.added(&vm, Bench::medium(&drive, vec!["D:\\Images\\directory.vhdx"]));
    b.start(&vm);
    b.wait(600);
    assert_eq!(b.world.machine_mut(&guest).expect("it boots from IDE").computer_name(), "WIN-AD");
}

#[test]
fn the_scsi_controller_of_generation_one_takes_no_dvd_drive() {
    let (mut b, vm, scsi) = generation_one_with_scsi_disk("calls");
    let dvd = |parent: &str| {
        Bench::drive(parent, "1").with("ResourceType", 16u16).with("ResourceSubType", "Microsoft:Hyper-V:Synthetic DVD Drive")
    };
    assert_eq!(b.add(&vm, dvd(&scsi)).return_value, 32773);
    let two = b.define("new", 2);
    let scsi = b.added(&two, Bench::scsi());
    b.added(&two, dvd(&scsi));
}

#[test]
fn generation_two_takes_disks_of_the_new_format_only() {
    let mut b = Bench::of(
        &WORLD.replace("{path: 'D:\\old.vhdx', gib: 1}", "{path: 'D:\\old.vhdx', gib: 1}\n      - {path: 'D:\\older.vhd', gib: 1}"),
    );
    for (generation, answer) in [(1, 0), (2, 32773)] {
        let vm = b.define(&format!("of-{generation}"), generation);
        let scsi = b.added(&vm, Bench::scsi());
        let drive = b.added(&vm, Bench::drive(&scsi, "0"));
        assert_eq!(b.add(&vm, Bench::medium(&drive, vec!["D:\\older.vhd"])).return_value, answer, "generation {generation}");
    }
}
