//! The parsed files of a repository, numbered.
//!
//! Guarantees: a file keeps its number as long as the library lives, so that an [`Origin`](crate::manifest::Origin) stays valid
//! from one revision to the next.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::{Arc, LazyLock};

use foldhash::quality::RandomState;

use crate::diagnostic::{Code, Place};
use crate::manifest::{Decoder, Fault, Header, Origin, RawValue};
use crate::yaml::{self, Kind, Node, NodeIndex, TextFault, Tree};

/// One file, parsed. Depends on its path and content only, so it can be kept as long as these do not change.
#[derive(Debug)]
pub struct ParsedFile {
    path: Arc<str>,
    tree: Tree,
    faults: Vec<TextFault>,
    digest: u64,
    heads: Vec<Head>,
}

/// The head of a document, with what is wrong in it; places are of file number 0.
#[derive(Debug)]
pub(crate) struct Head {
    /// The document's root.
    pub(crate) root: NodeIndex,
    /// Kind and name; `None` when the document is no manifest of ours.
    pub(crate) header: Option<Header>,
    /// `spec.site` of an appliance.
    pub(crate) site: Option<Box<str>>,
    /// What is wrong with the head.
    pub(crate) faults: Vec<Fault>,
    /// Whether the text of the document has faults, so that nothing may be made of it.
    pub(crate) spoiled: bool,
}

impl ParsedFile {
    /// Parses the bytes of a file at a path of the repository.
    pub fn new(path: impl Into<Arc<str>>, bytes: &[u8]) -> Self {
        let (tree, faults) = yaml::parse(bytes);
        let heads = heads(&tree, &faults);
        Self { path: path.into(), tree, faults, digest: digest(bytes), heads }
    }

    /// A file that was not read, since it is a link to somewhere outside the repository.
    pub fn link_outside(path: &str, target: &str) -> Self {
        let message = format!("the link leads to `{target}`, outside the repository");
        Self::unread(path, Code::LinkOutside, message, "put the file itself into the repository")
    }

    /// A file or directory whose content is unknown: it could hold anything.
    pub fn unread(path: &str, code: Code, message: String, hint: &str) -> Self {
        let digest = digest(message.as_bytes());
        let fault = TextFault { code, span: yaml::Span::default(), message, hint: Some(hint.into()), related: None };
        Self { path: path.into(), tree: Tree::default(), faults: vec![fault], digest, heads: Vec::new() }
    }

    /// Its path in the repository.
    pub fn path(&self) -> &Arc<str> {
        &self.path
    }

    /// Its documents.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What is wrong with its text.
    pub fn faults(&self) -> &[TextFault] {
        &self.faults
    }

    /// The heads of its documents.
    pub(crate) fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// Tells one content from another, to decide what must be worked out again; no proof of anything.
    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }
}

/// Seeded anew in each process, so that nobody can write two files of one digest. Not std's hash: each byte of ten thousand files goes
/// through it.
fn digest(bytes: &[u8]) -> u64 {
    static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    SEED.hash_one(bytes)
}

fn heads(tree: &Tree, faults: &[TextFault]) -> Vec<Head> {
    let starts: Vec<u32> = tree.documents().map(|document| document.span().start).collect();
    let head = |(index, document): (usize, Node<'_>)| {
        let mut decoder = Decoder::new(0);
        let header = Header::read(document, &mut decoder);
        let site = document.at(&["spec", "site"]).and_then(Node::text).map(Box::from);
        let range = starts[index]..starts.get(index + 1).copied().unwrap_or(u32::MAX);
        let spoiled = faults.iter().any(|fault| range.contains(&fault.span.start));
        Head { root: document.index(), header, site, faults: decoder.faults, spoiled }
    };
    tree.documents().enumerate().filter(|(_, document)| !document.is_null()).map(head).collect()
}

/// The files by number.
#[derive(Debug, Default)]
pub(crate) struct Library {
    files: Vec<Option<Arc<ParsedFile>>>,
    numbers: HashMap<Arc<str>, u32, foldhash::fast::RandomState>,
    empty: Tree,
}

impl Library {
    /// Takes the files of a revision; files that are not among them are gone.
    pub(crate) fn replace(&mut self, files: impl IntoIterator<Item = Arc<ParsedFile>>) {
        self.files.iter_mut().for_each(|file| *file = None);
        for file in files {
            self.add(file);
        }
    }

    /// Adds a file or replaces the one at its path; gives its number.
    pub(crate) fn add(&mut self, file: Arc<ParsedFile>) -> u32 {
        let next = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(file.path.clone()).or_insert(next);
        if number == next {
            self.files.push(Some(file));
        } else if let Some(place) = self.files.get_mut(number as usize) {
            *place = Some(file);
        }
        number
    }

    /// The files that are there, by number.
    pub(crate) fn files(&self) -> impl Iterator<Item = (u32, &Arc<ParsedFile>)> {
        (0..).zip(&self.files).filter_map(|(number, file)| Some((number, file.as_ref()?)))
    }

    /// Whether a file was compiled in.
    pub(crate) fn is_shipped(&self, number: u32) -> bool {
        self.file(number).is_some_and(|file| file.path.starts_with(SHIPPED_PREFIX))
    }

    pub(crate) fn file(&self, number: u32) -> Option<&Arc<ParsedFile>> {
        self.files.get(number as usize)?.as_ref()
    }

    fn tree(&self, number: u32) -> &Tree {
        self.file(number).map_or(&self.empty, |file| &file.tree)
    }

    /// The node of a value that is typed late.
    pub(crate) fn node(&self, raw: RawValue) -> Node<'_> {
        self.tree(raw.file).node(raw.node)
    }

    /// The text that stands at a place: a scalar's source, or the first character of a collection.
    pub(crate) fn source(&self, origin: Origin) -> &str {
        let range = origin.span.start as usize..(origin.span.start + origin.span.len) as usize;
        self.tree(origin.file).text().get(range).unwrap_or_default()
    }

    /// The value that begins at a place, in one line, whatever its layout.
    pub(crate) fn written(&self, origin: Origin) -> String {
        match self.tree(origin.file).node_at(origin.span) {
            Some(node) => compact(node),
            None => self.source(origin).to_owned(),
        }
    }

    /// The document that a place lies in: `Appliance sea-1`.
    pub(crate) fn document_at(&self, origin: Origin) -> Option<String> {
        let file = self.file(origin.file)?;
        let before = |head: &&Head| file.tree.node(head.root).span().start <= origin.span.start;
        let header = file.heads.iter().rfind(before)?.header.as_ref()?;
        Some(format!("{} {}", header.kind, header.name))
    }

    /// File, line and column of a place, and the line itself.
    pub(crate) fn place(&self, origin: Origin) -> (Place, Option<String>) {
        let tree = self.tree(origin.file);
        let path = self.file(origin.file).map_or_else(|| Arc::from("(gone)"), |file| file.path.clone());
        let (line, column) = tree.line_column(origin.span.start);
        let source = tree.line_at(origin.span.start).to_owned();
        // A scalar of several lines is shown by its first.
        let written = self.source(origin).lines().next().unwrap_or_default().chars().count();
        let length = if origin.span == yaml::Span::default() { 0 } else { u32::try_from(written.max(1)).unwrap_or(1) };
        (Place { file: path, line, column, length }, Some(source))
    }
}

/// Begins the paths of catalogues that are compiled in.
pub(crate) const SHIPPED_PREFIX: &str = "profile:";

/// A value in one line, whatever its layout.
pub(crate) fn compact(node: Node<'_>) -> String {
    match node.kind() {
        Kind::Scalar(text, _) => text.to_owned(),
        Kind::Refused => String::new(),
        Kind::Sequence => format!("[{}]", node.items().map(compact).collect::<Vec<_>>().join(", ")),
        Kind::Map => {
            let entries: Vec<String> = node.entries().map(|(key, value)| format!("{}: {}", compact(key), compact(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}
