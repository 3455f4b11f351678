//! Answers: what a server says.

use super::body::{self, Identity, Markup, Output, Page};
use super::shell::{self, ShellResponse};
use super::{Envelope, Header, header};
use crate::cim::endpoint::{self, EndpointReference};
use crate::cim::{CimInstance, Namespace, element};
use crate::fault::{self, Fault};
use crate::resource::Naming;
use crate::xml::names::{ADDRESSING, ENUMERATION, EVENTING, IDENTITY, SHELL, SOAP, TRANSFER, WSMAN};
use crate::xml::{Limits, Reader, Writer, XmlError};

/// What was answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// To Identify.
    Identify(Identity),
    /// To Enumerate.
    Enumerate(Page),
    /// To Pull.
    Pull(Page),
    /// To Get and Put.
    Object(CimInstance),
    /// To Create.
    Created(EndpointReference),
    /// To Create of a remote shell: besides its reference its description, element by element. Read as `Created`.
    ShellCreated(EndpointReference, Vec<(&'static str, String)>),
    /// To Delete, Release and Unsubscribe.
    Empty,
    /// To Invoke.
    Output(Output),
    /// To Subscribe.
    Subscribed(Subscribed),
    /// From a remote shell.
    Shell(ShellResponse),
    /// A refusal.
    Fault(Box<Fault>),
    /// Anything else.
    Other(Markup),
}

/// A subscription that was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscribed {
    /// What Unsubscribe names it with.
    pub identifier: String,
    /// The resource that events come from.
    pub resource: String,
    /// When it ends.
    pub expires: Option<String>,
    /// What the first events are pulled with.
    pub context: Option<String>,
}

impl Envelope<Response> {
    /// Reads an answer.
    ///
    /// # Errors
    /// The document is not read.
    pub fn decode(document: &str, limits: Limits) -> Result<Self, XmlError> {
        Self::decode_in(document, limits, &Namespace::CIMV2)
    }

    /// Reads the answer to a request upon `namespace`, which an answer in DMTF's names does not say.
    ///
    /// # Errors
    /// The document is not read.
    pub fn decode_in(document: &str, limits: Limits, namespace: &Namespace) -> Result<Self, XmlError> {
        let document = super::unmarked(document);
        super::read(document, limits, |reader, header| {
            let mut response = read(reader, document, namespace.as_str())?;
            if let Response::Fault(fault) = &mut response {
                fault.not_understood.clone_from(&header.refused);
            }
            Ok(response)
        })
    }

    /// Writes an answer, its classes named by `naming`.
    #[must_use]
    pub fn encode(&self, naming: &Naming) -> String {
        let mut writer = Writer::new();
        match &self.body {
            // What was not understood is said in a header, and that is where others look for it.
            Response::Fault(fault) if !fault.not_understood.is_empty() => {
                let header = Header { refused: fault.not_understood.clone(), ..self.header.clone() };
                header::write(&mut writer, &header, naming);
            }
            _ => header::write(&mut writer, &self.header, naming),
        }
        write(&mut writer, &self.body, naming);
        header::close(&mut writer);
        writer.finish()
    }
}

fn read<'x>(reader: &mut Reader<'x>, document: &str, namespace: &str) -> Result<Response, XmlError> {
    let Some(tag) = reader.child()? else { return Ok(Response::Empty) };
    match (reader.namespace(&tag)?, tag.local()) {
        (ENUMERATION, "EnumerateResponse") => body::read_page(reader, document, namespace).map(Response::Enumerate),
        (ENUMERATION, "PullResponse") => body::read_page(reader, document, namespace).map(Response::Pull),
        (ENUMERATION, "ReleaseResponse") | (EVENTING, "UnsubscribeResponse") => reader.skip().map(|()| Response::Empty),
        (SOAP, "Fault") => Ok(Response::Fault(Box::new(fault::read(reader)?))),
        (TRANSFER, "ResourceCreated") => endpoint::read(reader, None).map(Response::Created),
        (EVENTING, "SubscribeResponse") => read_subscribed(reader).map(Response::Subscribed),
        (IDENTITY, "IdentifyResponse") => body::read_identity(reader).map(Response::Identify),
        (uri, name) if body::is_cim(uri) => match name.strip_suffix("_OUTPUT") {
            Some(method) => body::read_output(reader, &tag, (method, namespace)).map(Response::Output),
            None => match element::read_instance(reader, &tag, namespace)? {
                // `xsi:type` may say what the name of an element would not.
                instance if instance.class().as_str().ends_with("_OUTPUT") => {
                    Err(XmlError::meaningless("the class of an instance", instance.class().as_str()))
                }
                instance => Ok(Response::Object(instance)),
            },
        },
        _ => match shell::read_response(reader, &tag)? {
            Some(response) => Ok(Response::Shell(response)),
            None => body::read_markup(reader, &tag, document).map(Response::Other),
        },
    }
}

fn read_subscribed(reader: &mut Reader<'_>) -> Result<Subscribed, XmlError> {
    let mut subscribed = Subscribed::default();
    while let Some(tag) = reader.child()? {
        match (reader.namespace(&tag)?, tag.local()) {
            (EVENTING, "Expires") => subscribed.expires = Some(reader.trimmed()?.into_owned()),
            (ENUMERATION, "EnumerationContext") => subscribed.context = Some(reader.trimmed()?.into_owned()),
            (EVENTING, "SubscriptionManager") => {
                while let Some(tag) = reader.child()? {
                    match (reader.namespace(&tag)?, tag.local()) {
                        (ADDRESSING, "ReferenceProperties" | "ReferenceParameters") => read_manager(reader, &mut subscribed)?,
                        _ => reader.skip()?,
                    }
                }
            }
            _ => reader.skip()?,
        }
    }
    Ok(subscribed)
}

fn read_manager(reader: &mut Reader<'_>, subscribed: &mut Subscribed) -> Result<(), XmlError> {
    while let Some(tag) = reader.child()? {
        match (reader.namespace(&tag)?, tag.local()) {
            (EVENTING, "Identifier") => subscribed.identifier = reader.trimmed()?.into_owned(),
            (WSMAN, "ResourceURI") => subscribed.resource = reader.trimmed()?.into_owned(),
            _ => reader.skip()?,
        }
    }
    Ok(())
}

fn write(writer: &mut Writer, response: &Response, naming: &Naming) {
    match response {
        Response::Identify(identity) => write_identity(writer, identity),
        Response::Enumerate(page) => {
            writer.open("n:EnumerateResponse");
            body::write_page(writer, page, "w", naming);
            writer.close("n:EnumerateResponse");
        }
        Response::Pull(page) => {
            writer.open("n:PullResponse");
            body::write_page(writer, page, "n", naming);
            writer.close("n:PullResponse");
        }
        Response::Object(instance) => element::write_instance(writer, instance, naming),
        Response::Created(reference) => {
            writer.open("x:ResourceCreated");
            endpoint::write_reference(writer, reference, naming);
            writer.close("x:ResourceCreated");
        }
        Response::ShellCreated(reference, description) => {
            writer.open("x:ResourceCreated");
            endpoint::write_reference(writer, reference, naming);
            writer.close("x:ResourceCreated");
            writer.open_with("rsp:Shell", &[("xmlns:rsp", SHELL)]);
            description.iter().for_each(|(name, text)| writer.leaf(&format!("rsp:{name}"), text));
            writer.close("rsp:Shell");
        }
        Response::Empty => {}
        Response::Output(output) => body::write_output(writer, output, naming),
        Response::Subscribed(subscribed) => write_subscribed(writer, subscribed),
        Response::Fault(fault) => fault::write(writer, fault),
        Response::Shell(response) => shell::write_response(writer, response),
        Response::Other(markup) => body::write_markup(writer, markup),
    }
}

fn write_identity(writer: &mut Writer, identity: &Identity) {
    writer.open_with("wsmid:IdentifyResponse", &[("xmlns:wsmid", IDENTITY)]);
    writer.leaf("wsmid:ProtocolVersion", &identity.protocol);
    writer.leaf("wsmid:ProductVendor", &identity.vendor);
    writer.leaf("wsmid:ProductVersion", &identity.version);
    if !identity.security_profiles.is_empty() {
        writer.open("wsmid:SecurityProfiles");
        identity.security_profiles.iter().for_each(|profile| writer.leaf("wsmid:SecurityProfileName", profile));
        writer.close("wsmid:SecurityProfiles");
    }
    writer.close("wsmid:IdentifyResponse");
}

fn write_subscribed(writer: &mut Writer, subscribed: &Subscribed) {
    writer.open("e:SubscribeResponse");
    writer.open("e:SubscriptionManager");
    writer.leaf("a:Address", crate::xml::names::ANONYMOUS);
    writer.open("a:ReferenceProperties");
    writer.leaf("w:ResourceURI", &subscribed.resource);
    writer.leaf("e:Identifier", &subscribed.identifier);
    writer.close("a:ReferenceProperties");
    writer.close("e:SubscriptionManager");
    if let Some(expires) = &subscribed.expires {
        writer.leaf("e:Expires", expires);
    }
    if let Some(context) = &subscribed.context {
        writer.leaf("n:EnumerationContext", context);
    }
    writer.close("e:SubscribeResponse");
}
