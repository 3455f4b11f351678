//! The credentials file, read once from its first to its last entry.
//!
//! Guarantees: no line of it is ever shown; a file that others may read is refused, and so is each file with a secret that it names; one
//! faulty entry does not hide the others. Deliberately absent: what is kept between two readings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hyperv::Credential;
use model::diagnostic::Code;
use model::yaml::{self, Kind, Node};
use wsman::Secret;
use wsman::auth::{ClientIdentity, IdentityError};

use super::Entry;
use crate::bounded;
use crate::error::{Context as _, Failure};

const MOST_BYTES: u64 = 256 * 1024;
/// What an entry is made of.
const SHAPE: &str =
    "write `user` and one of `password`, `passwordFile`, `passwordEnvironment`, or `certificate` and `key`, or an ssh `key`";

/// What a file was like when it was read: when it was changed last, and its length. Nothing, when it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(Option<(Option<SystemTime>, u64)>);

impl Mark {
    /// As it is now.
    pub(super) fn of(file: &Path) -> Self {
        Self(std::fs::metadata(file).ok().map(|found| (found.modified().ok(), found.len())))
    }
}

/// What was found under a name.
#[derive(Debug)]
pub(super) struct Found {
    /// The entry, or what is wrong with it.
    pub(super) entry: Result<Entry, Failure>,
    /// The files that it names, as they were before they were read.
    pub(super) files: Vec<(PathBuf, Mark)>,
}

/// Reads the file and those that its entries name; the entries in the order of the file.
///
/// # Errors
/// When it is no file of entries, or others may read it. What is wrong with an entry stands beside its name.
pub(super) fn read(file: &Path, variables: &BTreeMap<String, String>) -> Result<Vec<(String, Found)>, Failure> {
    let what = || format!("cannot read credentials from `{}`", file.display());
    let metadata = std::fs::metadata(file).map_err(|error| {
        bounded::unread(what(), error, "name a file with --credentials that holds names, each with `user` and `password`")
    })?;
    if !metadata.is_file() {
        return Err(Failure::new(format!("{}: it is no file", what())));
    }
    refuse_if_open_to_others(file, &metadata)?;
    if metadata.len() > MOST_BYTES {
        return Err(Failure::new(format!("{}: it has {} bytes, more than {MOST_BYTES}", what(), metadata.len())));
    }
    let (tree, faults) = yaml::parse(&std::fs::read(file).context(what())?);
    // The line itself is never shown: it may hold a password.
    let at = |span: yaml::Span, says: &str| {
        let (line, column) = tree.line_column(span.start);
        Failure::new(format!("{says}\n  --> {}:{line}:{column}", file.display()))
    };
    // An empty file holds no credential; what then lacks one says where it is to stand.
    if let Some(fault) = faults.iter().find(|fault| fault.code != Code::EmptyFile) {
        let failure = at(fault.span, &fault.message);
        return Err(match &fault.hint {
            Some(hint) => failure.hint(hint.clone()),
            None => failure,
        });
    }
    let Some(root) = tree.documents().next().filter(|root| !root.is_null()) else { return Ok(Vec::new()) };
    if !matches!(root.kind(), Kind::Map) {
        return Err(at(root.span(), "credentials are names, each with `user` and `password`"));
    }
    let found = root.entries().map(|(name, entry)| {
        // Marked before they are read: what changes meanwhile is read once more.
        let files = ["passwordFile", "certificate", "key"].into_iter().filter_map(|key| entry.get(key)?.text());
        let files = files.map(|path| beside(file, path)).map(|path| (path.clone(), Mark::of(&path))).collect();
        let entry = read_entry(file, (name, entry), variables).map_err(|fault| at(fault.at, &fault.says));
        (name.text().unwrap_or_default().to_owned(), Found { entry, files })
    });
    Ok(found.collect())
}

/// Paths in the file begin where it lies.
fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new(".")).join(path)
}

/// What is wrong with an entry, and which key or value it is.
struct Fault {
    at: yaml::Span,
    says: String,
}

fn read_entry(file: &Path, (name, entry): (Node<'_>, Node<'_>), variables: &BTreeMap<String, String>) -> Result<Entry, Fault> {
    const KEYS: [&str; 7] = ["user", "password", "passwordFile", "passwordEnvironment", "certificate", "key", "domainController"];
    let wrong = |node: Node<'_>, says: String| Fault { at: node.span(), says };
    let stranger = entry.entries().find(|(key, _)| key.text().is_none_or(|key| !KEYS.contains(&key)));
    if let Some((key, _)) = stranger {
        return Err(wrong(key, format!("`{}` is not known here; {SHAPE}", key.text().unwrap_or_default())));
    }
    // At the value of that key, where it is written.
    let about = |key: &str, says: String| wrong(entry.get(key).unwrap_or(name), says);
    let text = |key: &str| entry.get(key).and_then(Node::text).map(str::to_owned);
    let beside = |path: &str| beside(file, path);
    if let Some(certificate) = text("certificate") {
        let key = text("key").unwrap_or_else(|| certificate.clone());
        let identity = read_identity(&beside(&certificate), &beside(&key)).map_err(|(of, says)| about(of, says))?;
        let user = text("user").unwrap_or_else(|| format!("certificate {certificate}"));
        return Ok(Credential { certificate: Some(identity), ..Credential::new(user, Secret::new("")) }.into());
    }
    let ssh_key = text("key").map(|key| read_ssh_key(&beside(&key))).transpose().map_err(|says| about("key", says))?;
    let user = match (text("user"), &ssh_key) {
        (Some(user), _) => user,
        (None, Some(_)) => "git".to_owned(),
        (None, None) => return Err(wrong(name, format!("this credential lacks `user`; {SHAPE}"))),
    };
    let password = match (text("password"), text("passwordFile"), text("passwordEnvironment")) {
        (Some(password), None, None) => password,
        (None, Some(path), None) => read_password(&beside(&path)).map_err(|says| about("passwordFile", says))?,
        (None, None, Some(variable)) => {
            let missing = || about("passwordEnvironment", format!("the environment has no `{variable}`"));
            variables.get(&variable).cloned().ok_or_else(missing)?
        }
        (None, None, None) if ssh_key.is_some() => String::new(),
        _ => return Err(wrong(name, "write exactly one of `password`, `passwordFile`, `passwordEnvironment`".to_owned())),
    };
    if password.is_empty() && ssh_key.is_none() {
        let written = ["password", "passwordFile", "passwordEnvironment"].into_iter().find(|key| entry.get(key).is_some());
        return Err(about(written.unwrap_or("password"), "the password of this credential is empty".to_owned()));
    }
    let credential = Credential { domain_controller: text("domainController"), ..Credential::new(user, Secret::new(password)) };
    Ok(Entry { credential, ssh_key })
}

/// The password in a file of its own, which is as private as this one: without the line's end, and without the mark that editors put first.
fn read_password(file: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot read the password file `{}`: {error}", file.display());
    refuse_if_open_to_others(file, &std::fs::metadata(file).map_err(failed)?).map_err(|failure| failure.words())?;
    let text = bounded::read_text(file, MOST_BYTES).map_err(failed)?;
    Ok(text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']).to_owned())
}

/// The text of an ssh private key, whose file is as private as this one.
fn read_ssh_key(file: &Path) -> Result<Secret, String> {
    let failed = |error: std::io::Error| format!("cannot read `{}`: {error}", file.display());
    refuse_if_open_to_others(file, &std::fs::metadata(file).map_err(failed)?).map_err(|failure| failure.words())?;
    let text = std::fs::read_to_string(file).map_err(failed)?;
    if text.starts_with("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Ok(Secret::new(text));
    }
    Err(format!("`{}` is no ssh private key; name the file that `ssh-keygen` wrote, not the one that ends with .pub", file.display()))
}

/// A client certificate and its key, whose file is as private as this one.
///
/// Which of the two entries is to blame stands beside what is wrong.
fn read_identity(certificate: &Path, key: &Path) -> Result<ClientIdentity, (&'static str, String)> {
    let unread = |path: &Path, error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
    let metadata = std::fs::metadata(key).map_err(|error| ("key", unread(key, error)))?;
    refuse_if_open_to_others(key, &metadata).map_err(|failure| ("key", failure.words()))?;
    let chain = std::fs::read(certificate).map_err(|error| ("certificate", unread(certificate, error)))?;
    let private = std::fs::read(key).map_err(|error| ("key", unread(key, error)))?;
    ClientIdentity::from_pem(&chain, &private).map_err(|error| match error {
        IdentityError::Certificate => ("certificate", format!("`{}`: {error}", certificate.display())),
        IdentityError::Key => ("key", format!("`{}`: {error}", key.display())),
    })
}

#[cfg(unix)]
fn refuse_if_open_to_others(file: &Path, metadata: &std::fs::Metadata) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Failure::new(format!("others may read `{}` (mode {mode:03o})", file.display())).hint(format!("run: chmod 600 {}", file.display())))
}

#[cfg(not(unix))]
fn refuse_if_open_to_others(_file: &Path, _metadata: &std::fs::Metadata) -> Result<(), Failure> {
    // On Windows the access list of the directory decides; nothing here can read it without unsafe code.
    Ok(())
}
