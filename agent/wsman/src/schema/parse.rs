//! Reads the two texts of the table.
//!
//! Both have one fact per line; `#` begins a remark. `classes.txt`:
//!
//! ```text
//! class NAMESPACE NAME < SUPERCLASS < …
//!   TYPE[] NAME NAME …                    properties of one type
//!   method NAME(in TYPE[] NAME, out …)
//! ```
//!
//! `overlay.txt` has the same, and besides:
//!
//! ```text
//! enum NAME TYPE                          the width of an enumeration
//! base NAMESPACE|* CLASS                  the lines below are true of every class that is CLASS or derives from it
//!   key NAME NAME …
//!   static NAME NAME …                    methods that are called on the class
//!   inherit                               takes the properties and methods of the first superclass in the table
//! ```
//!
//! A later statement about a property or method replaces an earlier one. A line that cannot be read states nothing; a test proves
//! that there is none.

use std::collections::BTreeMap;

use super::class::{Class, Declared, Direction, Method, Parameter, Property};
use crate::cim::CimType;

const CLASSES: &str = include_str!("../../schema/classes.txt");
const OVERLAY: &str = include_str!("../../schema/overlay.txt");

/// The table as it is compiled in.
pub(super) fn compiled_in() -> Vec<Class> {
    parse(CLASSES, OVERLAY).0
}

/// The classes, and the lines that could not be read.
fn parse(classes: &'static str, overlay: &'static str) -> (Vec<Class>, Vec<String>) {
    let mut reader = Reader::default();
    // Widths of enumerations come first, since the class texts use them.
    for line in overlay.lines() {
        if let Some(("enum", rest)) = words(line)
            && let Some((name, width)) = rest.split_once(' ')
        {
            reader.enums.insert(name, cim_type(width.trim()));
        }
    }
    for text in [classes, overlay] {
        reader.target = Target::Nowhere;
        for line in text.lines() {
            let Some((word, rest)) = words(line) else { continue };
            if reader.line(word, rest).is_none() {
                reader.unread.push(line.to_owned());
            }
        }
    }
    (reader.classes, reader.unread)
}

/// The first word of a line and the rest, without remark.
fn words(line: &str) -> Option<(&str, &str)> {
    let fact = line.split('#').next().unwrap_or_default().trim();
    let (word, rest) = fact.split_once(' ').unwrap_or((fact, ""));
    (!word.is_empty()).then(|| (word, rest.trim()))
}

#[derive(Default)]
enum Target {
    #[default]
    Nowhere,
    Class(usize),
    Base(&'static str, &'static str),
}

#[derive(Default)]
struct Reader {
    enums: BTreeMap<&'static str, Option<CimType>>,
    classes: Vec<Class>,
    target: Target,
    unread: Vec<String>,
}

impl Reader {
    fn line(&mut self, word: &'static str, rest: &'static str) -> Option<()> {
        match word {
            "enum" => return rest.split_once(' ').and_then(|(_, width)| cim_type(width.trim())).map(drop),
            "class" => {
                let mut names = rest.split('<').map(str::trim);
                let (namespace, name) = names.next()?.split_once(' ')?;
                let (chain, known) = (names.collect::<Vec<_>>(), self.find(namespace, name));
                let at = known.unwrap_or_else(|| {
                    self.classes.push(Class { namespace, name, chain: vec![], properties: vec![], methods: vec![] });
                    self.classes.len() - 1
                });
                if !chain.is_empty() {
                    self.classes[at].chain = chain;
                }
                self.target = Target::Class(at);
                return Some(());
            }
            "base" => {
                let (namespace, base) = rest.split_once(' ')?;
                self.target = Target::Base(namespace, base.trim());
                return Some(());
            }
            _ => {}
        }
        let targets: Vec<usize> = match self.target {
            Target::Nowhere => return None,
            Target::Class(at) => vec![at],
            Target::Base(namespace, base) => {
                let stands_in = |class: &Class| (namespace == "*" || class.namespace == namespace) && class.is_a(base);
                (0..self.classes.len()).filter(|at| stands_in(&self.classes[*at])).collect()
            }
        };
        match word {
            "key" => targets.iter().try_for_each(|at| rest.split(' ').try_for_each(|name| self.key(*at, name))),
            "static" => targets.iter().try_for_each(|at| rest.split(' ').try_for_each(|name| self.make_static(*at, name))),
            "inherit" => targets.iter().try_for_each(|at| self.inherit(*at)),
            "method" => {
                let method = self.method(rest)?;
                targets.iter().for_each(|at| set_method(&mut self.classes[*at], method.clone()));
                Some(())
            }
            kind => {
                let declared = self.declared(kind)?;
                for name in rest.split(' ').filter(|n| !n.is_empty()) {
                    targets.iter().for_each(|at| set_property(&mut self.classes[*at], name, declared));
                }
                Some(())
            }
        }
    }

    fn find(&self, namespace: &str, name: &str) -> Option<usize> {
        self.classes.iter().position(|c| c.name.eq_ignore_ascii_case(name) && c.namespace.eq_ignore_ascii_case(namespace))
    }

    fn key(&mut self, at: usize, name: &'static str) -> Option<()> {
        let class = &mut self.classes[at];
        let found = class.position(name).ok()?;
        class.properties[found].key = true;
        Some(())
    }

    fn make_static(&mut self, at: usize, name: &str) -> Option<()> {
        let method = self.classes[at].methods.iter_mut().find(|m| m.name == name)?;
        method.is_static = true;
        Some(())
    }

    fn inherit(&mut self, at: usize) -> Option<()> {
        let (namespace, chain) = (self.classes[at].namespace, self.classes[at].chain.clone());
        let parent = chain.iter().find_map(|name| self.find(namespace, name))?;
        let parent = self.classes[parent].clone();
        let class = &mut self.classes[at];
        class.properties = parent.properties;
        class.methods = parent.methods;
        for name in parent.chain {
            if !class.chain.contains(&name) {
                class.chain.push(name);
            }
        }
        Some(())
    }

    /// `NAME(in TYPE NAME, out TYPE[] NAME)`.
    fn method(&self, text: &'static str) -> Option<Method> {
        let (name, rest) = text.split_once('(')?;
        let inside = rest.strip_suffix(')')?;
        let mut parameters = vec![];
        for parameter in inside.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let mut words = parameter.split(' ');
            let direction = match words.next()? {
                "in" => Direction::In,
                "out" => Direction::Out,
                _ => return None,
            };
            let declared = self.declared(words.next()?)?;
            parameters.push(Parameter { name: words.next()?, declared, direction });
        }
        Some(Method { name, parameters, is_static: false })
    }

    /// `uint16`, `string[]`, `enum:NAME`, `ref:CLASS`, `object:CLASS[]`, `embedded:CLASS`.
    fn declared(&self, text: &'static str) -> Option<Declared> {
        let (text, array) = match text.strip_suffix("[]") {
            Some(element) => (element, true),
            None => (text, false),
        };
        let (kind, class) = match text.split_once(':') {
            Some((kind, class)) => (kind, Some(class)),
            None => (text, None),
        };
        Some(match kind {
            "enum" => Declared { cim: self.enums.get(class?).copied().flatten(), array, class: None },
            kind => Declared { cim: Some(cim_type(kind)?), array, class },
        })
    }
}

fn set_property(class: &mut Class, name: &'static str, declared: Declared) {
    match class.position(name) {
        Ok(at) => class.properties[at].declared = declared,
        Err(at) => class.properties.insert(at, Property { name, declared, key: false }),
    }
}

fn set_method(class: &mut Class, method: Method) {
    match class.methods.iter_mut().find(|m| m.name == method.name) {
        Some(known) => *known = method,
        None => class.methods.push(method),
    }
}

fn cim_type(text: &str) -> Option<CimType> {
    Some(match text {
        "boolean" => CimType::Boolean,
        "uint8" => CimType::Uint8,
        "sint8" => CimType::Sint8,
        "uint16" => CimType::Uint16,
        "sint16" => CimType::Sint16,
        "uint32" => CimType::Uint32,
        "sint32" => CimType::Sint32,
        "uint64" => CimType::Uint64,
        "sint64" => CimType::Sint64,
        "real32" => CimType::Real32,
        "real64" => CimType::Real64,
        "char16" => CimType::Char16,
        "string" => CimType::String,
        "datetime" => CimType::Datetime,
        "ref" => CimType::Reference,
        "object" => CimType::Object,
        "embedded" => CimType::EmbeddedInstance,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_both_texts_states_something() {
        assert_eq!(parse(CLASSES, OVERLAY).1, Vec::<String>::new());
    }

    #[test]
    fn every_enumeration_has_a_width_and_every_overlay_fact_a_source() {
        for line in CLASSES.lines().flat_map(|l| l.split([' ', '('])).filter_map(|w| w.strip_prefix("enum:")) {
            let name = line.trim_end_matches("[]");
            let stated = OVERLAY.lines().any(|l| l.starts_with(&format!("enum {name} ")));
            assert!(stated, "{name} has no width");
        }
        for line in OVERLAY.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')) {
            assert!(line.split_once('#').is_some_and(|(_, source)| !source.trim().is_empty()), "no source: {line}");
        }
    }
}
