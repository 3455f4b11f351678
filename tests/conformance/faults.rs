//! What a refusal looks like.

use super::bench::{Ask, CIMV2, Host, SERVICE, VM, VM_ID, fault};

/// A request that lacks a key.
fn short() -> Ask {
    Ask::get(VM).select(&[("Name", VM_ID)])
}

/// A query about a class that is not there.
fn lost() -> Ask {
    Ask::wql(CIMV2, "SELECT * FROM Win32_None")
}

rules! {
    on Host;

    /// A refusal is a SOAP 1.2 fault: code, reason, detail.
    refusals_are_soap_faults: "MS-WSMV 4.10, DSP0226 14.2",
        shows: |host| { host.refuses(&short(), fault::TOO_FEW_SELECTORS) }
        reads: |refusal| {
            assert_eq!(refusal.inside("s:Body"), ["s:Fault"]);
            assert_eq!(refusal.inside("s:Fault"), ["s:Code", "s:Reason", "s:Detail"]);
            assert_eq!(refusal.inside("s:Code"), ["s:Value", "s:Subcode"]);
        }
        spoils: |refusal| { [refusal.swapping("s:Code", "s:Reason"), refusal.lacking("s:Reason"), refusal.lacking("s:Subcode"), refusal.with_each("s:Fault", "w:Fault")] }

    /// A refusal is sent with HTTP's status 500, an answer with 200.
    refusals_have_status_500: "field notes b.7, capture real-windows/max_concurrent",
        shows: |host| { vec![host.accepts(&Ask::get_vm()), host.refuses(&short(), fault::TOO_FEW_SELECTORS), host.refuses(&lost(), fault::WBEM_INVALID_CLASS)] }
        reads: |answers| { assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 500, 500]); }
        spoils: |answers| { [vec![answers[0].under(500), answers[1].clone(), answers[2].clone()], vec![answers[0].clone(), answers[1].under(200), answers[2].clone()], vec![answers[0].clone(), answers[1].clone(), answers[2].under(400)]] }

    /// Who is at fault is the sender, where the request is wrong, and the receiver, where the host could not do it.
    refusals_say_whose_fault_it_is: "wsman-fault-table.tsv",
        shows: |host| { vec![host.refuses(&short(), fault::TOO_FEW_SELECTORS), host.refuses(&lost(), fault::WBEM_INVALID_CLASS)] }
        reads: |refusals| { assert_eq!(refusals.iter().map(|refusal| refusal.all("s:Value").remove(0)).collect::<Vec<_>>(), ["s:Sender", "s:Receiver"]); }
        spoils: |refusals| { [vec![refusals[0].with("s:Sender", "s:Receiver"), refusals[1].clone()], vec![refusals[0].clone(), refusals[1].with("s:Receiver", "s:Sender")]] }

    /// A refusal's reason has words in the language that it names.
    refusals_have_reasons: "DSP0226 14.2",
        shows: |host| { host.refuses(&short(), fault::TOO_FEW_SELECTORS) }
        reads: |refusal| { assert!(refusal.of("s:Text").len() > 10 && refusal.text.contains("<s:Text xml:lang=\"en-US\">")); }
        spoils: |refusal| { [refusal.with(&refusal.of("s:Text"), "no"), refusal.with("<s:Text xml:lang=\"en-US\">", "<s:Text>")] }

    /// A refusal's detail begins with WS-Management's own URI for it, where there is one.
    details_are_uris: "MS-WSMV 3.1.4.1.21",
        shows: |host| { host.refuses(&short(), fault::TOO_FEW_SELECTORS) }
        reads: |refusal| { assert_eq!(refusal.of("w:FaultDetail"), "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/InsufficientSelectors"); }
        spoils: |refusal| { [refusal.with("http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/InsufficientSelectors", "InsufficientSelectors"), refusal.lacking("w:FaultDetail")] }

    /// The service's own fault says its number and the machine.
    service_faults_say_number_and_machine: "MS-WSMV 2.2.4.43, 4.10",
        shows: |host| { host.refuses(&short(), fault::TOO_FEW_SELECTORS) }
        reads: |refusal| {
            assert_eq!(refusal.attribute("f:WSManFault", "Code").as_deref(), Some("2150858842"));
            assert_eq!(refusal.attribute("f:WSManFault", "Machine").as_deref(), Some("HV01"));
            assert_eq!(refusal.inside("f:WSManFault"), ["f:Message"]);
        }
        spoils: |refusal| { [refusal.with("2150858842", "0x8033805A"), refusal.with("Machine=\"HV01\"", ""), refusal.lacking("f:Message")] }

    /// WMI's refusals carry its error as an instance of `MSFT_WmiError`, under an internal error.
    wmi_errors_are_instances: "capture pywinrm fixture, field notes b.7",
        shows: |host| { host.refuses(&lost(), fault::WBEM_INVALID_CLASS) }
        reads: |refusal| {
            assert_eq!(refusal.attribute("p:MSFT_WmiError", "b:IsCIM_Error").as_deref(), Some("true"));
            assert_eq!(refusal.namespace("MSFT_WmiError"), "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError");
            assert_eq!((refusal.subcode().as_str(), refusal.of("p:error_Type").as_str()), ("w:InternalError", "HRESULT"));
            assert_eq!((refusal.of("p:MessageID").as_str(), refusal.of("p:error_Code").as_str()), ("HRESULT 0x80041010", "2147749904"));
        }
        spoils: |refusal| { [refusal.with("b:IsCIM_Error=\"true\"", ""), refusal.with("w:InternalError", "w:InvalidParameter"), refusal.with(">2147749904<", ">0x80041010<"), refusal.lacking("p:error_Type")] }

    /// WMI's errors say CIM's status too.
    wmi_errors_have_a_cim_status: "DSP0223, capture pywinrm fixture",
        shows: |host| {
            let odd = Ask::wql(CIMV2, "SELECT * FROM Win32_Service WHERE Colour = 1");
            vec![host.refuses(&lost(), fault::WBEM_INVALID_CLASS), host.refuses(&odd, fault::WBEM_INVALID_QUERY)]
        }
        reads: |refusals| { assert_eq!(refusals.iter().map(|refusal| refusal.of("p:CIMStatusCode")).collect::<Vec<_>>(), ["5", "15"]); }
        spoils: |refusals| { [vec![refusals[0].lacking("p:CIMStatusCode"), refusals[1].clone()], vec![refusals[0].clone(), refusals[1].with(">15<", ">1<")]] }

    /// The action of a refusal tells its family.
    fault_actions_tell_their_family: "wsman-fault-table.tsv, DSP0226 14.6",
        shows: |host| {
            let elsewhere = format!("<p:Win32_Service xmlns:p=\"{}\"/>", SERVICE.replace("cimv2", "default"));
            let put = Ask::put(SERVICE, "").select(&[("Name", "Alpha")]).saying(&elsewhere);
            vec![
                host.refuses(&short(), fault::TOO_FEW_SELECTORS),
                host.refuses(&Ask::get(SERVICE).select(&[("Name", "none")]), fault::RESOURCE_NOT_FOUND),
                host.refuses(&Ask::pull(SERVICE, "x", ""), fault::INVALID_CONTEXT),
                host.refuses(&put, fault::XML_NAMESPACE),
                host.refuses(&Ask::unsubscribe(SERVICE, "x"), fault::EVENTING_MESSAGE),
            ]
        }
        reads: |refusals| {
            let family = |action: String| action.strip_suffix("/fault").unwrap().rsplit('/').next().unwrap().to_owned();
            let families: Vec<String> = refusals.iter().map(|refusal| family(refusal.of("a:Action"))).collect();
            assert_eq!(families, ["wsman", "addressing", "enumeration", "transfer", "eventing"]);
        }
        spoils: |refusals| {
            let spoilt = |at: usize, old: &str, new: &str| {
                let mut all = refusals.clone();
                all[at] = refusals[at].with(old, new);
                all
            };
            [
                spoilt(0, "wsman/1/wsman/fault<", "wsman/1/wsman/GetResponse<"),
                spoilt(1, "addressing/fault<", "eventing/fault<"),
                spoilt(2, "enumeration/fault<", "enumeration/PullResponse<"),
                spoilt(3, "transfer/fault<", "addressing/fault<"),
            ]
        }

    /// Who may log on and has no right to the resource is refused, whatever is asked but who is there.
    rights_are_needed: "MS-WSMV 3.1.4.1.28, code 5",
        holds: |host| {
            host.as_helper();
            host.accepts(&Ask::identify());
        }
        breaks: |host| {
            host.as_helper();
            for ask in [Ask::get_alpha(), Ask::enumerate(SERVICE, ""), Ask::open_shell(""), Ask::invoke(SERVICE, "StopService", "").select(&[("Name", "Alpha")])] {
                let refusal = host.refuses(&ask, fault::ACCESS_DENIED);
                assert_eq!((refusal.all("s:Value")[0].as_str(), refusal.subcode().as_str()), ("s:Sender", "w:AccessDenied"));
            }
            assert!(host.sim.mutations().is_empty());
        }

    /// An action that nobody knows is refused, on any resource.
    actions_are_known: "DSP0226 14.6, code 2150858771",
        holds: |host| { host.accepts(&Ask::get_vm()); }
        breaks: |host| {
            for action in ["http://example.org/Frobnicate", "http://schemas.xmlsoap.org/ws/2004/09/transfer/Fetch"] {
                host.refuses(&Ask::get_vm().with("a:Action", action), fault::ACTION_NOT_SUPPORTED);
            }
        }

    /// An action's body is what the action names.
    bodies_fit_their_actions: "DSP0226 14.6, code 2150858817",
        holds: |host| { host.accepts(&Ask::enumerate(SERVICE, "")); }
        breaks: |host| {
            for body in ["", "<n:Pull/>", "<n:enumerate/>", "<x:Enumerate/>"] {
                host.refuses(&Ask::enumerate(SERVICE, "").saying(body), fault::SCHEMA_VALIDATION);
            }
        }

    /// What is no XML is refused before anything of it is believed.
    envelopes_are_xml: "DSP0226 13.1, code 2150858819",
        holds: |host| { host.accepts_text(&format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}", Ask::get_vm().text())); }
        breaks: |host| {
            let whole = Ask::get_vm().text();
            for torn in [&whole[..whole.len() / 2], &whole.replace("</s:Header>", ""), "<hello", "{}", ""] {
                assert_eq!(host.refuses_text(torn, fault::INVALID_XML).status, 400);
            }
        }

    /// A document type is refused, and no entity but XML's own is known.
    no_document_type_is_read: "DSP0226 13.1",
        holds: |host| { host.accepts(&Ask::get_vm().with("a:MessageID", "&#117;&quot;&amp;")); }
        breaks: |host| {
            let typed = format!("<!DOCTYPE x [<!ENTITY y \"z\">]>{}", Ask::get_vm().text());
            host.refuses_text(&typed, fault::INVALID_XML);
            host.refuses_text(&Ask::get_vm().with("a:MessageID", "&y;").text(), fault::INVALID_XML);
        }

    /// An envelope of SOAP 1.1 is refused for its version.
    envelopes_are_of_soap_1_2: "SOAP 1.2 part 1, 5.4.7; code 2150858765",
        holds: |host| { host.accepts(&Ask::get_vm()); }
        breaks: |host| {
            let old = Ask::get_vm().text().replace("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/");
            assert_eq!(host.refuses_text(&old, fault::VERSION_MISMATCH).all("s:Value"), ["s:VersionMismatch"]);
        }

    /// Elements nest to a depth that has an end.
    nesting_has_an_end: "DSP0226 13.1",
        holds: |host| { host.accepts(&Ask::get_vm().block("z:Deep", &format!("<z:Deep xmlns:z=\"urn:z\">{}{}</z:Deep>", "<z:In>".repeat(20), "</z:In>".repeat(20)))); }
        breaks: |host| {
            let deep = format!("<z:Deep xmlns:z=\"urn:z\">{}{}</z:Deep>", "<z:In>".repeat(2000), "</z:In>".repeat(2000));
            host.refuses(&Ask::get_vm().block("z:Deep", &deep), fault::INVALID_XML);
        }

    /// A host that is asked again after a refusal answers as if there had been none.
    refusals_leave_nothing_behind: "DSP0226 14.1",
        holds: |host| { host.accepts(&Ask::get_vm()); }
        breaks: |host| {
            host.refuses(&short(), fault::TOO_FEW_SELECTORS);
            host.refuses(&lost(), fault::WBEM_INVALID_CLASS);
            host.accepts(&Ask::get_vm());
            assert!(host.sim.mutations().is_empty());
        }
}
