//! Subscriptions.

use trunkline_wsman::envelope::{Markup, Subscribe, Subscribed};
use trunkline_wsman::event::{Bookmarks, Event, EventQuery, SubscribeSettings};

use super::*;

const WQL: &str = "SELECT * FROM __InstanceModificationEvent WITHIN 2 WHERE TargetInstance ISA 'Msvm_ComputerSystem'";

fn query() -> EventQuery {
    EventQuery::Wmi(Namespace::VIRTUALIZATION, WQL.to_owned())
}

fn subscribed(request: &Envelope<Request>, number: usize, expires: &str) -> Reply {
    let subscribed = Subscribed {
        identifier: format!("S-{number}"),
        resource: request.header.resource.as_ref().expect("a resource").to_string(),
        expires: Some(expires.to_owned()),
        context: Some(format!("uuid:{number}-0")),
    };
    answer(request, Response::Subscribed(subscribed))
}

fn fault(request: &Envelope<Request>, code: u32) -> Reply {
    answer(request, Response::Fault(Box::new(Fault::service(code, "no"))))
}

fn modification() -> CimInstance {
    CimInstance::new("__InstanceModificationEvent").with("TargetInstance", CimValue::from(vm(7)))
}

fn log_entry(record: u64) -> Item {
    Item::Other(Markup {
        namespace: "http://schemas.microsoft.com/win/2004/08/events/event".to_owned(),
        name: "Event".to_owned(),
        inner: format!(
            "<System><Provider Name='Service Control Manager'/><EventID Qualifiers='49152'>7036</EventID><Level>2</Level>\
             <TimeCreated SystemTime='2026-04-25T21:23:39.000000000Z'/><EventRecordID>{record}</EventRecordID><Channel>System</Channel>\
             <Computer>HV01</Computer><Security/></System><EventData><Data Name='param1'>RTCSRV</Data><Data>stopped</Data></EventData>\
             <RenderingInfo Culture='en-US'><Message>it &amp; stopped</Message></RenderingInfo>"
        ),
        ..Markup::default()
    })
}

#[tokio::test]
async fn events_come_one_by_one_between_signs_of_life() {
    let host = host(|number, request| match (number, &request.body) {
        (0, Request::Subscribe(Subscribe { delivery, filter, send_bookmarks, .. })) => {
            assert_eq!(delivery.mode, "http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull");
            assert_eq!(delivery.heartbeats, Some(Duration::from_secs(30)));
            assert_eq!(filter.as_ref().map(|f| &f.body), Some(&FilterBody::Text(WQL.to_owned())));
            assert!(!send_bookmarks && request.header.resource == Some(ResourceUri::AllClasses(Namespace::VIRTUALIZATION)));
            subscribed(request, 1, "PT0.000S")
        }
        (1, Request::Pull(pull)) if pull.context == "uuid:1-0" => fault(request, 2_150_858_793),
        // After a time-out the same context, after an empty page the new one.
        (2, Request::Pull(pull)) if pull.context == "uuid:1-0" => answer(request, Response::Pull(page(Some("uuid:1-1"), vec![], false))),
        (3, Request::Pull(pull)) if pull.context == "uuid:1-1" => {
            let items = vec![Item::Object(modification()), Item::Object(modification())];
            answer(request, Response::Pull(page(Some("uuid:1-2"), items, false)))
        }
        (4, Request::Unsubscribe) => {
            assert_eq!(request.header.subscription.as_deref(), Some("S-1"));
            answer(request, Response::Empty)
        }
        other => panic!("{other:?}"),
    });
    let client = client(&host);
    let mut events = client.subscribe(query(), SubscribeSettings::default()).await.expect("a subscription");
    assert_eq!(events.next().await.expect("a sign"), Event::Heartbeat);
    assert_eq!(events.next().await.expect("a sign"), Event::Heartbeat);
    for _ in 0..2 {
        let Event::Wmi(event) = events.next().await.expect("an event") else { panic!() };
        let target = event.embedded("TargetInstance").expect("an instance").expect("one");
        assert_eq!((target.class().as_str(), target.unsigned("ProcessID")), ("Msvm_ComputerSystem", Ok(Some(7))));
    }
    events.close().await;
    assert_eq!(client.requests(), 5);
}

#[tokio::test]
async fn a_subscription_that_the_host_forgot_goes_on_from_its_bookmark() {
    let host = host(|number, request| match (number, &request.body) {
        (0, Request::Subscribe(subscribe)) => {
            assert!(subscribe.send_bookmarks && subscribe.bookmark.is_none());
            assert!(request.header.options.iter().any(|o| o.name == "ContentFormat"));
            subscribed(request, 1, "PT3600.000S")
        }
        (1, Request::Pull(_)) => {
            let Reply::Http(_, body) = answer(request, Response::Pull(page(Some("uuid:1-1"), vec![log_entry(3847)], false))) else {
                panic!()
            };
            let bookmark =
                r#"<w:Bookmark><BookmarkList><Bookmark Channel="System" RecordId="3847"/></BookmarkList></w:Bookmark></s:Header>"#;
            Reply::Http(200, String::from_utf8(body).expect("text").replace("</s:Header>", bookmark).into_bytes())
        }
        (2, Request::Pull(_)) => fault(request, 2_150_858_779),
        (3 | 4, Request::Subscribe(subscribe)) if subscribe.bookmark.is_some() => {
            let bookmark = subscribe.bookmark.as_deref().expect("a bookmark");
            assert_eq!(bookmark, r#"<BookmarkList><Bookmark Channel="System" RecordId="3847"/></BookmarkList>"#);
            if number == 3 { fault(request, 2_150_858_808) } else { panic!("asked twice") }
        }
        (4, Request::Subscribe(_)) => subscribed(request, 2, "PT3600.000S"),
        (_, Request::Unsubscribe) => answer(request, Response::Empty),
        (_, Request::Pull(pull)) if pull.context == "uuid:2-0" => {
            answer(request, Response::Pull(page(Some("uuid:2-1"), vec![log_entry(3848)], false)))
        }
        other => panic!("{other:?}"),
    });
    let settings = SubscribeSettings { bookmarks: Bookmarks::Kept, ..SubscribeSettings::default() };
    let client = client(&host);
    let mut events = client.subscribe(EventQuery::Log("<QueryList/>".to_owned()), settings).await.expect("a subscription");
    let Event::Log(entry) = events.next().await.expect("an event") else { panic!() };
    assert_eq!((entry.provider.as_str(), entry.id, entry.level, entry.record), ("Service Control Manager", 7036, 2, 3847));
    assert_eq!((entry.channel.as_str(), entry.computer.as_str()), ("System", "HV01"));
    assert_eq!((entry.data, entry.message), (vec!["RTCSRV".to_owned(), "stopped".to_owned()], Some("it & stopped".to_owned())));
    assert_eq!(entry.time, "2026-04-25T21:23:39Z".parse().ok());
    assert!(events.bookmark().is_some());
    assert_eq!(events.next().await.expect("made again"), Event::Resumed);
    assert!(matches!(events.next().await.expect("an event"), Event::Log(entry) if entry.record == 3848));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_made_again_when_its_time_is_over_and_never_renewed() {
    let host = host(|number, request| match &request.body {
        Request::Subscribe(_) => subscribed(request, number, "PT60.000S"),
        Request::Pull(_) => fault(request, 2_150_858_793),
        Request::Unsubscribe => answer(request, Response::Empty),
        other => panic!("{other:?}"),
    });
    let mut events = client(&host).subscribe(query(), SubscribeSettings::default()).await.expect("a subscription");
    assert_eq!(events.next().await.expect("a sign"), Event::Heartbeat);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(events.next().await.expect("made again"), Event::Resumed);
    assert_eq!(events.next().await.expect("a sign"), Event::Heartbeat);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_subscription_is_ended_on_the_host() {
    let ended = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ended);
    let host = host(move |_, request| match &request.body {
        Request::Subscribe(_) => subscribed(request, 1, "PT0S"),
        Request::Pull(_) => Reply::Hang,
        Request::Unsubscribe => {
            counted.fetch_add(1, Ordering::SeqCst);
            answer(request, Response::Empty)
        }
        other => panic!("{other:?}"),
    });
    let mut events = client(&host).subscribe(query(), SubscribeSettings::default()).await.expect("a subscription");
    assert!(tokio::time::timeout(Duration::from_secs(5), events.next()).await.is_err());
    drop(events);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_host_that_refuses_subscriptions_says_so_once() {
    for code in [2_150_858_771, 2_150_858_787, 5] {
        let host = host(move |_, request| fault(request, code));
        let client = client(&host);
        let error = client.subscribe(query(), SubscribeSettings::default()).await.expect_err("refused");
        assert!(error.fault().is_some() && client.requests() == 1, "{error:?}");
    }
}
