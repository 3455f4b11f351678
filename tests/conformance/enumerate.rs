//! Enumerations: what Enumerate gives, how pages are pulled, how long a context lives, how many there may be.

use std::time::Duration;

use super::bench::{Answer, Ask, CIMV2, Host, SERVICE, VIRTUALIZATION, VM, fault};

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
        shows: |host| { host.accepts(&services()) }
        reads: |answer| {
            assert_eq!(answer.inside("n:EnumerateResponse"), ["n:EnumerationContext"]);
            assert!(answer.of("n:EnumerationContext").starts_with("uuid:"));
        }
        spoils: |answer| { [answer.lacking("n:EnumerationContext"), answer.with("</n:EnumerationContext>", "</n:EnumerationContext><w:Items/>"), answer.with("<n:EnumerationContext>uuid:", "<n:EnumerationContext>")] }

    /// Even an enumeration of nothing has a context.
    an_empty_result_has_a_context: "field notes a.2, capture virsh/007",
        shows: |host| { host.accepts(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service WHERE Name = 'none'")) }
        reads: |answer| { assert!(!answer.of("n:EnumerationContext").is_empty() && !answer.has("w:EndOfSequence")); }
        spoils: |answer| { [answer.with(&answer.of("n:EnumerationContext"), ""), answer.with("</n:EnumerationContext>", "</n:EnumerationContext><w:EndOfSequence/>")] }

    /// A page of nothing has `n:Items` without items, and the end.
    an_empty_page_has_items: "field notes a.2, libvirt 9.0 source",
        shows: |host| { host.first(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service WHERE Name = 'none'")) }
        reads: |page| {
            assert_eq!(page.inside("n:PullResponse"), ["n:Items", "n:EndOfSequence"]);
            assert!(page.inside("n:Items").is_empty());
        }
        spoils: |page| { [page.lacking("n:Items"), page.lacking("n:EndOfSequence"), page.with("<n:Items/>", "<n:Items><p:Nothing xmlns:p=\"urn:x\"/></n:Items>")] }

    /// A client that does not say how many items it takes gets one.
    a_page_has_one_item_by_default: "capture real-windows/pull_resp_01, field notes a.2",
        shows: |host| { host.first(&services()) }
        reads: |page| { assert_eq!(page.inside("n:Items"), ["p:Win32_Service"]); }
        spoils: |page| { [page.doubling("p:Win32_Service"), page.lacking("p:Win32_Service")] }

    /// A page has at most as many items as the client takes.
    max_elements_bounds_a_page: "MS-WSMV 3.1.4.1.14",
        shows: |host| {
            let context = host.begins(&services());
            host.accepts(&page(&context, 3))
        }
        reads: |answer| { assert_eq!(answer.count("p:Win32_Service"), 3); }
        spoils: |answer| { [answer.doubling("p:Win32_Service")] }

    /// How many items a client takes is a number, and not none.
    max_elements_is_a_number: "MS-WSMV 3.1.4.1.14, XML Schema part 2, 3.3.25",
        holds: |host| {
            let context = host.begins(&services());
            host.accepts(&page(&context, 1));
        }
        breaks: |host| {
            let context = host.begins(&services());
            for most in ["0", "many", "-1", ""] {
                host.refuses(&Ask::pull(SERVICE, &context, &format!("<n:MaxElements>{most}</n:MaxElements>")), fault::SCHEMA_VALIDATION);
            }
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
        shows: |host| {
            let (mut context, mut pages) = (Some(host.begins(&services())), Vec::new());
            while let Some(current) = context {
                let page = host.accepts(&page(&current, 1000).with("w:MaxEnvelopeSize", "16384"));
                context = page.all("n:EnumerationContext").pop();
                pages.push(page);
            }
            pages.push(host.whole(&services()));
            pages
        }
        reads: |pages| {
            let (whole, parts) = pages.split_last().unwrap();
            assert!(parts.iter().all(|page| page.text.encode_utf16().count() * 2 <= 16384) && parts.len() > 1);
            assert_eq!(parts.iter().flat_map(|page| page.all("p:Name")).collect::<Vec<_>>(), whole.all("p:Name"));
        }
        spoils: |pages| {
            let spoilt = |first: Answer| [&[first], &pages[1..]].concat();
            let items = pages[0].markup("n:Items");
            [
                spoilt(pages[0].with(items, &items.replacen("</p:Win32_Service>", &format!("{}</p:Win32_Service>", " ".repeat(16384)), 1))),
                spoilt(pages[0].lacking("p:Win32_Service")),
                spoilt(pages[0].doubling("p:Win32_Service")),
            ]
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
        shows: |host| {
            let context = host.begins(&services());
            vec![host.accepts(&page(&context, 1)), host.whole(&services())]
        }
        reads: |pages| {
            assert_eq!(pages[0].inside("n:PullResponse"), ["n:EnumerationContext", "n:Items"]);
            assert_eq!(pages[1].inside("n:PullResponse"), ["n:Items", "n:EndOfSequence"]);
        }
        spoils: |pages| { [vec![pages[0].swapping("n:EnumerationContext", "n:Items"), pages[1].clone()], vec![pages[0].clone(), pages[1].swapping("n:Items", "n:EndOfSequence")]] }

    /// Pull has a pull in its body.
    pull_has_its_body: "code 2150858817",
        holds: |host| { host.first(&services()); }
        breaks: |host| {
            let context = host.begins(&services());
            for body in ["", "<n:Pulled/>", "<n:Enumerate/>"] {
                host.refuses(&page(&context, 1).saying(body), fault::SCHEMA_VALIDATION);
            }
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
        shows: |host| {
            let filter = "<w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">SELECT * FROM Win32_None</w:Filter>";
            let (plain, filtered) = (host.begins(&services()), host.begins(&services()));
            vec![host.accepts(&Ask::pull(SERVICE, &plain, "")), host.accepts(&Ask::pull(SERVICE, &filtered, filter))]
        }
        reads: |pages| { assert_eq!(pages[0].markup("n:Items"), pages[1].markup("n:Items")); }
        spoils: |pages| { [vec![pages[0].clone(), pages[1].lacking("p:Win32_Service")]] }

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
        shows: |host| { host.accepts(&optimised("SELECT * FROM Win32_Service")) }
        reads: |answer| {
            assert_eq!(answer.inside("n:EnumerateResponse"), ["n:EnumerationContext", "w:Items"]);
            assert_eq!((answer.inside("w:Items").len(), answer.of("n:EnumerationContext").is_empty()), (1, false));
        }
        spoils: |answer| { [answer.doubling("p:Win32_Service"), answer.with("</w:Items>", "</w:Items><w:EndOfSequence/>"), answer.with(&answer.of("n:EnumerationContext"), ""), answer.with_each("w:Items", "n:Items")] }

    /// An optimised answer that is complete says so in WS-Management's namespace, and has an empty context.
    optimised_answers_end_in_their_own_namespace: "capture real-windows/server_2012-Win32_OperatingSystem_star_000",
        shows: |host| { host.accepts(&optimised("SELECT * FROM Win32_OperatingSystem")) }
        reads: |answer| {
            assert_eq!(answer.inside("n:EnumerateResponse"), ["n:EnumerationContext", "w:Items", "w:EndOfSequence"]);
            assert_eq!(answer.of("n:EnumerationContext"), "");
        }
        spoils: |answer| { [answer.with_each("w:EndOfSequence", "n:EndOfSequence"), answer.lacking("n:EnumerationContext"), answer.with("<n:EnumerationContext/>", "<n:EnumerationContext>uuid:1</n:EnumerationContext>")] }

    /// What follows an optimised answer is pulled as ever, and nothing comes twice.
    optimised_answers_are_followed_by_pages: "DSP0226 8.2.3",
        shows: |host| {
            let begun = host.accepts(&optimised("SELECT * FROM Win32_Service"));
            let rest = host.accepts(&page(&begun.context(), 1000));
            host.refuses(&page(&begun.context(), 1000), fault::INVALID_CONTEXT);
            vec![begun, rest, host.whole(&services())]
        }
        reads: |pages| {
            let names = [pages[0].all("p:Name"), pages[1].all("p:Name")].concat();
            assert_eq!(names, pages[2].all("p:Name"));
        }
        spoils: |pages| {
            let first = pages[0].markup("p:Win32_Service");
            [
                vec![pages[0].clone(), pages[1].with("<n:Items>", &format!("<n:Items>{first}")), pages[2].clone()],
                vec![pages[0].clone(), pages[1].lacking("p:Win32_Service"), pages[2].clone()],
            ]
        }

    /// `EnumerateEPR` gives references only, each with all keys.
    references_may_be_enumerated: "MS-WSMV 3.1.4.1.17, DSP0226 8.7",
        shows: |host| { host.first(&in_mode("EnumerateEPR")) }
        reads: |page| {
            assert_eq!(page.inside("n:Items"), ["a:EndpointReference"]);
            assert_eq!(page.inside("a:EndpointReference"), ["a:Address", "a:ReferenceParameters"]);
            assert_eq!(page.inside("a:ReferenceParameters"), ["w:ResourceURI", "w:SelectorSet"]);
            assert_eq!((page.of("w:ResourceURI").as_str(), page.count("w:Selector")), (SERVICE, 1));
        }
        spoils: |page| { [page.lacking("w:Selector"), page.lacking("w:ResourceURI"), page.lacking("a:Address"), page.with_each("a:EndpointReference", "a:Reference")] }

    /// `EnumerateObjectAndEPR` gives pairs, the object first.
    pairs_may_be_enumerated: "MS-WSMV 3.1.4.1.17, DSP0226 8.7",
        shows: |host| { host.first(&in_mode("EnumerateObjectAndEPR")) }
        reads: |page| {
            assert_eq!(page.inside("n:Items"), ["w:Item"]);
            assert_eq!(page.inside("w:Item"), ["p:Win32_Service", "a:EndpointReference"]);
        }
        spoils: |page| { [page.swapping("p:Win32_Service", "a:EndpointReference"), page.lacking("a:EndpointReference"), page.with_each("w:Item", "w:Items")] }

    /// A mode is one of the two that there are.
    modes_are_known: "MS-WSMV 3.1.4.1.17, code 2150858886",
        holds: |host| { host.first(&in_mode("EnumerateEPR")); }
        breaks: |host| {
            for mode in ["EnumerateEprs", "EnumerateObjects", ""] {
                let refusal = host.refuses(&in_mode(mode), fault::ENUMERATION_MODE);
                assert_eq!((refusal.subcode().as_str(), refusal.detail().as_str()), ("w:UnsupportedFeature", "EnumerationMode"));
            }
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
        shows: |host| { host.whole(&Ask::enumerate(&format!("{VIRTUALIZATION}/CIM_ResourceAllocationSettingData"), "<b:PolymorphismMode>None</b:PolymorphismMode>")) }
        reads: |page| { assert!(page.has("p:Msvm_ProcessorSettingData") && page.has("p:Msvm_MemorySettingData") && !page.has("p:CIM_ResourceAllocationSettingData"), "{}", page.text); }
        spoils: |page| { [page.with_each("p:Msvm_MemorySettingData", "p:CIM_ResourceAllocationSettingData"), page.with_each("p:Msvm_ProcessorSettingData", "p:Msvm_ResourceAllocationSettingData")] }

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
