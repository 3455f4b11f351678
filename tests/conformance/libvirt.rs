//! What libvirt's driver for Hyper-V sends (recorded), answered as its source reads answers: `virsh` has no patience with anything else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use wsman::cim::{CimType, Namespace};
use wsman::schema;

use super::bench::{Answer, Ask, CIMV2, Host, VIRTUALIZATION, VM, VM_ID, fault};
use crate::support::example::root;

/// What stood in the recording, and what stands there now: jobs, devices and adapters have names of this run.
type Renamed = BTreeMap<String, String>;

/// What the driver reads of each class, and cannot do without.
const READ: [(&str, &[&str]); 13] = [
    ("Win32_ComputerSystemProduct", &["UUID"]),
    ("Win32_OperatingSystem", &["Version", "FreePhysicalMemory"]),
    ("Win32_ComputerSystem", &["Name", "DNSHostName", "TotalPhysicalMemory"]),
    ("Msvm_ComputerSystem", &["Name", "ElementName", "EnabledState"]),
    ("Msvm_VirtualSystemSettingData", &["InstanceID", "AutomaticStartupAction"]),
    ("Msvm_ProcessorSettingData", &["InstanceID", "VirtualQuantity", "Limit", "Reservation", "Weight"]),
    ("Msvm_MemorySettingData", &["InstanceID", "VirtualQuantity", "Limit"]),
    ("Msvm_ResourceAllocationSettingData", &["InstanceID", "ResourceType"]),
    ("Msvm_StorageAllocationSettingData", &["InstanceID", "ResourceType", "Parent", "HostResource"]),
    ("Msvm_EthernetPortAllocationSettingData", &["InstanceID", "Parent", "HostResource", "EnabledState"]),
    ("Msvm_SyntheticEthernetPortSettingData", &["InstanceID", "Address"]),
    ("Msvm_VirtualEthernetSwitch", &["Name", "ElementName"]),
    ("Msvm_ConcreteJob", &["InstanceID", "JobState"]),
];

/// What a request for a state gives back to which there is no way from the present one.
const INVALID_TRANSITION: &str = "4097";

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

/// The class whose instances a recorded query is about: that is the one that the driver pulls and reads.
fn class_of(query: &str) -> &str {
    let after = ["ResultClass = ", "FROM "].iter().find_map(|before| query.split_once(before)).unwrap().1;
    after.split(' ').next().unwrap().trim()
}

/// Whether libvirt's deserialiser takes the text of a property for what it is declared as.
fn fits(text: &str, declared: Option<CimType>) -> bool {
    match declared {
        Some(CimType::Uint8) => text.parse::<u8>().is_ok(),
        Some(CimType::Uint16) => text.parse::<u16>().is_ok(),
        Some(CimType::Uint32) => text.parse::<u32>().is_ok(),
        Some(CimType::Uint64) => text.parse::<u64>().is_ok(),
        Some(CimType::Sint8) => text.parse::<i8>().is_ok(),
        Some(CimType::Sint16) => text.parse::<i16>().is_ok(),
        Some(CimType::Sint32) => text.parse::<i32>().is_ok(),
        Some(CimType::Sint64) => text.parse::<i64>().is_ok(),
        Some(CimType::Boolean) => ["true", "false"].contains(&text),
        _ => true,
    }
}

/// Reads one page as `hypervEnumAndPull` does: only the first item counts, by the class of the pull's resource.
fn first_item(class: &str, uri: &str, page: &Answer) -> bool {
    let items = page.inside("n:Items");
    let Some(found) = items.first() else {
        assert!(page.has("n:EndOfSequence") && !page.has("n:EnumerationContext"), "{}", page.text);
        return false;
    };
    assert_eq!((items.len(), found.as_str()), (1, format!("p:{class}").as_str()));
    assert!(page.namespace(class).eq_ignore_ascii_case(uri), "{}", page.namespace(class));
    let namespace = if class.starts_with("Win32") { Namespace::CIMV2 } else { Namespace::VIRTUALIZATION };
    for property in schema::class(&namespace, class).unwrap().properties() {
        let element = format!("p:{}", property.name());
        assert!(property.declared().array || page.count(&element) == 1, "{element} is missing");
        if !page.has(&element) {
            continue;
        }
        let is_nil = page.attribute(&element, "xsi:nil").is_some();
        assert!(!(property.declared().array && is_nil), "{element}: a nil array ends libvirt");
        for text in page.all(&element) {
            assert!(is_nil || fits(&text, property.declared().cim), "{element} is `{text}`");
        }
    }
    for (_, needed) in READ.iter().filter(|(own, _)| *own == class) {
        for name in *needed {
            assert!(page.all(&format!("p:{name}")).iter().any(|text| !text.is_empty()), "{class}.{name} has no value");
        }
    }
    true
}

/// Reads an output by literal prefixes, as libvirt's XPath does; gives the name of the job.
fn output(method: &str, answer: &Answer) -> Option<String> {
    let from = format!("<p:{method}_OUTPUT ");
    assert!(answer.body().starts_with(&from), "{}", answer.text);
    let code = between(answer.body(), "<p:ReturnValue>", "<");
    assert!(["0", "4096"].contains(&code), "{}", answer.text);
    let job = between(answer.body(), "<p:Job><a:Address>", "</p:Job>");
    let id = between(job, "<a:ReferenceParameters>", "</a:ReferenceParameters>");
    let id = between(id, "<w:Selector Name=\"InstanceID\">", "<");
    assert_eq!(code == "4096", !id.is_empty(), "{}", answer.text);
    (code == "4096").then(|| id.to_owned())
}

/// Pulls as the driver does until there is nothing more, one item at a time; gives the pages that had one.
fn read_all(host: &mut Host, class: &str, uri: &str, begun: &Answer) -> Vec<Answer> {
    let template = recorded().remove(1).1;
    let pull = template.replace(element(&template, "ResourceURI"), uri);
    let (mut context, mut pages) = (Some(begun.context()), Vec::new());
    while let Some(current) = context {
        let page = host.accepts_text(&pull.replace(element(&pull, "EnumerationContext"), &current));
        context = page.all("n:EnumerationContext").pop();
        if first_item(class, uri, &page) {
            pages.push(page);
        }
    }
    pages
}

/// Asks for a job as the driver does until it has ended; the driver waits for five minutes, and knows these states.
fn wait_for(host: &mut Host, id: &str) {
    let query = format!("SELECT * FROM Msvm_ConcreteJob WHERE InstanceID = '{id}'");
    for _ in 0..300 {
        let begun = host.accepts(&Ask::wql(VIRTUALIZATION, &query));
        let pages = read_all(host, "Msvm_ConcreteJob", &format!("{VIRTUALIZATION}/Msvm_ConcreteJob"), &begun);
        match pages[0].of("p:JobState").as_str() {
            "2" | "3" | "4" | "6" => host.wait(Duration::from_secs(1)),
            state => return assert_eq!(state, "7", "{}", pages[0].text),
        }
    }
    panic!("the job {id} does not end");
}

/// Calls a method and waits for its job.
fn follow(host: &mut Host, method: &str, request: &str) {
    let answer = host.accepts_text(request);
    output(method, &answer).iter().for_each(|id| wait_for(host, id));
}

/// Every recorded request gets an answer that the driver can read, and goes on from as it does: each enumeration is pulled to its end,
/// each job is followed to its own.
#[test]
fn every_recorded_request_is_answered_as_libvirt_reads() {
    let mut host = Host::default();
    let (mut renamed, mut job, mut found) = (Renamed::new(), None::<String>, BTreeMap::<String, usize>::new());
    for (name, recording) in recorded() {
        if let (Some(id), true) = (&job, recording.contains("Msvm_ConcreteJob WHERE")) {
            for quote in ["&apos;", "'"] {
                renamed.insert(between(&recording, &format!("InstanceID = {quote}"), quote).to_owned(), id.clone());
            }
        }
        renamed.remove("");
        let request = renamed.iter().fold(recording, |text, (old, new)| text.replace(old, new));
        let answered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match name.split_once('-').unwrap().1 {
            // Its enumeration was pulled by the driver's own loop already.
            "Pull" => Vec::new(),
            "Enumerate" => {
                let class = class_of(element(&request, "Filter")).to_owned();
                let uri = element(&request, "ResourceURI").trim().replace("/*", &format!("/{class}"));
                let begun = host.accepts_text(&request);
                assert_eq!(begun.inside("n:EnumerateResponse"), ["n:EnumerationContext"], "libvirt asks for no items here");
                let pages = read_all(&mut host, &class, &uri, &begun);
                *found.entry(class.clone()).or_default() += pages.len();
                pages.iter().for_each(|page| learn(&class, page, &mut renamed));
                pages
            }
            method => {
                let mut answer = host.accepts_text(&request);
                if between(answer.body(), "<p:ReturnValue>", "<") == INVALID_TRANSITION {
                    // What was sent twice was recorded once: the virtual machine was started again before.
                    let state = format!("RequestedState>{}<", element(&request, "RequestedState"));
                    follow(&mut host, method, &request.replace(&state, "RequestedState>2<"));
                    // Only a system that is up can be asked to restart.
                    host.wait(Duration::from_secs(300));
                    answer = host.accepts_text(&request);
                }
                job = output(method, &answer);
                job.iter().for_each(|id| wait_for(&mut host, id));
                vec![answer]
            }
        }));
        assert!(answered.is_ok(), "{name} is not answered as libvirt reads it");
    }
    // What a virtual machine with a disk and an adapter on a switch has, and no class of it unread.
    let unread: Vec<_> = READ.iter().filter(|(class, _)| found.get(*class).is_none_or(|items| *items == 0)).collect();
    assert!(unread.is_empty(), "no item of {unread:?} in {found:?}");
}

/// The driver's own requests to pull are as this test's: one item at a time, by the class's URI.
#[test]
fn every_recorded_pull_is_as_those_of_the_loop() {
    let template = recorded().remove(1).1;
    for (name, recording) in recorded().into_iter().filter(|(name, _)| name.ends_with("-Pull")) {
        let mut own = template.clone();
        for part in ["ResourceURI", "MessageID", "EnumerationContext"] {
            own = own.replace(element(&own.clone(), part), element(&recording, part));
        }
        assert_eq!(own, recording, "{name}");
    }
}

/// Remembers what things are called in this run that the recording calls otherwise.
fn learn(class: &str, page: &Answer, renamed: &mut Renamed) {
    match class {
        "Msvm_ShutdownComponent" if page.has("p:DeviceID") => {
            renamed.insert("Microsoft:E7A26B55-20E1-5C54-865E-FF1C59CA146E".to_owned(), page.of("p:DeviceID"));
        }
        "Msvm_EthernetPortAllocationSettingData" if page.has("p:Parent") => {
            let adapter = page.of("p:Parent").rsplit("\\\\").next().unwrap().trim_end_matches('"').to_owned();
            renamed.insert("72B85169-F2F4-58BF-89FD-6A6B49CEE6FE".to_owned(), adapter);
        }
        _ => {}
    }
}

rules! {
    on Host;

    /// GUIDs may be written in small letters.
    guids_may_be_small: "field notes a.4, capture virsh/007",
        shows: |host| {
            let query = format!("SELECT * FROM Msvm_ComputerSystem WHERE Name = '{}'", VM_ID.to_lowercase());
            host.first(&Ask::wql(VIRTUALIZATION, &query))
        }
        reads: |page| { assert_eq!(page.of("p:Name"), VM_ID); }
        spoils: |page| { [page.lacking("p:Msvm_ComputerSystem"), page.with(VM_ID, &VM_ID.to_lowercase())] }

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
        shows: |host| {
            let query = format!("ASSOCIATORS OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM_ID}'}} WHERE ResultClass = Msvm_MemorySettingData");
            host.first(&Ask::wql(VIRTUALIZATION, &query))
        }
        reads: |page| { assert_eq!((page.inside("n:Items"), page.namespace("Msvm_MemorySettingData")), (vec!["p:Msvm_MemorySettingData".to_owned()], format!("{VIRTUALIZATION}/Msvm_MemorySettingData"))); }
        spoils: |page| { [page.with_each("p:Msvm_MemorySettingData", "p:CIM_ResourceAllocationSettingData"), page.with("v2/Msvm_MemorySettingData\"", "v2/CIM_Setting\"")] }

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
        shows: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT * FROM Win32_None"), fault::WBEM_INVALID_CLASS) }
        reads: |refusal| {
            assert!(!between(&refusal.text, "<s:Body><s:Fault><s:Code>", "</s:Body>").is_empty());
            assert!(between(&refusal.text, "<s:Reason><s:Text xml:lang=\"en-US\">", "</s:Text></s:Reason>").len() > 5);
        }
        spoils: |refusal| { [refusal.renaming("s", "env"), refusal.lacking("s:Text"), refusal.with("<s:Body>", "<s:Body>\n")] }

    /// The list of running VMs leaves out the host and those that are off.
    running_machines_are_listed: "field notes a.4, capture virsh/041",
        shows: |host| {
            let list = recorded().into_iter().find(|(name, _)| name.starts_with("041")).unwrap().1;
            let context = host.accepts_text(&list).context();
            host.accepts(&Ask::pull(VM, &context, "<n:MaxElements>9</n:MaxElements>"))
        }
        reads: |page| { assert_eq!(page.all("p:ElementName"), ["web01"]); }
        spoils: |page| { [page.doubling("p:Msvm_ComputerSystem"), page.lacking("p:Msvm_ComputerSystem")] }
}
