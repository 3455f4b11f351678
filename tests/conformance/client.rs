//! What our client sends, and what it makes of answers: no host of ours has a hand in it.

use wsman::cim::{CimPath, Namespace};

use super::bench::Wire;

const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const SERVICE: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service";

fn alpha() -> CimPath {
    CimPath::class_of(Namespace::CIMV2, "Win32_Service").with_key("Name", "Alpha")
}

/// An answer around `body`, as Windows writes it.
fn answer(body: &str) -> String {
    format!(
        "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\">\
         <s:Header><a:Action>urn:answer</a:Action><a:MessageID>uuid:1</a:MessageID><a:To>{ANONYMOUS}</a:To></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn service(name: &str) -> String {
    format!("<p:Win32_Service xmlns:p=\"{SERVICE}\"><p:Name>{name}</p:Name></p:Win32_Service>")
}

fn fault(code: u32, subcode: &str) -> String {
    answer(&format!(
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>\
         <s:Reason><s:Text xml:lang=\"en-US\">no</s:Text></s:Reason><s:Detail><f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" \
         Code=\"{code}\"><f:Message>no</f:Message></f:WSManFault></s:Detail></s:Fault>"
    ))
}

rules! {
    on Wire;

    /// The client sends every header that a host demands, each once.
    requests_have_their_headers: "DSP0226 5.4, MS-WSMV 3.1.4.1",
        holds: |wire| {
            wire.answers(200, answer(&service("Alpha")));
            wire.takes(|client| async move { client.get(&alpha()).await });
            let request = &wire.requests()[0];
            for header in ["<a:To", "<a:Action", "<a:MessageID", "<a:ReplyTo", "<w:ResourceURI", "<w:MaxEnvelopeSize", "<w:OperationTimeout", "<w:SelectorSet"] {
                assert_eq!(request.matches(&format!("{header}>")).count() + request.matches(&format!("{header} ")).count(), 1, "{header} in {request}");
            }
            assert!(request.contains(ANONYMOUS));
        }
        breaks: |wire| {
            wire.answers(500, fault(2_150_858_769, "a:MessageInformationHeaderRequired"));
            wire.refuses(|client| async move { client.get(&alpha()).await });
        }

    /// The client pulls with the context of the last page, never with an older one.
    pulls_use_the_last_context: "MS-WSMV 4.1.2, capture real-windows/pull_resp_01",
        holds: |wire| {
            let page = |context: &str, name: &str| answer(&format!("<n:PullResponse>{context}<n:Items>{}</n:Items></n:PullResponse>", service(name)));
            wire.answers(200, answer("<n:EnumerateResponse><n:EnumerationContext>uuid:1</n:EnumerationContext></n:EnumerateResponse>"));
            wire.answers(200, page("<n:EnumerationContext>uuid:2</n:EnumerationContext>", "Alpha"));
            wire.answers(200, page("<n:EnumerationContext>uuid:3</n:EnumerationContext>", "Beta"));
            wire.answers(200, page("", "Gamma").replace("</n:Items>", "</n:Items><n:EndOfSequence/>"));
            let found = wire.takes(|client| async move { client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Service").await });
            assert_eq!(found.len(), 3);
            let requests = wire.requests();
            let used: Vec<bool> = (1..=3).map(|number| requests[number].contains(&format!(">uuid:{number}<"))).collect();
            assert_eq!(used, [true; 3]);
        }
        breaks: |wire| {
            wire.answers(200, answer("<n:EnumerateResponse><n:EnumerationContext>uuid:1</n:EnumerationContext></n:EnumerateResponse>"));
            wire.answers(500, fault(2_150_858_779, "n:InvalidEnumerationContext"));
            wire.refuses(|client| async move { client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Service").await });
        }

    /// The client takes an optimised answer that is complete for the whole, and pulls nothing.
    complete_answers_are_not_pulled: "capture real-windows/server_2012-Win32_OperatingSystem_star_000",
        holds: |wire| {
            let items = service("Alpha");
            wire.answers(200, answer(&format!("<n:EnumerateResponse><n:EnumerationContext/><w:Items>{items}</w:Items><w:EndOfSequence/></n:EnumerateResponse>")));
            let found = wire.takes(|client| async move { client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Service").await });
            assert_eq!((found.len(), wire.requests().len()), (1, 1));
        }
        breaks: |wire| {
            let items = service("Alpha");
            let begun = "<n:EnumerationContext>uuid:1</n:EnumerationContext>";
            wire.answers(200, answer(&format!("<n:EnumerateResponse>{begun}<w:Items>{items}</w:Items></n:EnumerateResponse>")));
            wire.answers(500, fault(2_150_858_779, "n:InvalidEnumerationContext"));
            wire.refuses(|client| async move { client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Service").await });
        }

    /// The client asks with WQL on the URI of all classes.
    queries_stand_on_all_classes: "code 2150859003",
        holds: |wire| {
            wire.answers(200, answer("<n:EnumerateResponse><n:EnumerationContext/><w:Items/><w:EndOfSequence/></n:EnumerateResponse>"));
            wire.takes(|client| async move { client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Service").await });
            assert!(wire.requests()[0].contains("/wmi/root/cimv2/*</w:ResourceURI>"));
        }
        breaks: |wire| {
            wire.answers(500, fault(2_150_859_003, "n:CannotProcessFilter"));
            wire.refuses(|client| async move { client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Service").await });
        }

    /// The client believes no document type, no torn envelope and no other body than it asked for.
    odd_answers_are_refused: "DSP0226 13.1",
        holds: |wire| {
            wire.answers(200, format!("\u{feff}<?xml version=\"1.0\"?>{}", answer(&service("Alpha"))));
            wire.takes(|client| async move { client.get(&alpha()).await });
        }
        breaks: |wire| {
            let whole = answer(&service("Alpha"));
            for odd in [format!("<!DOCTYPE x>{whole}"), whole[..whole.len() - 20].to_owned(), answer("<n:PullResponse/>"), "<html/>".to_owned()] {
                wire.answers(200, odd);
                wire.refuses(|client| async move { client.get(&alpha()).await });
            }
        }
}
