//! Who is let in, in HTTP's own words: over in-memory streams on driven time, without any client of ours.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use sim::network::{PlainHttp, Simulator};
use sim::script::Script;
use sim::world::{Fault, HostName, Place, World, WorldFile};
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialUse, DataRepresentation, EncryptionFlags, Ntlm, SecurityBuffer,
    SecurityBufferRef, Sspi, SspiImpl, Username,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::Instant;
use trunkline_sim as sim;
use wsman::clock::TokioClock;

const ADDRESS: &str = "10.1.0.10";
const SOAP: &str = "Content-Type: application/soap+xml;charset=UTF-8\r\n";
const IDENTIFY: &str = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header/><s:Body><i:Identify xmlns:i=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\"/></s:Body></s:Envelope>";
const GET: &str = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\"><s:Header><a:To>http://hv01/wsman</a:To><w:ResourceURI s:mustUnderstand=\"true\">http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service</w:ResourceURI><a:ReplyTo><a:Address s:mustUnderstand=\"true\">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo><a:Action s:mustUnderstand=\"true\">http://schemas.xmlsoap.org/ws/2004/09/transfer/Get</a:Action><a:MessageID>uuid:6B29FC40-CA47-1067-B31D-00DD010662DA</a:MessageID><w:SelectorSet><w:Selector Name=\"Name\">WinRM</w:Selector></w:SelectorSet></s:Header><s:Body/></s:Envelope>";

/// A host whose service is configured as `winrm` says, a line of YAML.
fn host(winrm: &str) -> Simulator {
    let text = format!(
        "apiVersion: trunkline.dev/sim/v1alpha1\nkind: World\nnetworks: [{{name: lan, subnet: 10.1.0.0/24}}]\nhosts:\n  - name: hv-1\n    \
         computerName: HV01\n    accounts:\n      - {{user: trunkline, password: right}}\n      - {{user: filtered, password: right, rights: \
         filtered}}\n      - {{user: helper, password: right, rights: remoteManagement}}\n    winrm: {winrm}\n    nics: [{{name: Ethernet, \
         network: lan, addresses: [10.1.0.10/24]}}]\n"
    );
    let world = World::from_file(WorldFile::parse(&text).expect("a world file")).expect("a world");
    let start = "2026-03-01T02:00:00Z".parse().expect("an instant");
    Simulator::new(world, Arc::new(TokioClock::starting_at(start)))
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Lower-case names.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn offers(&self) -> Vec<&str> {
        self.headers.iter().filter(|(name, _)| name == "www-authenticate").map(|(_, value)| value.as_str()).collect()
    }

    fn token(&self) -> Vec<u8> {
        let [offer] = self.offers()[..] else { panic!("one token: {self:?}") };
        STANDARD.decode(offer.strip_prefix("Negotiate ").expect("a token")).expect("base64")
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection that speaks HTTP by hand.
struct Wire<S>(S);

fn clear(simulator: &Simulator) -> Wire<tokio::io::DuplexStream> {
    Wire(simulator.connect_from(Place::Remote).open(ADDRESS, 5985).expect("a listener"))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    async fn post(&mut self, headers: &str, body: &[u8]) -> Option<Answer> {
        let head = format!("POST /wsman HTTP/1.1\r\nHost: hv01\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        self.send(&[head.as_bytes(), body].concat()).await
    }

    /// The answer; `None` when the connection ends before it has come.
    async fn send(&mut self, request: &[u8]) -> Option<Answer> {
        // The other end may be gone already; what it said before that is read all the same.
        let _ = self.0.write_all(request).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).expect("text");
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<_> =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().expect("a number"));
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        Some(Answer { status, headers, body })
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

/// The client's side of NTLM, by the library.
struct Caller {
    context: Ntlm,
    credentials: Option<sspi::AuthIdentityBuffers>,
}

impl Caller {
    fn new(user: &str, password: &str) -> Self {
        let mut context = Ntlm::new();
        let identity = AuthIdentity { username: Username::parse(user).expect("a name"), password: password.to_owned().into() };
        let acquired = context.acquire_credentials_handle().with_credential_use(CredentialUse::Outbound).with_auth_data(&identity);
        let credentials = acquired.execute(&mut context).expect("credentials").credentials_handle;
        Self { context, credentials }
    }

    fn step(&mut self, token: &[u8]) -> Vec<u8> {
        let mut output = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut input = vec![SecurityBuffer::new(token.to_vec(), BufferType::Token)];
        let mut builder = self
            .context
            .initialize_security_context()
            .with_credentials_handle(&mut self.credentials)
            .with_context_requirements(ClientRequestFlags::CONFIDENTIALITY | ClientRequestFlags::INTEGRITY)
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name("HTTP/hv01")
            .with_input(&mut input)
            .with_output(&mut output);
        let mut context = self.context.clone();
        context.initialize_security_context_impl(&mut builder).expect("a step").resolve_to_result().expect("a step");
        self.context = context;
        output.remove(0).buffer
    }

    fn seal(&mut self, plain: &str) -> Vec<u8> {
        let (mut signature, mut data) = (vec![0; 16], plain.as_bytes().to_vec());
        let mut message = [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(&mut data)];
        self.context.encrypt_message(EncryptionFlags::empty(), &mut message).expect("sealed");
        let head = format!(
            "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\tOriginalContent: \
             type=application/soap+xml;charset=UTF-8;Length={}\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n",
            plain.len()
        );
        [head.as_bytes(), &[16, 0, 0, 0], &signature, &data, b"--Encrypted Boundary--\r\n"].concat()
    }

    fn open(&mut self, body: &[u8]) -> String {
        let marker = b"octet-stream\r\n";
        let at = body.windows(marker.len()).position(|window| window == marker).expect("octets") + marker.len();
        let end = body.len() - b"--Encrypted Boundary--\r\n".len();
        let (mut signature, mut data) = (body[at + 4..at + 20].to_vec(), body[at + 20..end].to_vec());
        let mut message = [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(&mut data)];
        self.context.decrypt_message(&mut message).expect("opened");
        String::from_utf8(data).expect("text")
    }
}

const SEALED: &str =
    "Content-Type: multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"\r\n";

fn negotiate(token: &[u8]) -> String {
    format!("Authorization: Negotiate {}\r\n", STANDARD.encode(token))
}

/// A handshake with empty requests; its last answer.
async fn log_on<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>, caller: &mut Caller) -> Answer {
    let challenge = wire.post(&negotiate(&caller.step(&[])), b"").await.expect("a challenge");
    assert_eq!(challenge.status, 401);
    let token = caller.step(&challenge.token());
    wire.post(&negotiate(&token), b"").await.expect("an answer")
}

/// How a logon with this password ends.
async fn logon(simulator: &Simulator, user: &str, password: &str) -> u16 {
    log_on(&mut clear(simulator), &mut Caller::new(user, password)).await.status
}

#[tokio::test(start_paused = true)]
async fn a_refusal_offers_what_the_service_takes() {
    for (winrm, plain, offers) in [
        ("{basic: false}", PlainHttp::Refused, vec!["Negotiate"]),
        ("{basic: true}", PlainHttp::Refused, vec!["Negotiate"]),
        ("{basic: false}", PlainHttp::Allowed, vec!["Negotiate", r#"Basic realm="WSMAN""#]),
        ("{basic: true, allowUnencrypted: true, negotiate: false}", PlainHttp::Refused, vec![r#"Basic realm="WSMAN""#]),
    ] {
        let simulator = host(winrm);
        simulator.set_plain_http(plain);
        let mut wire = clear(&simulator);
        for headers in [SOAP.to_owned(), format!("Authorization: Bearer x\r\n{SOAP}"), format!("{}{SOAP}", basic("trunkline", "wrong"))] {
            let answer = wire.post(&headers, IDENTIFY.as_bytes()).await.expect("an answer");
            assert_eq!((answer.status, answer.offers(), answer.body.len()), (401, offers.clone(), 0), "{winrm} {headers}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn heads_are_refused_as_on_windows() {
    let simulator = host("{}");
    for (request, status, page) in [
        ("POST /other HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 404, true),
        ("GET /wsman HTTP/1.1\r\nHost: h\r\n\r\n", 405, false),
        ("POST /wsman HTTP/1.1\r\nHost: h\r\n\r\n", 411, true),
    ] {
        let answer = clear(&simulator).send(request.as_bytes()).await.expect("an answer");
        assert_eq!((answer.status, answer.text().contains("HTTP Error")), (status, page), "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn basic_in_clear_is_taken_only_where_that_was_asked_for() {
    let simulator = host("{basic: true}");
    let headers = format!("{}{SOAP}", basic("trunkline", "right"));
    assert_eq!(clear(&simulator).post(&headers, IDENTIFY.as_bytes()).await.expect("an answer").status, 401);
    simulator.set_plain_http(PlainHttp::Allowed);
    for (user, status) in [("trunkline", 200), ("HV01\\Trunkline", 200), (".\\trunkline", 200), ("OTHER\\trunkline", 401)] {
        let headers = format!("{}{SOAP}", basic(user, "right"));
        assert_eq!(clear(&simulator).post(&headers, IDENTIFY.as_bytes()).await.expect("an answer").status, status, "{user}");
    }
}

#[tokio::test(start_paused = true)]
async fn sealed_messages_go_both_ways_for_as_long_as_the_connection_lives() {
    let simulator = host("{}");
    let (mut wire, mut caller) = (clear(&simulator), Caller::new("trunkline", "right"));
    let done = log_on(&mut wire, &mut caller).await;
    assert_eq!((done.status, done.body.len()), (200, 0));
    for _ in 0..3 {
        let sealed = caller.seal(IDENTIFY);
        let answer = wire.post(SEALED, &sealed).await.expect("an answer");
        assert_eq!(answer.status, 200);
        assert!(!answer.text().contains("Microsoft"), "it is sealed");
        assert!(caller.open(&answer.body).contains("OS: 10.0.20348"));
    }
    let fault = caller.seal(&GET.replace("WinRM", "Nothing"));
    let answer = wire.post(SEALED, &fault).await.expect("an answer");
    assert_eq!(answer.status, 500, "faults are sealed too");
    assert!(caller.open(&answer.body).contains("2150858752"));
    let stranger = clear(&simulator).post(SEALED, &caller.seal(IDENTIFY)).await.expect("an answer");
    assert_eq!(stranger.status, 401, "the logon was another connection's");
}

#[tokio::test(start_paused = true)]
async fn the_handshake_may_carry_the_first_request() {
    let simulator = host("{}");
    let (mut wire, mut caller) = (clear(&simulator), Caller::new("trunkline", "right"));
    // A client that hopes to seal nothing sends its request with each token; the host keeps none of it before it knows who sends it.
    let challenge = wire.post(&format!("{}{SOAP}", negotiate(&caller.step(&[]))), IDENTIFY.as_bytes()).await.expect("a challenge");
    let token = negotiate(&caller.step(&challenge.token()));
    let sealed = caller.seal(IDENTIFY);
    let answer = wire.post(&format!("{token}{SEALED}"), &sealed).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert!(caller.open(&answer.body).contains("OS: 10.0.20348"));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_sealed_is_refused_unless_that_is_allowed() {
    for (winrm, status) in [("{}", 500), ("{allowUnencrypted: true}", 200)] {
        let simulator = host(winrm);
        let mut wire = clear(&simulator);
        log_on(&mut wire, &mut Caller::new("trunkline", "right")).await;
        let answer = wire.post(SOAP, IDENTIFY.as_bytes()).await.expect("an answer");
        assert_eq!((answer.status, answer.body.is_empty()), (status, status == 500), "{winrm}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sealed_message_that_was_touched_ends_the_logon() {
    let simulator = host("{}");
    for place in ["signature", "data", "length"] {
        let (mut wire, mut caller) = (clear(&simulator), Caller::new("trunkline", "right"));
        log_on(&mut wire, &mut caller).await;
        let mut body = caller.seal(IDENTIFY);
        let octets = b"octet-stream\r\n";
        let at = body.windows(octets.len()).position(|window| window == octets).expect("octets") + octets.len();
        match place {
            "signature" => body[at + 8] ^= 1,
            "data" => body[at + 30] ^= 1,
            _ => {
                let digit = body.windows(7).position(|window| window == b"Length=").expect("a length") + 7;
                body[digit] ^= 1;
            }
        }
        assert_eq!(wire.post(SEALED, &body).await.expect("an answer").status, 400, "{place}");
        let again = caller.seal(IDENTIFY);
        assert_eq!(wire.post(SEALED, &again).await, None, "{place}: nothing of the connection is left");
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_names_and_passwords_are_refused_whichever_way_they_come() {
    let simulator = host("{}");
    for (user, password, status) in [
        ("trunkline", "right", 200),
        ("HV01\\TRUNKLINE", "right", 200),
        (".\\trunkline", "right", 200),
        ("trunkline", "wrong", 401),
        ("trunkline", "", 401),
        ("nobody", "right", 401),
        ("OTHER\\trunkline", "right", 401),
        ("filtered", "right", 401),
        ("helper", "right", 200),
    ] {
        assert_eq!(logon(&simulator, user, password).await, status, "{user} {password}");
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_in_place_of_a_token_is_refused_and_the_connection_goes_on() {
    let simulator = host("{}");
    let mut wire = clear(&simulator);
    let first = Caller::new("trunkline", "right").step(&[]);
    for token in [&b"NTLMSSP\0"[..], b"NTLMSSP\0\x03\0\0\0", b"\x60\x03abc", b"\xa1\x03abc", &[0x60; 40_000], b"x"] {
        assert_eq!(wire.post(&negotiate(token), b"").await.expect("an answer").status, 401);
        wire.post(&negotiate(&first), b"").await.expect("a challenge").token();
        assert_eq!(wire.post(&negotiate(token), b"").await.expect("an answer").status, 401, "after a challenge");
    }
    assert_eq!(wire.post("Authorization: Negotiate !!!\r\n", b"").await.expect("an answer").status, 401);
    assert_eq!(log_on(&mut wire, &mut Caller::new("trunkline", "right")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_message_without_its_integrity_check_proves_no_password() {
    let simulator = host("{}");
    let (mut wire, mut caller) = (clear(&simulator), Caller::new("trunkline", "wrong"));
    let challenge = wire.post(&negotiate(&caller.step(&[])), b"").await.expect("a challenge");
    let mut message = caller.step(&challenge.token());
    // MsvAvFlags, four bytes long, with the bit for the check.
    let flags = message.windows(8).position(|window| window == [6, 0, 4, 0, 2, 0, 0, 0]).expect("the flags");
    message[flags + 4] = 0;
    assert_eq!(wire.post(&negotiate(&message), b"").await.expect("an answer").status, 401);
}

#[tokio::test(start_paused = true)]
async fn an_account_is_locked_after_wrong_passwords_whichever_way_they_came() {
    let simulator = host("{lockout: {threshold: 2, duration: 10m}}");
    simulator.set_plain_http(PlainHttp::Allowed);
    assert_eq!(logon(&simulator, "trunkline", "wrong").await, 401);
    let headers = format!("{}{SOAP}", basic("HV01\\trunkline", "wrong"));
    assert_eq!(clear(&simulator).post(&headers, IDENTIFY.as_bytes()).await.expect("an answer").status, 401);
    assert_eq!(logon(&simulator, "trunkline", "right").await, 401, "it is locked");
    assert_eq!(logon(&simulator, "helper", "right").await, 200, "another is not");
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(logon(&simulator, "trunkline", "right").await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_script_locks_accounts_and_changes_passwords() {
    let simulator = host("{}");
    let (host, user) = (HostName::new("hv-1"), "trunkline".to_owned());
    let changed = Fault::PasswordChanged { host: host.clone(), vm: None, user: user.clone(), password: "new".to_owned() };
    simulator.apply(changed).expect("an account");
    assert_eq!(logon(&simulator, "trunkline", "right").await, 401);
    assert_eq!(logon(&simulator, "trunkline", "new").await, 200);
    simulator.apply(Fault::AccountLocked { host: host.clone(), vm: None, user }).expect("an account");
    assert_eq!(logon(&simulator, "trunkline", "new").await, 401);
    let nobody = Fault::AccountLocked { host, vm: None, user: "nobody".to_owned() };
    simulator.apply(nobody).expect_err("no such account");
}

#[tokio::test(start_paused = true)]
async fn a_remote_management_user_is_let_in_and_denied_access() {
    let simulator = host("{}");
    let (mut wire, mut caller) = (clear(&simulator), Caller::new("helper", "right"));
    log_on(&mut wire, &mut caller).await;
    let sealed = caller.seal(IDENTIFY);
    let answer = wire.post(SEALED, &sealed).await.expect("an answer");
    assert!(caller.open(&answer.body).contains("OS: 10.0.20348"));
    let sealed = caller.seal(GET);
    let answer = wire.post(SEALED, &sealed).await.expect("an answer");
    assert_eq!(answer.status, 500);
    assert!(caller.open(&answer.body).contains("Code=\"5\""));
}

/// Shows one certificate, and takes any.
#[derive(Debug)]
struct AnyServer;

impl rustls::client::danger::ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A TLS connection to the host, with a client certificate or without.
async fn secure(
    simulator: &Simulator,
    identity: Option<&rcgen::CertifiedKey<rcgen::KeyPair>>,
) -> Wire<tokio_rustls::client::TlsStream<tokio::io::DuplexStream>> {
    let stream = simulator.connect_from(Place::Remote).open(ADDRESS, 5986).expect("a listener");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer));
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::try_from(identity.signing_key.serialize_der()).expect("a key");
            builder.with_client_auth_cert(vec![identity.cert.der().clone()], key).expect("a certificate")
        }
    };
    let name = ServerName::try_from("hv01").expect("a name");
    Wire(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS"))
}

#[tokio::test(start_paused = true)]
async fn a_client_certificate_stands_for_the_account_that_it_is_mapped_to() {
    let identity = rcgen::generate_simple_self_signed(vec!["agent".to_owned()]).expect("a certificate");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, identity.cert.der());
    let thumbprint: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let stranger = rcgen::generate_simple_self_signed(vec!["other".to_owned()]).expect("a certificate");
    let mutual = format!("Authorization: http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual\r\n{SOAP}");
    let mapping = format!("clientCertificates: [{{thumbprint: {thumbprint}, account: trunkline}}]");
    for (winrm, shown, headers, status) in [
        (format!("{{certificate: true, {mapping}}}"), Some(&identity), mutual.as_str(), 200),
        (format!("{{certificate: true, {mapping}}}"), Some(&identity), SOAP, 401),
        (format!("{{certificate: true, {mapping}}}"), Some(&stranger), mutual.as_str(), 401),
        (format!("{{certificate: true, {mapping}}}"), None, mutual.as_str(), 401),
        (format!("{{certificate: false, {mapping}}}"), Some(&identity), mutual.as_str(), 401),
    ] {
        let simulator = host(&winrm);
        let answer = secure(&simulator, shown).await.post(headers, GET.as_bytes()).await.expect("an answer");
        assert_eq!(answer.status, status, "{winrm} {}", shown.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn inside_tls_a_binding_is_asked_for_as_strictly_as_configured() {
    // The library binds to nothing here; what foreign clients bind to is looked at in the tests that run them.
    for (level, status) in [("none", 200), ("relaxed", 200), ("strict", 401)] {
        let simulator = host(&format!("{{cbtHardeningLevel: {level}}}"));
        let mut wire = secure(&simulator, None).await;
        let done = log_on(&mut wire, &mut Caller::new("trunkline", "right")).await;
        assert_eq!(done.status, status, "{level}");
        let answer = wire.post(SOAP, IDENTIFY.as_bytes()).await.expect("an answer");
        assert_eq!(answer.status, status, "{level}: inside TLS nothing has to be sealed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_cut_at_every_byte_and_never_carried_out() {
    let headers = format!("{}{SOAP}", basic("trunkline", "right"));
    let body = GET;
    let request = format!("POST /wsman HTTP/1.1\r\nHost: hv01\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
    let simulator = host("{}");
    simulator.set_plain_http(PlainHttp::Allowed);
    for bytes in 0..request.len() {
        let script = format!("- on: {{ machine: hv-1, nth: 2 }}\n  do: {{ cutRequest: {bytes} }}\n");
        simulator.play(&Script::parse(&script).expect("a script")).expect("room");
        let mut wire = clear(&simulator);
        assert_eq!(wire.send(request.as_bytes()).await.expect("the first").status, 200);
        assert_eq!(wire.send(request.as_bytes()).await, None, "{bytes}");
        assert!(simulator.script().is_empty());
    }
    let carried_out: u64 = simulator.exchanges().iter().map(|(_, _, count)| count).sum();
    assert_eq!(carried_out, u64::try_from(request.len()).expect("few"), "only the first of each pair");
}

#[tokio::test(start_paused = true)]
async fn steps_of_a_handshake_are_faulted_only_where_they_are_named() {
    let simulator = host("{}");
    let play = |script: &str| simulator.play(&Script::parse(script).expect("a script")).expect("room");
    play("- on: { machine: hv-1 }\n  do: drop\n");
    assert_eq!(logon(&simulator, "trunkline", "right").await, 200, "it waits for a message");
    simulator.clear_script();
    play("- on: { operation: Authenticate, nth: 2 }\n  do: { status: 503 }\n");
    assert_eq!(logon(&simulator, "trunkline", "right").await, 503);
    play("- on: { operation: Authenticate }\n  do: { cutAfter: 20 }\n");
    assert_eq!(clear(&simulator).post(&negotiate(&Caller::new("a", "b").step(&[])), b"").await, None);
}

#[tokio::test(start_paused = true)]
async fn who_dawdles_is_hung_up_on() {
    let simulator = host("{}");
    for beginning in ["", "POST /ws", "POST /wsman HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"] {
        let mut wire = clear(&simulator);
        wire.0.write_all(beginning.as_bytes()).await.expect("sent");
        let begun = Instant::now();
        let mut rest = Vec::new();
        let _ = wire.0.read_to_end(&mut rest).await;
        assert!(begun.elapsed() <= Duration::from_secs(121), "{beginning}: {:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_requests_at_once_three_hundred_are_taken_and_the_rest_are_told_so() {
    let simulator = host("{}");
    simulator.set_plain_http(PlainHttp::Allowed);
    let slow = "- on: { operation: Get, times: null }\n  do: { slow: 10s }\n";
    simulator.play(&Script::parse(slow).expect("a script")).expect("room");
    let headers = format!("{}{SOAP}", basic("trunkline", "right"));
    let mut answers = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (mut wire, headers) = (clear(&simulator), headers.clone());
        answers.spawn(async move { wire.post(&headers, GET.as_bytes()).await.expect("an answer") });
    }
    let mut answers = answers.join_all().await;
    answers.sort_by_key(|answer| answer.status);
    let (taken, refused) = answers.split_at(300);
    assert!(taken.iter().all(|answer| answer.status == 200));
    assert_eq!(refused.len(), 700);
    for answer in refused {
        assert!(answer.status == 500 && answer.text().contains("Code=\"2150858815\""), "{}", answer.text());
    }
    assert_eq!(clear(&simulator).post(&headers, GET.as_bytes()).await.expect("an answer").status, 200, "there is room again");
}
