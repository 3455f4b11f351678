//! Whole exchanges: an envelope in, an envelope out.

use wsman::xml::{Limits, Reader};

use super::*;
use crate::fixture::{Fixture, VM};
use crate::image::Winrm;
use crate::world::{HostName, MachineId};

const MS: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2";
const CIMV2: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2";
const DMTF: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2";
const WQL: &str = "http://schemas.microsoft.com/wbem/wsman/1/WQL";
const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";

/// A machine, and what it keeps between requests.
struct Bench {
    machine: Fixture,
    enumerations: Enumerations,
}

impl Bench {
    fn new() -> Self {
        Self { machine: Fixture::host(), enumerations: Enumerations::default() }
    }

    fn ask(&mut self, document: &str) -> Reply {
        let owner = Owner { machine: MachineId::Host(HostName::new("hv01")), user: "admin".to_owned() };
        let mut service = Service {
            machine: &mut self.machine,
            enumerations: &mut self.enumerations,
            owner,
            authenticated: true,
            profiles: Winrm::default().profiles(),
            takes: std::time::Duration::ZERO,
            subscriptions: &mut Subscriptions::default(),
            patience: Patience::Over,
            waits: false,
            wakes: None,
            bookmark: None,
        };
        respond(&mut service, &Call::read(document))
    }

    /// The answer to what must not be refused.
    fn good(&mut self, document: &str) -> String {
        let reply = self.ask(document);
        assert_eq!(reply.status, 200, "{document}\n{}", reply.body);
        reply.body
    }

    /// The code, subcode and action of what must be refused.
    fn refused(&mut self, document: &str) -> String {
        let reply = self.ask(document);
        assert_ne!(reply.status, 200, "{document}\n{}", reply.body);
        let body = &reply.body;
        let code = between(body, "<p:error_Code>", "<").or_else(|| between(body, " Code=\"", "\"")).unwrap_or_default();
        let code = code.parse::<u32>().map(|code| format!("{code:#x}")).unwrap_or_default();
        let subcode = between(body, "<s:Subcode><s:Value>", "<").unwrap_or_default();
        let action = between(body, "<a:Action", "</").and_then(|rest| rest.split_once('>')).map_or("", |(_, action)| action);
        let family = action.trim_end_matches("/fault").rsplit('/').next().unwrap_or_default();
        let machine = if body.contains("f:WSManFault") && !body.contains("Machine=\"HV01\"") { " unnamed" } else { "" };
        format!("{} {code} {subcode} {family}{machine}", reply.status)
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(inner, _)| inner)
}

/// What stands in the body, in short.
fn body(answer: &str) -> &str {
    between(answer, "<s:Body>", "</s:Body>").expect("a body")
}

/// A request as no client of ours writes it: with other prefixes.
struct Ask {
    action: String,
    resource: String,
    headers: String,
    body: String,
}

impl Ask {
    fn new(action: &str, resource: &str, body: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), headers: String::new(), body: body.to_owned() }
    }

    fn enumerate(resource: &str, inner: &str) -> Self {
        Self::new(&format!("{ENUMERATION}/Enumerate"), resource, &format!("<enu:Enumerate>{inner}</enu:Enumerate>"))
    }

    fn wql(query: &str) -> Self {
        Self::enumerate(&format!("{MS}/*"), &format!("<wm:Filter Dialect=\"{WQL}\">{}</wm:Filter>", query.replace('<', "&lt;")))
    }

    fn pull(context: &str, most: &str) -> Self {
        let inner = format!("<enu:EnumerationContext>{context}</enu:EnumerationContext>{most}");
        Self::new(&format!("{ENUMERATION}/Pull"), &format!("{MS}/Msvm_ComputerSystem"), &format!("<enu:Pull>{inner}</enu:Pull>"))
    }

    fn transfer(verb: &str, resource: &str, body: &str) -> Self {
        Self::new(&format!("{TRANSFER}/{verb}"), resource, body)
    }

    fn invoke(class: &str, method: &str, inner: &str) -> Self {
        let uri = format!("{MS}/{class}");
        Self::new(&format!("{uri}/{method}"), &uri, &format!("<c:{method}_INPUT xmlns:c=\"{uri}\">{inner}</c:{method}_INPUT>"))
    }

    fn header(mut self, markup: &str) -> Self {
        self.headers.push_str(markup);
        self
    }

    fn select(self, selectors: &[(&str, &str)]) -> Self {
        let inner: String = selectors.iter().map(|(name, value)| format!("<wm:Selector Name=\"{name}\">{value}</wm:Selector>")).collect();
        self.header(&format!("<wm:SelectorSet>{inner}</wm:SelectorSet>"))
    }

    fn text(&self) -> String {
        let Self { action, resource, headers, body } = self;
        let base = "<adr:To>http://hv01:5985/wsman</adr:To><adr:MessageID>uuid:1</adr:MessageID><adr:ReplyTo><adr:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</adr:Address></adr:ReplyTo>";
        envelope(&format!("{base}<adr:Action>{action}</adr:Action><wm:ResourceURI>{resource}</wm:ResourceURI>{headers}"), body)
    }
}

fn envelope(headers: &str, body: &str) -> String {
    format!(
        "<env:Envelope xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:adr=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:wm=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" xmlns:enu=\"{ENUMERATION}\" xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><env:Header>{headers}</env:Header><env:Body>{body}</env:Body></env:Envelope>"
    )
}

fn vm_selectors() -> [(&'static str, &'static str); 2] {
    [("Name", VM), ("CreationClassName", "Msvm_ComputerSystem")]
}

#[tokio::test(start_paused = true)]
async fn an_answer_has_the_prefixes_that_libvirt_reads_by() {
    let mut bench = Bench::new();
    let answer = bench.good(
        &Ask::wql("SELECT * FROM Win32_Nothing").text().replace("virtualization/v2/*", "cimv2/*").replace("Win32_Nothing", "Win32_Service"),
    );
    let context = between(&answer, "<n:EnumerationContext>", "<").expect("a context").to_owned();
    let answer = bench.good(&Ask::pull(&context, "").text());
    insta::assert_snapshot!(answer.replace("><", ">\n<"), @r##"
    <s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer" xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd">
    <s:Header>
    <a:Action>http://schemas.xmlsoap.org/ws/2004/09/enumeration/PullResponse</a:Action>
    <a:MessageID>uuid:618E59AF-5B50-5F37-901B-89A45F49FA65</a:MessageID>
    <a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>
    <a:RelatesTo>uuid:1</a:RelatesTo>
    </s:Header>
    <s:Body>
    <n:PullResponse>
    <n:Items>
    <p:Win32_Service xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xsi:type="p:Win32_Service_Type">
    <p:AcceptPause xsi:nil="true"/>
    <p:AcceptStop xsi:nil="true"/>
    <p:Caption xsi:nil="true"/>
    <p:CheckPoint xsi:nil="true"/>
    <p:CreationClassName xsi:nil="true"/>
    <p:DelayedAutoStart xsi:nil="true"/>
    <p:Description xsi:nil="true"/>
    <p:DesktopInteract xsi:nil="true"/>
    <p:DisplayName xsi:nil="true"/>
    <p:ErrorControl xsi:nil="true"/>
    <p:ExitCode xsi:nil="true"/>
    <p:InstallDate xsi:nil="true"/>
    <p:Name>W32Time</p:Name>
    <p:PathName xsi:nil="true"/>
    <p:ProcessId>812</p:ProcessId>
    <p:ServiceSpecificExitCode xsi:nil="true"/>
    <p:ServiceType xsi:nil="true"/>
    <p:Started>true</p:Started>
    <p:StartMode xsi:nil="true"/>
    <p:StartName xsi:nil="true"/>
    <p:State>Running</p:State>
    <p:Status xsi:nil="true"/>
    <p:SystemCreationClassName xsi:nil="true"/>
    <p:SystemName xsi:nil="true"/>
    <p:TagId xsi:nil="true"/>
    <p:WaitHint xsi:nil="true"/>
    </p:Win32_Service>
    </n:Items>
    <n:EndOfSequence/>
    </n:PullResponse>
    </s:Body>
    </s:Envelope>
    "##);
}

#[tokio::test(start_paused = true)]
async fn every_pull_brings_a_new_context_and_one_item_until_the_last() {
    let mut bench = Bench::new();
    let begun = bench.good(&Ask::wql("SELECT * FROM Msvm_ComputerSystem").text());
    assert!(!begun.contains("Items"), "a plain Enumerate gives no items: {begun}");
    let mut context = between(&begun, "<n:EnumerationContext>", "<").expect("a context").to_owned();
    for name in ["HV01", "web01", "db01"] {
        let page = bench.good(&Ask::pull(&context, "").text());
        assert_eq!(between(&page, "<p:ElementName>", "<"), Some(name));
        assert_eq!(page.matches("xsi:type").count(), 1);
        assert_eq!(
            bench.refused(&Ask::pull(&context, "").text()),
            "500 0x8033801b n:InvalidEnumerationContext enumeration",
            "a context serves once"
        );
        match between(&page, "<n:EnumerationContext>", "<") {
            Some(next) => context = next.to_owned(),
            None => assert!(name == "db01" && page.contains("<n:EndOfSequence/>"), "{page}"),
        }
    }
    assert!(bench.enumerations.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_empty_result_has_a_context_and_an_empty_page() {
    let mut bench = Bench::new();
    let begun = bench.good(&Ask::wql("SELECT * FROM Msvm_ComputerSystem WHERE ElementName = 'nobody'").text());
    let context = between(&begun, "<n:EnumerationContext>", "<").expect("a context").to_owned();
    let page = bench.good(&Ask::pull(&context, "").text());
    assert_eq!(body(&page), "<n:PullResponse><n:Items/><n:EndOfSequence/></n:PullResponse>");
}

#[tokio::test(start_paused = true)]
async fn an_optimised_enumeration_gives_one_item_at_once_and_ends_in_its_own_namespace() {
    let mut bench = Bench::new();
    let optimised = |query: &str| {
        let text = Ask::wql(query).text();
        text.replace("<enu:Enumerate>", "<enu:Enumerate><wm:OptimizeEnumeration/><wm:MaxElements>50</wm:MaxElements>")
    };
    let answer = bench.good(&optimised("SELECT * FROM Msvm_ComputerSystem"));
    assert_eq!(answer.matches("xsi:type").count(), 1);
    let context = between(&answer, "<n:EnumerationContext>", "<").expect("a context").to_owned();
    let page = bench.good(&Ask::pull(&context, "<enu:MaxElements>50</enu:MaxElements>").text());
    assert_eq!(page.matches("xsi:type").count(), 2);
    let answer = bench.good(&optimised("SELECT * FROM Msvm_ComputerSystem WHERE EnabledState = 3"));
    assert!(answer.contains("<n:EnumerationContext/><w:Items><p:Msvm_ComputerSystem"), "{answer}");
    assert!(answer.contains("</w:Items><w:EndOfSequence/>"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_page_stays_within_the_envelope_that_the_client_takes() {
    let mut bench = Bench::new();
    for number in 0..60 {
        bench.machine.add(crate::fixture::vm_path(&format!("VM{number}")), &[("ElementName", "x".repeat(200).into())]);
    }
    let small = "<wm:MaxEnvelopeSize env:mustUnderstand=\"true\">32768</wm:MaxEnvelopeSize>";
    let begun = bench.good(&Ask::wql("SELECT * FROM Msvm_ComputerSystem").text());
    let mut context = between(&begun, "<n:EnumerationContext>", "<").map(str::to_owned);
    let (mut items, mut pages) = (0, 0);
    while let Some(current) = context {
        let page = bench.good(&Ask::pull(&current, "<enu:MaxElements>1000</enu:MaxElements>").header(small).text());
        assert!(octets(&page) <= 32768, "{} octets", octets(&page));
        items += page.matches("xsi:type").count();
        pages += 1;
        context = between(&page, "<n:EnumerationContext>", "<").map(str::to_owned);
    }
    assert_eq!(items, 63);
    assert!((5..60).contains(&pages), "{pages} pages");
    bench.machine.add(crate::fixture::vm_path("HUGE"), &[("ElementName", "x".repeat(20_000).into())]);
    let begun = bench.good(&Ask::wql("SELECT * FROM Msvm_ComputerSystem WHERE Name = 'HUGE'").text());
    let context = between(&begun, "<n:EnumerationContext>", "<").expect("a context").to_owned();
    assert_eq!(bench.refused(&Ask::pull(&context, "").header(small).text()), "500 0x80338048 w:EncodingLimit wsman");
}

#[tokio::test(start_paused = true)]
async fn references_and_pairs_are_given_when_asked_for() {
    let mut bench = Bench::new();
    let mut first = |mode: &str| {
        let text = Ask::wql(&format!("SELECT * FROM Msvm_ComputerSystem WHERE Name = '{VM}'")).text();
        let text = text.replace("</enu:Enumerate>", &format!("<wm:EnumerationMode>{mode}</wm:EnumerationMode></enu:Enumerate>"));
        let begun = bench.good(&text);
        let context = between(&begun, "<n:EnumerationContext>", "<").expect("a context").to_owned();
        bench.good(&Ask::pull(&context, "").text())
    };
    insta::assert_snapshot!(body(&first("EnumerateEPR")).replace("><", ">\n<"), @r##"
    <n:PullResponse>
    <n:Items>
    <a:EndpointReference>
    <a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>
    <a:ReferenceParameters>
    <w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem</w:ResourceURI>
    <w:SelectorSet>
    <w:Selector Name="CreationClassName">Msvm_ComputerSystem</w:Selector>
    <w:Selector Name="Name">2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001</w:Selector>
    </w:SelectorSet>
    </a:ReferenceParameters>
    </a:EndpointReference>
    </n:Items>
    <n:EndOfSequence/>
    </n:PullResponse>
    "##);
    let pair = first("EnumerateObjectAndEPR");
    assert!(pair.contains("<w:Item><p:Msvm_ComputerSystem") && pair.contains("</a:EndpointReference></w:Item>"), "{pair}");
    assert_eq!(
        bench.refused(
            &Ask::wql("SELECT * FROM Msvm_ComputerSystem")
                .text()
                .replace("</enu:Enumerate>", "<wm:EnumerationMode>Some</wm:EnumerationMode></enu:Enumerate>")
        ),
        "500 0x80338086 w:UnsupportedFeature wsman"
    );
}

#[tokio::test(start_paused = true)]
async fn a_projection_is_a_fragment_of_unqualified_elements_in_order() {
    let mut bench = Bench::new();
    let text =
        Ask::wql("SELECT Name, elementname, OperationalStatus, OnTimeInMilliseconds FROM Msvm_ComputerSystem WHERE EnabledState = 3")
            .text();
    let begun = bench.good(&text);
    let context = between(&begun, "<n:EnumerationContext>", "<").expect("a context").to_owned();
    let page = bench.good(&Ask::pull(&context, "").text());
    let fragment = between(&page, "<w:XmlFragment", "</w:XmlFragment>").expect("a fragment");
    let elements = fragment.split_once('>').expect("an element").1;
    assert_eq!(
        elements,
        "<ElementName>db01</ElementName><Name>2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0002</Name><OnTimeInMilliseconds xsi:nil=\"true\"/>"
    );
}

#[tokio::test(start_paused = true)]
async fn a_selector_filter_selects_on_a_class() {
    let mut bench = Bench::new();
    let filter = |inner: &str| {
        let dialect = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter";
        Ask::enumerate(
            &format!("{MS}/Msvm_ComputerSystem"),
            &format!("<wm:Filter Dialect=\"{dialect}\"><wm:SelectorSet>{inner}</wm:SelectorSet></wm:Filter>"),
        )
    };
    let begun = bench
        .good(&filter("<wm:Selector Name=\"ElementName\">WEB01</wm:Selector><wm:Selector Name=\"EnabledState\">2</wm:Selector>").text());
    let context = between(&begun, "<n:EnumerationContext>", "<").expect("a context").to_owned();
    let page = bench.good(&Ask::pull(&context, "").text());
    assert!(page.contains("web01") && page.contains("EndOfSequence"), "{page}");
    let arrays =
        filter("<wm:Selector Name=\"Notes\">first</wm:Selector>").text().replace("Msvm_ComputerSystem", "Msvm_VirtualSystemSettingData");
    assert_eq!(bench.refused(&arrays), "500 0x8033801a n:CannotProcessFilter enumeration");
}

#[tokio::test(start_paused = true)]
async fn a_released_context_is_gone() {
    let mut bench = Bench::new();
    let begun = bench.good(&Ask::wql("SELECT * FROM Msvm_ComputerSystem").text());
    let context = between(&begun, "<n:EnumerationContext>", "<").expect("a context").to_owned();
    let release = Ask::new(
        &format!("{ENUMERATION}/Release"),
        &format!("{MS}/*"),
        &format!("<enu:Release><enu:EnumerationContext>{context}</enu:EnumerationContext></enu:Release>"),
    );
    let answer = bench.good(&release.text());
    assert!(answer.contains("enumeration/ReleaseResponse</a:Action>"), "{answer}");
    assert!(bench.refused(&Ask::pull(&context, "").text()).contains("InvalidEnumerationContext"));
}

#[tokio::test(start_paused = true)]
async fn a_job_is_a_reference_and_its_absence_is_nil() {
    let mut bench = Bench::new();
    let start = Ask::invoke("Msvm_ComputerSystem", "RequestStateChange", "<c:RequestedState>2</c:RequestedState>");
    let answer = bench.good(&start.select(&vm_selectors()).text());
    insta::assert_snapshot!(body(&answer).replace("><", ">\n<"), @r##"
    <p:RequestStateChange_OUTPUT xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">
    <p:Job>
    <a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>
    <a:ReferenceParameters>
    <w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ConcreteJob</w:ResourceURI>
    <w:SelectorSet>
    <w:Selector Name="InstanceID">4D90E3E9</w:Selector>
    </w:SelectorSet>
    </a:ReferenceParameters>
    </p:Job>
    <p:ReturnValue>4096</p:ReturnValue>
    </p:RequestStateChange_OUTPUT>
    "##);
    assert!(bench.machine.calls[0].contains("Unsigned(2)"), "{:?}", bench.machine.calls);
    let service = "Msvm_VirtualSystemManagementService";
    let answer = bench.good(
        &Ask::invoke(service, "DestroySystem", &reference(&format!("{MS}/Msvm_ComputerSystem")))
            .select(&[("CreationClassName", service)])
            .text(),
    );
    assert!(body(&answer).contains("<p:Job xsi:nil=\"true\"/><p:ReturnValue>0</p:ReturnValue></p:DestroySystem_OUTPUT>"), "{answer}");
}

fn reference(uri: &str) -> String {
    format!(
        "<c:AffectedSystem><adr:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</adr:Address><adr:ReferenceParameters><wm:ResourceURI>{uri}</wm:ResourceURI>\
         <wm:SelectorSet><wm:Selector Name=\"Name\">{VM}</wm:Selector><wm:Selector Name=\"CreationClassName\">Msvm_ComputerSystem</wm:Selector></wm:SelectorSet></adr:ReferenceParameters></c:AffectedSystem>"
    )
}

#[tokio::test(start_paused = true)]
async fn an_embedded_instance_is_read_from_its_text() {
    let mut bench = Bench::new();
    let service = "Msvm_VirtualSystemManagementService";
    let instance = "&lt;INSTANCE CLASSNAME=\"Msvm_VirtualSystemSettingData\"&gt;&lt;PROPERTY NAME=\"ElementName\" TYPE=\"string\"&gt;&lt;VALUE&gt;vm&lt;/VALUE&gt;&lt;/PROPERTY&gt;&lt;/INSTANCE&gt;";
    let define = Ask::invoke(service, "DefineSystem", &format!("<c:SystemSettings>{instance}</c:SystemSettings>"))
        .select(&[("CreationClassName", service)]);
    bench.good(&define.text());
    assert!(
        bench.machine.calls[0].contains("Instance(CimInstance { class: \"Msvm_VirtualSystemSettingData\""),
        "{:?}",
        bench.machine.calls
    );
}

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

#[tokio::test(start_paused = true)]
async fn what_windows_refuses_is_refused_with_its_code() {
    let mut bench = Bench::new();
    let vm = format!("{MS}/Msvm_ComputerSystem");
    let get = || Ask::transfer("Get", &vm, "");
    let service = "Msvm_VirtualSystemManagementService";
    let by_service = |inner: &str| Ask::invoke(service, "DestroySystem", inner).select(&[("CreationClassName", service)]);
    let wrapped = reference(&vm)
        .replace("<c:AffectedSystem>", "<c:AffectedSystem><adr:EndpointReference>")
        .replace("</c:AffectedSystem>", "</adr:EndpointReference></c:AffectedSystem>");
    let change = |inner: &str| Ask::invoke("Msvm_ComputerSystem", "RequestStateChange", inner).select(&vm_selectors());
    let put = |class: &str, inner: &str| {
        Ask::transfer("Put", &vm, &format!("<c:{class} xmlns:c=\"{MS}/{class}\">{inner}</c:{class}>")).select(&vm_selectors())
    };
    let wql_on_class = Ask::enumerate(&vm, &format!("<wm:Filter Dialect=\"{WQL}\">SELECT * FROM Msvm_ComputerSystem</wm:Filter>"));
    let shell = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd";
    for (what, ask, expected) in [
        ("keys missing", get().select(&[("Name", VM)]), "500 0x8033805a w:InvalidSelectors wsman"),
        ("no keys", get(), "500 0x8033805a w:InvalidSelectors wsman"),
        ("a selector that is no key", get().select(&[("Name", VM), ("Color", "red")]), "500 0x8033805b w:InvalidSelectors wsman"),
        ("a selector twice", get().select(&[("Name", VM), ("NAME", VM)]), "500 0x8033805f w:InvalidSelectors wsman"),
        (
            "no such instance",
            get().select(&[("Name", "x"), ("CreationClassName", "Msvm_ComputerSystem")]),
            "500 0x80338000 a:DestinationUnreachable addressing",
        ),
        ("no such class", Ask::transfer("Get", &format!("{MS}/Msvm_Nonsense"), ""), "500 0x8033803b a:DestinationUnreachable addressing"),
        ("no such namespace", Ask::transfer("Get", &vm.replace("v2", "v9"), ""), "500 0x8033803b a:DestinationUnreachable addressing"),
        ("no such resource", Ask::transfer("Get", "http://example.org/thing", ""), "500 0x8033803b a:DestinationUnreachable addressing"),
        ("all classes", Ask::transfer("Get", &format!("{MS}/*"), ""), "500 0x8033803b a:DestinationUnreachable addressing"),
        ("WQL on a class", wql_on_class, "500 0x803380fb n:CannotProcessFilter enumeration"),
        ("no filter on all classes", Ask::enumerate(&format!("{MS}/*"), ""), "500 0x8033801a n:CannotProcessFilter enumeration"),
        (
            "another dialect",
            Ask::enumerate(&vm, "<wm:Filter>//x</wm:Filter>"),
            "500 0x80338019 n:FilterDialectRequestedUnavailable enumeration",
        ),
        ("not WQL", Ask::wql("DROP TABLE x"), "500 0x80041017 w:InternalError wsman"),
        ("no such class in WQL", Ask::wql("SELECT * FROM Nonsense"), "500 0x80041010 w:InternalError wsman"),
        (
            "a context that never was",
            Ask::pull("uuid:00000000-0000-0000-0000-000000000000", ""),
            "500 0x8033801b n:InvalidEnumerationContext enumeration",
        ),
        ("no elements", Ask::pull("x", "<enu:MaxElements>0</enu:MaxElements>"), "500 0x80338041 w:SchemaValidationError wsman"),
        ("a service without its selector", Ask::invoke(service, "DestroySystem", ""), "500 0x8004102f w:InternalError wsman"),
        ("a wrapped reference", by_service(&wrapped), "500 0x80338041 w:SchemaValidationError wsman"),
        ("text for a reference", by_service("<c:AffectedSystem>x</c:AffectedSystem>"), "500 0x80338041 w:SchemaValidationError wsman"),
        ("an unknown parameter", change("<c:Speed>9</c:Speed>"), "500 0x80338041 w:SchemaValidationError wsman"),
        (
            "a scalar twice",
            change("<c:RequestedState>2</c:RequestedState><c:RequestedState>3</c:RequestedState>"),
            "500 0x80338041 w:SchemaValidationError wsman",
        ),
        ("a number that is none", change("<c:RequestedState>on</c:RequestedState>"), "500 0x80338041 w:SchemaValidationError wsman"),
        ("a number out of range", change("<c:RequestedState>65536</c:RequestedState>"), "500 0x80338041 w:SchemaValidationError wsman"),
        (
            "no such method",
            Ask::invoke("Msvm_ComputerSystem", "Explode", "").select(&vm_selectors()),
            "500 0x80338013 a:ActionNotSupported addressing",
        ),
        (
            "an action of another resource",
            Ask { action: format!("{MS}/Msvm_Other/RequestStateChange"), ..change("") },
            "500 0x80338031 a:ActionNotSupported addressing",
        ),
        (
            "an action that nobody knows",
            Ask::new("http://example.org/Frobnicate", &vm, ""),
            "500 0x80338013 a:ActionNotSupported addressing",
        ),
        ("a Put of another class", put("Win32_Service", ""), "500 0x80338041 w:SchemaValidationError wsman"),
        (
            "a Put of an unknown property",
            put("Msvm_ComputerSystem", "<c:Color>red</c:Color>"),
            "500 0x80338041 w:SchemaValidationError wsman",
        ),
        ("a Put that moves the instance", put("Msvm_ComputerSystem", "<c:Name>other</c:Name>"), "500 0x57 w:InvalidParameter wsman"),
        ("a small envelope", get().header("<wm:MaxEnvelopeSize>8191</wm:MaxEnvelopeSize>"), "500 0x8033807e w:EncodingLimit wsman"),
        (
            "a locale that must be understood",
            get().header("<wm:Locale xml:lang=\"en-US\" env:mustUnderstand=\"true\"/>"),
            "500 0x80338087 w:UnsupportedFeature wsman",
        ),
        (
            "a fragment",
            get().header("<wm:FragmentTransfer env:mustUnderstand=\"true\">Name</wm:FragmentTransfer>"),
            "500 0x80338077 w:UnsupportedFeature wsman",
        ),
        (
            "a shell",
            Ask::transfer("Create", shell, "<r:Shell xmlns:r=\"http://schemas.microsoft.com/wbem/wsman/1/windows/shell\"/>"),
            "500 0x80338138 w:UnsupportedFeature wsman",
        ),
    ] {
        assert_eq!(bench.refused(&ask.text()), expected, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn headers_that_every_request_needs_are_demanded() {
    let mut bench = Bench::new();
    let good = Ask::wql("SELECT * FROM Msvm_ComputerSystem").text();
    for (what, from, to, expected) in [
        ("no message name", "<adr:MessageID>uuid:1</adr:MessageID>", "", "500 0x8033800f a:InvalidMessageInformationHeader addressing"),
        ("an empty message name", "uuid:1", "", "500 0x8033800f a:InvalidMessageInformationHeader addressing"),
        ("another place for the answer", "role/anonymous", "role/elsewhere", "500 0x80338076 w:UnsupportedFeature wsman"),
        ("no addressee", "<adr:To>http://hv01:5985/wsman</adr:To>", "", "500 0x80338011 a:MessageInformationHeaderRequired addressing"),
        ("no place for the answer", "adr:ReplyTo", "adr:From", "500 0x80338011 a:MessageInformationHeaderRequired addressing"),
        ("no resource", "wm:ResourceURI", "wm:Nothing", "500 0x8033803b a:DestinationUnreachable addressing"),
        (
            "an odd time limit",
            "<adr:To>",
            "<wm:OperationTimeout>soon</wm:OperationTimeout><adr:To>",
            "500 0x80338081 a:InvalidMessageInformationHeader wsman",
        ),
        ("no XML", "</enu:Enumerate>", "", "400 0x80338043 w:InternalError wsman"),
        ("a document type", "<env:Envelope", "<!DOCTYPE x [<!ENTITY y 'z'>]><env:Envelope", "400 0x80338043 w:InternalError wsman"),
    ] {
        let refused = bench.refused(&good.replace(from, to));
        assert_eq!(refused.trim_end_matches(" unnamed"), expected, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_that_must_be_understood_is_named_when_it_is_not() {
    let mut bench = Bench::new();
    let unknown = |attribute: &str| {
        Ask::wql("SELECT * FROM Msvm_ComputerSystem").header(&format!("<z:Odd xmlns:z=\"urn:z\" {attribute}=\"true\"/>")).text()
    };
    bench.good(&unknown("mustUnderstand"));
    let reply = bench.ask(&unknown("env:mustUnderstand"));
    assert_eq!(reply.status, 500);
    assert!(reply.body.contains("<s:Value>s:MustUnderstand</s:Value>"), "{}", reply.body);
    assert!(reply.body.contains("<s:NotUnderstood qname=\"h:Odd\" xmlns:h=\"urn:z\"/></s:Header>"), "{}", reply.body);
    assert!(reply.body.contains("addressing/fault</a:Action>"), "{}", reply.body);
}

#[tokio::test(start_paused = true)]
async fn the_users_operation_is_echoed_and_the_request_named() {
    let mut bench = Bench::new();
    let text =
        Ask::wql("SELECT * FROM Msvm_ComputerSystem").header("<p:OperationID env:mustUnderstand=\"false\">uuid:AB</p:OperationID>").text();
    let answer = bench.good(&text);
    assert!(answer.contains("<a:RelatesTo>uuid:1</a:RelatesTo>"), "{answer}");
    assert!(answer.contains(">uuid:AB</p:OperationID>"), "{answer}");
}

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

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// A request that was torn, or had a byte changed, is answered or refused; nothing else happens.
    #[test]
    fn a_damaged_request_is_answered_or_refused(which in 0..4_usize, at in 0.0..1.0_f64, replacement in "[ -~]{0,3}") {
        let service = "Msvm_VirtualSystemManagementService";
        let whole = match which {
            0 => Ask::wql("SELECT * FROM Msvm_ComputerSystem WHERE Name != __SERVER AND ElementName LIKE 'w%'").text(),
            1 => Ask::transfer("Get", &format!("{MS}/Msvm_ComputerSystem"), "").select(&vm_selectors()).text(),
            2 => Ask::invoke(service, "DestroySystem", &reference(&format!("{MS}/Msvm_ComputerSystem"))).select(&[("CreationClassName", service)]).text(),
            _ => Ask::wql("ASSOCIATORS OF {Msvm_ComputerSystem.Name='HV01'} WHERE ResultClass = CIM_SettingData").text(),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
        let cut = (at * whole.len() as f64) as usize;
        let mut bench = Bench::new();
        for damaged in [whole[..cut].to_owned(), format!("{}{replacement}{}", &whole[..cut], &whole[(cut + 1).min(whole.len())..])] {
            let reply = bench.ask(&damaged);
            proptest::prop_assert!([200, 400, 500].contains(&reply.status));
            proptest::prop_assert!(reply.body.starts_with("<s:Envelope") && reply.body.ends_with("</s:Envelope>"));
        }
    }
}
