//! Virtual disks, and the guests that lie on them.

use super::*;

fn disk(path: &str, kind: u16) -> CimInstance {
    class("Msvm_VirtualHardDiskSettingData").with("Path", path).with("Type", kind).with("Format", 3u16)
}

fn create(b: &mut Bench, setting: CimInstance) -> Output {
    b.invoke(&service("Msvm_ImageManagementService"), "CreateVirtualHardDisk", class("in").with("VirtualDiskSettingData", setting))
}

fn size(b: &mut Bench, path: &str) -> Option<u64> {
    let output = b.invoke(&service("Msvm_ImageManagementService"), "GetVirtualHardDiskSettingData", class("in").with("Path", path));
    match output.out.get("SettingData") {
        CimValue::Instance(setting) => setting.unsigned("MaxInternalSize").unwrap(),
        _ => None,
    }
}

#[test]
fn a_disk_wants_a_type_a_format_a_path_and_a_size_or_a_parent() {
    let mut b = Bench::new();
    let gib = 1u64 << 30;
    for (why, setting) in [
        ("no parent", disk("D:\\a.vhdx", 4)),
        ("no size", disk("D:\\a.vhdx", 3)),
        ("no such type", disk("D:\\a.vhdx", 7)),
        ("a parent too many", disk("D:\\a.vhdx", 3).with("MaxInternalSize", gib).with("ParentPath", "D:\\old.vhdx")),
        ("not absolute", disk("a.vhdx", 3).with("MaxInternalSize", gib)),
        ("not the format's extension", disk("D:\\a.vhd", 3).with("MaxInternalSize", gib)),
    ] {
        assert_eq!(create(&mut b, setting).return_value, 32773, "{why}");
    }
}

#[test]
fn a_differencing_disk_has_its_parents_size() {
    let mut b = Bench::new();
    let output = b.create_disk("D:\\VMs\\a.vhdx", "D:\\Images\\calls.vhdx");
    b.done(&output);
    assert_eq!(size(&mut b, "d:\\vms\\A.VHDX"), size(&mut b, "D:\\Images\\calls.vhdx"));
    assert_eq!(size(&mut b, "D:\\absent.vhdx"), None);
}

#[test]
fn making_a_disk_fails_on_a_file_a_missing_parent_a_missing_volume_and_a_full_one() {
    let mut b = Bench::new();
    let tib = 1u64 << 40;
    for (why, setting) in [
        ("exists", disk("D:\\old.vhdx", 4).with("ParentPath", "D:\\Images\\calls.vhdx")),
        ("no parent", disk("D:\\a.vhdx", 4).with("ParentPath", "D:\\absent.vhdx")),
        ("no volume", disk("X:\\a.vhdx", 4).with("ParentPath", "D:\\Images\\calls.vhdx")),
        ("no space", disk("D:\\a.vhdx", 2).with("MaxInternalSize", tib)),
    ] {
        let output = create(&mut b, setting);
        assert_eq!(b.finish(&output), 10, "{why}");
    }
    assert_eq!(b.all(&Namespace::CIMV2, "CIM_DataFile").len(), 3, "nothing was made");
}

#[test]
fn an_open_disk_and_its_parents_cannot_be_deleted() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    let delete = |b: &mut Bench, name: &str| {
        let path = b.one(&Namespace::CIMV2, "CIM_DataFile", "Name", name).path;
        b.invoke(&path, "Delete", class("in")).return_value
    };
    b.start(&vm);
    assert_eq!(delete(&mut b, "d:\\vms\\web.vhdx"), 15);
    assert_eq!(delete(&mut b, "d:\\images\\calls.vhdx"), 15);
    let off = b.ask(&vm, 3);
    b.done(&off);
    assert_eq!(delete(&mut b, "d:\\vms\\web.vhdx"), 0);
    let gone = CimPath::class_of(Namespace::CIMV2, "CIM_DataFile").with_key("Name", "d:\\vms\\web.vhdx");
    assert_eq!(b.try_invoke(&gone, "Delete", &class("in")).expect_err("gone").code.hresult(), 0x8004_1002);
}

#[test]
fn a_guest_belongs_to_its_disk() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    let guest = b.boot(&vm, "192.168.0.50");
    let thumbprint = b.world.certificate(&guest).expect("a listener").thumbprint.clone();
    let off = b.ask(&vm, 3);
    b.done(&off);
    let output = b.vsms("DestroySystem", class("in").with("AffectedSystem", vm));
    b.done(&output);

    let again = b.define("again", 2);
    let scsi = b.added(&again, Bench::scsi());
    let drive = b.added(&again, Bench::drive(&scsi, "0"));
    b.added(&again, Bench::medium(&drive, vec!["D:\\VMs\\web.vhdx"]));
    b.start(&again);
    b.wait(41);
    assert_eq!(b.world.certificate(&b.guest(&again)).expect("the same listener").thumbprint, thumbprint);

    let off = b.ask(&again, 3);
    b.done(&off);
    let file = b.one(&Namespace::CIMV2, "CIM_DataFile", "Name", "d:\\vms\\web.vhdx").path;
    assert_eq!(b.invoke(&file, "Delete", class("in")).return_value, 0);
    let output = b.create_disk("D:\\VMs\\web.vhdx", "D:\\Images\\calls.vhdx");
    b.done(&output);
    b.start(&again);
    b.wait(91);
    assert_ne!(b.world.certificate(&b.guest(&again)).expect("a new listener").thumbprint, thumbprint);
}

#[test]
fn free_space_is_what_files_leave() {
    let mut b = Bench::new();
    let free =
        |b: &mut Bench| b.one(&Namespace::CIMV2, "Win32_LogicalDisk", "DeviceID", "D:").instance.unsigned("FreeSpace").unwrap().unwrap();
    assert_eq!(free(&mut b), (200 - 35) << 30);
    let output = create(&mut b, disk("D:\\a.vhdx", 2).with("MaxInternalSize", 10u64 << 30));
    b.done(&output);
    assert_eq!(free(&mut b), (200 - 45) << 30);
}
