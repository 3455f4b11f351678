//! Requests that others recorded.

use super::*;

/// What libvirt's driver sends (recorded) is answered so that it can read the answer: hyperv-wsman.md, part (a).
#[tokio::test(start_paused = true)]
async fn recorded_requests_of_libvirt_are_answered_by_its_rules() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../../tests/fixtures/wire/virsh", "../../../shared/wire/virsh"];
    let Some(folder) = places.iter().map(|place| root.join(place)).find(|place| place.is_dir()) else {
        panic!("the recorded requests are neither in tests/fixtures/wire nor beside the project")
    };
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let mut seen = 0;
    for file in files {
        let document = std::fs::read_to_string(&file).expect("a request");
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let call = Call::read(&document);
        let mut bench = Bench::new();
        match call.operation() {
            "Enumerate" => {
                let reply = bench.ask(&document);
                // A question about something that the fixture lacks is a fault whose reason libvirt reads; nothing else is.
                if reply.status != 200 {
                    assert!(reply.body.contains("</s:Code><s:Reason><s:Text"), "{name}: {}", reply.body);
                    assert!(reply.body.contains("0x80041002"), "{name}: {}", reply.body);
                    continue;
                }
                let context = between(&reply.body, "<n:EnumerationContext>", "<").unwrap_or_default().to_owned();
                assert!(!context.is_empty(), "{name}: {}", reply.body);
                let page = bench.good(&Ask::pull(&context, "").text());
                check_page(&name, &call.class(), &page);
            }
            "Pull" => assert!(bench.refused(&document).contains("InvalidEnumerationContext"), "{name}"),
            "Invoke" => {
                let reply = bench.ask(&document);
                let output = format!("<p:{}_OUTPUT", call.method());
                assert!(
                    body(&reply.body).starts_with(&output) || reply.body.contains("0x8033805") || reply.status == 500,
                    "{name}: {}",
                    reply.body
                );
                if call.class() == "Msvm_ComputerSystem" {
                    assert!(body(&reply.body).contains("<p:ReturnValue>4096</p:ReturnValue>"), "{name}: {}", reply.body);
                }
            }
            other => panic!("{name} is {other}"),
        }
        seen += 1;
    }
    assert!(seen >= 40, "{seen}");
}

/// Every declared scalar is present, arrays without value are absent, and the item is called as its class.
fn check_page(name: &str, class: &str, page: &str) {
    let items = between(page, "<n:Items", "</n:PullResponse>").unwrap_or_else(|| panic!("{name}: {page}"));
    if items.starts_with("/>") {
        return;
    }
    let found = between(items, "<p:", " ").unwrap_or_default();
    assert_eq!(found, class, "{name}");
    let namespace = if class.starts_with("Win32") { Namespace::CIMV2 } else { Namespace::VIRTUALIZATION };
    let table = schema::class(&namespace, class).unwrap_or_else(|| panic!("{name}: {class} is not in the table"));
    for property in table.properties() {
        let written = items.contains(&format!("<p:{}", property.name()));
        assert!(written || property.declared().array, "{name}: {} is missing", property.name());
        let nil = items.contains(&format!("<p:{} xsi:nil", property.name()));
        assert!(!(nil && property.declared().array), "{name}: array {} is nil", property.name());
    }
    Reader::new(page, Limits::default())
        .and_then(|mut reader| reader.root().and_then(|_| reader.skip()))
        .unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// What pypsrp and pywinrm send (recorded): queries are answered, shells refused until they exist.
#[tokio::test(start_paused = true)]
async fn recorded_requests_of_other_clients_are_understood() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../../tests/fixtures/wire/clients", "../../../shared/wire/clients"];
    let folder = places.iter().map(|place| root.join(place)).find(|place| place.is_dir()).expect("recorded requests");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut bench = Bench::new();
    assert!(bench.good(&read("pypsrp-enumerate.xml")).contains("EnumerationContext>uuid:"));
    for name in ["Create", "Command", "Receive", "Signal", "Delete"] {
        let refused = bench.refused(&read(&format!("winrs-pywinrm-{name}.xml")));
        assert_eq!(refused, "500 0x80338138 w:UnsupportedFeature wsman", "{name}");
    }
}
