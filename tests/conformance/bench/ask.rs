//! A request, written as text: no codec of ours has a hand in it.

/// The URI below which the classes of `root/cimv2` are.
pub const CIMV2: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2";
/// The URI below which Hyper-V's classes are.
pub const VIRTUALIZATION: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2";
/// The URI below which DMTF names classes.
pub const DMTF: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2";
/// A class with many instances and one key, `Name`.
pub const SERVICE: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service";
/// A class with two keys, `CreationClassName` and `Name`.
pub const VM: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem";

const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
const WQL: &str = "http://schemas.microsoft.com/wbem/wsman/1/WQL";
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// One request: named header blocks in order, and a body.
#[derive(Debug, Clone)]
pub struct Ask {
    blocks: Vec<(String, String)>,
    body: String,
}

impl Ask {
    /// `action` upon `resource`.
    pub fn new(action: &str, resource: &str, body: &str) -> Self {
        let ask = Self { blocks: Vec::new(), body: body.to_owned() };
        ask.with("a:To", "http://hv01:5985/wsman")
            .with("a:Action", action)
            .with("w:ResourceURI", resource)
            .with("a:MessageID", "uuid:0D1E3C5A-7B9F-4E2D-8C6A-1F3E5D7C9B0A")
            .block("a:ReplyTo", &format!("<a:ReplyTo><a:Address>{ANONYMOUS}</a:Address></a:ReplyTo>"))
    }

    /// Read an instance.
    pub fn get(resource: &str) -> Self {
        Self::new(&format!("{TRANSFER}/Get"), resource, "")
    }

    /// Read the service `Alpha`.
    pub fn get_alpha() -> Self {
        Self::get(SERVICE).select(&[("Name", "Alpha")])
    }

    /// Read the host's VM.
    pub fn get_vm() -> Self {
        Self::get(VM).vm()
    }

    /// Change an instance: `inner` are elements with the prefix `p`.
    pub fn put(resource: &str, inner: &str) -> Self {
        Self::new(&format!("{TRANSFER}/Put"), resource, &instance(resource, inner))
    }

    /// Make an instance.
    pub fn create(resource: &str, inner: &str) -> Self {
        Self::new(&format!("{TRANSFER}/Create"), resource, &instance(resource, inner))
    }

    /// Remove an instance.
    pub fn delete(resource: &str) -> Self {
        Self::new(&format!("{TRANSFER}/Delete"), resource, "")
    }

    /// Begin an enumeration; `inner` stands in `n:Enumerate`.
    pub fn enumerate(resource: &str, inner: &str) -> Self {
        Self::new(&format!("{ENUMERATION}/Enumerate"), resource, &format!("<n:Enumerate>{inner}</n:Enumerate>"))
    }

    /// The same with a filter in `dialect`.
    pub fn filter(resource: &str, dialect: &str, filter: &str) -> Self {
        Self::enumerate(resource, &format!("<w:Filter Dialect=\"{dialect}\">{filter}</w:Filter>"))
    }

    /// A query in the namespace of `base`.
    pub fn wql(base: &str, query: &str) -> Self {
        Self::filter(&format!("{base}/*"), WQL, &escaped(query))
    }

    /// The next page; `inner` follows the context.
    pub fn pull(resource: &str, context: &str, inner: &str) -> Self {
        let body = format!("<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext>{inner}</n:Pull>");
        Self::new(&format!("{ENUMERATION}/Pull"), resource, &body)
    }

    /// Give an enumeration up.
    pub fn release(resource: &str, context: &str) -> Self {
        let body = format!("<n:Release><n:EnumerationContext>{context}</n:EnumerationContext></n:Release>");
        Self::new(&format!("{ENUMERATION}/Release"), resource, &body)
    }

    /// Call a method: `inner` are elements with the prefix `p`.
    pub fn invoke(resource: &str, method: &str, inner: &str) -> Self {
        let body = format!("<p:{method}_INPUT xmlns:p=\"{resource}\">{inner}</p:{method}_INPUT>");
        Self::new(&format!("{resource}/{method}"), resource, &body)
    }

    /// Ask who is there.
    pub fn identify() -> Self {
        let body = "<i:Identify xmlns:i=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\"/>";
        Self { blocks: Vec::new(), body: body.to_owned() }
    }

    /// With selectors.
    pub fn select(self, selected: &[(&str, &str)]) -> Self {
        self.block("w:SelectorSet", &selectors(selected))
    }

    /// With the selectors of the host's VM.
    pub fn vm(self) -> Self {
        self.select(&[("CreationClassName", "Msvm_ComputerSystem"), ("Name", super::VM_ID)])
    }

    /// With a header that is one text; one of that name is replaced.
    pub fn with(self, name: &str, text: &str) -> Self {
        let markup = format!("<{name}>{text}</{name}>");
        self.block(name, &markup)
    }

    /// With a header in markup; one of that name is replaced.
    pub fn block(mut self, name: &str, markup: &str) -> Self {
        match self.blocks.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => *own = markup.to_owned(),
            None => self.blocks.push((name.to_owned(), markup.to_owned())),
        }
        self
    }

    /// With options, each with its value.
    pub fn options(self, options: &[(&str, &str)]) -> Self {
        let inner: String =
            options.iter().map(|(name, value)| format!("<w:Option Name=\"{name}\">{}</w:Option>", escaped(value))).collect();
        self.block("w:OptionSet", &format!("<w:OptionSet>{inner}</w:OptionSet>"))
    }

    /// With the header `name` twice.
    pub fn twice(mut self, name: &str) -> Self {
        let own = self.blocks.iter().find(|(own, _)| own == name).unwrap().clone();
        self.blocks.push(own);
        self
    }

    /// Without the header `name`.
    pub fn without(mut self, name: &str) -> Self {
        self.blocks.retain(|(own, _)| own != name);
        self
    }

    /// With another body.
    pub fn saying(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    /// The envelope, with the usual prefixes.
    pub fn text(&self) -> String {
        let headers: String = self.blocks.iter().map(|(_, markup)| markup.as_str()).collect();
        format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
             xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" xmlns:n=\"{ENUMERATION}\" xmlns:x=\"{TRANSFER}\" \
             xmlns:m=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" xmlns:b=\"http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd\" \
             xmlns:e=\"http://schemas.xmlsoap.org/ws/2004/08/eventing\" xmlns:rsp=\"http://schemas.microsoft.com/wbem/wsman/1/windows/shell\" \
             xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
             <s:Header>{headers}</s:Header><s:Body>{}</s:Body></s:Envelope>",
            self.body
        )
    }
}

/// A set of selectors.
pub fn selectors(selected: &[(&str, &str)]) -> String {
    let inner: String =
        selected.iter().map(|(name, value)| format!("<w:Selector Name=\"{name}\">{}</w:Selector>", escaped(value))).collect();
    format!("<w:SelectorSet>{inner}</w:SelectorSet>")
}

fn instance(resource: &str, inner: &str) -> String {
    let class = resource.rsplit('/').next().unwrap();
    format!("<p:{class} xmlns:p=\"{resource}\">{inner}</p:{class}>")
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
