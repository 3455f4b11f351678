//! Credentials: a name in a manifest becomes a user and a password from a file or the environment.
//!
//! Guarantees: what is answered is what the file, and the files that it names, say at that moment; one that is faulty or away then leaves
//! in use what it said last, and that is told once. Nothing secret is printed, logged or kept in settings; no empty password is sent, since
//! each costs a logon. The file maps names to `user` and one of `password`, `passwordFile` or `passwordEnvironment`; a credential for
//! `authentication: certificate` names its `certificate` and `key` (PEM files) instead, and one for `kerberos` may name a
//! `domainController`. A `key` without a certificate is an ssh key, for the repository alone; a password beside it is its passphrase. A
//! variable pair `TRUNKLINE_USER_<NAME>` and `TRUNKLINE_PASSWORD_<NAME>` wins over the file. Deliberately absent: a store of our own;
//! changes of the environment, which nobody can make from outside.

mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hyperv::{Credential, CredentialError};
use model::names::CredentialName;
use wsman::Secret;

use crate::error::Failure;
use file::{Found, Mark};

/// Every credential that this process can resolve.
pub struct Credentials {
    variables: BTreeMap<String, String>,
    from_variables: BTreeMap<String, Entry>,
    file: Option<PathBuf>,
    from_file: Mutex<Kept>,
}

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What the file said last.
#[derive(Debug)]
struct Kept {
    mark: Mark,
    entries: BTreeMap<String, KeptEntry>,
    /// What is wrong with the file as it is now.
    fault: Option<String>,
}

/// What the file said last under a name.
#[derive(Debug)]
struct KeptEntry {
    /// What was good last; nothing, when it never was.
    entry: Option<Entry>,
    files: Vec<(PathBuf, Mark)>,
    /// What is wrong with it as it is now.
    fault: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the file, when there is one, and the environment.
    ///
    /// # Errors
    /// When the file cannot be read, is open to others, or an entry is incomplete.
    pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, Failure> {
        let variables: BTreeMap<String, String> = environment.collect();
        let mut from_variables = BTreeMap::new();
        for (name, user) in variables.iter().filter_map(|(key, user)| Some((key.strip_prefix("TRUNKLINE_USER_")?, user))) {
            let Some(password) = variables.get(&format!("TRUNKLINE_PASSWORD_{name}")) else {
                return Err(Failure::new(format!("TRUNKLINE_USER_{name} is set, TRUNKLINE_PASSWORD_{name} is not")));
            };
            if password.is_empty() {
                return Err(Failure::new(format!("TRUNKLINE_PASSWORD_{name} is empty")));
            }
            let credential = Credential::new(user.clone(), Secret::new(password.clone()));
            from_variables.insert(name.to_ascii_lowercase().replace('_', "-"), credential.into());
        }
        let from_file = Mutex::new(Kept::load(file, &variables)?);
        Ok(Self { variables, from_variables, file: file.map(Path::to_owned), from_file })
    }

    /// What stands under a name now.
    ///
    /// # Errors
    /// Why there is nothing, as a person reads it.
    fn find(&self, name: &str) -> Result<Entry, String> {
        if let Some(entry) = self.from_variables.get(name) {
            return Ok(entry.clone());
        }
        let Some(file) = &self.file else { return Err(self.advice(name)) };
        let mut kept = self.from_file.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_stale(file, name) {
            kept.renew(file, &self.variables);
        }
        match kept.entries.get(name) {
            Some(KeptEntry { entry: Some(entry), .. }) => Ok(entry.clone()),
            Some(KeptEntry { fault: Some(fault), .. }) => Err(fault.clone()),
            Some(_) | None => Err(self.advice(name)),
        }
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

impl Kept {
    /// Reads the file for the first time: every fault in it is one.
    fn load(file: Option<&Path>, variables: &BTreeMap<String, String>) -> Result<Self, Failure> {
        let Some(file) = file else { return Ok(Self { mark: Mark::of(Path::new("")), entries: BTreeMap::new(), fault: None }) };
        let mark = Mark::of(file);
        let mut entries = BTreeMap::new();
        let mut faults = Vec::new();
        for (name, Found { entry, files }) in file::read(file, variables)? {
            match entry {
                Ok(entry) => drop(entries.insert(name, KeptEntry { entry: Some(entry), files, fault: None })),
                Err(failure) => faults.push(failure.words()),
            }
        }
        if faults.is_empty() { Ok(Self { mark, entries, fault: None }) } else { Err(Failure::new(faults.join("\nerror: "))) }
    }

    /// Whether anything that `name` rests on may be other than it was. What is faulty is always looked at again: rights are mended
    /// without a trace in what a file says of itself.
    fn is_stale(&self, file: &Path, name: &str) -> bool {
        let of_entry = |kept: &KeptEntry| kept.fault.is_some() || kept.files.iter().any(|(file, mark)| Mark::of(file) != *mark);
        self.fault.is_some() || Mark::of(file) != self.mark || self.entries.get(name).is_some_and(of_entry)
    }

    /// Reads the file anew. What is faulty stays as it was.
    fn renew(&mut self, file: &Path, variables: &BTreeMap<String, String>) {
        self.mark = Mark::of(file);
        let found = match file::read(file, variables) {
            Ok(found) => found,
            Err(failure) => return tell_once(&mut self.fault, in_a_line(&failure)),
        };
        self.fault = None;
        let mut before = std::mem::take(&mut self.entries);
        for (name, Found { entry, files }) in found {
            let (last, mut fault) = before.remove(&name).map_or((None, None), |kept| (kept.entry, kept.fault));
            let entry = match entry {
                Ok(entry) => {
                    if last.as_ref() != Some(&entry) {
                        tracing::info!(credential = name, "the credential is another one from now on");
                    }
                    fault = None;
                    Some(entry)
                }
                Err(failure) => {
                    tell_once(&mut fault, in_a_line(&failure));
                    last
                }
            };
            self.entries.insert(name, KeptEntry { entry, files, fault });
        }
    }
}

/// Warns of a fault unless it is the one that was there before.
fn tell_once(known: &mut Option<String>, fault: String) {
    if known.as_ref() != Some(&fault) {
        tracing::warn!(fault, "credentials cannot be read anew; those that were read before stay in use");
    }
    *known = Some(fault);
}

fn in_a_line(failure: &Failure) -> String {
    failure.words().lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

impl hyperv::Credentials for Credentials {
    fn resolve(&self, name: &CredentialName) -> Result<Credential, CredentialError> {
        let found = self.find(name.as_str()).map_err(CredentialError::Unreadable)?;
        if found.ssh_key.is_some() {
            return Err(CredentialError::Unreadable(format!("`{name}` is an ssh key, which no Windows host takes")));
        }
        Ok(found.credential)
    }
}

/// The name under which the credential for the repository's remote stands.
const SOURCE: &str = "source";

impl source::Credentials for Credentials {
    fn resolve(&self, ask: &source::Ask<'_>) -> Result<source::Credential, source::CredentialError> {
        let found = self.find(SOURCE).map_err(|why| source::CredentialError { says: format!("{} asks who we are; {why}", ask.url) })?;
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::os::unix::fs::PermissionsExt as _;

    use hyperv::Credentials as _;

    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

    /// A directory of files.
    struct Place(tempfile::TempDir);

    impl Place {
        fn with(files: &[(&str, &str, u32)]) -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            files.iter().for_each(|file| place.write(*file));
            place
        }

        fn write(&self, (name, text, mode): (&str, &str, u32)) {
            std::fs::write(self.0.path().join(name), text).unwrap();
            self.chmod(name, mode);
        }

        fn chmod(&self, name: &str, mode: u32) {
            std::fs::set_permissions(self.0.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        }

        fn load(&self) -> Credentials {
            Credentials::load(Some(&self.0.path().join("credentials.yaml")), std::iter::empty()).unwrap()
        }
    }

    /// The password under a name, as it is at this moment.
    fn word(credentials: &Credentials, name: &str) -> Result<String, String> {
        let found = credentials.resolve(&CredentialName::new(name).unwrap());
        found.map(|found| found.secret.reveal().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_answered_is_what_the_files_say_at_that_moment() {
        let entries = "host: { user: agent, passwordFile: word }\nguest: { user: a, password: p }\n";
        let place = Place::with(&[("credentials.yaml", entries, 0o600), ("word", "old", 0o600)]);
        let credentials = place.load();
        assert_eq!(word(&credentials, "host").unwrap(), "old");
        place.write(("word", "newer", 0o600));
        assert_eq!(word(&credentials, "host").unwrap(), "newer");
        place.write(("credentials.yaml", "host: { user: agent, password: in-place }\nlate: { user: a, password: l }\n", 0o600));
        assert_eq!(word(&credentials, "host").unwrap(), "in-place");
        assert_eq!(word(&credentials, "late").unwrap(), "l");
        assert!(word(&credentials, "guest").unwrap_err().contains("there is no credential `guest`"), "it was taken out");
    }

    #[test]
    fn what_is_faulty_at_that_moment_leaves_in_use_what_was_good_last() {
        let entries = "host: { user: agent, passwordFile: word }\nguest: { user: a, passwordFile: other }\n";
        let place = Place::with(&[("credentials.yaml", entries, 0o600), ("word", "old", 0o600), ("other", "one", 0o600)]);
        let credentials = place.load();
        std::fs::remove_file(place.0.path().join("word")).unwrap();
        place.write(("other", "three", 0o600));
        assert_eq!(word(&credentials, "host").unwrap(), "old");
        assert_eq!(word(&credentials, "guest").unwrap(), "three", "the fault of one entry is no other's");
        // Others may read it; to mend that changes neither its time nor its length.
        place.write(("word", "fresh", 0o644));
        assert_eq!(word(&credentials, "host").unwrap(), "old");
        place.chmod("word", 0o600);
        assert_eq!(word(&credentials, "host").unwrap(), "fresh");
        place.write(("credentials.yaml", "host: [", 0o600));
        assert_eq!((word(&credentials, "host").unwrap(), word(&credentials, "guest").unwrap()), ("fresh".to_owned(), "three".to_owned()));
        std::fs::remove_file(place.0.path().join("credentials.yaml")).unwrap();
        assert_eq!(word(&credentials, "host").unwrap(), "fresh");
        place.write(("credentials.yaml", "host: { user: agent, password: back }\nlate: { user: a, passwordFile: none }\n", 0o600));
        assert_eq!(word(&credentials, "host").unwrap(), "back");
        assert!(word(&credentials, "late").unwrap_err().contains("cannot read the password file"), "it never was good");
        assert!(!format!("{credentials:?}").contains("back"));
    }

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
    fn every_faulty_entry_is_told_at_once() {
        let entries = "a: { user: x }\nhost: { user: agent, password: p }\nb: { user: x, passwordFile: none }\n";
        insta::assert_snapshot!(read(&[("credentials.yaml", entries, 0o600)]).unwrap_err(), @"
        error: write exactly one of `password`, `passwordFile`, `passwordEnvironment`
          --> credentials.yaml:1:1
        error: cannot read the password file `none`: No such file or directory (os error 2)
          --> credentials.yaml:3:29
        ");
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
