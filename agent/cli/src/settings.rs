//! Settings of the agent: flags over environment over file over defaults, each with its origin.
//!
//! Guarantees: an unknown key in the file is an error; a secret is never a setting. Validated once, here.
//! Deliberately absent: anything about appliances (that is desired state, in git).

use std::fmt;
use std::path::{Path, PathBuf};

use model::diagnostic::Code;
use model::yaml::{self, Kind};

use crate::args::{Global, LogFormat, When};
use crate::bounded;
use crate::error::Failure;

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of the settings file.
    File {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u32,
    },
    /// An environment variable.
    Environment(&'static str),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

/// One setting: its key, what is in force, and why.
#[derive(Debug, Clone)]
pub struct Setting {
    /// As the file writes it.
    pub key: &'static str,
    /// What is in force; `None` where nothing is.
    pub value: Option<String>,
    /// Why.
    pub origin: Origin,
}

/// Everything that is in force.
#[derive(Debug, Clone)]
pub struct Settings {
    entries: Vec<Setting>,
}

struct Known {
    key: &'static str,
    flag: &'static str,
    environment: &'static str,
    default: Option<&'static str>,
}

const KNOWN: [Known; 13] = [
    Known { key: "source", flag: "source", environment: "TRUNKLINE_SOURCE", default: Some(".") },
    Known { key: "ref", flag: "ref", environment: "TRUNKLINE_REF", default: None },
    Known { key: "path", flag: "path", environment: "TRUNKLINE_PATH", default: None },
    Known { key: "sourceCa", flag: "source-ca", environment: "TRUNKLINE_SOURCE_CA", default: None },
    Known { key: "sourceHostKey", flag: "source-host-key", environment: "TRUNKLINE_SOURCE_HOST_KEY", default: None },
    Known { key: "stateDir", flag: "state-dir", environment: "TRUNKLINE_STATE_DIR", default: Some(".trunkline") },
    Known { key: "credentials", flag: "credentials", environment: "TRUNKLINE_CREDENTIALS", default: None },
    Known { key: "ca", flag: "ca", environment: "TRUNKLINE_CA", default: None },
    Known { key: "connectTo", flag: "connect-to", environment: "TRUNKLINE_CONNECT_TO", default: None },
    Known { key: "wireTrace", flag: "wire-trace", environment: "TRUNKLINE_WIRE_TRACE", default: None },
    Known { key: "color", flag: "color", environment: "TRUNKLINE_COLOR", default: Some("auto") },
    Known { key: "logFormat", flag: "log-format", environment: "TRUNKLINE_LOG_FORMAT", default: Some("text") },
    Known { key: "log", flag: "log", environment: "TRUNKLINE_LOG", default: Some("warn") },
];

const DEFAULT_FILE: &str = "trunkline.yaml";
const MOST_BYTES: u64 = 64 * 1024;

impl Settings {
    /// Merges all sources.
    ///
    /// # Errors
    /// When the file cannot be read, has an unknown key, or a value has no meaning.
    pub fn load(global: &Global, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let named = global.config.clone().or_else(|| environment("TRUNKLINE_CONFIG").map(PathBuf::from));
        let file = named.clone().or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|file| may_be_settings(file)));
        let mut lines = file.map(|file| read_file(&file)).transpose()?.unwrap_or_default();
        let entries = KNOWN
            .iter()
            .map(|known| {
                if let Some(value) = flag(global, known.flag) {
                    Setting { key: known.key, value: Some(value), origin: Origin::Flag(known.flag) }
                } else if let Some(value) = environment(known.environment).filter(|value| !value.is_empty()) {
                    Setting { key: known.key, value: Some(value), origin: Origin::Environment(known.environment) }
                } else if let Some(at) = lines.iter().position(|(key, ..)| *key == known.key) {
                    let (_, value, origin) = lines.swap_remove(at);
                    Setting { key: known.key, value: Some(value), origin }
                } else {
                    Setting { key: known.key, value: known.default.map(str::to_owned), origin: Origin::Default }
                }
            })
            .collect();
        let settings = Self { entries };
        settings.color()?;
        settings.log_format()?;
        Ok(settings)
    }

    /// Every setting, in a fixed order.
    #[must_use]
    pub fn entries(&self) -> &[Setting] {
        &self.entries
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|setting| setting.key == key)?.value.as_deref()
    }

    /// Replaces the source, as a command's own argument does.
    pub fn set_source(&mut self, source: String) {
        if let Some(setting) = self.entries.iter_mut().find(|setting| setting.key == "source") {
            *setting = Setting { key: "source", value: Some(source), origin: Origin::Flag("source") };
        }
    }

    /// The state directory.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        Path::new(self.get("stateDir").unwrap_or(".trunkline"))
    }

    /// Whether to colour.
    ///
    /// # Errors
    /// When the word is none of the three.
    pub fn color(&self) -> Result<When, Failure> {
        self.word("color")
    }

    /// The form of log lines.
    ///
    /// # Errors
    /// When the word is none of the two.
    pub fn log_format(&self) -> Result<LogFormat, Failure> {
        self.word("logFormat")
    }

    fn word<T: clap::ValueEnum + Default>(&self, key: &str) -> Result<T, Failure> {
        let Some(setting) = self.entries.iter().find(|setting| setting.key == key) else { return Ok(T::default()) };
        let text = setting.value.as_deref().unwrap_or_default();
        T::from_str(text, true).map_err(|_| {
            let words: Vec<_> = T::value_variants().iter().filter_map(|v| Some(v.to_possible_value()?.get_name().to_owned())).collect();
            Failure::new(format!("setting `{key}` is `{text}` ({})", setting.origin)).hint(format!("use one of: {}", words.join(", ")))
        })
    }
}

fn flag(global: &Global, name: &str) -> Option<String> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let word = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
    match name {
        "source" => global.source.clone(),
        "ref" => global.reference.clone(),
        "path" => global.path.clone(),
        "source-ca" => path(&global.source_ca),
        "source-host-key" => global.source_host_key.clone(),
        "state-dir" => path(&global.state_dir),
        "credentials" => path(&global.credentials),
        "ca" => path(&global.ca),
        "connect-to" => path(&global.connect_to),
        "wire-trace" => path(&global.wire_trace),
        "color" => word(global.color.and_then(|when| clap::ValueEnum::to_possible_value(&when))),
        "log-format" => word(global.log_format.and_then(|format| clap::ValueEnum::to_possible_value(&format))),
        "log" => global.log.clone(),
        _ => None,
    }
}

/// A `trunkline.yaml` in the working directory may be a manifest of a repository: those have a `kind`. One that is there and cannot be
/// read counts as settings, so that reading it fails: going on without them would be going on elsewhere.
fn may_be_settings(file: &Path) -> bool {
    match bounded::read_text(file, MOST_BYTES) {
        Ok(text) => !text.lines().any(|line| line.starts_with("kind:")),
        Err(_) => file.symlink_metadata().is_ok(),
    }
}

/// The text without the password of a URL (law 9).
#[must_use]
pub fn masked(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
    let Some((user, host)) = authority.rsplit_once('@') else { return text.to_owned() };
    let user = user.split_once(':').map_or(user.to_owned(), |(name, _)| format!("{name}:***"));
    let path = path.map(|path| format!("/{path}")).unwrap_or_default();
    format!("{scheme}://{user}@{host}{path}")
}

fn read_file(file: &Path) -> Result<Vec<(&'static str, String, Origin)>, Failure> {
    let what = || format!("cannot read settings from `{}`", file.display());
    let bytes = bounded::read(file, MOST_BYTES)
        .map_err(|error| bounded::unread(what(), error, "name a settings file with --config, or leave it out"))?;
    let (tree, faults) = yaml::parse(&bytes);
    let at = |span: yaml::Span, says: String| {
        // The line itself is not shown: whoever took a credentials file for settings must not find it in a log.
        let (line, column) = tree.line_column(span.start);
        Failure::new(format!("{says}\n  --> {}:{line}:{column}", file.display()))
    };
    // A file whose every line is commented out sets nothing, like a file that is not there.
    if let Some(fault) = faults.iter().find(|fault| fault.code != Code::EmptyFile) {
        return Err(at(fault.span, fault.message.clone()));
    }
    let Some(root) = tree.documents().next().filter(|root| !root.is_null()) else { return Ok(Vec::new()) };
    if !matches!(root.kind(), Kind::Map) {
        return Err(at(root.span(), "settings are keys and values".to_owned()));
    }
    let mut found = Vec::new();
    for (key, value) in root.entries() {
        let name = key.text().unwrap_or_default();
        let Some(known) = KNOWN.iter().find(|known| known.key == name) else {
            let keys: Vec<_> = KNOWN.iter().map(|known| known.key).collect();
            return Err(at(key.span(), format!("there is no setting `{name}`")).hint(format!("settings are: {}", keys.join(", "))));
        };
        let Some(text) = value.text() else { return Err(at(value.span(), format!("setting `{name}` is one text"))) };
        let (line, _) = tree.line_column(key.span().start);
        found.push((known.key, text.to_owned(), Origin::File { file: file.to_owned(), line }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Settings, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("trunkline.yaml");
        std::fs::write(&file, text).unwrap();
        let loaded = Settings::load(&Global { config: Some(file), ..Global::default() }, &|_| None);
        loaded.map_err(|failure| failure.render().replace(directory.path().to_str().unwrap(), "<here>"))
    }

    #[test]
    fn a_file_with_every_line_commented_out_sets_nothing() {
        for text in ["# source: git@example.com:fleet\n", "", "---\n", "\n\n"] {
            let settings = load(text).unwrap_or_else(|says| panic!("{text:?}: {says}"));
            assert!(settings.entries().iter().all(|setting| setting.origin == Origin::Default), "{text:?}");
        }
    }

    #[test]
    fn a_file_that_is_no_settings_file_is_refused_without_being_shown() {
        insta::assert_snapshot!(load("password: s3cr3t\n").unwrap_err().lines().take(2).collect::<Vec<_>>().join("\n"), @r"
        error: there is no setting `password`
          --> <here>/trunkline.yaml:1:1
        ");
        insta::assert_snapshot!(load("s3cr3t\n").unwrap_err(), @r"
        error: settings are keys and values
          --> <here>/trunkline.yaml:1:1
        ");
        insta::assert_snapshot!(load(&"# \n".repeat(50_000)).unwrap_err(), @r"
        error: cannot read settings from `<here>/trunkline.yaml`
          cause: it has more than 65536 bytes
        hint: name a settings file with --config, or leave it out
        ");
    }
}
