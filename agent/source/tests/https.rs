//! git over https from git's own server: who it is, who we are, and what happens when it goes away.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use model::cause::chain;
use source::{
    Access, Ask, Authorities, Credential, CredentialError, CredentialKind, Credentials, Now, Origin, Reader, Secret, SourceError, Trust,
};

use crate::git_host::{HttpsHost, PASSWORD, USER};
use crate::support::Repo;

/// The credential of the settings. Over ssh the account is the URL's.
#[derive(Debug)]
pub struct Given(pub Credential);

impl Credentials for Given {
    fn resolve(&self, ask: &Ask<'_>) -> Result<Credential, CredentialError> {
        let wanted = match self.0 {
            Credential::Password { .. } => CredentialKind::Password,
            Credential::Key { .. } | Credential::Agent { .. } => CredentialKind::Key,
        };
        assert!(ask.kinds.contains(&wanted), "{ask:?}");
        let mut given = self.0.clone();
        if let (Credential::Key { user, .. }, Some(named)) = (&mut given, ask.user) {
            named.clone_into(user);
        }
        Ok(given)
    }
}

fn password(text: &str) -> Arc<Given> {
    Arc::new(Given(Credential::Password { user: USER.to_owned(), password: Secret::new(text) }))
}

/// Seconds since 1970 as a clock; certificates of the tests are good for long.
fn at(seconds: u64) -> Now {
    Arc::new(move || Duration::from_secs(seconds))
}

const TODAY: u64 = 1_800_000_000;

fn trust(pem: &str) -> Trust {
    Trust { authorities: Some(Authorities::from_pem(pem.as_bytes(), at(TODAY)).unwrap()), ..Trust::default() }
}

/// What lets us in to a server of a test.
pub fn access_to(host: &HttpsHost) -> Access {
    Access { credentials: password(PASSWORD), trust: trust(&host.authority) }
}

struct Scene {
    repo: Repo,
    host: HttpsHost,
    state: tempfile::TempDir,
}

impl Scene {
    fn set() -> Self {
        let repo = Repo::bare();
        let host = HttpsHost::serve(repo.path().parent().unwrap());
        Self { repo, host, state: tempfile::tempdir().unwrap() }
    }

    fn name(&self) -> String {
        self.repo.path().file_name().unwrap().to_str().unwrap().to_owned()
    }

    fn origin(&self) -> Origin {
        Origin::new(&self.host.url(&self.name()), Some("main"), None).unwrap()
    }

    fn reader(&self) -> Reader {
        Reader::new(self.origin(), Some(self.state.path()))
    }

    fn access(&self) -> Access {
        access_to(&self.host)
    }

    /// What a fetch says that goes wrong, every cause of it.
    fn refusal(&self, access: &Access) -> String {
        self.said(&self.reader().fetch(access).unwrap_err())
    }

    fn said(&self, error: &SourceError) -> String {
        chain(error).replace(&self.host.url(&self.name()), "<url>")
    }
}

fn revision(reader: &mut Reader) -> String {
    reader.read().unwrap().unwrap().snapshot.revision.as_str().to_owned()
}

#[test]
fn a_private_authority_and_a_password_let_us_in() {
    let scene = Scene::set();
    let first = scene.repo.commit(&[("a.yaml", "a: 1\n")]);
    let mut reader = scene.reader();
    reader.fetch(&scene.access()).unwrap();
    assert_eq!(revision(&mut reader), format!("main@sha1:{first}"));
    reader.fetch(&scene.access()).unwrap();
    assert!(reader.read().unwrap().is_none(), "nothing new");
    let large: Vec<(String, String)> = (0..200).map(|n| (format!("f{n}.yaml"), format!("n: {n}\n").repeat(500))).collect();
    let large: Vec<(&str, &str)> = large.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let second = scene.repo.commit(&large);
    reader.fetch(&scene.access()).unwrap();
    assert_eq!(revision(&mut reader), format!("main@sha1:{second}"));
    assert_eq!(scene.host.refused(), 0);
}

#[test]
fn the_server_s_own_certificate_may_be_named_instead_of_its_authority() {
    let scene = Scene::set();
    scene.repo.commit(&[("a.yaml", "a: 1\n")]);
    scene.reader().fetch(&Access { trust: trust(&scene.host.certificate), ..scene.access() }).unwrap();
}

#[test]
fn nobody_is_believed_without_an_authority() {
    let scene = Scene::set();
    scene.repo.commit(&[("a.yaml", "a: 1\n")]);
    let said = scene.refusal(&Access { trust: Trust::default(), ..scene.access() });
    insta::assert_snapshot!(said, @"`<url>` does not prove who it is: the system's authorities do not vouch for its certificate; name the authority that does with the setting `sourceCa`");
    let stranger = HttpsHost::serve(Path::new("/nowhere"));
    insta::assert_snapshot!(scene.refusal(&Access { trust: trust(&stranger.authority), ..scene.access() }), @"`<url>` does not prove who it is: its certificate is not good by the authorities in `sourceCa`: none of them issued it (an authority in between must stand in the file too)");
    let late = Authorities::from_pem(scene.host.authority.as_bytes(), at(u64::from(u32::MAX) * 100)).unwrap();
    let late = Trust { authorities: Some(late), ..Trust::default() };
    assert!(scene.refusal(&Access { trust: late, ..scene.access() }).contains("expired"));
    let elsewhere = Origin::new(&scene.host.url_by_address(&scene.name()), Some("main"), None).unwrap();
    let error = Reader::new(elsewhere, Some(scene.state.path())).fetch(&scene.access()).unwrap_err();
    assert!(matches!(error, SourceError::NotProven { .. }), "{}", chain(&error));
    assert_eq!(scene.host.refused(), 0, "a password was shown to somebody who is not believed");
}

#[test]
fn a_wrong_password_is_tried_once_and_the_user_is_named() {
    let scene = Scene::set();
    scene.repo.commit(&[("a.yaml", "a: 1\n")]);
    let said = scene.refusal(&Access { credentials: password("not the one"), ..scene.access() });
    insta::assert_snapshot!(said, @"`<url>` refuses the password of user `bot`; correct the credential `source`");
    assert_eq!(scene.host.refused(), 1, "each attempt counts where accounts are locked");
    let said = scene.refusal(&Access { credentials: Access::anonymous().credentials, ..scene.access() });
    insta::assert_snapshot!(said, @"no credential for `<url>`: the remote asks for a credential and the settings name none for it");
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    let scene = Scene::set();
    scene.repo.commit(&[("a.yaml", "a: 1\n")]);
    let other = Scene::set();
    other.repo.commit(&[("a.yaml", "a: 2\n")]);
    let by_address = other.host.url_by_address("");
    for to in [by_address.trim_end_matches('/').to_owned(), by_address.trim_end_matches('/').replace("https", "http")] {
        scene.host.redirect(&to);
        let error = scene.reader().fetch(&scene.access()).unwrap_err();
        assert!(scene.reader().read().is_err(), "{}", scene.said(&error));
        let said = scene.said(&error);
        assert!(said.contains("redirect"), "{said}");
    }
    assert_eq!(other.host.refused(), 0);
}

/// Answers each connection's first request with `answer`, and tells what was asked. Ends with the test.
fn answering(answer: String) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            let mut lines = BufReader::new(&stream);
            while !request.ends_with("\r\n\r\n") && lines.read_line(&mut request).is_ok_and(|read| read > 0) {}
            // The test may be over.
            let _ = tell.send(request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, asked)
}

#[test]
fn a_credential_is_not_shown_to_whom_a_server_of_this_machine_sends_us() {
    let (elsewhere, asked) = answering(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    );
    let to = format!("http://localhost:{elsewhere}/fleet.git/info/refs?service=git-upload-pack");
    let (here, _) = answering(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    let state = tempfile::tempdir().unwrap();
    let origin = Origin::new(&format!("http://127.0.0.1:{here}/fleet.git"), Some("main"), None).unwrap();
    let password = Credential::Password { user: "bot".to_owned(), password: Secret::new("secret") };
    let access = Access { credentials: Arc::new(Given(password)), ..Access::anonymous() };
    let error = Reader::new(origin, Some(state.path())).fetch(&access).unwrap_err();
    let asked: Vec<String> = asked.try_iter().collect();
    assert!(!asked.iter().any(|request| request.to_ascii_lowercase().contains("authorization")), "{asked:#?}");
    assert!(asked.is_empty(), "{asked:#?}");
    assert!(chain(&error).contains("redirect"), "{}", chain(&error));
}

#[test]
fn a_repository_that_is_not_there_is_said() {
    let scene = Scene::set();
    let nothing = Origin::new(&scene.host.url("nothing.git"), Some("main"), None).unwrap();
    let error = Reader::new(nothing, Some(scene.state.path())).fetch(&scene.access()).unwrap_err();
    insta::assert_snapshot!(chain(&error).replace(&scene.host.url(""), "<server>/"), @"there is no repository `<server>/nothing.git`, or none that we may read: unexpected http status code: 404; class=Http (34)");
}

#[test]
fn what_was_good_outlives_an_outage_and_a_rewritten_history() {
    let mut scene = Scene::set();
    let first = scene.repo.commit(&[("a.yaml", "a: 1\n")]);
    let access = scene.access();
    scene.reader().fetch(&access).unwrap();

    scene.host.stop();
    let mut reader = scene.reader();
    let error = reader.fetch(&access).unwrap_err();
    assert!(matches!(error, SourceError::Fetch { .. }), "{}", chain(&error));
    assert_eq!(revision(&mut reader), format!("main@sha1:{first}"), "a new agent reads what the old one fetched");

    let forced = scene.repo.force(&[("a.yaml", "a: 9\n")]);
    scene.host.start();
    reader.fetch(&access).unwrap();
    let reading = reader.read().unwrap().unwrap();
    assert_eq!(reading.snapshot.revision.as_str(), format!("main@sha1:{forced}"));
    assert!(reading.rewrite.is_some());
}
