//! 10,000 appliances in 10,000 files: a cold `validate`, a resident reader after a commit, and the floor of parsing alone.
//!
//! Guarantees: floor and ours read the same bytes with equally many threads. Each runs in a process of its own, so that memory is its
//! own too.

#[path = "../../../model/benches/support/fleet.rs"]
mod generated;

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::yaml;
use source::{Origin, Reader, Scratch};

use crate::process::{high_water, timed};

/// Writes the fleet and commits it; the directory is a work tree.
pub fn write(directory: &Path) {
    let files = generated::files();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let repository = Scratch::init(directory).expect("a fresh repository");
    repository.commit(&files, "all", 1_700_000_000).expect("a commit");
}

/// The floor: every file read and parsed, the trees kept.
pub fn floor(directory: &Path) {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != ".git") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                files.push(path);
            }
        }
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let parse = |files: &[PathBuf]| -> Vec<_> { files.iter().map(|path| yaml::parse(&std::fs::read(path).expect("a file"))).collect() };
    let parsed: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = files.chunks(files.len().div_ceil(threads)).map(|files| scope.spawn(|| parse(files))).collect();
        let parsed: Vec<_> = workers.into_iter().flat_map(|worker| worker.join().expect("it ends")).collect();
        let count = parsed.len();
        // A process that ends gives its memory back at once; so does ours.
        std::mem::forget(parsed);
        count
    });
    println!("{parsed} files");
}

/// A resident process: reads all of it, then again after a commit that touches one file. Prints both times and the memory.
pub fn resident(directory: &Path) {
    let origin = Origin::new(&directory.to_string_lossy(), None, None).expect("an origin");
    let mut reader = Reader::new(origin, None);
    let (all, first) = timed(|| reader.read().expect("it can be read").expect("something new"));
    assert!(first.snapshot.diagnostics.is_empty());
    assert_eq!(first.snapshot.desired.len(), 10_000);
    let file = directory.join("sites/s100/a07.yaml");
    let text = std::fs::read_to_string(&file).expect("a file");
    let mut next = Duration::ZERO;
    let rounds = 5;
    for round in 0..rounds {
        std::fs::write(&file, text.replace("probeEvery: 60s", &format!("probeEvery: {}s", 70 + round))).expect("a file");
        commit(directory);
        let (took, reading) = timed(|| reader.read().expect("it can be read").expect("something new"));
        let name = "s100-a07".parse().expect("a name");
        assert_ne!(reading.snapshot.desired[&name], first.snapshot.desired[&name]);
        assert_eq!(reader.files_parsed(), 10_628 + 1 + round);
        next += took;
    }
    let peak = high_water(Path::new("/proc/self/status")).unwrap_or(0);
    println!("{} {} {peak}", all.as_nanos(), next.as_nanos() / u128::from(rounds));
}

/// Commits the one file that was changed. By git, since our own scratch repository looks at every file again.
fn commit(directory: &Path) {
    let git = |arguments: &[&str]| {
        let at = directory.to_string_lossy();
        let identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0", "-C", &at];
        crate::process::Process::new("git", &[&identity, arguments].concat()).output()
    };
    let _ = git(&["commit", "--quiet", "--all", "--message", "one"]);
}
