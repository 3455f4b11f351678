//! Enumerations: what Enumerate gives, how pages are pulled, how long a context lives, how many there may be.

use std::time::Duration;

use super::bench::{Ask, CIMV2, Host, SERVICE, VIRTUALIZATION, VM, fault};

/// All services.
fn services() -> Ask {
    Ask::enumerate(SERVICE, "")
}

/// The next page of at most `most` services.
fn page(context: &str, most: u64) -> Ask {
    Ask::pull(SERVICE, context, &format!("<n:MaxElements>{most}</n:MaxElements>"))
}

/// Begins an enumeration whose answer may hold items already.
fn optimised(query: &str) -> Ask {
    let filter = format!("<w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">{query}</w:Filter>");
    Ask::enumerate(&format!("{CIMV2}/*"), &format!("<w:OptimizeEnumeration/><w:MaxElements>50</w:MaxElements>{filter}"))
}

/// Begins an enumeration in a mode.
fn in_mode(mode: &str) -> Ask {
    Ask::enumerate(SERVICE, &format!("<w:EnumerationMode>{mode}</w:EnumerationMode>"))
}

rules! {
    on Host;

    /// Enumerate gives a context and no items, unless they were asked for.
    enumerate_gives_a_context: "MS-WSMV 4.1.2.2",
        holds: |host| { assert_eq!(host.accepts(&services()).inside("n:EnumerateResponse"), ["n:EnumerationContext"]); }
        breaks: |host| { host.refuses(&services().saying(""), fault::SCHEMA_VALIDATION); }

    /// Even an enumeration of nothing has a context.
    an_empty_result_has_a_context: "field notes a.2, capture virsh/007",
        holds: |host| { host.begins(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service WHERE Name = 'none'")); }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT * FROM Win32_None"), fault::WBEM_INVALID_CLASS); }

    /// A page of nothing has `n:Items` without items, and the end.
    an_empty_page_has_items: "field notes a.2, libvirt 9.0 source",
        holds: |host| {
            let page = host.first(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service WHERE Name = 'none'"));
            assert_eq!(page.inside("n:PullResponse"), ["n:Items", "n:EndOfSequence"]);
            assert!(page.inside("n:Items").is_empty());
        }
        breaks: |host| { host.refuses(&Ask::pull(SERVICE, "", ""), fault::INVALID_CONTEXT); }

    /// A client that does not say how many items it takes gets one.
    a_page_has_one_item_by_default: "capture real-windows/pull_resp_01, field notes a.2",
        holds: |host| { assert_eq!(host.first(&services()).inside("n:Items"), ["p:Win32_Service"]); }
        breaks: |host| {
            let context = host.begins(&services());
            host.refuses(&page(&context, 0), fault::SCHEMA_VALIDATION);
        }

    /// A page has at most as many items as the client takes.
    max_elements_bounds_a_page: "MS-WSMV 3.1.4.1.14",
        holds: |host| {
            let context = host.begins(&services());
            assert_eq!(host.accepts(&page(&context, 3)).count("p:Win32_Service"), 3);
        }
        breaks: |host| {
            let context = host.begins(&services());
            host.refuses(&Ask::pull(SERVICE, &context, "<n:MaxElements>many</n:MaxElements>"), fault::SCHEMA_VALIDATION);
        }

    /// A page has at most as many characters as the client takes; where not one item fits, that is refused.
    max_characters_bounds_a_page: "DSP0226 8.4",
        holds: |host| {
            let context = host.begins(&services());
            let bounds = "<n:MaxElements>100</n:MaxElements><n:MaxCharacters>4000</n:MaxCharacters>";
            let page = host.accepts(&Ask::pull(SERVICE, &context, bounds));
            assert!((1..5).contains(&page.count("p:Win32_Service")) && page.has("n:EnumerationContext"), "{}", page.text);
        }
        breaks: |host| {
            let context = host.begins(&services());
            host.refuses(&Ask::pull(SERVICE, &context, "<n:MaxCharacters>10</n:MaxCharacters>"), fault::ENCODING_LIMIT);
        }

    /// A client may say in the body how long a page may take; that counts where the header says nothing.
    max_time_bounds_a_pull: "DSP0226 8.4, MS-WSMAN 3.1.4.1.8",
        holds: |host| {
            let context = host.begins(&services());
            host.play("- on: { operation: Pull }\n  do: { slow: 5s }\n");
            host.accepts(&Ask::pull(SERVICE, &context, "<n:MaxTime>PT6S</n:MaxTime>"));
        }
        breaks: |host| {
            let context = host.begins(&services());
            host.play("- on: { operation: Pull }\n  do: { slow: 5s }\n");
            host.refuses(&Ask::pull(SERVICE, &context, "<n:MaxTime>PT4S</n:MaxTime>"), fault::TIMED_OUT);
        }

    /// A page stays within the envelope that the client takes, whatever it says of items; the rest comes with the next.
    the_envelope_bounds_a_page: "DSP0226 8.4, capture real-windows/server_2012-Win32_Service_star_003",
        holds: |host| {
            let (mut context, mut items, mut pages) = (Some(host.begins(&services())), 0, 0);
            while let Some(current) = context {
                let page = host.accepts(&page(&current, 1000).with("w:MaxEnvelopeSize", "16384"));
                assert!(page.text.encode_utf16().count() * 2 <= 16384);
                (items, pages) = (items + page.count("p:Win32_Service"), pages + 1);
                context = page.all("n:EnumerationContext").pop();
            }
            assert_eq!(items, host.whole(&services()).count("p:Win32_Service"));
            assert!(pages > 1);
        }
        breaks: |host| {
            let context = host.begins(&services());
            host.refuses(&page(&context, 1000).with("w:MaxEnvelopeSize", "4096"), fault::MIN_ENVELOPE_SIZE);
        }

    /// Every page but the last brings a new context, and the one that was sent is spent.
    each_page_brings_a_new_context: "capture real-windows/pull_resp_01, MS-WSMV 4.1.2.4",
        holds: |host| {
            let first = host.begins(&services());
            let second = host.accepts(&page(&first, 1)).context();
            assert_ne!(first, second);
            host.accepts(&page(&second, 1));
        }
        breaks: |host| {
            let spent = host.begins(&services());
            host.accepts(&page(&spent, 1));
            let refusal = host.refuses(&page(&spent, 1), fault::INVALID_CONTEXT);
            assert_eq!((refusal.all("s:Value")[0].as_str(), refusal.subcode().as_str()), ("s:Receiver", "n:InvalidEnumerationContext"));
        }

    /// The parts of a page stand in order: context, items, end.
    the_parts_of_a_page_stand_in_order: "MS-WSMV 4.1.2.4, 4.1.2.6",
        holds: |host| {
            let context = host.begins(&services());
            assert_eq!(host.accepts(&page(&context, 1)).inside("n:PullResponse"), ["n:EnumerationContext", "n:Items"]);
            assert_eq!(host.whole(&services()).inside("n:PullResponse"), ["n:Items", "n:EndOfSequence"]);
        }
        breaks: |host| {
            let context = host.begins(&services());
            host.refuses(&page(&context, 1).saying("<n:Pulled/>"), fault::SCHEMA_VALIDATION);
        }

    /// The last page has no context, and nothing can be pulled after it.
    the_last_page_ends_the_context: "DSP0226 8.4",
        holds: |host| { assert!(!host.whole(&services()).has("n:EnumerationContext")); }
        breaks: |host| {
            let context = host.begins(&services());
            host.accepts(&page(&context, 1000));
            host.refuses(&page(&context, 1000), fault::INVALID_CONTEXT);
            host.refuses(&Ask::release(SERVICE, &context), fault::INVALID_CONTEXT);
        }

    /// A context that nobody gave is refused, whatever it looks like.
    contexts_are_the_hosts_own: "DSP0226 8.4",
        holds: |host| { host.first(&services()); }
        breaks: |host| {
            for context in ["uuid:00000000-0000-0000-0000-000000000000", "nonsense", "1"] {
                host.refuses(&page(context, 1), fault::INVALID_CONTEXT);
            }
        }

    /// A context is its user's own.
    contexts_are_the_users_own: "DSP0226 8.1",
        holds: |host| {
            host.as_viewer();
            host.first(&services());
        }
        breaks: |host| {
            let context = host.begins(&services());
            host.as_viewer();
            host.refuses(&page(&context, 1), fault::INVALID_CONTEXT);
            host.as_before();
            host.accepts(&page(&context, 1));
        }

    /// A context that nobody pulls from for a minute is gone; each pull begins the minute anew.
    contexts_expire: "MS-WSMV 3.1.4.1.36, 2.2.4.36",
        holds: |host| {
            let mut context = host.begins(&services());
            for _ in 0..3 {
                host.wait(Duration::from_secs(59));
                context = host.accepts(&page(&context, 1)).context();
            }
        }
        breaks: |host| {
            let context = host.begins(&services());
            host.wait(Duration::from_secs(61));
            host.refuses(&page(&context, 1), fault::INVALID_CONTEXT);
        }

    /// Pull may name another resource than Enumerate did: clients name the class, having queried all classes.
    pull_may_name_another_resource: "capture virsh/001-002",
        holds: |host| {
            let context = host.begins(&Ask::wql(VIRTUALIZATION, "SELECT * FROM Msvm_ComputerSystem"));
            assert_eq!(host.accepts(&Ask::pull(VM, &context, "")).inside("n:Items"), ["p:Msvm_ComputerSystem"]);
        }
        breaks: |host| {
            let context = host.begins(&services());
            host.refuses(&page(&context, 1).without("w:ResourceURI"), fault::INVALID_RESOURCE_URI);
        }

    /// A filter that is said again in Pull changes nothing.
    pull_may_repeat_the_filter: "capture virsh/006",
        holds: |host| {
            let context = host.begins(&services());
            let filter = "<w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">SELECT * FROM Win32_None</w:Filter>";
            host.accepts(&Ask::pull(SERVICE, &context, filter));
        }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT * FROM Win32_None"), fault::WBEM_INVALID_CLASS); }

    /// Release gives a context up, and has an empty answer.
    release_ends_a_context: "DSP0226 8.5",
        holds: |host| {
            let context = host.begins(&services());
            let answer = host.accepts(&Ask::release(SERVICE, &context));
            assert_eq!((answer.body(), answer.of("a:Action").ends_with("/enumeration/ReleaseResponse")), ("", true));
        }
        breaks: |host| {
            let context = host.begins(&services());
            host.accepts(&Ask::release(SERVICE, &context));
            host.refuses(&page(&context, 1), fault::INVALID_CONTEXT);
        }

    /// An optimised answer holds one item, whatever the client takes, and a context for the rest.
    optimised_answers_hold_one_item: "capture real-windows/server_2012-Win32_Service_star_000",
        holds: |host| {
            let answer = host.accepts(&optimised("SELECT * FROM Win32_Service"));
            assert_eq!(answer.inside("n:EnumerateResponse"), ["n:EnumerationContext", "w:Items"]);
            assert_eq!(answer.inside("w:Items"), ["p:Win32_Service"]);
        }
        breaks: |host| { host.refuses(&optimised("SELECT * FROM Win32_Service").saying("<n:Enumerate><w:MaxElements>0</w:MaxElements></n:Enumerate>"), fault::SCHEMA_VALIDATION); }

    /// An optimised answer that is complete says so in WS-Management's namespace, and has an empty context.
    optimised_answers_end_in_their_own_namespace: "capture real-windows/server_2012-Win32_OperatingSystem_star_000",
        holds: |host| {
            let answer = host.accepts(&optimised("SELECT * FROM Win32_OperatingSystem"));
            assert_eq!(answer.inside("n:EnumerateResponse"), ["n:EnumerationContext", "w:Items", "w:EndOfSequence"]);
            assert_eq!(answer.of("n:EnumerationContext"), "");
        }
        breaks: |host| { host.refuses(&Ask::pull(SERVICE, "", ""), fault::INVALID_CONTEXT); }

    /// What follows an optimised answer is pulled as ever, and nothing comes twice.
    optimised_answers_are_followed_by_pages: "DSP0226 8.2.3",
        holds: |host| {
            let begun = host.accepts(&optimised("SELECT * FROM Win32_Service"));
            let rest = host.accepts(&page(&begun.context(), 1000));
            let names = [begun.all("p:Name"), rest.all("p:Name")].concat();
            assert_eq!(names, host.whole(&services()).all("p:Name"));
        }
        breaks: |host| {
            let begun = host.accepts(&optimised("SELECT * FROM Win32_Service"));
            host.accepts(&page(&begun.context(), 1000));
            host.refuses(&page(&begun.context(), 1000), fault::INVALID_CONTEXT);
        }

    /// `EnumerateEPR` gives references only, each with all keys.
    references_may_be_enumerated: "MS-WSMV 3.1.4.1.17, DSP0226 8.7",
        holds: |host| {
            let page = host.first(&in_mode("EnumerateEPR"));
            assert_eq!(page.inside("n:Items"), ["a:EndpointReference"]);
            assert_eq!(page.inside("a:EndpointReference"), ["a:Address", "a:ReferenceParameters"]);
            assert_eq!(page.inside("a:ReferenceParameters"), ["w:ResourceURI", "w:SelectorSet"]);
            assert_eq!((page.of("w:ResourceURI").as_str(), page.count("w:Selector")), (SERVICE, 1));
        }
        breaks: |host| { host.refuses(&in_mode("EnumerateEprs"), fault::ENUMERATION_MODE); }

    /// `EnumerateObjectAndEPR` gives pairs, the object first.
    pairs_may_be_enumerated: "MS-WSMV 3.1.4.1.17, DSP0226 8.7",
        holds: |host| {
            let page = host.first(&in_mode("EnumerateObjectAndEPR"));
            assert_eq!(page.inside("n:Items"), ["w:Item"]);
            assert_eq!(page.inside("w:Item"), ["p:Win32_Service", "a:EndpointReference"]);
        }
        breaks: |host| {
            let refusal = host.refuses(&in_mode("EnumerateObjects"), fault::ENUMERATION_MODE);
            assert_eq!((refusal.subcode().as_str(), refusal.detail().as_str()), ("w:UnsupportedFeature", "EnumerationMode"));
        }

    /// A reference that was enumerated can be used as it is: its selectors read the instance.
    references_can_be_followed: "DSP0226 8.7",
        holds: |host| {
            let reference = host.first(&in_mode("EnumerateEPR"));
            let name = reference.selector("Name").unwrap();
            assert_eq!(host.accepts(&Ask::get(SERVICE).select(&[("Name", &name)])).of("p:Name"), name);
        }
        breaks: |host| { host.refuses(&Ask::get(SERVICE).select(&[("Name", "none")]), fault::RESOURCE_NOT_FOUND); }

    /// Enumerating a base class gives the instances of the classes below it, each under its own name; `PolymorphismMode` is read over.
    base_classes_give_derived_instances: "MS-WSMV 3.1.4.1.27",
        holds: |host| {
            let base = format!("{VIRTUALIZATION}/CIM_ResourceAllocationSettingData");
            let page = host.whole(&Ask::enumerate(&base, "<b:PolymorphismMode>None</b:PolymorphismMode>"));
            assert!(page.has("p:Msvm_ProcessorSettingData") && page.has("p:Msvm_MemorySettingData"), "{}", page.text);
        }
        breaks: |host| { host.refuses(&Ask::enumerate(&format!("{VIRTUALIZATION}/CIM_Nonsense"), ""), fault::INVALID_RESOURCE_URI); }

    /// All classes cannot be enumerated without saying which: that is what a filter is for.
    all_classes_need_a_filter: "DSP0227 6.1",
        holds: |host| { host.begins(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service")); }
        breaks: |host| { host.refuses(&Ask::enumerate(&format!("{CIMV2}/*"), ""), fault::CANNOT_PROCESS_FILTER); }

    /// A user has at most 1500 enumerations open; another user has as many.
    users_have_a_quota_of_enumerations: "MS-WSMV 3.1.4.1.19, capture real-windows/max_concurrent",
        holds: |host| {
            for _ in 0..1500 {
                host.begins(&Ask::enumerate(&format!("{CIMV2}/Win32_OperatingSystem"), ""));
            }
            host.as_viewer();
            host.begins(&services());
        }
        breaks: |host| {
            for _ in 0..1500 {
                host.begins(&Ask::enumerate(&format!("{CIMV2}/Win32_OperatingSystem"), ""));
            }
            let refusal = host.refuses(&services(), fault::QUOTA_OPERATIONS);
            assert_eq!((refusal.all("s:Value")[0].as_str(), refusal.subcode().as_str()), ("s:Receiver", "w:InternalError"));
        }

    /// An enumeration that ended, was released or expired makes room for another.
    ended_enumerations_make_room: "MS-WSMV 3.1.4.1.36",
        holds: |host| {
            for _ in 0..1600 {
                let context = host.begins(&services());
                host.accepts(&Ask::release(SERVICE, &context));
            }
            assert_eq!(host.accepted(), 3200);
        }
        breaks: |host| {
            for _ in 0..1500 {
                host.begins(&Ask::enumerate(&format!("{CIMV2}/Win32_OperatingSystem"), ""));
            }
            host.refuses(&services(), fault::QUOTA_OPERATIONS);
            host.wait(Duration::from_secs(61));
            host.begins(&services());
        }

    /// Renewing an enumeration, or asking about its state, is no action of a host.
    enumerations_are_not_renewed: "DSP0226 8.8",
        holds: |host| { host.first(&services()); }
        breaks: |host| {
            let context = host.begins(&services());
            for verb in ["Renew", "GetStatus"] {
                let action = format!("http://schemas.xmlsoap.org/ws/2004/09/enumeration/{verb}");
                let body = format!("<n:{verb}><n:EnumerationContext>{context}</n:EnumerationContext></n:{verb}>");
                host.refuses(&Ask::new(&action, SERVICE, &body), fault::ACTION_NOT_SUPPORTED);
            }
        }
}
