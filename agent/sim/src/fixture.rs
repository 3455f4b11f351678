//! A small machine for the tests of the protocol side: objects and associations in lists, methods that say what they were given.

use wsman::cim::{CimInstance, CimPath, ClassName, Namespace};
use wsman::schema;

use crate::machine::{Association, Machine, Object, Output, WmiCode, WmiError, matches};

pub const HV: Namespace = Namespace::VIRTUALIZATION;
pub const VM: &str = "2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001";

/// See the module.
#[derive(Debug, Default)]
pub struct Fixture {
    pub objects: Vec<Object>,
    /// Association class, and role and path of both ends.
    pub links: Vec<(&'static str, [(&'static str, CimPath); 2])>,
    /// What was invoked, put, created or deleted.
    pub calls: Vec<String>,
}

pub fn vm_path(guid: &str) -> CimPath {
    CimPath::class_of(HV, "Msvm_ComputerSystem").with_key("CreationClassName", "Msvm_ComputerSystem").with_key("Name", guid)
}

pub fn keyed(class: &str, id: &str) -> CimPath {
    CimPath::class_of(HV, class).with_key("InstanceID", id)
}

impl Fixture {
    /// A host with two VMs; the first has settings, a processor and a disk.
    pub fn host() -> Self {
        let mut host = Self::default();
        for (guid, name, state) in [("HV01", "HV01", 2_u16), (VM, "web01", 2), ("2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0002", "db01", 3)] {
            let caption = if guid == "HV01" { "Hosting Computer System" } else { "Virtual Machine" };
            host.add(
                vm_path(guid),
                &[("Name", guid.into()), ("ElementName", name.into()), ("EnabledState", state.into()), ("Caption", caption.into())],
            );
        }
        let settings = format!("Microsoft:{VM}");
        let vssd = keyed("Msvm_VirtualSystemSettingData", &settings);
        host.add(vssd.clone(), &[("InstanceID", settings.as_str().into()), ("Notes", vec!["first", "second"].into())]);
        let processor = keyed("Msvm_ProcessorSettingData", &format!(r"{settings}\B637F346\0"));
        host.add(processor.clone(), &[("VirtualQuantity", 2_u64.into()), ("InstanceID", format!(r"{settings}\B637F346\0").into())]);
        let disk = keyed("Msvm_StorageAllocationSettingData", &format!(r"{settings}\83F8638B\0\0\L"));
        host.add(disk.clone(), &[("HostResource", vec![r"C:\vm\web01.vhdx"].into())]);
        host.link("Msvm_SettingsDefineState", ("ManagedElement", vm_path(VM)), ("SettingData", vssd.clone()));
        host.link("Msvm_VirtualSystemSettingDataComponent", ("GroupComponent", vssd.clone()), ("PartComponent", processor));
        host.link("Msvm_VirtualSystemSettingDataComponent", ("GroupComponent", vssd), ("PartComponent", disk));
        let service = CimPath::class_of(Namespace::CIMV2, "Win32_Service").with_key("Name", "W32Time");
        host.add(
            service,
            &[("Name", "W32Time".into()), ("State", "Running".into()), ("Started", true.into()), ("ProcessId", 812_u32.into())],
        );
        host
    }

    pub fn add(&mut self, path: CimPath, properties: &[(&str, wsman::cim::CimValue)]) {
        let mut instance = CimInstance::new(path.class().clone());
        for (name, key) in path.keys() {
            if let wsman::cim::Key::Text(text) = key {
                instance.set(name.as_str(), text.as_str());
            }
        }
        for (name, value) in properties {
            instance.set(name, value.clone());
        }
        self.objects.push(Object { path, instance });
    }

    pub fn link(&mut self, class: &'static str, one: (&'static str, CimPath), two: (&'static str, CimPath)) {
        self.links.push((class, [one, two]));
    }

    fn at(&mut self, target: &CimPath) -> Result<&mut Object, WmiError> {
        let found = self.objects.iter_mut().find(|o| o.path.class() == target.class() && matches(&o.path, target));
        found.ok_or_else(|| WmiError::new(WmiCode::NotFound, "nothing there"))
    }
}

impl Machine for Fixture {
    fn computer_name(&self) -> &str {
        "HV01"
    }

    fn instances(&self, namespace: &Namespace, class: &str) -> Result<Vec<Object>, WmiError> {
        if ![HV, Namespace::CIMV2].contains(namespace) {
            return Err(WmiError::new(WmiCode::InvalidNamespace, "no such namespace"));
        }
        if schema::class(namespace, class).is_none() {
            return Err(WmiError::new(WmiCode::InvalidClass, format!("no class {class}")));
        }
        let own = |o: &&Object| o.path.namespace() == namespace && schema::is_a(namespace, o.path.class().as_str(), class);
        Ok(self.objects.iter().filter(own).cloned().collect())
    }

    fn associations(&self, _: &Namespace, path: &CimPath) -> Result<Vec<Association>, WmiError> {
        let object = self.get(path)?;
        let seen = self.links.iter().flat_map(|(class, [a, b])| [(class, a, b), (class, b, a)]);
        let own = seen.filter(|(_, this, _)| this.1 == object.path);
        Ok(own
            .map(|(class, this, other)| Association {
                class: (*class).into(),
                role: this.0.into(),
                result_role: other.0.into(),
                other: other.1.clone(),
            })
            .collect())
    }

    fn is_service(&self, _: &Namespace, class: &ClassName) -> bool {
        *class == *"Msvm_VirtualSystemManagementService"
    }

    fn invoke(&mut self, target: &CimPath, method: &str, input: &CimInstance) -> Result<Output, WmiError> {
        self.calls.push(format!("{target} {method} {:?}", input.properties().collect::<Vec<_>>()));
        match method {
            "RequestStateChange" => {
                self.at(target)?;
                Ok(Output::code(4096).with("Job", keyed("Msvm_ConcreteJob", "4D90E3E9")))
            }
            _ => Ok(Output::code(0)),
        }
    }

    fn put(&mut self, target: &CimPath, change: &CimInstance) -> Result<Object, WmiError> {
        self.calls.push(format!("put {target}"));
        let object = self.at(target)?;
        for (name, value) in change.properties() {
            object.instance.set(name.as_str(), value.clone());
        }
        Ok(object.clone())
    }

    fn create(&mut self, namespace: &Namespace, new: &CimInstance) -> Result<CimPath, WmiError> {
        self.calls.push(format!("create {}", new.class()));
        Ok(CimPath::class_of(namespace.clone(), new.class().clone()).with_key("InstanceID", "new"))
    }

    fn delete(&mut self, target: &CimPath) -> Result<(), WmiError> {
        self.calls.push(format!("delete {target}"));
        let path = self.at(target)?.path.clone();
        self.objects.retain(|o| o.path != path);
        Ok(())
    }
}
