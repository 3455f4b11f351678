//! The spanned tree of one file.
//!
//! Guarantees: nodes lie in document order in one array; a scalar is a slice of the text unless escapes or folding changed it; a
//! position is a byte offset, and lines are counted once, when somebody asks. Deliberately absent: mutation, numbers, booleans.

use std::sync::OnceLock;

/// A place in a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: YAML versions disagree about what it means.
    Plain,
    /// In single or double quotes: text.
    Quoted,
    /// A `|` or `>` block: text.
    Block,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'t> {
    /// Text as the reader sees it, escapes resolved.
    Scalar(&'t str, Style),
    /// Keys and values in the order of the file.
    Map,
    /// Items in the order of the file.
    Sequence,
    /// Something that was refused while the text was read; whoever meets it keeps silent.
    Refused,
}

/// The documents of one file and the text that they were read from.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    text: Box<str>,
    nodes: Box<[Raw]>,
    /// Scalars that differ from their source text, one after another.
    decoded: Box<str>,
    /// Ranges of `decoded`, in the order of the nodes that use them.
    ranges: Box<[(u32, u32)]>,
    documents: Box<[u32]>,
    /// Where each line begins.
    lines: OnceLock<Box<[u32]>>,
}

/// Eight bytes a node, of which 10,000 files have some three million: what bounds a file's size bounds each of these numbers.
#[derive(Debug, Clone, Copy)]
struct Raw(u64);

/// Bits of an offset, a length or an index: all are at most `MAX_FILE_BYTES`.
const PLACE_BITS: u32 = 21;
const PLACE_MASK: u64 = (1 << PLACE_BITS) - 1;

impl Raw {
    fn new(start: u32, extent: u32, shape: u32, range: u32) -> Self {
        let extent = u64::from(extent) & PLACE_MASK;
        Self(
            u64::from(start) & PLACE_MASK
                | extent << PLACE_BITS
                | u64::from(shape) << (2 * PLACE_BITS)
                | u64::from(range) << (2 * PLACE_BITS + 3),
        )
    }

    fn start(self) -> u32 {
        (self.0 & PLACE_MASK) as u32
    }

    /// Scalars: length of the source text. Collections: index of the node after the last child.
    fn extent(self) -> u32 {
        (self.0 >> PLACE_BITS & PLACE_MASK) as u32
    }

    fn shape(self) -> u32 {
        (self.0 >> (2 * PLACE_BITS) & 7) as u32
    }

    /// Index into `ranges` plus one, or zero where the source text is the value.
    fn range(self) -> u32 {
        (self.0 >> (2 * PLACE_BITS + 3)) as u32
    }
}

const PLAIN: u32 = 0;
const QUOTED: u32 = 1;
const BLOCK: u32 = 2;
const MAP: u32 = 3;
const SEQUENCE: u32 = 4;
const REFUSED: u32 = 5;

/// Position of a node in its tree; small enough to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(u32);

/// One node of a tree, cheap to copy.
#[derive(Clone, Copy)]
pub struct Node<'t> {
    tree: &'t Tree,
    index: u32,
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind() {
            Kind::Scalar(text, _) => write!(f, "{text:?}"),
            Kind::Map => f.debug_map().entries(self.entries()).finish(),
            Kind::Sequence => f.debug_list().entries(self.items()).finish(),
            Kind::Refused => f.write_str("(refused)"),
        }
    }
}

impl Tree {
    /// The text of the file, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The root node of every document that could be read, in order.
    pub fn documents(&self) -> impl Iterator<Item = Node<'_>> {
        self.documents.iter().map(|&index| Node { tree: self, index })
    }

    /// The node at a position that this tree gave out; the first node for any other.
    pub fn node(&self, index: NodeIndex) -> Node<'_> {
        Node { tree: self, index: if (index.0 as usize) < self.nodes.len() { index.0 } else { 0 } }
    }

    /// The node with exactly that span. A block map begins where its first key does; the key is no answer then, as it is longer.
    pub fn node_at(&self, span: Span) -> Option<Node<'_>> {
        let first = self.nodes.partition_point(|raw| raw.start() < span.start);
        let candidates = (first..self.nodes.len()).take_while(|&index| self.nodes[index].start() == span.start);
        let mut nodes = candidates.filter_map(|index| Some(Node { tree: self, index: u32::try_from(index).ok()? }));
        nodes.find(|node| node.span() == span)
    }

    /// How many nodes the documents have, keys included.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Line and column of a byte offset, both from 1; the column counts characters.
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let offset = (offset as usize).min(self.text.len());
        let line = self.line_of(offset);
        let start = self.lines()[line] as usize;
        let column = self.text.get(start..offset).map_or(offset - start, |part| part.chars().count()) + 1;
        (to_u32(line + 1), to_u32(column))
    }

    /// The line that holds a byte offset, without its line break.
    pub fn line_at(&self, offset: u32) -> &str {
        let line = self.line_of((offset as usize).min(self.text.len()));
        let start = self.lines()[line] as usize;
        let end = self.lines().get(line + 1).map_or(self.text.len(), |next| *next as usize - 1);
        self.text.get(start..end).unwrap_or_default().trim_end_matches('\r')
    }

    /// The line that holds a byte, from 0.
    fn line_of(&self, offset: usize) -> usize {
        // The first line begins at 0.
        self.lines().partition_point(|start| *start as usize <= offset) - 1
    }

    fn lines(&self) -> &[u32] {
        let begins = || std::iter::once(0).chain(self.text.match_indices('\n').map(|(at, _)| to_u32(at + 1))).collect();
        self.lines.get_or_init(begins)
    }
}

impl<'t> Node<'t> {
    /// The value as JSON has it: unquoted `true`, `null` and numbers are what they look like, all else is text.
    pub fn to_json(self) -> serde_json::Value {
        use serde_json::Value;
        match self.kind() {
            Kind::Map => {
                let entry = |(key, value): (Node<'t>, Node<'t>)| (key.text().unwrap_or_default().to_owned(), value.to_json());
                Value::Object(self.entries().map(entry).collect())
            }
            Kind::Sequence => Value::Array(self.items().map(Self::to_json).collect()),
            Kind::Scalar("" | "~" | "null", Style::Plain) | Kind::Refused => Value::Null,
            Kind::Scalar("true", Style::Plain) => Value::Bool(true),
            Kind::Scalar("false", Style::Plain) => Value::Bool(false),
            Kind::Scalar(text, Style::Plain) => match text.parse::<i64>() {
                Ok(number) => number.into(),
                Err(_) => Value::String(text.to_owned()),
            },
            Kind::Scalar(text, _) => Value::String(text.to_owned()),
        }
    }

    /// Its position in its tree.
    pub fn index(self) -> NodeIndex {
        NodeIndex(self.index)
    }

    fn raw(self) -> Raw {
        self.tree.nodes[self.index as usize]
    }

    /// Text, map or sequence.
    pub fn kind(self) -> Kind<'t> {
        let raw = self.raw();
        match raw.shape() {
            MAP => Kind::Map,
            SEQUENCE => Kind::Sequence,
            REFUSED => Kind::Refused,
            PLAIN => Kind::Scalar(self.scalar_text(raw), Style::Plain),
            QUOTED => Kind::Scalar(self.scalar_text(raw), Style::Quoted),
            _ => Kind::Scalar(self.scalar_text(raw), Style::Block),
        }
    }

    fn scalar_text(self, raw: Raw) -> &'t str {
        let range = raw.range();
        if range != 0 {
            let (start, len) = self.tree.ranges[range as usize - 1];
            return &self.tree.decoded[start as usize..(start + len) as usize];
        }
        let quote = u32::from(raw.shape() == QUOTED);
        &self.tree.text[(raw.start() + quote) as usize..(raw.start() + raw.extent() - quote) as usize]
    }

    /// The scalar's text, or nothing for a collection.
    pub fn text(self) -> Option<&'t str> {
        match self.kind() {
            Kind::Scalar(text, _) => Some(text),
            Kind::Map | Kind::Sequence | Kind::Refused => None,
        }
    }

    /// Whether nothing was written: `key:` or `key: ~`.
    pub fn is_null(self) -> bool {
        matches!(self.kind(), Kind::Scalar("" | "~" | "null", Style::Plain))
    }

    /// The whole scalar; for a collection the first character only, as it may go on for pages.
    pub fn span(self) -> Span {
        let raw = self.raw();
        let len = match raw.shape() {
            MAP | SEQUENCE => 1,
            _ => raw.extent(),
        };
        Span { start: raw.start(), len }
    }

    fn next_index(self) -> u32 {
        let raw = self.raw();
        match raw.shape() {
            MAP | SEQUENCE => raw.extent(),
            _ => self.index + 1,
        }
    }

    fn children(self) -> Children<'t> {
        let raw = self.raw();
        let end = if matches!(raw.shape(), MAP | SEQUENCE) { raw.extent() } else { self.index + 1 };
        Children { tree: self.tree, next: self.index + 1, end }
    }

    /// Items of a sequence; empty for anything else.
    pub fn items(self) -> impl Iterator<Item = Node<'t>> {
        let children = self.children();
        if matches!(self.kind(), Kind::Sequence) { children } else { Children { end: 0, next: 0, ..children } }
    }

    /// Keys and values of a map; empty for anything else. Keys are scalars.
    pub fn entries(self) -> impl Iterator<Item = (Node<'t>, Node<'t>)> {
        let mut children = self.children();
        if !matches!(self.kind(), Kind::Map) {
            children = Children { end: 0, next: 0, ..children };
        }
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The value of a key of a map.
    pub fn get(self, key: &str) -> Option<Node<'t>> {
        self.entries().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// Follows a path of keys.
    pub fn at(self, path: &[impl AsRef<str>]) -> Option<Node<'t>> {
        path.iter().try_fold(self, |node, key| node.get(key.as_ref()))
    }
}

#[derive(Clone)]
struct Children<'t> {
    tree: &'t Tree,
    next: u32,
    end: u32,
}

impl<'t> Iterator for Children<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        if self.next >= self.end {
            return None;
        }
        let node = Node { tree: self.tree, index: self.next };
        self.next = node.next_index();
        Some(node)
    }
}

/// Grows a tree in document order; used by the parser only.
#[derive(Default)]
pub(crate) struct TreeBuilder<'a> {
    text: &'a str,
    nodes: Vec<Raw>,
    decoded: String,
    ranges: Vec<(u32, u32)>,
    documents: Vec<u32>,
}

impl<'a> TreeBuilder<'a> {
    /// A tree over `text`, whose length fits 32 bits.
    pub(crate) fn new(text: &'a str) -> Self {
        // About twelve bytes of source a node is what hand-written manifests have.
        Self { text, nodes: Vec::with_capacity(text.len() / 10), ..Self::default() }
    }

    pub(crate) fn document(&mut self) {
        self.documents.push(to_u32(self.nodes.len()));
    }

    /// Forgets the document that was begun last, since it could not be read to its end.
    pub(crate) fn abandon(&mut self) {
        if let Some(start) = self.documents.pop() {
            self.nodes.truncate(start as usize);
        }
    }

    pub(crate) fn scalar(&mut self, span: Span, style: Style, value: &str) {
        let shape = match style {
            Style::Plain => PLAIN,
            Style::Quoted => QUOTED,
            Style::Block => BLOCK,
        };
        let quote = usize::from(shape == QUOTED);
        let source = self.text.get(span.start as usize + quote..(span.start + span.len) as usize - quote.min(span.len as usize));
        let range = if source == Some(value) { 0 } else { self.keep_decoded(value) };
        self.nodes.push(Raw::new(span.start, span.len, shape, range));
    }

    /// Stands for something that was refused.
    pub(crate) fn refused(&mut self, span: Span) {
        self.nodes.push(Raw::new(span.start, span.len, REFUSED, 0));
    }

    fn keep_decoded(&mut self, value: &str) -> u32 {
        self.ranges.push((to_u32(self.decoded.len()), to_u32(value.len())));
        self.decoded.push_str(value);
        to_u32(self.ranges.len())
    }

    pub(crate) fn open_map(&mut self, start: u32) -> u32 {
        self.open(start, MAP)
    }

    pub(crate) fn open_sequence(&mut self, start: u32) -> u32 {
        self.open(start, SEQUENCE)
    }

    fn open(&mut self, start: u32, shape: u32) -> u32 {
        self.nodes.push(Raw::new(start, 0, shape, 0));
        to_u32(self.nodes.len() - 1)
    }

    pub(crate) fn close(&mut self, index: u32) {
        let end = to_u32(self.nodes.len());
        if let Some(node) = self.nodes.get_mut(index as usize) {
            *node = Raw::new(node.start(), end, node.shape(), 0);
        }
    }

    /// Copies into allocations of the exact size, made last: what is kept then lies together, and what is not leaves no holes.
    pub(crate) fn finish(self) -> Tree {
        Tree {
            text: self.text.into(),
            nodes: self.nodes.as_slice().into(),
            decoded: self.decoded.as_str().into(),
            ranges: self.ranges.as_slice().into(),
            documents: self.documents.as_slice().into(),
            lines: OnceLock::new(),
        }
    }
}

/// Files are at most a MiB (`MAX_FILE_BYTES`), so nothing in them exceeds 32 bits.
fn to_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
