//! What Windows sends is read by a way shorter than the grammar's. Both ways must read the same.

use trunkline_wsman::cim::{CimInstance, CimValue};
use trunkline_wsman::envelope::{Envelope, Header, Item, Page, Response};
use trunkline_wsman::xml::{Limits, XmlError};

use super::{VIRTUALIZATION, vm};

/// As Windows spells it, in one line.
fn spelled() -> String {
    let page = Page { context: None, items: vec![Item::Object(vm())], end: true };
    Envelope { header: Header::default(), body: Response::Pull(page) }.encode(&VIRTUALIZATION)
}

fn read(document: &str, limits: Limits) -> Result<CimInstance, XmlError> {
    let Response::Pull(page) = Envelope::<Response>::decode(document, limits)?.body else { panic!("{document}") };
    let [Item::Object(found)] = &page.items[..] else { panic!("{document}") };
    Ok(found.clone())
}

#[test]
fn a_property_reads_the_same_however_its_element_is_spelled() {
    let spelled = spelled();
    let wanted = read(&spelled, Limits::default()).expect("an instance");
    assert_eq!(wanted.get("EnabledState"), &CimValue::Unsigned(2));
    assert_eq!(wanted.get("Description"), &CimValue::Null);
    let others = [
        ("a comment before each", spelled.replace("<p:", "<!----><p:")),
        ("a space in an end", spelled.replace("</p:EnabledState>", "</p:EnabledState >")),
        ("a section", spelled.replace(">2<", "><![CDATA[2]]><")),
        ("a reference", spelled.replace(">2<", ">&#50;<")),
        ("single quotes", spelled.replace(r#"xsi:nil="true""#, "xsi:nil='true'")),
        ("an end of its own", spelled.replace(r#"<p:Description xsi:nil="true"/>"#, r#"<p:Description xsi:nil="1"></p:Description>"#)),
        ("another prefix", spelled.replace("xmlns:xsi=", "xmlns:i=").replace("xsi:", "i:")),
        ("another case", spelled.replace("p:EnabledState", "p:enabledstate")),
    ];
    for (how, other) in others {
        assert_ne!(other, spelled, "{how}");
        assert_eq!(read(&other, Limits::default()).expect(how), wanted, "{how}");
    }
}

#[test]
fn what_says_nil_in_another_namespace_is_not_null() {
    let other = spelled().replace("http://www.w3.org/2001/XMLSchema-instance", "urn:another");
    let read = read(&other, Limits::default()).expect("an instance");
    assert_eq!(read.get("Description"), &CimValue::String(String::new()));
}

#[test]
fn a_property_deeper_than_the_limit_is_refused_however_it_is_spelled() {
    // Inside the envelope, its body, the answer, its items and the instance.
    let limits = |depth| Limits { depth, ..Limits::default() };
    for document in [spelled(), spelled().replace("<p:", "<!----><p:")] {
        let flat = document.replace("<cim:Datetime>", "").replace("</cim:Datetime>", "");
        assert!(read(&flat, limits(6)).is_ok());
        assert!(matches!(read(&flat, limits(5)), Err(XmlError::TooDeep(5))));
    }
}
