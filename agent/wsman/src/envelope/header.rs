//! The header of an envelope.

use std::sync::LazyLock;
use std::time::Duration;

use crate::cim::{Key, Name, endpoint, xml_seconds};
use crate::resource::{Naming, ResourceUri};
use crate::xml::names::{ADDRESSING, ANONYMOUS, ENUMERATION, EVENTING, MICROSOFT, SOAP, TRANSFER, WSMAN, XML, XSI};
use crate::xml::{Content, Reader, Tag, Writer, XmlError, is_name};

/// What an envelope says about itself. Every part may be missing; a server decides which it demands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Header {
    /// What is to be done, or was done.
    pub action: Option<String>,
    /// To whom.
    pub to: Option<String>,
    /// To which resource.
    pub resource: Option<ResourceUri>,
    /// This message's name.
    pub message_id: Option<String>,
    /// The name of the request that this answers.
    pub relates_to: Option<String>,
    /// Where the answer goes.
    pub reply_to: Option<String>,
    /// Where a refusal goes, when not to the same place.
    pub fault_to: Option<String>,
    /// The most octets that the answer may have.
    pub max_envelope_size: Option<u64>,
    /// How long the server may take.
    pub operation_timeout: Option<Duration>,
    /// The language of faults.
    pub locale: Option<Language>,
    /// The language of data.
    pub data_locale: Option<Language>,
    /// Which instance, in the order of the document.
    pub selectors: Vec<(Name, Key)>,
    /// Options, in the order of the document.
    pub options: Vec<OptionValue>,
    /// The client's session.
    pub session_id: Option<String>,
    /// The client's operation; Windows echoes it.
    pub operation_id: Option<String>,
    /// Where in the operation this message stands.
    pub sequence_id: Option<u64>,
    /// The part of a resource that is meant, as an XPath.
    pub fragment: Option<String>,
    /// Whether the part must be understood, as Windows demands of it.
    pub fragment_must_be_understood: bool,
    /// What the client's own trace calls this message.
    pub activity_id: Option<String>,
    /// The subscription that is meant.
    pub subscription: Option<String>,
    /// In an answer to Pull: how far the events have been read, as the inside of a `w:Bookmark`.
    pub bookmark: Option<String>,
    /// Headers that nobody here knows.
    pub unknown: Vec<UnknownHeader>,
    /// In a refusal: the headers of the request that the server did not understand, by namespace and name.
    pub refused: Vec<(String, String)>,
    /// Whether `s:mustUnderstand` is said of the locale, which Windows refuses.
    pub locale_must_be_understood: bool,
    /// The same of the data's locale.
    pub data_locale_must_be_understood: bool,
    /// The first header that is there twice though it may be there once.
    pub repeated: Option<&'static str>,
    /// The first header whose value means nothing; the others are read nevertheless, so that a refusal can name the message.
    pub meaningless: Option<XmlError>,
}

/// `xml:lang` of a locale header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language(pub String);

/// One `w:Option`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionValue {
    /// Its name.
    pub name: String,
    /// Its value; `None` when it is nil.
    pub value: Option<String>,
    /// Whether the server must comply.
    pub must_comply: bool,
}

/// A header that nobody here knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownHeader {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether a server that does not understand it must refuse the message.
    pub must_understand: bool,
}

impl Header {
    /// The header of a request: `action` upon `resource`, with a fresh message name.
    #[must_use]
    pub fn request(to: &str, action: impl Into<String>, resource: Option<ResourceUri>) -> Self {
        Self {
            action: Some(action.into()),
            to: Some(to.to_owned()),
            resource,
            message_id: Some(new_message_id()),
            reply_to: Some(ANONYMOUS.to_owned()),
            ..Self::default()
        }
    }

    /// The header of the answer to this request: the action's own answer, unless another is given.
    #[must_use]
    pub fn answer(&self, action: Option<&str>) -> Self {
        let own = || self.action.as_deref().map(|a| format!("{a}Response"));
        Self {
            action: action.map(str::to_owned).or_else(own),
            to: Some(ANONYMOUS.to_owned()),
            message_id: Some(new_message_id()),
            relates_to: self.message_id.clone(),
            operation_id: self.operation_id.clone(),
            ..Self::default()
        }
    }

    /// Keeps the first `value` of a header, and notes when it is not the only one.
    fn once<T>(&mut self, name: &'static str, slot: impl Fn(&mut Self) -> &mut Option<T>, value: Option<T>) {
        if slot(self).is_some() {
            self.repeated = self.repeated.or(Some(name));
        } else {
            *slot(self) = value;
        }
    }

    /// The value, if it means something; what is no XML at all is passed on.
    fn meaning<T>(&mut self, read: Result<T, XmlError>) -> Result<Option<T>, XmlError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(error @ XmlError::Meaningless { .. }) => {
                self.meaningless.get_or_insert(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The headers that must be understood and that nobody here knows.
    pub fn not_understood(&self) -> impl Iterator<Item = &UnknownHeader> {
        self.unknown.iter().filter(|h| h.must_understand)
    }
}

fn new_message_id() -> String {
    let mut id = String::from("uuid:");
    id.push_str(uuid::Uuid::new_v4().hyphenated().encode_upper(&mut uuid::Uuid::encode_buffer()));
    id
}

/// What every envelope begins with.
static BEGINNING: LazyLock<String> = LazyLock::new(|| {
    let namespaces = [
        ("xml:lang", "en-US"),
        ("xmlns:s", SOAP),
        ("xmlns:a", ADDRESSING),
        ("xmlns:x", TRANSFER),
        ("xmlns:n", ENUMERATION),
        ("xmlns:e", EVENTING),
        ("xmlns:w", WSMAN),
        ("xmlns:p", MICROSOFT),
    ];
    let mut writer = Writer::new();
    writer.open_with("s:Envelope", &namespaces);
    writer.open("s:Header");
    writer.finish()
});

/// Reads the open header.
pub(super) fn read(reader: &mut Reader<'_>, document: &str) -> Result<Header, XmlError> {
    let mut header = Header::default();
    while let Some(tag) = reader.child()? {
        match reader.namespace(&tag)? {
            ADDRESSING => read_addressing(reader, &tag, &mut header)?,
            WSMAN if tag.local() == "Bookmark" => {
                let bookmark = super::body::read_bookmark(reader, &tag, document);
                header.bookmark = header.meaning(bookmark)?;
            }
            WSMAN => read_management(reader, &tag, &mut header)?,
            MICROSOFT => read_microsoft(reader, &tag, &mut header)?,
            EVENTING if tag.local() == "Identifier" => header.subscription = text(reader)?,
            SOAP if tag.local() == "NotUnderstood" => {
                if let Some(name) = reader.attribute(&tag, "", "qname")? {
                    let (namespace, local) = reader.qualified(&name);
                    // What no header can be called names none.
                    header.refused.extend(is_name(local).then(|| (namespace.to_owned(), local.to_owned())));
                }
                reader.skip()?;
            }
            _ => read_unknown(reader, &tag, &mut header)?,
        }
    }
    Ok(header)
}

fn read_addressing(reader: &mut Reader<'_>, tag: &Tag<'_>, header: &mut Header) -> Result<(), XmlError> {
    match tag.local() {
        "Action" => {
            let value = text(reader)?;
            header.once("a:Action", |header| &mut header.action, value);
        }
        "To" => {
            let value = text(reader)?;
            header.once("a:To", |header| &mut header.to, value);
        }
        "MessageID" => {
            let value = text(reader)?;
            header.once("a:MessageID", |header| &mut header.message_id, value);
        }
        "ReplyTo" => {
            let value = read_address(reader)?;
            header.once("a:ReplyTo", |header| &mut header.reply_to, value);
        }
        "FaultTo" => {
            let value = read_address(reader)?;
            header.once("a:FaultTo", |header| &mut header.fault_to, value);
        }
        "RelatesTo" => header.relates_to = text(reader)?,
        "From" => reader.skip()?,
        _ => read_unknown(reader, tag, header)?,
    }
    Ok(())
}

fn read_management(reader: &mut Reader<'_>, tag: &Tag<'_>, header: &mut Header) -> Result<(), XmlError> {
    match tag.local() {
        "ResourceURI" => {
            let value = Some(ResourceUri::parse(&reader.trimmed()?));
            header.once("w:ResourceURI", |header| &mut header.resource, value);
        }
        "SelectorSet" => {
            if !header.selectors.is_empty() {
                header.repeated = header.repeated.or(Some("w:SelectorSet"));
            }
            header.selectors = endpoint::read_selectors(reader)?;
        }
        "MaxEnvelopeSize" => {
            let value = header.meaning(number(reader, "the largest envelope size"))?;
            header.once("w:MaxEnvelopeSize", |header| &mut header.max_envelope_size, value);
        }
        "OperationTimeout" => {
            let value = header.meaning(read_timeout(reader))?;
            header.once("w:OperationTimeout", |header| &mut header.operation_timeout, value);
        }
        "OptionSet" => header.options = read_options(reader)?,
        "FragmentTransfer" => {
            header.fragment_must_be_understood = must_understand(reader, tag)?;
            header.fragment = text(reader)?;
        }
        "Locale" => {
            header.locale_must_be_understood = must_understand(reader, tag)?;
            header.locale = read_language(reader, tag)?;
        }
        // Windows reads on over both, whatever they say of themselves.
        "RequestEPR" | "RequestTotalItemsCountEstimate" => reader.skip()?,
        _ => read_unknown(reader, tag, header)?,
    }
    Ok(())
}

fn read_microsoft(reader: &mut Reader<'_>, tag: &Tag<'_>, header: &mut Header) -> Result<(), XmlError> {
    match tag.local() {
        "DataLocale" => {
            header.data_locale_must_be_understood = must_understand(reader, tag)?;
            header.data_locale = read_language(reader, tag)?;
        }
        "SessionId" => header.session_id = text(reader)?,
        "OperationID" => header.operation_id = text(reader)?,
        "SequenceId" => header.sequence_id = header.meaning(number(reader, "the sequence number"))?,
        "ActivityId" => header.activity_id = text(reader)?,
        _ => read_unknown(reader, tag, header)?,
    }
    Ok(())
}

fn read_unknown(reader: &mut Reader<'_>, tag: &Tag<'_>, header: &mut Header) -> Result<(), XmlError> {
    let unknown = UnknownHeader {
        namespace: reader.namespace(tag)?.to_owned(),
        name: tag.local().to_owned(),
        must_understand: must_understand(reader, tag)?,
    };
    header.unknown.push(unknown);
    reader.skip()
}

fn text(reader: &mut Reader<'_>) -> Result<Option<String>, XmlError> {
    reader.trimmed().map(|text| Some(text.into_owned()))
}

/// Only the qualified attribute counts: pywinrm sends an unqualified one, which means nothing.
fn must_understand(reader: &Reader<'_>, tag: &Tag<'_>) -> Result<bool, XmlError> {
    Ok(reader.attribute(tag, SOAP, "mustUnderstand")?.is_some_and(|v| matches!(v.trim(), "true" | "1")))
}

fn read_address(reader: &mut Reader<'_>) -> Result<Option<String>, XmlError> {
    let mut address = None;
    while let Some(tag) = reader.child()? {
        if reader.is(&tag, ADDRESSING, "Address") {
            address = Some(reader.trimmed()?.into_owned());
        } else {
            reader.skip()?;
        }
    }
    Ok(address)
}

fn number(reader: &mut Reader<'_>, what: &'static str) -> Result<u64, XmlError> {
    let text = reader.trimmed()?;
    text.parse().map_err(|_| XmlError::meaningless(what, &text))
}

fn read_timeout(reader: &mut Reader<'_>) -> Result<Duration, XmlError> {
    let text = reader.trimmed()?;
    let length = crate::cim::xml_duration(&text).and_then(|length| Duration::try_from(length).ok());
    length.ok_or_else(|| XmlError::meaningless("the operation timeout", &text))
}

fn read_language(reader: &mut Reader<'_>, tag: &Tag<'_>) -> Result<Option<Language>, XmlError> {
    let language = reader.attribute(tag, XML, "lang")?.map(|l| Language(l.into_owned()));
    reader.skip()?;
    Ok(language)
}

fn read_options(reader: &mut Reader<'_>) -> Result<Vec<OptionValue>, XmlError> {
    let mut options = vec![];
    while let Some(tag) = reader.child()? {
        if !reader.is(&tag, WSMAN, "Option") {
            reader.skip()?;
            continue;
        }
        let name = reader.attribute(&tag, "", "Name")?.ok_or(XmlError::Missing("the name of an option"))?.into_owned();
        let must_comply = reader.attribute(&tag, "", "MustComply")?.is_some_and(|v| matches!(v.trim(), "true" | "1"));
        let nil = reader.is_nil(&tag)?;
        let value = match reader.content()? {
            Content::Text(text) => (!nil).then(|| text.into_owned()),
            // Options that are objects (`wmi:` contexts) are not ours; their name is enough to ignore them.
            Content::Child(_) => {
                reader.skip()?;
                while reader.child()?.is_some() {
                    reader.skip()?;
                }
                None
            }
        };
        options.push(OptionValue { name, value, must_comply });
    }
    Ok(options)
}

/// Opens an envelope, writes its header and opens its body.
pub(super) fn write(writer: &mut Writer, header: &Header, naming: &Naming) {
    writer.raw(&BEGINNING);
    let understood = [("s:mustUnderstand", "true")];
    if let Some(action) = &header.action {
        // A request wants its action understood; an answer does not say so.
        let attributes = if header.relates_to.is_none() { &understood[..] } else { &[] };
        writer.leaf_with("a:Action", attributes, action);
    }
    if let Some(id) = &header.message_id {
        writer.leaf("a:MessageID", id);
    }
    if let Some(to) = &header.to {
        writer.leaf("a:To", to);
    }
    if let Some(id) = &header.relates_to {
        writer.leaf("a:RelatesTo", id);
    }
    if let Some(address) = &header.reply_to {
        writer.open("a:ReplyTo");
        writer.leaf_with("a:Address", &understood, address);
        writer.close("a:ReplyTo");
    }
    if let Some(address) = &header.fault_to {
        writer.open("a:FaultTo");
        writer.leaf("a:Address", address);
        writer.close("a:FaultTo");
    }
    if let Some(resource) = &header.resource {
        writer.leaf_with("w:ResourceURI", &understood, &resource.to_string());
    }
    if let Some(size) = header.max_envelope_size {
        writer.leaf_with("w:MaxEnvelopeSize", &understood, &size.to_string());
    }
    if let Some(timeout) = header.operation_timeout {
        writer.leaf("w:OperationTimeout", &xml_seconds(timeout));
    }
    write_language(writer, "w:Locale", header.locale.as_ref(), header.locale_must_be_understood);
    write_language(writer, "p:DataLocale", header.data_locale.as_ref(), header.data_locale_must_be_understood);
    header.refused.iter().for_each(|(namespace, name)| write_refused(writer, namespace, name));
    for unknown in &header.unknown {
        let namespace = ("xmlns:h", unknown.namespace.as_str());
        let must = ("s:mustUnderstand", truth(unknown.must_understand));
        match unknown.namespace.as_str() {
            "" => writer.empty(&unknown.name, &[must]),
            _ => writer.empty(&format!("h:{}", unknown.name), &[namespace, must]),
        }
    }
    write_selection(writer, header, naming);
    let sequence = header.sequence_id.map(|n| n.to_string());
    let ids = [
        ("p:SessionId", &header.session_id),
        ("p:OperationID", &header.operation_id),
        ("p:SequenceId", &sequence),
        ("p:ActivityId", &header.activity_id),
    ];
    for (name, id) in ids {
        if let Some(id) = id {
            writer.leaf_with(name, &[("s:mustUnderstand", "false")], id);
        }
    }
    writer.close("s:Header");
    writer.open("s:Body");
}

fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn write_language(writer: &mut Writer, name: &str, language: Option<&Language>, must_be_understood: bool) {
    let must = ("s:mustUnderstand", truth(must_be_understood));
    match language {
        Some(Language(language)) => writer.empty(name, &[("xml:lang", language), must]),
        None if must_be_understood => writer.empty(name, &[must]),
        None => {}
    }
}

/// What was not understood is a qualified name, so that its prefix has to be bound: XML's own is, and no prefix is bound to no namespace.
fn write_refused(writer: &mut Writer, namespace: &str, name: &str) {
    match namespace {
        "" => writer.empty("s:NotUnderstood", &[("qname", name)]),
        XML => writer.empty("s:NotUnderstood", &[("qname", &format!("xml:{name}"))]),
        _ => writer.empty("s:NotUnderstood", &[("qname", &format!("h:{name}")), ("xmlns:h", namespace)]),
    }
}

/// The parts that say which instance, how, and which subscription.
fn write_selection(writer: &mut Writer, header: &Header, naming: &Naming) {
    if !header.selectors.is_empty() {
        writer.open("w:SelectorSet");
        header.selectors.iter().for_each(|(name, key)| endpoint::write_selector(writer, name, key, naming));
        writer.close("w:SelectorSet");
    }
    if !header.options.is_empty() {
        writer.open_with("w:OptionSet", &[("xmlns:xsi", XSI)]);
        for option in &header.options {
            let attributes = [("Name", option.name.as_str()), ("MustComply", truth(option.must_comply))];
            match &option.value {
                Some(value) => writer.leaf_with("w:Option", &attributes, value),
                None => writer.empty("w:Option", &[attributes[0], attributes[1], ("xsi:nil", "true")]),
            }
        }
        writer.close("w:OptionSet");
    }
    if let Some(path) = &header.fragment {
        writer.leaf_with("w:FragmentTransfer", &[("s:mustUnderstand", truth(header.fragment_must_be_understood))], path);
    }
    if let Some(id) = &header.subscription {
        writer.leaf("e:Identifier", id);
    }
    if let Some(bookmark) = &header.bookmark {
        writer.open("w:Bookmark");
        writer.raw(bookmark);
        writer.close("w:Bookmark");
    }
}

/// Closes what `write` opened.
pub(super) fn close(writer: &mut Writer) {
    writer.close("s:Body");
    writer.close("s:Envelope");
}
