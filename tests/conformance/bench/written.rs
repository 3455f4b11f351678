//! Answers to a client, written as Windows writes them.

const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const SERVICE: &str = super::SERVICE;

/// An answer around `body`, in the name of the message that it answers.
pub fn answer(body: &str) -> String {
    format!(
        "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:x=\"http://schemas.xmlsoap.org/ws/2004/09/transfer\" xmlns:e=\"http://schemas.xmlsoap.org/ws/2004/08/eventing\" \
         xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" \
         xmlns:rsp=\"http://schemas.microsoft.com/wbem/wsman/1/windows/shell\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\">\
         <s:Header><a:Action>urn:answer</a:Action><a:MessageID>uuid:1</a:MessageID><a:To>{ANONYMOUS}</a:To><a:RelatesTo>{{id}}</a:RelatesTo></s:Header>\
         <s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// The instance of a service.
pub fn service(name: &str) -> String {
    instance(SERVICE, &format!("<p:Name>{name}</p:Name>"))
}

/// An instance of the class at `resource`; `inner` are elements with the prefix `p`.
pub fn instance(resource: &str, inner: &str) -> String {
    let class = resource.rsplit('/').next().unwrap();
    format!("<p:{class} xmlns:p=\"{resource}\" xsi:type=\"p:{class}_Type\">{inner}</p:{class}>")
}

/// The output of a method of the class at `resource`.
pub fn output(resource: &str, method: &str, inner: &str) -> String {
    answer(&format!("<p:{method}_OUTPUT xmlns:p=\"{resource}\">{inner}</p:{method}_OUTPUT>"))
}

/// A reference to an instance, its parts standing alone.
pub fn reference(resource: &str, key: &str, value: &str) -> String {
    format!(
        "<a:Address>{ANONYMOUS}</a:Address><a:ReferenceParameters><w:ResourceURI>{resource}</w:ResourceURI>\
         <w:SelectorSet><w:Selector Name=\"{key}\">{value}</w:Selector></w:SelectorSet></a:ReferenceParameters>"
    )
}

/// The beginning of an enumeration.
pub fn begun(context: &str) -> String {
    answer(&format!("<n:EnumerateResponse><n:EnumerationContext>{context}</n:EnumerationContext></n:EnumerateResponse>"))
}

/// A page; without a context it is the last one.
pub fn page(context: Option<&str>, items: &str) -> String {
    let (context, end) = match context {
        Some(context) => (format!("<n:EnumerationContext>{context}</n:EnumerationContext>"), ""),
        None => (String::new(), "<n:EndOfSequence/>"),
    };
    answer(&format!("<n:PullResponse>{context}<n:Items>{items}</n:Items>{end}</n:PullResponse>"))
}

/// All of an enumeration at once.
pub fn complete(items: &str) -> String {
    answer(&format!("<n:EnumerateResponse><n:EnumerationContext/><w:Items>{items}</w:Items><w:EndOfSequence/></n:EnumerateResponse>"))
}

/// A refusal with the service's number.
pub fn fault(code: u32, subcode: &str) -> String {
    fault_with(
        subcode,
        &format!(
            "<s:Detail><f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" Code=\"{code}\" Machine=\"HV01\">\
             <f:Message>no</f:Message></f:WSManFault></s:Detail>"
        ),
    )
}

/// A refusal with another detail, or none.
pub fn fault_with(subcode: &str, detail: &str) -> String {
    answer(&format!(
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>\
         <s:Reason><s:Text xml:lang=\"en-US\">no words for it</s:Text></s:Reason>{detail}</s:Fault>"
    ))
}

/// A subscription that was made.
pub fn subscribed(id: &str, context: &str, expires: &str) -> String {
    answer(&format!(
        "<e:SubscribeResponse><e:SubscriptionManager><a:Address>{ANONYMOUS}</a:Address><a:ReferenceProperties>\
         <w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*</w:ResourceURI><e:Identifier>{id}</e:Identifier>\
         </a:ReferenceProperties></e:SubscriptionManager><e:Expires>{expires}</e:Expires>\
         <n:EnumerationContext>{context}</n:EnumerationContext></e:SubscribeResponse>"
    ))
}

/// A shell that was made.
pub fn shell(id: &str) -> String {
    answer(&format!("<x:ResourceCreated>{}</x:ResourceCreated>", reference(super::CMD, "ShellId", id)))
}

/// A command that was started.
pub fn started(id: &str) -> String {
    answer(&format!("<rsp:CommandResponse><rsp:CommandId>{id}</rsp:CommandId></rsp:CommandResponse>"))
}

/// Output of a command, as `inner` says, and its state.
pub fn received(inner: &str, state: &str) -> String {
    let uri = format!("{}/CommandState/{state}", super::SHELL);
    let exit = if state == "Done" { "<rsp:ExitCode>0</rsp:ExitCode>" } else { "" };
    answer(&format!(
        "<rsp:ReceiveResponse>{inner}<rsp:CommandState CommandId=\"C-1\" State=\"{uri}\">{exit}</rsp:CommandState></rsp:ReceiveResponse>"
    ))
}

/// That a signal was given.
pub fn signalled() -> String {
    answer("<rsp:SignalResponse/>")
}
