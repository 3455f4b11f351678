//! The settings of a product by path, and how a written value becomes a typed one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::desired::SettingValue;
use crate::diagnostic::Code;
use crate::manifest::{
    Bounded, Decode, Decoder, Equality, Fault, Fqdn, Label, ProfileSpec, SettingClass, SettingSpec, SettingType, Subnet, Url, one_of,
    suggest,
};
use crate::names::{ComputerName, CredentialName, HostPath};
use crate::units::Span;
use crate::yaml::{Kind, Node};

/// Computer names of Windows (NetBIOS) are cut after this many characters.
pub(crate) const NETBIOS_LENGTH: usize = 15;

/// A product setting.
#[derive(Debug)]
pub struct Setting {
    /// Its dotted path.
    pub path: Arc<str>,
    /// The keys of the path.
    pub keys: Vec<Box<str>>,
    /// What the profile says about it.
    pub spec: SettingSpec,
}

/// All settings of a product, in the order of their paths.
#[derive(Debug, Default)]
pub struct SettingIndex {
    settings: Vec<Setting>,
    root: Branch,
}

/// What stands below a key: more keys, or a setting.
#[derive(Debug, Default)]
struct Branch {
    children: BTreeMap<Box<str>, Branch>,
    setting: Option<usize>,
}

impl SettingIndex {
    pub(super) fn new(spec: &ProfileSpec, faults: &mut Vec<Fault>) -> Self {
        let mut index = Self::default();
        for (path, setting) in &spec.settings {
            check_spec(path.as_str(), &setting.value, setting.origin, faults);
            let keys: Vec<Box<str>> = path.as_str().split('.').map(Box::from).collect();
            let mut branch = &mut index.root;
            for key in &keys {
                if branch.setting.is_some() {
                    let message = format!("a part of `{path}` is a setting itself");
                    faults.push(Fault::new(Code::ProfileInconsistent, setting.origin, message));
                }
                branch = branch.children.entry(key.clone()).or_default();
            }
            branch.setting = Some(index.settings.len());
            index.settings.push(Setting { path: path.as_str().into(), keys, spec: setting.value.clone() });
        }
        index
    }

    /// Every setting, by path.
    pub fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter()
    }

    /// Every path.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.settings.iter().map(|setting| &*setting.path)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.settings.len()
    }

    /// Whether the product has none.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty()
    }

    /// The place of the setting of that path in the order of `iter`.
    pub fn position(&self, path: &str) -> Option<usize> {
        self.settings.iter().position(|setting| &*setting.path == path)
    }

    /// The setting of that path.
    pub fn get(&self, path: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| &*setting.path == path)
    }

    /// Whether a path, which may go through lists and records (`gateways[].fqdn`), leads to something.
    pub fn knows(&self, path: &str) -> bool {
        let mut parts = path.split("[].");
        let Some(setting) = parts.next().and_then(|first| self.get(first.trim_end_matches("[]"))) else { return false };
        let mut spec = &setting.spec;
        for field in parts {
            match spec.fields.iter().find(|(name, _)| name.as_str() == field) {
                Some((_, next)) => spec = &next.value,
                None => return false,
            }
        }
        true
    }

    /// Reports every key below `settings` that the product does not have, and gives the places of the settings that are written.
    pub fn check_known(&self, written: Node<'_>, cx: &mut Decoder) -> Vec<usize> {
        let mut found = Vec::new();
        self.root.check_known(written, "", &mut found, cx);
        found
    }
}

impl Branch {
    fn check_known(&self, written: Node<'_>, prefix: &str, found: &mut Vec<usize>, cx: &mut Decoder) {
        for (key, value) in written.entries() {
            let name = key.text().unwrap_or_default();
            let path = || if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            match self.children.get(name) {
                Some(Self { setting: Some(setting), .. }) => found.push(*setting),
                Some(branch) => {
                    if matches!(value.kind(), Kind::Map) {
                        branch.check_known(value, &path(), found, cx);
                    } else {
                        cx.wrong_type(value, "a map of product settings");
                    }
                }
                None => {
                    let known = || self.children.keys().map(|key| &**key);
                    let fault = Fault::new(Code::UnknownSetting, cx.origin(key), format!("the product has no setting `{}`", path()));
                    cx.fault(Fault { hint: suggest(name, known()), ..fault.expected(one_of(known())) });
                }
            }
        }
    }
}

fn check_spec(path: &str, spec: &SettingSpec, origin: crate::manifest::Origin, faults: &mut Vec<Fault>) {
    let mut report = |message: String| faults.push(Fault::new(Code::ProfileInconsistent, origin, message));
    let kind = spec.r#type.value;
    if (kind == SettingType::Choice) == spec.of.is_empty() {
        report(format!("`{path}`: `of` goes with the type `choice`"));
    }
    if (kind == SettingType::Record) == spec.fields.is_empty() {
        report(format!("`{path}`: `fields` goes with the type `record`"));
    }
    if kind != SettingType::Integer && (spec.min.is_some() || spec.max.is_some()) {
        report(format!("`{path}`: `min` and `max` go with the type `integer`"));
    }
    let least = spec.min.as_ref().map_or(0, |min| min.value.get());
    if spec.max.as_ref().is_some_and(|max| max.value.get() < least) {
        report(format!("`{path}`: `max` is below `min`"));
    }
    for (name, field) in &spec.fields {
        check_spec(&format!("{path}.{name}"), &field.value, field.origin, faults);
    }
}

impl SettingSpec {
    /// Reads a written value.
    pub fn decode_value(&self, node: Node<'_>, cx: &mut Decoder) -> Option<SettingValue> {
        if !self.list.as_ref().is_some_and(|list| list.value) {
            return self.decode_one(node, cx);
        }
        if !matches!(node.kind(), Kind::Sequence) {
            cx.wrong_type(node, "a list");
            return None;
        }
        let before = cx.faults.len();
        let mut values: Vec<SettingValue> = Vec::new();
        for item in node.items() {
            let Some(value) = self.decode_one(item, cx) else { continue };
            if values.contains(&value) {
                cx.fault(
                    Fault::new(Code::DuplicateItem, cx.origin(item), "the list holds this item already").hint("remove one of the two"),
                );
            }
            values.push(value);
        }
        (cx.faults.len() == before).then_some(SettingValue::List(values))
    }

    fn decode_one(&self, node: Node<'_>, cx: &mut Decoder) -> Option<SettingValue> {
        let text = |text: &str| SettingValue::Text(text.to_owned());
        let value = match self.r#type.value {
            SettingType::Text => text(&TextValue::decode(node, cx)?.0),
            SettingType::Boolean => SettingValue::Boolean(bool::decode(node, cx)?),
            SettingType::Integer => SettingValue::Integer(self.decode_integer(node, cx)?),
            SettingType::Choice => text(self.decode_choice(node, cx)?),
            SettingType::ComputerName => text(decode_computer_name(node, cx)?.as_str()),
            SettingType::Fqdn => text(self.checked_domain(Fqdn::decode(node, cx)?.as_str(), node, cx)?),
            SettingType::Address => SettingValue::Text(IpAddr::decode(node, cx)?.to_string()),
            SettingType::Subnet => SettingValue::Text(Subnet::decode(node, cx)?.0.to_string()),
            SettingType::Url => text(Url::decode(node, cx)?.as_str()),
            SettingType::Duration => SettingValue::Text(Span::decode(node, cx)?.to_string()),
            SettingType::Pattern => SettingValue::Text(Pattern::decode(node, cx)?.0),
            SettingType::PortRange => SettingValue::Text(PortRange::decode(node, cx)?.0),
            SettingType::Path => text(HostPath::decode(node, cx)?.as_str()),
            SettingType::Credential => text(CredentialName::decode(node, cx)?.as_str()),
            SettingType::Record => self.decode_record(node, cx)?,
        };
        self.check_reserved(&value, node, cx).then_some(value)
    }

    fn decode_integer(&self, node: Node<'_>, cx: &mut Decoder) -> Option<i64> {
        let number = i64::from(Bounded::<0, { u32::MAX }>::decode(node, cx)?.get());
        let min = self.min.as_ref().map_or(0, |min| i64::from(min.value.get()));
        let max = self.max.as_ref().map_or(i64::from(u32::MAX), |max| i64::from(max.value.get()));
        if (min..=max).contains(&number) {
            return Some(number);
        }
        let fault = Fault::new(Code::OutOfRange, cx.origin(node), format!("{number} is out of range"));
        cx.fault(fault.expected(format!("a whole number from {min} to {max}")));
        None
    }

    fn decode_choice<'n>(&self, node: Node<'n>, cx: &mut Decoder) -> Option<&'n str> {
        let words = || self.of.iter().map(|word| word.value.as_str());
        match node.text().filter(|_| !node.is_null()) {
            Some(text) if words().any(|word| word == text) => Some(text),
            Some(text) => {
                let fault = Fault::new(Code::UnknownChoice, cx.origin(node), format!("`{text}` is not offered here"));
                let similar = words().find(|word| word.eq_ignore_ascii_case(text)).map(|word| format!("did you mean `{word}`?"));
                cx.fault(Fault { hint: similar.or_else(|| suggest(text, words())), ..fault.expected(one_of(words())) });
                None
            }
            None => {
                cx.wrong_type(node, one_of(words()));
                None
            }
        }
    }

    fn decode_record(&self, node: Node<'_>, cx: &mut Decoder) -> Option<SettingValue> {
        if !matches!(node.kind(), Kind::Map) {
            cx.wrong_type(node, "a map");
            return None;
        }
        let before = cx.faults.len();
        let names: Vec<&str> = self.fields.keys().map(Label::as_str).collect();
        for (key, _) in node.entries().filter(|(key, _)| !names.contains(&key.text().unwrap_or_default())) {
            cx.unknown_key(key, &names);
        }
        let mut parts = BTreeMap::new();
        for (name, field) in &self.fields {
            match node.get(name.as_str()) {
                Some(value) => parts.extend(field.value.decode_value(value, cx).map(|value| (name.as_str().to_owned(), value))),
                None if field.value.required.as_ref().is_some_and(|required| required.value) => {
                    let fault = Fault::new(Code::MissingKey, cx.origin(node), format!("the key `{name}` is missing"));
                    cx.fault(fault.expected(format!("`{name}` in this map")));
                }
                None => {}
            }
        }
        (cx.faults.len() == before).then_some(SettingValue::Map(parts))
    }

    fn checked_domain<'n>(&self, _: &str, node: Node<'n>, cx: &mut Decoder) -> Option<&'n str> {
        let text = node.text()?;
        let below =
            |domain: &str| text.len() > domain.len() && text.to_ascii_lowercase().ends_with(&format!(".{}", domain.to_ascii_lowercase()));
        match self.forbidden_under.iter().find(|domain| below(domain.value.as_str()) || domain.value.as_str().eq_ignore_ascii_case(text)) {
            None => Some(text),
            Some(domain) => {
                let fault = Fault::new(Code::ForbiddenDomain, cx.origin(node), format!("`{text}` lies below `{}`", domain.value));
                cx.fault(fault.hint("use a domain of your own"));
                None
            }
        }
    }

    fn check_reserved(&self, value: &SettingValue, node: Node<'_>, cx: &mut Decoder) -> bool {
        let SettingValue::Text(text) = value else { return true };
        if !self.reserved.iter().any(|word| word.value.as_str().eq_ignore_ascii_case(text)) {
            return true;
        }
        let fault = Fault::new(Code::ReservedValue, cx.origin(node), format!("`{text}` is reserved"));
        cx.fault(fault.hint("choose another name"));
        false
    }

    /// Whether it can be stated by an appliance.
    pub fn is_site_only(&self) -> bool {
        self.within_site.as_ref().is_some_and(|rule| rule.value == Equality::Equal)
    }

    /// What a change of it takes.
    pub fn class(&self) -> SettingClass {
        self.change.as_ref().map_or(SettingClass::Drain, |class| class.value)
    }
}

fn decode_computer_name(node: Node<'_>, cx: &mut Decoder) -> Option<ComputerName> {
    let name = ComputerName::decode(node, cx)?;
    if name.as_str().len() > NETBIOS_LENGTH {
        cx.fault(name_too_long(cx.origin(node), name.as_str()));
        return None;
    }
    Some(name)
}

/// The fault of a computer name that Windows would cut.
pub(crate) fn name_too_long(origin: crate::manifest::Origin, name: &str) -> Fault {
    let message = format!("`{name}` has {} characters, Windows keeps {NETBIOS_LENGTH}", name.len());
    Fault::new(Code::NameTooLong, origin, message).expected(format!("at most {NETBIOS_LENGTH} characters"))
}

/// Text, which may be empty when it is quoted.
struct TextValue(String);

impl crate::manifest::Scalar for TextValue {
    const EXPECTED: &'static str = "text";
    const CODE: Code = Code::WrongType;

    fn read(text: &str) -> Result<Self, String> {
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err("the text holds a control character".into());
        }
        Ok(Self(text.to_owned()))
    }
}

struct Pattern(String);

impl crate::manifest::Scalar for Pattern {
    const EXPECTED: &'static str = "a regular expression";
    const CODE: Code = Code::BadPattern;
    const FORM: crate::manifest::Form = crate::manifest::Form::Word;

    fn read(text: &str) -> Result<Self, String> {
        regex_lite::Regex::new(text)
            .map(|_| Self(text.to_owned()))
            .map_err(|error| format!("`{text}` is not a regular expression: {error}"))
    }
}

struct PortRange(String);

impl crate::manifest::Scalar for PortRange {
    const EXPECTED: &'static str = "two port numbers such as `49152-57500`";
    const CODE: Code = Code::OutOfRange;
    const FORM: crate::manifest::Form = crate::manifest::Form::Word;

    fn read(text: &str) -> Result<Self, String> {
        let ports = text.split_once('-').and_then(|(first, last)| Some((first.parse::<u16>().ok()?, last.parse::<u16>().ok()?)));
        match ports {
            Some((first, last)) if first > 0 && first < last => Ok(Self(text.to_owned())),
            _ => Err(format!("`{text}` is not a range of ports")),
        }
    }
}
