//! Servers of git that nobody here wrote: git's own `http-backend` behind a small TLS server, and OpenSSH's `sshd`.
//!
//! Guarantees: both listen on the loopback only and go with their owner; keys and certificates are made anew each time. The source crate's
//! tests use this file too. Deliberately absent: anything that git itself answers; our part is TLS, the password and CGI.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio::sync::oneshot;

const BACKEND: &str = "/usr/lib/git-core/git-http-backend";
const SSHD: &str = "/usr/sbin/sshd";

/// The account that [`HttpsHost`] lets in.
pub const USER: &str = "bot";
/// Its password, with what a URL or a header could trip over.
pub const PASSWORD: &str = "pa:ss wörd/@&";

/// git's `http-backend` behind TLS and Basic.
pub struct HttpsHost {
    /// The authority's certificate, PEM.
    pub authority: String,
    /// The server's own certificate, PEM.
    pub certificate: String,
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    tls: Arc<ServerConfig>,
    projects: PathBuf,
    stopped: AtomicBool,
    refused: AtomicUsize,
    redirect: Mutex<Option<String>>,
    held: Mutex<Option<(oneshot::Sender<()>, Receiver<()>)>>,
}

impl HttpsHost {
    /// Serves the repositories below `projects` as `localhost`.
    pub fn serve(projects: &Path) -> Self {
        let issuer_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_pem = authority.self_signed(&issuer_key).unwrap().pem();
        let issuer = Issuer::new(authority, issuer_key);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let tls = tls.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let tls = tls.with_single_cert(vec![certificate.der().clone()], private).unwrap();
        let shared = Shared {
            tls: Arc::new(tls),
            projects: projects.to_owned(),
            stopped: AtomicBool::new(false),
            refused: AtomicUsize::new(0),
            redirect: Mutex::new(None),
            held: Mutex::new(None),
        };
        let mut host =
            Self { authority: authority_pem, certificate: certificate.pem(), port: 0, shared: Arc::new(shared), accepting: None };
        host.start();
        host
    }

    /// Listens (again), on the port that it had.
    pub fn start(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        self.port = listener.local_addr().unwrap().port();
        self.shared.stopped.store(false, Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        self.accepting = Some(std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&shared);
                // A client that goes away or does not believe us ends its connection; that is its business.
                std::thread::spawn(move || shared.talk(stream.unwrap()).ok());
            }
        }));
    }

    /// Listens no more.
    pub fn stop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            self.shared.stopped.store(true, Ordering::Relaxed);
            drop(TcpStream::connect(("127.0.0.1", self.port)));
            accepting.join().unwrap();
        }
    }

    /// The address of a repository, by the name that the certificate has.
    pub fn url(&self, name: &str) -> String {
        format!("https://localhost:{}/{name}", self.port)
    }

    /// The same by a name that the certificate has not.
    pub fn url_by_address(&self, name: &str) -> String {
        format!("https://127.0.0.1:{}/{name}", self.port)
    }

    /// How often somebody was refused with a password.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Sends everybody elsewhere from now on.
    pub fn redirect(&self, to: &str) {
        *self.shared.redirect.lock().unwrap() = Some(to.to_owned());
    }

    /// Makes the next pack as ever, and keeps it back: tells when it is ready, and sends it when the other end is dropped.
    #[allow(dead_code, reason = "only the source crate's tests need it")]
    pub fn hold_next_pack(&self) -> (oneshot::Receiver<()>, Sender<()>) {
        let (tell, ready) = oneshot::channel();
        let (release, released) = channel();
        *self.shared.held.lock().unwrap() = Some((tell, released));
        (ready, release)
    }
}

impl Drop for HttpsHost {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

impl Shared {
    fn talk(&self, stream: TcpStream) -> io::Result<()> {
        let connection = ServerConnection::new(Arc::clone(&self.tls)).map_err(io::Error::other)?;
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        while let Some(request) = read(&mut stream)? {
            let answer = self.answer(&request)?;
            let held = if request.method == "POST" { self.held.lock().unwrap().take() } else { None };
            if let Some((tell, released)) = held {
                tell.send(()).ok();
                released.recv().ok();
            }
            if self.stopped.load(Ordering::Relaxed) {
                return Ok(());
            }
            stream.get_mut().write_all(&answer)?;
            stream.get_mut().flush()?;
        }
        Ok(())
    }

    fn answer(&self, request: &Request) -> io::Result<Vec<u8>> {
        if let Some(to) = &*self.redirect.lock().unwrap() {
            let location = format!("Location: {to}{}", request.target);
            return Ok(whole("302 Found", &[&location], b""));
        }
        let given = request.header("authorization");
        if given != format!("Basic {}", base64(format!("{USER}:{PASSWORD}").as_bytes())) {
            self.refused.fetch_add(usize::from(!given.is_empty()), Ordering::Relaxed);
            return Ok(whole("401 Unauthorized", &["WWW-Authenticate: Basic realm=\"git\""], b"who are you?"));
        }
        self.ask_git(request)
    }

    #[expect(clippy::disallowed_methods, reason = "the agent starts no child process; its tests start git")]
    fn ask_git(&self, request: &Request) -> io::Result<Vec<u8>> {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let mut git = Command::new(BACKEND);
        git.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &self.projects).env("GIT_CONFIG_NOSYSTEM", "1");
        git.env("GIT_PROJECT_ROOT", &self.projects).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", USER);
        git.env("REQUEST_METHOD", &request.method).env("PATH_INFO", path).env("QUERY_STRING", query);
        git.env("CONTENT_TYPE", request.header("content-type")).env("CONTENT_LENGTH", request.body.len().to_string());
        git.env("HTTP_CONTENT_ENCODING", request.header("content-encoding")).env("GIT_PROTOCOL", request.header("git-protocol"));
        let mut git = git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        // git reads all of it before it answers, or ends and says why.
        git.stdin.take().unwrap().write_all(&request.body).ok();
        let output = git.wait_with_output()?.stdout;
        let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_default();
        let head = String::from_utf8_lossy(&output[..end]).into_owned();
        let (status, headers): (Vec<_>, Vec<_>) = head.lines().partition(|line| line.starts_with("Status: "));
        let status = status.first().map_or("200 OK", |line| &line["Status: ".len()..]);
        Ok(whole(status, &headers, &output[end + 4..]))
    }
}

fn whole(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let mut answer = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn read(stream: &mut BufReader<StreamOwned<ServerConnection, TcpStream>>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    if request.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
        loop {
            let mut size = String::new();
            stream.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            stream.by_ref().take(size).read_to_end(&mut request.body)?;
            stream.read_line(&mut String::new())?;
            if size == 0 {
                break;
            }
        }
    } else {
        let length = request.header("content-length").parse().unwrap_or_default();
        stream.by_ref().take(length).read_to_end(&mut request.body)?;
    }
    Ok(Some(request))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |index: usize| char::from(DIGITS[(bits >> (18 - 6 * index)) as usize & 63]);
        (0..4).map(|index| if index <= chunk.len() { digit(index) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// OpenSSH's `sshd` with a host key of its own, which lets the present user in by two keys.
pub struct SshHost {
    directory: tempfile::TempDir,
    port: u16,
    /// The account that it lets in: ours.
    pub user: String,
    child: Child,
}

impl SshHost {
    /// The passphrase of the key [`SshHost::locked_key`].
    pub const PASSPHRASE: &str = "open sesame";

    /// Starts it.
    pub fn serve() -> Self {
        let directory = tempfile::tempdir().unwrap();
        assert!(Path::new(SSHD).exists(), "{SSHD} is missing; run `./tests/run setup`, which installs openssh-server");
        for (name, passphrase) in [("host", ""), ("other-host", ""), ("client", ""), ("locked", Self::PASSPHRASE), ("stranger", "")] {
            let file = directory.path().join(name);
            run("ssh-keygen", &["-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", file.to_str().unwrap()]);
        }
        let public = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        std::fs::write(directory.path().join("authorized"), public("client.pub") + &public("locked.pub")).unwrap();
        // Free now; nobody else on the loopback takes a port that was just given.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let user = run("id", &["-un"]).trim().to_owned();
        let child = start(directory.path(), port, "host");
        Self { directory, port, user, child }
    }

    /// Stops it and starts it with another host key, as a machine does that sits in between.
    pub fn change_host_key(&mut self) {
        self.stop();
        self.child = start(self.directory.path(), self.port, "other-host");
    }

    /// Ends it.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The address of a repository.
    pub fn url(&self, repository: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, repository.display())
    }

    /// The line of `known_hosts` for it.
    pub fn known_host(&self) -> String {
        let public = std::fs::read_to_string(self.directory.path().join("host.pub")).unwrap();
        let key = public.rsplit_once(' ').unwrap().0;
        format!("[127.0.0.1]:{} {key}\n", self.port)
    }

    /// Its host key's fingerprint as `ssh-keygen` tells it.
    pub fn fingerprint(&self) -> String {
        let file = self.directory.path().join("host.pub");
        let told = run("ssh-keygen", &["-l", "-f", file.to_str().unwrap()]);
        told.split(' ').nth(1).unwrap().to_owned()
    }

    /// A private key that is let in.
    pub fn key(&self) -> PathBuf {
        self.directory.path().join("client")
    }

    /// Another one, behind a passphrase.
    pub fn locked_key(&self) -> PathBuf {
        self.directory.path().join("locked")
    }

    /// One that is not let in.
    pub fn strange_key(&self) -> PathBuf {
        self.directory.path().join("stranger")
    }
}

impl Drop for SshHost {
    fn drop(&mut self) {
        self.stop();
    }
}

#[expect(clippy::disallowed_methods, reason = "the agent starts no child process; its tests start sshd")]
fn start(directory: &Path, port: u16, host_key: &str) -> Child {
    let here = directory.display();
    let config = format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {here}/{host_key}\nAuthorizedKeysFile {here}/authorized\nPidFile none\nStrictModes no\n\
         UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nLogLevel VERBOSE\n"
    );
    std::fs::write(directory.join("sshd_config"), config).unwrap();
    // Started by root, sshd wants an empty directory for the part of it that may do nothing; without root it needs none.
    let _ = std::fs::create_dir("/run/sshd");
    let log = std::fs::File::create(directory.join("sshd.log")).unwrap();
    let mut sshd = Command::new(SSHD);
    sshd.args(["-D", "-e", "-f"]).arg(directory.join("sshd_config")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut child = sshd.spawn().unwrap();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = child.try_wait().unwrap() {
            panic!("sshd ended ({status}): {}", std::fs::read_to_string(directory.join("sshd.log")).unwrap());
        }
        std::thread::yield_now();
    }
    child
}

#[expect(clippy::disallowed_methods, reason = "the agent starts no child process; its tests ask the system's tools")]
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
