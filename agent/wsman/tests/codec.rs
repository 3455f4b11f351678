//! The codec: what is written is what Windows writes, byte for byte where a recording exists; what is read is bounded.

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "codec/again.rs"]
mod again;
#[path = "codec/spelling.rs"]
mod spelling;

use std::path::Path;

use proptest::prelude::*;
use trunkline_wsman::cim::element::Form;
use trunkline_wsman::cim::{CimDatetime, CimInstance, CimPath, CimType, CimValue, Name, Namespace, embedded};
use trunkline_wsman::envelope::{Envelope, Header, Invoke, Item, Output, Page, Request, Response, action};
use trunkline_wsman::fault::{Fault, FaultKind, SoapCode};
use trunkline_wsman::resource::{Naming, ResourceUri};
use trunkline_wsman::schema::{self, Declared};
use trunkline_wsman::xml::{Limits, Reader, XmlError};

const VIRTUALIZATION: Naming = Naming::Microsoft(Namespace::VIRTUALIZATION);

fn body(text: &str) -> &str {
    let from = text.find("<s:Body>").expect("a body") + "<s:Body>".len();
    &text[from..text.rfind("</s:Body>").expect("its end")]
}

fn encoded(response: Response, naming: &Naming) -> String {
    body(&Envelope { header: Header::default(), body: response }.encode(naming)).replace("><", ">\n<")
}

fn decoded(response: &str) -> Response {
    let envelope = format!("<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body>{response}</s:Body></s:Envelope>");
    Envelope::<Response>::decode(&envelope, Limits::default()).expect("an answer").body
}

#[test]
fn a_recorded_answer_is_written_again_byte_for_byte() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/wire/real-windows");
    if !folder.is_dir() {
        eprintln!("lacking: {}; nothing was checked", folder.display());
        return;
    }
    for name in [
        "Win32_ComputerSystem_star_000",
        "Win32_OperatingSystem_star_000",
        "Win32_Service_star_003",
        "Win32_NetworkAdapterConfiguration_star_001",
    ] {
        let text = std::fs::read_to_string(folder.join(format!("server_2012-{name}.xml"))).expect("text");
        let answer = Envelope::<Response>::decode(&text, Limits::default()).expect("an answer");
        let again = answer.encode(&Naming::Microsoft(Namespace::CIMV2));
        let recorded = body(text.trim()).replace("<n:EnumerationContext></n:EnumerationContext>", "<n:EnumerationContext/>");
        for (ours, theirs) in body(&again).split("><").zip(recorded.split("><")) {
            assert_eq!(ours, theirs, "{name}");
        }
        assert_eq!(body(&again).len(), recorded.len(), "{name}");
    }
}

fn vm() -> CimInstance {
    let booted = "2024-05-01T10:00:00.5Z".parse().expect("an instant");
    CimInstance::new("Msvm_ComputerSystem")
        .with("Name", "2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001")
        .with("ElementName", "db & <01>\u{1}\r\n")
        .with("EnabledState", 2_u16)
        .with("OperationalStatus", vec![2_u16, 32_775])
        .with("StatusDescriptions", CimValue::Null)
        .with("Description", CimValue::Null)
        .with("TimeOfLastStateChange", CimValue::Datetime(CimDatetime::Instant(booted)))
}

fn vm_path() -> CimPath {
    CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_ComputerSystem")
        .with_key("CreationClassName", "Msvm_ComputerSystem")
        .with_key("Name", "2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001")
}

#[test]
fn an_optimised_answer_that_is_complete_has_windows_own_shape() {
    let page = Page { context: None, items: vec![Item::ObjectAndPath(vm(), vm_path())], end: true };
    insta::assert_snapshot!(encoded(Response::Enumerate(page), &VIRTUALIZATION), @r#"
    <n:EnumerateResponse>
    <n:EnumerationContext/>
    <w:Items>
    <w:Item>
    <p:Msvm_ComputerSystem xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xsi:type="p:Msvm_ComputerSystem_Type">
    <p:Description xsi:nil="true"/>
    <p:ElementName>db &amp; &lt;01&gt;?&#13;
    </p:ElementName>
    <p:EnabledState>2</p:EnabledState>
    <p:Name>2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001</p:Name>
    <p:OperationalStatus>2</p:OperationalStatus>
    <p:OperationalStatus>32775</p:OperationalStatus>
    <p:TimeOfLastStateChange>
    <cim:Datetime>2024-05-01T10:00:00.5Z</cim:Datetime>
    </p:TimeOfLastStateChange>
    </p:Msvm_ComputerSystem>
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
    </w:Item>
    </w:Items>
    <w:EndOfSequence/>
    </n:EnumerateResponse>
    "#);
}

#[test]
fn plain_pages_have_windows_own_shape() {
    let begun = Page { context: Some("uuid:1".to_owned()), items: vec![], end: false };
    let last = Page { context: None, items: vec![], end: true };
    let middle = Page { context: Some("uuid:2".to_owned()), items: vec![Item::Path(CimPath::class_of(Namespace::CIMV2, "X"))], end: false };
    let all = [Response::Enumerate(begun), Response::Pull(middle), Response::Pull(last)];
    insta::assert_snapshot!(all.map(|r| encoded(r, &VIRTUALIZATION)).join("\n\n"), @r"
    <n:EnumerateResponse>
    <n:EnumerationContext>uuid:1</n:EnumerationContext>
    </n:EnumerateResponse>

    <n:PullResponse>
    <n:EnumerationContext>uuid:2</n:EnumerationContext>
    <n:Items>
    <a:EndpointReference>
    <a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>
    <a:ReferenceParameters>
    <w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/X</w:ResourceURI>
    </a:ReferenceParameters>
    </a:EndpointReference>
    </n:Items>
    </n:PullResponse>

    <n:PullResponse>
    <n:Items/>
    <n:EndOfSequence/>
    </n:PullResponse>
    ");
}

#[test]
fn a_job_is_a_reference_directly_in_its_parameter_and_the_return_value_comes_last() {
    let job = CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_ConcreteJob").with_key("InstanceID", "4D90");
    let values = CimInstance::new("RequestStateChange_OUTPUT").with("ReturnValue", 4096_u32).with("Job", job).with("Zone", CimValue::Null);
    let output = Output { class: "Msvm_ComputerSystem".into(), method: "RequestStateChange".to_owned(), values };
    let text = encoded(Response::Output(output.clone()), &VIRTUALIZATION);
    insta::assert_snapshot!(text, @r#"
    <p:RequestStateChange_OUTPUT xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">
    <p:Job>
    <a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>
    <a:ReferenceParameters>
    <w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ConcreteJob</w:ResourceURI>
    <w:SelectorSet>
    <w:Selector Name="InstanceID">4D90</w:Selector>
    </w:SelectorSet>
    </a:ReferenceParameters>
    </p:Job>
    <p:Zone xsi:nil="true"/>
    <p:ReturnValue>4096</p:ReturnValue>
    </p:RequestStateChange_OUTPUT>
    "#);
}

#[test]
fn a_dmtf_request_is_answered_in_dmtf_names() {
    let naming = Naming::answering(Some(&ResourceUri::parse("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/Msvm_ComputerSystem")), &[]);
    assert_eq!(naming, Naming::Dmtf(Namespace::HARDWARE));
    let page = Page { context: None, items: vec![Item::Path(vm_path())], end: true };
    let text = encoded(Response::Pull(page), &Naming::Dmtf(Namespace::VIRTUALIZATION));
    assert!(text.contains("<w:ResourceURI>http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/Msvm_ComputerSystem</w:ResourceURI>"));
    assert!(text.contains("<w:Selector Name=\"__cimnamespace\">root/virtualization/v2</w:Selector>"));
}

#[test]
fn faults_are_written_as_windows_writes_them_and_mean_the_same_when_read() {
    let faults = [
        Fault::service(2_150_858_817, "The input XML is not valid.").on("HV01"),
        Fault::wmi(0x8004_1002, "Not found").on("HV01"),
        Fault::must_understand("urn:x", "Odd"),
    ];
    let text: Vec<String> = faults.iter().map(|f| encoded(Response::Fault(Box::new(f.clone())), &VIRTUALIZATION)).collect();
    insta::assert_snapshot!(text.join("\n\n"), @r#"
    <s:Fault>
    <s:Code>
    <s:Value>s:Sender</s:Value>
    <s:Subcode>
    <s:Value>w:SchemaValidationError</s:Value>
    </s:Subcode>
    </s:Code>
    <s:Reason>
    <s:Text xml:lang="en-US">The input XML is not valid.</s:Text>
    </s:Reason>
    <s:Detail>
    <f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="2150858817" Machine="HV01">
    <f:Message>The input XML is not valid.</f:Message>
    </f:WSManFault>
    </s:Detail>
    </s:Fault>

    <s:Fault>
    <s:Code>
    <s:Value>s:Receiver</s:Value>
    <s:Subcode>
    <s:Value>w:InternalError</s:Value>
    </s:Subcode>
    </s:Code>
    <s:Reason>
    <s:Text xml:lang="en-US">Not found</s:Text>
    </s:Reason>
    <s:Detail>
    <p:MSFT_WmiError b:IsCIM_Error="true" xmlns:p="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError" xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">
    <p:CIMStatusCode xsi:type="cim:cimUnsignedInt" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">6</p:CIMStatusCode>
    <p:Message>Not found</p:Message>
    <p:MessageID>HRESULT 0x80041002</p:MessageID>
    <p:error_Code>2147749890</p:error_Code>
    <p:error_Type>HRESULT</p:error_Type>
    <p:error_WindowsErrorMessage>Not found</p:error_WindowsErrorMessage>
    </p:MSFT_WmiError>
    </s:Detail>
    </s:Fault>

    <s:Fault>
    <s:Code>
    <s:Value>s:MustUnderstand</s:Value>
    </s:Code>
    <s:Reason>
    <s:Text xml:lang="en-US">The header `Odd` must be understood and is not.</s:Text>
    </s:Reason>
    <s:Detail>
    <f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="2150858768">
    <f:Message>The header `Odd` must be understood and is not.</f:Message>
    </f:WSManFault>
    </s:Detail>
    </s:Fault>
    "#);
    let kinds = [FaultKind::InvalidParameter, FaultKind::NotFound, FaultKind::InvalidHeader];
    for (fault, kind) in faults.iter().zip(kinds) {
        let text = Envelope { header: Header::default(), body: Response::Fault(Box::new(fault.clone())) }.encode(&VIRTUALIZATION);
        let Response::Fault(read) = Envelope::<Response>::decode(&text, Limits::default()).expect("a fault").body else { panic!() };
        assert_eq!((fault.kind(), read.kind()), (kind, kind));
        assert_eq!(
            (read.number(), read.subcode.clone(), read.not_understood.clone()),
            (fault.number(), fault.subcode.clone(), fault.not_understood.clone())
        );
    }
}

#[test]
fn the_number_of_a_provider_inside_the_services_fault_is_found() {
    let Response::Fault(fault) = decoded(
        r#"<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value xmlns:q="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd">q:InternalError</s:Value></s:Subcode></s:Code>
        <s:Reason><s:Text xml:lang="en-US">It failed.</s:Text></s:Reason>
        <s:Detail><f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="2150859046" Machine="HV01"><f:Message>words
          <f:ProviderFault provider="WMI Provider" path="x"><f:WSManFault Code="2147749911" Machine="HV01"><f:Message>The query is bad.</f:Message></f:WSManFault>
          <f:ExtendedError><p:__ExtendedStatus xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/__ExtendedStatus"><p:StatusCode>2147749911</p:StatusCode></p:__ExtendedStatus></f:ExtendedError></f:ProviderFault></f:Message></f:WSManFault></s:Detail></s:Fault>"#,
    ) else {
        panic!("no fault")
    };
    assert_eq!(
        (fault.soap, fault.code, fault.wmi, fault.kind()),
        (SoapCode::Receiver, Some(2_150_859_046), Some(0x8004_1017), FaultKind::InvalidQuery)
    );
    assert_eq!((fault.subcode.as_deref(), fault.machine.as_deref()), (Some("w:InternalError"), Some("HV01")));
}

fn declared(cim: CimType, array: bool) -> Option<Declared> {
    Some(Declared { cim: Some(cim), array, class: None })
}

fn call(parameters: &str) -> Invoke {
    let text = format!(
        r#"<E:Envelope xmlns:E="http://www.w3.org/2003/05/soap-envelope" xmlns:ad="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:m="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">
        <E:Header><ad:Action>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/C/M</ad:Action><m:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/C</m:ResourceURI></E:Header>
        <E:Body><z:M_INPUT xmlns:z="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/C">{parameters}</z:M_INPUT></E:Body></E:Envelope>"#
    );
    match Envelope::<Request>::decode(&text, Limits::default()).expect("a request").body {
        Request::Invoke(invoke) => invoke,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_sees_in_which_form_each_parameter_came() {
    let reference = "<ad:Address>x</ad:Address><ad:ReferenceParameters><m:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/D</m:ResourceURI>\
        <m:SelectorSet><m:Selector Name='K'>v</m:Selector></m:SelectorSet></ad:ReferenceParameters>";
    let call = call(&format!(
        "<z:T>a</z:T><z:T>b</z:T><z:N i:nil='true'/><z:R>{reference}</z:R><z:W><ad:EndpointReference>{reference}</ad:EndpointReference></z:W>"
    ));
    let path = CimPath::class_of(Namespace::CIMV2, "D").with_key("K", "v");
    let forms: Vec<_> = call.parameters.iter().map(|p| (p.name.as_str(), p.form.clone())).collect();
    assert_eq!(
        forms,
        [
            ("T", Form::Text("a".into())),
            ("T", Form::Text("b".into())),
            ("N", Form::Nil),
            ("R", Form::Reference(path.clone())),
            ("W", Form::WrappedReference(path)),
        ]
    );
    assert_eq!(call.value("t", declared(CimType::String, true)), Some(vec!["a", "b"].into()));
    assert_eq!(call.value("Missing", None), None);
}

#[test]
fn octets_come_one_by_one_or_as_base64() {
    let one_by_one = call("<z:B>1</z:B><z:B>255</z:B>");
    let base64 = call("<z:B>Af8=</z:B>");
    let octets = Some(CimValue::Array(vec![CimValue::Unsigned(1), CimValue::Unsigned(255)]));
    assert_eq!(one_by_one.value("B", declared(CimType::Uint8, true)), octets);
    assert_eq!(base64.value("B", declared(CimType::Uint8, true)), octets);
}

#[test]
fn a_value_that_does_not_fit_its_type_stays_text() {
    let call = call("<z:B>300</z:B><z:T>tomorrow</z:T>");
    assert_eq!(call.value("B", declared(CimType::Uint8, false)), Some("300".into()));
    assert_eq!(call.value("T", declared(CimType::Datetime, false)), Some("tomorrow".into()));
}

#[test]
fn an_event_holds_its_target() {
    let Response::Pull(page) = decoded(
        r#"<n:PullResponse xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"><n:Items>
        <p:__InstanceModificationEvent xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/__InstanceModificationEvent" xsi:type="p:__InstanceModificationEvent_Type">
        <p:TargetInstance xmlns:q="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem" xsi:type="q:Msvm_ComputerSystem_Type"><q:EnabledState>3</q:EnabledState><q:Name>X</q:Name></p:TargetInstance>
        <p:TIME_CREATED>133</p:TIME_CREATED></p:__InstanceModificationEvent></n:Items><n:EndOfSequence/></n:PullResponse>"#,
    ) else {
        panic!("no page")
    };
    let [Item::Object(event)] = &page.items[..] else { panic!("{:?}", page.items) };
    let CimValue::Instance(target) = event.get("TargetInstance") else { panic!("{event:?}") };
    assert_eq!((target.class().as_str(), target.get("EnabledState")), ("Msvm_ComputerSystem", &CimValue::Unsigned(3)));
}

#[test]
fn repeated_elements_make_an_array_wherever_they_stand() {
    let Response::Object(found) = decoded(
        r#"<p:Win32_ComputerSystem xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_ComputerSystem"><p:Roles>a</p:Roles><p:Name>N</p:Name><p:roles>b</p:roles><p:Odd>1</p:Odd><p:Odd>2</p:Odd></p:Win32_ComputerSystem>"#,
    ) else {
        panic!("no object")
    };
    assert_eq!(found.texts("Roles"), Ok(vec!["a", "b"]));
    assert_eq!(found.texts("Odd"), Ok(vec!["1", "2"]));
}

const DISK: &str = r#"<INSTANCE CLASSNAME="Msvm_StorageAllocationSettingData">
  <PROPERTY NAME="ResourceType" TYPE="uint16"><VALUE>31</VALUE></PROPERTY>
  <PROPERTY.ARRAY NAME="HostResource" TYPE="string"><VALUE.ARRAY><VALUE>C:\x.vhdx</VALUE></VALUE.ARRAY></PROPERTY.ARRAY>
</INSTANCE>"#;

#[test]
fn an_embedded_instance_is_read_as_cdata_or_escaped_with_or_without_declaration() {
    let escaped = DISK.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let texts = [
        format!("<![CDATA[{DISK}]]>"),
        format!("<![CDATA[<?xml version=\"1.0\"?>\n{DISK}\n]]>"),
        escaped.clone(),
        format!("\n  &lt;?xml version=\"1.0\" encoding=\"utf-8\"?&gt;{escaped}\n"),
    ];
    let wanted =
        CimInstance::new("Msvm_StorageAllocationSettingData").with("ResourceType", 31_u16).with("HostResource", vec![r"C:\x.vhdx"]);
    for text in texts {
        let call = call(&format!("<z:S>{text}</z:S>"));
        assert_eq!(call.value("S", declared(CimType::EmbeddedInstance, false)), Some(wanted.clone().into()), "{text}");
    }
}

#[test]
fn an_embedded_instance_is_written_with_its_declared_types() {
    let mut disk = embedded::decode(DISK).expect("an instance");
    disk.set("Parent", r#"\\HV01\root\virtualization\v2:X.InstanceID="A\\B""#);
    disk.set("Limit", 2_u16);
    disk.set("IgnoreFlushes", false);
    insta::assert_snapshot!(embedded::encode(&disk).replace("><", ">\n<"), @r#"
    <INSTANCE CLASSNAME="Msvm_StorageAllocationSettingData">
    <PROPERTY.ARRAY NAME="HostResource" TYPE="string">
    <VALUE.ARRAY>
    <VALUE>C:\x.vhdx</VALUE>
    </VALUE.ARRAY>
    </PROPERTY.ARRAY>
    <PROPERTY NAME="IgnoreFlushes" TYPE="boolean">
    <VALUE>false</VALUE>
    </PROPERTY>
    <PROPERTY NAME="Limit" TYPE="uint64">
    <VALUE>2</VALUE>
    </PROPERTY>
    <PROPERTY NAME="Parent" TYPE="string">
    <VALUE>\\HV01\root\virtualization\v2:X.InstanceID=&quot;A\\B&quot;</VALUE>
    </PROPERTY>
    <PROPERTY NAME="ResourceType" TYPE="uint16">
    <VALUE>31</VALUE>
    </PROPERTY>
    </INSTANCE>
    "#);
}

#[test]
fn what_is_no_embedded_instance_is_refused() {
    for text in ["", "x", "<A/>", "<INSTANCE/>", "<INSTANCE CLASSNAME=\"A\">", "<!DOCTYPE a []><INSTANCE CLASSNAME=\"A\"/>"] {
        assert!(embedded::decode(text).is_err(), "{text}");
    }
}

#[test]
fn hostile_documents_are_refused_by_name() {
    let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
    let wide = format!("<a {}/>", (0..100).map(|n| format!("b{n}='' ")).collect::<String>());
    let spaces = format!("<a {}/>", (0..200).map(|n| format!("xmlns:b{n}='urn:x' ")).collect::<String>());
    let laughs = "<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><l>&b;</l>";
    let whole = |text: &str| -> Result<(), XmlError> {
        let mut reader = Reader::new(text, Limits { bytes: 4096, ..Limits::default() })?;
        reader.root()?;
        reader.skip()
    };
    assert_eq!(whole(&deep), Err(XmlError::TooDeep(64)));
    assert!(matches!(whole(&wide), Err(XmlError::TooManyAttributes { limit: 64, .. })));
    assert!(matches!(whole(&spaces), Err(XmlError::TooLong { .. } | XmlError::Malformed { .. } | XmlError::TooManyAttributes { .. })));
    assert_eq!(whole(laughs), Err(XmlError::DocumentType));
    assert!(matches!(whole(&"<a>".repeat(2000)), Err(XmlError::TooLong { .. })));
    let entity = |text: &str| {
        let mut reader = Reader::new(text, Limits::default())?;
        reader.root()?;
        reader.text().map(std::borrow::Cow::into_owned)
    };
    assert_eq!(entity("<a>&custom;</a>"), Err(XmlError::Entity("custom".to_owned())));
    assert_eq!(entity("<a>&lt;&#65;&#x42;&amp;</a>"), Ok("<AB&".to_owned()));
    assert!(matches!(entity("<a>x<b/></a>"), Err(XmlError::StrayText(_))));
    assert!(entity("<a>").is_err() && entity("").is_err() && entity("text").is_err() && entity("<a></b>").is_err());
}

#[test]
fn what_is_no_envelope_is_refused() {
    for text in [
        "",
        "<a/>",
        "<s:Envelope/>",
        "<s:Envelope xmlns:s='urn:other'><s:Body/></s:Envelope>",
        "<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'/>",
    ] {
        assert!(Envelope::<Request>::decode(text, Limits::default()).is_err(), "{text}");
    }
}

#[test]
fn a_recorded_request_cut_or_bent_anywhere_never_panics() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/wire/virsh/033-InitiateShutdown.xml");
    let text = std::fs::read_to_string(path).expect("text");
    for at in 0..text.len() {
        let is_whole = text[at..].trim().is_empty();
        assert_eq!(Envelope::<Request>::decode(&text[..at], Limits::default()).is_ok(), is_whole, "cut at {at}");
        for with in ["<", "&", "\"", "/"] {
            let bent = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            let _ = Envelope::<Request>::decode(&bent, Limits::default());
            let _ = Envelope::<Response>::decode(&bent, Limits::default());
        }
    }
}

#[test]
fn headers_that_must_be_understood_are_told() {
    let text = r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:o="urn:odd"><s:Header>
        <o:One s:mustUnderstand="true">x</o:One><o:Two s:mustUnderstand="1"><o:Deep/></o:Two><o:Three mustUnderstand="true"/><w:Locale xml:lang="de" s:mustUnderstand="true"/>
        <w:OperationTimeout>PT1M0.5S</w:OperationTimeout></s:Header><s:Body/></s:Envelope>"#;
    let header = Envelope::<Request>::decode(text, Limits::default()).expect("a request").header;
    assert_eq!(header.not_understood().map(|h| h.name.as_str()).collect::<Vec<_>>(), ["One", "Two"]);
    assert!(header.locale_must_be_understood);
    assert_eq!(header.operation_timeout, Some(std::time::Duration::from_millis(60_500)));
}

#[test]
fn resource_uris_keep_their_kind() {
    for (uri, class, namespace) in [
        ("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_X", Some("Msvm_X"), Some("root/virtualization/v2")),
        ("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*", None, Some("root/cimv2")),
        ("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_X", Some("CIM_X"), None),
        ("http://schemas.dmtf.org/wbem/wscim/1/*", None, None),
        ("http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd", None, None),
        ("http://schemas.microsoft.com/wbem/wsman/1/wmi/root", None, None),
    ] {
        let parsed = ResourceUri::parse(uri);
        assert_eq!(parsed.to_string(), uri);
        assert_eq!((parsed.class().map(Name::as_str), parsed.namespace().map(Namespace::as_str)), (class, namespace));
    }
}

fn any_value() -> impl Strategy<Value = CimValue> {
    let text = "[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{fffe}\u{ffff}]{0,12}";
    let scalar = prop_oneof![
        any::<bool>().prop_map(CimValue::Boolean),
        any::<u32>().prop_map(|n| CimValue::Unsigned(n.into())),
        any::<u64>().prop_filter("wide", |n| *n > u64::from(u32::MAX)).prop_map(CimValue::Unsigned),
        (i64::MIN..0).prop_map(CimValue::Signed),
        text.prop_map(CimValue::String),
        (0_i64..4_000_000_000_000_000)
            .prop_map(|us| { CimValue::Datetime(CimDatetime::Instant(jiff::Timestamp::from_microsecond(us).expect("in range"))) }),
        text.prop_map(|key| CimValue::from(CimPath::class_of(Namespace::VIRTUALIZATION, "X").with_key("K", key))),
    ];
    prop_oneof![
        scalar.clone(),
        Just(CimValue::Null),
        proptest::collection::vec(text.prop_map(CimValue::String), 0..4).prop_map(CimValue::Array),
        (text, scalar).prop_map(|(name, value)| CimInstance::new("Inner").with("Name", name).with("Value", value).into()),
    ]
}

/// A random value of each property that the table declares for a virtual machine.
fn any_machine() -> impl Strategy<Value = CimInstance> {
    let class = schema::class(&Namespace::VIRTUALIZATION, "Msvm_ComputerSystem").expect("in the table");
    let properties: Vec<_> = class.properties().iter().map(|p| (p.name(), p.declared())).collect();
    proptest::collection::vec((any::<u64>(), "[a-z<&'\" ]{0,9}", 0_usize..4), properties.len()).prop_map(move |seeds| {
        let mut instance = CimInstance::new("Msvm_ComputerSystem");
        for ((name, declared), (number, text, count)) in properties.iter().zip(seeds) {
            let one = match declared.cim {
                Some(CimType::Uint16) => CimValue::Unsigned(number % 65_536),
                Some(CimType::Uint32) => CimValue::Unsigned(number % 4_294_967_296),
                Some(CimType::Uint64) => CimValue::Unsigned(number),
                Some(CimType::Datetime) => {
                    let micros = i64::try_from(number % 4_000_000_000_000_000).expect("small");
                    CimDatetime::Instant(jiff::Timestamp::from_microsecond(micros).expect("in range")).into()
                }
                Some(CimType::String) => CimValue::String(text),
                other => panic!("{name}: {other:?}"),
            };
            match (count, declared.array) {
                (0, true) => {} // An empty array cannot be told from NULL on the wire, nor from one that was never there.
                (0, false) => instance.set(name, CimValue::Null),
                (count, true) => instance.set(name, CimValue::Array(vec![one; count])),
                (_, false) => instance.set(name, one),
            }
        }
        instance
    })
}

proptest! {
    #[test]
    fn every_typed_instance_reads_back(instance in any_machine()) {
        let text = Envelope { header: Header::default(), body: Response::Object(instance.clone()) }.encode(&VIRTUALIZATION);
        let read = Envelope::<Response>::decode(&text, Limits::default()).expect("our own writing").body;
        prop_assert_eq!(read, Response::Object(instance));
    }

    #[test]
    fn every_embedded_instance_reads_back(properties in proptest::collection::btree_map("[A-Za-z]{1,6}", any_value(), 0..6)) {
        let mut instance = CimInstance::new("Contoso_Unknown");
        for (name, value) in properties {
            instance.set(&name, value);
        }
        prop_assert_eq!(embedded::decode(&embedded::encode(&instance)).expect("our own writing"), instance);
    }

    #[test]
    fn no_text_makes_the_codecs_panic(text in "[<>/&;:=\"'a-zA-Z! \\[\\]-]{0,120}") {
        let _ = embedded::decode(&text);
        let _ = Envelope::<Response>::decode(&text, Limits::default());
    }
}

#[test]
fn an_action_names_the_method_even_when_the_body_is_empty() {
    let uri = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service";
    let header = Header::request("x", format!("{uri}/StartService"), Some(ResourceUri::parse(uri)));
    let text = Envelope { header, body: Request::Other(None) }.encode();
    let read = Envelope::<Request>::decode(&text, Limits::default()).expect("a request").body;
    assert_eq!(read, Request::Invoke(Invoke { method: "StartService".to_owned(), parameters: vec![] }));
    let header = Header::request("x", action::GET, Some(ResourceUri::parse(uri)));
    assert_eq!(header.answer(None).action.as_deref(), Some("http://schemas.xmlsoap.org/ws/2004/09/transfer/GetResponse"));
    assert!(schema::any_class("Win32_Service").is_some());
}

#[test]
fn a_type_that_no_class_can_be_called_says_nothing() {
    let page = |stated: &str| {
        decoded(&format!(
            "<n:PullResponse xmlns:n='http://schemas.xmlsoap.org/ws/2004/09/enumeration' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' \
             xmlns:p='http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service'><n:Items><p:Win32_Service xsi:type='{stated}'>\
             <p:Name>WinRM</p:Name></p:Win32_Service></n:Items><n:EndOfSequence/></n:PullResponse>"
        ))
    };
    assert_eq!(page("p:d e"), page("p:Win32_Service_Type"));
    assert_ne!(page("p:Contoso_Service_Type"), page("p:Win32_Service_Type"));
}

#[test]
fn an_action_that_no_method_can_be_called_is_none() {
    let uri = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service";
    for method in ["Start)  Service", "9Start", "Start><x"] {
        let header = Header::request("x", format!("{uri}/{method}"), Some(ResourceUri::parse(uri)));
        let text = Envelope { header, body: Request::Other(None) }.encode();
        assert_eq!(Envelope::<Request>::decode(&text, Limits::default()).expect("a request").body, Request::Other(None), "{method}");
    }
}

#[test]
fn every_code_that_matters_has_a_meaning_and_a_name() {
    for code in [
        2_150_858_752,
        2_150_858_770,
        2_150_858_771,
        2_150_858_778,
        2_150_858_779,
        2_150_858_793,
        2_150_858_805,
        2_150_858_811,
        2_150_858_813,
        2_150_858_815,
        2_150_858_817,
        2_150_858_818,
        2_150_858_824,
        2_150_858_842,
        2_150_858_843,
        2_150_859_003,
        2_150_859_173,
        2_150_859_174,
        5,
    ] {
        let fault = Fault::service(code, "x");
        assert_ne!(fault.kind(), FaultKind::Other, "{code}");
        assert!(trunkline_wsman::fault::known(code).is_some(), "{code} has no SOAP form");
        // The meaning survives the loss of the number, as far as the subcode tells it.
        let subcode_only = Fault { code: None, ..fault };
        assert_ne!(subcode_only.kind(), FaultKind::Other, "{code}");
    }
    for wmi in [0x8004_1001, 0x8004_1002, 0x8004_1003, 0x8004_1008, 0x8004_100E, 0x8004_1010, 0x8004_1017, 0x8004_102F] {
        assert_ne!(Fault::wmi(wmi, "x").kind(), FaultKind::Other, "{wmi:x}");
        assert!(trunkline_wsman::fault::named(wmi).is_some_and(|name| name.starts_with("WBEM_E_")), "{wmi:x}");
    }
    assert_eq!(Fault::service(2_150_858_811, "No such URI.").to_string(), "No such URI. (INVALID_RESOURCE_URI, 0x8033803B)");
}
