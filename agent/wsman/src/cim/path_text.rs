//! The WMI path text of an object: `\\HOST\root\virtualization\v2:Class.Key="value",Other=2`.
//!
//! Guarantees: what is written reads back; any case, either slash, with or without host and namespace, is read.
//! A path without a namespace takes the default, `root/cimv2`, unless the reader gives another.

use std::fmt;
use std::str::FromStr;

use super::name::is_word;
use super::{CimPath, Key, Name, Namespace};
use crate::resource::CIM_NAMESPACE;

/// Text that is no object path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no object path: {what}")]
pub struct PathTextError {
    /// The text, shortened.
    pub text: String,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Longer texts are no paths; a key that is a path nests, and so the depth is bounded too.
const LONGEST: usize = 8192;
const DEEPEST: usize = 8;

impl CimPath {
    /// Reads a path; one that names no namespace is in `namespace`.
    ///
    /// # Errors
    /// `text` is no path.
    pub fn parse_in(text: &str, namespace: &Namespace) -> Result<Self, PathTextError> {
        parse(text, namespace, 0).map_err(|what| PathTextError { text: text.chars().take(120).collect(), what })
    }

    /// The path with the name of the host: `\\HV01\root\cimv2:Class.Key="value"`.
    #[must_use]
    pub fn on_host(&self, host: &str) -> String {
        format!("\\\\{host}\\{}:{}", self.namespace().as_str().replace('/', "\\"), self.relative())
    }

    /// The path without host and namespace: `Class.Key="value"`.
    #[must_use]
    pub fn relative(&self) -> String {
        let mut text = self.class().as_str().to_owned();
        for (number, (name, key)) in self.keys().enumerate() {
            match number {
                // The one key of a class needs no name.
                0 if name.as_str().is_empty() => {}
                0 => text.push('.'),
                _ => text.push(','),
            }
            text.push_str(name.as_str());
            text.push_str("=\"");
            match key {
                Key::Text(value) => quote(&mut text, value),
                Key::Path(path) => quote(&mut text, &path.to_string()),
            }
            text.push('"');
        }
        text
    }
}

impl fmt::Display for CimPath {
    /// Without the host: `root\cimv2:Class.Key="value"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace().as_str().replace('/', "\\"), self.relative())
    }
}

impl FromStr for CimPath {
    type Err = PathTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_in(text, &Namespace::CIMV2)
    }
}

fn quote(out: &mut String, value: &str) {
    for c in value.chars() {
        if c == '\\' || c == '"' {
            out.push('\\');
        }
        out.push(c);
    }
}

fn parse(text: &str, default: &Namespace, depth: usize) -> Result<CimPath, &'static str> {
    let text = text.trim();
    if text.len() > LONGEST {
        return Err("it is longer than 8192 bytes");
    }
    if depth > DEEPEST {
        return Err("its keys are nested too deep");
    }
    let (namespace, relative) = split_namespace(text)?;
    let namespace = namespace.map_or_else(|| default.clone(), |n| Namespace::new(&n));
    let class_end = relative.find(['.', '=']).unwrap_or(relative.len());
    let (class, rest) = relative.split_at(class_end);
    let class = class.trim();
    if !is_word(class) {
        return Err("it names no class");
    }
    let mut path = CimPath::class_of(namespace, class);
    if rest.is_empty() || rest == "=@" {
        return Ok(path);
    }
    if let Some(value) = rest.strip_prefix('=') {
        // `Class="value"`: the one key, left unnamed. WMI knows its name from the class; here it has none.
        let (value, after) = value_of(value)?;
        if !after.trim().is_empty() {
            return Err("text follows its unnamed key");
        }
        path.set_key(Name::from_static(""), Key::Text(value));
        return Ok(path);
    }
    let mut rest = rest.strip_prefix('.').ok_or("its keys do not begin with a dot")?;
    loop {
        let (name, after) = rest.split_once('=').ok_or("a key has no value")?;
        if !is_word(name.trim()) || name.trim().eq_ignore_ascii_case(CIM_NAMESPACE) {
            return Err("a key has no name");
        }
        let (value, after) = value_of(after)?;
        let key = nested(&value, default, depth).unwrap_or(Key::Text(value));
        path.set_key(Name::from(name.trim()), key);
        rest = match after.trim_start() {
            "" => return Ok(path),
            more => more.strip_prefix(',').ok_or("its keys are not separated by commas")?,
        };
    }
}

/// A key's value that is itself a path with a namespace and keys (association classes have those).
fn nested(value: &str, default: &Namespace, depth: usize) -> Option<Key> {
    let head = value.find(['"', '=']).map_or(value, |at| &value[..at]);
    let looks_like_path = head.contains(':') && head.contains('.') && value.contains("=\"") && value.ends_with('"');
    if !looks_like_path {
        return None;
    }
    let path = parse(value, default, depth + 1).ok()?;
    // Without the name of its key it would not be taken for a path again.
    let is_named = path.keys().all(|(name, _)| !name.as_str().is_empty());
    is_named.then(|| Key::Path(Box::new(path)))
}

fn split_namespace(text: &str) -> Result<(Option<String>, &str), &'static str> {
    let before_keys = text.find(['"', '=']).unwrap_or(text.len());
    let Some(colon) = text[..before_keys].find(':') else {
        return if text.starts_with("\\\\") || text.starts_with("//") { Err("it names no class") } else { Ok((None, text)) };
    };
    let (head, relative) = (text[..colon].replace('\\', "/"), &text[colon + 1..]);
    let namespace = match head.strip_prefix("//") {
        Some(hosted) => hosted.split_once('/').map(|(_, namespace)| namespace).ok_or("it names a host but no namespace")?.to_owned(),
        None => head.trim_start_matches('/').to_owned(),
    };
    if namespace.is_empty() || !namespace.split('/').all(is_word) {
        return Err("its namespace is no namespace");
    }
    Ok((Some(namespace), relative))
}

/// A quoted or bare value at the start of `text`, and what follows it.
fn value_of(text: &str) -> Result<(String, &str), &'static str> {
    let text = text.trim_start();
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let end = text.find(',').unwrap_or(text.len());
        let bare = text[..end].trim();
        return if bare.is_empty() { Err("a key has no value") } else { Ok((bare.to_owned(), &text[end..])) };
    };
    let mut value = String::new();
    let mut rest = text[1..].char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some((_, escaped)) => value.push(escaped),
                None => break,
            },
            c if c == quote => return Ok((value, &text[1 + at + c.len_utf8()..])),
            c => value.push(c),
        }
    }
    Err("a quoted value has no end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_that_libvirt_writes_is_read() {
        let text = r#"\\HV01\Root\Virtualization\V2:Msvm_ResourceAllocationSettingData.InstanceID="Microsoft:2B0E\\83F8\\0""#;
        let path: CimPath = text.parse().expect("a path");
        assert_eq!(path.namespace(), &Namespace::VIRTUALIZATION);
        assert_eq!(path.key("instanceid"), Some(r"Microsoft:2B0E\83F8\0"));
        assert_eq!(path.on_host("HV01"), text);
    }

    #[test]
    fn paths_without_host_or_namespace_are_read() {
        let switch: CimPath =
            r#"Msvm_VirtualEthernetSwitch.CreationClassName="Msvm_VirtualEthernetSwitch",Name="AB""#.parse().expect("a path");
        assert_eq!(switch.namespace(), &Namespace::CIMV2);
        assert_eq!(switch.key("Name"), Some("AB"));
        let numbered: CimPath = r"root\cimv2:Win32_NetworkAdapterConfiguration.Index=7".parse().expect("a path");
        assert_eq!(numbered.key("Index"), Some("7"));
        let quoted: CimPath = "Msvm_ComputerSystem.CreationClassName='Msvm_ComputerSystem',Name='2b0e'".parse().expect("a path");
        assert_eq!(quoted.key("Name"), Some("2b0e"));
        let unnamed: CimPath = r#"root/cimv2:Win32_X="a\"b""#.parse().expect("a path");
        assert_eq!((unnamed.key(""), unnamed.to_string().parse()), (Some("a\"b"), Ok(unnamed.clone())));
        let singleton: CimPath = "root/cimv2:Win32_X=@".parse().expect("a path");
        assert_eq!(singleton.keys().count(), 0);
    }

    #[test]
    fn a_path_as_a_key_is_a_path() {
        let inner = CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_ComputerSystem").with_key("Name", "A\"B\\C");
        let outer = CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_SettingsDefineState").with_path_key("ManagedElement", inner);
        assert_eq!(outer.to_string().parse::<CimPath>(), Ok(outer));
    }

    #[test]
    fn what_is_no_path_is_refused_with_a_reason() {
        for (text, what) in [
            ("", "it names no class"),
            (r"\\HV01\root\cimv2", "it names no class"),
            (r"\\HV01:Class.A=1", "it names a host but no namespace"),
            ("Class.A", "a key has no value"),
            ("Class.A=\"x", "a quoted value has no end"),
            ("Class.A=\"x\"y", "its keys are not separated by commas"),
            ("C:\\x.vhdx", "it names no class"),
        ] {
            assert_eq!(text.parse::<CimPath>().expect_err(text).what, what, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_path_reads_back(keys in proptest::collection::btree_map("[A-Za-z][A-Za-z0-9_]{0,8}", ".{0,24}", 0..4), host in "[A-Z0-9-]{1,8}") {
            let mut path = CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_X");
            for (name, value) in &keys {
                path = path.with_key(name, value.as_str());
            }
            prop_assert_eq!(path.on_host(&host).parse::<CimPath>().expect("a path"), path.clone());
            prop_assert_eq!(CimPath::parse_in(&path.relative(), &Namespace::VIRTUALIZATION).expect("a path"), path);
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = text.parse::<CimPath>();
        }
    }
}
