//! Events of the YAML parser to a tree, collecting every fault.
//!
//! Guarantees: after a syntax error reading goes on at the next document; equal keys, aliases, merge keys, tags and keys that are
//! not text are each reported and the rest of the document is still read. Deliberately absent: expansion of any kind, so no input
//! can grow beyond its own size.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StrInput, StructureStyle};

use super::TextFault;
use super::tree::{Node, Span, Style, Tree, TreeBuilder};
use crate::diagnostic::Code;

/// Largest file that is read. The longest real manifest is a profile of about 20 KiB.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// Deepest nesting of collections. Manifests need nine.
pub const MAX_DEPTH: usize = 32;

/// Faults that one file may report before the rest is only counted: a broken generator must not drown the others.
const MAX_FAULTS: usize = 100;

/// Above this many keys a map is checked for equal keys by hashing; below, comparing is faster.
const LARGE_MAP: usize = 24;

/// Reads one file. The tree holds the documents that are whole; the faults say what is wrong with the others.
pub fn parse(bytes: &[u8]) -> (Tree, Vec<TextFault>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.len() > MAX_FILE_BYTES {
        let message = format!("the file has {} bytes, the limit is {MAX_FILE_BYTES}", bytes.len());
        let fault = fault(Code::FileTooLarge, Span::default(), message, Some("split it: a manifest per file reads better anyway"));
        return (Tree::default(), vec![fault]);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Reader::new(text).read(),
        Err(error) => {
            let text = String::from_utf8_lossy(bytes);
            let hint = if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
                "the file is UTF-16; save it as UTF-8"
            } else {
                "save the file as UTF-8"
            };
            // Everything before the first bad byte is unchanged by the lossy conversion, so the offset holds in both.
            let span = Span { start: to_u32(error.valid_up_to()), len: 1 };
            let tree = TreeBuilder::new(&text).finish();
            (tree, vec![fault(Code::NotUtf8, span, "the file is not UTF-8 text".into(), Some(hint))])
        }
    }
}

fn fault(code: Code, span: Span, message: String, hint: Option<&str>) -> TextFault {
    TextFault { code, span, message, hint: hint.map(str::to_owned), related: None }
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    builder: TreeBuilder<'a>,
    faults: Vec<TextFault>,
    /// Open collections: node index, and for maps whether the next node is a key.
    open: Vec<Open>,
}

struct Open {
    node: u32,
    next_is_key: Option<bool>,
    /// Where its bracket stands, when it has one.
    bracket: Option<u32>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let options = granit_parser::options! {
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
            emit_unresolved_aliases: true,
        };
        Self {
            text,
            parser: Parser::new_from_str_with_options(text, options),
            builder: TreeBuilder::new(text),
            faults: Vec::new(),
            open: Vec::new(),
        }
    }

    fn read(mut self) -> (Tree, Vec<TextFault>) {
        while let Some(next) = self.parser.next_event() {
            match next {
                Ok((event, span)) => self.event(&event, span_of(&span)),
                Err(error) => {
                    self.syntax(&error);
                    self.open.clear();
                    self.builder.abandon();
                    if !matches!(self.parser.proceed_next_document(), Ok(true)) {
                        break;
                    }
                }
            }
        }
        let tree = self.builder.finish();
        let mut keys = Keys::new();
        for document in tree.documents() {
            duplicate_keys(document, &mut keys, &mut self.faults);
        }
        drop(keys);
        let empty = tree.documents().all(Node::is_null) && self.faults.is_empty();
        if empty {
            let hint = "delete the file, or restore what it held";
            self.faults.push(fault(Code::EmptyFile, Span::default(), "the file holds no document".into(), Some(hint)));
        }
        truncate(&mut self.faults);
        (tree, self.faults)
    }

    fn event(&mut self, event: &Event<'_>, span: Span) {
        match event {
            Event::DocumentStart(..) => self.builder.document(),
            Event::Scalar(value, style, _, tag) => {
                self.refuse_tag(tag.is_some(), span);
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                if self.begins_node() && style == Style::Plain && value == "<<" {
                    let hint = "write the values out, or put what is shared into a Defaults document";
                    self.faults.push(fault(Code::MergeKey, span, "merge keys are not part of YAML 1.2".into(), Some(hint)));
                    self.builder.refused(span);
                } else {
                    self.builder.scalar(span, style, value);
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let hint = "write the value out, or put what is shared into a Defaults document: each value has one origin";
                self.faults.push(fault(Code::Alias, span, "aliases are not accepted".into(), Some(hint)));
                self.begins_node();
                self.builder.refused(span);
            }
            Event::MappingStart(style, _, tag) => {
                self.refuse_tag(tag.is_some(), span);
                self.refuse_collection_key(span);
                let node = self.builder.open_map(span.start);
                self.open.push(Open { node, next_is_key: Some(true), bracket: bracket(*style, span) });
            }
            Event::SequenceStart(style, _, tag) => {
                self.refuse_tag(tag.is_some(), span);
                self.refuse_collection_key(span);
                let node = self.builder.open_sequence(span.start);
                self.open.push(Open { node, next_is_key: None, bracket: bracket(*style, span) });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(open) = self.open.pop() {
                    self.builder.close(open.node);
                }
            }
            _ => {}
        }
    }

    /// Counts a node in its parent and says whether it stands where a key belongs.
    fn begins_node(&mut self) -> bool {
        match self.open.last_mut().and_then(|open| open.next_is_key.as_mut()) {
            Some(next_is_key) => std::mem::replace(next_is_key, !*next_is_key),
            None => false,
        }
    }

    fn refuse_tag(&mut self, tagged: bool, span: Span) {
        if tagged {
            let hint = "remove the tag; text that could be read as a number or a boolean goes in quotes";
            self.faults.push(fault(Code::Tag, span, "tags are not accepted".into(), Some(hint)));
        }
    }

    fn refuse_collection_key(&mut self, span: Span) {
        if self.begins_node() {
            let span = Span { len: 1, ..span };
            let hint = "a value that begins with `{` or `[` needs quotes";
            self.faults.push(fault(Code::KeyNotText, span, "a key must be text, not a collection".into(), Some(hint)));
        }
    }

    fn syntax(&mut self, error: &ScanError) {
        let marker = error.marker();
        let start = marker.byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let span = Span { start: to_u32(start), len: 1 };
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        let found = match (error.kind(), indent.find('\t')) {
            (ErrorKind::RecursionLimitExceeded, _) => {
                let message = format!("collections are nested more than {MAX_DEPTH} deep");
                fault(Code::TooDeep, span, message, Some("no manifest needs this; look for a generator gone wrong"))
            }
            (_, Some(tab)) => {
                let span = Span { start: to_u32(line_start + tab), len: 1 };
                fault(Code::Tab, span, "a tab is used as indentation".into(), Some("indent with spaces"))
            }
            (ErrorKind::TabInPlainScalar, None) => {
                // The scalar began above; the tab is at the beginning of one of the next lines.
                let at = self.text[start..].find("\n\t").map_or(start, |at| start + at + 1);
                let span = Span { start: to_u32(at), len: 1 };
                fault(Code::Tab, span, "a tab is used as indentation".into(), Some("indent with spaces"))
            }
            (ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation, None) => {
                fault(Code::Tab, span, "a tab is used where YAML wants spaces".into(), Some("use spaces"))
            }
            _ => fault(Code::Syntax, span, error.info(), syntax_hint(error.kind())),
        };
        // Inside brackets the parser notices late; the bracket is where a person looks first.
        let bracket = self.open.last().and_then(|open| open.bracket).filter(|_| found.code == Code::Syntax);
        let related = bracket.map(|start| (Span { start, len: 1 }, "this bracket is not closed".to_owned()));
        self.faults.push(TextFault { related, ..found });
    }
}

fn bracket(style: StructureStyle, span: Span) -> Option<u32> {
    (style == StructureStyle::Flow).then_some(span.start)
}

fn syntax_hint(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::UnclosedQuotedScalar => "close the quote",
        ErrorKind::InvalidQuotedScalarIndent => "a quote above is not closed",
        ErrorKind::UnclosedFlowCollection { .. } | ErrorKind::UnexpectedEofFlowMapping | ErrorKind::UnexpectedEofFlowSequence => {
            "close the bracket"
        }
        ErrorKind::InvalidSimpleKey | ErrorKind::SimpleKeyExpected => "a key is followed by a colon and a space",
        ErrorKind::InvalidIndentation | ErrorKind::ExpectedBlockMappingKey => "keys of one map start in the same column",
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            "no control character stands in YAML; in double quotes write it as an escape, `\\x01`"
        }
        ErrorKind::UnexpectedCharacter { .. } => "text that begins with a special character goes in quotes",
        ErrorKind::UnknownQuotedScalarEscape => "in double quotes write `\\\\` for a backslash, or use single quotes",
        _ => return None,
    })
}

fn span_of(span: &granit_parser::Span) -> Span {
    let (start, end) = span.byte_range().map_or((0, 0), |range| (range.start, range.end));
    Span { start: to_u32(start), len: to_u32(end.saturating_sub(start)) }
}

/// The keys of the maps that are being looked through, the innermost last; one allocation for a whole file.
type Keys<'t> = Vec<(&'t str, Node<'t>)>;

fn duplicate_keys<'t>(node: Node<'t>, keys: &mut Keys<'t>, faults: &mut Vec<TextFault>) {
    let base = keys.len();
    let mut hashed: HashMap<&str, Node<'_>> = HashMap::new();
    for (key, _) in node.entries() {
        let Some(name) = key.text() else { continue };
        let seen = &keys[base..];
        let first = if seen.len() < LARGE_MAP {
            seen.iter().find(|(other, _)| *other == name).map(|(_, first)| *first)
        } else {
            if hashed.is_empty() {
                hashed.extend(seen.iter().rev().copied());
            }
            let first = hashed.get(name).copied();
            hashed.entry(name).or_insert(key);
            first
        };
        if let Some(first) = first {
            faults.push(TextFault {
                related: Some((first.span(), "first written here".into())),
                ..fault(Code::DuplicateKey, key.span(), format!("the key `{name}` is written twice"), Some("keep one of the two"))
            });
        }
        keys.push((name, key));
    }
    keys.truncate(base);
    node.entries().for_each(|(_, value)| duplicate_keys(value, keys, faults));
    node.items().for_each(|item| duplicate_keys(item, keys, faults));
}

fn truncate(faults: &mut Vec<TextFault>) {
    if faults.len() > MAX_FAULTS {
        let hidden = faults.len() - MAX_FAULTS;
        faults.truncate(MAX_FAULTS);
        let span = faults.last().map_or(Span::default(), |last| last.span);
        let message = format!("{hidden} more faults of this file are not shown");
        faults.push(fault(Code::TooManyFaults, span, message, None));
    }
}

/// Offsets lie within `MAX_FILE_BYTES`.
fn to_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::Kind;

    fn codes(text: &str) -> Vec<Code> {
        parse(text.as_bytes()).1.iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn a_bomb_of_aliases_is_refused_without_growing() {
        let mut text = String::from("a0: &a0 [x, x]\n");
        for level in 1..60 {
            text.push_str(&format!("a{level}: &a{level} [*a{0}, *a{0}, *a{0}]\n", level - 1));
        }
        let (tree, faults) = parse(text.as_bytes());
        assert!(tree.node_count() < 400);
        assert!(faults.iter().all(|fault| matches!(fault.code, Code::Alias | Code::TooManyFaults)) && !faults.is_empty());
    }

    #[test]
    fn a_fault_of_one_document_does_not_hide_those_of_the_next() {
        assert_eq!(codes("a: [1\n---\nb: 1\nb: 2\n---\nc: *x\n"), [Code::Syntax, Code::Alias, Code::DuplicateKey]);
    }

    #[test]
    fn escapes_folding_and_quotes_give_the_text_that_is_meant() {
        let (tree, faults) = parse(b"a: \"x\\ty\"\nb: 'it''s'\nc: >\n  one\n  two\nd: plain text\ne: \"\"\n");
        assert_eq!(faults, []);
        let root = tree.documents().next().unwrap();
        let text = |key: &str| root.get(key).and_then(Node::text).unwrap().to_owned();
        assert_eq!([text("a"), text("b"), text("c"), text("d"), text("e")], ["x\ty", "it's", "one two\n", "plain text", ""]);
        assert!(!root.get("e").unwrap().is_null());
    }

    #[test]
    fn a_place_is_a_line_and_a_column_of_characters() {
        let (tree, _) = parse("# grün\nä: ö\n".as_bytes());
        let value = tree.documents().next().unwrap().get("ä").unwrap();
        assert_eq!(tree.line_column(value.span().start), (2, 4));
        assert_eq!(tree.line_at(value.span().start), "ä: ö");
    }

    #[test]
    fn a_file_of_the_largest_size_is_read() {
        let mut text = "key: [".to_owned();
        text.push_str(&"a,".repeat((MAX_FILE_BYTES - 7) / 2));
        text.push(']');
        let (tree, faults) = parse(text.as_bytes());
        assert_eq!(faults, []);
        assert_eq!(tree.documents().next().unwrap().get("key").unwrap().items().count(), (MAX_FILE_BYTES - 7) / 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn no_text_makes_it_fail(text in "([a-c&*!{}\\[\\]:,#|>'\"\\-?<%\t ]|\n|\n  |\n---\n|é){0,60}") {
            let (tree, faults) = parse(text.as_bytes());
            for fault in &faults {
                prop_assert!(tree.line_column(fault.span.start).0 >= 1);
            }
            for document in tree.documents() {
                walk(document, tree.text().len())?;
            }
        }
    }

    fn walk(node: Node<'_>, end: usize) -> Result<(), TestCaseError> {
        prop_assert!((node.span().start as usize) <= end);
        match node.kind() {
            Kind::Map => node.entries().try_for_each(|(key, value)| walk(key, end).and_then(|()| walk(value, end))),
            Kind::Sequence => node.items().try_for_each(|item| walk(item, end)),
            Kind::Scalar(..) | Kind::Refused => Ok(()),
        }
    }
}
