//! What our client makes of answers: right ones, odd ones, wrong ones and hostile ones.

use std::time::Duration;

use wsman::auth::{Account, AuthError, Cleartext, Negotiate, Wrapping};
use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};
use wsman::event::{Event, EventQuery, SubscribeSettings};
use wsman::fault::FaultKind;
use wsman::shell::{Finished, Program};
use wsman::{Disposition, Error, Secret, Settings};

use super::bench::written::{
    answer, begun, complete, fault as refusal, fault_with, instance, output, page, received, reference, service, shell, signalled, started,
    subscribed,
};
use super::bench::{CIMV2, SERVICE, VIRTUALIZATION, VM, Wire, basic, fault};

const QUERY: &str = "SELECT * FROM Win32_Service";
const ADAPTER: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_NetworkAdapterConfiguration";
const REGISTRY: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/StdRegProv";
/// A challenge of NTLM with names, a time stamp and a wish for everything.
const CHALLENGE: &str = "TlRMTVNTUAACAAAABgAGADgAAAA1goriASNFZ4mrze8AAAAAAAAAACYAJgA+AAAACgBjRQAAAA9DAEMARQACAAYAQwBDAEUAAQAIAEgAVgAwADEABwAIAAAQpdToT9kBAAAAAA==";

fn alpha() -> CimPath {
    CimPath::class_of(Namespace::CIMV2, "Win32_Service").with_key("Name", "Alpha")
}

/// What the client reads where `body` is answered to a Get.
fn got(wire: &mut Wire, body: &str) -> CimInstance {
    wire.answers(200, answer(body));
    wire.takes(|client| async move { client.get(&alpha()).await })
}

/// Why the client does not take `envelope` for the answer to a Get.
fn doubted(wire: &mut Wire, status: u16, envelope: impl Into<String>) -> Error {
    wire.answers(status, envelope);
    wire.refuses(|client| async move { client.get(&alpha()).await })
}

/// The same, where it must be said to be no answer at all.
fn disbelieved(wire: &mut Wire, envelope: impl Into<String>) {
    let error = doubted(wire, 200, envelope);
    assert!(matches!(error, Error::BadAnswer { .. }) && error.outcome_unknown(), "{error:?}");
}

/// The meaning of a refusal.
fn meant(wire: &mut Wire, envelope: String) -> FaultKind {
    doubted(wire, 500, envelope).fault().unwrap().kind()
}

fn queried(wire: &mut Wire) -> Vec<CimInstance> {
    wire.takes(|client| async move { client.query(&Namespace::CIMV2, QUERY).await })
}

fn unqueried(wire: &mut Wire) -> Error {
    wire.refuses(|client| async move { client.query(&Namespace::CIMV2, QUERY).await })
}

/// What a method gives back.
fn call(wire: &mut Wire, inner: &str) -> CimInstance {
    wire.answers(200, output(REGISTRY, "GetBinaryValue", inner));
    let path = CimPath::class_of(Namespace::CIMV2, "StdRegProv");
    wire.takes(|client| async move { client.invoke(&path, "GetBinaryValue", &[]).await }).out
}

fn uncalled(wire: &mut Wire, envelope: String) -> Error {
    wire.answers(200, envelope);
    let path = CimPath::class_of(Namespace::CIMV2, "StdRegProv");
    wire.refuses(|client| async move { client.invoke(&path, "GetBinaryValue", &[]).await })
}

fn listening(wire: &mut Wire) -> Event {
    let query = EventQuery::Wmi(
        Namespace::CIMV2,
        "SELECT * FROM __InstanceModificationEvent WITHIN 2 WHERE TargetInstance ISA 'Win32_Service'".to_owned(),
    );
    wire.takes(|client| async move { client.subscribe(query, SubscribeSettings::default()).await?.next().await })
}

/// The end of a command whose answers to Receive are these.
fn ran(wire: &mut Wire, answers: &[(u16, String)]) -> Finished {
    wire.answers(200, shell("S-1"));
    wire.answers(200, started("C-1"));
    answers.iter().for_each(|(status, envelope)| wire.answers(*status, envelope.clone()));
    wire.answers(200, signalled());
    wire.answers(200, answer(""));
    wire.takes(|client| async move { client.run(&Program::new("hostname"), 1000).await })
}

fn stream(name: &str, command: &str, data: &str) -> String {
    format!("<rsp:Stream Name=\"{name}\" CommandId=\"{command}\">{data}</rsp:Stream>")
}

/// Says `CHALLENGE` and then that the client is let in.
fn lets_in(wire: &mut Wire) {
    let account = Account { user: "CCE\\agent".to_owned(), password: Secret::new("right") };
    wire.is(Negotiate { account, wrapping: Wrapping::Raw }, Settings::default());
    wire.says(401, &format!("WWW-Authenticate: Negotiate {CHALLENGE}\r\n"), "");
    wire.says(200, "", "");
}

rules! {
    on Wire;

    /// An answer that names another request is no answer to this one.
    answers_relate_to_their_request: "DSP0226 5.4.4, WS-Addressing 3.2",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            disbelieved(wire, answer(&service("Alpha")).replace("{id}", "uuid:00000000-0000-0000-0000-000000000001"));
            disbelieved(wire, answer(&service("Alpha")).replace("<a:RelatesTo>{id}", "<a:RelatesTo>{id}0"));
        }

    /// An answer is what its body is, whatever its action says.
    answers_are_what_their_bodies_are: "DSP0226 5.4.5, field notes b.1",
        holds: |wire| {
            wire.answers(200, answer(&service("Alpha")).replace("urn:answer", "http://schemas.xmlsoap.org/ws/2004/09/transfer/PutResponse"));
            wire.takes(|client| async move { client.get(&alpha()).await });
        }
        breaks: |wire| {
            let right = "http://schemas.xmlsoap.org/ws/2004/09/transfer/GetResponse";
            for body in ["", "<n:PullResponse/>", "<rsp:SignalResponse/>", "<x:ResourceCreated/>", "<p:Get_OUTPUT xmlns:p=\"urn:x\"/>"] {
                disbelieved(wire, answer(body).replace("urn:answer", right));
            }
            disbelieved(wire, output(SERVICE, "Get", "<p:ReturnValue>0</p:ReturnValue>").replace("urn:answer", right));
        }

    /// A mark and a declaration may stand before an envelope; a document type is believed in no answer, nor any entity.
    no_document_type_is_read: "DSP0226 13.1, SOAP 1.2 part 1, 5",
        holds: |wire| {
            wire.answers(200, format!("\u{feff}<?xml version=\"1.0\"?>\n{}\n", answer(&service("A &amp; &#66;"))));
            assert_eq!(wire.takes(|client| async move { client.get(&alpha()).await }).text("Name"), Ok(Some("A & B")));
        }
        breaks: |wire| {
            disbelieved(wire, format!("<!DOCTYPE x [<!ENTITY y \"z\">]>{}", answer(&service("&y;"))));
            disbelieved(wire, format!("<!DOCTYPE x SYSTEM \"http://elsewhere/x\">{}", answer(&service("x"))));
            disbelieved(wire, answer(&service("&y;")));
        }

    /// An envelope is whole, and nothing follows it.
    torn_answers_are_refused: "DSP0226 13.1, XML 1.0 2.1",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            let whole = answer(&service("Alpha"));
            for cut in [1, 20, whole.len() / 2, whole.len() - 60] {
                disbelieved(wire, &whole[..whole.len() - cut]);
            }
            disbelieved(wire, format!("{whole}<more/>"));
            disbelieved(wire, whole.replace("</p:Name>", ""));
        }

    /// What is no envelope of SOAP 1.2 is no answer.
    other_documents_are_refused: "SOAP 1.2 part 1, 5.1",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            let old = answer(&service("Alpha")).replace("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/");
            let bodiless = answer("").replace("<s:Body></s:Body>", "");
            for document in [old, bodiless, "<html><body>Welcome</body></html>".to_owned(), "{\"ok\":true}".to_owned(), service("Alpha")] {
                disbelieved(wire, document);
            }
        }

    /// A page of something else is no answer, whatever media type it claims.
    other_pages_are_refused: "DSP0226 13.1, RFC 9110 8.3",
        holds: |wire| {
            wire.says(200, "Content-Type: application/soap+xml\r\n", answer(&service("Alpha")).into_bytes());
            wire.takes(|client| async move { client.get(&alpha()).await });
        }
        breaks: |wire| {
            let utf_16: Vec<u8> = answer(&service("Alpha")).encode_utf16().flat_map(u16::to_le_bytes).collect();
            let latin = answer(&service("Alph")).into_bytes().into_iter().map(|octet| if octet == b'h' { 0xE4 } else { octet }).collect();
            for (head, body) in [
                ("Content-Type: text/html\r\n", b"<!doctype html><title>Log in</title>".to_vec()),
                ("Content-Type: application/soap+xml;charset=UTF-8\r\n", b"<html/>".to_vec()),
                ("Content-Type: application/soap+xml;charset=UTF-16\r\n", utf_16),
                ("Content-Type: application/soap+xml;charset=ISO-8859-1\r\n", latin),
            ] {
                wire.says(200, head, body);
                let error = wire.refuses(|client| async move { client.get(&alpha()).await });
                assert!(matches!(error, Error::BadAnswer { .. }), "{error:?}");
            }
        }

    /// An answer is read up to a length that has to do with what was asked for, and no further.
    long_answers_are_not_read: "DSP0226 6.2, MS-WSMV 3.2.4.1.3",
        holds: |wire| { assert_eq!(got(wire, &service(&"a".repeat(1_000_000))).text("Name").unwrap().unwrap().len(), 1_000_000); }
        breaks: |wire| {
            let error = doubted(wire, 200, answer(&service(&"a".repeat(2_000_000))));
            assert!(matches!(error, Error::AnswerTooLong { .. }) && error.outcome_unknown(), "{error:?}");
        }

    /// Elements nest, attributes crowd and names stretch to a bound that has an end.
    nesting_has_an_end: "DSP0226 13.1, field notes b.4",
        holds: |wire| { got(wire, &instance(SERVICE, &format!("<p:Odd>{}{}</p:Odd>", "<p:In>".repeat(20), "</p:In>".repeat(20)))); }
        breaks: |wire| {
            disbelieved(wire, answer(&instance(SERVICE, &format!("{}{}", "<p:In>".repeat(5000), "</p:In>".repeat(5000)))));
            let attributes: String = (0..5000).map(|number| format!(" a{number}=\"x\"")).collect();
            disbelieved(wire, answer(&service("Alpha")).replace("<p:Name>", &format!("<p:Name{attributes}>")));
        }

    /// Any prefixes will do, and white space, comments and what stands in CDATA are what XML says they are.
    spelling_is_free: "Namespaces in XML 1.0, XML 1.0 2.5, 2.7",
        holds: |wire| {
            let odd = format!(
                "<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'>\n <!-- no header -->\n <e:Body>\n  \
                 <Win32_Service xmlns='{SERVICE}'><Name>Al<![CDATA[ph]]>a<!-- x --></Name></Win32_Service></e:Body></e:Envelope>"
            );
            wire.answers(200, odd);
            assert_eq!(wire.takes(|client| async move { client.get(&alpha()).await }).text("Name"), Ok(Some("Alpha")));
        }
        breaks: |wire| {
            disbelieved(wire, answer(&service("Alpha")).replace("xmlns:p=", "xmlns:q="));
            disbelieved(wire, answer(&service("Alpha")).replace(SERVICE, "urn:elsewhere/Win32_Service"));
        }

    /// Headers, elements and attributes that the client does not know are read over.
    unknown_parts_are_read_over: "SOAP 1.2 part 1, 5.2.3, MS-WSMV 3.1.4.1.39",
        holds: |wire| {
            let odd = answer(&service("Alpha")).replace("</s:Header>", "<z:Odd xmlns:z=\"urn:z\"><z:In/>x</z:Odd></s:Header>");
            wire.answers(200, odd.replace("<p:Name>", "<p:Odd z=\"1\">x</p:Odd><p:Name a=\"b\">"));
            assert_eq!(wire.takes(|client| async move { client.get(&alpha()).await }).text("Name"), Ok(Some("Alpha")));
        }
        breaks: |wire| { disbelieved(wire, answer("<z:Odd xmlns:z=\"urn:z\"/>")); }

    /// A refusal is one under whatever status it comes.
    refusals_have_any_status: "DSP0226 14.2, field notes b.7",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            for status in [200, 400, 500] {
                let error = doubted(wire, status, refusal(fault::ACCESS_DENIED, "w:AccessDenied"));
                assert_eq!((error.fault().unwrap().kind(), error.disposition()), (FaultKind::AccessDenied, Disposition::Stall), "{status}");
            }
        }

    /// A refusal without detail is understood by its subcode, by whichever prefix.
    subcodes_are_understood: "DSP0226 14.6",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            assert_eq!(meant(wire, fault_with("w:AccessDenied", "")), FaultKind::AccessDenied);
            assert_eq!(meant(wire, fault_with("w:TimedOut", "<s:Detail/>")), FaultKind::TimedOut);
            assert_eq!(meant(wire, fault_with("q:QuotaLimit", "").replace("xmlns:w=", "xmlns:q=")), FaultKind::QuotaLimit);
            assert_eq!(meant(wire, fault_with("x:SomethingElse", "")), FaultKind::Other);
        }

    /// Of the numbers in a refusal, that of WMI says the most, then the service's, then the subcode.
    numbers_say_the_most: "MS-WSMV 2.2.4.43, capture pywinrm fixture",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            let wmi = "<s:Detail><p:MSFT_WmiError xmlns:p=\"http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError\">\
                       <p:Message>No such class</p:Message><p:error_Code>2147749904</p:error_Code></p:MSFT_WmiError></s:Detail>";
            assert_eq!(meant(wire, fault_with("w:InternalError", wmi)), FaultKind::InvalidClass);
            assert_eq!(meant(wire, refusal(fault::RESOURCE_NOT_FOUND, "w:InternalError")), FaultKind::NotFound);
            assert_eq!(meant(wire, fault_with("w:InternalError", "")), FaultKind::Failed);
        }

    /// A refusal that nobody knows keeps its number and its words, and its fault is one.
    unknown_refusals_keep_their_words: "MS-WSMV 2.2.4.43",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            let error = doubted(wire, 500, refusal(4_000_000_000, "w:Odd").replace(">no<", ">no idea<"));
            assert_eq!(error.fault().unwrap().to_string(), "no idea (0xEE6B2800)");
            let error = doubted(wire, 500, answer("<s:Fault/>"));
            assert_eq!((error.fault().unwrap().kind(), error.fault().unwrap().number()), (FaultKind::Other, None));
        }

    /// A status without an envelope says what it means.
    statuses_are_told: "RFC 9110 15, MS-WSMV 3.1.4.1.20",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            for (status, disposition) in [(404, Disposition::Stall), (413, Disposition::Stall), (500, Disposition::Retry), (503, Disposition::Retry)] {
                wire.says(status, "", "");
                let error = wire.refuses(|client| async move { client.get(&alpha()).await });
                assert!(matches!(error, Error::Status { status: told, .. } if told == status), "{error:?}");
                assert_eq!(error.disposition(), disposition, "{status}");
            }
        }

    /// A redirection is not followed: the password was for this host.
    redirections_are_not_followed: "RFC 9110 15.4",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            for status in [301, 302, 307, 308] {
                wire.says(status, "Location: http://elsewhere:5985/wsman\r\n", answer(&service("Alpha")).into_bytes());
                let error = wire.refuses(|client| async move { client.get(&alpha()).await });
                assert!(matches!(error, Error::Status { status: told, .. } if told == status), "{error:?}");
            }
            assert_eq!((wire.requests().len(), wire.heads().iter().any(|head| head.contains("elsewhere"))), (4, false));
        }

    /// A password that the host refuses is sent once, and rests.
    refused_passwords_rest: "RFC 9110 11.6.1, field notes c",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            for _ in 0..5 {
                wire.says(401, "WWW-Authenticate: Basic realm=\"WSMAN\"\r\n", "");
            }
            let refused = wire.refuses(|client| async move { client.get(&alpha()).await });
            assert!(matches!(refused, Error::Unauthorized { source: AuthError::Refused { .. }, .. }), "{refused:?}");
            let resting = wire.refuses(|client| async move { client.get(&alpha()).await });
            assert!(matches!(resting, Error::Unauthorized { source: AuthError::Resting { .. }, .. }), "{resting:?}");
            assert_eq!(wire.requests().len(), 1);
        }

    /// A host that offers other schemes is told from one that refuses the password.
    other_schemes_are_told: "RFC 9110 11.6.1, MS-WSMV 3.1.4.1.28",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            wire.says(401, "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Kerberos\r\n", "");
            let error = wire.refuses(|client| async move { client.get(&alpha()).await });
            assert!(matches!(error, Error::Unauthorized { source: AuthError::NotOffered { .. }, .. }), "{error:?}");
        }

    /// A handshake has an end: a host that goes on asking is not talked to.
    handshakes_have_an_end: "MS-NLMP 1.3.1, field notes c",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            lets_in(wire);
            for _ in 0..20 {
                wire.says(401, &format!("WWW-Authenticate: Negotiate {CHALLENGE}\r\n"), "");
            }
            let error = wire.refuses(|client| async move { client.get(&alpha()).await });
            assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
            assert!(wire.requests().len() <= 6, "{} requests", wire.requests().len());
        }

    /// A sealed request is answered sealed: what comes in plain text is not believed, be it an answer or a refusal.
    sealed_requests_have_sealed_answers: "MS-WSMV 2.2.9.1, MS-NLMP 3.4",
        holds: |wire| { got(wire, &service("Alpha")); }
        breaks: |wire| {
            for (status, envelope) in [(200, answer(&service("Alpha"))), (500, refusal(fault::ACCESS_DENIED, "w:AccessDenied"))] {
                lets_in(wire);
                wire.answers(status, envelope);
                let error = wire.refuses(|client| async move { client.get(&alpha()).await });
                assert!(matches!(error, Error::Unsealed { .. }) && error.outcome_unknown(), "{error:?}");
                assert!(wire.heads().last().unwrap().contains("content-type: multipart/encrypted"), "{:?}", wire.heads());
            }
        }

    /// An enumeration may end without items, in either of its forms, and without saying so.
    enumerations_may_be_empty: "MS-WSMV 4.1.2.6, field notes a.2",
        holds: |wire| {
            wire.answers(200, complete(""));
            wire.answers(200, answer("<n:EnumerateResponse><n:EnumerationContext/></n:EnumerateResponse>"));
            for last in [page(None, ""), answer("<n:PullResponse><n:EndOfSequence/></n:PullResponse>"), answer("<n:PullResponse/>")] {
                wire.answers(200, begun("uuid:1"));
                wire.answers(200, last);
            }
            for _ in 0..5 {
                assert!(queried(wire).is_empty());
            }
        }
        breaks: |wire| {
            wire.answers(200, begun("uuid:1"));
            wire.answers(200, answer("<n:EnumerateResponse/>"));
            wire.answers(200, answer(""));
            assert!(matches!(unqueried(wire), Error::BadAnswer { .. }));
        }

    /// What an optimised answer holds is taken, the rest is pulled, and half of it is nothing.
    optimised_answers_are_gone_on_from: "DSP0226 8.2.3, capture real-windows/server_2012-Win32_OperatingSystem_star_000",
        holds: |wire| {
            wire.answers(200, complete(&service("Alpha")));
            assert_eq!((queried(wire).len(), wire.requests().len()), (1, 1));
            wire.answers(200, begun("uuid:1").replace("</n:EnumerateResponse>", &format!("<w:Items>{}</w:Items></n:EnumerateResponse>", service("Alpha"))));
            wire.answers(200, page(None, &service("Beta")));
            assert_eq!((queried(wire).len(), wire.requests().len()), (2, 3));
        }
        breaks: |wire| {
            wire.answers(200, begun("uuid:1").replace("</n:EnumerateResponse>", &format!("<w:Items>{}</w:Items></n:EnumerateResponse>", service("Alpha"))));
            wire.answers(500, refusal(fault::ACCESS_DENIED, "w:AccessDenied"));
            wire.answers(200, answer(""));
            assert!(matches!(unqueried(wire), Error::Fault { .. }));
        }

    /// An enumeration without an end is given up and released, be its pages empty or full, its contexts new or the same.
    endless_enumerations_are_given_up: "DSP0226 8.4, field notes b.3",
        holds: |wire| {
            wire.answers(200, begun("uuid:1"));
            for _ in 0..3 {
                wire.answers(200, page(Some("uuid:1"), ""));
            }
            wire.answers(200, page(None, &service("Alpha")));
            assert_eq!(queried(wire).len(), 1);
        }
        breaks: |wire| {
            for items in ["", &service("Alpha").repeat(10)] {
                *wire = Wire::default();
                wire.is(basic(Cleartext::Allowed), Settings { max_items: 100, ..Settings::default() });
                wire.answers(200, begun("uuid:1"));
                for _ in 0..30 {
                    wire.answers(200, page(Some("uuid:1"), items));
                }
                assert!(matches!(unqueried(wire), Error::BadAnswer { .. }));
                let asked = wire.requests();
                assert!(asked.len() < 25 && asked.last().unwrap().contains("enumeration/Release"), "{} requests", asked.len());
            }
        }

    /// An enumeration that the host forgot begins anew, once.
    forgotten_enumerations_begin_anew: "MS-WSMV 3.1.5.1, code 2150858779",
        holds: |wire| {
            wire.answers(200, begun("uuid:1"));
            wire.answers(500, refusal(fault::INVALID_CONTEXT, "n:InvalidEnumerationContext"));
            wire.answers(200, complete(&service("Alpha")));
            assert_eq!(queried(wire).len(), 1);
        }
        breaks: |wire| {
            for _ in 0..3 {
                wire.answers(200, begun("uuid:1"));
                wire.answers(500, refusal(fault::INVALID_CONTEXT, "n:InvalidEnumerationContext"));
            }
            assert_eq!(unqueried(wire).fault().unwrap().kind(), FaultKind::InvalidEnumerationContext);
            assert_eq!(wire.requests().len(), 4);
        }

    /// Items are of the kind that was asked for.
    items_are_of_their_kind: "MS-WSMV 3.1.4.1.17",
        holds: |wire| {
            let pair = format!("<w:Item>{}<a:EndpointReference>{}</a:EndpointReference></w:Item>", service("Alpha"), reference(SERVICE, "Name", "Alpha"));
            wire.answers(200, complete(&pair));
            let found = wire.takes(|client| async move { client.query_with_paths(&Namespace::CIMV2, QUERY).await });
            assert_eq!(found[0].0, alpha());
        }
        breaks: |wire| {
            let epr = format!("<a:EndpointReference>{}</a:EndpointReference>", reference(SERVICE, "Name", "Alpha"));
            wire.answers(200, complete(&epr));
            assert!(matches!(unqueried(wire), Error::BadAnswer { .. }));
            for items in [service("Alpha"), format!("<w:Item>{}</w:Item>", service("Alpha")), format!("<w:Item>{epr}</w:Item>")] {
                wire.answers(200, complete(&items));
                let error = wire.refuses(|client| async move { client.query_with_paths(&Namespace::CIMV2, QUERY).await });
                assert!(matches!(error, Error::BadAnswer { .. }), "{error:?}");
            }
        }

    /// A property that is nil has no value, and neither has one that is left out; a text that is empty has one.
    nil_is_no_value: "DSP0230 9.2, MS-WSMV 3.1.4.1.26",
        holds: |wire| {
            let found = got(wire, &instance(SERVICE, "<p:Caption xsi:nil=\"true\"/><p:Description></p:Description><p:Name xsi:nil=\"0\">x</p:Name>"));
            assert_eq!((found.text("Caption"), found.text("DisplayName")), (Ok(None), Ok(None)));
            assert_eq!((found.text("Description"), found.text("Name")), (Ok(Some("")), Ok(Some("x"))));
        }
        breaks: |wire| { disbelieved(wire, answer(&instance(SERVICE, "<p:Caption>text<p:Nil/></p:Caption>"))); }

    /// An array of one is an array; one that is left out, or nil, has nothing in it.
    arrays_are_arrays: "DSP0230 9.2.2, MS-WSMV 3.1.4.1.26, capture real-windows/server_2012-Win32_NetworkAdapterConfiguration_star_000",
        holds: |wire| {
            let found = got(wire, &instance(ADAPTER, "<p:DefaultIPGateway xsi:nil=\"true\"/><p:IPAddress>10.0.0.1</p:IPAddress><p:IPSubnet>a</p:IPSubnet><p:IPSubnet>b</p:IPSubnet>"));
            let texts = |name: &str| found.texts(name).unwrap().into_iter().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!((texts("IPAddress"), texts("IPSubnet").len(), texts("DefaultIPGateway").len(), texts("DNSServerSearchOrder").len()), (vec!["10.0.0.1".to_owned()], 2, 0, 0));
            assert!(matches!(found.get("IPAddress"), CimValue::Array(_)));
        }
        breaks: |wire| { disbelieved(wire, answer(&instance(ADAPTER, "<p:IPAddress>10.0.0.1<p:IPAddress/></p:IPAddress>"))); }

    /// Octets come one element each, or as one text in base64.
    octets_come_either_way: "field notes b.4, libvirt 9.0 source",
        holds: |wire| {
            for octets in ["<p:uValue>1</p:uValue><p:uValue>255</p:uValue>", "<p:uValue>Af8=</p:uValue>"] {
                assert_eq!(call(wire, &format!("{octets}<p:ReturnValue>0</p:ReturnValue>")).unsigneds("uValue"), Ok(vec![1, 255]));
            }
        }
        breaks: |wire| {
            for octets in ["<p:uValue>-1</p:uValue>", "<p:uValue>not base64</p:uValue>"] {
                let found = call(wire, &format!("{octets}<p:ReturnValue>0</p:ReturnValue>"));
                wire.refuses(|_| async move { found.unsigneds("uValue").map(|_| ()) });
            }
        }

    /// Numbers and truth are read in each spelling of theirs; what is neither is no number and no truth, and is never 0 or false.
    scalars_are_what_they_say: "DSP0230 8, XML Schema part 2, 3.2.2",
        holds: |wire| {
            let found = got(wire, &instance(SERVICE, "<p:AcceptPause>TRUE</p:AcceptPause><p:AcceptStop>0</p:AcceptStop><p:ExitCode> 4294967295 </p:ExitCode>"));
            assert_eq!((found.boolean("AcceptPause"), found.boolean("AcceptStop"), found.unsigned("ExitCode")), (Ok(Some(true)), Ok(Some(false)), Ok(Some(4_294_967_295))));
        }
        breaks: |wire| {
            let found = got(wire, &instance(SERVICE, "<p:AcceptPause>perhaps</p:AcceptPause><p:ExitCode>many</p:ExitCode><p:ProcessId>0x10</p:ProcessId><p:WaitHint/>"));
            let (pause, code, process, hint) = (found.boolean("AcceptPause").is_err(), found.unsigned("ExitCode").is_err(), found.unsigned("ProcessId").is_err(), found.unsigned("WaitHint").is_err());
            assert_eq!((pause, code, process, hint), (true, true, true, true));
            wire.refuses(|_| async move { found.unsigned("ExitCode").map(|_| ()) });
        }

    /// An instant is read with any offset, in `cim:Datetime` or as text, in either form; what is none is none.
    instants_are_read_in_either_form: "field notes b.4, DSP0230 8",
        holds: |wire| {
            for text in ["<cim:Datetime>2013-04-15T16:28:43.488171Z</cim:Datetime>", "<cim:Datetime>2013-04-15T09:28:43.488171-07:00</cim:Datetime>", "20130415162843.488171+000"] {
                let found = got(wire, &instance(SERVICE, &format!("<p:InstallDate>{text}</p:InstallDate>")));
                assert_eq!(found.datetime("InstallDate").unwrap().unwrap().to_cim(), "20130415162843.488171+000", "{text}");
            }
        }
        breaks: |wire| {
            let found = got(wire, &instance(SERVICE, "<p:InstallDate><cim:Datetime>yesterday</cim:Datetime></p:InstallDate>"));
            wire.refuses(|_| async move { found.datetime("InstallDate").map(|_| ()) });
        }

    /// A reference is read as a path that can be followed, with its parts directly inside its property or wrapped.
    references_are_paths: "field notes b.4, DSP0230 9",
        holds: |wire| {
            let parts = reference(VM, "Name", "A-1");
            for form in [parts.clone(), format!("<a:EndpointReference>{parts}</a:EndpointReference>")] {
                let link = instance(&format!("{VIRTUALIZATION}/Msvm_SettingsDefineState"), &format!("<p:ManagedElement>{form}</p:ManagedElement>"));
                wire.answers(200, complete(&link));
                let found = queried(wire).remove(0);
                let path = found.reference("ManagedElement").unwrap().unwrap();
                assert_eq!((path.class().as_str(), path.keys().count()), ("Msvm_ComputerSystem", 1));
            }
        }
        breaks: |wire| {
            let link = format!("{VIRTUALIZATION}/Msvm_SettingsDefineState");
            wire.answers(200, complete(&instance(&link, "<p:ManagedElement><a:Address>x</a:Address></p:ManagedElement>")));
            assert!(matches!(unqueried(wire), Error::BadAnswer { .. }));
        }

    /// What a projection leaves in unqualified elements has the types of the class that was asked for.
    projections_have_types: "MS-WSMV <58>, capture real-windows/server_2012-Win32_ComputerSystem_all_000",
        holds: |wire| {
            wire.answers(200, complete("<w:XmlFragment><ExitCode>5</ExitCode><Started>true</Started></w:XmlFragment>"));
            let found = queried(wire).remove(0);
            assert_eq!((found.unsigned("ExitCode"), found.boolean("Started")), (Ok(Some(5)), Ok(Some(true))));
        }
        breaks: |wire| {
            wire.answers(200, complete("<w:Fragment><ExitCode>5</ExitCode></w:Fragment>"));
            assert!(matches!(unqueried(wire), Error::BadAnswer { .. }));
        }

    /// A method's output is that of the method that was called, and ends with a return value that is a number.
    outputs_are_of_their_method: "MS-WSMV 4.1.4",
        holds: |wire| { call(wire, "<p:ReturnValue>2</p:ReturnValue>"); }
        breaks: |wire| {
            for envelope in [
                output(REGISTRY, "GetStringValue", "<p:ReturnValue>0</p:ReturnValue>"),
                output(REGISTRY, "GetBinaryValue", ""),
                output(REGISTRY, "GetBinaryValue", "<p:ReturnValue xsi:nil=\"true\"/>"),
                output(REGISTRY, "GetBinaryValue", "<p:ReturnValue>fine</p:ReturnValue>"),
                output(REGISTRY, "GetBinaryValue", "<p:ReturnValue>4294967296</p:ReturnValue>"),
                answer(""),
            ] {
                let error = uncalled(wire, envelope);
                assert!(matches!(error, Error::BadAnswer { .. }) && error.outcome_unknown(), "{error:?}");
            }
        }

    /// What was made is known by the reference that comes back, which names an instance.
    made_instances_are_named: "DSP0226 7.6",
        holds: |wire| {
            wire.answers(200, answer(&format!("<x:ResourceCreated>{}</x:ResourceCreated>", reference(SERVICE, "Name", "New"))));
            let path = wire.takes(|client| async move { client.create(&Namespace::CIMV2, &CimInstance::new("Win32_Service")).await });
            assert_eq!(path.to_string(), r#"root\cimv2:Win32_Service.Name="New""#);
        }
        breaks: |wire| {
            for body in ["<x:ResourceCreated/>", "<x:ResourceCreated><a:Address>x</a:Address></x:ResourceCreated>", "", &service("New")] {
                wire.answers(200, answer(body));
                let error = wire.refuses(|client| async move { client.create(&Namespace::CIMV2, &CimInstance::new("Win32_Service")).await });
                assert!(matches!(error, Error::BadAnswer { .. }), "{error:?}");
            }
        }

    /// A pull that ends empty, or in a time-out, is a sign of life; the subscription goes on.
    empty_pulls_are_signs_of_life: "field notes b.8, MS-WSMV 3.1.4.1.30.6",
        holds: |wire| {
            for quiet in [(200, page(Some("uuid:2"), "")), (500, refusal(fault::TIMED_OUT, "w:TimedOut"))] {
                wire.answers(200, subscribed("ID-1", "uuid:1", "PT0.000S"));
                wire.answers(quiet.0, quiet.1);
                wire.answers(200, answer(""));
                assert_eq!(listening(wire), Event::Heartbeat);
                wire.requests();
            }
        }
        breaks: |wire| {
            wire.answers(200, subscribed("ID-1", "uuid:1", "PT0.000S"));
            wire.answers(500, refusal(fault::ACCESS_DENIED, "w:AccessDenied"));
            let query = EventQuery::Log("<QueryList/>".to_owned());
            wire.refuses(|client| async move { client.subscribe(query, SubscribeSettings::default()).await?.next().await });
        }

    /// A subscription that the host forgot, or ended, is made again, and its reader is told.
    lost_subscriptions_are_told: "field notes b.8, MS-WSMV 3.1.4.1.30.4",
        holds: |wire| {
            for end in [(500, refusal(fault::INVALID_CONTEXT, "n:InvalidEnumerationContext")), (200, page(None, ""))] {
                *wire = Wire::default();
                wire.answers(200, subscribed("ID-1", "uuid:1", "PT0.000S"));
                wire.answers(end.0, end.1);
                wire.answers(200, subscribed("ID-2", "uuid:2", "PT0.000S"));
                wire.answers(200, answer(""));
                wire.answers(200, answer(""));
                assert_eq!(listening(wire), Event::Resumed);
            }
        }
        breaks: |wire| {
            wire.answers(200, subscribed("ID-1", "", "PT0.000S").replace("<n:EnumerationContext></n:EnumerationContext>", ""));
            let query = EventQuery::Log("<QueryList/>".to_owned());
            let error = wire.refuses(|client| async move { client.subscribe(query, SubscribeSettings::default()).await });
            assert!(matches!(error, Error::BadAnswer { .. }), "{error:?}");
        }

    /// A long poll for output that ends in a time-out is asked again; the command goes on.
    quiet_commands_go_on: "MS-WSMV 3.1.4.14",
        holds: |wire| {
            let quiet = (500, refusal(fault::TIMED_OUT, "w:TimedOut"));
            let done = (200, received(&stream("stdout", "C-1", "SFYwMQ0K"), "Done"));
            let finished = ran(wire, &[quiet.clone(), (200, received("", "Running")), quiet, done]);
            assert_eq!((finished.stdout().as_str(), finished.exit_code), ("HV01\r\n", 0));
        }
        breaks: |wire| {
            wire.answers(200, shell("S-1"));
            wire.answers(200, started("C-1"));
            wire.answers(500, refusal(fault::UNEXPECTED_SELECTORS, "w:InvalidSelectors"));
            wire.refuses(|client| async move { client.run(&Program::new("hostname"), 10).await });
        }

    /// A command that ended without an exit code has not succeeded.
    missing_exit_codes_are_failures: "MS-WSMV <7>",
        holds: |wire| { assert_eq!(ran(wire, &[(200, received("", "Done"))]).exit_code, 0); }
        breaks: |wire| {
            let without = received("", "Done").replace("<rsp:ExitCode>0</rsp:ExitCode>", "");
            let finished = ran(wire, &[(200, without)]);
            wire.refuses(|_| async move { if finished.exit_code == 0 { Ok(()) } else { Err(finished.exit_code) } });
        }

    /// Output is in base64, and an exit code is a number of 32 bits.
    odd_output_is_refused: "MS-WSMV 3.1.4.1.31.1, 2.2.5.5",
        holds: |wire| {
            let status = received(&stream("stderr", "C-1", "\n SFYw\n MQ== \n"), "Done").replace("<rsp:ExitCode>0<", "<rsp:ExitCode>-1073741510<");
            let finished = ran(wire, &[(200, status)]);
            assert_eq!((finished.stderr().as_str(), finished.exit_code), ("HV01", 0xC000_013A));
        }
        breaks: |wire| {
            for odd in [
                received(&stream("stdout", "C-1", "HV 01!"), "Done"),
                received("", "Done").replace("<rsp:ExitCode>0<", "<rsp:ExitCode>fine<"),
                received("<rsp:Stream>SFYw</rsp:Stream>", "Done"),
            ] {
                wire.is(basic(Cleartext::Allowed), Settings::default());
                wire.answers(200, shell("S-1"));
                wire.answers(200, started("C-1"));
                wire.answers(200, odd);
                wire.answers(200, signalled());
                wire.answers(200, answer(""));
                let error = wire.refuses(|client| async move { client.run(&Program::new("hostname"), 10).await });
                assert!(matches!(error, Error::BadAnswer { .. }), "{error:?}");
                wire.requests();
            }
        }

    /// What another command wrote, or how it stands, says nothing of this one.
    other_commands_are_not_heard: "MS-WSMV 2.2.4.9, 2.2.4.40",
        holds: |wire| {
            let both = format!("{}{}", stream("stdout", "C-2", "b3RoZXI="), stream("stdout", "c-1", "SFYwMQ0K"));
            let finished = ran(wire, &[(200, received("", "Done").replace("\"C-1\"", "\"C-2\"")), (200, received(&both, "Done"))]);
            assert_eq!(finished.stdout(), "HV01\r\n");
        }
        breaks: |wire| {
            wire.answers(200, shell("S-1"));
            wire.answers(200, started("C-1"));
            wire.answers(200, received("", "Done").replace("\"C-1\"", "\"C-2\""));
            wire.waits();
            let waited = wire.refuses(|client| async move { tokio::time::timeout(Duration::from_secs(30), client.run(&Program::new("hostname"), 10)).await });
            assert_eq!(waited.to_string(), "deadline has elapsed");
        }

    /// Who a host is, it says in an answer that needs no header.
    identities_need_no_header: "DSP0226 11",
        holds: |wire| {
            let identity = "<i:IdentifyResponse xmlns:i=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\">\
                            <i:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</i:ProtocolVersion><i:ProductVendor>V</i:ProductVendor>\
                            <i:ProductVersion>OS: 10.0.20348 SP: 0.0 Stack: 3.0</i:ProductVersion></i:IdentifyResponse>";
            let whole = answer(identity);
            let (head, rest) = (whole.find("<s:Header>").unwrap(), whole.find("</s:Header>").unwrap());
            wire.answers(200, format!("{}<s:Header/>{}", &whole[..head], &whole[rest + "</s:Header>".len()..]));
            assert_eq!(wire.takes(|client| async move { client.identify().await }).version, "OS: 10.0.20348 SP: 0.0 Stack: 3.0");
        }
        breaks: |wire| {
            wire.answers(200, answer(&instance(&format!("{CIMV2}/Win32_OperatingSystem"), "<p:Version>10.0</p:Version>")));
            wire.refuses(|client| async move { client.identify().await });
        }
}
