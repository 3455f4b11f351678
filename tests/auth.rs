//! Authentication against a server that nobody here wrote: pyspnego's NTLM and SPNEGO behind a small HTTP server.

use std::sync::Arc;

use wsman::auth::{Account, AuthError, Basic, Kerberos, Negotiate, Wrapping};
use wsman::cim::{CimPath, Namespace};
use wsman::clock::SystemClock;
use wsman::connect::{Endpoint, TcpConnect};
use wsman::tls::Trust;
use wsman::{Access, Client, Error, Secret, Settings};

use crate::support::binary::{Line, Running};
use crate::support::example::root;
use crate::support::kerberos::{REALM, Realm};
use crate::support::python::python;

const PASSWORD: &str = "Pässwörd; 1,\u{a0}\"2\"€𝄞";

/// The server, and where it listens.
struct Server {
    running: Running,
    port: u16,
    trust: Trust,
    _directory: tempfile::TempDir,
}

impl Server {
    /// With TLS when a hash is named, by which its certificate is signed.
    fn start(hash: Option<&str>) -> Self {
        Self::start_as(hash, |line| line)
    }

    fn start_as(hash: Option<&str>, with: impl FnOnce(Line) -> Line) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let users = directory.path().join("users");
        std::fs::write(&users, format!("CCE:agent:{PASSWORD}\n")).unwrap();
        let script = root().join("tests/clients/spnego_server.py");
        let arguments = [script.to_str(), users.to_str(), hash];
        let line = Line::of(&python(), directory.path(), arguments.into_iter().flatten()).with("PYTHONUTF8", "1");
        let mut running = with(line).start();
        let port = running.line().trim().parse().unwrap();
        let trust = hash.map_or(Trust::System, |_| Trust::Pinned(running.line().trim().parse().unwrap()));
        Self { running, port, trust, _directory: directory }
    }

    fn endpoint(&self, path: &str) -> Endpoint {
        let base = if self.trust == Trust::System { Endpoint::http("localhost") } else { Endpoint::https("localhost") };
        Endpoint { port: self.port, path: path.to_owned(), ..base }
    }

    fn client(&self, path: &str, authenticate: impl wsman::auth::Authenticate + 'static) -> Client {
        let access = Access {
            endpoint: self.endpoint(path),
            connect: Arc::new(TcpConnect::default()),
            trust: self.trust.clone(),
            authenticate: Arc::new(authenticate),
            clock: Arc::new(SystemClock),
        };
        Client::new(access, Settings::default()).unwrap()
    }

    fn said(&mut self, lines: usize) -> String {
        (0..lines).map(|_| self.running.line()).collect()
    }
}

fn negotiate(user: &str, password: &str, wrapping: Wrapping) -> Negotiate {
    Negotiate { account: Account { user: user.to_owned(), password: Secret::new(password) }, wrapping }
}

fn right() -> Negotiate {
    negotiate("CCE\\agent", PASSWORD, Wrapping::Spnego)
}

fn alpha() -> CimPath {
    CimPath::class_of(Namespace::CIMV2, "Win32_Service").with_key("Name", "Alpha")
}

/// An error with its causes, without the port.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    let port = text.find("localhost:").map(|at| text[at + 10..].chars().take_while(char::is_ascii_digit).collect::<String>());
    port.map_or(text.clone(), |port| text.replace(&port, "<port>"))
}

#[tokio::test]
async fn sealed_requests_are_understood_and_sealed_answers_too_raw_and_in_spnego() {
    let mut server = Server::start(None);
    for wrapping in [Wrapping::Raw, Wrapping::Spnego] {
        let client = server.client("/wsman", negotiate("CCE\\agent", PASSWORD, wrapping));
        client.identify().await.unwrap();
        for _ in 0..2 {
            let service = client.get(&alpha()).await.unwrap();
            assert_eq!(service.text("State").unwrap(), Some("Läuft".repeat(500).as_str()));
        }
    }
    insta::assert_snapshot!(server.said(8), @r"
    admitted raw ntlm CCE\agent
    request Identify sealed
    request Get sealed
    request Get sealed
    admitted spnego ntlm CCE\agent
    request Identify sealed
    request Get sealed
    request Get sealed
    ");
}

#[tokio::test]
async fn over_tls_the_handshake_is_bound_to_the_certificate_and_envelopes_go_plain() {
    for hash in ["sha256", "sha384", "sha512"] {
        let mut server = Server::start(Some(hash));
        server.client("/wsman", right()).get(&alpha()).await.unwrap();
        server.client("/wsman", negotiate("CCE\\agent", PASSWORD, Wrapping::Raw)).get(&alpha()).await.unwrap();
        assert_eq!(
            server.said(4),
            "admitted spnego ntlm CCE\\agent\nrequest Get plain\nadmitted raw ntlm CCE\\agent\nrequest Get plain\n",
            "{hash}"
        );
    }
}

#[tokio::test]
async fn a_wrong_password_or_name_is_refused_once_and_rests() {
    let mut server = Server::start(None);
    for (user, password) in [("CCE\\agent", "wrong"), ("CCE\\nobody", PASSWORD), ("agent", "wrong")] {
        let client = server.client("/wsman", negotiate(user, password, Wrapping::Spnego));
        // Eight at once, over four connections.
        let alpha = alpha();
        let (a, b, c, d) = tokio::join!(client.get(&alpha), client.get(&alpha), client.get(&alpha), client.get(&alpha));
        let (e, f, g, h) = tokio::join!(client.get(&alpha), client.get(&alpha), client.get(&alpha), client.get(&alpha));
        let errors: Vec<_> = [a, b, c, d, e, f, g, h].into_iter().map(|answer| answer.unwrap_err()).collect();
        let refused = errors.iter().filter(|e| matches!(e, Error::Unauthorized { source: AuthError::Refused { .. }, .. })).count();
        let resting = errors.iter().filter(|e| matches!(e, Error::Unauthorized { source: AuthError::Resting { .. }, .. })).count();
        assert_eq!((refused, resting), (1, 7), "{errors:?}");
        assert!(errors.iter().all(|error| !format!("{error:?}").contains(password)));
        assert_eq!(client.requests(), 0);
    }
    // One attempt each; then a good one, which shows that nothing else came in between.
    server.client("/wsman", right()).get(&alpha()).await.unwrap();
    insta::assert_snapshot!(server.said(4), @r"
    refused spnego InvalidTokenError
    refused spnego SpnegoError
    refused spnego SpnegoError
    admitted spnego ntlm CCE\agent
    ");
}

#[tokio::test]
async fn an_answer_that_is_not_sealed_by_the_host_is_not_believed() {
    let server = Server::start(None);
    let mut errors = vec![];
    for path in ["/tampered", "/signature", "/plain", "/plain-fault", "/repeated"] {
        for wrapping in [Wrapping::Raw, Wrapping::Spnego] {
            let client = server.client(path, negotiate("CCE\\agent", PASSWORD, wrapping));
            if path == "/repeated" {
                client.get(&alpha()).await.unwrap();
            }
            let error = client.get(&alpha()).await.unwrap_err();
            assert!(error.outcome_unknown(), "{path}");
            errors.push(format!("{path} {}", told(&error)));
        }
    }
    errors.dedup();
    insta::assert_snapshot!(errors.join("\n"), @r"
    /tampered `Get` may have been carried out: what `http://localhost:<port>/tampered` answered cannot be believed: the answer's seal is broken: it was changed on its way, or is not the host's answer to this request
    /signature `Get` may have been carried out: what `http://localhost:<port>/signature` answered cannot be believed: the answer's seal is broken: it was changed on its way, or is not the host's answer to this request
    /plain `Get` may have been carried out: what `http://localhost:<port>/plain` answered cannot be believed: the answer is not sealed as it must be: it is not `multipart/encrypted` of the agreed protocol
    /plain-fault `Get` may have been carried out: what `http://localhost:<port>/plain-fault` answered cannot be believed: the answer is not sealed as it must be: it is not `multipart/encrypted` of the agreed protocol
    /repeated `Get` may have been carried out: what `http://localhost:<port>/repeated` answered cannot be believed: the answer's seal is broken: it was changed on its way, or is not the host's answer to this request
    ");
}

#[tokio::test]
async fn a_handshake_that_ends_early_or_without_the_hosts_proof_is_refused() {
    let server = Server::start(None);
    let mut errors = vec![];
    for path in ["/early", "/no-mic", "/basic-only", "/amnesia", "/too-long"] {
        let error = server.client(path, right()).get(&alpha()).await.unwrap_err();
        // Over HTTP a refusal without a seal may be anybody's, and the request may have come through.
        assert_eq!(error.outcome_unknown(), path == "/amnesia", "{path}");
        errors.push(format!("{path} {}", told(&error)));
    }
    let secure = Server::start(Some("sha256"));
    let error = secure.client("/wsman", Basic::new("agent", Secret::new(PASSWORD))).get(&alpha()).await.unwrap_err();
    errors.push(told(&error));
    insta::assert_snapshot!(errors.join("\n"), @r"
    /early `Get` was not carried out: `http://localhost:<port>/early` does not let us in: the host ended the handshake without proof that it knows the password
    /no-mic `Get` was not carried out: `http://localhost:<port>/no-mic` does not let us in: the host ended the handshake without proof that it knows the password
    /basic-only `Get` was not carried out: `http://localhost:<port>/basic-only` does not let us in: the host does not offer Negotiate: it offers Basic; allow Negotiate in its WinRM service, or choose another `authentication`
    /amnesia `Get` may have been carried out: `http://localhost:<port>/amnesia` gave no answer: the host accepts user `CCE\agent` and then forgets it: something between may share connections
    /too-long `http://localhost:<port>/too-long` answered `Get` with HTTP status 413: the request is longer than the host reads
    `Get` was not carried out: `https://localhost:<port>/wsman` does not let us in: the host refuses user `agent`: wrong name or password, a locked account, or one that may not log on over the network
    ");
}

#[tokio::test]
async fn a_connection_that_the_host_forgot_is_authenticated_again_and_the_request_sent_again() {
    let mut server = Server::start(None);
    let client = server.client("/forgetful", right());
    for _ in 0..4 {
        client.get(&alpha()).await.unwrap();
    }
    assert_eq!(client.requests(), 5, "one of them came too late");
    insta::assert_snapshot!(server.said(7), @r"
    admitted spnego ntlm CCE\agent
    request Get sealed
    request Get sealed
    forgotten
    admitted spnego ntlm CCE\agent
    request Get sealed
    request Get sealed
    ");
}

fn kerberos(user: &str, password: &str, kdc: &str) -> Kerberos {
    let account = Account { user: format!("{REALM}\\{user}"), password: Secret::new(password) };
    Kerberos { account, domain_controller: Some(kdc.to_owned()) }
}

#[tokio::test]
async fn kerberos_with_tickets_of_a_real_kdc_seals_over_http_and_goes_plain_within_tls() {
    let realm = Realm::with_user("agent", "Kerber0s; secret");
    let mut plain = Server::start_as(None, |line| realm.serve(line));
    let client = plain.client("/wsman", kerberos("agent", "Kerber0s; secret", &realm.kdc));
    client.identify().await.unwrap();
    for _ in 0..3 {
        let service = client.get(&alpha()).await.unwrap();
        assert_eq!(service.text("State").unwrap(), Some("Läuft".repeat(500).as_str()));
    }
    insta::assert_snapshot!(plain.said(3), @r"
    admitted kerberos kerberos agent@CCE.TEST
    request Identify sealed
    request Get sealed
    ");
    let mut secure = Server::start_as(Some("sha384"), |line| realm.serve(line));
    secure.client("/wsman", kerberos("agent", "Kerber0s; secret", &realm.kdc)).get(&alpha()).await.unwrap();
    insta::assert_snapshot!(secure.said(2), @r"
    admitted kerberos kerberos agent@CCE.TEST
    request Get plain
    ");
}

#[tokio::test]
async fn kerberos_tells_a_wrong_password_a_missing_kdc_and_a_broken_seal() {
    let realm = Realm::with_user("agent", "Kerber0s; secret");
    let server = Server::start_as(None, |line| realm.serve(line));
    let mut errors = vec![];
    for (path, user, password, kdc) in [
        ("/wsman", "agent", "wrong", &*realm.kdc),
        ("/wsman", "nobody", "Kerber0s; secret", &*realm.kdc),
        ("/wsman", "agent", "Kerber0s; secret", "127.0.0.1:1"),
        ("/basic-only", "agent", "Kerber0s; secret", &*realm.kdc),
        ("/tampered", "agent", "Kerber0s; secret", &*realm.kdc),
        ("/signature", "agent", "Kerber0s; secret", &*realm.kdc),
        ("/plain", "agent", "Kerber0s; secret", &*realm.kdc),
    ] {
        let error = server.client(path, kerberos(user, password, kdc)).get(&alpha()).await.unwrap_err();
        assert!(!format!("{error:?}").contains(password));
        errors.push(format!("{path} {user} {}", told(&error)));
    }
    // An answer that is repeated relates to another request.
    let client = server.client("/repeated", kerberos("agent", "Kerber0s; secret", &realm.kdc));
    client.get(&alpha()).await.unwrap();
    assert!(matches!(client.get(&alpha()).await, Err(Error::BadAnswer { .. })));
    insta::assert_snapshot!(errors.join("\n"), @r"
    /wsman agent `Get` was not carried out: `http://localhost:<port>/wsman` does not let us in: the host refuses user `CCE.TEST\agent`: wrong name or password, a locked account, or one that may not log on over the network
    /wsman nobody `Get` was not carried out: `http://localhost:<port>/wsman` does not let us in: the host refuses user `CCE.TEST\nobody`: wrong name or password, a locked account, or one that may not log on over the network
    /wsman agent `Get` was not sent: `http://localhost:<port>/wsman` cannot be reached: the domain controller `127.0.0.1:1` gives no ticket: Connection refused (os error 111)
    /basic-only agent `Get` was not carried out: `http://localhost:<port>/basic-only` does not let us in: the host does not offer Kerberos: it offers Basic; allow Kerberos in its WinRM service, or choose another `authentication`
    /tampered agent `Get` may have been carried out: what `http://localhost:<port>/tampered` answered cannot be believed: the answer's seal is broken: it was changed on its way, or is not the host's answer to this request
    /signature agent `Get` may have been carried out: what `http://localhost:<port>/signature` answered cannot be believed: the answer's seal is broken: it was changed on its way, or is not the host's answer to this request
    /plain agent `Get` may have been carried out: what `http://localhost:<port>/plain` answered cannot be believed: the answer is not sealed as it must be: it is not `multipart/encrypted` of the agreed protocol
    ");
}
