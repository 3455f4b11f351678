//! What our client sends, and what it does not: no host of ours has a hand in it.

use std::time::Duration;

use wsman::auth::Cleartext;
use wsman::cim::{CimDatetime, CimInstance, CimPath, CimValue, Namespace};
use wsman::event::{Event, EventQuery, SubscribeSettings};
use wsman::shell::{Program, ShellSettings};
use wsman::{Error, Settings};

use super::bench::written::{
    answer, begun, complete, fault as refusal, instance, output, page, received, reference, service, shell, signalled, started, subscribed,
};
use super::bench::{Answer, CMD, SERVICE, SHELL, VIRTUALIZATION, Wire, basic, fault};

const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const MANAGEMENT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_VirtualSystemManagementService";
const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";

fn alpha() -> CimPath {
    CimPath::class_of(Namespace::CIMV2, "Win32_Service").with_key("Name", "Alpha")
}

fn machine(id: &str) -> CimPath {
    CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_ComputerSystem")
        .with_key("CreationClassName", "Msvm_ComputerSystem")
        .with_key("Name", id)
}

fn management() -> CimPath {
    let class = "Msvm_VirtualSystemManagementService";
    CimPath::class_of(Namespace::VIRTUALIZATION, class).with_key("CreationClassName", class)
}

fn services() -> EventQuery {
    EventQuery::Wmi(
        Namespace::CIMV2,
        "SELECT * FROM __InstanceModificationEvent WITHIN 2 WHERE TargetInstance ISA 'Win32_Service'".to_owned(),
    )
}

/// The one request of a Get.
fn got(wire: &mut Wire) -> Answer {
    wire.answers(200, answer(&service("Alpha")));
    wire.takes(|client| async move { client.get(&alpha()).await });
    wire.asked().remove(0)
}

/// The requests of a query whose answer comes in three pages.
fn queried(wire: &mut Wire) -> Vec<Answer> {
    wire.answers(200, begun("uuid:1"));
    wire.answers(200, page(Some("uuid:2"), &service("Alpha")));
    wire.answers(200, page(Some("uuid:3"), &service("Beta")));
    wire.answers(200, page(None, &service("Gamma")));
    let found = wire.takes(|client| async move { client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Service").await });
    assert_eq!(found.len(), 3);
    wire.asked()
}

/// The one request of a call of the management service.
fn called(wire: &mut Wire, method: &'static str, values: Vec<(&'static str, CimValue)>) -> Answer {
    wire.answers(200, output(MANAGEMENT, method, "<p:Job xsi:nil=\"true\"/><p:ReturnValue>0</p:ReturnValue>"));
    wire.takes(|client| async move { client.invoke(&management(), method, &values).await });
    wire.asked().remove(0)
}

/// The requests of a command that is run in a shell of its own.
fn ran(wire: &mut Wire) -> Vec<Answer> {
    wire.answers(200, shell("S-1"));
    wire.answers(200, started("C-1"));
    wire.answers(200, received("<rsp:Stream Name=\"stdout\" CommandId=\"C-1\">SFYwMQ0K</rsp:Stream>", "Done"));
    wire.answers(200, signalled());
    wire.answers(200, answer(""));
    let finished = wire.takes(|client| async move { client.run(&Program::new("hostname"), 1000).await });
    assert_eq!(finished.stdout(), "HV01\r\n");
    wire.asked()
}

/// The requests of a subscription of which one event is read.
fn listened(wire: &mut Wire) -> Vec<Answer> {
    let event = format!("{}/__InstanceModificationEvent", SERVICE.rsplit_once('/').unwrap().0);
    wire.answers(200, subscribed("ID-1", "uuid:1", "PT3600.000S"));
    wire.answers(200, page(Some("uuid:2"), &instance(&event, "")));
    wire.answers(200, answer("<e:UnsubscribeResponse/>"));
    wire.takes(|client| async move {
        let mut events = client.subscribe(services(), SubscribeSettings::default()).await?;
        let event = events.next().await;
        events.close().await;
        event
    });
    wire.asked()
}

fn actions(requests: &[Answer]) -> Vec<String> {
    requests.iter().map(|request| request.of("a:Action").rsplit('/').next().unwrap().to_owned()).collect()
}

/// These requests, the one at `at` spoilt.
fn with(requests: &[Answer], at: usize, spoilt: Answer) -> Vec<Answer> {
    let mut requests = requests.to_vec();
    requests[at] = spoilt;
    requests
}

rules! {
    on Wire;

    /// The client sends every header that a host demands, each once.
    requests_have_their_headers: "DSP0226 5.4, MS-WSMV 3.1.4.1",
        shows: |wire| { got(wire) }
        reads: |request| {
            for header in ["a:To", "a:Action", "a:MessageID", "a:ReplyTo", "w:ResourceURI", "w:MaxEnvelopeSize", "w:OperationTimeout", "w:SelectorSet"] {
                assert_eq!(request.count(header), 1, "{header}");
            }
            assert_eq!((request.inside("a:ReplyTo"), request.of("a:ReplyTo").as_str()), (vec!["a:Address".to_owned()], ANONYMOUS));
            assert_eq!((request.of("w:ResourceURI").as_str(), request.selector("Name").as_deref()), (SERVICE, Some("Alpha")));
        }
        spoils: |request| {
            [
                request.lacking("a:MessageID"),
                request.doubling("a:Action"),
                request.lacking("a:ReplyTo"),
                request.with("role/anonymous", "role/none"),
                request.lacking("w:SelectorSet"),
                request.with("/Win32_Service<", "/*<"),
            ]
        }

    /// Each request has a name that no other has.
    requests_have_names_of_their_own: "MS-WSMV 3.2.4.1.1",
        shows: |wire| { queried(wire) }
        reads: |requests| {
            let mut names: Vec<String> = requests.iter().map(|request| request.of("a:MessageID")).collect();
            assert!(names.iter().all(|name| name.starts_with("uuid:") && name.len() == 41), "{names:?}");
            names.sort();
            names.dedup();
            assert_eq!(names.len(), requests.len());
        }
        spoils: |requests| {
            let (first, second) = (requests[0].of("a:MessageID"), requests[1].of("a:MessageID"));
            [with(requests, 1, requests[1].with(&second, &first)), with(requests, 0, requests[0].with("<a:MessageID>uuid:", "<a:MessageID>"))]
        }

    /// Each request says how large its answer may be, and how long the host may take.
    requests_say_their_limits: "MS-WSMV 3.2.4.1.2, 3.2.4.1.3",
        shows: |wire| { got(wire) }
        reads: |request| {
            assert_eq!(request.of("w:OperationTimeout"), "PT60.000S");
            assert!(request.of("w:MaxEnvelopeSize").parse::<u32>().unwrap() >= 8192);
        }
        spoils: |request| {
            [
                request.lacking("w:OperationTimeout"),
                request.with("PT60.000S", "60"),
                request.with(&request.of("w:MaxEnvelopeSize"), "8000"),
                request.with(&request.of("w:MaxEnvelopeSize"), "500 KB"),
            ]
        }

    /// The client wishes for a language, and never insists on it.
    languages_are_wishes: "MS-WSMV 3.1.4.1.8, 3.1.4.1.9",
        shows: |wire| { got(wire) }
        reads: |request| {
            for name in ["w:Locale", "m:DataLocale"] {
                assert_eq!((request.count(name), request.attribute(name, "s:mustUnderstand").as_deref()), (1, Some("false")), "{name}");
                assert!(request.markup(name).contains("xml:lang=\"en-US\""), "{}", request.markup(name));
            }
        }
        spoils: |request| {
            let strict = |name: &str| request.with(request.markup(name), &request.markup(name).replace("\"false\"", "\"true\""));
            [strict("w:Locale"), strict("m:DataLocale"), request.lacking("m:DataLocale")]
        }

    /// Reading, changing, making and removing are asked for by WS-Transfer's actions.
    transfers_have_their_actions: "DSP0226 7.4-7.6, MS-WSMV 4.1.1, 4.1.3",
        shows: |wire| {
            wire.answers(200, answer(&service("Alpha")));
            wire.answers(200, answer(&service("Alpha")));
            wire.answers(200, answer(&format!("<x:ResourceCreated>{}</x:ResourceCreated>", reference(SERVICE, "Name", "New"))));
            wire.answers(200, answer(""));
            let changed = || CimInstance::new("Win32_Service").with("Description", "x");
            wire.takes(|client| async move { client.get(&alpha()).await });
            wire.takes(|client| async move { client.put(&alpha(), &changed()).await });
            wire.takes(|client| async move { client.create(&Namespace::CIMV2, &changed()).await });
            wire.takes(|client| async move { client.delete(&alpha()).await });
            wire.asked()
        }
        reads: |requests| {
            let named: Vec<String> = requests.iter().map(|request| request.of("a:Action")).collect();
            assert_eq!(named, ["Get", "Put", "Create", "Delete"].map(|verb| format!("{TRANSFER}/{verb}")));
            assert_eq!(requests.iter().map(|request| request.has("w:SelectorSet")).collect::<Vec<_>>(), [true, true, false, true]);
            assert_eq!(requests.iter().map(|request| request.inside("s:Body").len()).collect::<Vec<_>>(), [0, 1, 1, 0]);
            assert_eq!(requests[1].inside("p:Win32_Service"), ["p:Description"]);
        }
        spoils: |requests| {
            [
                with(requests, 0, requests[0].with("transfer/Get", "transfer/Fetch")),
                with(requests, 1, requests[1].lacking("w:SelectorSet")),
                with(requests, 1, requests[1].with("</p:Description>", "</p:Description><p:Name>Alpha</p:Name>")),
                with(requests, 3, requests[3].with("<s:Body></s:Body>", "<s:Body><x:Delete/></s:Body>")),
            ]
        }

    /// What stands in a key is text, whatever it looks like.
    keys_are_text: "XML 1.0 2.4, DSP0226 5.1.2.2",
        shows: |wire| {
            wire.answers(200, answer(&service("x")));
            let path = CimPath::class_of(Namespace::CIMV2, "Win32_Service").with_key("Name", "a</w:Selector><x/> & \"b\"");
            wire.takes(|client| async move { client.get(&path).await });
            wire.asked().remove(0)
        }
        reads: |request| { assert_eq!((request.count("w:Selector"), request.selector("Name").as_deref()), (1, Some("a</w:Selector><x/> & \"b\""))); }
        spoils: |request| { [request.with("&lt;/w:Selector&gt;&lt;x/&gt;", "<x/>"), request.with("&amp;", "&amp;amp;")] }

    /// The client asks with WQL on the URI of all classes.
    queries_stand_on_all_classes: "code 2150859003",
        shows: |wire| {
            wire.answers(200, complete(""));
            wire.takes(|client| async move { client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Service WHERE ExitCode < 5").await });
            wire.asked().remove(0)
        }
        reads: |request| {
            assert!(request.of("w:ResourceURI").ends_with("/wmi/root/cimv2/*"));
            assert_eq!(request.attribute("w:Filter", "Dialect").as_deref(), Some("http://schemas.microsoft.com/wbem/wsman/1/WQL"));
            assert_eq!(request.of("w:Filter"), "SELECT * FROM Win32_Service WHERE ExitCode < 5");
        }
        spoils: |request| { [request.with("cimv2/*<", "cimv2/Win32_Service<"), request.with("wsman/1/WQL", "wsman/1/wql2"), request.with("&lt;", "&gt;")] }

    /// The client asks for the first items at once, and for many of them.
    enumerations_are_optimised: "DSP0226 8.2.3, MS-WSMV 3.2.4.1.11",
        shows: |wire| { queried(wire) }
        reads: |requests| {
            assert!(requests[0].has("w:OptimizeEnumeration") && requests[0].of("w:MaxElements").parse::<u32>().unwrap() > 100);
            assert!(requests[1..].iter().all(|request| request.of("n:MaxElements").parse::<u32>().unwrap() > 100));
            assert_eq!(requests[0].of("a:Action"), format!("{ENUMERATION}/Enumerate"));
            assert!(requests[1..].iter().all(|request| request.of("a:Action") == format!("{ENUMERATION}/Pull")));
        }
        spoils: |requests| {
            [
                with(requests, 0, requests[0].lacking("w:OptimizeEnumeration")),
                with(requests, 1, requests[1].lacking("n:MaxElements")),
                with(requests, 2, requests[2].with("enumeration/Pull", "enumeration/Release")),
            ]
        }

    /// The client pulls with the context of the last page, never with an older one.
    pulls_use_the_last_context: "MS-WSMV 4.1.2, capture real-windows/pull_resp_01",
        shows: |wire| { queried(wire) }
        reads: |requests| {
            let used: Vec<String> = requests[1..].iter().map(|request| request.of("n:EnumerationContext")).collect();
            assert_eq!(used, ["uuid:1", "uuid:2", "uuid:3"]);
        }
        spoils: |requests| { [with(requests, 2, requests[2].with(">uuid:2<", ">uuid:1<")), requests[..3].to_vec()] }

    /// An enumeration that is not read to its end is released.
    abandoned_enumerations_are_released: "MS-WSMV 3.1.4.10, field notes b.3",
        shows: |wire| {
            wire.answers(200, begun("uuid:1"));
            wire.answers(500, refusal(fault::ACCESS_DENIED, "w:AccessDenied"));
            wire.answers(200, answer(""));
            wire.refuses(|client| async move { client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Service").await });
            wire.asked()
        }
        reads: |requests| {
            assert_eq!(actions(requests), ["Enumerate", "Pull", "Release"]);
            assert_eq!((requests[2].of("n:EnumerationContext").as_str(), requests[2].inside("s:Body")), ("uuid:1", vec!["n:Release".to_owned()]));
        }
        spoils: |requests| { [requests[..2].to_vec(), with(requests, 2, requests[2].with(">uuid:1<", ">uuid:0<"))] }

    /// A method is called by its class's URI and its name, with an input even where it takes nothing.
    methods_are_called_by_name: "MS-WSMV 3.1.4.1.32, field notes b.6",
        shows: |wire| {
            wire.answers(200, output(SERVICE, "StopService", "<p:ReturnValue>0</p:ReturnValue>"));
            wire.takes(|client| async move { client.invoke(&alpha(), "StopService", &[]).await });
            wire.asked().remove(0)
        }
        reads: |request| {
            assert_eq!((request.of("a:Action"), request.of("w:ResourceURI").as_str()), (format!("{SERVICE}/StopService"), SERVICE));
            assert_eq!((request.inside("s:Body"), request.namespace("StopService_INPUT").as_str()), (vec!["p:StopService_INPUT".to_owned()], SERVICE));
            assert!(request.inside("p:StopService_INPUT").is_empty());
        }
        spoils: |request| {
            [
                request.with("Win32_Service/StopService<", "Win32_Service#StopService<"),
                request.lacking("p:StopService_INPUT"),
                request.with("StopService_INPUT xmlns:p=\"http", "StopService_INPUT xmlns:p=\"urn:http"),
            ]
        }

    /// A reference is sent with its parts directly inside the parameter.
    references_stand_directly: "field notes a.3, b.6",
        shows: |wire| { called(wire, "DestroySystem", vec![("AffectedSystem", CimValue::from(machine("A-1")))]) }
        reads: |request| {
            assert_eq!(request.inside("p:AffectedSystem"), ["a:Address", "a:ReferenceParameters"]);
            assert_eq!(request.inside("a:ReferenceParameters"), ["w:ResourceURI", "w:SelectorSet"]);
            assert_eq!(request.all("w:ResourceURI")[1], format!("{VIRTUALIZATION}/Msvm_ComputerSystem"));
            assert_eq!(request.selector("Name").as_deref(), Some("A-1"));
        }
        spoils: |request| {
            let parts = request.markup("p:AffectedSystem").split_once('>').unwrap().1.trim_end_matches("</p:AffectedSystem>");
            [
                request.with(parts, &format!("<a:EndpointReference>{parts}</a:EndpointReference>")),
                request.with(parts, "Msvm_ComputerSystem.Name=\"A-1\""),
                request.with("<w:Selector Name=\"Name\"", "<w:Selector Name=\"Names\""),
            ]
        }

    /// An embedded instance is sent as the text of CIM-XML, with what is to change and no more.
    embedded_instances_are_text: "field notes a.3, b.4",
        shows: |wire| {
            let settings = CimInstance::new("Msvm_VirtualSystemSettingData").with("ElementName", "a & <b>").with("Notes", CimValue::from(vec!["one", "two"]));
            called(wire, "ModifySystemSettings", vec![("SystemSettings", CimValue::from(settings))])
        }
        reads: |request| {
            assert!(request.inside("p:SystemSettings").is_empty());
            let text = request.of("p:SystemSettings");
            let inner = Answer { text: text.clone(), ..request.clone() };
            assert_eq!(inner.all("VALUE"), ["a & <b>", "one", "two"]);
            assert!(text.contains("<INSTANCE CLASSNAME=\"Msvm_VirtualSystemSettingData\">"), "{text}");
            assert_eq!((inner.inside("INSTANCE"), inner.inside("PROPERTY.ARRAY")), (vec!["PROPERTY".to_owned(), "PROPERTY.ARRAY".to_owned()], vec!["VALUE.ARRAY".to_owned()]));
        }
        spoils: |request| {
            let text = request.of("p:SystemSettings");
            [
                request.with(request.markup("p:SystemSettings"), &format!("<p:SystemSettings xmlns:p=\"{MANAGEMENT}\">{text}</p:SystemSettings>")),
                request.with("PROPERTY.ARRAY NAME", "PROPERTY NAME").with("/PROPERTY.ARRAY", "/PROPERTY"),
                request.with("&lt;VALUE&gt;two", "&lt;VALUE&gt;three"),
            ]
        }

    /// Inside an embedded instance a length of time is written in CIM's own form, and everywhere else in XML Schema's.
    embedded_datetimes_are_cims: "field notes b.4, DSP0230 8",
        shows: |wire| {
            let delay = || CimDatetime::parse("PT30M").unwrap();
            let settings = CimInstance::new("Msvm_VirtualSystemSettingData").with("AutomaticStartupActionDelay", delay());
            let embedded = called(wire, "ModifySystemSettings", vec![("SystemSettings", CimValue::from(settings))]);
            wire.answers(200, output(&format!("{VIRTUALIZATION}/Msvm_ComputerSystem"), "RequestStateChange", "<p:ReturnValue>0</p:ReturnValue>"));
            wire.takes(|client| async move { client.invoke(&machine("A-1"), "RequestStateChange", &[("TimeoutPeriod", delay().into())]).await });
            vec![embedded, wire.asked().remove(1)]
        }
        reads: |requests| {
            assert!(requests[0].of("p:SystemSettings").contains("TYPE=\"datetime\"><VALUE>00000000003000.000000:000</VALUE>"), "{}", requests[0].text);
            assert_eq!((requests[1].inside("p:TimeoutPeriod"), requests[1].of("p:TimeoutPeriod").as_str()), (vec!["cim:Interval".to_owned()], "P0DT0H30M0S"));
        }
        spoils: |requests| {
            [
                with(requests, 0, requests[0].with("00000000003000.000000:000", "PT30M")),
                with(requests, 1, requests[1].with("P0DT0H30M0S", "00000000003000.000000:000")),
            ]
        }

    /// An array is sent as one element for each value.
    arrays_are_repeated: "DSP0230 9.2.2",
        shows: |wire| {
            let references = vec![CimValue::from(machine("A-1")), CimValue::from(machine("A-2"))];
            called(wire, "RemoveResourceSettings", vec![("ResourceSettings", CimValue::Array(references))])
        }
        reads: |request| {
            assert_eq!(request.inside("p:RemoveResourceSettings_INPUT"), ["p:ResourceSettings", "p:ResourceSettings"]);
            assert!(request.text.contains(">A-1<") && request.text.contains(">A-2<"));
        }
        spoils: |request| { [request.lacking("p:ResourceSettings"), request.with("</p:ResourceSettings><p:ResourceSettings>", "")] }

    /// An instance whose path lacks a key, or has one that the class does not know, is not asked for.
    incomplete_paths_are_not_sent: "DSP0226 5.1.2.2, codes 2150858842, 2150858843",
        holds: |wire| { got(wire); }
        breaks: |wire| {
            for path in [CimPath::class_of(Namespace::CIMV2, "Win32_Service"), alpha().with_key("Colour", "red")] {
                let error = wire.refuses(|client| async move { client.get(&path).await });
                assert!(matches!(error, Error::Refused { .. }), "{error:?}");
            }
            assert!(wire.requests().is_empty());
        }

    /// A parameter or a property that the class table does not state is not sent.
    unknown_names_are_not_sent: "code 2150858817, field notes b.6",
        holds: |wire| { called(wire, "DestroySystem", vec![("AffectedSystem", CimValue::from(machine("A-1")))]); }
        breaks: |wire| {
            wire.refuses(|client| async move { client.invoke(&management(), "DestroySystem", &[("Sytsem", CimValue::Null)]).await });
            wire.refuses(|client| async move { client.put(&alpha(), &CimInstance::new("Win32_Service").with("Colour", "red")).await });
            let settings = CimValue::from(CimInstance::new("Msvm_VirtualSystemSettingData").with("Colour", "red"));
            wire.refuses(|client| async move { client.invoke(&management(), "DefineSystem", &[("SystemSettings", settings)]).await });
            assert!(wire.requests().is_empty());
        }

    /// A value of another type than the declared one, or out of its range, is not sent.
    other_types_are_not_sent: "DSP0230 8, 9",
        holds: |wire| {
            wire.answers(200, output(&format!("{VIRTUALIZATION}/Msvm_ComputerSystem"), "RequestStateChange", "<p:ReturnValue>0</p:ReturnValue>"));
            wire.takes(|client| async move { client.invoke(&machine("A-1"), "RequestStateChange", &[("RequestedState", 65_535_u32.into())]).await });
        }
        breaks: |wire| {
            for value in [CimValue::from(65_536_u32), CimValue::from("2"), CimValue::from(vec!["2"]), CimValue::from(true)] {
                let error = wire.refuses(|client| async move { client.invoke(&machine("A-1"), "RequestStateChange", &[("RequestedState", value)]).await });
                assert!(matches!(error, Error::Refused { .. }), "{error:?}");
            }
            wire.refuses(|client| async move { client.invoke(&management(), "DestroySystem", &[("AffectedSystem", "A-1".into())]).await });
            assert!(wire.requests().is_empty());
        }

    /// A password is not sent in clear, unless that was asked for.
    passwords_are_not_sent_in_clear: "MS-WSMV 5.1, RFC 7617 4",
        holds: |wire| {
            got(wire);
            assert!(wire.heads()[0].contains("authorization: basic "));
        }
        breaks: |wire| {
            wire.is(basic(Cleartext::Refused), Settings::default());
            wire.answers(200, answer(&service("Alpha")));
            let error = wire.refuses(|client| async move { client.get(&alpha()).await });
            assert!(matches!(error, Error::Unauthorized { .. }) && wire.heads().is_empty(), "{error:?}");
        }

    /// A read whose answer was lost is asked for once more; what changes the host never is.
    acts_are_not_repeated: "DSP0226 9, RFC 9110 9.2.2",
        holds: |wire| {
            wire.hangs_up();
            got(wire);
            assert_eq!(wire.requests().len(), 2);
        }
        breaks: |wire| {
            for _ in 0..3 {
                wire.hangs_up();
            }
            let error = wire.refuses(|client| async move { client.invoke(&alpha(), "StopService", &[]).await });
            assert!(matches!(error, Error::NoAnswer { .. }) && error.outcome_unknown(), "{error:?}");
            assert_eq!(wire.requests().len(), 1);
            wire.refuses(|client| async move { client.get(&alpha()).await });
            assert_eq!(wire.requests().len(), 3);
        }

    /// A request ends in time, whatever the host does.
    requests_end_in_time: "MS-WSMV 3.2.4.1.2, 3.2.5.1",
        holds: |wire| { got(wire); }
        breaks: |wire| {
            wire.is(basic(Cleartext::Allowed), Settings { total_timeout: Duration::from_secs(7), ..Settings::default() });
            wire.waits();
            let error = wire.refuses(|client| async move {
                let begun = tokio::time::Instant::now();
                let got = client.get(&alpha()).await;
                assert_eq!(begun.elapsed().as_secs(), 7);
                got
            });
            assert!(matches!(error, Error::NoAnswer { .. }) && wire.requests().len() == 1, "{error:?}");
        }

    /// A subscription is pulled, with a sign of life wished for, and ended by its own name.
    subscriptions_are_pulled: "MS-WSMV 3.1.4.6, 3.1.4.7, capture real-windows/REQUEST-subscribe-eventlog",
        shows: |wire| { listened(wire) }
        reads: |requests| {
            assert_eq!(actions(requests), ["Subscribe", "Pull", "Unsubscribe"]);
            assert_eq!(requests[0].attribute("e:Delivery", "Mode").as_deref(), Some("http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull"));
            assert_eq!((requests[0].of("w:Heartbeats").as_str(), requests[0].of("e:Expires").as_str()), ("PT30.000S", "PT3600.000S"));
            assert_eq!((requests[1].of("n:EnumerationContext").as_str(), requests[2].of("e:Identifier").as_str()), ("uuid:1", "ID-1"));
            assert!(requests[2].of("w:ResourceURI").ends_with("/root/cimv2/*") && requests[2].inside("s:Body") == ["e:Unsubscribe"]);
        }
        spoils: |requests| {
            [
                with(requests, 0, requests[0].with("wsman/1/wsman/Pull", "wsman/1/wsman/Events")),
                with(requests, 0, requests[0].lacking("w:Heartbeats")),
                with(requests, 1, requests[1].with(">uuid:1<", ">uuid:2<")),
                with(requests, 2, requests[2].lacking("e:Identifier")),
                requests[..2].to_vec(),
            ]
        }

    /// A subscription whose time is over is made again, never renewed.
    subscriptions_are_made_again: "MS-WSMV 3.1.4.1.30.4",
        shows: |wire| {
            wire.answers(200, subscribed("ID-1", "uuid:1", "PT60.000S"));
            wire.answers(200, subscribed("ID-2", "uuid:2", "PT60.000S"));
            wire.answers(200, answer("<e:UnsubscribeResponse/>"));
            let told = wire.takes(|client| async move {
                let mut events = client.subscribe(services(), SubscribeSettings::default()).await?;
                tokio::time::sleep(Duration::from_secs(61)).await;
                events.next().await
            });
            assert_eq!(told, Event::Resumed);
            wire.asked()
        }
        reads: |requests| {
            assert_eq!(actions(&requests[..2]), ["Subscribe", "Subscribe"]);
            assert!(actions(requests).iter().all(|action| action != "Renew"));
        }
        spoils: |requests| { [with(requests, 1, requests[1].with("eventing/Subscribe", "eventing/Renew"))] }

    /// A shell is asked for with its streams and a code page that holds every character.
    shells_are_asked_for: "MS-WSMV 3.1.4.5.2, capture clients/winrs-pywinrm-Create",
        shows: |wire| { ran(wire) }
        reads: |requests| {
            assert_eq!((requests[0].of("w:ResourceURI").as_str(), requests[0].has("w:SelectorSet")), (CMD, false));
            assert_eq!((requests[0].of("rsp:InputStreams").as_str(), requests[0].of("rsp:OutputStreams").as_str()), ("stdin", "stdout stderr"));
            let options = requests[0].attributes("w:Option", "Name").into_iter().zip(requests[0].all("w:Option")).collect::<Vec<_>>();
            assert!(options.contains(&("WINRS_CODEPAGE".to_owned(), "65001".to_owned())), "{options:?}");
            assert!(requests[1..].iter().all(|request| request.selector("ShellId").as_deref() == Some("S-1") && request.of("w:ResourceURI") == CMD));
        }
        spoils: |requests| {
            [
                with(requests, 0, requests[0].with(">65001<", ">437<")),
                with(requests, 0, requests[0].lacking("rsp:OutputStreams")),
                with(requests, 2, requests[2].with("\"ShellId\"", "\"Shell\"")),
                with(requests, 3, requests[3].with(">S-1<", ">S-2<")),
            ]
        }

    /// A command that has ended is let go of, and its shell is deleted.
    shells_are_left_tidy: "MS-WSMV 3.1.4.14, 3.1.4.4.1",
        shows: |wire| { ran(wire) }
        reads: |requests| {
            assert_eq!(actions(requests), ["Create", "Command", "Receive", "Signal", "Delete"]);
            assert_eq!(requests[3].of("rsp:Code").to_lowercase(), format!("{SHELL}/signal/terminate"));
            assert_eq!(requests[3].attribute("rsp:Signal", "CommandId").as_deref(), Some("C-1"));
            assert_eq!(requests[2].attribute("rsp:DesiredStream", "CommandId").as_deref(), Some("C-1"));
        }
        spoils: |requests| {
            [
                requests[..4].to_vec(),
                with(requests, 3, requests[3].with("signal/terminate", "signal/ctrl_c")),
                with(requests, 3, requests[3].with("\"C-1\"", "\"C-2\"")),
                [&requests[..3], &requests[4..]].concat(),
            ]
        }

    /// A program that no command line can carry is not sent.
    unspeakable_programs_are_not_sent: "MS-WSMV 2.2.4.7, <117>",
        holds: |wire| { ran(wire); }
        breaks: |wire| {
            for program in [Program::new("echo").arg("a\nb"), Program::new("e%cho"), Program::new("run.bat").arg("x"), Program::new("echo").arg("x".repeat(9000))] {
                wire.answers(200, shell("S-1"));
                wire.answers(200, answer(""));
                let error = wire.refuses(|client| async move { client.run(&program, 10).await });
                assert!(matches!(error, Error::Refused { .. }), "{error:?}");
                assert_eq!(wire.requests().len() % 2, 0, "the shell is made and deleted");
            }
            assert!(actions(&wire.asked()).iter().all(|action| action != "Command"));
        }

    /// A shell that is given up is deleted on the host, though nobody waits for that.
    dropped_shells_are_deleted: "MS-WSMV 3.1.4.4.1",
        shows: |wire| {
            wire.answers(200, shell("S-1"));
            wire.answers(200, answer(""));
            wire.takes(|client| async move { client.open_shell(&ShellSettings::default()).await.map(drop) });
            wire.asked()
        }
        reads: |requests| {
            assert_eq!((actions(requests), requests[1].selector("ShellId").as_deref()), (vec!["Create".to_owned(), "Delete".to_owned()], Some("S-1")));
        }
        spoils: |requests| { [requests[..1].to_vec(), with(requests, 1, requests[1].with("transfer/Delete", "transfer/Get"))] }
}
