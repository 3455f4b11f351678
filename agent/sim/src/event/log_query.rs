//! Queries of event logs: a `QueryList` of `Select` and `Suppress`, each with the part of XPath that event logs know.
//!
//! Guarantees: what is not understood is refused, never taken for true. Deliberately absent: `UserData`, `band`, and files.

use std::cmp::Ordering;

use jiff::Timestamp;
use wsman::xml::{Limits, Reader, XmlError};

use super::log::Record;
use crate::wql::Comparison;

/// How deep conditions may stand in each other.
const DEPTH: usize = 32;

/// A query is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event query is not valid: {0}")]
pub(crate) struct BadQuery(String);

impl From<XmlError> for BadQuery {
    fn from(error: XmlError) -> Self {
        Self(error.to_string())
    }
}

/// A list of queries.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct LogQuery {
    selects: Vec<(String, Test)>,
    suppresses: Vec<(String, Test)>,
}

/// What is asked of a record.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    Always,
    All(Vec<Test>),
    Any(Vec<Test>),
    Compare(Field, Comparison, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Provider,
    Id,
    Level,
    Channel,
    Computer,
    Number,
    Time,
    /// How long ago, in milliseconds.
    Age,
    Data(Option<String>),
}

impl LogQuery {
    /// Reads a `QueryList`.
    pub(crate) fn parse(text: &str) -> Result<Self, BadQuery> {
        let mut reader = Reader::new(text.trim(), Limits::default())?;
        let root = reader.root()?;
        if root.local() != "QueryList" {
            return Err(BadQuery("it is no QueryList".to_owned()));
        }
        let mut query = Self::default();
        while let Some(tag) = reader.child()? {
            let outer = reader.attribute(&tag, "", "Path")?.map(|path| path.into_owned());
            while let Some(tag) = reader.child()? {
                let path = reader.attribute(&tag, "", "Path")?.map(|path| path.into_owned()).or_else(|| outer.clone());
                let path = path.ok_or_else(|| BadQuery("a query names no log".to_owned()))?;
                let name = tag.local().to_owned();
                let test = Parser::of(&reader.text()?).whole()?;
                match name.as_str() {
                    "Select" => query.selects.push((path, test)),
                    "Suppress" => query.suppresses.push((path, test)),
                    _ => return Err(BadQuery(format!("`{name}` stands where a Select does"))),
                }
            }
        }
        if query.selects.is_empty() { Err(BadQuery("nothing is selected".to_owned())) } else { Ok(query) }
    }

    /// The logs that it reads.
    pub(crate) fn logs(&self) -> Vec<&str> {
        let mut logs: Vec<&str> = self.selects.iter().map(|(path, _)| path.as_str()).collect();
        logs.sort_unstable();
        logs.dedup();
        logs
    }

    /// Whether `record`, written on `computer`, is meant at `now`.
    pub(crate) fn holds(&self, record: &Record, computer: &str, now: Timestamp) -> bool {
        let any = |tests: &[(String, Test)]| {
            tests.iter().any(|(path, test)| path.eq_ignore_ascii_case(&record.log) && test.holds(record, computer, now))
        };
        any(&self.selects) && !any(&self.suppresses)
    }
}

impl Test {
    fn holds(&self, record: &Record, computer: &str, now: Timestamp) -> bool {
        match self {
            Self::Always => true,
            Self::All(parts) => parts.iter().all(|part| part.holds(record, computer, now)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(record, computer, now)),
            Self::Compare(field, comparison, wanted) => {
                let found: Vec<String> = match field {
                    Field::Provider => vec![record.provider.clone()],
                    Field::Id => vec![record.id.to_string()],
                    Field::Level => vec![record.level.number().to_string()],
                    Field::Channel => vec![record.log.clone()],
                    Field::Computer => vec![computer.to_owned()],
                    Field::Number => vec![record.number.to_string()],
                    Field::Time => vec![record.at.to_string()],
                    Field::Age => vec![now.duration_since(record.at).as_millis().to_string()],
                    Field::Data(name) => {
                        let named = |(own, _): &&(String, String)| name.as_ref().is_none_or(|name| own == name);
                        record.data.iter().filter(named).map(|(_, value)| value.clone()).collect()
                    }
                };
                found.iter().any(|found| comparison.holds(order(found, wanted)))
            }
        }
    }
}

/// How two texts stand: as numbers or times where both are.
fn order(found: &str, wanted: &str) -> Ordering {
    match (found.parse::<i128>(), wanted.parse::<i128>(), found.parse::<Timestamp>(), wanted.parse::<Timestamp>()) {
        (Ok(found), Ok(wanted), ..) => found.cmp(&wanted),
        (_, _, Ok(found), Ok(wanted)) => found.cmp(&wanted),
        _ => found.to_lowercase().cmp(&wanted.to_lowercase()),
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn of(text: &str) -> Self {
        Self { text: text.chars().collect(), at: 0, depth: 0 }
    }

    fn bad<T>(&self) -> Result<T, BadQuery> {
        let rest: String = self.text[self.at.min(self.text.len())..].iter().take(40).collect();
        Err(BadQuery(format!("`{rest}` is not understood")))
    }

    fn skip(&mut self) {
        while self.text.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn takes(&mut self, wanted: &str) -> bool {
        self.skip();
        let end = self.at + wanted.chars().count();
        let here = self.text.get(self.at..end).is_some_and(|chars| chars.iter().copied().eq(wanted.chars()));
        if here {
            self.at = end;
        }
        here
    }

    fn needs(&mut self, wanted: &str) -> Result<(), BadQuery> {
        if self.takes(wanted) { Ok(()) } else { self.bad() }
    }

    fn name(&mut self) -> String {
        self.skip();
        let from = self.at;
        while self.text.get(self.at).is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
            self.at += 1;
        }
        self.text[from..self.at].iter().collect()
    }

    /// `*`, `*[…]` or `Event[…]`.
    fn whole(mut self) -> Result<Test, BadQuery> {
        if !self.takes("*") && self.name() != "Event" {
            return self.bad();
        }
        let test = self.predicates(Self::section)?;
        self.skip();
        if self.at == self.text.len() { Ok(test) } else { self.bad() }
    }

    /// Any number of `[…]`, all of which must hold.
    fn predicates(&mut self, term: fn(&mut Self) -> Result<Test, BadQuery>) -> Result<Test, BadQuery> {
        let mut tests = Vec::new();
        while self.takes("[") {
            self.depth += 1;
            if self.depth > DEPTH {
                return self.bad();
            }
            tests.push(self.any(term)?);
            self.needs("]")?;
            self.depth -= 1;
        }
        Ok(if tests.is_empty() { Test::Always } else { Test::All(tests) })
    }

    fn any(&mut self, term: fn(&mut Self) -> Result<Test, BadQuery>) -> Result<Test, BadQuery> {
        let mut parts = vec![self.all(term)?];
        while self.takes_word("or") {
            parts.push(self.all(term)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Test::Any(parts) })
    }

    fn all(&mut self, term: fn(&mut Self) -> Result<Test, BadQuery>) -> Result<Test, BadQuery> {
        let mut parts = vec![self.one(term)?];
        while self.takes_word("and") {
            parts.push(self.one(term)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Test::All(parts) })
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let from = self.at;
        if self.name() == word {
            return true;
        }
        self.at = from;
        false
    }

    fn one(&mut self, term: fn(&mut Self) -> Result<Test, BadQuery>) -> Result<Test, BadQuery> {
        if !self.takes("(") {
            return term(self);
        }
        self.depth += 1;
        if self.depth > DEPTH {
            return self.bad();
        }
        let inner = self.any(term)?;
        self.depth -= 1;
        self.needs(")")?;
        Ok(inner)
    }

    /// `System[…]` or `EventData[…]`.
    fn section(&mut self) -> Result<Test, BadQuery> {
        match self.name().as_str() {
            "System" => self.predicates(Self::system),
            "EventData" => self.predicates(Self::data),
            _ => self.bad(),
        }
    }

    /// `EventID=1`, `Provider[@Name='x']`, `TimeCreated[timediff(@SystemTime) <= 1]` …
    fn system(&mut self) -> Result<Test, BadQuery> {
        let name = self.name();
        let field = match name.as_str() {
            "Provider" => return self.predicates(|parser| parser.attribute("Name", Field::Provider)),
            "TimeCreated" => return self.predicates(Self::time),
            "EventID" => Field::Id,
            "Level" => Field::Level,
            "Channel" => Field::Channel,
            "Computer" => Field::Computer,
            "EventRecordID" => Field::Number,
            _ => return self.bad(),
        };
        self.comparison(field)
    }

    fn attribute(&mut self, name: &str, field: Field) -> Result<Test, BadQuery> {
        self.needs("@")?;
        if self.name() == name { self.comparison(field) } else { self.bad() }
    }

    fn time(&mut self) -> Result<Test, BadQuery> {
        if self.takes_word("timediff") {
            self.needs("(")?;
            self.needs("@SystemTime")?;
            self.needs(")")?;
            return self.comparison(Field::Age);
        }
        self.attribute("SystemTime", Field::Time)
    }

    /// `Data='x'` or `Data[@Name='n']='x'`.
    fn data(&mut self) -> Result<Test, BadQuery> {
        if self.name() != "Data" {
            return self.bad();
        }
        let mut named = None;
        if self.takes("[") {
            self.needs("@Name")?;
            self.needs("=")?;
            named = Some(self.literal()?);
            self.needs("]")?;
        }
        self.comparison(Field::Data(named))
    }

    fn comparison(&mut self, field: Field) -> Result<Test, BadQuery> {
        let orders = [
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("=", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        match orders.into_iter().find(|(text, _)| self.takes(text)) {
            Some((_, order)) => Ok(Test::Compare(field, order, self.literal()?)),
            None => self.bad(),
        }
    }

    fn literal(&mut self) -> Result<String, BadQuery> {
        self.skip();
        let Some(quote) = self.text.get(self.at).copied().filter(|c| matches!(c, '\'' | '"')) else {
            let number = self.name();
            return if number.is_empty() { self.bad() } else { Ok(number) };
        };
        let from = self.at + 1;
        match self.text[from..].iter().position(|c| *c == quote) {
            Some(length) => {
                self.at = from + length + 1;
                Ok(self.text[from..from + length].iter().collect())
            }
            None => self.bad(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(xpath: &str, record: &Record) -> bool {
        let escaped = xpath.replace('<', "&lt;");
        let text = format!(r#"<QueryList><Query Id="0" Path="System"><Select Path="System">{escaped}</Select></Query></QueryList>"#);
        LogQuery::parse(&text).unwrap().holds(record, "HV01", Timestamp::from_second(100).unwrap())
    }

    #[test]
    fn the_usual_queries_are_understood() {
        let mut record = Record::information("System", "Service Control Manager", 7036, "x").with("param1", "WinRM");
        record.at = Timestamp::from_second(90).unwrap();
        for (xpath, expected) in [
            ("*", true),
            ("*[System[(Level=1 or Level=4) and Provider[@Name='service control manager']]]", true),
            ("*[System[EventID=1074]]", false),
            ("*[System[(EventID=1074) or (EventID=7036)]]", true),
            ("*[System[TimeCreated[timediff(@SystemTime) <= 10000]]]", true),
            ("*[System[TimeCreated[timediff(@SystemTime) <= 9999]]]", false),
            ("*[System[TimeCreated[@SystemTime>='1970-01-01T00:01:00.000Z']]]", true),
            ("*[EventData[Data[@Name='param1']='WinRM']]", true),
            ("Event[System[EventID!=7036]]", false),
        ] {
            assert_eq!(holds(xpath, &record), expected, "{xpath}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "<QueryList/>",
            "<Query/>",
            "<QueryList><Query><Select>*</Select></Query></QueryList>",
            "<QueryList><Query Path='System'><Select>*[System[band(Keywords, 1)]]</Select></Query></QueryList>",
            "<QueryList><Query Path='System'><Select>*[System[EventID=]]</Select></Query></QueryList>",
        ] {
            assert!(LogQuery::parse(text).is_err(), "{text}");
        }
    }
}
