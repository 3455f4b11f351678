//! The part of WQL that this crate reads itself: to know the class of a projection, and to answer a query that the host refuses.
//!
//! Guarantees: what is not understood whole is not understood at all. Comparisons are WMI's: text without case, and NULL is neither equal
//! nor unequal to anything. Deliberately absent: associations, events, and the system properties, which only the host knows.

use std::iter::Peekable;
use std::str::Chars;

use crate::cim::{CimDatetime, CimInstance, CimValue, ClassName};

/// `SELECT … FROM class [WHERE …]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    pub(super) class: ClassName,
    condition: Option<Condition>,
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Or(Vec<Condition>),
    And(Vec<Condition>),
    Not(Box<Condition>),
    IsNull(String),
    Compare(String, Comparison, Literal),
    Like(String, String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Text(String),
    Number(i128),
    Truth(bool),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Symbol(String),
}

impl Query {
    /// Reads `wql`; `None` when it is another kind of query or holds what this does not know.
    pub(super) fn parse(wql: &str) -> Option<Self> {
        let mut tokens = tokens(wql)?.into_iter().peekable();
        keyword(&mut tokens, "SELECT")?;
        // Columns change what comes, not which.
        loop {
            match tokens.next()? {
                Token::Word(word) if word.eq_ignore_ascii_case("FROM") => break,
                Token::Word(_) => {}
                Token::Symbol(symbol) if symbol == "*" || symbol == "," => {}
                Token::Symbol(_) | Token::Text(_) => return None,
            }
        }
        let Token::Word(class) = tokens.next()? else { return None };
        let condition = match tokens.peek() {
            None => None,
            Some(_) => {
                keyword(&mut tokens, "WHERE")?;
                Some(or(&mut tokens, 0)?)
            }
        };
        let is_event = class.starts_with("__");
        (tokens.next().is_none() && !is_event).then(|| Self { class: ClassName::from(class.as_str()), condition })
    }

    /// Whether the query finds `instance`.
    pub(super) fn accepts(&self, instance: &CimInstance) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.holds(instance) == Some(true))
    }
}

impl Condition {
    /// Whether it is true of `instance`; `None` where NULL leaves that open.
    fn holds(&self, instance: &CimInstance) -> Option<bool> {
        match self {
            Self::Or(all) => all.iter().map(|c| c.holds(instance)).reduce(|a, b| match (a, b) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            })?,
            Self::And(all) => all.iter().map(|c| c.holds(instance)).reduce(|a, b| match (a, b) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            })?,
            Self::Not(inner) => inner.holds(instance).map(|holds| !holds),
            Self::IsNull(property) => Some(*instance.get(property) == CimValue::Null),
            Self::Compare(property, comparison, literal) => Some(comparison.of(order(instance.get(property), literal)?)),
            Self::Like(property, pattern) => {
                let text: Vec<char> = instance.get(property).as_str()?.to_lowercase().chars().collect();
                let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
                Some(like(&text, &pattern))
            }
        }
    }
}

impl Comparison {
    fn of(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// How `value` stands to `literal`; `None` for NULL and for what cannot be compared.
fn order(value: &CimValue, literal: &Literal) -> Option<std::cmp::Ordering> {
    match (value, literal) {
        (CimValue::Datetime(CimDatetime::Instant(when)), Literal::Text(text)) => match CimDatetime::parse(text)? {
            CimDatetime::Instant(other) => Some(when.cmp(&other)),
            CimDatetime::Interval(_) => None,
        },
        (CimValue::Datetime(CimDatetime::Interval(length)), Literal::Text(text)) => match CimDatetime::parse(text)? {
            CimDatetime::Interval(other) => Some(length.cmp(&other)),
            CimDatetime::Instant(_) => None,
        },
        (CimValue::Boolean(value), Literal::Truth(other)) => Some(value.cmp(other)),
        (CimValue::Boolean(value), Literal::Number(other)) => Some(i128::from(*value).cmp(other)),
        (CimValue::Unsigned(value), Literal::Number(other)) => Some(i128::from(*value).cmp(other)),
        (CimValue::Signed(value), Literal::Number(other)) => Some(i128::from(*value).cmp(other)),
        (CimValue::Unsigned(_) | CimValue::Signed(_), Literal::Text(text)) => order(value, &Literal::Number(text.trim().parse().ok()?)),
        (CimValue::String(value), Literal::Number(other)) => Some(value.trim().parse::<i128>().ok()?.cmp(other)),
        (CimValue::String(value), Literal::Text(text)) => Some(value.to_lowercase().cmp(&text.to_lowercase())),
        _ => None,
    }
}

/// `%` any text, `_` any character, `[abc]` and `[a-c]` one of these, `[^…]` none of these.
fn like(text: &[char], pattern: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return text.is_empty() };
    match first {
        '%' => (0..=text.len()).any(|at| like(&text[at..], rest)),
        '_' => !text.is_empty() && like(&text[1..], rest),
        '[' => {
            let Some(end) = rest.iter().position(|c| *c == ']') else { return false };
            let Some((c, after)) = text.split_first() else { return false };
            let (negated, set) = match &rest[..end] {
                ['^', set @ ..] => (true, set),
                set => (false, set),
            };
            in_set(*c, set) != negated && like(after, &rest[end + 1..])
        }
        c => text.first() == Some(c) && like(&text[1..], rest),
    }
}

fn in_set(c: char, set: &[char]) -> bool {
    match set {
        [low, '-', high, rest @ ..] => (*low..=*high).contains(&c) || in_set(c, rest),
        [one, rest @ ..] => *one == c || in_set(c, rest),
        [] => false,
    }
}

type Tokens = Peekable<std::vec::IntoIter<Token>>;

fn keyword(tokens: &mut Tokens, word: &str) -> Option<()> {
    matches!(tokens.next()?, Token::Word(found) if found.eq_ignore_ascii_case(word)).then_some(())
}

fn is_next(tokens: &mut Tokens, word: &str) -> bool {
    matches!(tokens.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
}

/// Conditions in each other that are read: a query is ours or a person's, and none needs more.
const DEEPEST: usize = 32;

fn or(tokens: &mut Tokens, depth: usize) -> Option<Condition> {
    let mut all = vec![and(tokens, depth)?];
    while is_next(tokens, "OR") {
        tokens.next();
        all.push(and(tokens, depth)?);
    }
    Some(Condition::Or(all))
}

fn and(tokens: &mut Tokens, depth: usize) -> Option<Condition> {
    let mut all = vec![not(tokens, depth)?];
    while is_next(tokens, "AND") {
        tokens.next();
        all.push(not(tokens, depth)?);
    }
    Some(Condition::And(all))
}

fn not(tokens: &mut Tokens, depth: usize) -> Option<Condition> {
    if depth > DEEPEST {
        return None;
    }
    if is_next(tokens, "NOT") {
        tokens.next();
        return Some(Condition::Not(Box::new(not(tokens, depth + 1)?)));
    }
    if matches!(tokens.peek(), Some(Token::Symbol(symbol)) if symbol == "(") {
        tokens.next();
        let inner = or(tokens, depth + 1)?;
        return matches!(tokens.next()?, Token::Symbol(symbol) if symbol == ")").then_some(inner);
    }
    comparison(tokens)
}

fn comparison(tokens: &mut Tokens) -> Option<Condition> {
    let Token::Word(property) = tokens.next()? else { return None };
    if property.starts_with("__") || property.contains('.') {
        return None;
    }
    let comparison = match tokens.next()? {
        Token::Word(word) if word.eq_ignore_ascii_case("IS") => {
            let negated = is_next(tokens, "NOT");
            if negated {
                tokens.next();
            }
            keyword(tokens, "NULL")?;
            let is_null = Condition::IsNull(property);
            return Some(if negated { Condition::Not(Box::new(is_null)) } else { is_null });
        }
        Token::Word(word) if word.eq_ignore_ascii_case("LIKE") => {
            let Token::Text(pattern) = tokens.next()? else { return None };
            return Some(Condition::Like(property, pattern));
        }
        Token::Symbol(symbol) => match symbol.as_str() {
            "=" => Comparison::Equal,
            "!=" | "<>" => Comparison::Unequal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        },
        Token::Word(_) | Token::Text(_) => return None,
    };
    let literal = match tokens.next()? {
        Token::Text(text) => Literal::Text(text),
        Token::Word(word) if word.eq_ignore_ascii_case("TRUE") => Literal::Truth(true),
        Token::Word(word) if word.eq_ignore_ascii_case("FALSE") => Literal::Truth(false),
        Token::Word(word) => Literal::Number(word.parse().ok()?),
        Token::Symbol(_) => return None,
    };
    Some(Condition::Compare(property, comparison, literal))
}

fn tokens(wql: &str) -> Option<Vec<Token>> {
    let (mut all, mut chars) = (vec![], wql.chars().peekable());
    while let Some(c) = chars.next() {
        all.push(match c {
            c if c.is_whitespace() => continue,
            '\'' | '"' => Token::Text(quoted(&mut chars, c)?),
            '(' | ')' | '*' | ',' | '=' => Token::Symbol(c.to_string()),
            '!' | '<' | '>' => {
                let more = chars.next_if(|next| *next == '=' || (c == '<' && *next == '>'));
                Token::Symbol(std::iter::once(c).chain(more).collect())
            }
            c if c.is_alphanumeric() || matches!(c, '_' | '-') => {
                let mut word = String::from(c);
                while let Some(more) = chars.next_if(|next| next.is_alphanumeric() || matches!(next, '_' | '.')) {
                    word.push(more);
                }
                Token::Word(word)
            }
            _ => return None,
        });
    }
    Some(all)
}

/// Text up to its closing quote; a backslash escapes a quote or another backslash.
fn quoted(chars: &mut Peekable<Chars<'_>>, quote: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '\\' => match chars.next_if(|next| matches!(next, '\\' | '\'' | '"')) {
                Some(escaped) => text.push(escaped),
                None => text.push('\\'),
            },
            c if c == quote => return Some(text),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> CimInstance {
        CimInstance::new("Win32_Service")
            .with("Name", "Spooler")
            .with("ProcessId", 42_u32)
            .with("Started", true)
            .with("PathName", r"C:\Windows\spoolsv.exe")
            .with("InstallDate", CimValue::Null)
    }

    #[test]
    fn a_condition_is_judged_as_the_host_would() {
        for (condition, holds) in [
            ("Name = 'SPOOLER'", true),
            ("Name != 'x' AND ProcessId >= 42", true),
            ("(Name = 'x' OR Started = TRUE) AND NOT ProcessId <> 42", true),
            (r"PathName = 'C:\\Windows\\spoolsv.exe'", true),
            ("Name LIKE 'S%ool_r'", true),
            ("Name LIKE '[a-s]pooler'", true),
            ("Name LIKE '[^s]%'", false),
            ("InstallDate IS NULL", true),
            ("InstallDate IS NOT NULL", false),
            ("InstallDate = '20260101000000.000000+000'", false),
            ("InstallDate <> '20260101000000.000000+000'", false),
            ("NOT InstallDate = '20260101000000.000000+000'", false),
            ("ProcessId < 42", false),
        ] {
            let query = Query::parse(&format!("SELECT Name, ProcessId FROM Win32_Service WHERE {condition}")).expect(condition);
            assert_eq!(query.accepts(&service()), holds, "{condition}");
        }
    }

    #[test]
    fn what_is_not_understood_whole_is_not_understood() {
        for wql in [
            "",
            "ASSOCIATORS OF {Win32_Service.Name='x'}",
            "SELECT * FROM __InstanceModificationEvent",
            "SELECT * FROM X WHERE __SERVER = 'a'",
            "SELECT * FROM X WHERE A =",
            "SELECT * FROM X WHERE A = 'b",
            "SELECT * FROM X WHERE (A = 1",
            "SELECT * FROM X WITHIN 2",
            "SELECT * FROM X WHERE A ~ 1",
        ] {
            assert_eq!(Query::parse(wql), None, "{wql}");
        }
        let deep = format!("SELECT * FROM X WHERE {}A = 1", "NOT ".repeat(50));
        assert_eq!(Query::parse(&deep), None, "no depth without end");
    }
}
