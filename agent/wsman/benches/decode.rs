//! Decoding an answer to Enumerate against its floor: a bare namespace-resolving pass of the XML reader over the same bytes.
//!
//! Prints the ratio; `cargo bench -p trunkline-wsman --bench decode`. The bound is 2.5.

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use quick_xml::events::Event;
use quick_xml::reader::NsReader;
use trunkline_wsman::cim::{CimInstance, Namespace};
use trunkline_wsman::envelope::{Envelope, Header, Item, Page, Response};
use trunkline_wsman::resource::Naming;
use trunkline_wsman::schema::{self, Declared};
use trunkline_wsman::xml::Limits;

const ROUNDS: u32 = 200;

fn main() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/wire/real-windows/server_2012-Win32_Service_star_003.xml");
    let mut documents = vec![("one page of virtual machines", machines())];
    match std::fs::read_to_string(&recorded) {
        Ok(text) => documents.push(("a recorded page of services", text)),
        Err(_) => println!("lacking: {}", recorded.display()),
    }
    for (name, document) in documents {
        // The best of several, in turns, so that both meet the same machine.
        let (mut floor, mut ours) = (Duration::MAX, Duration::MAX);
        for _ in 0..7 {
            floor = floor.min(time(|| bare_pass(&document)));
            ours = ours.min(time(|| decode(&document)));
        }
        let ratio = ours.as_secs_f64() / floor.as_secs_f64();
        println!("{name}: {} octets, floor {:?}, decode {:?}, ratio {ratio:.2} (bound 2.5)", document.len(), floor / ROUNDS, ours / ROUNDS);
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn time(mut work: impl FnMut() -> usize) -> Duration {
    let begun = std::time::Instant::now();
    for _ in 0..ROUNDS {
        black_box(work());
    }
    begun.elapsed()
}

fn bare_pass(document: &str) -> usize {
    let mut reader = NsReader::from_str(black_box(document));
    let mut seen = 0;
    loop {
        match reader.read_resolved_event().expect("well-formed") {
            (_, Event::Eof) => return seen,
            (resolved, event) => {
                black_box((resolved, event));
                seen += 1;
            }
        }
    }
}

fn decode(document: &str) -> usize {
    match Envelope::<Response>::decode(black_box(document), Limits::default()).expect("an answer").body {
        Response::Pull(page) | Response::Enumerate(page) => black_box(page).items.len(),
        other => panic!("{other:?}"),
    }
}

/// Sixty machines with every property that the class has.
fn machines() -> String {
    let class = schema::class(&Namespace::VIRTUALIZATION, "Msvm_ComputerSystem").expect("in the table");
    let items = (0..60).map(|number| {
        let mut instance = CimInstance::new(class.name());
        for property in class.properties() {
            let Declared { cim, array, .. } = property.declared();
            let value = match cim {
                Some(trunkline_wsman::cim::CimType::String) => format!("{} {number}", property.name()).into(),
                Some(trunkline_wsman::cim::CimType::Datetime) => trunkline_wsman::cim::CimValue::Null,
                _ => trunkline_wsman::cim::CimValue::Unsigned(number),
            };
            instance.set(property.name(), if array { vec![value].into() } else { value });
        }
        Item::Object(instance)
    });
    let page = Page { context: None, items: items.collect(), end: true };
    Envelope { header: Header::default(), body: Response::Pull(page) }.encode(&Naming::Microsoft(Namespace::VIRTUALIZATION))
}
