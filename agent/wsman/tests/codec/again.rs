//! What was read can be written, and is read again as the same: by name what the fuzzer found, or would have.

use trunkline_wsman::envelope::Markup;

use super::*;

const SERVICE: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service";
const SYSTEM: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_ComputerSystem";

/// An envelope with every prefix that anybody writes.
fn envelope(header: &str, body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' xmlns:a='http://schemas.xmlsoap.org/ws/2004/08/addressing' \
         xmlns:w='http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd' xmlns:n='http://schemas.xmlsoap.org/ws/2004/09/enumeration' \
         xmlns:e='http://schemas.xmlsoap.org/ws/2004/08/eventing' xmlns:m='http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd' \
         xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:cim='http://schemas.dmtf.org/wbem/wscim/1/common' \
         xmlns:p='{SERVICE}' xmlns:c='{SYSTEM}' xmlns:f='http://schemas.microsoft.com/wbem/wsman/1/wsmanfault'>\
         <s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// The request of a document, which is the same after it was written.
fn request(header: &str, body: &str) -> Envelope<Request> {
    let read = Envelope::<Request>::decode(&envelope(header, body), Limits::default()).expect("a request");
    let written = read.encode();
    let again = Envelope::<Request>::decode(&written, Limits::default()).expect("our own writing");
    assert_eq!(again, read, "{written}");
    assert_eq!(again.encode(), written);
    read
}

/// The answer of a document, which is the same after it was written in either naming.
fn answer(header: &str, body: &str) -> Envelope<Response> {
    let read = Envelope::<Response>::decode(&envelope(header, body), Limits::default()).expect("an answer");
    for naming in [Naming::Microsoft(Namespace::CIMV2), Naming::Dmtf(Namespace::CIMV2)] {
        let written = read.encode(&naming);
        let again = Envelope::<Response>::decode(&written, Limits::default()).expect("our own writing");
        assert_eq!(again, read, "{written}");
        assert_eq!(again.encode(&naming), written);
    }
    read
}

fn refused(body: &str) {
    let read = Envelope::<Response>::decode(&envelope("", body), Limits::default());
    assert!(read.is_err(), "{read:?}");
}

fn object(body: &str) -> CimInstance {
    match answer("", body).body {
        Response::Object(instance) => instance,
        other => panic!("{other:?}"),
    }
}

fn fault(body: &str) -> Fault {
    match answer("", &format!("<s:Fault>{body}</s:Fault>")).body {
        Response::Fault(fault) => *fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_character_that_xml_does_not_know_is_refused() {
    for character in ["\u{1}", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}", "&#1;", "&#xb;", "&#x1f;", "&#xFFFE;", "&#65535;"] {
        refused(&format!("<p:Win32_Service><p:Name>x{character}</p:Name></p:Win32_Service>"));
    }
    let read = object("<p:Win32_Service><p:Name>\t\n&#13;\u{7f}\u{fffd}\u{ffef}\u{10ffff}</p:Name></p:Win32_Service>");
    assert_eq!(read.get("Name"), &CimValue::from("\t\n\r\u{7f}\u{fffd}\u{ffef}\u{10ffff}"));
}

#[test]
fn a_name_has_one_colon_at_most_and_xml_has_no_elements() {
    refused("<p:Win32_Service><p:a:b>x</p:a:b></p:Win32_Service>");
    refused("<w:x xmlns:b='u'><b:c:d/></w:x>");
    refused("<xml:a/>");
    let known = request("<a:b xmlns:a='u' s:mustUnderstand='1'/><o s:mustUnderstand='false'/>", "").header.unknown;
    let shown: Vec<_> = known.iter().map(|header| (header.namespace.as_str(), header.name.as_str(), header.must_understand)).collect();
    assert_eq!(shown, [("u", "b", true), ("", "o", false)]);
}

#[test]
fn a_header_says_the_same_again() {
    let header = request(
        "<w:OperationTimeout>PT0.000000001S</w:OperationTimeout><w:Locale s:mustUnderstand='true' xml:lang='de'/>\
         <m:DataLocale s:mustUnderstand='true'/><w:FragmentTransfer>Name</w:FragmentTransfer><s:NotUnderstood qname='xml:lang'/>\
         <s:NotUnderstood qname='none'/><s:NotUnderstood qname='w:a b'/><s:NotUnderstood qname='w:Locale'/>",
        "",
    )
    .header;
    assert_eq!(header.operation_timeout, Some(std::time::Duration::from_nanos(1)));
    assert!(header.locale_must_be_understood && header.data_locale_must_be_understood && !header.fragment_must_be_understood);
    let xml = "http://www.w3.org/XML/1998/namespace";
    let refused: Vec<_> = header.refused.iter().map(|(namespace, name)| (namespace.as_str(), name.as_str())).collect();
    assert_eq!(refused, [(xml, "lang"), ("", "none"), ("http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd", "Locale")]);
    assert_eq!(request("<w:OperationTimeout>P106751991167300D</w:OperationTimeout>", "").header.meaningless, None);
}

#[test]
fn a_fault_without_a_number_keeps_its_words() {
    let service = |code: &str, machine: &str, said: &str| {
        fault(&format!(
            "<s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang='en'>No.</s:Text></s:Reason>\
             <s:Detail><f:WSManFault {code} {machine}><f:Message>{said}</f:Message></f:WSManFault></s:Detail>"
        ))
    };
    let plain = service("", "", "Not this one.");
    assert_eq!((plain.code, plain.provider.as_deref(), plain.machine), (None, Some("Not this one."), None));
    let named = service("Code='x'", "Machine='HV01'", "");
    assert_eq!((named.code, named.provider, named.machine.as_deref()), (None, None, Some("HV01")));
    // Who says the reason again has no more to say.
    assert_eq!(service("Code='5'", "", " No. ").provider, None);
}

#[test]
fn an_error_of_wmi_alone_names_no_machine() {
    let said = "<q:MSFT_WmiError xmlns:q='http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError'>\
        <q:Message>There is none.</q:Message><q:error_Code>2147749890</q:error_Code></q:MSFT_WmiError>";
    let alone = fault(&format!("<s:Detail><f:WSManFault Machine='HV01'/>{said}</s:Detail>"));
    assert_eq!((alone.wmi, alone.provider.as_deref(), alone.machine), (Some(0x8004_1002), Some("There is none."), None));
    let both = fault(&format!("<s:Detail><f:WSManFault Code='5' Machine='HV01'/>{said}</s:Detail>"));
    assert_eq!((both.code, both.wmi, both.machine.as_deref()), (Some(5), Some(0x8004_1002), Some("HV01")));
}

#[test]
fn an_array_of_nothing_is_no_property() {
    for nothing in ["", "<c:Roles xsi:nil='true'/>", "<c:OEMLogoBitmap></c:OEMLogoBitmap>", "<c:Roles xsi:nil='1'/><c:roles xsi:nil='1'/>"]
    {
        assert_eq!(object(&format!("<c:Win32_ComputerSystem>{nothing}</c:Win32_ComputerSystem>")).properties().count(), 0, "{nothing}");
    }
    let one = object("<c:Win32_ComputerSystem><c:Roles xsi:nil='true'/><c:Roles>a</c:Roles></c:Win32_ComputerSystem>");
    assert_eq!(one.get("Roles"), &CimValue::from(vec!["a"]));
}

#[test]
fn null_beside_one_value_is_that_value() {
    let odd = |elements: &str| object(&format!("<p:Win32_Service>{elements}</p:Win32_Service>")).get("Odd").clone();
    assert_eq!(odd("<p:Odd xsi:nil='true'/><p:Odd>a</p:Odd>"), CimValue::from("a"));
    assert_eq!(odd("<p:Odd>a</p:Odd><p:Odd xsi:nil='true'/>"), CimValue::from("a"));
    assert_eq!(odd("<p:Odd xsi:nil='true'/><p:Odd xsi:nil='true'/>"), CimValue::Null);
    assert_eq!(odd("<p:Odd>a</p:Odd><p:Z/><p:Odd xsi:nil='true'/><p:Odd>b</p:Odd>"), CimValue::from(vec!["a", "b"]));
}

#[test]
fn what_has_another_form_than_its_type_is_text() {
    let read = object(
        "<p:Win32_Service><p:ProcessId><cim:Datetime>5</cim:Datetime></p:ProcessId><p:Started><p:x>true</p:x></p:Started>\
         <p:Name><p:x>a</p:x></p:Name><p:Odd><cim:Datetime>soon</cim:Datetime></p:Odd><p:State><cim:Datetime>2026-01-01T00:00:00Z</cim:Datetime></p:State>\
         <p:ExitCode><a:ReferenceParameters><w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/X</w:ResourceURI>\
         </a:ReferenceParameters></p:ExitCode></p:Win32_Service>",
    );
    let text = |property: &str| read.get(property).as_str();
    assert_eq!(read.get("ProcessId"), &CimValue::Unsigned(5));
    assert_eq!(
        text("Started"),
        Some(r#"<INSTANCE CLASSNAME="Started"><PROPERTY NAME="x" TYPE="string"><VALUE>true</VALUE></PROPERTY></INSTANCE>"#)
    );
    assert!(text("Name").is_some_and(|text| text.starts_with("<INSTANCE")));
    assert_eq!((text("Odd"), text("ExitCode")), (Some("soon"), Some(r"root\cimv2:X")));
    assert!(matches!(read.get("State"), CimValue::Datetime(_)));
}

#[test]
fn a_class_of_another_namespace_is_typed_alike_wherever_it_is_named() {
    let uri = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem";
    let read = object(&format!("<v:Msvm_ComputerSystem xmlns:v='{uri}'><v:EnabledState>2</v:EnabledState></v:Msvm_ComputerSystem>"));
    assert_eq!(read.get("EnabledState"), &CimValue::Unsigned(2));
}

#[test]
fn an_instance_is_called_as_a_class_and_never_as_an_output() {
    refused("<p:Win32_Service xsi:type='p:StartService_OUTPUT'/>");
    refused("<p:a-b/>");
    refused("<p:Win32_Service><p:a-b><p:x/></p:a-b></p:Win32_Service>");
}

#[test]
fn a_reference_that_no_uri_can_say_is_refused() {
    let reference = |uri: &str, selectors: &str| {
        format!(
            "<p:Win32_Service><p:X><a:ReferenceParameters><w:ResourceURI>{uri}</w:ResourceURI><w:SelectorSet>{selectors}</w:SelectorSet>\
             </a:ReferenceParameters></p:X></p:Win32_Service>"
        )
    };
    let dmtf = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/";
    for class in ["a/b", "*", "a b"] {
        refused(&reference(&format!("{dmtf}{class}"), ""));
    }
    refused(&reference(&format!("{dmtf}X"), "<w:Selector Name='__cimnamespace'></w:Selector>"));
    let read = object(&reference(
        &format!("{dmtf}X"),
        r"<w:Selector Name='__cimnamespace'>root\x</w:Selector><w:Selector Name='K'> v </w:Selector>",
    ));
    assert_eq!(read.get("X").as_reference(), Some(&CimPath::class_of(Namespace::new("root/x"), "X").with_key("K", " v ")));
}

#[test]
fn markup_means_the_same_again() {
    let other = |body: &str| match answer("", body).body {
        Response::Other(markup) => markup,
        other => panic!("{other:?}"),
    };
    let bound = |markup: Markup| markup.prefixes;
    assert_eq!(bound(other("<o xmlns='u'><b xmlns:q='v'><q:c q:d='1'/></b></o>")), []);
    assert_eq!(
        bound(other("<m0:o xmlns:m0='u' xmlns:q='v'><m0:b q:c='1'/></m0:o>")),
        [("m0".to_owned(), "u".to_owned()), ("q".to_owned(), "v".to_owned())]
    );
    // A name without a prefix in an element with one: it must not come into the element's namespace.
    let markup = other("<q:o xmlns:q='v'><b/></q:o>");
    assert_eq!(markup.prefixes, [(String::new(), String::new())]);
    let written = Envelope { header: Header::default(), body: Response::Other(markup) }.encode(&VIRTUALIZATION);
    assert!(body(&written).contains("<m0:o xmlns=\"\" xmlns:m0=\"v\"><b/></m0:o>"), "{written}");
    refused("<o xmlns='u'><unbound:b/></o>");
    refused("<o xmlns='u'><b unbound:c='1'/></o>");
}

#[test]
fn a_bookmark_needs_nothing_of_its_document() {
    let bookmark = "<BookmarkList><Bookmark Channel='System' RecordId='7'/></BookmarkList>";
    assert_eq!(answer(&format!("<w:Bookmark>{bookmark}</w:Bookmark>"), "").header.bookmark.as_deref(), Some(bookmark));
    let leaning = Envelope::<Response>::decode(&envelope("<w:Bookmark><w:x/></w:Bookmark>", ""), Limits::default()).expect("an answer");
    assert!(leaning.header.bookmark.is_none() && leaning.header.meaningless.is_some());
}

/// An embedded instance that is the same after it was written.
fn embedded_again(text: &str) -> CimInstance {
    let read = embedded::decode(text).expect("an instance");
    let written = embedded::encode(&read);
    assert_eq!(embedded::decode(&written), Ok(read.clone()), "{written}");
    read
}

#[test]
fn an_embedded_instance_says_the_same_again() {
    let read = embedded_again(
        "<INSTANCE CLASSNAME='X'><PROPERTY.ARRAY NAME='A' TYPE='uint8'><VALUE.ARRAY><VALUE>x</VALUE><VALUE>300</VALUE><VALUE>5000000000</VALUE>\
         </VALUE.ARRAY></PROPERTY.ARRAY><PROPERTY NAME='D' TYPE='datetime'><VALUE>2026-01-01T00:00:00.1234567Z</VALUE></PROPERTY>\
         <PROPERTY NAME='N' TYPE='real64'><VALUE>NaN</VALUE></PROPERTY><PROPERTY NAME='S' TYPE='sint8'><VALUE>-5</VALUE></PROPERTY></INSTANCE>",
    );
    assert_eq!(read.get("A"), &CimValue::Array(vec!["x".into(), 300_u64.into(), 5_000_000_000_u64.into()]));
    assert_eq!((read.get("N").as_str(), read.get("S")), (Some("NaN"), &CimValue::Signed(-5)));
    let reference = "<VALUE.REFERENCE><LOCALINSTANCEPATH><LOCALNAMESPACEPATH><NAMESPACE NAME='root'/><NAMESPACE NAME='cimv2'/></LOCALNAMESPACEPATH>\
        <INSTANCENAME CLASSNAME='Y'><KEYBINDING NAME='K'><KEYVALUE>v</KEYVALUE></KEYBINDING></INSTANCENAME></LOCALINSTANCEPATH></VALUE.REFERENCE>";
    let read = embedded_again(&format!(
        "<INSTANCE CLASSNAME='X'><PROPERTY.REFERENCE NAME='R'>{reference}</PROPERTY.REFERENCE>\
         <PROPERTY.ARRAY NAME='S'><VALUE.REFARRAY>{reference}</VALUE.REFARRAY></PROPERTY.ARRAY></INSTANCE>"
    ));
    assert!(read.get("R").as_reference().is_some());
    assert_eq!(read.get("S"), &CimValue::from(vec![r#"root\cimv2:Y.K="v""#]));
}

#[test]
fn an_embedded_instance_whose_names_no_element_could_have_is_refused() {
    for text in [
        "<INSTANCE CLASSNAME='a b'/>",
        "<INSTANCE CLASSNAME='X'><PROPERTY NAME='a b' TYPE='string'/></INSTANCE>",
        "<INSTANCE CLASSNAME='X'><PROPERTY NAME='a&gt;' TYPE='string'/></INSTANCE>",
        "<INSTANCE CLASSNAME='X'><PROPERTY NAME='a' TYPE='string'/><PROPERTY NAME='A' TYPE='string'/></INSTANCE>",
        "<INSTANCE CLASSNAME='X'><PROPERTY.REFERENCE NAME='a'><VALUE.REFERENCE><INSTANCENAME CLASSNAME='b/c'/></VALUE.REFERENCE></PROPERTY.REFERENCE></INSTANCE>",
    ] {
        assert!(embedded::decode(text).is_err(), "{text}");
    }
}
