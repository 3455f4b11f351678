//! Repositories on disk, read as `source` would read them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use trunkline_model::resolve::ParsedFile;
use trunkline_model::validate::{Assembled, Assembler};

/// Whether golden files are to be written (`UPDATE_GOLDEN=1`).
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says so in the environment")]
pub fn update_golden() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// Content by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// `tests/fixtures` of the workspace.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

/// Every YAML file below a directory, by its path with slashes.
pub fn read(root: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// The sound repository that faulty ones are laid over.
pub fn base() -> Files {
    read(&fixtures().join("manifests-base"))
}

/// Parses files.
pub fn parse(files: &Files) -> Vec<Arc<ParsedFile>> {
    files.iter().map(|(path, bytes)| Arc::new(ParsedFile::new(path.as_str(), bytes))).collect()
}

/// Assembles files.
pub fn assemble(files: &Files) -> Assembled {
    Assembler::new("0.1.0").assemble(parse(files))
}

/// The base with some text replaced in one file.
pub fn patched(file: &str, from: &str, to: &str) -> Files {
    let mut files = base();
    let text = String::from_utf8(files[file].clone()).unwrap();
    assert!(text.contains(from), "{file} holds no {from}");
    files.insert(file.into(), text.replacen(from, to, 1).into_bytes());
    files
}
