//! Get, Put, Create and Delete.

use super::bench::{Answer, Ask, CIMV2, Host, SERVICE, VIRTUALIZATION, VM, VM_ID, fault};

const RULE: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/StandardCimv2/MSFT_NetFirewallRule";
const ADDRESS: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/StandardCimv2/MSFT_NetIPAddress";
const SESSION: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/Microsoft/Windows/WindowsUpdate/MSFT_WUOperationsSession";

/// With the five keys of the firewall rule `SIP`.
fn of_rule(ask: Ask) -> Ask {
    ask.select(&[
        ("CreationClassName", "MSFT|FW|FirewallRule|SIP"),
        ("InstanceID", "SIP"),
        ("PolicyRuleName", ""),
        ("SystemCreationClassName", ""),
        ("SystemName", "HV01"),
    ])
}

/// A change of the firewall rule.
fn put(inner: &str) -> Ask {
    of_rule(Ask::put(RULE, inner))
}

/// Deletes the address 192.168.9.1, whose opaque name has to be looked up.
fn delete_address(host: &mut Host) -> Ask {
    let query = "SELECT * FROM MSFT_NetIPAddress WHERE IPAddress = '192.168.9.1'";
    let base = ADDRESS.trim_end_matches("/MSFT_NetIPAddress");
    let mode = "<w:EnumerationMode>EnumerateEPR</w:EnumerationMode>";
    let filter = format!("<w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">{query}</w:Filter>{mode}");
    let found = host.first(&Ask::enumerate(&format!("{base}/*"), &filter));
    let keys = ["CreationClassName", "Name", "SystemCreationClassName", "SystemName"];
    let keys: Vec<(&str, String)> = keys.iter().map(|key| (*key, found.selector(key).unwrap_or_default())).collect();
    Ask::delete(ADDRESS).select(&keys.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>())
}

rules! {
    on Host;

    /// Get answers with the instance alone, under its class's name.
    get_answers_with_the_instance: "DSP0226 7.3, MS-WSMV 4.1.1",
        shows: |host| { host.accepts(&Ask::get_alpha()) }
        reads: |answer| {
            assert_eq!(answer.inside("s:Body"), ["p:Win32_Service"]);
            assert!(answer.of("a:Action").ends_with("/transfer/GetResponse") && answer.of("p:Name") == "Alpha");
        }
        spoils: |answer| { [answer.doubling("p:Win32_Service"), answer.with("transfer/GetResponse", "transfer/Get"), answer.with("<p:Name>Alpha<", "<p:Name>Beta<")] }

    /// An instance is addressed by all of its keys.
    all_keys_are_needed: "DSP0226 5.1.2.2, code 2150858842",
        holds: |host| { host.accepts(&Ask::get_vm()); }
        breaks: |host| {
            let refusal = host.refuses(&Ask::get(VM).select(&[("Name", VM_ID)]), fault::TOO_FEW_SELECTORS);
            assert_eq!((refusal.subcode().as_str(), refusal.detail().as_str()), ("w:InvalidSelectors", "InsufficientSelectors"));
        }

    /// An instance is addressed by nothing but its keys.
    only_keys_are_taken: "DSP0226 5.1.2.2, code 2150858843",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| {
            let refusal = host.refuses(&Ask::get(SERVICE).select(&[("Name", "Alpha"), ("State", "Running")]), fault::UNEXPECTED_SELECTORS);
            assert_eq!(refusal.detail(), "UnexpectedSelectors");
        }

    /// A selector is given once.
    selectors_are_given_once: "DSP0226 5.1.2.2, code 2150858847",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| {
            let refusal = host.refuses(&Ask::get(SERVICE).select(&[("Name", "Alpha"), ("name", "Alpha")]), fault::DUPLICATE_SELECTORS);
            assert_eq!(refusal.detail(), "DuplicateSelectors");
        }

    /// Names and values of selectors are compared without case.
    selectors_have_no_case: "MS-WSMV 3.1.4.1.2",
        holds: |host| { assert_eq!(host.accepts(&Ask::get(SERVICE).select(&[("NAME", "aLPHA")])).of("p:Name"), "Alpha"); }
        breaks: |host| { host.refuses(&Ask::get(SERVICE).select(&[("Name", "Alfa")]), fault::RESOURCE_NOT_FOUND); }

    /// A selector has a name.
    selectors_have_names: "DSP0226 5.1.2.2",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| {
            let nameless = "<w:SelectorSet><w:Selector>Alpha</w:Selector></w:SelectorSet>";
            host.refuses(&Ask::get(SERVICE).block("w:SelectorSet", nameless), fault::SCHEMA_VALIDATION);
        }

    /// What is not there is unreachable, by WS-Addressing's word for it.
    absent_instances_are_unreachable: "MS-WSMV 4.10, code 2150858752",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| {
            let refusal = host.refuses(&Ask::get(SERVICE).select(&[("Name", "none")]), fault::RESOURCE_NOT_FOUND);
            assert_eq!((refusal.subcode().as_str(), refusal.of("a:Action").as_str()), ("a:DestinationUnreachable", "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"));
        }

    /// A class of which there is one instance needs no selectors.
    singletons_need_no_keys: "DSP0227 6.2, code 2150859002",
        holds: |host| { host.accepts(&Ask::get(&format!("{CIMV2}/Win32_OperatingSystem"))); }
        breaks: |host| { host.refuses(&Ask::get(&format!("{CIMV2}/Win32_ComputerSystem")), fault::TOO_FEW_SELECTORS); }

    /// All classes of a namespace can be enumerated, not read.
    all_classes_cannot_be_read: "DSP0227 6.1",
        holds: |host| { host.first(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service")); }
        breaks: |host| { host.refuses(&Ask::get(&format!("{CIMV2}/*")), fault::INVALID_RESOURCE_URI); }

    /// Put changes what its body says and leaves the rest.
    put_changes_what_it_says: "MS-WSMV 4.1.3, DSP0226 7.4",
        shows: |host| { vec![host.accepts(&of_rule(Ask::get(RULE))), host.accepts(&put("<p:Enabled>2</p:Enabled>")), host.accepts(&of_rule(Ask::get(RULE)))] }
        reads: |answers| {
            assert_eq!((answers[0].of("p:Enabled").as_str(), answers[2].of("p:Enabled").as_str()), ("1", "2"));
            let without = |answer: &Answer| answer.lacking("p:Enabled").body().to_owned();
            assert_eq!(without(&answers[2]), without(&answers[0]));
        }
        spoils: |answers| {
            [
                vec![answers[0].clone(), answers[1].clone(), answers[2].with("<p:Enabled>2<", "<p:Enabled>1<")],
                vec![answers[0].clone(), answers[1].clone(), answers[2].with("<p:Action>2<", "<p:Action>4<")],
            ]
        }

    /// Put changes what the class has, or nothing.
    put_knows_properties: "DSP0226 7.4, code 2150858817",
        holds: |host| { host.accepts(&put("<p:Enabled>2</p:Enabled>")); }
        breaks: |host| {
            host.refuses(&put("<p:Enabled>2</p:Enabled><p:Colour>red</p:Colour>"), fault::SCHEMA_VALIDATION);
            assert_eq!(host.accepts(&of_rule(Ask::get(RULE))).of("p:Enabled"), "1");
        }

    /// Put answers with the whole instance, as it is now.
    put_answers_with_the_instance: "MS-WSMV 4.1.3",
        shows: |host| { vec![host.accepts(&put("<p:Enabled>2</p:Enabled>")), host.accepts(&of_rule(Ask::get(RULE)))] }
        reads: |answers| {
            assert_eq!((answers[0].of("p:Enabled").as_str(), answers[0].inside("s:Body")), ("2", vec!["p:MSFT_NetFirewallRule".to_owned()]));
            assert_eq!(answers[0].inside("p:MSFT_NetFirewallRule"), answers[1].inside("p:MSFT_NetFirewallRule"));
        }
        spoils: |answers| { [vec![answers[0].with("<p:Enabled>2<", "<p:Enabled>1<"), answers[1].clone()], vec![answers[0].lacking("p:Action"), answers[1].clone()]] }

    /// Put has a body.
    put_has_an_instance: "DSP0226 7.4",
        holds: |host| { host.accepts(&put("<p:Enabled>2</p:Enabled>")); }
        breaks: |host| { host.refuses(&put("").saying(""), fault::SCHEMA_VALIDATION); }

    /// Put may say its keys again, and where it is; it may not move the instance.
    put_does_not_move: "DSP0226 7.4, MS-WSMV 4.1.3",
        holds: |host| {
            let location = "<cim:Location><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></cim:Location>";
            host.accepts(&put(&format!("<p:InstanceID>SIP</p:InstanceID><p:Enabled>2</p:Enabled>{location}")));
        }
        breaks: |host| { host.refuses(&put("<p:InstanceID>OTHER</p:InstanceID>"), fault::INVALID_PARAMETER); }

    /// Put has an instance of the resource's own class in its body.
    put_is_of_the_resources_class: "DSP0226 7.4",
        holds: |host| { host.accepts(&put("<p:Enabled>2</p:Enabled>")); }
        breaks: |host| {
            host.refuses(&put("").saying(&format!("<p:MSFT_NetIPAddress xmlns:p=\"{ADDRESS}\"/>")), fault::SCHEMA_VALIDATION);
        }

    /// Put's body is in the namespace of its resource.
    put_is_in_the_resources_namespace: "code 2150858840",
        holds: |host| { host.accepts(&put("<p:Enabled>2</p:Enabled>")); }
        breaks: |host| {
            let elsewhere = RULE.replace("root/StandardCimv2", "root/cimv2");
            let refusal = host.refuses(&put("").saying(&format!("<p:MSFT_NetFirewallRule xmlns:p=\"{elsewhere}\"/>")), fault::XML_NAMESPACE);
            assert_eq!((refusal.subcode().as_str(), refusal.detail().as_str()), ("x:InvalidRepresentation", "InvalidNamespace"));
        }

    /// Put needs all keys, as Get does.
    put_needs_all_keys: "DSP0226 7.4",
        holds: |host| { host.accepts(&put("<p:Enabled>2</p:Enabled>")); }
        breaks: |host| { host.refuses(&Ask::put(RULE, "<p:Enabled>2</p:Enabled>").select(&[("InstanceID", "SIP")]), fault::TOO_FEW_SELECTORS); }

    /// A provider that cannot write refuses Put itself.
    put_needs_a_provider_that_writes: "MS-WMI 2.2.11",
        holds: |host| { host.accepts(&put("<p:Enabled>2</p:Enabled>")); }
        breaks: |host| { host.refuses(&Ask::put(SERVICE, "<p:Description>x</p:Description>").select(&[("Name", "Alpha")]), fault::WBEM_NOT_CAPABLE); }

    /// Create answers with a reference to what it made, which can be followed.
    create_answers_with_a_reference: "DSP0226 7.6, MS-WSMV <109>",
        shows: |host| {
            let answer = host.accepts(&Ask::create(SESSION, ""));
            let id = answer.selector("SessionId").unwrap();
            host.accepts(&Ask::get(SESSION).select(&[("SessionId", &id)]));
            answer
        }
        reads: |answer| {
            assert_eq!(answer.inside("s:Body"), ["x:ResourceCreated"]);
            assert_eq!(answer.inside("x:ResourceCreated"), ["a:Address", "a:ReferenceParameters"]);
            assert!(answer.of("w:ResourceURI").eq_ignore_ascii_case(SESSION) && answer.selector("SessionId").is_some());
        }
        spoils: |answer| { [answer.lacking("w:Selector"), answer.lacking("w:ResourceURI"), answer.with("<x:ResourceCreated>", "<x:ResourceCreated><a:EndpointReference/>"), answer.with_each("x:ResourceCreated", "x:Created")] }

    /// A provider that cannot make anything refuses Create itself.
    create_needs_a_provider_that_makes: "MS-WMI 2.2.11",
        holds: |host| { host.accepts(&Ask::create(SESSION, "")); }
        breaks: |host| { host.refuses(&Ask::create(SERVICE, "<p:Name>New</p:Name>"), fault::WBEM_NOT_CAPABLE); }

    /// Create is asked of the class, without selectors.
    create_has_no_selectors: "DSP0226 7.6",
        holds: |host| { host.accepts(&Ask::create(SESSION, "")); }
        breaks: |host| { host.refuses(&Ask::create(SESSION, "").select(&[("SessionId", "1")]), fault::UNEXPECTED_SELECTORS); }

    /// Create has an instance in its body.
    create_has_an_instance: "DSP0226 7.6",
        holds: |host| { host.accepts(&Ask::create(SESSION, "")); }
        breaks: |host| {
            host.refuses(&Ask::create(SESSION, "").saying(""), fault::SCHEMA_VALIDATION);
            host.refuses(&Ask::create(SESSION, "<p:Colour>red</p:Colour>"), fault::SCHEMA_VALIDATION);
        }

    /// Delete removes an instance and answers with an empty body.
    delete_removes: "DSP0226 7.5, MS-WSMV <107>",
        holds: |host| {
            let delete = delete_address(host);
            let answer = host.accepts(&delete);
            assert_eq!((answer.body(), answer.of("a:Action").ends_with("/transfer/DeleteResponse")), ("", true));
        }
        breaks: |host| {
            let delete = delete_address(host);
            host.accepts(&delete);
            host.refuses(&delete, fault::RESOURCE_NOT_FOUND);
        }

    /// Delete needs all keys, as Get does: it never removes more than one instance.
    delete_needs_all_keys: "DSP0226 7.5",
        holds: |host| {
            let delete = delete_address(host);
            host.accepts(&delete);
        }
        breaks: |host| {
            host.refuses(&Ask::delete(ADDRESS), fault::TOO_FEW_SELECTORS);
            host.refuses(&Ask::delete(ADDRESS).select(&[("SystemName", "HV01")]), fault::TOO_FEW_SELECTORS);
        }

    /// A provider that cannot delete refuses Delete itself.
    delete_needs_a_provider_that_deletes: "MS-WMI 2.2.11",
        holds: |host| {
            let delete = delete_address(host);
            host.accepts(&delete);
        }
        breaks: |host| { host.refuses(&Ask::delete(VM).vm(), fault::WBEM_NOT_CAPABLE); }

    /// Reading changes nothing on the host; changing is noticed once.
    reading_changes_nothing: "DSP0226 7.3",
        holds: |host| {
            host.accepts(&Ask::get_alpha());
            host.whole(&Ask::enumerate(&format!("{VIRTUALIZATION}/Msvm_ComputerSystem"), ""));
            assert!(host.sim.mutations().is_empty());
            host.accepts(&put("<p:Enabled>2</p:Enabled>"));
            assert_eq!(host.sim.mutations().len(), 1);
        }
        breaks: |host| {
            host.refuses(&put("<p:Colour>red</p:Colour>"), fault::SCHEMA_VALIDATION);
            assert!(host.sim.mutations().is_empty());
        }
}
