//! Subscriptions: how one is made, how its events are pulled, how it ends. Only the pull mode is offered.

use std::time::Duration;

use super::bench::{Answer, Ask, CIMV2, EVENT_LOG, Host, SERVICE, fault};

const ALL: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*";
const EARLIEST: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/bookmark/earliest";

/// Changes of services, looked for every ten seconds.
const CHANGES: &str = "SELECT * FROM __InstanceModificationEvent WITHIN 10 WHERE TargetInstance ISA 'Win32_Service'";
/// What the service manager writes into the system's log.
const CRASHES: &str = "<QueryList><Query Id=\"0\" Path=\"System\"><Select Path=\"System\">*[System[Provider[@Name='Service Control Manager'] and (EventID=7034)]]</Select></Query></QueryList>";

/// Subscribes to changes of services.
fn watch(inner: &str) -> Ask {
    Ask::watch(CIMV2, CHANGES, inner)
}

/// Subscribes to crashes of services.
fn follow(inner: &str) -> Ask {
    Ask::follow(CRASHES, inner)
}

/// The next ten events.
fn pull(context: &str) -> Ask {
    Ask::pull(ALL, context, "<n:MaxElements>10</n:MaxElements>")
}

/// The same, for no longer than this many seconds.
fn pull_for(context: &str, seconds: u32) -> Ask {
    pull(context).with("w:OperationTimeout", &format!("PT{seconds}.000S"))
}

/// Subscribes, and has the service `Beta` stop.
fn stopped(host: &mut Host, ask: &Ask) -> String {
    let context = host.begins(ask);
    host.stops("Beta");
    context
}

/// The events of a subscription that is made as `ask` says, before `Beta` stops.
fn told(host: &mut Host, ask: &Ask) -> Answer {
    let context = stopped(host, ask);
    host.accepts(&pull(&context))
}

/// A subscription whose host gives a sign of life so often.
fn with_heartbeat(resource: &str, every: &str) -> Ask {
    let (dialect, query) = match resource {
        EVENT_LOG => ("http://schemas.microsoft.com/win/2004/08/events/eventquery", CRASHES),
        _ => ("http://schemas.microsoft.com/wbem/wsman/1/WQL", CHANGES),
    };
    let heartbeat = format!("<w:Heartbeats>{every}</w:Heartbeats>");
    Ask::subscribe_with(resource, &heartbeat, &format!("<w:Filter Dialect=\"{dialect}\">{query}</w:Filter>"))
}

rules! {
    on Host;

    /// A subscription is answered with who manages it, when it ends, and what its events are pulled with.
    subscriptions_are_answered: "MS-WSMV 3.1.4.6, capture real-windows/subscribe_resp",
        shows: |host| { host.accepts(&follow("")) }
        reads: |answer| {
            assert_eq!(answer.inside("e:SubscribeResponse"), ["e:SubscriptionManager", "e:Expires", "n:EnumerationContext"]);
            assert_eq!(answer.inside("e:SubscriptionManager"), ["a:Address", "a:ReferenceProperties"]);
            assert_eq!(answer.inside("a:ReferenceProperties"), ["w:ResourceURI", "e:Identifier"]);
            assert_eq!((answer.of("w:ResourceURI").as_str(), answer.of("e:Identifier").len()), (EVENT_LOG, 36));
            assert!(answer.of("n:EnumerationContext").starts_with("uuid:") && answer.of("a:Action").ends_with("/eventing/SubscribeResponse"));
        }
        spoils: |answer| {
            [
                answer.lacking("e:Expires"),
                answer.lacking("n:EnumerationContext"),
                answer.lacking("e:Identifier"),
                answer.with("ReferenceProperties>", "ReferenceParameters>").with("/a:ReferenceProperties>", "/a:ReferenceParameters>"),
                answer.with("windows/EventLog", "windows/Eventlogs"),
                answer.with("SubscribeResponse</a:Action>", "Subscribe</a:Action>"),
            ]
        }

    /// Events are pulled: the simulated hosts open no connections of their own to deliver them by.
    events_are_pulled: "DSP0226 10.2.9.1, code 2150858782",
        holds: |host| { host.begins(&watch("")); }
        breaks: |host| {
            let pull = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull";
            let modes = ["http://schemas.xmlsoap.org/ws/2004/08/eventing/DeliveryModes/Push", "http://schemas.dmtf.org/wbem/wsman/1/wsman/PushWithAck", "http://schemas.dmtf.org/wbem/wsman/1/wsman/Events", "urn:odd", ""];
            for mode in modes {
                let refusal = host.refuses_text(&watch("").text().replace(pull, mode), fault::DELIVERY_MODE);
                assert_eq!(refusal.subcode(), "e:DeliveryModeRequestedUnavailable");
            }
        }

    /// Subscribe has a subscription in its body.
    subscribe_has_its_body: "DSP0226 10.2, code 2150858817",
        holds: |host| { host.begins(&watch("")); }
        breaks: |host| {
            for body in ["", "<n:Subscribe/>", "<e:Unsubscribe/>"] {
                host.refuses(&watch("").saying(body), fault::SCHEMA_VALIDATION);
            }
        }

    /// A subscription whose client does not say how long it lives never ends, and is granted no time at all.
    subscriptions_last: "capture real-windows/subscribe_resp",
        shows: |host| {
            let begun = host.accepts(&watch(""));
            host.wait(Duration::from_secs(40 * 24 * 3600));
            host.stops("Beta");
            vec![begun.clone(), host.accepts(&pull(&begun.context()))]
        }
        reads: |answers| { assert_eq!((answers[0].of("e:Expires").as_str(), answers[1].count("p:__InstanceModificationEvent")), ("PT0.000S", 1)); }
        spoils: |answers| {
            [
                vec![answers[0].with("PT0.000S", "PT3600.000S"), answers[1].clone()],
                vec![answers[0].clone(), answers[1].with(answers[1].markup("p:__InstanceModificationEvent"), "")],
            ]
        }

    /// A life that is asked for is granted, and is over when it is over.
    subscriptions_end_in_time: "DSP0226 10.2, field notes b.8",
        holds: |host| {
            let begun = host.accepts(&watch("<e:Expires>PT60.000S</e:Expires>"));
            assert_eq!(begun.of("e:Expires"), "PT60.000S");
            host.wait(Duration::from_secs(45));
            host.stops("Beta");
            host.accepts(&pull(&begun.context()));
        }
        breaks: |host| {
            let begun = host.accepts(&watch("<e:Expires>PT60.000S</e:Expires>"));
            host.wait(Duration::from_secs(61));
            host.refuses(&pull(&begun.context()), fault::INVALID_CONTEXT);
            host.refuses(&Ask::unsubscribe(ALL, &begun.of("e:Identifier")), fault::EVENTING_MESSAGE);
        }

    /// A life is a length of time that is one: instants are of another type, and what is no length is no time.
    lives_are_lengths: "DSP0226 10.2, codes 2150858783, 2150858784",
        holds: |host| {
            for life in ["PT1H", "P1D", "PT3759670629.777S"] {
                host.begins(&watch(&format!("<e:Expires>{life}</e:Expires>")));
            }
        }
        breaks: |host| {
            for life in ["soon", "PT0S", "-PT5S", ""] {
                let refusal = host.refuses(&watch(&format!("<e:Expires>{life}</e:Expires>")), fault::EXPIRATION_TIME);
                assert_eq!(refusal.subcode(), "e:InvalidExpirationTime");
            }
            let refusal = host.refuses(&watch("<e:Expires>2030-01-01T00:00:00Z</e:Expires>"), fault::EXPIRATION_TYPE);
            assert_eq!(refusal.subcode(), "e:UnsupportedExpirationType");
        }

    /// Events of WMI are asked for with WQL, upon all classes of a namespace.
    event_queries_stand_on_all_classes: "MS-WSMV 3.1.4.6, <112>, code 2150859003",
        holds: |host| { host.begins(&watch("")); }
        breaks: |host| { host.refuses(&watch("").with("w:ResourceURI", SERVICE), fault::WQL_ON_CLASS); }

    /// A subscription says which events, and in a language that there is.
    subscriptions_have_a_filter: "MS-WSMV 3.1.4.1.30.5, codes 2150858831, 2150858786",
        holds: |host| {
            host.begins(&watch(""));
            host.begins(&follow(""));
        }
        breaks: |host| {
            for resource in [ALL, EVENT_LOG] {
                host.refuses(&Ask::subscribe_with(resource, "", ""), fault::FILTERING_REQUIRED);
                let odd = "<w:Filter Dialect=\"http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter\"><w:SelectorSet/></w:Filter>";
                let refusal = host.refuses(&Ask::subscribe_with(resource, "", odd), fault::FILTERING_UNAVAILABLE);
                assert_eq!(refusal.subcode(), "e:FilteringRequestedUnavailable");
            }
            host.refuses(&watch("").with("w:ResourceURI", EVENT_LOG), fault::FILTERING_UNAVAILABLE);
            host.refuses(&follow("").with("w:ResourceURI", ALL), fault::FILTERING_UNAVAILABLE);
        }

    /// A subscription to WMI needs an event query, not one for instances.
    subscriptions_query_events: "MS-WMI 2.2.1.2 WBEM_E_INVALID_QUERY",
        holds: |host| { host.begins(&watch("")); }
        breaks: |host| {
            for query in ["SELECT * FROM Win32_Service", "ASSOCIATORS OF {Win32_Service.Name='Alpha'}", "SELECT * FROM"] {
                host.refuses(&Ask::watch(CIMV2, query, ""), fault::WBEM_INVALID_QUERY);
            }
        }

    /// A query of changes says how often to look, and at which class.
    event_queries_are_whole: "MS-WMI 2.2.1.2",
        holds: |host| { host.begins(&watch("")); }
        breaks: |host| {
            for query in [
                "SELECT * FROM __InstanceModificationEvent WHERE TargetInstance ISA 'Win32_Service'",
                "SELECT * FROM __InstanceModificationEvent WITHIN 0 WHERE TargetInstance ISA 'Win32_Service'",
                "SELECT * FROM __InstanceModificationEvent WITHIN 10",
                "SELECT * FROM __InstanceModificationEvent WITHIN 10 WHERE TargetInstance.Name = 'Alpha'",
            ] {
                host.refuses(&Ask::watch(CIMV2, query, ""), fault::WBEM_INVALID_QUERY);
            }
        }

    /// Classes of events, and of what they are about, are ones that there are.
    event_classes_are_known: "MS-WMI 2.2.11 WBEM_E_INVALID_CLASS",
        holds: |host| {
            for class in ["__InstanceCreationEvent", "__InstanceModificationEvent", "__InstanceDeletionEvent", "__instanceoperationevent"] {
                host.begins(&Ask::watch(CIMV2, &CHANGES.replace("__InstanceModificationEvent", class), ""));
            }
        }
        breaks: |host| {
            host.refuses(&Ask::watch(CIMV2, &CHANGES.replace("__InstanceModificationEvent", "__InstanceOddEvent"), ""), fault::WBEM_INVALID_CLASS);
            host.refuses(&Ask::watch(CIMV2, &CHANGES.replace("Win32_Service", "Win32_None"), ""), fault::WBEM_INVALID_CLASS);
        }

    /// An event is an instance with the one that it is about inside, as it is now and as it was.
    events_hold_instances: "MS-WMI 2.2.1.2, field notes b.4",
        shows: |host| { told(host, &watch("")) }
        reads: |page| {
            assert_eq!(page.inside("n:Items"), ["p:__InstanceModificationEvent"]);
            assert_eq!((page.count("p:TargetInstance"), page.count("p:PreviousInstance"), page.count("p:TIME_CREATED")), (1, 1, 1));
            let states = page.all("p:State");
            assert_eq!((states.len(), page.all("p:Name")), (2, vec!["Beta".to_owned(), "Beta".to_owned()]));
            assert!(states.contains(&"Stopped".to_owned()) && states.contains(&"Running".to_owned()), "{states:?}");
            assert!(page.attribute("p:TargetInstance", "xsi:type").is_some_and(|class| class.ends_with(":Win32_Service_Type")));
        }
        spoils: |page| {
            [
                page.lacking("p:PreviousInstance"),
                page.lacking("p:TIME_CREATED"),
                page.with("Win32_Service_Type", "Win32_Thing_Type").with("Win32_Service_Type", "Win32_Thing_Type"),
                page.with(">Stopped<", ">Running<"),
                page.with_each("__InstanceModificationEvent", "__InstanceCreationEvent"),
            ]
        }

    /// A change is told at the next look, and looks are as far apart as the query says.
    looks_are_apart: "MS-WMI 2.2.1.2",
        holds: |host| {
            let begun = host.seconds();
            let context = host.begins(&watch(""));
            host.wait(Duration::from_secs(3));
            host.stops("Beta");
            host.accepts(&pull(&context));
            assert_eq!(host.seconds() - begun, 10);
        }
        breaks: |host| {
            let context = host.begins(&watch(""));
            host.wait(Duration::from_secs(1));
            host.stops("Beta");
            host.refuses(&pull_for(&context, 8), fault::TIMED_OUT);
            host.accepts(&pull_for(&context, 2));
        }

    /// Of the changes, those are told that the query means.
    events_are_selected: "MS-WMI 2.2.1.2",
        holds: |host| {
            let context = host.begins(&Ask::watch(CIMV2, &format!("{CHANGES} AND TargetInstance.Name = 'Gamma'"), ""));
            host.stops("Beta");
            host.stops("Gamma");
            let page = host.accepts(&pull(&context));
            assert_eq!((page.count("p:__InstanceModificationEvent"), page.all("p:Name").remove(0).as_str()), (1, "Gamma"));
        }
        breaks: |host| {
            let context = stopped(host, &Ask::watch(CIMV2, &format!("{CHANGES} AND TargetInstance.Name = 'Gamma'"), ""));
            host.refuses(&pull_for(&context, 20), fault::TIMED_OUT);
            host.refuses(&Ask::watch(CIMV2, &format!("{CHANGES} AND"), ""), fault::WBEM_INVALID_QUERY);
        }

    /// What comes and what goes is told as such.
    comings_and_goings_are_told: "MS-WMI 2.2.1.2",
        shows: |host| {
            let query = |class: &str| format!("SELECT * FROM {class} WITHIN 1 WHERE TargetInstance ISA 'Win32_Process' AND TargetInstance.Name = 'PING.EXE'");
            let (comes, goes) = (host.begins(&Ask::watch(CIMV2, &query("__InstanceCreationEvent"), "")), host.begins(&Ask::watch(CIMV2, &query("__InstanceDeletionEvent"), "")));
            host.starts_anew("ping -n 10 127.0.0.1");
            vec![host.accepts(&pull(&comes)), host.accepts(&pull(&goes))]
        }
        reads: |pages| {
            assert_eq!(pages[0].inside("n:Items"), ["p:__InstanceCreationEvent"]);
            assert_eq!(pages[1].inside("n:Items"), ["p:__InstanceDeletionEvent"]);
            assert!(pages.iter().all(|page| !page.has("p:PreviousInstance") && page.count("p:TargetInstance") == 1));
        }
        spoils: |pages| {
            [
                vec![pages[0].with_each("__InstanceCreationEvent", "__InstanceModificationEvent"), pages[1].clone()],
                vec![pages[0].clone(), pages[1].with_each("__InstanceDeletionEvent", "__InstanceCreationEvent")],
            ]
        }

    /// Each page brings a new context, and the one that was sent is spent.
    each_page_brings_a_new_context: "capture real-windows/REQUEST-event-pull, field notes b.8",
        holds: |host| {
            let first = stopped(host, &watch(""));
            let second = host.accepts(&pull(&first)).context();
            assert_ne!(first, second);
            host.stops("Gamma");
            host.accepts(&pull(&second));
        }
        breaks: |host| {
            let spent = stopped(host, &watch(""));
            host.accepts(&pull(&spent));
            assert_eq!(host.refuses(&pull(&spent), fault::INVALID_CONTEXT).subcode(), "n:InvalidEnumerationContext");
        }

    /// A page of events has no end: the subscription goes on.
    pages_of_events_have_no_end: "MS-WSMV 3.1.4.9, field notes b.8",
        shows: |host| { told(host, &watch("")) }
        reads: |page| { assert_eq!(page.inside("n:PullResponse"), ["n:EnumerationContext", "n:Items"]); }
        spoils: |page| {
            [page.with("</n:Items>", "</n:Items><n:EndOfSequence/>"), page.lacking("n:EnumerationContext"), page.swapping("n:EnumerationContext", "n:Items")]
        }

    /// A pull waits for the next event; where none of WMI's comes in its time, that is a time-out, and the context is as good as before.
    pulls_wait_for_events: "field notes b.8, code 2150858793",
        holds: |host| {
            let begun = host.seconds();
            let context = host.begins(&Ask::watch(CIMV2, &CHANGES.replace("WITHIN 10", "WITHIN 45"), ""));
            host.stops("Beta");
            host.accepts(&pull(&context));
            assert_eq!(host.seconds() - begun, 45);
        }
        breaks: |host| {
            let (begun, context) = (host.seconds(), host.begins(&watch("")));
            assert_eq!(host.refuses(&pull_for(&context, 5), fault::TIMED_OUT).subcode(), "w:TimedOut");
            host.refuses(&pull(&context), fault::TIMED_OUT);
            assert_eq!(host.seconds() - begun, 65);
            host.stops("Beta");
            host.accepts(&pull(&context));
        }

    /// A pull may take as long as its client says, a minute and more; only where it does not say is a minute the end.
    pulls_may_take_longer: "MS-WSMV 3.1.4.1.6, 2.2.4.36",
        holds: |host| {
            let begun = host.seconds();
            let context = host.begins(&Ask::watch(CIMV2, &CHANGES.replace("WITHIN 10", "WITHIN 150"), ""));
            host.stops("Beta");
            host.accepts(&pull_for(&context, 200));
            assert_eq!(host.seconds() - begun, 150);
        }
        breaks: |host| {
            let (begun, context) = (host.seconds(), host.begins(&watch("")));
            host.refuses(&pull_for(&context, 200), fault::TIMED_OUT);
            host.refuses(&pull(&context), fault::TIMED_OUT);
            assert_eq!(host.seconds() - begun, 260);
        }

    /// Where no event of a log comes in a pull's time, the page is empty and has a new context.
    empty_pages_of_logs_have_contexts: "field notes b.8, capture real-windows/REQUEST-event-pull",
        shows: |host| {
            let context = host.begins(&follow(""));
            let page = host.accepts(&pull_for(&context, 5));
            assert_eq!(host.seconds(), 5);
            host.refuses(&pull(&context), fault::INVALID_CONTEXT);
            page
        }
        reads: |page| {
            assert_eq!(page.inside("n:PullResponse"), ["n:EnumerationContext", "n:Items"]);
            assert!(page.inside("n:Items").is_empty() && page.of("n:EnumerationContext").len() > 5);
        }
        spoils: |page| {
            [
                page.lacking("n:Items"),
                page.with(page.markup("n:EnumerationContext"), "<n:EnumerationContext/>"),
                page.with("<n:Items/>", "<n:Items/><n:EndOfSequence/>"),
                page.with("<n:Items/>", "<n:Items><n:None/></n:Items>"),
            ]
        }

    /// Where nothing happens for the time that the client said, an empty page is a sign of life.
    heartbeats_are_empty_pages: "MS-WSMV 3.1.4.1.30.6, DSP0226 10.2.5",
        holds: |host| {
            for resource in [ALL, EVENT_LOG] {
                let begun = host.seconds();
                let mut context = host.begins(&with_heartbeat(resource, "PT20.000S"));
                for beat in 1..4 {
                    let page = host.accepts(&pull(&context));
                    assert_eq!((page.inside("n:Items").len(), host.seconds() - begun), (0, 20 * beat));
                    context = page.context();
                }
            }
        }
        breaks: |host| {
            let context = host.begins(&with_heartbeat(ALL, "PT20.000S"));
            host.refuses(&pull_for(&context, 19), fault::TIMED_OUT);
            host.refuses(&with_heartbeat(ALL, "often"), fault::SCHEMA_VALIDATION);
        }

    /// A page has as many events as the client takes: one, when it does not say.
    pages_of_events_are_bounded: "MS-WSMV 3.1.4.1.14, field notes b.3",
        holds: |host| {
            let context = stopped(host, &follow(""));
            for service in ["Alpha", "Gamma"] {
                host.stops(service);
            }
            let one = host.accepts(&Ask::pull(EVENT_LOG, &context, ""));
            let rest = host.accepts(&pull(&one.context()));
            assert_eq!((one.count("ev:Event"), rest.count("ev:Event")), (1, 2));
        }
        breaks: |host| {
            let context = stopped(host, &follow(""));
            host.refuses(&Ask::pull(EVENT_LOG, &context, "<n:MaxElements>0</n:MaxElements>"), fault::SCHEMA_VALIDATION);
        }

    /// Events of logs are asked for with a list of queries, as markup or as text, each of a log by name.
    log_queries_are_lists: "MS-WSMV 3.1.4.1.30.5, 2.2.4.24",
        holds: |host| {
            host.begins(&follow(""));
            host.begins(&Ask::follow(&CRASHES.replace('<', "&lt;").replace('>', "&gt;"), ""));
        }
        breaks: |host| {
            for query in [
                "",
                "*",
                "<Query><Select Path=\"System\">*</Select></Query>",
                "<QueryList/>",
                "<QueryList><Query Id=\"0\"><Select>*</Select></Query></QueryList>",
                "<QueryList><Query Id=\"0\"><Select Path=\"System\">*[Odd[Level=1]]</Select></Query></QueryList>",
                "<QueryList><Query Id=\"0\"><Pick Path=\"System\">*</Pick></Query></QueryList>",
            ] {
                host.refuses(&Ask::follow(query, ""), fault::CANNOT_PROCESS_FILTER);
            }
        }

    /// What a query suppresses does not come, though it is selected.
    log_queries_suppress: "MS-WSMV 2.2.4.25",
        holds: |host| {
            let but = "<Suppress Path=\"System\">*[EventData[Data='Beta']]</Suppress></Query>";
            let context = stopped(host, &Ask::follow(&CRASHES.replace("</Query>", but), ""));
            host.stops("Gamma");
            let page = host.accepts(&pull(&context));
            assert!(page.count("ev:Event") == 1 && page.of("ev:Data").contains("Gamma"), "{}", page.text);
        }
        breaks: |host| {
            let but = "<Suppress Path=\"System\">*[EventData[Data=]]</Suppress></Query>";
            host.refuses(&Ask::follow(&CRASHES.replace("</Query>", but), ""), fault::CANNOT_PROCESS_FILTER);
        }

    /// A log that the host lacks is refused, unless the client says that this shall not matter.
    logs_are_known: "MS-WSMV 3.1.4.1.30.1",
        holds: |host| {
            let both = CRASHES.replace("</QueryList>", "<Query Id=\"1\"><Select Path=\"None/Operational\">*</Select></Query></QueryList>");
            host.begins(&Ask::follow(&both, "").options(&[("IgnoreChannelError", "")]));
        }
        breaks: |host| {
            let refusal = host.refuses(&Ask::follow(&CRASHES.replace("\"System\"", "\"None/Operational\""), ""), fault::CANNOT_PROCESS_FILTER);
            assert!(refusal.of("s:Text").contains("None/Operational"), "{}", refusal.of("s:Text"));
        }

    /// An event of a log is as the log has it: who wrote it, what, when and where, and its data.
    log_events_are_whole: "field notes b.8, MS-WSMV 3.1.4.1.30.1",
        shows: |host| { told(host, &follow("")) }
        reads: |page| {
            assert_eq!(page.inside("n:Items"), ["ev:Event"]);
            assert_eq!(page.inside("ev:Event"), ["ev:System", "ev:EventData"]);
            assert_eq!(page.attribute("ev:Provider", "Name").as_deref(), Some("Service Control Manager"));
            assert_eq!((page.of("ev:EventID").as_str(), page.of("ev:Channel").as_str(), page.of("ev:Computer").as_str()), ("7034", "System", "HV01"));
            assert!(page.of("ev:EventRecordID").parse::<u64>().is_ok() && page.attribute("ev:TimeCreated", "SystemTime").unwrap().ends_with('Z'));
            assert!(page.all("ev:Data").concat().contains("Beta"));
        }
        spoils: |page| {
            [
                page.lacking("ev:System"),
                page.lacking("ev:EventData"),
                page.with(">7034<", ">7035<"),
                page.with("http://schemas.microsoft.com/win/2004/08/events/event", "urn:event"),
                page.with("<EventRecordID>", "<EventRecordID>x"),
                page.with("Beta", "Gamma"),
            ]
        }

    /// The event's message in words comes only where it was asked for.
    messages_are_rendered_when_asked_for: "MS-WSMV 3.1.4.1.30.1",
        shows: |host| {
            let rendered = told(host, &follow("").options(&[("ContentFormat", "RenderedText")]));
            vec![rendered, told(host, &follow("").options(&[("ReadExistingEvents", "true")]))]
        }
        reads: |pages| {
            assert!(pages[0].of("ev:Message").contains("Beta") && pages[0].inside("ev:Event") == ["ev:System", "ev:EventData", "ev:RenderingInfo"]);
            assert!(!pages[1].has("ev:RenderingInfo") && pages[1].has("ev:Event"));
        }
        spoils: |pages| {
            [
                vec![pages[0].lacking("ev:RenderingInfo"), pages[1].clone()],
                vec![pages[0].clone(), pages[1].with("</Event>", "<RenderingInfo/></Event>")],
            ]
        }

    /// A subscription to a log begins with what is written from now on, unless all that is there was asked for.
    logs_are_read_from_now_on: "MS-WSMV 3.1.4.1.30.1, <85>, DSP0226 10.2.6",
        holds: |host| {
            host.stops("Gamma");
            let earliest = format!("<w:Bookmark>{EARLIEST}</w:Bookmark>");
            for ask in [follow("").options(&[("ReadExistingEvents", "true")]), follow(&earliest)] {
                let context = host.begins(&ask);
                assert!(host.accepts(&pull(&context)).text.contains("Gamma"));
            }
            assert!(!told(host, &follow("")).text.contains("Gamma"));
        }
        breaks: |host| {
            let context = stopped(host, &follow("<w:Bookmark>http://schemas.dmtf.org/wbem/wsman/1/wsman/bookmark/earliest</w:Bookmark>"));
            host.accepts(&pull(&context));
            host.refuses(&follow("<w:Bookmark>http://schemas.dmtf.org/wbem/wsman/1/wsman/bookmark/latest</w:Bookmark>"), fault::INVALID_BOOKMARK);
        }

    /// How far a log was read stands in the answer's header, where the client asked for it.
    bookmarks_are_sent_when_asked_for: "DSP0226 10.2.6, MS-WSMV 3.1.4.1.30.2",
        shows: |host| {
            let marked = told(host, &follow("<w:SendBookmarks/>"));
            let plain = host.begins(&follow(""));
            host.stops("Gamma");
            vec![marked, host.accepts(&pull(&plain))]
        }
        reads: |pages| {
            assert_eq!(pages[0].attribute("Bookmark", "Channel").as_deref(), Some("System"));
            assert_eq!(pages[0].attribute("Bookmark", "RecordId"), Some(pages[0].of("ev:EventRecordID")));
            assert!(pages[0].inside("s:Header").contains(&"w:Bookmark".to_owned()) && !pages[1].has("w:Bookmark"));
        }
        spoils: |pages| {
            [
                vec![pages[0].lacking("w:Bookmark"), pages[1].clone()],
                vec![pages[0].with("RecordId=\"", "RecordId=\"9"), pages[1].clone()],
                vec![pages[0].clone(), pages[1].with("</s:Header>", "<w:Bookmark/></s:Header>")],
            ]
        }

    /// A subscription that begins at a bookmark goes on where it was; what is no bookmark is refused.
    bookmarks_are_gone_on_from: "DSP0226 10.2.6, code 2150858808",
        holds: |host| {
            let marked = told(host, &follow("<w:SendBookmarks/>"));
            host.stops("Gamma");
            let context = host.begins(&follow(&format!("<w:Bookmark>{}</w:Bookmark>", marked.markup("BookmarkList"))));
            let page = host.accepts(&pull(&context));
            assert!(page.count("ev:Event") == 1 && page.text.contains("Gamma"), "{}", page.text);
        }
        breaks: |host| {
            for bookmark in ["yesterday", "<BookmarkList><Bookmark/></BookmarkList>", "<BookmarkList><Bookmark Channel=\"System\" RecordId=\"x\"/></BookmarkList>", "<Bookmark/>"] {
                let refusal = host.refuses(&follow(&format!("<w:Bookmark>{bookmark}</w:Bookmark>")), fault::INVALID_BOOKMARK);
                assert_eq!(refusal.subcode(), "w:InvalidBookmark");
            }
        }

    /// WMI has no bookmarks.
    wmi_has_no_bookmarks: "code 2150858859",
        holds: |host| { host.begins(&follow("<w:SendBookmarks/>")); }
        breaks: |host| {
            for mark in ["<w:SendBookmarks/>", "<w:Bookmark>http://schemas.dmtf.org/wbem/wsman/1/wsman/bookmark/earliest</w:Bookmark>"] {
                let refusal = host.refuses(&watch(mark), fault::BOOKMARKS);
                assert_eq!((refusal.subcode().as_str(), refusal.detail().as_str()), ("w:UnsupportedFeature", "Bookmarks"));
            }
        }

    /// Unsubscribe ends a subscription by its name, and has an empty answer.
    unsubscribe_ends: "MS-WSMV 3.1.4.7, capture real-windows/REQUEST-unsubscribe",
        holds: |host| {
            for ask in [watch(""), follow("")] {
                let begun = host.accepts(&ask);
                let answer = host.accepts(&Ask::unsubscribe(&begun.of("w:ResourceURI"), &begun.of("e:Identifier").to_lowercase()));
                assert_eq!((answer.body(), answer.of("a:Action").ends_with("/eventing/UnsubscribeResponse")), ("", true));
            }
        }
        breaks: |host| {
            let begun = host.accepts(&watch(""));
            let end = Ask::unsubscribe(ALL, &begun.of("e:Identifier"));
            host.refuses(&end.clone().without("e:Identifier"), fault::EVENTING_MESSAGE);
            host.accepts(&end);
            host.refuses(&pull(&begun.context()), fault::INVALID_CONTEXT);
            assert_eq!(host.refuses(&end, fault::EVENTING_MESSAGE).subcode(), "e:InvalidMessage");
        }

    /// A subscription is its user's own: nobody else pulls from it or ends it.
    subscriptions_are_the_users_own: "DSP0226 10.2, field notes b.8",
        holds: |host| {
            host.as_viewer();
            told(host, &watch(""));
        }
        breaks: |host| {
            let begun = host.accepts(&watch(""));
            host.stops("Beta");
            host.as_viewer();
            host.refuses(&pull(&begun.context()), fault::INVALID_CONTEXT);
            host.refuses(&Ask::unsubscribe(ALL, &begun.of("e:Identifier")), fault::EVENTING_MESSAGE);
            host.refuses(&Ask::release(ALL, &begun.context()), fault::INVALID_CONTEXT);
            host.as_before();
            host.accepts(&pull(&begun.context()));
        }

    /// Release ends a subscription that is pulled, as it ends an enumeration.
    release_ends_a_subscription: "DSP0226 8.5, 10.2.9.1",
        holds: |host| {
            let context = host.begins(&watch(""));
            host.accepts(&Ask::release(ALL, &context));
        }
        breaks: |host| {
            let context = host.begins(&watch(""));
            host.accepts(&Ask::release(ALL, &context));
            host.refuses(&pull(&context), fault::INVALID_CONTEXT);
            host.refuses(&Ask::release(ALL, &context), fault::INVALID_CONTEXT);
        }

    /// A subscription is not renewed, whoever asks.
    subscriptions_are_not_renewed: "MS-WSMV 3.1.4.1.30.4, code 2150858788",
        holds: |host| { host.begins(&watch("")); }
        breaks: |host| {
            for ask in [watch(""), follow("")] {
                let begun = host.accepts(&ask);
                let refusal = host.refuses(&Ask::renew(&begun.of("w:ResourceURI"), &begun.of("e:Identifier")), fault::UNABLE_TO_RENEW);
                assert_eq!(refusal.subcode(), "e:UnableToRenew");
            }
        }

    /// What else eventing knows, a host does not do.
    other_requests_are_not_supported: "MS-WSMV 3.1.4, code 2150858771",
        holds: |host| { host.begins(&follow("")); }
        breaks: |host| {
            let begun = host.accepts(&follow(""));
            let status = Ask::renew(EVENT_LOG, &begun.of("e:Identifier")).with("a:Action", "http://schemas.xmlsoap.org/ws/2004/08/eventing/GetStatus");
            host.refuses(&status.saying("<e:GetStatus/>"), fault::ACTION_NOT_SUPPORTED);
        }

    /// A host that restarted has forgotten who listened to it.
    restarts_end_subscriptions: "field notes b.8",
        holds: |host| {
            host.restarts();
            told(host, &watch(""));
        }
        breaks: |host| {
            let contexts = [host.begins(&watch("")), host.begins(&follow(""))];
            host.restarts();
            for context in contexts {
                host.refuses(&pull(&context), fault::INVALID_CONTEXT);
            }
        }

    /// A user has at most as many subscriptions as enumerations; one that ended makes room.
    users_have_a_quota_of_subscriptions: "MS-WSMV 3.1.4.1.19",
        holds: |host| {
            for _ in 0..1600 {
                let id = host.accepts(&follow("")).of("e:Identifier");
                host.accepts(&Ask::unsubscribe(EVENT_LOG, &id));
            }
        }
        breaks: |host| {
            for _ in 0..1500 {
                host.begins(&follow(""));
            }
            host.refuses(&follow(""), fault::QUOTA_OPERATIONS);
        }
}
