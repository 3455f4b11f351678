//! 10,000 appliances in 10,000 files: what assembling costs against parsing alone, on the same two threads.
//!
//! Prints ratios, since milliseconds are the machine's: `assemble / parse` (bar 1.5), `one file changed / all` (bar 0.15), and peak
//! memory (bar 160 MiB). The floor is built here, in the same run: the YAML parser into the same spanned tree.

#[path = "support/fleet.rs"]
mod fleet;

use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_model::resolve::ParsedFile;
use trunkline_model::validate::Assembler;

fn main() {
    let files = fleet::files();
    let lines: usize = files.last().map_or(0, |(_, text)| text.lines().count());
    let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
    println!("{} files, {lines} lines each, {} MiB", files.len(), bytes >> 20);
    let (parse, parsed) = timed(|| parse_all(&files));
    let nodes: usize = parsed.iter().map(|file| file.tree().node_count()).sum();
    println!("memory with the texts and the trees ({nodes} nodes): {} MiB", memory("VmRSS"));
    let mut assembler = Assembler::new("0.1.0");
    let (resolve, assembled) = timed(|| assembler.assemble(parsed.iter().cloned()));
    if !assembled.diagnostics.is_empty() {
        println!("{}", assembled.diagnostics[0]);
    }
    println!("{} wishes, {} diagnostics", assembled.desired.len(), assembled.diagnostics.len());
    println!("memory peak, the texts of this benchmark included: {} MiB", memory("VmHWM"));
    println!("(parse + assemble) / parse: {:.2}", (parse + resolve).as_secs_f64() / parse.as_secs_f64());
    let changed = files[100].1.replace("probeEvery: 60s", "probeEvery: 70s");
    let (again, next) = timed(|| {
        let file = Arc::new(ParsedFile::new(files[100].0.as_str(), changed.as_bytes()));
        assembler.assemble(parsed.iter().enumerate().map(|(index, old)| if index == 100 { file.clone() } else { old.clone() }))
    });
    println!("one file changed / all: {:.3} ({} wishes)", again.as_secs_f64() / (parse + resolve).as_secs_f64(), next.desired.len());
    println!("parse {parse:?}, resolve {resolve:?}, again {again:?}");
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

fn parse_all(files: &[(String, String)]) -> Vec<Arc<ParsedFile>> {
    let parse = |files: &[(String, String)]| {
        files.iter().map(|(path, text)| Arc::new(ParsedFile::new(path.as_str(), text.as_bytes()))).collect::<Vec<_>>()
    };
    let (first, second) = files.split_at(files.len() / 2);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| parse(second));
        let mut parsed = parse(first);
        parsed.extend(second.join().unwrap_or_default());
        parsed
    })
}

fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_ascii_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}
