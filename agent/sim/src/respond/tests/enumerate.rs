//! Enumerations: their pages, contexts and modes.

use super::*;

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
