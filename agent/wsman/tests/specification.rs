//! The messages of MS-WSMV's section 4 that concern us, with names and values of our own: each is read, and says the same after it
//! was written again.

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use trunkline_wsman::cim::{CimInstance, CimValue, Key, Namespace};
use trunkline_wsman::envelope::{Envelope, FilterBody, Item, Request, Response, action, dialect};
use trunkline_wsman::resource::{Naming, ResourceUri};
use trunkline_wsman::xml::Limits;

const WIDGET: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/factory/widget";
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// An envelope as the specification lays it out: its prefixes, its order, its line breaks inside values.
fn envelope(header: &str, body: &str) -> String {
    format!(
        r#"<s:Envelope xml:lang="en-US"
            xmlns:s="http://www.w3.org/2003/05/soap-envelope"
            xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing"
            xmlns:wsen="http://schemas.xmlsoap.org/ws/2004/09/enumeration"
            xmlns:wsman="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd">
          <s:Header>{header}
          </s:Header>
          <s:Body>
            {body}
          </s:Body>
        </s:Envelope>"#
    )
}

fn request_text(resource: &str, action: &str, selectors: &str, body: &str) -> String {
    let header = format!(
        r#"
            <wsa:To>http://plant:80/wsman</wsa:To>
            <wsman:ResourceURI s:mustUnderstand="true">
              {resource}
            </wsman:ResourceURI>
            <wsa:ReplyTo>
              <wsa:Address s:mustUnderstand="true">
                {ANONYMOUS}
              </wsa:Address>
            </wsa:ReplyTo>
            <wsa:Action s:mustUnderstand="true">
              {action}
            </wsa:Action>
            <wsman:MaxEnvelopeSize s:mustUnderstand="true">
              51200
            </wsman:MaxEnvelopeSize>
            <wsa:MessageID>
              uuid:11111111-2222-3333-4444-555555555555
            </wsa:MessageID>
            {selectors}
            <wsman:OperationTimeout>PT60.000S</wsman:OperationTimeout>"#
    );
    envelope(&header, body)
}

fn answer_text(action: &str, body: &str) -> String {
    let header = format!(
        r#"
            <wsa:Action s:mustUnderstand="true">
              {action}
            </wsa:Action>
            <wsa:MessageID s:mustUnderstand="true">
              uuid:99999999-2222-3333-4444-555555555555
            </wsa:MessageID>
            <wsa:To>
              {ANONYMOUS}
            </wsa:To>
            <wsa:RelatesTo s:mustUnderstand="true">
              uuid:11111111-2222-3333-4444-555555555555
            </wsa:RelatesTo>"#
    );
    envelope(&header, body)
}

/// An instance that says where it is, as the specification's do.
fn widget(id: u8, colour: &str) -> String {
    format!(
        r#"<p:widget xmlns:p="{WIDGET}">
              <p:Colour>{colour}</p:Colour>
              <p:id>{id}</p:id>
              <cim:Location xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">
                <wsa:Address>
                  {ANONYMOUS}
                </wsa:Address>
                <wsa:ReferenceParameters>
                  <wsman:ResourceURI>
                    {WIDGET}
                  </wsman:ResourceURI>
                  <wsman:SelectorSet>
                    <wsman:Selector Name="id">{id}</wsman:Selector>
                  </wsman:SelectorSet>
                </wsa:ReferenceParameters>
              </cim:Location>
            </p:widget>"#
    )
}

const ID: &str = r#"<wsman:SelectorSet><wsman:Selector Name="id">1</wsman:Selector></wsman:SelectorSet>"#;

/// Reads a request, after which its being written and read again has changed nothing.
fn request(text: &str) -> Envelope<Request> {
    let read = Envelope::<Request>::decode(text, Limits::default()).expect("a request");
    let again = Envelope::<Request>::decode(&read.encode(), Limits::default()).expect("our own writing");
    assert_eq!(again, read);
    assert!(read.header.not_understood().next().is_none());
    assert_eq!(read.header.reply_to.as_deref(), Some(ANONYMOUS));
    assert_eq!(read.header.message_id.as_deref(), Some("uuid:11111111-2222-3333-4444-555555555555"));
    assert_eq!((read.header.max_envelope_size, read.header.operation_timeout), (Some(51_200), Some(Duration::from_secs(60))));
    read
}

/// The same for an answer.
fn answer(text: &str) -> Envelope<Response> {
    let naming = Naming::Microsoft(Namespace::new("root/factory"));
    let read = Envelope::<Response>::decode(text, Limits::default()).expect("an answer");
    let again = Envelope::<Response>::decode(&read.encode(&naming), Limits::default()).expect("our own writing");
    assert_eq!(again, read);
    assert_eq!(read.header.relates_to.as_deref(), Some("uuid:11111111-2222-3333-4444-555555555555"));
    read
}

/// The properties of a widget: its location is none of them.
fn properties(instance: &CimInstance) -> Vec<(String, CimValue)> {
    instance.properties().map(|(name, value)| (name.to_string(), value.clone())).collect()
}

fn expected(id: &str, colour: &str) -> Vec<(String, CimValue)> {
    vec![("Colour".to_owned(), CimValue::from(colour)), ("id".to_owned(), CimValue::from(id))]
}

#[test]
fn an_instance_is_read_4_1_1() {
    let asked = request(&request_text(WIDGET, action::GET, ID, ""));
    assert_eq!(asked.body, Request::Get);
    assert_eq!(asked.header.resource, Some(ResourceUri::parse(WIDGET)));
    assert!(matches!(asked.header.selectors.as_slice(), [(name, Key::Text(value))] if *name == *"id" && value == "1"));
    let Response::Object(found) = answer(&answer_text(&format!("{}Response", action::GET), &widget(1, "red"))).body else {
        panic!("no object")
    };
    assert_eq!(properties(&found), expected("1", "red"));
}

#[test]
fn instances_are_enumerated_4_1_2() {
    assert!(matches!(request(&request_text(WIDGET, action::ENUMERATE, "", "<wsen:Enumerate/>")).body, Request::Enumerate(_)));
    let context = "<wsen:EnumerationContext>\n  uuid:AAAAAAAA-2222-3333-4444-555555555555\n</wsen:EnumerationContext>";
    let begun = format!("<wsen:EnumerateResponse>{context}</wsen:EnumerateResponse>");
    let Response::Enumerate(page) = answer(&answer_text(&format!("{}Response", action::ENUMERATE), &begun)).body else { panic!("no page") };
    assert_eq!((page.context.as_deref(), page.items.len()), (Some("uuid:AAAAAAAA-2222-3333-4444-555555555555"), 0));

    let pull = format!("<wsen:Pull>{context}<wsen:MaxElements>1</wsen:MaxElements></wsen:Pull>");
    let Request::Pull(pull) = request(&request_text(WIDGET, action::PULL, "", &pull)).body else { panic!("no pull") };
    assert_eq!((pull.context.as_str(), pull.max_elements), ("uuid:AAAAAAAA-2222-3333-4444-555555555555", Some(1)));

    let first = format!("<wsen:PullResponse>{context}<wsen:Items>{}</wsen:Items></wsen:PullResponse>", widget(1, "red"));
    let last = format!("<wsen:PullResponse><wsen:Items>{}</wsen:Items><wsen:EndOfSequence/></wsen:PullResponse>", widget(2, "\"blue\""));
    for (text, goes_on, wanted) in [(first, true, expected("1", "red")), (last, false, expected("2", "\"blue\""))] {
        let Response::Pull(page) = answer(&answer_text(&format!("{}Response", action::PULL), &text)).body else { panic!("no page") };
        let [Item::Object(found)] = page.items.as_slice() else { panic!("{:?}", page.items) };
        assert_eq!((page.context.is_some(), page.end, properties(found)), (goes_on, !goes_on, wanted));
    }
}

#[test]
fn an_instance_is_changed_4_1_3() {
    let Request::Put(payload) = request(&request_text(WIDGET, action::PUT, ID, &widget(1, "green"))).body else { panic!("no put") };
    assert_eq!(properties(&payload.instance(&Namespace::new("root/factory"))), expected("1", "green"));
    let Response::Object(changed) = answer(&answer_text(&format!("{}Response", action::PUT), &widget(1, "green"))).body else {
        panic!("no object")
    };
    assert_eq!(properties(&changed), expected("1", "green"));
}

#[test]
fn a_method_is_invoked_4_1_4() {
    let action = format!("{WIDGET}/Paint");
    let input = format!(r#"<p:Paint_INPUT xmlns:p="{WIDGET}"><p:Colour>red</p:Colour><p:Place>C:\</p:Place></p:Paint_INPUT>"#);
    let Request::Invoke(invoke) = request(&request_text(WIDGET, &action, "", &input)).body else { panic!("no invoke") };
    assert_eq!(invoke.method, "Paint");
    assert_eq!(invoke.value("place", None), Some(CimValue::from("C:\\")));
    let output = format!(r#"<p:Paint_OUTPUT xmlns:p="{WIDGET}"><p:Coats>4000</p:Coats><p:ReturnValue>0</p:ReturnValue></p:Paint_OUTPUT>"#);
    let Response::Output(output) = answer(&answer_text(&format!("{action}Response"), &output)).body else { panic!("no output") };
    assert_eq!((output.method.as_str(), output.values.get("ReturnValue").as_u64()), ("Paint", Some(0)));
}

#[test]
fn a_selector_filter_is_asked_4_9() {
    let filter = format!(
        r#"<wsen:Enumerate>
              <wsman:Filter Dialect="{}">
                <wsman:SelectorSet>
                  <wsman:Selector Name="Colour">red</wsman:Selector>
                  <wsman:Selector Name="Size">large</wsman:Selector>
                </wsman:SelectorSet>
              </wsman:Filter>
            </wsen:Enumerate>"#,
        dialect::SELECTOR
    );
    let Request::Enumerate(enumerate) = request(&request_text(WIDGET, action::ENUMERATE, "", &filter)).body else { panic!("no enumerate") };
    let Some(FilterBody::Selectors(selected)) = enumerate.filter.map(|filter| filter.body) else { panic!("no selectors") };
    let shown: Vec<String> = selected.iter().map(|(name, key)| format!("{name}={key:?}")).collect();
    assert_eq!(shown, [r#"Colour=Text("red")"#, r#"Size=Text("large")"#]);
}

#[test]
fn a_refusal_says_who_refused_4_10() {
    let inner = r#"<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="32768" Machine="">
                     <f:Message>No such widget.</f:Message></f:WSManFault>"#;
    let fault = format!(
        r#"<s:Fault>
              <s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>wsa:DestinationUnreachable</s:Value></s:Subcode></s:Code>
              <s:Reason><s:Text xml:lang="en-US">
                 The plant has no such widget.
              </s:Text></s:Reason>
              <s:Detail>
                <wsman:FaultDetail>
                  wsman:faultDetail/ResourceNotFound
                </wsman:FaultDetail>
                <f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="32768" Machine="http://plant:80/wsman">
                  <f:Message><f:ProviderFault providerId="00000000-2222-3333-4444-555555555555">{inner}</f:ProviderFault></f:Message>
                </f:WSManFault>
              </s:Detail>
            </s:Fault>"#
    );
    let text = answer_text("http://schemas.xmlsoap.org/ws/2004/08/addressing/fault", &fault);
    let Response::Fault(fault) = Envelope::<Response>::decode(&text, Limits::default()).expect("a refusal").body else {
        panic!("no fault")
    };
    assert_eq!(
        (fault.code, fault.subcode.as_deref(), fault.detail.as_deref()),
        (Some(32_768), Some("a:DestinationUnreachable"), Some("ResourceNotFound"))
    );
    assert_eq!((fault.reason.as_str(), fault.provider.as_deref()), ("The plant has no such widget.", Some("No such widget.")));
}
