//! Which files of a tree are read, whether the tree is git's or a directory's.
//!
//! Manifests are `*.yaml` and `*.yml`, policies `*.rego`; a name that begins with a dot hides a file or a whole directory (`.github`).
//! A symbolic link is never followed: inside the tree its target is read at its own place, so that no document counts twice; a link
//! that leads elsewhere is refused. Guarantees: bounded in files, bytes, entries and depth, whatever the tree claims.

use std::sync::Arc;

use git2::Oid;
use model::diagnostic::Code;
use model::resolve::ParsedFile;

/// Files that are read at most. The largest fleets have some ten thousand appliances.
const MAX_FILES: usize = 20_000;

/// Entries of any kind that are looked at: a tree of trees can claim more than any disk holds.
const MAX_ENTRIES: usize = 200_000;

/// Deepest directory.
const MAX_DEPTH: usize = 32;

/// Longest target of a symbolic link.
pub(crate) const MAX_LINK_BYTES: usize = 4096;

/// Bytes that are parsed of one revision at most.
pub(crate) const MAX_TOTAL_BYTES: u64 = 512 << 20;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Manifest,
    Policy,
}

/// A file that is to be read.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) path: Arc<str>,
    /// Its blob; zero in a plain directory.
    pub(crate) id: Oid,
    pub(crate) kind: FileKind,
}

/// The files of a tree, by path, and what is wrong with the tree itself.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) files: Vec<Listed>,
    /// What cannot be read and may hold anything; the assembler decides whom that refuses.
    pub(crate) unread: Vec<Arc<ParsedFile>>,
}

/// Grows a listing entry by entry.
#[derive(Debug)]
pub(crate) struct Lister {
    listing: Listing,
    /// Links whose names promise a file: the link's path and its target's.
    links: Vec<(String, String)>,
    /// What stands before every path of the tree that is read.
    prefix: String,
    entries: usize,
}

/// Whether the walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Go {
    On,
    /// A limit was passed, and has been reported.
    Stop,
}

impl Lister {
    pub(crate) fn new(prefix: String) -> Self {
        Self { listing: Listing::default(), links: Vec::new(), prefix, entries: 0 }
    }

    /// Counts an entry and decides by its name. `None`: it is hidden or of no interest, or cannot be named.
    pub(crate) fn name<'n>(&mut self, directory: &str, name: &'n [u8], is_file: IsFile) -> Option<&'n str> {
        if name.starts_with(b".") {
            return None;
        }
        match std::str::from_utf8(name) {
            Ok(name) if !name.chars().any(char::is_control) => Some(name),
            // A file that nobody would read may be called as it likes.
            _ if is_file == IsFile::Yes && kind_of(&String::from_utf8_lossy(name)).is_none() => None,
            _ => {
                let shown = format!("{directory}{}", String::from_utf8_lossy(name).escape_debug());
                self.report(Code::BadPathName, &shown, "this name cannot be shown or typed".to_owned(), "rename it");
                None
            }
        }
    }

    /// Counts an entry of any kind.
    pub(crate) fn count(&mut self, directory: &str) -> Go {
        self.entries += 1;
        if self.entries <= MAX_ENTRIES {
            return Go::On;
        }
        if self.entries == MAX_ENTRIES + 1 {
            let message = format!("the tree has more than {MAX_ENTRIES} entries");
            self.report(Code::TooManyFiles, directory, message, "read a directory of it with `--path`");
        }
        Go::Stop
    }

    /// Whether a directory that deep is entered.
    pub(crate) fn enter(&mut self, directory: &str, depth: usize) -> Go {
        if depth <= MAX_DEPTH {
            return Go::On;
        }
        self.report(Code::TooManyFiles, directory, format!("directories are nested deeper than {MAX_DEPTH}"), "flatten them");
        Go::Stop
    }

    /// A regular file.
    pub(crate) fn file(&mut self, path: String, id: Oid) -> Go {
        let Some(kind) = kind_of(&path) else { return Go::On };
        if self.listing.files.len() == MAX_FILES {
            let message = format!("the tree has more than {MAX_FILES} files that would be read");
            self.report(Code::TooManyFiles, &path, message, "read a directory of it with `--path`");
            return Go::Stop;
        }
        self.listing.files.push(Listed { path: path.into(), id, kind });
        Go::On
    }

    /// A symbolic link; `None` when its target is too long or no text.
    pub(crate) fn link(&mut self, path: &str, target: Option<&str>) {
        let inside = target.and_then(|target| resolve(path, target)).filter(|target| target.starts_with(&self.prefix));
        match inside {
            Some(target) if kind_of(path).is_some() => self.links.push((path.to_owned(), target)),
            Some(_) => {}
            None => {
                let shown = target.unwrap_or("something that is no path").escape_debug().to_string();
                let hint = "copy the file, or read a directory with `--path` that holds both";
                self.report(Code::LinkOutside, path, format!("this symbolic link leads to `{shown}`, outside of what is read"), hint);
            }
        }
    }

    /// A commit of another repository.
    pub(crate) fn submodule(&mut self, path: &str) {
        let hint = "keep manifests in this repository, or exclude the submodule with `--path`";
        self.report(Code::Submodule, path, "this is a submodule, and its files would be missed".to_owned(), hint);
    }

    fn report(&mut self, code: Code, path: &str, message: String, hint: &str) {
        self.listing.unread.push(Arc::new(ParsedFile::unread(path, code, message, hint)));
    }

    /// The listing, in the order of paths.
    pub(crate) fn finish(mut self) -> Listing {
        self.listing.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let files = &self.listing.files;
        let is_read = |target: &str| files.binary_search_by(|file| (*file.path).cmp(target)).is_ok();
        let lost: Vec<Arc<ParsedFile>> = (self.links.iter().filter(|(_, target)| !is_read(target)))
            .map(|(path, target)| {
                let message = format!("this symbolic link leads to `{target}`, which is not read at its own place");
                Arc::new(ParsedFile::unread(path, Code::LinkOutside, message, "put the file here instead of the link"))
            })
            .collect();
        self.listing.unread.extend(lost);
        self.listing
    }
}

/// Whether an entry is a regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsFile {
    Yes,
    No,
}

fn kind_of(path: &str) -> Option<FileKind> {
    let (_, extension) = path.rsplit_once('.')?;
    // Whoever writes on Windows may write `sea-1.YAML`, and must not be passed over in silence.
    match extension.to_ascii_lowercase().as_str() {
        "yaml" | "yml" => Some(FileKind::Manifest),
        "rego" => Some(FileKind::Policy),
        _ => None,
    }
}

/// Where a link leads, or nothing when that is above the repository or absolute.
fn resolve(link: &str, target: &str) -> Option<String> {
    if target.is_empty() || target.starts_with(['/', '\\']) || target.contains('\0') || target.get(1..2) == Some(":") {
        return None;
    }
    let mut parts: Vec<&str> = link.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_resolved_without_touching_the_disk() {
        assert_eq!(resolve("a/b/link.yaml", "../c.yaml").as_deref(), Some("a/c.yaml"));
        assert_eq!(resolve("link.yaml", "./x//y.yaml").as_deref(), Some("x/y.yaml"));
        for outside in ["../x", "/etc/passwd", "", r"C:\x", r"\\server\x", "a/../../x"] {
            assert_eq!(resolve("link.yaml", outside), None, "{outside}");
        }
    }

    #[test]
    fn a_manifest_is_one_in_capitals_too() {
        assert!(matches!(kind_of("sites/SEA-1.YAML"), Some(FileKind::Manifest)));
        assert!(matches!(kind_of("sites/sea-1.Yml"), Some(FileKind::Manifest)));
        assert!(matches!(kind_of("policies/house.REGO"), Some(FileKind::Policy)));
        assert!(kind_of("sites/sea-1.yaml.bak").is_none() && kind_of("yaml").is_none());
    }

    #[test]
    fn a_tree_that_claims_too_many_files_is_cut_and_said() {
        let mut lister = Lister::new(String::new());
        let last = (0..=MAX_FILES).map(|n| lister.file(format!("{n}.yaml"), Oid::ZERO_SHA1)).last();
        assert_eq!(last, Some(Go::Stop));
        let listing = lister.finish();
        assert_eq!(listing.files.len(), MAX_FILES);
        let codes: Vec<Code> = listing.unread.iter().flat_map(|file| file.faults()).map(|fault| fault.code).collect();
        assert_eq!(codes, [Code::TooManyFiles]);
    }

    #[test]
    fn a_link_counts_by_where_it_leads() {
        let mut lister = Lister::new("sites/".to_owned());
        lister.file("sites/real.yaml".to_owned(), Oid::ZERO_SHA1);
        lister.link("sites/same.yaml", Some("real.yaml"));
        lister.link("sites/lost.yaml", Some(".hidden/real"));
        lister.link("sites/out.yaml", Some("../secret.yaml"));
        lister.link("sites/long", None);
        let unread = lister.finish().unread;
        let all: Vec<String> = unread.iter().map(|file| format!("{}: {}", file.path(), file.faults()[0].message)).collect();
        insta::assert_snapshot!(all.join("\n"), @"
        sites/out.yaml: this symbolic link leads to `../secret.yaml`, outside of what is read
        sites/long: this symbolic link leads to `something that is no path`, outside of what is read
        sites/lost.yaml: this symbolic link leads to `sites/.hidden/real`, which is not read at its own place
        ");
    }
}
