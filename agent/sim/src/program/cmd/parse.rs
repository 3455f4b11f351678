//! Takes a command line apart, after its variables were put in.
//!
//! Guarantees: `^` takes the meaning from what follows it, quotes take it from all but themselves; `|` binds closer than `&&`, that
//! closer than `||`, and that closer than `&`. Deliberately absent: `for`, labels and lines that go on.

use super::node::{Condition, Node, Redirection, Target, Test};

/// Something stands where it may not; the text that does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} was unexpected at this time.")]
pub(crate) struct Unexpected(pub(crate) String);

/// How deep groups may stand in each other.
const DEPTH: usize = 64;

/// Takes `line` apart.
pub(crate) fn parse(line: &str) -> Result<Node, Unexpected> {
    let mut parser = Parser { text: line.chars().collect(), at: 0, depth: 0 };
    let node = parser.both()?;
    match parser.peek() {
        None => Ok(node),
        Some(found) => Err(Unexpected(found.to_string())),
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
    depth: usize,
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | ',' | ';' | '=')
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn second(&self) -> Option<char> {
        self.text.get(self.at + 1).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    /// Whether the unquoted `word` stands here, and nothing that would go on with it.
    fn takes_word(&mut self, word: &str) -> bool {
        let end = self.at + word.len();
        let here = self.text.get(self.at..end).is_some_and(|chars| chars.iter().collect::<String>().eq_ignore_ascii_case(word));
        let ends = self.text.get(end).is_none_or(|c| is_blank(*c) || *c == '(');
        if here && ends {
            self.at = end;
        }
        here && ends
    }

    fn both(&mut self) -> Result<Node, Unexpected> {
        let mut node = self.or()?;
        while self.peek() == Some('&') {
            self.at += 1;
            node = Node::Both(Box::new(node), Box::new(self.or()?));
        }
        Ok(node)
    }

    fn or(&mut self) -> Result<Node, Unexpected> {
        let mut node = self.and()?;
        while self.peek() == Some('|') && self.second() == Some('|') {
            self.at += 2;
            node = Node::Or(Box::new(node), Box::new(self.and()?));
        }
        Ok(node)
    }

    fn and(&mut self) -> Result<Node, Unexpected> {
        let mut node = self.pipe()?;
        while self.peek() == Some('&') && self.second() == Some('&') {
            self.at += 2;
            node = Node::And(Box::new(node), Box::new(self.pipe()?));
        }
        Ok(node)
    }

    fn pipe(&mut self) -> Result<Node, Unexpected> {
        let mut node = self.command()?;
        while self.peek() == Some('|') && self.second() != Some('|') {
            self.at += 1;
            node = Node::Pipe(Box::new(node), Box::new(self.command()?));
        }
        Ok(node)
    }

    fn command(&mut self) -> Result<Node, Unexpected> {
        self.skip_blanks();
        while self.peek() == Some('@') {
            self.at += 1;
            self.skip_blanks();
        }
        match self.peek() {
            None => Ok(Node::Empty),
            Some('(') => self.group(),
            Some(c @ ('&' | '|')) => Err(Unexpected(c.to_string())),
            Some(')') if self.depth == 0 => Err(Unexpected(")".to_owned())),
            Some(_) if self.takes_word("if") => self.condition(),
            Some(_) if self.takes_word("rem") => {
                self.at = self.text.len();
                Ok(Node::Empty)
            }
            Some(_) => self.simple(),
        }
    }

    fn group(&mut self) -> Result<Node, Unexpected> {
        if self.depth == DEPTH {
            return Err(Unexpected("(".to_owned()));
        }
        self.at += 1;
        self.depth += 1;
        let inner = Box::new(self.both()?);
        if self.peek() != Some(')') {
            return Err(Unexpected(self.peek().map_or_else(|| "(".to_owned(), |c| c.to_string())));
        }
        self.at += 1;
        self.depth -= 1;
        let mut redirections = Vec::new();
        loop {
            self.skip_blanks();
            let digit = self.peek().filter(char::is_ascii_digit).filter(|_| matches!(self.second(), Some('<' | '>')));
            if digit.is_some() {
                self.at += 1;
            }
            match self.peek() {
                Some('<' | '>') => redirections.push(self.redirection(digit)?),
                _ => return Ok(Node::Group { inner, redirections }),
            }
        }
    }

    fn simple(&mut self) -> Result<Node, Unexpected> {
        let (mut text, mut redirections, mut quoted) = (String::new(), Vec::new(), false);
        while let Some(c) = self.peek() {
            match c {
                '^' if !quoted => {
                    self.at += 1;
                    text.extend(self.peek());
                }
                '"' => {
                    quoted = !quoted;
                    text.push(c);
                }
                '<' | '>' if !quoted => {
                    // A digit right before is the stream's number, when it is a word of its own.
                    let mut last = text.chars().rev();
                    let digit = last.next().filter(char::is_ascii_digit).filter(|_| last.next().is_none_or(is_blank));
                    if digit.is_some() {
                        text.pop();
                    }
                    redirections.push(self.redirection(digit)?);
                    continue;
                }
                '&' | '|' if !quoted => break,
                ')' if !quoted && self.depth > 0 => break,
                c => text.push(c),
            }
            self.at += 1;
        }
        Ok(Node::Simple { text, redirections })
    }

    /// From `<` or `>` on.
    fn redirection(&mut self, digit: Option<char>) -> Result<Redirection, Unexpected> {
        let reads = self.peek() == Some('<');
        self.at += 1;
        let appends = !reads && self.peek() == Some('>');
        if appends {
            self.at += 1;
        }
        let number = |c: char| c.to_digit(10).and_then(|n| u8::try_from(n).ok());
        let stream = digit.and_then(number).unwrap_or(u8::from(!reads));
        if self.peek() == Some('&') {
            let same = self.second().and_then(number).ok_or_else(|| Unexpected("&".to_owned()))?;
            self.at += 2;
            return Ok(Redirection { stream, to: Target::Same(same) });
        }
        self.skip_blanks();
        let name = self.word();
        if name.is_empty() {
            return Err(Unexpected(self.peek().map_or_else(|| "newline".to_owned(), |c| c.to_string())));
        }
        let to = match (reads, appends) {
            (true, _) => Target::Read(name),
            (false, true) => Target::Append(name),
            (false, false) => Target::Write(name),
        };
        Ok(Redirection { stream, to })
    }

    /// Up to the next blank or operator; quotes stay.
    fn word(&mut self) -> String {
        let (mut word, mut quoted) = (String::new(), false);
        while let Some(c) = self.peek() {
            match c {
                '^' if !quoted => {
                    self.at += 1;
                    word.extend(self.peek());
                }
                '"' => {
                    quoted = !quoted;
                    word.push(c);
                }
                c if !quoted && (is_blank(c) || matches!(c, '&' | '|' | '<' | '>') || (c == ')' && self.depth > 0)) => break,
                c => word.push(c),
            }
            self.at += 1;
        }
        word
    }

    /// Behind `if`.
    fn condition(&mut self) -> Result<Node, Unexpected> {
        let (mut any_case, mut negated) = (false, false);
        loop {
            self.skip_blanks();
            if self.takes_word("/i") {
                any_case = true;
            } else if self.takes_word("not") {
                negated = true;
            } else {
                break;
            }
        }
        let test = self.test()?;
        self.skip_blanks();
        let condition = Condition { negated, any_case, test };
        if self.peek() != Some('(') {
            let then = Box::new(self.both()?);
            return Ok(Node::If { condition, then, otherwise: None });
        }
        let from = self.at;
        let then = self.group()?;
        if self.takes_word("else") {
            let otherwise = Some(Box::new(self.both()?));
            return Ok(Node::If { condition, then: Box::new(then), otherwise });
        }
        // Without `else` all that follows belongs to it.
        self.at = from;
        Ok(Node::If { condition, then: Box::new(self.both()?), otherwise: None })
    }

    fn test(&mut self) -> Result<Test, Unexpected> {
        if self.takes_word("exist") {
            self.skip_blanks();
            return Ok(Test::Exist(self.word()));
        }
        if self.takes_word("defined") {
            self.skip_blanks();
            return Ok(Test::Defined(self.word()));
        }
        if self.takes_word("errorlevel") {
            self.skip_blanks();
            let word = self.word();
            return word.parse().map(Test::ErrorLevel).map_err(|_| Unexpected(word));
        }
        let left = self.word();
        let from = self.at;
        self.skip_blanks();
        // `==` is made of blanks, as far as words go.
        let between: String = self.text[from..self.at].iter().collect();
        if between.contains("==") {
            return Ok(Test::Compare(left, "==".to_owned(), self.word()));
        }
        let operator = self.word().to_ascii_uppercase();
        if !matches!(operator.as_str(), "EQU" | "NEQ" | "LSS" | "LEQ" | "GTR" | "GEQ") {
            return Err(Unexpected(operator));
        }
        self.skip_blanks();
        Ok(Test::Compare(left, operator, self.word()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simple(text: &str) -> Node {
        Node::Simple { text: text.to_owned(), redirections: Vec::new() }
    }

    #[test]
    fn operators_bind_as_cmd_binds_them() {
        let node = parse("a & b && c || d | e").unwrap();
        let and = Node::And(Box::new(simple(" b ")), Box::new(simple(" c ")));
        let pipe = Node::Pipe(Box::new(simple(" d ")), Box::new(simple(" e")));
        // Leading blanks are no part of a command.
        let text = format!("{node:?}").replace("\" ", "\"");
        let expected = Node::Both(Box::new(simple("a ")), Box::new(Node::Or(Box::new(and), Box::new(pipe))));
        assert_eq!(text, format!("{expected:?}").replace("\" ", "\""));
    }

    #[test]
    fn carets_and_quotes_take_the_meaning_away() {
        assert_eq!(parse("echo a^&b").unwrap(), simple("echo a&b"));
        assert_eq!(parse(r#"echo "a & b""#).unwrap(), simple(r#"echo "a & b""#));
        assert_eq!(parse("echo %^errorlevel%").unwrap(), simple("echo %errorlevel%"));
    }

    #[test]
    fn a_digit_right_before_an_arrow_is_a_stream_when_it_stands_alone() {
        let redirections = |line| match parse(line).unwrap() {
            Node::Simple { text, redirections } => (text, redirections),
            other => panic!("{other:?}"),
        };
        let (text, found) = redirections(r#"echo foo 2>"a b" >>c 2>&1"#);
        assert_eq!(text.trim_end(), "echo foo");
        assert_eq!(
            found,
            [
                Redirection { stream: 2, to: Target::Write("\"a b\"".to_owned()) },
                Redirection { stream: 1, to: Target::Append("c".to_owned()) },
                Redirection { stream: 2, to: Target::Same(1) },
            ]
        );
        assert_eq!(redirections("echo foo1>x").0, "echo foo1");
    }

    #[test]
    fn what_stands_wrong_is_said_as_cmd_says_it() {
        for (line, expected) in [("& x", "&"), ("a && | b", "|"), (") x", ")"), ("if a", "")] {
            assert_eq!(parse(line), Err(Unexpected(expected.to_owned())), "{line}");
        }
    }

    #[test]
    fn an_if_takes_the_rest_of_its_line_unless_there_is_an_else() {
        let node = parse("if exist x (a) else b").unwrap();
        assert!(matches!(node, Node::If { otherwise: Some(_), .. }));
        let node = parse("if not exist x a & b").unwrap();
        assert!(matches!(node, Node::If { then, otherwise: None, .. } if matches!(*then, Node::Both(..))));
    }
}
