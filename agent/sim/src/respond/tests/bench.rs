//! A machine of three systems that is asked in text, and the text that it is asked.

use super::*;

/// A machine, and what it keeps between requests.
pub(super) struct Bench {
    pub(super) machine: Fixture,
    pub(super) enumerations: Enumerations,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self { machine: Fixture::host(), enumerations: Enumerations::default() }
    }

    pub(super) fn ask(&mut self, document: &str) -> Reply {
        let owner = Owner { machine: MachineId::Host(HostName::new("hv01")), user: "admin".to_owned() };
        let mut service = Service {
            machine: &mut self.machine,
            enumerations: &mut self.enumerations,
            owner,
            authenticated: true,
            profiles: Winrm::default().profiles(),
            takes: std::time::Duration::ZERO,
            subscriptions: &mut Subscriptions::default(),
            patience: Patience::Over,
            waits: false,
            wakes: None,
            bookmark: None,
        };
        respond(&mut service, &Call::read(document))
    }

    /// The answer to what must not be refused.
    pub(super) fn good(&mut self, document: &str) -> String {
        let reply = self.ask(document);
        assert_eq!(reply.status, 200, "{document}\n{}", reply.body);
        reply.body
    }

    /// The code, subcode and action of what must be refused.
    pub(super) fn refused(&mut self, document: &str) -> String {
        let reply = self.ask(document);
        assert_ne!(reply.status, 200, "{document}\n{}", reply.body);
        let body = &reply.body;
        let code = between(body, "<p:error_Code>", "<").or_else(|| between(body, " Code=\"", "\"")).unwrap_or_default();
        let code = code.parse::<u32>().map(|code| format!("{code:#x}")).unwrap_or_default();
        let subcode = between(body, "<s:Subcode><s:Value>", "<").unwrap_or_default();
        let action = between(body, "<a:Action", "</").and_then(|rest| rest.split_once('>')).map_or("", |(_, action)| action);
        let family = action.trim_end_matches("/fault").rsplit('/').next().unwrap_or_default();
        let machine = if body.contains("f:WSManFault") && !body.contains("Machine=\"HV01\"") { " unnamed" } else { "" };
        format!("{} {code} {subcode} {family}{machine}", reply.status)
    }
}

pub(super) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(inner, _)| inner)
}

/// What stands in the body, in short.
pub(super) fn body(answer: &str) -> &str {
    between(answer, "<s:Body>", "</s:Body>").expect("a body")
}

/// A request as no client of ours writes it: with other prefixes.
pub(super) struct Ask {
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) headers: String,
    pub(super) body: String,
}

impl Ask {
    pub(super) fn new(action: &str, resource: &str, body: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), headers: String::new(), body: body.to_owned() }
    }

    pub(super) fn enumerate(resource: &str, inner: &str) -> Self {
        Self::new(&format!("{ENUMERATION}/Enumerate"), resource, &format!("<enu:Enumerate>{inner}</enu:Enumerate>"))
    }

    pub(super) fn wql(query: &str) -> Self {
        Self::enumerate(&format!("{MS}/*"), &format!("<wm:Filter Dialect=\"{WQL}\">{}</wm:Filter>", query.replace('<', "&lt;")))
    }

    pub(super) fn pull(context: &str, most: &str) -> Self {
        let inner = format!("<enu:EnumerationContext>{context}</enu:EnumerationContext>{most}");
        Self::new(&format!("{ENUMERATION}/Pull"), &format!("{MS}/Msvm_ComputerSystem"), &format!("<enu:Pull>{inner}</enu:Pull>"))
    }

    pub(super) fn transfer(verb: &str, resource: &str, body: &str) -> Self {
        Self::new(&format!("{TRANSFER}/{verb}"), resource, body)
    }

    pub(super) fn invoke(class: &str, method: &str, inner: &str) -> Self {
        let uri = format!("{MS}/{class}");
        Self::new(&format!("{uri}/{method}"), &uri, &format!("<c:{method}_INPUT xmlns:c=\"{uri}\">{inner}</c:{method}_INPUT>"))
    }

    pub(super) fn header(mut self, markup: &str) -> Self {
        self.headers.push_str(markup);
        self
    }

    pub(super) fn select(self, selectors: &[(&str, &str)]) -> Self {
        let inner: String = selectors.iter().map(|(name, value)| format!("<wm:Selector Name=\"{name}\">{value}</wm:Selector>")).collect();
        self.header(&format!("<wm:SelectorSet>{inner}</wm:SelectorSet>"))
    }

    pub(super) fn text(&self) -> String {
        let Self { action, resource, headers, body } = self;
        let base = "<adr:To>http://hv01:5985/wsman</adr:To><adr:MessageID>uuid:1</adr:MessageID><adr:ReplyTo><adr:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</adr:Address></adr:ReplyTo>";
        envelope(&format!("{base}<adr:Action>{action}</adr:Action><wm:ResourceURI>{resource}</wm:ResourceURI>{headers}"), body)
    }
}

pub(super) fn envelope(headers: &str, body: &str) -> String {
    format!(
        "<env:Envelope xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:adr=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:wm=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" xmlns:enu=\"{ENUMERATION}\" xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><env:Header>{headers}</env:Header><env:Body>{body}</env:Body></env:Envelope>"
    )
}

pub(super) fn vm_selectors() -> [(&'static str, &'static str); 2] {
    [("Name", VM), ("CreationClassName", "Msvm_ComputerSystem")]
}

pub(super) fn reference(uri: &str) -> String {
    format!(
        "<c:AffectedSystem><adr:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</adr:Address><adr:ReferenceParameters><wm:ResourceURI>{uri}</wm:ResourceURI>\
         <wm:SelectorSet><wm:Selector Name=\"Name\">{VM}</wm:Selector><wm:Selector Name=\"CreationClassName\">Msvm_ComputerSystem</wm:Selector></wm:SelectorSet></adr:ReferenceParameters></c:AffectedSystem>"
    )
}
