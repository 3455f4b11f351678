//! Settings of the agent: flags over environment over file over defaults, each with its origin.
//!
//! Guarantees: an unknown key in the file is an error, and so is a variable that is nearly one of ours; a secret is never a setting.
//! Validated once, here.
//! Deliberately absent: anything about appliances (that is desired state, in git).

use std::fmt;
use std::path::{Path, PathBuf};

use model::diagnostic::Code;
use model::yaml::{self, Kind};
use serde_json::Value;

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
    /// The flag, without its dashes.
    pub flag: &'static str,
    /// The variable.
    pub environment: &'static str,
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

/// The variables of this program begin so.
const PREFIX: &str = "TRUNKLINE_";
/// Names the settings file; no setting itself.
const CONFIG: &str = "TRUNKLINE_CONFIG";
const DEFAULT_FILE: &str = "trunkline.yaml";
const MOST_BYTES: u64 = 64 * 1024;

impl Settings {
    /// Merges all sources.
    ///
    /// # Errors
    /// When the file cannot be read, has an unknown key, or a value has no meaning.
    pub fn load(global: &Global, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let named = global.config.clone().or_else(|| environment(CONFIG).map(PathBuf::from));
        let file = named.clone().or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|file| may_be_settings(file)));
        let mut lines = file.map(|file| read_file(&file)).transpose()?.unwrap_or_default();
        let entries = KNOWN
            .iter()
            .map(|known| {
                let (value, origin) = if let Some(value) = flag(global, known.flag) {
                    (Some(value), Origin::Flag(known.flag))
                } else if let Some(value) = environment(known.environment).filter(|value| !value.is_empty()) {
                    (Some(value), Origin::Environment(known.environment))
                } else if let Some(at) = lines.iter().position(|(key, ..)| *key == known.key) {
                    let (_, value, origin) = lines.swap_remove(at);
                    (Some(value), origin)
                } else {
                    (known.default.map(str::to_owned), Origin::Default)
                };
                Setting { key: known.key, flag: known.flag, environment: known.environment, value, origin }
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
            (setting.value, setting.origin) = (Some(source), Origin::Flag("source"));
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

/// Refuses a variable that is nearly one of ours: what it was meant to say would be passed over in silence. Others of our prefix may be
/// anybody's (a credentials file may name one, a service of our name in Kubernetes brings a dozen).
///
/// # Errors
/// For the first such variable.
pub fn refuse_misspelt(variables: impl Iterator<Item = String>) -> Result<(), Failure> {
    let known = || KNOWN.iter().map(|known| known.environment).chain([CONFIG]);
    for name in variables {
        let Some(own) = name.strip_prefix(PREFIX) else { continue };
        // Where variables have no case, ours may be written in any.
        let is_ours = |known: &str| known == name || cfg!(windows) && known.eq_ignore_ascii_case(&name);
        if known().any(is_ours) || own.starts_with("USER_") || own.starts_with("PASSWORD_") {
            continue;
        }
        if let Some(meant) = nearest(own, known().filter_map(|known| known.strip_prefix(PREFIX))) {
            return Err(Failure::new(format!("there is no variable `{name}`"))
                .hint(format!("did you mean `{PREFIX}{meant}`? `trunkline config show` lists all")));
        }
    }
    Ok(())
}

/// The name that somebody nearly wrote: a slip of the finger or two apart, and no other word.
fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let is_near = |known: &&str| strsim::osa_distance(&written.to_lowercase(), &known.to_lowercase()) <= (written.len() / 3).min(2);
    known.filter(is_near).min_by_key(|known| strsim::osa_distance(written, known))
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

/// The text without the secrets of a URL (law 9): the password before the host, and what follows a `?` or `#`.
#[must_use]
pub fn masked(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    if let (Some(at), false) = (rest.find(['?', '#']), scheme.eq_ignore_ascii_case("file")) {
        let (plain, mark) = (text.get(..text.len() - rest.len() + at), rest.get(at..=at));
        return format!("{}{}***", masked(plain.unwrap_or_default()), mark.unwrap_or_default());
    }
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
            let meant = nearest(name, keys.iter().copied()).map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
            return Err(at(key.span(), format!("there is no setting `{name}`")).hint(format!("{meant}settings are: {}", keys.join(", "))));
        };
        let text = match value.to_json() {
            Value::String(text) => text,
            // As `config show` writes what nobody has set.
            Value::Null => continue,
            Value::Bool(_) | Value::Number(_) => {
                return Err(at(value.span(), format!("setting `{name}` is one text")).hint("write it in quotes"));
            }
            Value::Array(_) | Value::Object(_) => return Err(at(value.span(), format!("setting `{name}` is one text"))),
        };
        let (line, _) = tree.line_column(key.span().start);
        found.push((known.key, text, Origin::File { file: file.to_owned(), line }));
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
    fn no_secret_of_a_url_is_shown() {
        let shown = |text| masked(text);
        assert_eq!(shown("https://bot:hunter2@git.test/x.git"), "https://bot:***@git.test/x.git");
        assert_eq!(shown("https://git.test/x.git?access_token=hunter2"), "https://git.test/x.git?***");
        assert_eq!(shown("https://bot:hunter2@git.test?token=hunter2#x"), "https://bot:***@git.test?***");
        assert_eq!(shown("file:///srv/what?.git"), "file:///srv/what?.git");
        assert_eq!(shown("./what?"), "./what?");
    }

    #[test]
    fn a_key_without_a_value_sets_nothing_and_a_number_wants_quotes() {
        let settings = load("ref:\npath: ~\nlog: null\nsource: '3'\n").unwrap();
        assert_eq!(["ref", "path", "log", "source"].map(|key| settings.get(key)), [None, None, Some("warn"), Some("3")]);
        for text in ["source: 3\n", "source: true\n"] {
            insta::allow_duplicates! { insta::assert_snapshot!(load(text).unwrap_err(), @r"
            error: setting `source` is one text
              --> <here>/trunkline.yaml:1:9
            hint: write it in quotes
            ") };
        }
    }

    #[test]
    fn a_variable_that_is_nearly_ours_is_refused_and_a_stranger_is_not() {
        let refused = |name: &str| refuse_misspelt(std::iter::once(name.to_owned())).map_err(|failure| failure.render());
        insta::assert_snapshot!(refused("TRUNKLINE_STATEDIR").unwrap_err(), @r"
        error: there is no variable `TRUNKLINE_STATEDIR`
        hint: did you mean `TRUNKLINE_STATE_DIR`? `trunkline config show` lists all
        ");
        for (name, meant) in [("SORUCE", "SOURCE"), ("CREDENTIAL", "CREDENTIALS"), ("CONFG", "CONFIG"), ("LOGS", "LOG"), ("Log", "LOG")] {
            let says = refused(&format!("TRUNKLINE_{name}")).unwrap_err();
            assert!(says.contains(&format!("did you mean `TRUNKLINE_{meant}`?")), "{says}");
        }
        let others = ["CA", "CI", "CONFIG", "USER_REF", "PASSWORD_REF", "PORT", "PORT_443_TCP", "SERVICE_HOST", "SERVICE_PORT", "GUEST"];
        for name in others.map(|name| format!("TRUNKLINE_{name}")).iter().chain([&"SORUCE".to_owned()]) {
            assert_eq!(refused(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn help_names_the_variable_of_each_flag() {
        use clap::CommandFactory as _;
        let command = crate::args::Arguments::command();
        for (flag, variable) in KNOWN.iter().map(|known| (known.flag, known.environment)).chain([("config", CONFIG)]) {
            let argument = command.get_arguments().find(|argument| argument.get_long() == Some(flag)).unwrap();
            let help = argument.get_help().unwrap().to_string();
            assert!(help.ends_with(&format!(" [env: {variable}]")), "--{flag}: {help}");
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
