//! Product settings of an appliance, typed by the profile.
//!
//! Guarantees: a value that must be equal within a site is taken from the Site (or Defaults or the profile) only; every fault of
//! every layer is reported; values that several appliances share are made once (`SettingValues` is behind an `Arc`, and what an
//! appliance does not state itself it takes typed from what its site comes to).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::address::{Fact, FactKey, Owner};
use super::library::{Library, compact};
use crate::desired::SettingValue;
use crate::diagnostic::Code;
use crate::manifest::{
    Decoder, DiffersRule, Equality, Fault, Origin, RawValue, RequiresRule, SettingClass, SettingType, Spanned, Version, compare_versions,
};
use crate::profile::{Profile, Setting};
use crate::yaml::Node;

/// The settings of an appliance.
#[derive(Debug, Default)]
pub(crate) struct SettingValues {
    /// By path.
    pub(crate) values: Arc<BTreeMap<Arc<str>, SettingValue>>,
    /// Where each was written, by the setting's place in the profile.
    origins: Vec<Option<RawValue>>,
    /// What is wrong with them.
    pub(crate) faults: Vec<Fault>,
    /// What must be unique.
    pub(crate) claims: Vec<Fact>,
    /// Digest of what needs a new instance when it changes.
    pub(crate) rebuild: [u8; 8],
}

/// What settings are resolved with.
pub(crate) struct SettingsContext<'a> {
    pub(crate) library: &'a Library,
    pub(crate) profile: &'a Profile,
    pub(crate) version: &'a Version,
    /// Where missing settings are reported.
    pub(crate) origin: Origin,
}

/// A setting that an appliance states itself and must not.
fn site_only(setting: &Setting, origin: Origin) -> Fault {
    let fault = Fault::new(Code::SiteOnly, origin, format!("`{}` must be equal within the site", setting.path));
    fault.hint("write it in the Site")
}

/// What is written below `settings`, nearest first.
#[derive(Clone, Copy)]
pub(crate) struct SettingLayers<'a> {
    /// By the appliance.
    pub(crate) own: Option<RawValue>,
    /// By its site and the Defaults that pick it.
    pub(crate) further: &'a [RawValue],
}

impl SettingLayers<'_> {
    fn iter(&self) -> impl Iterator<Item = RawValue> {
        self.own.into_iter().chain(self.further.iter().copied())
    }
}

impl SettingValues {
    /// Where each value was written, with its path.
    pub(crate) fn written<'a>(&'a self, profile: &'a Profile) -> impl Iterator<Item = (&'a Setting, RawValue)> {
        profile.settings.iter().zip(&self.origins).filter_map(|(setting, raw)| Some((setting, (*raw)?)))
    }

    /// What must be equal across sites: path, value, place.
    pub(crate) fn equal_across(&self, profile: &Profile, library: &Library) -> Vec<(Arc<str>, String, Origin)> {
        let equal = self.written(profile).filter(|(setting, _)| is(setting.spec.across_sites.as_ref(), Equality::Equal));
        let told = |(setting, raw): (&Setting, RawValue)| {
            let node = library.node(raw);
            (setting.path.clone(), compact(node), Origin { file: raw.file, span: node.span() })
        };
        equal.map(told).collect()
    }
}

/// What settings come to by site and Defaults alone, and with the own settings of the appliances so far: those of one site often state
/// the same.
#[derive(Debug)]
pub(crate) struct Inherited {
    settings: SettingValues,
    overlaid: RefCell<Vec<Overlaid>>,
}

/// What some own values come to when they are laid over the inherited ones.
#[derive(Debug)]
struct Overlaid {
    own: OwnValues,
    values: Arc<BTreeMap<Arc<str>, SettingValue>>,
    rebuild: [u8; 8],
}

/// Values that an appliance states itself, by path, in the order of the profile; none where what is written is faulty.
type OwnValues = Vec<(Arc<str>, Option<SettingValue>)>;

/// Different own values that are kept; more would be searched for longer than they save.
const OVERLAID: usize = 8;

impl Inherited {
    /// What the layers without an appliance's own come to. Nothing where that is faulty; what is missing may be stated by the appliance.
    pub(crate) fn new(further: &[RawValue], cx: &SettingsContext<'_>) -> Option<Self> {
        let settings = resolve_settings(SettingLayers { own: None, further }, cx);
        let sound = settings.faults.iter().all(|fault| fault.code == Code::SettingMissing);
        sound.then(|| Self { settings, overlaid: RefCell::default() })
    }

    /// The settings of an appliance that states some of them itself; `further` as they were.
    pub(crate) fn with(&self, own: RawValue, further: &[RawValue], cx: &SettingsContext<'_>) -> SettingValues {
        let mut result = SettingValues { origins: self.settings.origins.clone(), ..SettingValues::default() };
        let mut stated = vec![false; cx.profile.settings.len()];
        check_known(own, cx, &mut stated, &mut result.faults);
        let readable = is_readable(&result.faults);
        let lacks_some = !self.settings.faults.is_empty();
        let (mut values, mut rebuilds) = (Vec::with_capacity(stated.iter().filter(|stated| **stated).count()), false);
        for (index, setting) in cx.profile.settings.iter().enumerate() {
            if stated[index] || lacks_some && self.settings.origins[index].is_none() {
                let (raw, value) = resolve_one(setting, SettingLayers { own: Some(own), further }, cx, &mut result.faults);
                result.origins[index] = raw;
                values.push((setting.path.clone(), value));
                rebuilds |= is_rebuild(setting);
            }
        }
        (result.values, result.rebuild) = self.overlay(values, rebuilds.then_some(cx.profile));
        finish(&mut result, &stated, readable, cx);
        result
    }

    /// The values with the `own` ones among them, and their digest, which is worked out again if own ones count for it.
    fn overlay(&self, own: OwnValues, rebuilt: Option<&Profile>) -> (Arc<BTreeMap<Arc<str>, SettingValue>>, [u8; 8]) {
        let mut overlaid = self.overlaid.borrow_mut();
        if let Some(known) = overlaid.iter().find(|known| known.own == own) {
            return (known.values.clone(), known.rebuild);
        }
        let mut values = (*self.settings.values).clone();
        for (path, value) in &own {
            match value {
                Some(value) => values.insert(path.clone(), value.clone()),
                None => values.remove(path),
            };
        }
        let rebuild = rebuilt.map_or(self.settings.rebuild, |profile| rebuild_digest(profile, &values));
        let values = Arc::new(values);
        if overlaid.len() < OVERLAID {
            overlaid.push(Overlaid { own, values: values.clone(), rebuild });
        }
        (values, rebuild)
    }
}

/// Types every setting of the profile from the layers.
pub(crate) fn resolve_settings(layers: SettingLayers<'_>, cx: &SettingsContext<'_>) -> SettingValues {
    let mut result = SettingValues::default();
    let mut stated = vec![true; cx.profile.settings.len()];
    layers.iter().for_each(|raw| check_known(raw, cx, &mut stated, &mut result.faults));
    let readable = is_readable(&result.faults);
    let mut values = Vec::with_capacity(cx.profile.settings.len());
    for setting in cx.profile.settings.iter() {
        let (raw, value) = resolve_one(setting, layers, cx, &mut result.faults);
        result.origins.push(raw);
        values.extend(value.map(|value| (setting.path.clone(), value)));
    }
    result.values = Arc::new(values.into_iter().collect());
    result.rebuild = rebuild_digest(cx.profile, &result.values);
    finish(&mut result, &stated, readable, cx);
    result
}

/// Notes which settings a layer states, and what it states that the profile does not know.
fn check_known(raw: RawValue, cx: &SettingsContext<'_>, stated: &mut [bool], faults: &mut Vec<Fault>) {
    let mut decoder = Decoder::new(raw.file);
    for index in cx.profile.settings.check_known(cx.library.node(raw), &mut decoder) {
        stated[index] = true;
    }
    faults.append(&mut decoder.faults);
}

/// Whether every group of settings could be read; what stands below one that cannot be may be there.
fn is_readable(faults: &[Fault]) -> bool {
    !faults.iter().any(|fault| matches!(fault.code, Code::WrongType | Code::EmptyValue))
}

/// The rules that speak of what is `stated`, and the claims.
fn finish(result: &mut SettingValues, stated: &[bool], readable: bool, cx: &SettingsContext<'_>) {
    if !readable {
        result.faults.retain(|fault| fault.code != Code::SettingMissing);
    }
    check_rules(cx, stated, result);
    claims(cx, result);
}

fn is_rebuild(setting: &Setting) -> bool {
    matches!(setting.spec.class(), SettingClass::Rebuild | SettingClass::Identity)
}

/// Digest of what needs a new instance when it changes.
fn rebuild_digest(profile: &Profile, values: &BTreeMap<Arc<str>, SettingValue>) -> [u8; 8] {
    let mut digest = Sha256::new();
    for setting in profile.settings.iter().filter(|setting| is_rebuild(setting)) {
        let Some(value) = values.get(&setting.path) else { continue };
        digest.update(setting.path.as_bytes());
        digest.update(serde_json::to_string(value).unwrap_or_default().as_bytes());
    }
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = digest.finalize().into();
    [a, b, c, d, e, f, g, h]
}

/// Where a setting is written and what that means; a value that cannot be read has a place and no meaning.
fn resolve_one(
    setting: &Setting,
    layers: SettingLayers<'_>,
    cx: &SettingsContext<'_>,
    faults: &mut Vec<Fault>,
) -> (Option<RawValue>, Option<SettingValue>) {
    let spec = &setting.spec;
    let in_version = spec.since.as_ref().is_none_or(|since| compare_versions(&since.value, cx.version).is_le())
        && spec.until.as_ref().is_none_or(|until| compare_versions(&until.value, cx.version).is_gt());
    let mut found = None;
    for raw in layers.iter() {
        let Some(node) = cx.library.node(raw).at(&setting.keys) else { continue };
        let decoder = Decoder::new(raw.file);
        if !in_version {
            faults.push(not_in_version(setting, decoder.origin(node), cx.version));
            continue;
        }
        if spec.is_site_only() && layers.own.is_some_and(|own| own.file == raw.file && own.node == raw.node) {
            faults.push(site_only(setting, decoder.origin(node)));
            continue;
        }
        found = Some(RawValue { file: raw.file, node: node.index() });
        break;
    }
    if !in_version {
        return (None, None);
    }
    let Some(raw) = found.or(spec.default) else {
        if spec.required.as_ref().is_some_and(|required| required.value) {
            faults.push(missing(setting, cx));
        }
        return (None, None);
    };
    let mut decoder = Decoder::new(raw.file);
    let node = cx.library.node(raw);
    let value = spec.decode_value(node, &mut decoder);
    let empty = matches!(&value, Some(SettingValue::List(items)) if items.is_empty());
    if empty && spec.required.as_ref().is_some_and(|required| required.value) {
        let fault = Fault::new(Code::ListLength, decoder.origin(node), format!("`{}` is empty", setting.path));
        faults.push(fault.expected("at least one item"));
    }
    faults.append(&mut decoder.faults);
    (Some(raw), value)
}

fn not_in_version(setting: &Setting, origin: Origin, version: &Version) -> Fault {
    let bound = match (&setting.spec.since, &setting.spec.until) {
        (Some(since), _) if compare_versions(&since.value, version).is_gt() => format!("it begins with {}", since.value),
        (_, Some(until)) => format!("it ends with {}", until.value),
        _ => "it has other bounds".to_owned(),
    };
    let message = format!("version {version} has no setting `{}`", setting.path);
    Fault::new(Code::SettingNotInVersion, origin, message).hint(format!("remove it: {bound}"))
}

fn missing(setting: &Setting, cx: &SettingsContext<'_>) -> Fault {
    let fault = Fault::new(Code::SettingMissing, cx.origin, format!("the setting `{}` is stated nowhere", setting.path));
    let place = if setting.spec.is_site_only() { "the Site or Defaults" } else { "the Appliance, its Site or Defaults" };
    let about = setting.spec.description.as_ref().map(|text| format!(" ({})", text.value)).unwrap_or_default();
    fault.expected(format!("`spec.settings.{}`{about} in {place}", setting.path))
}

/// One value that a path leads to: the item of a list that it went through, and its node.
struct Selected {
    item: Option<usize>,
    value: String,
    origin: Origin,
}

/// The setting of a path, and what of its items: `gateways[].fqdn` is `fqdn` of each of the `gateways`.
fn apart(path: &str) -> (&str, Option<&str>) {
    path.split_once("[].").map_or((path.trim_end_matches("[]"), None), |(setting, field)| (setting, Some(field)))
}

/// Everything that a path leads to: `gateways[].fqdn` gives one per gateway that has it.
fn select(cx: &SettingsContext<'_>, result: &SettingValues, path: &str) -> Vec<Selected> {
    let (setting, field) = apart(path);
    let Some(raw) = cx.profile.settings.position(setting).and_then(|index| result.origins[index]) else { return Vec::new() };
    let node = cx.library.node(raw);
    let leaf = |item: Option<usize>, node: Node<'_>| {
        let node = field.map_or(Some(node), |field| node.get(field))?;
        let value = node.text()?.to_owned();
        Some(Selected { item, value, origin: Origin { file: raw.file, span: node.span() } })
    };
    if node.text().is_some() {
        return leaf(None, node).into_iter().collect();
    }
    node.items().enumerate().filter_map(|(index, item)| leaf(Some(index), item)).collect()
}

/// Checks the rules that speak of a stated setting; what is inherited as it is was sound together.
fn check_rules(cx: &SettingsContext<'_>, stated: &[bool], result: &mut SettingValues) {
    let concerns = |path: &str| cx.profile.settings.position(apart(path).0).is_some_and(|index| stated[index]);
    let both = |rule: &DiffersRule| concerns(rule.setting.value.as_str()) || concerns(rule.from.value.as_str());
    let any = |rule: &RequiresRule| {
        concerns(rule.when.setting.value.as_str()) || rule.settings.iter().any(|wanted| concerns(wanted.value.as_str()))
    };
    let mut faults = Vec::new();
    for rule in cx.profile.spec().rules.iter().map(|rule| &rule.value) {
        if let Some(rule) = rule.differs.as_ref().filter(|rule| both(rule)) {
            faults.extend(check_differs(cx, result, rule));
        }
        if let Some(rule) = rule.outside.as_ref().filter(|rule| both(rule)) {
            faults.extend(check_outside(cx, result, rule));
        }
        if let Some(rule) = rule.requires.as_ref().filter(|rule| any(rule)) {
            faults.extend(check_requires(cx, result, rule));
        }
    }
    result.faults.append(&mut faults);
}

fn check_differs(cx: &SettingsContext<'_>, result: &SettingValues, rule: &DiffersRule) -> Vec<Fault> {
    let (left, right) = (rule.setting.value.as_str(), rule.from.value.as_str());
    let others = select(cx, result, right);
    let equal = |one: &Selected| others.iter().position(|other| other.value.eq_ignore_ascii_case(&one.value));
    select(cx, result, left)
        .iter()
        .filter_map(|one| Some((one, &others[equal(one)?])))
        .map(|(one, other)| {
            let message = format!("`{left}` and `{right}` are both `{}`", one.value);
            Fault::new(Code::MustDiffer, one.origin, message).related(other.origin, "the other one").hint(rule.because.value.as_str())
        })
        .collect()
}

fn check_outside(cx: &SettingsContext<'_>, result: &SettingValues, rule: &DiffersRule) -> Vec<Fault> {
    let domains = select(cx, result, rule.from.value.as_str());
    let inside = |name: &str, domain: &str| {
        let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
        name.strip_suffix(&domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    select(cx, result, rule.setting.value.as_str())
        .iter()
        .filter_map(|one| Some((one, domains.iter().find(|domain| inside(&one.value, &domain.value))?)))
        .map(|(one, domain)| {
            let message = format!("`{}` lies in `{}`", one.value, domain.value);
            Fault::new(Code::InsideDomain, one.origin, message).related(domain.origin, "this domain").hint(rule.because.value.as_str())
        })
        .collect()
}

fn check_requires(cx: &SettingsContext<'_>, result: &SettingValues, rule: &RequiresRule) -> Vec<Fault> {
    let when = rule.when.setting.value.as_str();
    let list = when.split_once("[].").map(|(list, _)| list);
    let mut faults: Vec<Fault> = Vec::new();
    for cause in select(cx, result, when).iter().filter(|cause| cause.value == rule.when.is.value.as_str()) {
        for wanted in rule.settings.iter().map(|path| path.value.as_str()) {
            let same_list = list.is_some() && wanted.split_once("[].").map(|(list, _)| list) == list;
            let found = select(cx, result, wanted);
            let there = if same_list { found.iter().any(|one| one.item == cause.item) } else { result.values.contains_key(wanted) };
            let said = faults.iter().any(|fault| !same_list && fault.message.starts_with(&format!("`{wanted}`")));
            if !there && !said {
                let name = if same_list { wanted.rsplit('.').next().unwrap_or(wanted) } else { wanted };
                let message = format!("`{name}` is needed, as `{when}` is `{}`", cause.value);
                faults.push(Fault::new(Code::Requires, cause.origin, message).hint(rule.because.value.as_str()));
            }
        }
    }
    faults
}

fn is(rule: Option<&Spanned<Equality>>, wanted: Equality) -> bool {
    rule.is_some_and(|rule| rule.value == wanted)
}

/// What the settings claim for the site or the appliance alone.
fn claims(cx: &SettingsContext<'_>, result: &mut SettingValues) {
    for (setting, raw) in cx.profile.settings.iter().zip(&result.origins) {
        let Some(raw) = *raw else { continue };
        let unique = |rule: &Option<Spanned<Equality>>| is(rule.as_ref(), Equality::Unique);
        let owner = match (unique(&setting.spec.within_site), unique(&setting.spec.across_sites)) {
            (true, _) => Owner::Appliance,
            (false, true) => Owner::Site,
            (false, false) => continue,
        };
        let node = cx.library.node(raw);
        let place = |node: Node<'_>| Origin { file: raw.file, span: node.span() };
        let items: Vec<Node<'_>> = if node.items().next().is_some() { node.items().collect() } else { vec![node] };
        for item in items {
            let written = compact(item);
            let address = (setting.spec.r#type.value == SettingType::Address).then(|| written.parse().ok()).flatten();
            let key = address.map_or_else(|| FactKey::Setting(Arc::new((setting.path.clone(), written.to_lowercase()))), FactKey::Address);
            result.claims.push(Fact { key, origin: place(item), owner });
        }
    }
}
