//! Product settings of an appliance, typed by the profile.
//!
//! Guarantees: a value that must be equal within a site is taken from the Site (or Defaults or the profile) only; every fault of
//! every layer is reported; values that several appliances share are made once (`SettingValues` is behind an `Arc`).

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::address::{Fact, FactKey, Owner};
use super::library::{Library, compact};
use super::stack::Stack;
use crate::desired::SettingValue;
use crate::diagnostic::Code;
use crate::manifest::{
    Decoder, DiffersRule, Equality, Fault, Layer, Origin, RawValue, RequiresRule, SettingClass, SettingType, Spanned, Version,
    compare_versions,
};
use crate::profile::{Profile, Setting};
use crate::yaml::Node;

/// The settings of an appliance.
#[derive(Debug, Default)]
pub(crate) struct SettingValues {
    /// By path.
    pub(crate) values: Arc<BTreeMap<String, SettingValue>>,
    /// Where each was written.
    pub(crate) origins: BTreeMap<Arc<str>, RawValue>,
    /// What is wrong with them.
    pub(crate) faults: Vec<Fault>,
    /// What must be unique.
    pub(crate) claims: Vec<Fact>,
    /// What must be equal across sites: path, value, place.
    pub(crate) equal_across: Vec<(Arc<str>, String, Origin)>,
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

/// Types every setting of the profile from the layers, nearest first; `own` is the appliance's.
pub(crate) fn resolve_settings(stack: &Stack<'_>, own: Option<&Layer>, cx: &SettingsContext<'_>) -> SettingValues {
    let mut result = SettingValues::default();
    let layers: Vec<RawValue> = stack.layers().filter_map(|layer| layer.settings.map(|settings| settings.0)).collect();
    for raw in &layers {
        let mut decoder = Decoder::new(raw.file);
        cx.profile.settings.check_known(cx.library.node(*raw), &mut decoder);
        result.faults.append(&mut decoder.faults);
    }
    // What stands below a group that cannot be read may be there.
    let readable = !result.faults.iter().any(|fault| matches!(fault.code, Code::WrongType | Code::EmptyValue));
    let own = own.and_then(|layer| layer.settings).map(|settings| settings.0);
    let mut values = BTreeMap::new();
    let mut rebuild = Sha256::new();
    for setting in cx.profile.settings.iter() {
        let Some(value) = resolve_one(setting, &layers, own, cx, &mut result) else { continue };
        if let Some(raw) = result.origins.get(&setting.path) {
            let origin = Origin { file: raw.file, span: cx.library.node(*raw).span() };
            stack.written(|| format!("spec.settings.{}", setting.path), origin);
        }
        if matches!(setting.spec.class(), SettingClass::Rebuild | SettingClass::Identity) {
            rebuild.update(setting.path.as_bytes());
            rebuild.update(serde_json::to_string(&value).unwrap_or_default().as_bytes());
        }
        values.insert(setting.path.as_ref().to_owned(), value);
    }
    if !readable {
        result.faults.retain(|fault| fault.code != Code::SettingMissing);
    }
    result.rebuild.copy_from_slice(&rebuild.finalize()[..8]);
    result.values = Arc::new(values);
    check_rules(cx, &mut result);
    claims(cx, &mut result);
    result
}

fn resolve_one(
    setting: &Setting,
    layers: &[RawValue],
    own: Option<RawValue>,
    cx: &SettingsContext<'_>,
    result: &mut SettingValues,
) -> Option<SettingValue> {
    let spec = &setting.spec;
    let in_version = spec.since.as_ref().is_none_or(|since| compare_versions(&since.value, cx.version).is_le())
        && spec.until.as_ref().is_none_or(|until| compare_versions(&until.value, cx.version).is_gt());
    let keys: Vec<&str> = setting.keys.iter().map(|key| &**key).collect();
    let mut found = None;
    for raw in layers {
        let Some(node) = cx.library.node(*raw).at(&keys) else { continue };
        let decoder = Decoder::new(raw.file);
        if !in_version {
            result.faults.push(not_in_version(setting, decoder.origin(node), cx.version));
            continue;
        }
        if spec.is_site_only() && own.is_some_and(|own| own.file == raw.file && own.node == raw.node) {
            result.faults.push(site_only(setting, decoder.origin(node)));
            continue;
        }
        found = Some(RawValue { file: raw.file, node: node.index() });
        break;
    }
    if !in_version {
        return None;
    }
    let Some(raw) = found.or(spec.default) else {
        if spec.required.as_ref().is_some_and(|required| required.value) {
            result.faults.push(missing(setting, cx));
        }
        return None;
    };
    result.origins.insert(setting.path.clone(), raw);
    let mut decoder = Decoder::new(raw.file);
    let node = cx.library.node(raw);
    let value = spec.decode_value(node, &mut decoder);
    let empty = matches!(&value, Some(SettingValue::List(items)) if items.is_empty());
    if empty && spec.required.as_ref().is_some_and(|required| required.value) {
        let fault = Fault::new(Code::ListLength, decoder.origin(node), format!("`{}` is empty", setting.path));
        result.faults.push(fault.expected("at least one item"));
    }
    result.faults.append(&mut decoder.faults);
    value
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

/// Everything that a path leads to: `gateways[].fqdn` gives one per gateway that has it.
fn select(cx: &SettingsContext<'_>, result: &SettingValues, path: &str) -> Vec<Selected> {
    let (setting, field) = path.split_once("[].").map_or((path.trim_end_matches("[]"), None), |(setting, field)| (setting, Some(field)));
    let Some(raw) = result.origins.get(setting) else { return Vec::new() };
    let node = cx.library.node(*raw);
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

fn check_rules(cx: &SettingsContext<'_>, result: &mut SettingValues) {
    let mut faults = Vec::new();
    for rule in cx.profile.spec().rules.iter().map(|rule| &rule.value) {
        if let Some(rule) = &rule.differs {
            faults.extend(check_differs(cx, result, rule));
        }
        if let Some(rule) = &rule.outside {
            faults.extend(check_outside(cx, result, rule));
        }
        if let Some(rule) = &rule.requires {
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

/// What the settings claim for the site or the appliance alone, and what they say for all sites.
fn claims(cx: &SettingsContext<'_>, result: &mut SettingValues) {
    let has = |rule: &Option<Spanned<Equality>>, wanted: Equality| rule.as_ref().is_some_and(|rule| rule.value == wanted);
    for setting in cx.profile.settings.iter() {
        let Some(raw) = result.origins.get(&setting.path) else { continue };
        let node = cx.library.node(*raw);
        let place = |node: Node<'_>| Origin { file: raw.file, span: node.span() };
        if has(&setting.spec.across_sites, Equality::Equal) {
            result.equal_across.push((setting.path.clone(), compact(node), place(node)));
        }
        let owner = match (has(&setting.spec.within_site, Equality::Unique), has(&setting.spec.across_sites, Equality::Unique)) {
            (true, _) => Owner::Appliance,
            (false, true) => Owner::Site,
            (false, false) => continue,
        };
        let items: Vec<Node<'_>> = if node.items().next().is_some() { node.items().collect() } else { vec![node] };
        for item in items {
            let written = compact(item);
            let address = (setting.spec.r#type.value == SettingType::Address).then(|| written.parse().ok()).flatten();
            let key = address.map_or_else(|| FactKey::Setting(Arc::new((setting.path.clone(), written.to_lowercase()))), FactKey::Address);
            result.claims.push(Fact { key, origin: place(item), owner });
        }
    }
}
