//! What is refused, and with which code.

use super::*;

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
