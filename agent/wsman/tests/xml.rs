//! The XML reader against one that others wrote: what ours reads, `quick-xml` reads alike.
//!
//! Ours may refuse more (a protocol without document types needs less of XML), and nothing that was ever recorded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use quick_xml::XmlVersion;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use trunkline_wsman::xml::{Limits, Piece, Reader, XmlError};

/// A document as ours reads it: one line for each start, end and text.
fn ours(document: &str) -> Result<String, XmlError> {
    let mut reader = Reader::new(document, Limits::default())?;
    let mut said = Said::default();
    let root = reader.root()?;
    said.start(reader.namespace(&root)?, root.local(), reader.attribute(&root, "", "a")?.as_deref());
    let mut depth = 1;
    while depth > 0 {
        match reader.piece()? {
            Piece::Child(tag) => {
                depth += 1;
                said.start(reader.namespace(&tag)?, tag.local(), reader.attribute(&tag, "", "a")?.as_deref());
            }
            Piece::Text(text) => said.text(&text),
            Piece::End => {
                depth -= 1;
                said.end();
            }
        }
    }
    reader.finish()?;
    Ok(said.done())
}

/// The same document as the others read it; `None` where they refuse it.
fn theirs(document: &str) -> Option<String> {
    let mut reader = NsReader::from_str(document);
    reader.config_mut().expand_empty_elements = true;
    let (mut said, mut depth) = (Said::default(), 0);
    loop {
        let (resolved, event) = reader.read_resolved_event().ok()?;
        let namespace = match resolved {
            ResolveResult::Bound(uri) => uri.0.to_owned(),
            ResolveResult::Unbound => String::new(),
            ResolveResult::Unknown(_) if matches!(event, Event::Start(_)) => return None,
            ResolveResult::Unknown(_) => String::new(),
        };
        match event {
            Event::Start(start) => {
                depth += 1;
                let attribute = start.try_get_attribute("a").ok()?;
                let value = attribute.map(|found| found.normalized_value(XmlVersion::Implicit1_0).map(std::borrow::Cow::into_owned));
                said.start(&namespace, start.local_name().into_inner(), value.transpose().ok()?.as_deref());
            }
            Event::End(_) => {
                depth -= 1;
                said.end();
            }
            Event::Text(text) if depth > 0 => said.text(&text.xml10_content()),
            Event::CData(text) if depth > 0 => said.text(&text.xml10_content()),
            Event::GeneralRef(entity) if depth > 0 => match entity.resolve_char_ref().ok()? {
                Some(character) => said.text(character.encode_utf8(&mut [0; 4])),
                None => said.text(quick_xml::escape::resolve_xml_entity(&entity)?),
            },
            Event::Eof => return (depth == 0).then(|| said.done()),
            _ => {}
        }
    }
}

/// What was read, texts joined however they were divided.
#[derive(Default)]
struct Said {
    lines: String,
    text: String,
}

impl Said {
    fn start(&mut self, namespace: &str, local: &str, attribute: Option<&str>) {
        self.flush();
        let _ = writeln!(self.lines, "<{{{namespace}}}{local} {attribute:?}");
    }

    fn end(&mut self) {
        self.flush();
        self.lines.push_str(">\n");
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            let _ = writeln!(self.lines, "{:?}", std::mem::take(&mut self.text));
        }
    }

    fn done(mut self) -> String {
        self.flush();
        self.lines
    }
}

fn recorded() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = vec![];
    for directory in ["tests/fixtures/wire/virsh", "tests/fixtures/wire/clients", "../shared/wire/real-windows"] {
        let Ok(entries) = std::fs::read_dir(root.join(directory)) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if let (Some("xml"), Ok(text)) = (path.extension().and_then(|e| e.to_str()), std::fs::read_to_string(&path)) {
                found.push((path.display().to_string(), text));
            }
        }
    }
    assert!(found.len() > 50, "{}", found.len());
    found
}

#[test]
fn every_recorded_document_is_read_as_others_read_it() {
    for (name, text) in recorded() {
        // Some were recorded by hand and are no XML at all; then nobody reads them.
        assert_eq!(ours(&text).ok(), theirs(&text), "{name}: {:?}", ours(&text).err());
    }
}

#[test]
fn a_recorded_document_bent_anywhere_is_read_as_others_read_it_or_refused() {
    let (_, text) = recorded().into_iter().find(|(name, _)| name.ends_with("033-InitiateShutdown.xml")).unwrap();
    for at in 0..text.len() {
        for with in ["<", ">", "&", "\"", "/", " ", ":", "=", "!", "?", "]", "xmlns"] {
            let bent = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            if let Ok(read) = ours(&bent) {
                assert_eq!(Some(read), theirs(&bent), "`{with}` at {at}");
            }
        }
    }
}

#[test]
fn what_xml_does_not_allow_is_refused() {
    for text in [
        "<a b='1' b='2'/>",
        "<a b='1'c='2'/>",
        "<a b=1/>",
        "<a b/>",
        "<a b='<'/>",
        "<a b='1/>",
        "<1/>",
        "<:a/>",
        "<a:/>",
        "< a/>",
        "<a",
        "<a/",
        "<a / >",
        "</a>",
        "<a></b>",
        "<a></a",
        "<a/><b/>",
        "<a/>text",
        "text<a/>",
        "<a>&#0;</a>",
        "<a>&#x110000;</a>",
        "<a>&#+65;</a>",
        "<a>&lt</a>",
        "<a>& b</a>",
        "<a a='&none;'/>",
        "<a><!-- </a>",
        "<a><![CDATA[ </a>",
        "<a><? </a>",
        "<a><!ELEMENT b></a>",
        "<p:a/>",
        "<a xmlns:p=''><p:b/></a>",
        "<a xmlns:xml='urn:x'/>",
        "<a xmlns:xmlns='urn:x'/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
    ] {
        assert!(ours(text).is_err(), "{text}");
    }
}

#[test]
fn namespaces_hold_inside_their_element_only() {
    let text = "<a xmlns='urn:1' xmlns:p='urn:2'><p:b xmlns:p='urn:3' xmlns=''><c/><p:d/></p:b><p:e/><f/></a>";
    insta::assert_snapshot!(ours(text).unwrap(), @r"
    <{urn:1}a None
    <{urn:3}b None
    <{}c None
    >
    <{urn:3}d None
    >
    >
    <{urn:2}e None
    >
    <{urn:1}f None
    >
    >
    ");
}

#[test]
fn text_is_read_across_sections_comments_and_references() {
    let text = "<?xml version='1.0'?><!-- c --><a a='x&#10;y\r\n\tz&quot;'>1<!-- < -->2<![CDATA[<&]]>3&lt;&#x263a;\r\n4<?do it?>\r5</a> ";
    insta::assert_snapshot!(ours(text).unwrap(), @r#"
    <{}a Some("x\ny  z\"")
    "12<&3<☺\n4\n5"
    >
    "#);
}

proptest! {
    #[test]
    fn what_is_read_is_read_as_others_read_it(parts in prop::collection::vec(prop::sample::select(vec![
        "<a>", "</a>", "<p:a xmlns:p='u'>", "</p:a>", "<a/>", "<b a='1' c=\"&lt;\"/>", "<a xmlns='v' a=' \t'>", "t", " ", "&amp;", "&#65;", "\r\n",
        "<![CDATA[x]]>", "<!--y-->", "<?z?>", "é", "\"", "=", ">", "]]>", "<", "&", ":",
    ]), 0..12)) {
        let document = format!("<r xmlns:p='w'>{}</r>", parts.concat());
        if let Ok(read) = ours(&document) {
            prop_assert_eq!(Some(read), theirs(&document), "{}", document);
        }
    }
}
