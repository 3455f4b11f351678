//! The messages of MS-WSMV's section 4 that concern us, with names and values of our own: each is read, and says the same after it
//! was written again.

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use trunkline_wsman::auth::multipart::{self, Protocol};
use trunkline_wsman::cim::{CimInstance, CimValue, Key, Namespace};
use trunkline_wsman::envelope::shell::{CMD, CommandLine, CommandState, ShellBody, ShellRequest, ShellResponse, Stream};
use trunkline_wsman::envelope::{Envelope, FilterBody, Item, Markup, Request, Response, action, dialect, shell};
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
fn events_are_subscribed_to_4_4() {
    let options = r#"<wsman:Locale xml:lang="en-US" s:mustUnderstand="false" />
            <wsman:OptionSet xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
              <wsman:Option Name="Compression">SLDC</wsman:Option>
              <wsman:Option Name="CDATA" xsi:nil="true"/>
              <wsman:Option Name="ContentFormat">RenderedText</wsman:Option>
              <wsman:Option Name="IgnoreChannelError" xsi:nil="true"/>
            </wsman:OptionSet>"#;
    let collector = "<wsa:Address>\n HTTP://collector:80/wsman/subscriptions/7\n </wsa:Address>\
        <wsa:ReferenceProperties><wse:Identifier>\n  5\n </wse:Identifier></wsa:ReferenceProperties>";
    let body = format!(
        r#"<wse:Subscribe xmlns:wse="http://schemas.xmlsoap.org/ws/2004/08/eventing">
              <wse:EndTo>{collector}</wse:EndTo>
              <wse:Delivery Mode="http://schemas.dmtf.org/wbem/wsman/1/wsman/Events">
                <wsman:Heartbeats>PT1800.000S</wsman:Heartbeats>
                <wse:NotifyTo>{collector}</wse:NotifyTo>
                <wsman:MaxElements>10</wsman:MaxElements>
                <wsman:MaxTime>PT20.000S</wsman:MaxTime>
                <wsman:MaxEnvelopeSize Policy="Notify">
                  51200
                </wsman:MaxEnvelopeSize>
                <wsman:Locale xml:lang="en-US"/>
                <wsman:ContentEncoding>
                  UTF-8
                </wsman:ContentEncoding>
              </wse:Delivery>
              <wse:Expires>PT1960732748.184S</wse:Expires>
              <wsman:Filter>
                <QueryList>
                  <Query Id="0">
                    <Select Path="System">*</Select>
                  </Query>
                </QueryList>
              </wsman:Filter>
              <wsman:SendBookmarks/>
            </wse:Subscribe>"#
    );
    let resource = "http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog";
    let asked = request(&request_text(resource, action::SUBSCRIBE, options, &body));
    let shown: Vec<_> = asked.header.options.iter().map(|option| (option.name.as_str(), option.value.as_deref())).collect();
    let wanted = [("Compression", Some("SLDC")), ("CDATA", None), ("ContentFormat", Some("RenderedText")), ("IgnoreChannelError", None)];
    assert_eq!(shown, wanted);
    let Request::Subscribe(subscribe) = asked.body else { panic!("no subscription") };
    assert!(subscribe.delivery.mode.ends_with("/Events") && subscribe.send_bookmarks);
    assert_eq!(subscribe.delivery.heartbeats, Some(Duration::from_secs(1800)));
    assert_eq!(subscribe.expires.as_deref(), Some("PT1960732748.184S"));
    let Some(FilterBody::Markup(Markup { name, inner, .. })) = subscribe.filter.map(|filter| filter.body) else { panic!("no query") };
    assert!(name == "QueryList" && inner.contains(r#"<Select Path="System">*</Select>"#), "{inner}");
}

#[test]
fn a_sealed_message_is_taken_apart_4_5() {
    let sealed = b"\x04\0\0\0sealthe message--Encrypted Boundary in it";
    let parts = "--Encrypted Boundary\r\n\
        Content-Type: application/HTTP-SPNEGO-session-encrypted\r\n\
        OriginalContent: type=application/soap+xml;charset=UTF-16;Length=31\r\n\
        --Encrypted Boundary\r\n\
        Content-Type: application/octet-stream\r\n";
    let body = [parts.as_bytes(), sealed, b"--Encrypted Boundary--\r\n"].concat();
    let content_type = "multipart/encrypted; protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"";
    let read = multipart::decode(Protocol::Spnego, content_type, &body).expect("a sealed message");
    assert_eq!((read.length, read.signature, read.data), (31, &b"seal"[..], &b"the message--Encrypted Boundary in it"[..]));
    let written = multipart::encode(Protocol::Spnego, read);
    assert_eq!(multipart::decode(Protocol::Spnego, Protocol::Spnego.content_type(), &written), Ok(read));
}

const RSP: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
const SHELL: &str = "uuid:CCCCCCCC-2222-3333-4444-555555555555";
const COMMAND: &str = "dddddddd-2222-3333-4444-555555555555";

/// A request to a shell that is there, its selector laid out over lines as the specification does.
fn shell_request(action: &str, body: &str) -> Envelope<Request> {
    let selectors = format!(
        r#"<wsman:Locale xml:lang="en-US" s:mustUnderstand="false"/>
            <wsman:SelectorSet xmlns="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd">
              <wsman:Selector Name="ShellId">
                {SHELL}
              </wsman:Selector>
            </wsman:SelectorSet>"#
    );
    let asked = request(&request_text(CMD, action, &selectors, body));
    assert_eq!(asked.header.resource, Some(ResourceUri::Other(CMD.to_owned())));
    assert!(matches!(asked.header.selectors.as_slice(), [(name, Key::Text(id))] if *name == *"ShellId" && id.trim() == SHELL));
    asked
}

/// What is asked of the shell.
fn to_shell(action: &str, body: &str) -> ShellRequest {
    let Request::Shell(asked) = shell_request(action, body).body else { panic!("nothing for a shell: {body}") };
    asked
}

/// What the shell answers.
fn from_shell(action: &str, body: &str) -> ShellResponse {
    let Response::Shell(said) = answer(&answer_text(&format!("{action}Response"), body)).body else { panic!("nothing of a shell: {body}") };
    said
}

#[test]
fn a_shell_is_made_4_7_1() {
    let options = r#"<wsman:OptionSet xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
              <wsman:Option Name="WINRS_NOPROFILE">TRUE</wsman:Option>
              <wsman:Option Name="WINRS_CODEPAGE">850</wsman:Option>
            </wsman:OptionSet>"#;
    let body = format!(
        r#"<rsp:Shell xmlns:rsp="{RSP}">
              <rsp:Environment>
                <rsp:Variable Name="colour">red</rsp:Variable>
              </rsp:Environment>
              <rsp:WorkingDirectory>e:\plant</rsp:WorkingDirectory>
              <rsp:Lifetime>PT500.000S</rsp:Lifetime>
              <rsp:InputStreams>stdin</rsp:InputStreams>
              <rsp:OutputStreams>stdout stderr</rsp:OutputStreams>
            </rsp:Shell>"#
    );
    let asked = request(&request_text(CMD, action::CREATE, options, &body));
    assert_eq!(asked.header.options.len(), 2);
    let wanted = ShellBody {
        input: Some("stdin".to_owned()),
        output: Some("stdout stderr".to_owned()),
        working_directory: Some(r"e:\plant".to_owned()),
        idle_timeout: None,
        environment: vec![("colour".to_owned(), "red".to_owned())],
    };
    assert_eq!(asked.body, Request::Shell(ShellRequest::Create(wanted)));

    let created = format!(
        r#"<wst:ResourceCreated xmlns:wst="http://schemas.xmlsoap.org/ws/2004/09/transfer" xmlns:rsp="{RSP}">
              <wsa:Address>
                {ANONYMOUS}
              </wsa:Address>
              <wsa:ReferenceParameters>
                <wsman:ResourceURI>
                  {CMD}
                </wsman:ResourceURI>
                <wsman:SelectorSet>
                  <wsman:Selector Name="ShellId">
                    {SHELL}
                  </wsman:Selector>
                </wsman:SelectorSet>
              </wsa:ReferenceParameters>
            </wst:ResourceCreated>"#
    );
    let Response::Created(made) = answer(&answer_text(&format!("{}Response", action::CREATE), &created)).body else { panic!("no shell") };
    assert_eq!(made.resource, ResourceUri::Other(CMD.to_owned()));
    assert!(matches!(made.selectors.as_slice(), [(name, Key::Text(id))] if *name == *"ShellId" && id.trim() == SHELL));
}

#[test]
fn a_command_is_started_4_7_2() {
    let line = format!(
        r#"<rsp:CommandLine xmlns:rsp="{RSP}">
              <rsp:Command>copy</rsp:Command>
              <rsp:Arguments>/b</rsp:Arguments>
              <rsp:Arguments>e:\plant\red.txt</rsp:Arguments>
            </rsp:CommandLine>"#
    );
    let wanted = CommandLine { command: "copy".to_owned(), arguments: vec!["/b".to_owned(), r"e:\plant\red.txt".to_owned()] };
    assert_eq!(to_shell(shell::action::COMMAND, &line), ShellRequest::Command(wanted));
    let started = format!(r#"<rsp:CommandResponse xmlns:rsp="{RSP}"><rsp:CommandId>{COMMAND}</rsp:CommandId></rsp:CommandResponse>"#);
    assert_eq!(from_shell(shell::action::COMMAND, &started), ShellResponse::Started { command: COMMAND.to_owned() });
}

#[test]
fn output_is_received_and_input_is_sent_4_7_3_and_4() {
    let receive = format!(
        r#"<rsp:Receive xmlns:rsp="{RSP}" SequenceId="0">
              <rsp:DesiredStream CommandId="{COMMAND}">
                stdout stderr
              </rsp:DesiredStream>
            </rsp:Receive>"#
    );
    let wanted = ShellRequest::Receive { command: Some(COMMAND.to_owned()), streams: "stdout stderr".to_owned() };
    assert_eq!(to_shell(shell::action::RECEIVE, &receive), wanted);
    let received = format!(
        r#"<rsp:ReceiveResponse xmlns:rsp="{RSP}" SequenceId="0">
              <rsp:Stream xmlns:rsp="{RSP}" Name="stdout" CommandId="{COMMAND}">
                cmVkPyA=
              </rsp:Stream>
              <rsp:CommandState xmlns:rsp="{RSP}" State="{RSP}/CommandState/Running" CommandId="{COMMAND}">
                <rsp:ExitCode>0</rsp:ExitCode>
              </rsp:CommandState>
            </rsp:ReceiveResponse>"#
    );
    let stream =
        |name: &str, data: &[u8]| Stream { name: name.to_owned(), command: Some(COMMAND.to_owned()), data: data.to_vec(), end: false };
    let state = CommandState { command: Some(COMMAND.to_owned()), state: "Running".to_owned(), exit_code: Some(0) };
    let wanted = ShellResponse::Received { streams: vec![stream("stdout", b"red? ")], state: Some(state) };
    assert_eq!(from_shell(shell::action::RECEIVE, &received), wanted);

    let send = format!(
        r#"<rsp:Send xmlns:rsp="{RSP}">
              <rsp:Stream xmlns:rsp="{RSP}" Name="stdin" CommandId="{COMMAND}">
                bg0K
              </rsp:Stream>
            </rsp:Send>"#
    );
    assert_eq!(to_shell(shell::action::SEND, &send), ShellRequest::Send(vec![stream("stdin", b"n\r\n")]));
    let sent = format!("<rsp:SendResponse xmlns:rsp=\"{RSP}\">\n</rsp:SendResponse>");
    assert_eq!(from_shell(shell::action::SEND, &sent), ShellResponse::Sent);
}

#[test]
fn a_command_is_interrupted_4_7_5() {
    let code = format!("{RSP}/signal/ctrl_c");
    let signal = format!("<rsp:Signal xmlns:rsp=\"{RSP}\" CommandId=\"{COMMAND}\">\n<rsp:Code>\n  {code}\n</rsp:Code></rsp:Signal>");
    assert_eq!(to_shell(shell::action::SIGNAL, &signal), ShellRequest::Signal { command: Some(COMMAND.to_owned()), code });
    let done = format!("<rsp:SignalResponse xmlns:rsp=\"{RSP}\">\n</rsp:SignalResponse>");
    assert_eq!(from_shell(shell::action::SIGNAL, &done), ShellResponse::Signalled);
}

/// A shell as it describes itself.
fn described() -> String {
    format!(
        r#"<rsp:Shell xmlns:rsp="{RSP}">
              <rsp:ShellId>
                {SHELL}
              </rsp:ShellId>
              <rsp:Lifetime>PT900.000S</rsp:Lifetime>
              <rsp:InputStreams>stdin</rsp:InputStreams>
              <rsp:OutputStreams>stdout stderr</rsp:OutputStreams>
              <rsp:CommandLine>
                <rsp:Command>more</rsp:Command>
              </rsp:CommandLine>
            </rsp:Shell>"#
    )
}

/// What a shell says of itself is markup to us, which means the same wherever it is written.
fn is_described(markup: &Markup) {
    assert_eq!((markup.namespace.as_str(), markup.name.as_str()), (RSP, "Shell"));
    assert!(markup.inner.contains("<rsp:Command>more</rsp:Command>"), "{}", markup.inner);
    assert_eq!(markup.prefixes, [("rsp".to_owned(), RSP.to_owned())]);
}

#[test]
fn shells_are_listed_4_7_6() {
    assert!(matches!(
        request(&request_text(CMD, action::ENUMERATE, "", "<wsen:Enumerate>\n</wsen:Enumerate>")).body,
        Request::Enumerate(_)
    ));
    let page = format!("<wsen:PullResponse><wsen:Items>{}</wsen:Items><wsen:EndOfSequence/></wsen:PullResponse>", described());
    let Response::Pull(page) = answer(&answer_text(&format!("{}Response", action::PULL), &page)).body else { panic!("no page") };
    let [Item::Other(shell)] = page.items.as_slice() else { panic!("{:?}", page.items) };
    is_described(shell);
    assert!(page.end);
}

#[test]
fn a_shell_is_read_and_ended_4_7_7_and_8() {
    assert_eq!(shell_request(action::GET, "").body, Request::Get);
    let Response::Other(shell) = answer(&answer_text(&format!("{}Response", action::GET), &described())).body else { panic!("no shell") };
    is_described(&shell);
    assert_eq!(shell_request(action::DELETE, "").body, Request::Delete);
    assert_eq!(answer(&answer_text(&format!("{}Response", action::DELETE), "")).body, Response::Empty);
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
    let Response::Fault(fault) = answer(&text).body else { panic!("no fault") };
    assert_eq!(
        (fault.code, fault.subcode.as_deref(), fault.detail.as_deref()),
        (Some(32_768), Some("a:DestinationUnreachable"), Some("ResourceNotFound"))
    );
    assert_eq!((fault.reason.as_str(), fault.provider.as_deref()), ("The plant has no such widget.", Some("No such widget.")));
}
