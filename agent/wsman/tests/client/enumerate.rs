//! What can be enumerated, how, and what is done when the host says no.

use trunkline_wsman::cim::ClassName;
use trunkline_wsman::envelope::{Associations, Enumeration, dialect};
use trunkline_wsman::{Selection, Spelling};

use super::*;

fn fault(request: &Envelope<Request>, code: u32) -> Reply {
    answer(request, Response::Fault(Box::new(Fault::service(code, "no"))))
}

#[tokio::test]
async fn a_class_a_selector_filter_and_an_association_are_asked_for_in_their_own_ways() {
    let host = host(|number, request| {
        let Request::Enumerate(begin) = &request.body else { panic!("{request:?}") };
        let class = ResourceUri::Class(Namespace::VIRTUALIZATION, "Msvm_ComputerSystem".into());
        let filter = begin.filter.as_ref().map(|f| (f.dialect.as_deref(), f.body.clone()));
        let wanted = vec![(Name::from("ElementName"), Key::Text("vm1".to_owned()))];
        match number {
            0 => assert_eq!((request.header.resource.as_ref(), filter), (Some(&class), None)),
            1 => {
                assert_eq!(request.header.resource.as_ref(), Some(&class));
                assert_eq!(filter, Some((Some(dialect::SELECTOR), FilterBody::Selectors(wanted))));
            }
            _ => {
                assert_eq!(request.header.resource, Some(ResourceUri::AllClasses(Namespace::VIRTUALIZATION)));
                let Some((Some(dialect::ASSOCIATION), FilterBody::Associations(wanted))) = filter else { panic!("{filter:?}") };
                assert_eq!((wanted.object.path(), wanted.result_class), (Some(path(1)), Some(ClassName::from("Msvm_SummaryInformation"))));
            }
        }
        answer(request, Response::Enumerate(page(None, vec![Item::Object(vm(1))], true)))
    });
    let client = client(&host);
    let class = ClassName::from("Msvm_ComputerSystem");
    let associated = Associations {
        object: (&path(1)).into(),
        links: false,
        association_class: None,
        result_class: Some("Msvm_SummaryInformation".into()),
        role: None,
        result_role: None,
        properties: vec![],
    };
    for selection in [
        Selection::Class(class.clone()),
        Selection::Selectors(class, vec![(Name::from("ElementName"), Key::Text("vm1".to_owned()))]),
        Selection::Associated(Box::new(associated)),
    ] {
        assert_eq!(client.instances(&Namespace::VIRTUALIZATION, &selection).await.expect("found"), [vm(1)]);
    }
}

#[tokio::test]
async fn selected_columns_have_the_types_of_their_class() {
    let host = host(|_, request| {
        let fragment = "<w:XmlFragment xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><ElementName>vm1</ElementName>\
            <OperationalStatus>2</OperationalStatus><ProcessID>42</ProcessID><Status xsi:nil='true'/></w:XmlFragment>";
        let Reply::Http(_, body) = answer(request, Response::Enumerate(page(None, vec![Item::Object(vm(1))], true))) else { panic!() };
        let text = String::from_utf8(body).expect("text");
        let (head, rest) = text.split_once("<w:Items>").expect("items");
        let (_, tail) = rest.split_once("</w:Items>").expect("their end");
        Reply::Http(200, format!("{head}<w:Items>{fragment}</w:Items>{tail}").into_bytes())
    });
    let wql = "SELECT ElementName, OperationalStatus, ProcessID, Status FROM Msvm_ComputerSystem WHERE ProcessID = 42";
    let found = client(&host).query(&Namespace::VIRTUALIZATION, wql).await.expect("found");
    let wanted = CimInstance::new("Msvm_ComputerSystem")
        .with("ElementName", "vm1")
        .with("OperationalStatus", vec![2_u16])
        .with("ProcessID", 42_u32)
        .with("Status", CimValue::Null);
    assert_eq!(found, [wanted]);
}

#[tokio::test]
async fn a_host_that_refuses_the_query_is_asked_for_the_class() {
    for (code, mode) in [(2_150_858_778, Enumeration::Objects), (2_150_858_777, Enumeration::References)] {
        let host = host(move |_, request| {
            let Request::Enumerate(begin) = &request.body else { panic!("{request:?}") };
            if begin.filter.is_some() {
                return fault(request, code);
            }
            assert_eq!(request.header.resource, Some(ResourceUri::Class(Namespace::VIRTUALIZATION, "Msvm_ComputerSystem".into())));
            let item = |n| match begin.mode {
                Enumeration::Objects => Item::Object(vm(n)),
                _ => Item::ObjectAndPath(vm(n), path(n)),
            };
            answer(request, Response::Enumerate(page(None, (1..=5).map(item).collect(), true)))
        });
        let client = client(&host);
        let wql = "SELECT * FROM Msvm_ComputerSystem WHERE ProcessID > 3 AND ElementName LIKE 'VM%'";
        match mode {
            Enumeration::Objects => {
                assert_eq!(client.query(&Namespace::VIRTUALIZATION, wql).await.expect("found"), [vm(4), vm(5)]);
            }
            _ => assert_eq!(client.enumerate_paths(&Namespace::VIRTUALIZATION, wql).await.expect("found"), [path(4), path(5)]),
        }
    }
}

#[tokio::test]
async fn a_query_that_is_wrong_stays_refused_in_the_hosts_words() {
    let host = host(|_, request| fault(request, 2_150_858_778));
    let client = client(&host);
    for wql in ["SELECT * FROM X WHERE __SERVER = 'HV01'", "nonsense"] {
        let error = client.query(&Namespace::CIMV2, wql).await.expect_err("refused");
        assert_eq!(error.fault().map(Fault::kind), Some(FaultKind::InvalidQuery));
    }
    assert_eq!(client.requests(), 2, "nothing else was tried");
}

#[tokio::test]
async fn an_enumeration_that_the_host_forgot_begins_anew_once() {
    for forgets in [1, 2] {
        let enumerations = AtomicUsize::new(0);
        let host = host(move |_, request| match &request.body {
            Request::Enumerate(_) => {
                let number = enumerations.fetch_add(1, Ordering::SeqCst);
                answer(request, Response::Enumerate(page(Some(&format!("uuid:{number}")), vec![Item::Object(vm(1))], false)))
            }
            Request::Pull(pull) if pull.context < format!("uuid:{forgets}") => fault(request, 2_150_858_779),
            Request::Pull(_) => answer(request, Response::Pull(page(None, vec![Item::Object(vm(2))], true))),
            other => panic!("{other:?}"),
        });
        let found = client(&host).query(&Namespace::VIRTUALIZATION, ALL).await;
        match forgets {
            1 => assert_eq!(found.expect("found"), [vm(1), vm(2)], "nothing twice"),
            _ => assert_eq!(found.expect_err("twice").fault().map(Fault::kind), Some(FaultKind::InvalidEnumerationContext)),
        }
    }
}

#[tokio::test]
async fn a_page_that_the_host_does_not_fill_in_time_is_asked_for_again_with_the_same_context() {
    for late in [3, 9] {
        let pulls = AtomicUsize::new(0);
        let host = host(move |_, request| match &request.body {
            Request::Enumerate(_) => answer(request, Response::Enumerate(page(Some("uuid:1"), vec![], false))),
            Request::Pull(pull) => {
                assert_eq!(pull.context, "uuid:1");
                if pulls.fetch_add(1, Ordering::SeqCst) < late {
                    return fault(request, 2_150_858_793);
                }
                answer(request, Response::Pull(page(None, vec![Item::Object(vm(2))], true)))
            }
            Request::Release { .. } => answer(request, Response::Empty),
            other => panic!("{other:?}"),
        });
        let client = client(&host);
        let found = client.query(&Namespace::VIRTUALIZATION, ALL).await;
        assert_eq!(found.is_ok(), late == 3, "{found:?}");
        assert_eq!(client.requests(), if late == 3 { 5 } else { 8 });
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_asked_for_once_with_more_room_unless_it_came_from_an_act() {
    let host = host(|_, request| match request.header.max_envelope_size {
        Some(2_048_000) => answer(request, Response::Object(vm(1))),
        Some(512_000) => fault(request, 2_150_858_824),
        other => panic!("{other:?}"),
    });
    let client = client(&host);
    assert_eq!(client.get(&path(1)).await.expect("there"), vm(1));
    assert_eq!(client.requests(), 2);
    let error = client.invoke(&path(1), "RequestStateChange", &[("RequestedState", 2_u16.into())]).await.expect_err("too large");
    assert!(error.outcome_unknown() && client.requests() == 3, "whatever was asked for is done: {error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_enumeration_that_nobody_waits_for_any_more_is_released() {
    let released = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&released);
    let host = host(move |_, request| match &request.body {
        Request::Enumerate(_) => answer(request, Response::Enumerate(page(Some("uuid:1"), vec![], false))),
        Request::Pull(_) => Reply::Hang,
        Request::Release { context } => {
            assert_eq!(context, "uuid:1");
            counted.fetch_add(1, Ordering::SeqCst);
            answer(request, Response::Empty)
        }
        other => panic!("{other:?}"),
    });
    let client = client(&host);
    assert!(tokio::time::timeout(Duration::from_secs(1), client.query(&Namespace::CIMV2, "SELECT * FROM X")).await.is_err());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(released.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn dmtf_names_put_the_namespace_beside_the_class() {
    let host = host(|_, request| {
        let dmtf = ResourceUri::DmtfClass("Msvm_ComputerSystem".into());
        let namespace = (Name::from("__cimnamespace"), Key::Text("root/virtualization/v2".to_owned()));
        let is_dmtf = request.header.resource.as_ref() == Some(&dmtf) && request.header.selectors.contains(&namespace);
        match &request.body {
            Request::Get => assert!(is_dmtf && request.header.selectors.len() == 3),
            Request::Invoke(_) => {
                assert!(is_dmtf);
                assert!(
                    request.header.action.as_deref().is_some_and(|a| a.ends_with("/cim-schema/2/Msvm_ComputerSystem/RequestStateChange"))
                );
            }
            Request::Enumerate(begin) if begin.filter.is_none() => assert!(is_dmtf),
            Request::Enumerate(_) => assert_eq!(request.header.resource, Some(ResourceUri::AllClasses(Namespace::VIRTUALIZATION))),
            other => panic!("{other:?}"),
        }
        match &request.body {
            Request::Get => answer(request, Response::Object(vm(1))),
            Request::Invoke(call) => {
                let values = CimInstance::new("Out").with("ReturnValue", 0_u32);
                let output = Output { class: "Msvm_ComputerSystem".into(), method: call.method.clone(), values };
                answer(request, Response::Output(output))
            }
            _ => answer(request, Response::Enumerate(page(None, vec![Item::Object(vm(1))], true))),
        }
    });
    let settings = Settings { spelling: Spelling::Dmtf, ..Settings::default() };
    let client = client_to(&host, Endpoint::http("hv01"), Trust::System, settings);
    assert_eq!(client.get(&path(1)).await.expect("there"), vm(1));
    client.invoke(&path(1), "RequestStateChange", &[("RequestedState", 2_u16.into())]).await.expect("called");
    let class = Selection::Class("Msvm_ComputerSystem".into());
    assert_eq!(client.instances(&Namespace::VIRTUALIZATION, &class).await.expect("found"), [vm(1)]);
    assert_eq!(client.query(&Namespace::VIRTUALIZATION, ALL).await.expect("found"), [vm(1)]);
}

#[tokio::test]
async fn every_request_says_in_which_language_it_wants_to_be_answered() {
    let host = host(|_, request| {
        assert_eq!(request.header.locale.as_ref().map(|l| l.0.as_str()), Some("en-US"));
        assert_eq!(request.header.data_locale.as_ref().map(|l| l.0.as_str()), Some("en-US"));
        assert!(!request.header.locale_must_be_understood, "Windows refuses that");
        answer(request, Response::Object(vm(1)))
    });
    client(&host).get(&path(1)).await.expect("there");
}

#[tokio::test]
async fn a_path_that_names_no_instance_is_not_sent() {
    let host = host(|_, _| panic!("nothing may arrive"));
    let client = client(&host);
    let class = CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_ComputerSystem");
    for error in [
        client.get(&class).await.expect_err("no key"),
        client.put(&class, &vm(1)).await.expect_err("no key"),
        client.delete(&path(1).with_key("Nmae", "x")).await.expect_err("no such property"),
    ] {
        assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    }
}
