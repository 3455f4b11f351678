//! What the simulated machines do, one file for each family of behaviour.

mod chains;
mod checkpoints;
mod disks;
mod files;
mod firmware;
mod guest_services;
mod guests;
mod invariants;
mod jobs;
mod machines;
mod reach;
mod schema;
mod standing;
mod switches;
mod vlans;
mod windows;

use jiff::SignedDuration;
use wsman::cim::{CimInstance, CimPath, CimValue, ClassName, Namespace};

use super::{HostName, MachineId, Place, World, WorldFile};
use crate::machine::{Object, Output, WmiCode, WmiError};

const WORLD: &str = r"
apiVersion: trunkline.dev/sim/v1alpha1
kind: World
seed: 7
networks: [{name: corpnet, subnet: 192.168.0.0/24}, {name: internet, subnet: 192.168.1.0/24}]
images:
  - name: directory
    computerName: WIN-AD
    accounts: [{user: Administrator, password: guest}]
    services: [{name: NTDS}]
    domain: {name: vdomain.local, netbios: VDOMAIN, accounts: [{user: Administrator, password: domain}]}
  - name: calls
    computerName: WIN-CALLS
    accounts: [{user: Administrator, password: guest}]
    services:
      - {name: RTCSRV, startTakes: 3s}
      - {name: RTCMEDSRV, dependsOn: [RTCSRV], needs: domainMember}
      - {name: Spooler, startMode: manual}
      - {name: Restless, restartsAfter: 5s}
    firewallRules: [{id: CS-RTCSRV, displayName: CS RTCSRV}]
    kvp: {role: calls}
hosts:
  - name: hv-1
    computerName: HV01
    sockets: 2
    coresPerSocket: 4
    memoryGib: 16
    volumes: [{letter: D, gib: 200}]
    accounts: [{user: operator, password: host}]
    nics:
      - {name: Ethernet 1, network: corpnet, addresses: [192.168.0.11/24], gateway: 192.168.0.1, dns: [192.168.0.1]}
      - {name: Ethernet 2, network: internet}
    switches: [{name: Corpnet, type: external, nic: Ethernet 1, allowManagementOs: true}]
    files:
      - {path: 'D:\Images\directory.vhdx', gib: 14, image: directory}
      - {path: 'D:\Images\calls.vhdx', gib: 20, image: calls}
      - {path: 'D:\old.vhdx', gib: 1}
    machines:
      - {name: legacy, id: 2b0e3f7c-0a11-4a3b-9c57-0d0c6e1f0001, generation: 1, disks: ['D:\old.vhdx'], adapters: [{switch: Corpnet}]}
  - name: hv-2
    computerName: HV02
    memoryGib: 16
    volumes: [{letter: D, gib: 200}]
    accounts: [{user: operator, password: host}]
    nics: [{name: Ethernet 1, network: corpnet, addresses: [192.168.0.12/24]}]
    switches: [{name: Corpnet, type: external, nic: Ethernet 1, allowManagementOs: true}]
";

const V2: Namespace = Namespace::VIRTUALIZATION;

/// A world and a hand on one of its hosts.
struct Bench {
    world: World,
    at: MachineId,
}

fn class(name: &str) -> CimInstance {
    CimInstance::new(name)
}

fn service(name: &str) -> CimPath {
    CimPath::class_of(V2, name).with_key("CreationClassName", name)
}

impl Bench {
    fn new() -> Self {
        Self::of(WORLD)
    }

    fn of(text: &str) -> Self {
        let world = World::from_file(WorldFile::parse(text).expect("the file reads")).expect("the world builds");
        Self { world, at: MachineId::Host(HostName::new("hv-1")) }
    }

    fn wait(&mut self, seconds: i64) {
        let now = self.world.now() + SignedDuration::from_secs(seconds);
        self.world.advance(now);
    }

    fn all(&mut self, namespace: &Namespace, class: &str) -> Vec<Object> {
        let at = self.at.clone();
        self.world.machine_mut(&at).expect("it runs").instances(namespace, class).expect("it has the class")
    }

    /// The one instance of `class` whose `property` is `value`.
    fn one(&mut self, namespace: &Namespace, class: &str, property: &str, value: &str) -> Object {
        let all = self.all(namespace, class);
        let mut found = all.into_iter().filter(|o| o.instance.get(property).as_str().is_some_and(|v| v.eq_ignore_ascii_case(value)));
        let one = found.next().unwrap_or_else(|| panic!("no {class} has {property} = {value}"));
        assert!(found.next().is_none(), "several have");
        one
    }

    fn try_invoke(&mut self, target: &CimPath, method: &str, input: &CimInstance) -> Result<Output, WmiError> {
        let at = self.at.clone();
        self.world.machine_mut(&at).expect("it runs").invoke(target, method, input)
    }

    fn invoke(&mut self, target: &CimPath, method: &str, input: CimInstance) -> Output {
        self.try_invoke(target, method, &input).expect("WMI takes the call")
    }

    fn vsms(&mut self, method: &str, input: CimInstance) -> Output {
        self.invoke(&service("Msvm_VirtualSystemManagementService"), method, input)
    }

    /// Waits for the job of `output`, and tells its last state; a call that was done at once counts as done.
    fn finish(&mut self, output: &Output) -> u64 {
        let CimValue::Reference(job) = output.out.get("Job").clone() else {
            assert_eq!(output.return_value, 0, "refused");
            return 7;
        };
        for _ in 0..600 {
            let object = self.world.machine_mut(&self.at.clone()).expect("it runs").get(&job).expect("the job is there");
            match object.instance.unsigned("JobState").unwrap() {
                Some(state) if state > 4 => return state,
                _ => self.wait(1),
            }
        }
        panic!("the job never ends")
    }

    /// Does it, waits, and expects success.
    fn done(&mut self, output: &Output) {
        assert_eq!(self.finish(output), 7);
    }

    fn define(&mut self, name: &str, generation: u8) -> CimPath {
        let settings = class("Msvm_VirtualSystemSettingData")
            .with("ElementName", name)
            .with("VirtualSystemSubType", format!("Microsoft:Hyper-V:SubType:{generation}"))
            .with("Notes", vec!["a mark"]);
        let output = self.vsms("DefineSystem", class("in").with("SystemSettings", settings));
        assert_eq!(output.return_value, 0);
        match output.out.get("ResultingSystem") {
            CimValue::Reference(path) => (**path).clone(),
            other => panic!("{other:?}"),
        }
    }

    fn settings(vm: &CimPath) -> CimPath {
        CimPath::class_of(V2, "Msvm_VirtualSystemSettingData").with_key("InstanceID", format!("Microsoft:{}", vm.key("Name").unwrap()))
    }

    fn add(&mut self, vm: &CimPath, setting: CimInstance) -> Output {
        let input = class("in").with("AffectedConfiguration", Self::settings(vm)).with("ResourceSettings", vec![setting]);
        self.vsms("AddResourceSettings", input)
    }

    /// Adds a device and gives the text of its path.
    fn added(&mut self, vm: &CimPath, setting: CimInstance) -> String {
        let output = self.add(vm, setting);
        assert_eq!(output.return_value, 0, "refused");
        match output.out.get("ResultingResourceSettings").elements() {
            [CimValue::Reference(path)] => path.on_host("HV01"),
            other => panic!("{other:?}"),
        }
    }

    fn scsi() -> CimInstance {
        class("Msvm_ResourceAllocationSettingData")
            .with("ResourceType", 6u16)
            .with("ResourceSubType", "Microsoft:Hyper-V:Synthetic SCSI Controller")
    }

    fn drive(parent: &str, slot: &str) -> CimInstance {
        class("Msvm_ResourceAllocationSettingData")
            .with("ResourceType", 17u16)
            .with("ResourceSubType", "Microsoft:Hyper-V:Synthetic Disk Drive")
            .with("Parent", parent)
            .with("AddressOnParent", slot)
    }

    fn medium(parent: &str, path: impl Into<CimValue>) -> CimInstance {
        class("Msvm_StorageAllocationSettingData")
            .with("ResourceType", 31u16)
            .with("ResourceSubType", "Microsoft:Hyper-V:Virtual Hard Disk")
            .with("Parent", parent)
            .with("HostResource", path)
    }

    fn nic(name: &str, mac: &str) -> CimInstance {
        class("Msvm_SyntheticEthernetPortSettingData")
            .with("ResourceType", 10u16)
            .with("ResourceSubType", "Microsoft:Hyper-V:Synthetic Ethernet Port")
            .with("ElementName", name)
            .with("StaticMacAddress", true)
            .with("Address", mac)
    }

    fn cable(parent: &str, switch: &str) -> CimInstance {
        class("Msvm_EthernetPortAllocationSettingData")
            .with("ResourceType", 33u16)
            .with("ResourceSubType", "Microsoft:Hyper-V:Ethernet Connection")
            .with("EnabledState", 2u16)
            .with("Parent", parent)
            .with("HostResource", vec![switch])
    }

    fn switch(&mut self, name: &str) -> String {
        self.one(&V2, "Msvm_VirtualEthernetSwitch", "ElementName", name).path.on_host("HV01")
    }

    /// An internal switch with the host at 192.168.213.1.
    fn management_switch(&mut self) -> String {
        let host = self.one(&V2, "Msvm_ComputerSystem", "Name", "HV01").path.on_host("HV01");
        let port = class("Msvm_EthernetPortAllocationSettingData").with("HostResource", vec![host]);
        let settings = class("Msvm_VirtualEthernetSwitchSettingData").with("ElementName", "Management");
        let input = class("in").with("SystemSettings", settings).with("ResourceSettings", vec![port]);
        let output = self.invoke(&service("Msvm_VirtualEthernetSwitchManagementService"), "DefineSystem", input);
        self.done(&output);
        self.set_address("vEthernet (Management)", "192.168.213.1");
        self.switch("Management")
    }

    /// Sets an address on the machine that the hand is on.
    fn set_address(&mut self, alias: &str, address: &str) {
        let std = Namespace::STANDARD_CIMV2;
        let index = self.one(&std, "MSFT_NetAdapter", "Name", alias).instance.unsigned("InterfaceIndex").unwrap().unwrap();
        let target = CimPath::class_of(Namespace::CIMV2, "Win32_NetworkAdapterConfiguration").with_key("Index", index.to_string());
        let input = class("in").with("IPAddress", vec![address]).with("SubnetMask", vec!["255.255.255.0"]);
        assert_eq!(self.invoke(&target, "EnableStatic", input).return_value, 0);
    }

    fn create_disk(&mut self, path: &str, parent: &str) -> Output {
        let setting =
            class("Msvm_VirtualHardDiskSettingData").with("Type", 4u16).with("Format", 3u16).with("Path", path).with("ParentPath", parent);
        self.invoke(&service("Msvm_ImageManagementService"), "CreateVirtualHardDisk", class("in").with("VirtualDiskSettingData", setting))
    }

    /// A generation-2 VM that boots `image` from a differencing disk, with one adapter on `switch`.
    fn appliance(&mut self, name: &str, image: &str, switch: &str) -> CimPath {
        let path = format!("D:\\VMs\\{name}.vhdx");
        let created = self.create_disk(&path, &format!("D:\\Images\\{image}.vhdx"));
        self.done(&created);
        let vm = self.define(name, 2);
        let scsi = self.added(&vm, Self::scsi());
        let drive = self.added(&vm, Self::drive(&scsi, "0"));
        self.added(&vm, Self::medium(&drive, vec![path]));
        let mac = format!("00155D0000{:02X}", name.bytes().fold(0u8, u8::wrapping_add));
        let nic = self.added(&vm, Self::nic("corpnet", &mac));
        self.added(&vm, Self::cable(&nic, switch));
        vm
    }

    fn ask(&mut self, vm: &CimPath, state: u16) -> Output {
        self.invoke(vm, "RequestStateChange", class("in").with("RequestedState", state))
    }

    fn state(&mut self, vm: &CimPath) -> u64 {
        let name = vm.key("Name").unwrap().to_owned();
        self.one(&V2, "Msvm_ComputerSystem", "Name", &name).instance.unsigned("EnabledState").unwrap().unwrap()
    }

    fn start(&mut self, vm: &CimPath) {
        let output = self.ask(vm, 2);
        self.done(&output);
    }

    /// Starts the VM, waits until its system is up, and gives its guest the address.
    fn boot(&mut self, vm: &CimPath, address: &str) -> MachineId {
        self.start(vm);
        self.wait(91);
        self.inject(vm, address, &[]);
        self.guest(vm)
    }

    fn guest(&self, vm: &CimPath) -> MachineId {
        MachineId::Guest { host: HostName::new("hv-1"), vm: vm.key("Name").unwrap().to_owned() }
    }

    fn inject(&mut self, vm: &CimPath, address: &str, dns: &[&str]) {
        let name = vm.key("Name").unwrap().to_owned();
        let all = self.all(&V2, "Msvm_GuestNetworkAdapterConfiguration");
        let id =
            all.iter().find_map(|o| o.instance.text("InstanceID").unwrap().filter(|id| id.contains(&name))).expect("an adapter").to_owned();
        let configuration = class("Msvm_GuestNetworkAdapterConfiguration")
            .with("InstanceID", id)
            .with("DHCPEnabled", false)
            .with("IPAddresses", vec![address])
            .with("Subnets", vec!["255.255.255.0"])
            .with("DNSServers", dns.to_vec());
        let input = class("in").with("ComputerSystem", vm.clone()).with("NetworkConfiguration", vec![configuration]);
        let output = self.vsms("SetGuestNetworkAdapterConfiguration", input);
        self.done(&output);
    }

    fn on_host(&self) -> Place {
        Place::OnHost(HostName::new("hv-1"))
    }

    fn who(&self, from: &Place, address: &str) -> Option<MachineId> {
        self.world.machine_at(from, address.parse().unwrap(), 5986)
    }
}
