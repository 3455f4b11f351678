//! What libvirt's driver for Hyper-V sends (recorded), answered as its source reads answers: `virsh` has no patience with anything else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use wsman::cim::Namespace;
use wsman::schema;

use super::bench::{Answer, Ask, CIMV2, Host, VIRTUALIZATION, VM, VM_ID, fault};
use crate::support::example::root;

/// What stood in the recording, and what stands there now: jobs, devices and adapters have names of this run.
type Renamed = BTreeMap<String, String>;

/// The recorded requests, in order, each with its name.
fn recorded() -> Vec<(String, String)> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root().join("tests/fixtures/wire/virsh")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|file| (name(file), std::fs::read_to_string(file).unwrap())).collect()
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map_or("", |(found, _)| found)
}

/// The element whose name ends like this, whatever its prefix.
fn element<'t>(request: &'t str, name: &str) -> &'t str {
    let rest = request.split_once(&format!(":{name}")).map_or("", |(_, rest)| rest);
    rest.split_once('>').and_then(|(_, rest)| rest.split_once('<')).map_or("", |(text, _)| text)
}

/// Reads one page as `hypervEnumAndPull` does: only the first item counts, by the class of the pull's resource.
fn first_item(name: &str, class: &str, uri: &str, page: &Answer) -> bool {
    let items = page.inside("n:Items");
    let Some(found) = items.first() else {
        assert!(page.has("n:EndOfSequence"), "{name}: {}", page.text);
        return false;
    };
    assert_eq!((items.len(), found.as_str()), (1, format!("p:{class}").as_str()), "{name}");
    assert!(page.namespace(class).eq_ignore_ascii_case(uri), "{name}: {}", page.namespace(class));
    let namespace = if class.starts_with("Win32") { Namespace::CIMV2 } else { Namespace::VIRTUALIZATION };
    for property in schema::class(&namespace, class).unwrap().properties() {
        let element = format!("p:{}", property.name());
        assert!(property.declared().array || page.count(&element) == 1, "{name}: {element} is missing");
        if property.declared().array && page.has(&element) {
            assert_eq!(page.attribute(&element, "xsi:nil"), None, "{name}: a nil array ends libvirt");
        }
    }
    true
}

/// Reads an output by literal prefixes, as libvirt's XPath does; gives the name of the job.
fn output(name: &str, method: &str, answer: &Answer) -> Option<String> {
    let from = format!("<p:{method}_OUTPUT ");
    assert!(answer.body().starts_with(&from), "{name}: {}", answer.text);
    let code = between(answer.body(), "<p:ReturnValue>", "<");
    assert!(code.parse::<u32>().is_ok(), "{name}: {}", answer.text);
    let job = between(answer.body(), "<p:Job><a:Address>", "</p:Job>");
    let id = between(job, "<a:ReferenceParameters>", "</a:ReferenceParameters>");
    let id = between(id, "<w:Selector Name=\"InstanceID\">", "<");
    assert_eq!(code == "4096", !id.is_empty(), "{name}: {}", answer.text);
    (code == "4096").then(|| id.to_owned())
}

/// Every recorded request gets an answer that the driver can read.
#[test]
fn every_recorded_request_is_answered_as_libvirt_reads() {
    let mut host = Host::default();
    let (mut renamed, mut context, mut job, mut found) = (Renamed::new(), String::new(), None, 0);
    for (name, recording) in recorded() {
        if let (Some(id), true) = (&job, recording.contains("Msvm_ConcreteJob WHERE")) {
            renamed.insert(between(&recording, "InstanceID = &apos;", "&apos;").to_owned(), String::clone(id));
            renamed.insert(between(&recording, "InstanceID = '", "'").to_owned(), String::clone(id));
        }
        renamed.remove("");
        let request = renamed.iter().fold(recording, |text, (old, new)| text.replace(old, new));
        let uri = element(&request, "ResourceURI").trim().to_owned();
        let class = uri.rsplit('/').next().unwrap().to_owned();
        match name.split_once('-').unwrap().1 {
            "Enumerate" => {
                context = host.accepts_text(&request).context();
                assert!(!context.is_empty(), "{name}");
            }
            "Pull" => {
                let page = host.accepts_text(&request.replace(element(&request, "EnumerationContext"), &context));
                found += usize::from(first_item(&name, &class, &uri, &page));
                learn(&class, &page, &mut renamed);
            }
            method => {
                job = output(&name, method, &host.accepts_text(&request));
                host.wait(Duration::from_secs(1));
            }
        }
    }
    assert!(found >= 12, "{found} answers had an item");
    assert!(host.accepted() >= 50, "{} requests", host.accepted());
}

/// Remembers what things are called in this run that the recording calls otherwise.
fn learn(class: &str, page: &Answer, renamed: &mut Renamed) {
    match class {
        "Msvm_ShutdownComponent" if page.has("p:DeviceID") => {
            renamed.insert("Microsoft:E7A26B55-20E1-5C54-865E-FF1C59CA146E".to_owned(), page.of("p:DeviceID"));
        }
        "Msvm_EthernetPortAllocationSettingData" if page.has("p:Parent") => {
            let adapter = page.of("p:Parent").rsplit("\\\\").next().unwrap().trim_end_matches('"').to_owned();
            renamed.insert("72B85169-F2F4-58BF-".to_owned(), adapter.get(..19).unwrap_or_default().to_owned());
        }
        _ => {}
    }
}

rules! {
    on Host;

    /// GUIDs may be written in small letters.
    guids_may_be_small: "field notes a.4, capture virsh/007",
        holds: |host| {
            let query = format!("SELECT * FROM Msvm_ComputerSystem WHERE Name = '{}'", VM_ID.to_lowercase());
            assert_eq!(host.first(&Ask::wql(VIRTUALIZATION, &query)).of("p:Name"), VM_ID);
        }
        breaks: |host| {
            let keys = [("CreationClassName", "Msvm_ComputerSystem"), ("Name", "2b0e3f7c-0a11-4a3b-9c57-0d0c6e1f9999")];
            host.refuses(&Ask::get(VM).select(&keys), fault::RESOURCE_NOT_FOUND);
        }

    /// A request without size, time limit and locale is complete.
    the_least_header_is_enough: "field notes a.1, capture virsh/001",
        holds: |host| {
            let recording = &recorded()[0].1;
            assert!(!recording.contains("MaxEnvelopeSize") && !recording.contains("OperationTimeout"));
            host.accepts_text(recording);
        }
        breaks: |host| { host.refuses_text(&recorded()[0].1.replace("MessageID", "MessageNo"), fault::MUST_UNDERSTAND); }

    /// An item is one of the very class that was asked for, when that class is the one of the instances.
    items_are_of_their_class: "field notes a.2, libvirt 9.0 source",
        holds: |host| {
            let query = format!("ASSOCIATORS OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM_ID}'}} WHERE ResultClass = Msvm_MemorySettingData");
            assert_eq!(host.first(&Ask::wql(VIRTUALIZATION, &query)).inside("n:Items"), ["p:Msvm_MemorySettingData"]);
        }
        breaks: |host| {
            let query = "ASSOCIATORS OF {Msvm_VirtualSystemSettingData.InstanceID='Microsoft:none'} WHERE ResultClass = Msvm_MemorySettingData";
            host.refuses(&Ask::wql(VIRTUALIZATION, query), fault::WBEM_NOT_FOUND);
        }

    /// Jobs of VMs are `Msvm_ConcreteJob`, and are found by their name in a query.
    jobs_of_machines_are_concrete: "field notes a.3, capture virsh/027",
        holds: |host| {
            let begun = host.accepts(&Ask::invoke(VM, "RequestStateChange", "<p:RequestedState>3</p:RequestedState>").vm());
            assert!(begun.of("w:ResourceURI").ends_with("/Msvm_ConcreteJob"));
            let query = format!("SELECT * FROM Msvm_ConcreteJob WHERE InstanceID = '{}'", begun.selector("InstanceID").unwrap());
            let state = host.first(&Ask::wql(VIRTUALIZATION, &query)).of("p:JobState");
            assert!(["2", "3", "4", "7"].contains(&state.as_str()), "{state}");
            host.wait(Duration::from_secs(120));
            assert_eq!(host.first(&Ask::wql(VIRTUALIZATION, &query)).of("p:JobState"), "7");
        }
        breaks: |host| { host.refuses(&Ask::get(&format!("{VIRTUALIZATION}/Msvm_ConcreteJob")).select(&[("InstanceID", "none")]), fault::RESOURCE_NOT_FOUND); }

    /// A refusal's reason is where libvirt reads it: `s:Envelope/s:Body/s:Fault/s:Reason/s:Text`.
    reasons_are_where_libvirt_reads: "field notes a.3, libvirt 9.0 source",
        holds: |host| { host.first(&Ask::wql(CIMV2, "SELECT * FROM Win32_OperatingSystem ")); }
        breaks: |host| {
            let text = host.refuses(&Ask::wql(CIMV2, "SELECT * FROM Win32_None"), fault::WBEM_INVALID_CLASS).text;
            assert!(!between(&text, "<s:Body><s:Fault><s:Code>", "</s:Body>").is_empty());
            assert!(between(&text, "<s:Reason><s:Text xml:lang=\"en-US\">", "</s:Text></s:Reason>").len() > 5);
        }

    /// The list of running VMs leaves out the host and those that are off.
    running_machines_are_listed: "field notes a.4, capture virsh/041",
        holds: |host| {
            let list = recorded().into_iter().find(|(name, _)| name.starts_with("041")).unwrap().1;
            let context = host.accepts_text(&list).context();
            assert_eq!(host.accepts(&Ask::pull(VM, &context, "<n:MaxElements>9</n:MaxElements>")).all("p:ElementName"), ["web01"]);
        }
        breaks: |host| {
            let query = "SELECT * FROM Msvm_ComputerSystem WHERE Name != __SERVER AND (EnabledState != 0 and EnabledState != 3";
            host.refuses(&Ask::wql(VIRTUALIZATION, query), fault::WBEM_INVALID_QUERY);
        }
}
