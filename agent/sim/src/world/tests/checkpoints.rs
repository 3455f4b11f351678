//! Checkpoints: what they hold, where the VM goes on, and how the disks become one again.

use super::*;
use crate::world::Fault;

/// A VM that runs from `D:\VMs\web.vhdx`.
fn served() -> (Bench, CimPath) {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    b.boot(&vm, "192.168.0.50");
    (b, vm)
}

fn call(b: &mut Bench, method: &str, input: CimInstance) -> Output {
    b.invoke(&service("Msvm_VirtualSystemSnapshotService"), method, input)
}

fn create(b: &mut Bench, vm: &CimPath) {
    let output = call(b, "CreateSnapshot", class("in").with("AffectedSystem", vm.clone()).with("SnapshotType", 2u16));
    assert_eq!(output.return_value, 4096, "it is always a job");
    b.done(&output);
}

/// The settings of the VM's checkpoints, oldest first.
fn checkpoints(b: &mut Bench) -> Vec<Object> {
    let realized = |o: &Object| o.instance.text("VirtualSystemType").unwrap() == Some("Microsoft:Hyper-V:Snapshot:Realized");
    b.all(&V2, "Msvm_VirtualSystemSettingData").into_iter().filter(realized).collect()
}

/// The file that is attached to a VM or checkpoint, without the GUID that Hyper-V makes up.
fn file_of(b: &mut Bench, settings: &CimPath) -> String {
    let id = settings.key("InstanceID").unwrap().to_owned();
    let all = b.all(&V2, "Msvm_StorageAllocationSettingData");
    let mine = all.iter().find(|o| o.instance.text("InstanceID").unwrap().unwrap().starts_with(&format!("{id}\\"))).expect("a disk");
    mine.instance.texts("HostResource").unwrap()[0].to_owned()
}

fn files(b: &mut Bench) -> Vec<String> {
    let shorten = |path: &str| path.split_once('_').map_or_else(|| path.to_owned(), |(stem, _)| format!("{stem}_*.avhdx"));
    let all = b.all(&Namespace::CIMV2, "CIM_DataFile");
    let mut files: Vec<_> = all.iter().map(|o| shorten(o.instance.text("Name").unwrap().unwrap())).filter(|n| n.contains("web")).collect();
    files.sort();
    files
}

#[test]
fn a_checkpoint_has_the_disk_and_the_vm_goes_on_above_it() {
    let (mut b, vm) = served();
    create(&mut b, &vm);
    let [checkpoint] = checkpoints(&mut b).try_into().expect("one checkpoint");
    assert_eq!(checkpoint.instance.text("VirtualSystemIdentifier").unwrap(), vm.key("Name"));
    assert_eq!(file_of(&mut b, &checkpoint.path), "D:\\VMs\\web.vhdx");
    let now = file_of(&mut b, &Bench::settings(&vm));
    assert!(now.starts_with("D:\\VMs\\web_") && now.ends_with(".avhdx"), "{now}");
    let parent = b.one(&V2, "Msvm_VirtualSystemSettingData", "InstanceID", Bench::settings(&vm).key("InstanceID").unwrap());
    assert!(parent.instance.text("Parent").unwrap().unwrap().contains(checkpoint.path.key("InstanceID").unwrap()));
    let at = b.at.clone();
    let links = b.world.machine_mut(&at).expect("it runs").associations(&V2, &vm).expect("it is there");
    for association in ["Msvm_SnapshotOfVirtualSystem", "Msvm_MostCurrentSnapshotInBranch"] {
        assert!(links.iter().any(|a| a.class == association && a.other == checkpoint.path), "{association}");
    }
    assert_eq!(b.state(&vm), 2, "it ran on");
}

#[test]
fn deleting_a_checkpoint_merges_its_disk_with_the_one_above() {
    let (mut b, vm) = served();
    create(&mut b, &vm);
    create(&mut b, &vm);
    assert_eq!(files(&mut b).len(), 3);
    let first = checkpoints(&mut b).remove(0).path;
    let output = call(&mut b, "DestroySnapshot", class("in").with("AffectedSnapshot", first));
    b.done(&output);
    assert_eq!((checkpoints(&mut b).len(), files(&mut b).len()), (1, 2));
    let second = checkpoints(&mut b).remove(0).path;
    assert_eq!(file_of(&mut b, &second), "D:\\VMs\\web.vhdx", "what the first held is the second's now");
    let output = call(&mut b, "DestroySnapshotTree", class("in").with("SnapshotSettingData", second));
    b.done(&output);
    assert_eq!(file_of(&mut b, &Bench::settings(&vm)), "D:\\VMs\\web.vhdx");
    assert_eq!(files(&mut b), ["d:\\vms\\web.vhdx"]);
}

#[test]
fn applying_a_checkpoint_loses_what_came_after_and_needs_the_vm_off() {
    let (mut b, vm) = served();
    create(&mut b, &vm);
    let checkpoint = checkpoints(&mut b).remove(0).path;
    let input = class("in").with("Snapshot", checkpoint.clone());
    assert_eq!(call(&mut b, "ApplySnapshot", input.clone()).return_value, 32775, "it runs");
    let off = b.ask(&vm, 3);
    b.done(&off);
    let processors = class("Msvm_ProcessorSettingData")
        .with("InstanceID", format!("Microsoft:{}\\b637f346-6a0e-4dec-af52-bd70cb80a21d\\0", vm.key("Name").unwrap()))
        .with("VirtualQuantity", 4u64);
    assert_eq!(b.vsms("ModifyResourceSettings", class("in").with("ResourceSettings", vec![processors])).return_value, 0);
    let before = file_of(&mut b, &Bench::settings(&vm));
    let output = call(&mut b, "ApplySnapshot", input);
    b.done(&output);
    let after = file_of(&mut b, &Bench::settings(&vm));
    assert_ne!(before, after);
    assert_eq!(files(&mut b).len(), 2, "the disk that was left behind is gone");
    let count = b
        .all(&V2, "Msvm_ProcessorSettingData")
        .into_iter()
        .filter(|o| o.instance.text("InstanceID").unwrap().unwrap().contains(vm.key("Name").unwrap()));
    assert_eq!(count.map(|o| o.instance.unsigned("VirtualQuantity").unwrap()).collect::<Vec<_>>(), [Some(1)]);
    b.start(&vm);
    b.wait(41);
    assert!(b.world.certificate(&b.guest(&vm)).is_some(), "the guest of then starts");
}

#[test]
fn a_snapshot_wants_a_vm_a_type_and_a_state_that_stays() {
    let (mut b, vm) = served();
    let input = |kind: u16| class("in").with("AffectedSystem", vm.clone()).with("SnapshotType", kind);
    assert_eq!(call(&mut b, "CreateSnapshot", input(7)).return_value, 32773);
    assert_eq!(call(&mut b, "CreateSnapshot", class("in").with("SnapshotType", 2u16)).return_value, 32773);
    b.ask(&vm, 6);
    assert_eq!(call(&mut b, "CreateSnapshot", input(2)).return_value, 32775, "it is being saved");
    let nothing = class("in").with("AffectedSnapshot", Bench::settings(&vm));
    assert_eq!(call(&mut b, "DestroySnapshot", nothing).return_value, 32773, "a VM's own settings are no checkpoint");
}

#[test]
fn a_vm_goes_with_its_checkpoints_and_leaves_one_disk() {
    let (mut b, vm) = served();
    create(&mut b, &vm);
    let off = b.ask(&vm, 3);
    b.done(&off);
    let output = b.vsms("DestroySystem", class("in").with("AffectedSystem", vm));
    b.done(&output);
    assert_eq!((checkpoints(&mut b).len(), files(&mut b)), (0, vec!["d:\\vms\\web.vhdx".to_owned()]));
}

#[test]
fn a_disk_beneath_a_checkpoint_keeps_its_size() {
    let (mut b, vm) = served();
    create(&mut b, &vm);
    let off = b.ask(&vm, 3);
    b.done(&off);
    let input = class("in").with("Path", "D:\\VMs\\web.vhdx").with("MaxInternalSize", 200u64 << 30);
    let output = b.invoke(&service("Msvm_ImageManagementService"), "ResizeVirtualHardDisk", input);
    assert_eq!(b.finish(&output), 10);
    let job = b.all(&V2, "Msvm_StorageJob").pop().expect("a job").instance;
    assert!(job.text("ErrorDescription").unwrap().unwrap().contains("It is the parent of"));
}

#[test]
fn a_fault_makes_a_checkpoint_and_another_takes_it_away() {
    let (mut b, _) = served();
    let host = HostName::new("hv-1");
    let fault = Fault::VmCheckpointed { host: host.clone(), vm: "web".to_owned(), name: "by hand".to_owned() };
    b.world.apply(fault).expect("it fits");
    assert_eq!(checkpoints(&mut b)[0].instance.text("ElementName").unwrap(), Some("by hand"));
    b.world.apply(Fault::VmFreed { host, vm: "web".to_owned() }).expect("it fits");
    assert_eq!((checkpoints(&mut b).len(), files(&mut b).len()), (0, 1));
}
