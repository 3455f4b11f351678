//! Reads tokens into a statement.
//!
//! Guarantees: nesting and the number of terms are bounded, so that neither parsing nor evaluation can exhaust the stack or the hour.

use std::time::Duration;

use wsman::cim::Name;

use super::Like;
use super::statement::{Columns, Comparison, Condition, Literal, Operand, Property, Query, Related, Select};
use super::token::{Placed, Token, WqlError, tokens};

/// How deep parentheses and `NOT` may nest.
const MAX_DEPTH: usize = 64;
/// How many comparisons a statement may hold.
const MAX_TERMS: usize = 1024;
/// How many steps a property path may have, and columns a projection.
const MAX_NAMES: usize = 512;

/// Parses one statement.
///
/// # Errors
/// `WqlError` with the position of the first fault.
pub fn parse(text: &str) -> Result<Query, WqlError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0, terms: 0 };
    let query = parser.statement()?;
    match parser.token() {
        Token::End => Ok(query),
        _ => parser.fail("the statement should end here"),
    }
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
    terms: usize,
}

type Parsed<T> = Result<T, WqlError>;

impl Parser {
    fn token(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |placed| &placed.token)
    }

    fn fail<T>(&self, fault: &'static str) -> Parsed<T> {
        let position = self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |placed| placed.position);
        Err(WqlError { position, fault })
    }

    fn is_word(&self, keyword: &str) -> bool {
        matches!(self.token(), Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// Takes `keyword` when it stands here.
    fn take_word(&mut self, keyword: &str) -> bool {
        let here = self.is_word(keyword);
        self.at += usize::from(here);
        here
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let here = matches!(self.token(), Token::Sign(own) if *own == sign);
        self.at += usize::from(here);
        here
    }

    fn need_word(&mut self, keyword: &str, fault: &'static str) -> Parsed<()> {
        if self.take_word(keyword) { Ok(()) } else { self.fail(fault) }
    }

    fn name(&mut self, fault: &'static str) -> Parsed<Name> {
        match self.token() {
            Token::Word(word) => {
                let name = Name::from(word.as_str());
                self.at += 1;
                Ok(name)
            }
            _ => self.fail(fault),
        }
    }

    fn statement(&mut self) -> Parsed<Query> {
        if self.take_word("select") {
            return self.select();
        }
        let references = self.is_word("references");
        if !(self.take_word("associators") || self.take_word("references")) {
            return self.fail("expected SELECT, ASSOCIATORS OF or REFERENCES OF");
        }
        self.need_word("of", "expected OF")?;
        let Token::Path(path) = self.token() else { return self.fail("expected an object path in braces") };
        let mut related = Related { path: path.clone(), ..Related::default() };
        self.at += 1;
        if self.take_word("where") {
            self.relation(&mut related, references)?;
        }
        Ok(if references { Query::References(related) } else { Query::Associators(related) })
    }

    /// The clauses of `ASSOCIATORS OF` stand side by side, without AND.
    fn relation(&mut self, related: &mut Related, references: bool) -> Parsed<()> {
        let first = self.at;
        while let Token::Word(word) = self.token() {
            let clause = word.to_ascii_lowercase();
            self.at += 1;
            match clause.as_str() {
                "classdefsonly" | "schemaonly" => related.class_definitions = true,
                "keysonly" => related.keys_only = true,
                "assocclass" if !references => self.clause(&mut related.assoc_class)?,
                "resultclass" => self.clause(&mut related.result_class)?,
                "role" => self.clause(&mut related.role)?,
                "resultrole" if !references => self.clause(&mut related.result_role)?,
                "requiredqualifier" => self.clause(&mut related.required_qualifier)?,
                "requiredassocqualifier" if !references => self.clause(&mut related.required_qualifier)?,
                _ => {
                    self.at -= 1;
                    return self.fail("no such clause here");
                }
            }
        }
        if self.at == first { self.fail("expected a clause after WHERE") } else { Ok(()) }
    }

    fn clause(&mut self, slot: &mut Option<Name>) -> Parsed<()> {
        if slot.is_some() {
            return self.fail("this clause was given already");
        }
        if !self.take_sign("=") {
            return self.fail("expected =");
        }
        *slot = Some(self.name("expected a name")?);
        Ok(())
    }

    fn select(&mut self) -> Parsed<Query> {
        let columns = if self.take_sign("*") { Columns::All } else { self.columns()? };
        self.need_word("from", "expected FROM")?;
        let class = self.name("expected a class name")?;
        let within = if self.take_word("within") { Some(self.interval()?) } else { None };
        let filter = if self.take_word("where") { Some(self.any()?) } else { None };
        // Event classes are the only system classes whose instances are not stored.
        let event = within.is_some() || (class.as_str().starts_with("__") && class.as_str().to_ascii_lowercase().ends_with("event"));
        let select = Select { columns, class, within, filter };
        Ok(if event { Query::Event(select) } else { Query::Select(select) })
    }

    fn columns(&mut self) -> Parsed<Columns> {
        let mut names = Vec::new();
        loop {
            names.push(self.name("expected * or a property name")?);
            if names.len() > MAX_NAMES {
                return self.fail("too many properties");
            }
            if !self.take_sign(",") {
                return Ok(Columns::Named(names));
            }
        }
    }

    fn interval(&mut self) -> Parsed<Duration> {
        let seconds = match self.token() {
            Token::Integer(n) => u32::try_from(*n).ok().map(|n| Duration::from_secs(n.into())),
            Token::Real(n) if *n > 0.0 => Duration::try_from_secs_f64(*n).ok(),
            _ => None,
        };
        match seconds {
            Some(seconds) => {
                self.at += 1;
                Ok(seconds)
            }
            None => self.fail("expected a number of seconds"),
        }
    }

    fn any(&mut self) -> Parsed<Condition> {
        self.chain("or", Self::all, Condition::Any)
    }

    fn all(&mut self) -> Parsed<Condition> {
        self.chain("and", Self::not, Condition::All)
    }

    fn chain(&mut self, joint: &str, part: fn(&mut Self) -> Parsed<Condition>, join: fn(Vec<Condition>) -> Condition) -> Parsed<Condition> {
        let first = part(self)?;
        if !self.is_word(joint) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_word(joint) {
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    fn not(&mut self) -> Parsed<Condition> {
        if self.take_word("not") {
            return self.deeper(|parser| Ok(Condition::Not(Box::new(parser.not()?))));
        }
        if self.take_sign("(") {
            let inner = self.deeper(Self::any)?;
            return if self.take_sign(")") { Ok(inner) } else { self.fail("expected )") };
        }
        self.term()
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Parsed<Condition>) -> Parsed<Condition> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("nested too deeply");
        }
        let inner = read(self)?;
        self.depth -= 1;
        Ok(inner)
    }

    fn term(&mut self) -> Parsed<Condition> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return self.fail("too many conditions");
        }
        let left = self.operand()?;
        let Operand::Property(property) = left else { return self.compare(left) };
        if self.take_word("is") {
            let negated = self.take_word("not");
            self.need_word("null", "expected NULL")?;
            let is_null = Condition::IsNull(property);
            return Ok(if negated { Condition::Not(Box::new(is_null)) } else { is_null });
        }
        if self.take_word("isa") {
            let class = match self.token() {
                Token::Text(class) | Token::Word(class) => Name::from(class.as_str()),
                _ => return self.fail("expected a class name"),
            };
            self.at += 1;
            return Ok(Condition::Isa { property, class });
        }
        let negated = self.is_word("not");
        if negated {
            self.at += 1;
        }
        if self.take_word("like") {
            let Token::Text(pattern) = self.token() else { return self.fail("expected a pattern") };
            let Some(pattern) = Like::new(pattern) else { return self.fail("the pattern has an unclosed or empty set") };
            self.at += 1;
            let like = Condition::Like { property, pattern };
            return Ok(if negated { Condition::Not(Box::new(like)) } else { like });
        }
        if negated {
            return self.fail("expected LIKE");
        }
        self.compare(Operand::Property(property))
    }

    fn compare(&mut self, left: Operand) -> Parsed<Condition> {
        let comparison = match self.token() {
            Token::Sign("=") => Comparison::Equal,
            Token::Sign("!=" | "<>") => Comparison::NotEqual,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            _ => return self.fail("expected a comparison"),
        };
        self.at += 1;
        let right = self.operand()?;
        if matches!((&left, &right), (Operand::Literal(_), Operand::Literal(_))) {
            return self.fail("a comparison needs a property");
        }
        Ok(Condition::Compare { left, comparison, right })
    }

    fn operand(&mut self) -> Parsed<Operand> {
        let literal = match self.token() {
            Token::Text(text) => Literal::Text(text.clone()),
            Token::Integer(n) => Literal::Integer(*n),
            Token::Real(n) => Literal::Real(*n),
            Token::Word(word) if word.eq_ignore_ascii_case("null") => Literal::Null,
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Literal::Boolean(true),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Literal::Boolean(false),
            Token::Word(_) => return self.property().map(Operand::Property),
            _ => return self.fail("expected a property or a value"),
        };
        self.at += 1;
        Ok(Operand::Literal(literal))
    }

    fn property(&mut self) -> Parsed<Property> {
        let mut steps = vec![self.name("expected a property name")?];
        while self.take_sign(".") {
            steps.push(self.name("expected a property name")?);
            if steps.len() > MAX_NAMES {
                return self.fail("too many steps");
            }
        }
        Ok(Property(steps))
    }
}
