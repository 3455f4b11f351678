//! Get, Put, Create, Delete and Identify, in both spellings of a class.

use super::*;

#[tokio::test(start_paused = true)]
async fn transfer_reads_changes_makes_and_removes() {
    let mut bench = Bench::new();
    let vm = format!("{MS}/Msvm_ComputerSystem");
    let answer = bench
        .good(&Ask::transfer("Get", &vm, "").select(&[("name", &VM.to_lowercase()), ("CREATIONCLASSNAME", "msvm_computersystem")]).text());
    assert!(answer.contains("transfer/GetResponse</a:Action>") && answer.contains("<p:ElementName>web01<"), "{answer}");
    let put = format!("<c:Msvm_ComputerSystem xmlns:c=\"{vm}\"><c:ElementName>new</c:ElementName></c:Msvm_ComputerSystem>");
    let answer = bench.good(&Ask::transfer("Put", &vm, &put).select(&vm_selectors()).text());
    assert!(answer.contains("<p:ElementName>new<") && answer.contains("<p:EnabledState>2<"), "{answer}");
    let disk = format!("{MS}/Msvm_StorageAllocationSettingData");
    let create = format!(
        "<c:Msvm_StorageAllocationSettingData xmlns:c=\"{disk}\"><c:ElementName>d</c:ElementName></c:Msvm_StorageAllocationSettingData>"
    );
    let answer = bench.good(&Ask::transfer("Create", &disk, &create).text());
    assert!(
        body(&answer).starts_with("<x:ResourceCreated><a:Address>") && answer.contains("<w:Selector Name=\"InstanceID\">new<"),
        "{answer}"
    );
    bench.good(&Ask::transfer("Delete", &vm, "").select(&vm_selectors()).text());
    assert_eq!(
        bench.refused(&Ask::transfer("Get", &vm, "").select(&vm_selectors()).text()),
        "500 0x80338000 a:DestinationUnreachable addressing"
    );
}

#[tokio::test(start_paused = true)]
async fn dmtf_names_are_answered_with_dmtf_names() {
    let mut bench = Bench::new();
    let get = Ask::transfer("Get", &format!("{DMTF}/Win32_Service"), "").select(&[("__cimnamespace", "root/cimv2"), ("Name", "w32time")]);
    let answer = bench.good(&get.text());
    assert!(answer.contains(&format!("xmlns:p=\"{DMTF}/Win32_Service\"")), "{answer}");
    let begun = Ask::enumerate(&format!("{DMTF}/Win32_Service"), "<wm:EnumerationMode>EnumerateEPR</wm:EnumerationMode>")
        .select(&[("__cimnamespace", "root/cimv2")]);
    let context = between(&bench.good(&begun.text()), "<n:EnumerationContext>", "<").expect("a context").to_owned();
    let page = bench.good(&Ask::pull(&context, "").text());
    assert!(page.contains("<w:Selector Name=\"__cimnamespace\">root/cimv2<"), "{page}");
    let same = Ask::transfer("Get", &format!("{CIMV2}/Win32_Service"), "");
    bench.good(&same.select(&[("__cimnamespace", r"root\cimv2"), ("Name", "W32Time")]).text());
    let other =
        Ask::transfer("Get", &format!("{CIMV2}/Win32_Service"), "").select(&[("__cimnamespace", "root/default"), ("Name", "W32Time")]);
    assert_eq!(bench.refused(&other.text()), "500 0x80041001 w:InternalError wsman");
}

#[tokio::test(start_paused = true)]
async fn identify_tells_more_to_whom_it_knows() {
    let mut machine = Fixture::host();
    machine.add(
        wsman::cim::CimPath::class_of(Namespace::CIMV2, "Win32_OperatingSystem").with_key("Name", "Windows"),
        &[("Version", "10.0.20348".into())],
    );
    let mut enumerations = Enumerations::default();
    let document = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header/><s:Body><Identify xmlns=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\"/></s:Body></s:Envelope>";
    let mut version = |authenticated: bool| {
        let owner = Owner { machine: MachineId::Host(HostName::new("hv01")), user: String::new() };
        let mut service = Service {
            machine: &mut machine,
            enumerations: &mut enumerations,
            owner,
            authenticated,
            profiles: Winrm::default().profiles(),
            takes: std::time::Duration::ZERO,
            subscriptions: &mut Subscriptions::default(),
            patience: Patience::Over,
            waits: false,
            wakes: None,
            bookmark: None,
        };
        let reply = respond(&mut service, &Call::read(document));
        assert!(reply.body.contains("<s:Header></s:Header>") || reply.body.contains("<s:Header/>"), "{}", reply.body);
        (
            reply.status,
            between(&reply.body, "<wsmid:ProductVersion>", "<").unwrap_or_default().to_owned(),
            reply.body.contains("SecurityProfile"),
        )
    };
    assert_eq!(version(true), (200, "OS: 10.0.20348 SP: 0.0 Stack: 3.0".to_owned(), true));
    assert_eq!(version(false), (200, "OS: 0.0.0 SP: 0.0 Stack: 3.0".to_owned(), false));
}
