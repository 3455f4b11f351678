//! An answer, read by an XML reader that is not ours.

use roxmltree::{Document, Node};

/// Windows's prefixes and what they stand for. `p` is the namespace of whatever class the answer is about.
const PREFIXES: [(&str, &str); 14] = [
    ("s", "http://www.w3.org/2003/05/soap-envelope"),
    ("a", "http://schemas.xmlsoap.org/ws/2004/08/addressing"),
    ("w", "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"),
    ("n", "http://schemas.xmlsoap.org/ws/2004/09/enumeration"),
    ("x", "http://schemas.xmlsoap.org/ws/2004/09/transfer"),
    ("e", "http://schemas.xmlsoap.org/ws/2004/08/eventing"),
    ("m", "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"),
    ("b", "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd"),
    ("f", "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"),
    ("cim", "http://schemas.dmtf.org/wbem/wscim/1/common"),
    ("xsi", "http://www.w3.org/2001/XMLSchema-instance"),
    ("wsmid", "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"),
    ("rsp", "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"),
    ("ev", "http://schemas.microsoft.com/win/2004/08/events/event"),
];

/// What came back over HTTP.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The same with the first `old` replaced: what a host would have said that breaks a rule.
    pub fn with(&self, old: &str, new: &str) -> Self {
        assert!(self.text.contains(old), "there is no {old} in\n{}", self.text);
        Self { text: self.text.replacen(old, new, 1), ..self.clone() }
    }

    /// The same with each `old` replaced.
    pub fn with_each(&self, old: &str, new: &str) -> Self {
        assert!(self.text.contains(old), "there is no {old} in\n{}", self.text);
        Self { text: self.text.replace(old, new), ..self.clone() }
    }

    /// The same without the first element `name`.
    pub fn lacking(&self, name: &str) -> Self {
        self.with(self.markup(name), "")
    }

    /// The same with the first element `name` twice.
    pub fn doubling(&self, name: &str) -> Self {
        let markup = self.markup(name);
        self.with(markup, &markup.repeat(2))
    }

    /// The same with the first elements `name` and `other` in each other's place.
    pub fn swapping(&self, name: &str, other: &str) -> Self {
        let (one, two) = (self.markup(name), self.markup(other));
        self.with(one, "<swapped/>").with(two, one).with("<swapped/>", two)
    }

    /// The same with another prefix in the place of `prefix`, meaning the same.
    pub fn renaming(&self, prefix: &str, other: &str) -> Self {
        let whole = [("<", ":"), ("</", ":"), ("xmlns:", "="), ("\"", ":")].into_iter().fold(self.text.clone(), |text, (before, after)| {
            text.replace(&format!("{before}{prefix}{after}"), &format!("{before}{other}{after}"))
        });
        Self { text: whole, ..self.clone() }
    }

    /// The same under another HTTP status.
    pub fn under(&self, status: u16) -> Self {
        Self { status, ..self.clone() }
    }

    fn document(&self) -> Document<'_> {
        Document::parse(&self.text).unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.head, self.text))
    }

    /// Whether there is an element `name`, written with one of Windows's prefixes.
    pub fn has(&self, name: &str) -> bool {
        self.count(name) > 0
    }

    /// How many elements `name` there are.
    pub fn count(&self, name: &str) -> usize {
        self.document().descendants().filter(|node| is(*node, name)).count()
    }

    /// The text of the one element `name`.
    pub fn of(&self, name: &str) -> String {
        let mut all = self.all(name);
        assert_eq!(all.len(), 1, "elements {name} in\n{}", self.text);
        all.remove(0)
    }

    /// The text of each element `name`, with what stands inside its children.
    pub fn all(&self, name: &str) -> Vec<String> {
        let document = self.document();
        let texts = document.descendants().filter(|node| is(*node, name));
        texts.map(|node| node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect::<String>()).collect()
    }

    /// What stands inside the first element `name`: its children's names, with Windows's prefixes.
    pub fn inside(&self, name: &str) -> Vec<String> {
        let document = self.document();
        let node = document.descendants().find(|node| is(*node, name)).unwrap_or_else(|| panic!("no {name} in\n{}", self.text));
        node.children().filter(Node::is_element).map(shown).collect()
    }

    /// The attribute `attribute` of the first element `name`.
    pub fn attribute(&self, name: &str, attribute: &str) -> Option<String> {
        let document = self.document();
        let node = document.descendants().find(|node| is(*node, name)).unwrap_or_else(|| panic!("no {name} in\n{}", self.text));
        let (prefix, local) = attribute.split_once(':').unwrap_or(("", attribute));
        let wanted = PREFIXES.iter().find(|(own, _)| *own == prefix).map(|(_, uri)| *uri);
        node.attributes().find(|own| own.name() == local && own.namespace() == wanted).map(|own| own.value().to_owned())
    }

    /// The attribute `attribute` of each element `name`; empty where it is not there.
    pub fn attributes(&self, name: &str, attribute: &str) -> Vec<String> {
        let document = self.document();
        let nodes = document.descendants().filter(|node| is(*node, name));
        nodes.map(|node| node.attribute(attribute).unwrap_or_default().to_owned()).collect()
    }

    /// The namespace of the first element whose name without a prefix is `local`.
    pub fn namespace(&self, local: &str) -> String {
        let document = self.document();
        let node = document.descendants().find(|node| node.tag_name().name() == local);
        node.and_then(|node| node.tag_name().namespace().map(str::to_owned)).unwrap_or_default()
    }

    /// The first element `name` as it was written, with all that stands inside.
    pub fn markup(&self, name: &str) -> &str {
        let document = self.document();
        let node = document.descendants().find(|node| is(*node, name)).unwrap_or_else(|| panic!("no {name} in\n{}", self.text));
        &self.text[node.range()]
    }

    /// The value of the selector `name` anywhere.
    pub fn selector(&self, name: &str) -> Option<String> {
        let document = self.document();
        let node = document.descendants().find(|node| is(*node, "w:Selector") && node.attribute("Name") == Some(name))?;
        node.text().map(str::to_owned)
    }

    /// The context that the next page is asked for with.
    pub fn context(&self) -> String {
        let context = self.of("n:EnumerationContext");
        assert!(!context.is_empty(), "{}", self.text);
        context
    }

    /// What stands in the body, as it was written.
    pub fn body(&self) -> &str {
        let from = self.text.find("<s:Body>").map_or(0, |at| at + "<s:Body>".len());
        &self.text[from..self.text.rfind("</s:Body>").unwrap_or(self.text.len())]
    }

    /// The number of a refusal: the provider's where there is one, else the service's.
    pub fn code(&self) -> u32 {
        let provider = self.all("p:error_Code").pop();
        let own = provider.or_else(|| self.attribute("f:WSManFault", "Code"));
        own.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no fault:\n{}\n{}", self.head, self.text))
    }

    /// The subcode of a refusal, with Windows's prefix.
    pub fn subcode(&self) -> String {
        self.all("s:Value").pop().unwrap_or_default()
    }

    /// The last part of a refusal's detail.
    pub fn detail(&self) -> String {
        let detail = self.all("w:FaultDetail").pop().unwrap_or_default();
        detail.rsplit('/').next().unwrap_or_default().to_owned()
    }
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    if !node.is_element() || node.tag_name().name() != local {
        return false;
    }
    let namespace = node.tag_name().namespace().unwrap_or_default();
    match prefix {
        "p" => is_class(namespace),
        "" => namespace.is_empty(),
        _ => PREFIXES.iter().any(|(own, uri)| *own == prefix && *uri == namespace),
    }
}

fn is_class(namespace: &str) -> bool {
    ["http://schemas.microsoft.com/wbem/wsman/1/wmi/", "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"]
        .iter()
        .any(|base| namespace.starts_with(base))
}

fn shown(node: Node<'_, '_>) -> String {
    let namespace = node.tag_name().namespace().unwrap_or_default();
    let known = PREFIXES.iter().find(|(_, uri)| *uri == namespace).map(|(prefix, _)| *prefix);
    match known.or(is_class(namespace).then_some("p")) {
        Some(prefix) => format!("{prefix}:{}", node.tag_name().name()),
        None => node.tag_name().name().to_owned(),
    }
}
