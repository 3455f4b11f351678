//! What the header of a request must say, may say, and must not.

use super::bench::{Ask, CIMV2, Host, SERVICE, fault};

const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// Reads the service `Alpha` with one more header.
fn get_with(name: &str, markup: &str) -> Ask {
    Ask::get_alpha().block(name, markup)
}

rules! {
    on Host;

    /// A request says what is to be done in `a:Action`.
    action_is_required: "DSP0226 5.4.5",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| { host.refuses(&Ask::get_alpha().without("a:Action"), fault::HEADER_REQUIRED); }

    /// A request says to whom it goes in `a:To`.
    to_is_required: "DSP0226 5.4.1",
        holds: |host| { host.accepts(&Ask::get_alpha().with("a:To", "http://10.1.0.10:5985/wsman")); }
        breaks: |host| { host.refuses(&Ask::get_alpha().without("a:To"), fault::HEADER_REQUIRED); }

    /// A request names its resource in `w:ResourceURI`.
    resource_uri_is_required: "DSP0226 5.1.2.1",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| { host.refuses(&Ask::get_alpha().without("w:ResourceURI"), fault::INVALID_RESOURCE_URI); }

    /// A message without a name is refused as an invalid header, not as a missing one.
    message_id_is_required: "MS-WSMV 3.1.4.1.5",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| {
            let refusal = host.refuses(&Ask::get_alpha().without("a:MessageID"), fault::INVALID_HEADER);
            assert_eq!(refusal.subcode(), "a:InvalidMessageInformationHeader");
        }

    /// A message's name has at least one character.
    message_id_is_not_empty: "MS-WSMV 3.1.4.1.5",
        holds: |host| { host.accepts(&Ask::get_alpha().with("a:MessageID", "x")); }
        breaks: |host| { host.refuses(&Ask::get_alpha().with("a:MessageID", ""), fault::INVALID_HEADER); }

    /// A message's name may be any text, up to two kilobytes.
    message_id_has_a_length: "MS-WSMV <47>",
        holds: |host| { host.accepts(&Ask::get_alpha().with("a:MessageID", &"m".repeat(2048))); }
        breaks: |host| { host.refuses(&Ask::get_alpha().with("a:MessageID", &"m".repeat(2049)), fault::INVALID_HEADER); }

    /// An answer, and a refusal too, names the message that it answers.
    answers_relate_to_the_request: "DSP0226 5.4.4",
        shows: |host| { vec![host.accepts(&Ask::get_alpha().with("a:MessageID", "uuid:mine")), host.refuses(&Ask::get(SERVICE).with("a:MessageID", "uuid:mine"), fault::TOO_FEW_SELECTORS)] }
        reads: |answers| { assert!(answers.iter().all(|answer| answer.of("a:RelatesTo") == "uuid:mine")); }
        spoils: |answers| { [vec![answers[0].with("uuid:mine", "uuid:other")], vec![answers[1].lacking("a:RelatesTo")]] }

    /// A refusal of a body that cannot be read still names the message.
    unreadable_bodies_are_answered_by_name: "DSP0226 14.2",
        shows: |host| {
            let odd = Ask::enumerate(SERVICE, "<w:EnumerationMode>Some</w:EnumerationMode>").with("a:MessageID", "uuid:mine");
            host.refuses(&odd, fault::ENUMERATION_MODE)
        }
        reads: |refusal| { assert_eq!(refusal.of("a:RelatesTo"), "uuid:mine"); }
        spoils: |refusal| { [refusal.lacking("a:RelatesTo"), refusal.with("uuid:mine", "")] }

    /// Every message of the host has a name of its own, with `uuid:` before it.
    answers_have_names_of_their_own: "MS-WSMV 3.1.4.1.5",
        shows: |host| { vec![host.accepts(&Ask::get_alpha()), host.accepts(&Ask::get_alpha()), host.refuses(&Ask::get(SERVICE), fault::TOO_FEW_SELECTORS)] }
        reads: |answers| {
            let mut names: Vec<String> = answers.iter().map(|answer| answer.of("a:MessageID")).collect();
            assert!(names.iter().all(|name| name.starts_with("uuid:") && name.len() == 41), "{names:?}");
            names.sort();
            names.dedup();
            assert_eq!(names.len(), answers.len());
        }
        spoils: |answers| {
            let (first, second) = (answers[0].of("a:MessageID"), answers[1].of("a:MessageID"));
            [
                vec![answers[0].clone(), answers[1].with(&second, &first)],
                vec![answers[0].with("<a:MessageID>uuid:", "<a:MessageID>")],
                vec![answers[2].with("<a:MessageID>uuid:", "<a:MessageID>urn:uuid:")],
            ]
        }

    /// An answer's action is the request's with `Response` behind it.
    answers_are_named_after_their_requests: "MS-WSMV 4.1.1-4.1.4, field notes b.2",
        shows: |host| {
            let begun = host.accepts(&Ask::enumerate(SERVICE, ""));
            let pulled = host.accepts(&Ask::pull(SERVICE, &begun.context(), ""));
            let released = host.accepts(&Ask::release(SERVICE, &pulled.context()));
            vec![host.accepts(&Ask::get_alpha()), begun, pulled, released, host.accepts(&Ask::invoke(SERVICE, "StopService", "").select(&[("Name", "Alpha")]))]
        }
        reads: |answers| {
            let named: Vec<String> = answers.iter().map(|answer| answer.of("a:Action")).collect();
            let (transfer, enumeration) = ("http://schemas.xmlsoap.org/ws/2004/09/transfer", "http://schemas.xmlsoap.org/ws/2004/09/enumeration");
            let wanted = [format!("{transfer}/Get"), format!("{enumeration}/Enumerate"), format!("{enumeration}/Pull"), format!("{enumeration}/Release"), format!("{SERVICE}/StopService")];
            assert_eq!(named, wanted.map(|action| format!("{action}Response")));
        }
        spoils: |answers| {
            (0..answers.len()).map(|at| {
                let mut spoilt = answers.clone();
                spoilt[at] = answers[at].with("Response</a:Action>", "</a:Action>");
                spoilt
            }).collect::<Vec<_>>()
        }

    /// An answer goes to the anonymous role.
    answers_go_to_the_anonymous_role: "MS-WSMV 4.1.1",
        shows: |host| { vec![host.accepts(&Ask::get_alpha()), host.refuses(&Ask::get(SERVICE), fault::TOO_FEW_SELECTORS)] }
        reads: |answers| { assert!(answers.iter().all(|answer| answer.of("a:To") == ANONYMOUS)); }
        spoils: |answers| { [vec![answers[0].with(ANONYMOUS, "http://elsewhere/")], vec![answers[1].lacking("a:To")]] }

    /// `a:ReplyTo` must be there.
    reply_to_is_required: "MS-WSMV 3.1.4.1.3",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| {
            let refusal = host.refuses(&Ask::get_alpha().without("a:ReplyTo"), fault::HEADER_REQUIRED);
            assert_eq!(refusal.subcode(), "a:MessageInformationHeaderRequired");
        }

    /// An answer goes back over the connection that asked: `a:ReplyTo` names the anonymous role.
    reply_to_is_anonymous: "MS-WSMV 3.1.4.1.3",
        holds: |host| { host.accepts(&get_with("a:ReplyTo", &format!("<a:ReplyTo><a:Address>{ANONYMOUS}</a:Address></a:ReplyTo>"))); }
        breaks: |host| {
            let elsewhere = "<a:ReplyTo><a:Address>http://elsewhere/</a:Address></a:ReplyTo>";
            let refusal = host.refuses(&get_with("a:ReplyTo", elsewhere), fault::ADDRESSING_MODE);
            assert_eq!((refusal.subcode().as_str(), refusal.detail().as_str()), ("w:UnsupportedFeature", "AddressingMode"));
        }

    /// `a:FaultTo`, if it is there, names the anonymous role, with or without a slash at its end.
    fault_to_is_anonymous: "MS-WSMV 3.1.4.1.4",
        holds: |host| {
            for role in [ANONYMOUS.to_owned(), format!("{ANONYMOUS}/")] {
                host.accepts(&get_with("a:FaultTo", &format!("<a:FaultTo><a:Address>{role}</a:Address></a:FaultTo>")));
            }
        }
        breaks: |host| {
            let elsewhere = "<a:FaultTo><a:Address>http://elsewhere/</a:Address></a:FaultTo>";
            assert_eq!(host.refuses(&get_with("a:FaultTo", elsewhere), fault::ADDRESSING_MODE).detail(), "AddressingMode");
        }

    /// A header that may be there once may not be there twice.
    headers_are_not_repeated: "DSP0226 5.4",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| {
            for name in ["a:Action", "a:To", "a:MessageID", "a:ReplyTo", "w:ResourceURI", "w:SelectorSet"] {
                host.refuses(&Ask::get_alpha().twice(name), fault::INVALID_HEADER);
            }
        }

    /// A client takes at least 8192 octets.
    envelope_has_a_least_size: "MS-WSMV 3.1.4.1.7",
        holds: |host| { host.accepts(&Ask::get_alpha().with("w:MaxEnvelopeSize", "8192")); }
        breaks: |host| {
            let refusal = host.refuses(&Ask::get_alpha().with("w:MaxEnvelopeSize", "8191"), fault::MIN_ENVELOPE_SIZE);
            assert_eq!(refusal.subcode(), "w:EncodingLimit");
        }

    /// More than the host's own limit may be asked for; the host's limit stays.
    envelope_size_above_the_hosts_own_is_cut: "MS-WSMV 3.1.4.1.7",
        holds: |host| { host.accepts(&Ask::get_alpha().with("w:MaxEnvelopeSize", "9999999999")); }
        breaks: |host| { host.refuses(&Ask::get_alpha().with("w:MaxEnvelopeSize", "all of it"), fault::SCHEMA_VALIDATION); }

    /// An answer is never larger than the client takes: what does not fit is refused instead.
    answers_fit_the_envelope: "DSP0226 6.2",
        holds: |host| { host.accepts(&Ask::get_alpha().with("w:MaxEnvelopeSize", "16384")); }
        breaks: |host| {
            let whole = "SELECT * FROM Win32_OperatingSystem";
            let context = host.begins(&Ask::wql(CIMV2, whole));
            let refusal = host.refuses(&Ask::pull(SERVICE, &context, "").with("w:MaxEnvelopeSize", "8192"), fault::ENVELOPE_EXCEEDED);
            assert_eq!(refusal.detail(), "MaxEnvelopeSizeExceeded");
        }

    /// A time limit is a duration.
    timeout_is_a_duration: "DSP0226 6.1",
        holds: |host| {
            for limit in ["PT60.000S", "PT60S", "PT1M", "P0DT0H1M0S"] {
                host.accepts(&Ask::get_alpha().with("w:OperationTimeout", limit));
            }
        }
        breaks: |host| {
            for limit in ["soon", "60", "-PT5S", "P1M"] {
                let refusal = host.refuses(&Ask::get_alpha().with("w:OperationTimeout", limit), fault::INVALID_TIMEOUT);
                assert_eq!(refusal.detail(), "InvalidTimeout", "{limit}");
            }
        }

    /// An operation that takes longer than its time limit ends in a fault of the receiver.
    operations_time_out: "DSP0226 6.1",
        holds: |host| {
            host.play("- on: { operation: Get }\n  do: { slow: 5s }\n");
            host.accepts(&Ask::get_alpha().with("w:OperationTimeout", "PT6S"));
        }
        breaks: |host| {
            host.play("- on: { operation: Get }\n  do: { slow: 5s }\n");
            let refusal = host.refuses(&Ask::get_alpha().with("w:OperationTimeout", "PT4S"), fault::TIMED_OUT);
            assert_eq!((refusal.all("s:Value")[0].as_str(), refusal.subcode().as_str()), ("s:Receiver", "w:TimedOut"));
        }

    /// Without a time limit, and above the host's own, an operation may take a minute.
    operations_may_take_a_minute: "MS-WSMV 3.1.4.1.6",
        holds: |host| {
            host.play("- on: { operation: Get }\n  do: { slow: 59s }\n");
            host.accepts(&Ask::get_alpha());
        }
        breaks: |host| {
            host.play("- on: { operation: Get, times: null }\n  do: { slow: 61s }\n");
            host.refuses(&Ask::get_alpha(), fault::TIMED_OUT);
            host.refuses(&Ask::get_alpha().with("w:OperationTimeout", "PT3600S"), fault::TIMED_OUT);
        }

    /// A locale may be wished for, any locale, and may not be insisted on.
    locale_is_a_wish: "MS-WSMV 3.1.4.1.8",
        holds: |host| { host.accepts(&get_with("w:Locale", "<w:Locale xml:lang=\"de-DE\" s:mustUnderstand=\"false\"/>")); }
        breaks: |host| {
            let refusal = host.refuses(&get_with("w:Locale", "<w:Locale xml:lang=\"de-DE\" s:mustUnderstand=\"true\"/>"), fault::LOCALE);
            assert_eq!((refusal.subcode().as_str(), refusal.detail().as_str()), ("w:UnsupportedFeature", "Locale"));
        }

    /// A locale for data may be wished for and may not be insisted on; its refusal has a detail of its own.
    data_locale_is_a_wish: "MS-WSMV 3.1.4.1.9",
        holds: |host| { host.accepts(&get_with("m:DataLocale", "<m:DataLocale xml:lang=\"de-DE\" s:mustUnderstand=\"false\"/>")); }
        breaks: |host| {
            let strict = get_with("m:DataLocale", "<m:DataLocale xml:lang=\"de-DE\" s:mustUnderstand=\"true\"/>");
            assert_eq!(host.refuses(&strict, fault::UNSUPPORTED_FEATURE).detail(), "DataLocale");
        }

    /// A host does not send `DataLocale` back.
    data_locale_is_not_answered: "MS-WSMV <48>",
        shows: |host| {
            let with = |ask: Ask| ask.block("m:DataLocale", "<m:DataLocale xml:lang=\"de-DE\"/>");
            vec![host.accepts(&with(Ask::get_alpha())), host.refuses(&with(Ask::get(SERVICE)), fault::TOO_FEW_SELECTORS)]
        }
        reads: |answers| { assert!(!answers.iter().any(|answer| answer.has("m:DataLocale"))); }
        spoils: |answers| { answers.iter().map(|answer| vec![answer.with("</s:Header>", "<p:DataLocale xml:lang=\"de-DE\"/></s:Header>")]).collect::<Vec<_>>() }

    /// A header that nobody knows is read over, unless it must be understood.
    unknown_headers_are_read_over: "SOAP 1.2 part 1, 5.2.3",
        holds: |host| { host.accepts(&get_with("z:Odd", "<z:Odd xmlns:z=\"urn:z\"><z:Deep/>text</z:Odd>")); }
        breaks: |host| { host.refuses(&get_with("z:Odd", "<z:Odd xmlns:z=\"urn:z\" s:mustUnderstand=\"1\"/>"), fault::MUST_UNDERSTAND); }

    /// A refusal for a header that must be understood names each such header, and has no subcode.
    headers_that_are_not_understood_are_named: "SOAP 1.2 part 1, 5.4.8",
        shows: |host| {
            let odd = get_with("z:Odd", "<z:Odd xmlns:z=\"urn:z\" s:mustUnderstand=\"true\"/><z:Two xmlns:z=\"urn:y\" s:mustUnderstand=\"true\"/>");
            host.refuses(&odd, fault::MUST_UNDERSTAND)
        }
        reads: |refusal| {
            assert_eq!((refusal.subcode().as_str(), refusal.count("s:NotUnderstood")), ("s:MustUnderstand", 2));
            assert!(refusal.attribute("s:NotUnderstood", "qname").unwrap().ends_with(":Odd"));
            assert!(refusal.of("a:Action").ends_with("/addressing/fault"));
        }
        spoils: |refusal| { [refusal.lacking("s:NotUnderstood"), refusal.with(":Odd", ":Even"), refusal.with("addressing/fault", "wsman/fault"), refusal.with("</s:Value></s:Code>", "</s:Value><s:Subcode><s:Value>w:Odd</s:Value></s:Subcode></s:Code>")] }

    /// `mustUnderstand` without SOAP's namespace means nothing.
    must_understand_is_qualified: "capture clients/winrs-pywinrm-Create",
        holds: |host| { host.accepts(&get_with("z:Odd", "<z:Odd xmlns:z=\"urn:z\" mustUnderstand=\"true\"/>")); }
        breaks: |host| { host.refuses(&get_with("z:Odd", "<z:Odd xmlns:z=\"urn:z\" s:mustUnderstand=\"true\"/>"), fault::MUST_UNDERSTAND); }

    /// Headers that the host knows may all be insisted on.
    known_headers_are_understood: "DSP0226 5.2",
        holds: |host| {
            let action = "<a:Action s:mustUnderstand=\"true\">http://schemas.xmlsoap.org/ws/2004/09/transfer/Get</a:Action>";
            let size = "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">153600</w:MaxEnvelopeSize>";
            host.accepts(&get_with("a:Action", action).block("w:MaxEnvelopeSize", size));
        }
        breaks: |host| { host.refuses(&get_with("w:Odd", "<w:Odd s:mustUnderstand=\"true\"/>"), fault::MUST_UNDERSTAND); }

    /// `RequestEPR` and `RequestTotalItemsCountEstimate` are read over.
    requests_for_extras_are_read_over: "MS-WSMV 3.1.4.1.11, 3.1.4.1.15",
        holds: |host| {
            let answer = host.accepts(&get_with("w:RequestEPR", "<w:RequestEPR s:mustUnderstand=\"true\"/>"));
            assert!(!answer.has("w:RequestedEPR"));
            let count = "<w:RequestTotalItemsCountEstimate s:mustUnderstand=\"true\"/>";
            let answer = host.accepts(&Ask::enumerate(SERVICE, "").block("w:RequestTotalItemsCountEstimate", count));
            assert!(!answer.has("w:TotalItemsCountEstimate"));
        }
        breaks: |host| { host.refuses(&get_with("w:RequestOther", "<w:RequestOther s:mustUnderstand=\"true\"/>"), fault::MUST_UNDERSTAND); }

    /// A client may name its own activity, in up to 2048 characters.
    activity_has_a_length: "MS-WSMV 3.1.4.1.12",
        holds: |host| { host.accepts(&get_with("m:ActivityId", &format!("<m:ActivityId s:mustUnderstand=\"true\">{}</m:ActivityId>", "é".repeat(2048)))); }
        breaks: |host| { host.refuses(&Ask::get_alpha().with("m:ActivityId", &"é".repeat(2049)), fault::INVALID_HEADER); }

    /// The operation that a client names is named in the answer and in the refusal.
    operation_is_echoed: "MS-WSMV 3.1.4.1.39",
        shows: |host| { vec![host.accepts(&Ask::get_alpha().with("m:OperationID", "uuid:AB")), host.refuses(&Ask::get(SERVICE).with("m:OperationID", "uuid:AB"), fault::TOO_FEW_SELECTORS)] }
        reads: |answers| { assert!(answers.iter().all(|answer| answer.of("m:OperationID") == "uuid:AB")); }
        spoils: |answers| { [vec![answers[0].with(">uuid:AB<", ">uuid:AC<")], vec![answers[1].lacking("m:OperationID")]] }

    /// An operation that the client does not name is not named in the answer.
    no_operation_is_made_up: "MS-WSMV 3.1.4.1.39",
        shows: |host| { vec![host.accepts(&Ask::get_alpha()), host.refuses(&Ask::get(SERVICE), fault::TOO_FEW_SELECTORS)] }
        reads: |answers| { assert!(!answers.iter().any(|answer| answer.has("m:OperationID"))); }
        spoils: |answers| { answers.iter().map(|answer| vec![answer.with("</s:Header>", "<p:OperationID>uuid:AB</p:OperationID></s:Header>")]).collect::<Vec<_>>() }

    /// The first message of an operation has the number 1.
    operations_count_from_one: "MS-WSMV 3.1.4.1.39",
        holds: |host| { host.accepts(&Ask::get_alpha().with("m:OperationID", "uuid:AB").with("m:SequenceId", "1")); }
        breaks: |host| { host.refuses(&Ask::get_alpha().with("m:OperationID", "uuid:AB").with("m:SequenceId", "2"), fault::INVALID_HEADER); }

    /// A session may be named.
    session_is_taken: "MS-WSMV 3.1.4.1.37",
        holds: |host| { host.accepts(&get_with("m:SessionId", "<m:SessionId s:mustUnderstand=\"false\">uuid:11</m:SessionId>")); }
        breaks: |host| { host.refuses(&get_with("m:Session", "<m:Session s:mustUnderstand=\"true\">uuid:11</m:Session>"), fault::MUST_UNDERSTAND); }

    /// Options become the provider's context; one that the provider does not know changes nothing, even when it must comply.
    options_never_fail: "MS-WSMV 3.1.4.1.10, <52>",
        holds: |host| {
            let options = "<w:OptionSet s:mustUnderstand=\"true\"><w:Option Name=\"wmi:PolicyStore\">PersistentStore</w:Option>\
                           <w:Option Name=\"wmiarray:X\">1</w:Option><w:Option Name=\"Odd\" MustComply=\"true\"/></w:OptionSet>";
            host.accepts(&get_with("w:OptionSet", options));
        }
        breaks: |host| { host.refuses(&get_with("w:OptionSet", "<w:OptionSet><w:Option>nameless</w:Option></w:OptionSet>"), fault::SCHEMA_VALIDATION); }

    /// Access to a part of an instance must be insisted on.
    fragment_must_be_understood: "MS-WSMV 3.1.4.1.18",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| { host.refuses(&get_with("w:FragmentTransfer", "<w:FragmentTransfer>State</w:FragmentTransfer>"), fault::INVALID_HEADER); }

    /// The path of a part does not begin with a slash.
    fragment_path_is_relative: "MS-WSMV <65>",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| {
            let absolute = "<w:FragmentTransfer s:mustUnderstand=\"true\">/State</w:FragmentTransfer>";
            assert_eq!(host.refuses(&get_with("w:FragmentTransfer", absolute), fault::FRAGMENT_PATH).subcode(), "w:CannotProcessFilter");
        }

    /// Access to a part is refused, never answered with the whole.
    fragments_are_refused: "DSP0226 7.7",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| {
            let part = "<w:FragmentTransfer s:mustUnderstand=\"true\">State</w:FragmentTransfer>";
            let refusal = host.refuses(&get_with("w:FragmentTransfer", part), fault::FRAGMENT);
            assert_eq!((refusal.subcode().as_str(), refusal.detail().as_str()), ("w:UnsupportedFeature", "FragmentLevelAccess"));
        }

    /// A resource URI has at most 2048 octets.
    resource_uri_has_a_length: "DSP0226 5.1.2.1",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| {
            let long = format!("{CIMV2}/{}", "x".repeat(2048));
            assert_eq!(host.refuses(&Ask::get(&long), fault::URI_LIMIT).detail(), "URILimitExceeded");
        }

    /// White space around a header's value means nothing.
    white_space_is_trimmed: "MS-WSMV 4.1.1",
        holds: |host| {
            let get = "\n      http://schemas.xmlsoap.org/ws/2004/09/transfer/Get\n    ";
            host.accepts(&Ask::get_alpha().with("a:Action", get).with("w:ResourceURI", &format!("\n  {SERVICE}\n")));
        }
        breaks: |host| { host.refuses(&Ask::get_alpha().with("a:MessageID", "  \n "), fault::INVALID_HEADER); }

    /// Any prefixes will do.
    prefixes_are_free: "Namespaces in XML 1.0",
        holds: |host| {
            let foreign = |text: String, prefix: &str| {
                let pairs = [(format!("<{prefix}:"), "<"), (format!("</{prefix}:"), "</"), (format!("xmlns:{prefix}="), "xmlns:")];
                pairs.iter().fold(text, |text, (own, before)| {
                    let end = if own.ends_with('=') { '=' } else { ':' };
                    text.replace(own.as_str(), &format!("{before}other-{prefix}{end}"))
                })
            };
            host.accepts_text(&["s", "a", "w"].into_iter().fold(Ask::get_alpha().text(), foreign));
        }
        breaks: |host| { host.refuses_text(&Ask::get_alpha().text().replace("xmlns:a=", "xmlns:unused="), fault::INVALID_XML); }
}
