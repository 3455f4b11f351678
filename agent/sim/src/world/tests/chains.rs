//! Disks that stand on others: what resizes them, what breaks them, and what mends them.

use super::*;
use crate::world::Fault;

const GIB: u64 = 1 << 30;

fn image_service(b: &mut Bench, method: &str, input: CimInstance) -> Output {
    b.invoke(&service("Msvm_ImageManagementService"), method, input)
}

fn resize(b: &mut Bench, path: &str, size: u64) -> Output {
    image_service(b, "ResizeVirtualHardDisk", class("in").with("Path", path).with("MaxInternalSize", size))
}

/// The last state of the job that looks at a chain, and what it says.
fn validate(b: &mut Bench, path: &str) -> (u64, String) {
    let output = image_service(b, "ValidateVirtualHardDisk", class("in").with("Path", path));
    let state = b.finish(&output);
    let job = b.all(&V2, "Msvm_StorageJob").pop().expect("a job").instance;
    (state, job.text("ErrorDescription").unwrap().unwrap_or_default().to_owned())
}

fn set_parent(b: &mut Bench, child: &str, parent: &str, any_id: bool) -> Output {
    let input = class("in").with("ChildPath", child).with("ParentPath", parent).with("IgnoreIDMismatch", any_id);
    image_service(b, "SetParentVirtualHardDisk", input)
}

fn with_disk() -> Bench {
    let mut b = Bench::new();
    let output = b.create_disk("D:\\VMs\\a.vhdx", "D:\\Images\\calls.vhdx");
    b.done(&output);
    b
}

#[test]
fn a_disk_grows_and_shrinks_no_further_than_its_file() {
    let mut b = with_disk();
    let output = resize(&mut b, "D:\\VMs\\a.vhdx", 200 * GIB);
    b.done(&output);
    let told = image_service(&mut b, "GetVirtualHardDiskSettingData", class("in").with("Path", "D:\\VMs\\a.vhdx"));
    let CimValue::Instance(setting) = told.out.get("SettingData") else { panic!("settings") };
    assert_eq!(setting.unsigned("MaxInternalSize").unwrap(), Some(200 * GIB));
    let told = image_service(&mut b, "GetVirtualHardDiskState", class("in").with("Path", "D:\\VMs\\a.vhdx"));
    let CimValue::Instance(state) = told.out.get("State") else { panic!("a state") };
    let least = state.unsigned("MinInternalSize").unwrap().unwrap();
    assert_eq!(resize(&mut b, "D:\\VMs\\a.vhdx", least - 512).return_value, 32773);
    assert_eq!(resize(&mut b, "D:\\VMs\\a.vhdx", least).return_value, 4096);
}

#[test]
fn what_is_open_a_parent_or_absent_is_not_resized() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    assert_eq!(resize(&mut b, "D:\\none.vhdx", 200 * GIB).return_value, 32779);
    let output = resize(&mut b, "D:\\Images\\calls.vhdx", 200 * GIB);
    assert_eq!(b.finish(&output), 10, "a disk stands on it");
    b.start(&vm);
    assert_eq!(resize(&mut b, "D:\\VMs\\web.vhdx", 200 * GIB).return_value, 32774);
    assert_eq!(resize(&mut b, "D:\\Images\\calls.vhdx", 200 * GIB).return_value, 32774, "its parent is open too");
}

#[test]
fn a_missing_and_a_changed_parent_are_told_apart() {
    let mut b = with_disk();
    assert_eq!(validate(&mut b, "D:\\VMs\\a.vhdx").0, 7);
    let (host, path) = (HostName::new("hv-1"), "D:\\Images\\calls.vhdx".to_owned());
    b.world.apply(Fault::DiskReplaced { host: host.clone(), path: path.clone() }).expect("it fits");
    let (state, says) = validate(&mut b, "D:\\VMs\\a.vhdx");
    assert!(state == 10 && says.contains("ID mismatch"), "{says}");
    b.world.apply(Fault::FileLost { host, path }).expect("it fits");
    let (state, says) = validate(&mut b, "D:\\VMs\\a.vhdx");
    assert!(state == 10 && says.contains("cannot find the file specified: 'D:\\Images\\calls.vhdx'"), "{says}");
}

#[test]
fn a_vm_whose_chain_is_broken_does_not_start_until_it_is_mended() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    b.world.apply(Fault::DiskReplaced { host: HostName::new("hv-1"), path: "D:\\Images\\calls.vhdx".to_owned() }).expect("it fits");
    let start = b.ask(&vm, 2);
    assert_eq!((b.finish(&start), b.state(&vm)), (10, 3));
    let output = set_parent(&mut b, "D:\\VMs\\web.vhdx", "D:\\Images\\calls.vhdx", false);
    assert_eq!(b.finish(&output), 10, "the ids differ");
    let output = set_parent(&mut b, "D:\\VMs\\web.vhdx", "D:\\Images\\calls.vhdx", true);
    b.done(&output);
    b.start(&vm);
    assert_eq!(b.state(&vm), 2);
}

#[test]
fn a_parent_is_a_disk_that_does_not_stand_on_its_child() {
    let mut b = with_disk();
    let output = b.create_disk("D:\\VMs\\b.vhdx", "D:\\VMs\\a.vhdx");
    b.done(&output);
    assert_eq!(set_parent(&mut b, "D:\\VMs\\a.vhdx", "D:\\VMs\\b.vhdx", true).return_value, 32773, "a circle");
    assert_eq!(set_parent(&mut b, "D:\\VMs\\a.vhdx", "D:\\none.vhdx", true).return_value, 32779);
    assert_eq!(set_parent(&mut b, "D:\\old.vhdx", "D:\\VMs\\a.vhdx", true).return_value, 32770, "no differencing disk");
    let output = set_parent(&mut b, "D:\\VMs\\b.vhdx", "D:\\Images\\calls.vhdx", true);
    b.done(&output);
}
