//! The bars of the command line, each beside a floor that is built and run here: `./tests/run bench`.
//!
//! The other rooms have their own: decoding (`wsman`), assembling (`model`), policies (`policy`), a resident pass (`engine`).
//! Guarantees: ratios of one run on one machine; nothing is asserted about time. `-- --binary FILE` measures another build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod appliance;
#[path = "../../../../tests/support/example.rs"]
#[allow(dead_code, reason = "tests need more of it")]
mod example;
mod fleet;
mod process;
#[path = "../../../../tests/support/python.rs"]
mod python;
mod site;
mod table;

use std::path::Path;
use std::time::Duration;

use process::{Process, best};
use table::Row;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["floor-nothing"] => {}
        ["floor-plan", directory, observation] => appliance::floor(Path::new(directory), Path::new(observation)),
        ["floor-parse", directory] => fleet::floor(Path::new(directory)),
        // For a profiler: the files of the first bar, kept.
        ["write-appliance", directory, observation] => drop(appliance::write(Path::new(directory), Path::new(observation))),
        ["resident", directory] => fleet::resident(Path::new(directory)),
        ["site", rest @ ..] => {
            let room = tempfile::tempdir().expect("a directory");
            table::heading();
            site::measure(rest.first().unwrap_or(&env!("CARGO_BIN_EXE_trunkline")), room.path());
        }
        words => {
            let binary = words.iter().skip_while(|word| **word != "--binary").nth(1).copied();
            measure(binary.unwrap_or(env!("CARGO_BIN_EXE_trunkline")));
        }
    }
}

fn measure(binary: &str) {
    let room = tempfile::tempdir().expect("a directory");
    table::heading();
    start(binary);
    plan(binary, room.path());
    all(binary, &room.path().join("fleet"));
    site::measure(binary, &room.path().join("site"));
}

fn start(binary: &str) {
    let ours = Process::new(binary, &["--version"]);
    let times = best(50, [&Process::ourselves(&["floor-nothing"]), &ours]);
    println!(
        "{}",
        Row::within("--version, cold (floor: a process that does nothing)", times, Duration::from_millis(10)).peak(ours.peak(5), 16)
    );
    let size = std::fs::metadata(binary).map_or(0, |file| file.len());
    println!("{}", Row::told("size of the binary of this build", format!("{} MiB", size >> 20)));
}

fn plan(binary: &str, room: &Path) {
    let (directory, observation) = (room.join("appliance"), room.join("observation.json"));
    let differing = appliance::write(&directory, &observation);
    let (directory, observation) = (directory.to_string_lossy(), observation.to_string_lossy());
    let floor = Process::ourselves(&["floor-plan", &directory, &observation]);
    assert_eq!(floor.output().lines().count(), differing);
    let arguments = ["--source", &*directory, "plan", "--observed", &*observation];
    let json = Process::new(binary, &[&arguments[..], &["--output", "json"]].concat()).output();
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[0]["changes"].as_array().map(Vec::len), Some(differing), "{json:#}");
    let ours = Process::new(binary, &arguments);
    assert_eq!(appliance::ITEMS, 240);
    let row = Row::against("plan --observed, 240 items, cold", best(50, [&floor, &ours]), 3.0);
    println!("{}", row.peak(ours.peak(10), 16));
    appliance::disturb_hardware(Path::new(&*observation));
    let [_, long] = best(20, [&floor, &ours]);
    println!("{}", Row::told("the same when hardware changes: hundreds of steps", format!("{:.2} ms", long.as_secs_f64() * 1e3)));
}

fn all(binary: &str, directory: &Path) {
    fleet::write(directory);
    let directory = directory.to_string_lossy();
    let floor = Process::ourselves(&["floor-parse", &directory]);
    let ours = Process::new(binary, &["validate", &directory]);
    let says = ours.output();
    assert!(says.contains("10000 appliances"), "{says}");
    let row = Row::against("validate 10,000 appliances, cold (floor: parse)", best(5, [&floor, &ours]), 1.5);
    println!("{}", row.peak(ours.peak(1), 160));
    let says = Process::ourselves(&["resident", &directory]).output();
    let numbers: Vec<u64> = says.split_ascii_whitespace().map(|number| number.parse().expect("a number")).collect();
    let [all, next, peak] = numbers[..] else { panic!("{says}") };
    let times = [all, next].map(Duration::from_nanos);
    println!("{}", Row::against("after a commit of one file, resident (floor: all)", times, 0.15).peak(peak, 160));
}
