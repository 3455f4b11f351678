//! git over ssh from OpenSSH's server. Keys that `known_hosts` vouches for are tried by the binary's tests, which have a home of their own.

use std::path::Path;
use std::sync::Arc;

use model::cause::chain;
use source::{Access, Credential, Origin, Reader, Secret, SourceError, Trust};

use crate::git_host::SshHost;
use crate::https::Given;
use crate::support::Repo;

fn key(file: &Path, passphrase: Option<&str>) -> Arc<Given> {
    let key = Secret::new(std::fs::read_to_string(file).unwrap());
    Arc::new(Given(Credential::Key { user: "unused".to_owned(), key, passphrase: passphrase.map(Secret::new) }))
}

struct Scene {
    repo: Repo,
    host: SshHost,
    state: tempfile::TempDir,
}

impl Scene {
    fn set() -> Self {
        Self { repo: Repo::bare(), host: SshHost::serve(), state: tempfile::tempdir().unwrap() }
    }

    fn url(&self) -> String {
        self.host.url(&self.repo.path())
    }

    fn reader(&self) -> Reader {
        Reader::new(Origin::new(&self.url(), Some("main"), None).unwrap(), Some(self.state.path()))
    }

    /// By a key, insisting on the host's own.
    fn access(&self, credentials: Arc<Given>) -> Access {
        Access { credentials, trust: Trust { host_keys: Some(self.host.fingerprint().parse().unwrap()), ..Trust::default() } }
    }

    fn refusal(&self, access: &Access) -> String {
        let error: SourceError = self.reader().fetch(access).unwrap_err();
        chain(&error).replace(&self.url(), "<url>").replace(&self.host.user, "<user>").replace(&self.host.fingerprint(), "<key>")
    }
}

#[test]
fn a_key_lets_us_in_and_history_may_be_rewritten() {
    let scene = Scene::set();
    let first = scene.repo.commit(&[("a.yaml", "a: 1\n")]);
    let access = scene.access(key(&scene.host.key(), None));
    let mut reader = scene.reader();
    reader.fetch(&access).unwrap();
    let revision = |reader: &mut Reader| reader.read().unwrap().unwrap().snapshot.revision.as_str().to_owned();
    assert_eq!(revision(&mut reader), format!("main@sha1:{first}"));
    let forced = scene.repo.force(&[("a.yaml", "a: 9\n")]);
    let locked = scene.access(key(&scene.host.locked_key(), Some(SshHost::PASSPHRASE)));
    reader.fetch(&locked).unwrap();
    let reading = reader.read().unwrap().unwrap();
    assert_eq!(reading.snapshot.revision.as_str(), format!("main@sha1:{forced}"));
    assert!(reading.rewrite.is_some());
}

#[test]
fn a_key_that_is_not_let_in_is_told() {
    let scene = Scene::set();
    scene.repo.commit(&[("a.yaml", "a: 1\n")]);
    insta::assert_snapshot!(scene.refusal(&scene.access(key(&scene.host.strange_key(), None))), @"`<url>` refuses the key of user `<user>`; correct the credential `source`");
    insta::assert_snapshot!(scene.refusal(&scene.access(key(&scene.host.locked_key(), Some("not the one")))), @"the key of user `<user>` in the credential `source` cannot be read: a wrong passphrase, or no key of a known form: failed to authenticate SSH session: Unable to extract public key from private key file: Unsupported private key file format; class=Ssh (23)");
}

#[test]
fn a_host_that_nothing_vouches_for_is_refused() {
    let scene = Scene::set();
    scene.repo.commit(&[("a.yaml", "a: 1\n")]);
    let known_hosts = scene.state.path().join("known_hosts");
    let access = scene.access(key(&scene.host.key(), None));
    let by_file = Access { trust: Trust { known_hosts: Some(known_hosts.clone()), ..Trust::default() }, ..access.clone() };
    let here = |said: String| said.replace(known_hosts.to_str().unwrap(), "<known_hosts>");
    insta::assert_snapshot!(here(scene.refusal(&by_file)), @"`<url>` does not prove who it is: its ssh key is <key>, which is not known here; hold it against what its owner publishes, then add it to <known_hosts> or name it with the setting `sourceHostKey`");
    // Only to be told of: libgit2 asks the file of the home directory, which has nothing.
    std::fs::write(&known_hosts, format!("other ssh-ed25519 AAAA\n{}", scene.host.known_host())).unwrap();
    insta::assert_snapshot!(here(scene.refusal(&by_file)), @"`<url>` does not prove who it is: its ssh key is <key>, not the one in <known_hosts>:2; somebody may sit in between, so ask its owner; if the key was renewed, replace that line");
}

#[test]
fn a_host_key_that_is_not_the_pinned_one_is_refused_and_the_last_good_state_stays() {
    let mut scene = Scene::set();
    let first = scene.repo.commit(&[("a.yaml", "a: 1\n")]);
    let access = scene.access(key(&scene.host.key(), None));
    scene.reader().fetch(&access).unwrap();
    scene.repo.commit(&[("a.yaml", "a: 2\n")]);
    scene.host.change_host_key();
    let said = scene.refusal(&access);
    let (before, after) = (said.find("SHA256:").unwrap(), said.find(", and the setting").unwrap());
    insta::assert_snapshot!(said.replace(&said[before..after], "<shown>"), @"`<url>` does not prove who it is: its ssh key is <shown>, and the setting `sourceHostKey` insists on another; somebody may sit in between, so ask its owner");
    let reading = scene.reader().read().unwrap().unwrap();
    assert_eq!(reading.snapshot.revision.as_str(), format!("main@sha1:{first}"));
}

#[test]
fn a_repository_that_is_not_there_is_said() {
    let scene = Scene::set();
    insta::assert_snapshot!(scene.refusal(&scene.access(key(&scene.host.key(), None))), @"`<url>` has no branch or tag `main`");
    let nothing = Origin::new(&scene.host.url(Path::new("/nothing.git")), Some("main"), None).unwrap();
    let error = Reader::new(nothing, Some(scene.state.path())).fetch(&scene.access(key(&scene.host.key(), None))).unwrap_err();
    let said = chain(&error).replace(&scene.host.url(Path::new("/nothing.git")), "<url>");
    insta::assert_snapshot!(said, @"there is no repository `<url>`, or none that we may read: fatal: '/nothing.git' does not appear to be a git repository; class=Ssh (23); code=Eof (-20)");
}
