//! Credentials: a name in a manifest becomes a user and a password from a file or the environment.
//!
//! Guarantees: nothing secret is printed, logged or kept in settings; a credentials file that others may read is refused, and so is each
//! file with a secret that it names; no empty password is sent, since each costs a logon.
//! The file maps names to `user` and one of `password`, `passwordFile` or `passwordEnvironment`; a credential for `authentication:
//! certificate` names its `certificate` and `key` (PEM files) instead, and one for `kerberos` may name a `domainController`. A `key` without
//! a certificate is an ssh key, for the repository alone; a password beside it is its passphrase. A variable
//! pair `TRUNKLINE_USER_<NAME>` and `TRUNKLINE_PASSWORD_<NAME>` wins over the file.
//! Deliberately absent: a store of our own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hyperv::{Credential, CredentialError};
use model::diagnostic::Code;
use model::names::CredentialName;
use model::yaml::{self, Kind, Node};
use wsman::Secret;
use wsman::auth::{ClientIdentity, IdentityError};

use crate::bounded;
use crate::error::{Context as _, Failure};

const MOST_BYTES: u64 = 256 * 1024;
/// What an entry is made of.
const SHAPE: &str =
    "write `user` and one of `password`, `passwordFile`, `passwordEnvironment`, or `certificate` and `key`, or an ssh `key`";

/// Every credential that this process can resolve.
#[derive(Debug, Default)]
pub struct Credentials {
    by_name: BTreeMap<String, Entry>,
    file: Option<PathBuf>,
}

/// What stands under a name.
#[derive(Debug, Clone)]
struct Entry {
    credential: Credential,
    /// The text of an ssh key, whose passphrase is the password.
    ssh_key: Option<Secret>,
}

impl From<Credential> for Entry {
    fn from(credential: Credential) -> Self {
        Self { credential, ssh_key: None }
    }
}

impl Credentials {
    /// Reads the file, when there is one, and the environment.
    ///
    /// # Errors
    /// When the file cannot be read, is open to others, or an entry is incomplete.
    pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, Failure> {
        let variables: BTreeMap<String, String> = environment.collect();
        let mut by_name = file.map(|file| read_file(file, &variables)).transpose()?.unwrap_or_default();
        for (name, user) in variables.iter().filter_map(|(key, user)| Some((key.strip_prefix("TRUNKLINE_USER_")?, user))) {
            let Some(password) = variables.get(&format!("TRUNKLINE_PASSWORD_{name}")) else {
                return Err(Failure::new(format!("TRUNKLINE_USER_{name} is set, TRUNKLINE_PASSWORD_{name} is not")));
            };
            if password.is_empty() {
                return Err(Failure::new(format!("TRUNKLINE_PASSWORD_{name} is empty")));
            }
            let credential = Credential::new(user.clone(), Secret::new(password.clone()));
            by_name.insert(name.to_ascii_lowercase().replace('_', "-"), credential.into());
        }
        Ok(Self { by_name, file: file.map(Path::to_owned) })
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name)
    }

    /// Where a credential of that name would have to stand.
    fn advice(&self, name: &str) -> String {
        let variable = name.to_ascii_uppercase().replace(['-', '.'], "_");
        let place = self.file.as_ref().map_or_else(
            || "give a credentials file with --credentials".to_owned(),
            |file| format!("add `{name}:` with `user` and `password` to {}", file.display()),
        );
        format!("there is no credential `{name}`: {place}, or set TRUNKLINE_USER_{variable} and TRUNKLINE_PASSWORD_{variable}")
    }
}

impl hyperv::Credentials for Credentials {
    fn resolve(&self, name: &CredentialName) -> Result<Credential, CredentialError> {
        let found = self.find(name.as_str()).ok_or_else(|| CredentialError::Unreadable(self.advice(name.as_str())))?;
        if found.ssh_key.is_some() {
            return Err(CredentialError::Unreadable(format!("`{name}` is an ssh key, which no Windows host takes")));
        }
        Ok(found.credential.clone())
    }
}

/// The name under which the credential for the repository's remote stands.
const SOURCE: &str = "source";

impl source::Credentials for Credentials {
    fn resolve(&self, ask: &source::Ask<'_>) -> Result<source::Credential, source::CredentialError> {
        let found = self
            .find(SOURCE)
            .ok_or_else(|| source::CredentialError { says: format!("{} asks who we are; {}", ask.url, self.advice(SOURCE)) })?;
        let takes = |kind| ask.kinds.contains(&kind);
        let secret = source::Secret::new(found.credential.secret.reveal());
        let says = |says: &str| source::CredentialError { says: format!("{} {says}", ask.url) };
        match &found.ssh_key {
            Some(key) if takes(source::CredentialKind::Key) => {
                // Over ssh the account is the URL's, where that names one.
                let user = ask.user.unwrap_or(&found.credential.user).to_owned();
                let passphrase = Some(secret).filter(|_| !found.credential.secret.reveal().is_empty());
                Ok(source::Credential::Key { user, key: source::Secret::new(key.reveal()), passphrase })
            }
            None if takes(source::CredentialKind::Password) => {
                Ok(source::Credential::Password { user: found.credential.user.clone(), password: secret })
            }
            None if takes(source::CredentialKind::Key) => {
                Err(says("lets in by key only; name the file of an ssh key as `key` under `source` in the credentials file"))
            }
            Some(_) if takes(source::CredentialKind::Password) => {
                Err(says("asks for a password or token; write `user` and `passwordFile` under `source` in the credentials file"))
            }
            Some(_) | None => Err(says("lets in neither by password nor by key")),
        }
    }
}

fn read_file(file: &Path, variables: &BTreeMap<String, String>) -> Result<BTreeMap<String, Entry>, Failure> {
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
    let Some(root) = tree.documents().next().filter(|root| !root.is_null()) else { return Ok(BTreeMap::new()) };
    if !matches!(root.kind(), Kind::Map) {
        return Err(at(root.span(), "credentials are names, each with `user` and `password`"));
    }
    root.entries()
        .map(|(name, entry)| {
            let credential = read_entry(file, (name, entry), variables).map_err(|fault| at(fault.at, &fault.says))?;
            Ok((name.text().unwrap_or_default().to_owned(), credential))
        })
        .collect()
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
    let beside = |path: &str| file.parent().unwrap_or(Path::new(".")).join(path);
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
    refuse_if_open_to_others(file, &std::fs::metadata(file).map_err(failed)?)
        .map_err(|failure| failure.render().trim_start_matches("error: ").to_owned())?;
    let text = bounded::read_text(file, MOST_BYTES).map_err(failed)?;
    Ok(text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']).to_owned())
}

/// The text of an ssh private key, whose file is as private as this one.
fn read_ssh_key(file: &Path) -> Result<Secret, String> {
    let failed = |error: std::io::Error| format!("cannot read `{}`: {error}", file.display());
    refuse_if_open_to_others(file, &std::fs::metadata(file).map_err(failed)?)
        .map_err(|failure| failure.render().trim_start_matches("error: ").to_owned())?;
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
    refuse_if_open_to_others(key, &metadata).map_err(|failure| ("key", failure.render().trim_start_matches("error: ").to_owned()))?;
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::os::unix::fs::PermissionsExt as _;

    use hyperv::Credentials as _;

    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

    /// What the file `credentials.yaml` beside these files is read as, under the name `host`.
    fn read(files: &[(&str, &str, u32)]) -> Result<Credential, String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text, mode) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
            std::fs::set_permissions(directory.path().join(name), std::fs::Permissions::from_mode(*mode)).unwrap();
        }
        let file = directory.path().join("credentials.yaml");
        let here = format!("{}/", directory.path().display());
        let read = Credentials::load(Some(&file), std::iter::empty()).map_err(|failure| failure.render().replace(&here, ""))?;
        read.resolve(&CredentialName::new("host").unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_certificate_stands_for_a_user_and_a_controller_may_be_named() {
        let entry = ("credentials.yaml", "host: { certificate: agent.pem, key: agent.key }", 0o600);
        let found = read(&[entry, ("agent.pem", CERTIFICATE, 0o644), ("agent.key", KEY, 0o600)]).unwrap();
        assert_eq!((found.user.as_str(), found.certificate.is_some()), ("certificate agent.pem", true));
        let both = format!("{CERTIFICATE}{KEY}");
        let entry = ("credentials.yaml", "host: { user: agent, certificate: both.pem }", 0o600);
        assert_eq!(read(&[entry, ("both.pem", &both, 0o600)]).unwrap().user, "agent");
        let entry = ("credentials.yaml", "host: { user: a@cce.test, password: p, domainController: dc01 }", 0o600);
        assert_eq!(read(&[entry]).unwrap().domain_controller.as_deref(), Some("dc01"));
    }

    #[test]
    fn a_password_is_what_stands_in_its_file_and_never_empty() {
        let entry = ("credentials.yaml", "host: { user: agent, passwordFile: word }", 0o600);
        assert_eq!(read(&[entry, ("word", "\u{feff}secret \r\n", 0o600)]).unwrap().secret.reveal(), "secret ");
        let said = [
            read(&[entry, ("word", "secret\n", 0o644)]),
            read(&[entry, ("word", "\n", 0o600)]),
            read(&[entry]),
            read(&[("credentials.yaml", "host: { user: agent, password: '' }", 0o600)]),
        ];
        let said: Vec<String> = said.into_iter().map(|read| read.unwrap_err()).collect();
        insta::assert_snapshot!(said.join("\n"), @"
        error: others may read `word` (mode 644)
        hint: run: chmod 600 word
          --> credentials.yaml:1:36
        error: the password of this credential is empty
          --> credentials.yaml:1:36
        error: cannot read the password file `word`: No such file or directory (os error 2)
          --> credentials.yaml:1:36
        error: the password of this credential is empty
          --> credentials.yaml:1:32
        ");
        let variables = [("TRUNKLINE_USER_HOST", "agent"), ("TRUNKLINE_PASSWORD_HOST", "")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let failure = Credentials::load(None, variables.into_iter()).unwrap_err();
        assert_eq!(failure.render(), "error: TRUNKLINE_PASSWORD_HOST is empty");
    }

    #[test]
    fn a_key_that_others_may_read_or_that_is_none_is_refused() {
        let entry = ("credentials.yaml", "host: { certificate: agent.pem, key: agent.key }", 0o600);
        let said = [
            read(&[entry, ("agent.pem", CERTIFICATE, 0o644), ("agent.key", KEY, 0o644)]),
            read(&[entry, ("agent.pem", CERTIFICATE, 0o644), ("agent.key", CERTIFICATE, 0o600)]),
            read(&[entry, ("agent.pem", KEY, 0o644), ("agent.key", KEY, 0o600)]),
            read(&[entry, ("agent.key", KEY, 0o600)]),
            read(&[("credentials.yaml", "host: { user: agent, secret: x }", 0o600)]),
        ];
        let said: Vec<String> = said.into_iter().map(|read| read.unwrap_err()).collect();
        insta::assert_snapshot!(said.join("\n"), @"
        error: others may read `agent.key` (mode 644)
        hint: run: chmod 600 agent.key
          --> credentials.yaml:1:38
        error: `agent.key`: there is no PEM private key without passphrase in it
          --> credentials.yaml:1:38
        error: `agent.pem`: there is no PEM certificate in it
          --> credentials.yaml:1:22
        error: cannot read `agent.pem`: No such file or directory (os error 2)
          --> credentials.yaml:1:22
        error: `secret` is not known here; write `user` and one of `password`, `passwordFile`, `passwordEnvironment`, or `certificate` and `key`, or an ssh `key`
          --> credentials.yaml:1:22
        ");
    }
}
