//! Asking a remote for references, and bringing what they reach into a mirror.
//!
//! Guarantees: bounded in bytes and objects; ends soon after `stop` is set while data flows; a credential that was refused is not shown
//! again; nothing is shown to whom we do not believe; a remote that has nothing new costs one exchange and brings nothing; references move
//! only when the caller says so. Deliberately absent: tags, submodules, other branches, pushing.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::cert::Cert;
use git2::{
    AutotagOption, CertificateCheckStatus, Cred, CredentialType, Direction, ErrorClass, ErrorCode, FetchOptions, Oid, ProxyOptions, Remote,
    RemoteCallbacks, RemoteUpdateFlags, Repository,
};

use crate::credential::{Access, Ask, Credential, CredentialError, CredentialKind};
use crate::error::SourceError;
use crate::known_hosts;
use crate::origin::host_and_port;
use crate::trust::{Doubt, shown};

/// Bytes that one fetch may bring. A fleet's whole history is a few MiB.
const MAX_FETCH_MIB: u64 = 512;

/// Objects that one fetch may bring.
const MAX_OBJECTS: usize = 2_000_000;

/// Where ssh listens unless the URL says otherwise.
const SSH_PORT: u16 = 22;

/// Below it stands for a moment what was asked for besides.
const ASKED: &str = "refs/trunkline-asked/";

/// What a fetch needs besides the mirror.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) url: String,
    pub(crate) access: Access,
    /// Set when nobody wants its outcome any more: the agent stops, or a later fetch has succeeded.
    pub(crate) stop: Arc<AtomicBool>,
}

impl Call {
    /// A fetch that somebody waits for.
    pub(crate) fn new(url: &str, access: &Access) -> Self {
        Self { url: url.to_owned(), access: access.clone(), stop: Arc::default() }
    }
}

/// What happened while libgit2 called us back; its own error does not say.
#[derive(Default)]
struct Witness {
    /// What the remote was shown: `password of user `bot``.
    proof: RefCell<Option<String>>,
    no_credential: RefCell<Option<CredentialError>>,
    doubt: RefCell<Option<Doubt>>,
    /// The system itself judged a certificate or key, and did not tell us how.
    judged: RefCell<Option<Doubt>>,
    too_large: Cell<bool>,
    stopped: Cell<bool>,
}

/// What a remote said, with everything in the mirror that it reaches. No reference has moved yet.
pub(crate) struct Fetched<'r> {
    remote: Remote<'r>,
    /// Local names of what was wanted, the likeliest first.
    local: Vec<String>,
}

/// A reference of a mirror that the remote has.
pub(crate) struct Landed {
    /// Its local name.
    pub(crate) name: String,
    /// Where it pointed before; zero when it is new.
    pub(crate) before: Oid,
    pub(crate) now: Oid,
}

impl Landed {
    pub(crate) fn moved(&self) -> bool {
        self.before != self.now
    }
}

impl Fetched<'_> {
    /// Moves the references. Returns those that the remote has, the likeliest first.
    pub(crate) fn land(mut self) -> Result<Vec<Landed>, git2::Error> {
        let mut present = Vec::new();
        let mut callbacks = RemoteCallbacks::new();
        callbacks.update_tips(|name, before, now| {
            present.push(Landed { name: name.to_owned(), before, now });
            true
        });
        // Unchanged references are reported too: that is how we know that the remote still has them.
        self.remote.update_tips(Some(&mut callbacks), RemoteUpdateFlags::REPORT_UNCHANGED, AutotagOption::None, None)?;
        drop(callbacks);
        let likeliest = |landed: &Landed| self.local.iter().position(|name| *name == landed.name);
        present.sort_by_key(likeliest);
        Ok(present)
    }
}

/// Fetches those of `wanted` that the remote has (HEAD's branch when there are none), to be known here as `local` says. `None`: it has no
/// commit.
pub(crate) fn fetch<'r>(
    repository: &'r Repository,
    call: &Call,
    wanted: &[String],
    local: fn(&str) -> String,
) -> Result<Option<Fetched<'r>>, SourceError> {
    let witness = Witness::default();
    let failed = |source| explain(call, &witness, source);
    let mut remote = repository.remote_anonymous(&call.url).map_err(failed)?;
    let mut connection = remote.connect_auth(Direction::Fetch, Some(callbacks(call, &witness)), Some(proxy())).map_err(failed)?;
    let names = if wanted.is_empty() {
        match connection.default_branch() {
            Ok(name) => {
                let name = String::from_utf8_lossy(&name).into_owned();
                // The remote chooses this text, and a `*` or `:` in it would fetch something else than a branch.
                if !git2::Reference::is_valid_name(&name) {
                    return Err(SourceError::NoReference { origin: call.url.clone(), reference: name.escape_debug().to_string() });
                }
                vec![name]
            }
            // A repository without commits has no HEAD to tell.
            Err(source) if source.code() == ErrorCode::NotFound => return Ok(None),
            Err(source) => return Err(failed(source)),
        }
    } else {
        wanted.to_vec()
    };
    let local: Vec<String> = names.iter().map(|name| local(name)).collect();
    let specs: Vec<String> = names.iter().zip(&local).map(|(theirs, ours)| format!("+{theirs}:{ours}")).collect();
    let mut options = FetchOptions::new();
    options.remote_callbacks(callbacks(call, &witness)).proxy_options(proxy()).download_tags(AutotagOption::None);
    connection.remote().download(&specs, Some(&mut options)).map_err(failed)?;
    drop(connection);
    Ok(Some(Fetched { remote, local }))
}

/// Where a mirror keeps a reference of the remote.
pub(crate) fn local_name(theirs: &str) -> String {
    format!("refs/trunkline/{}", theirs.strip_prefix("refs/").unwrap_or(theirs))
}

/// Where a mirror keeps for a moment what was asked for besides the reference that it follows.
pub(crate) fn asked_name(theirs: &str) -> String {
    format!("{ASKED}{}", theirs.strip_prefix("refs/").unwrap_or(theirs))
}

/// The remote's own name of what is kept under [`asked_name`].
pub(crate) fn asked_of(local: &str) -> String {
    format!("refs/{}", local.strip_prefix(ASKED).unwrap_or(local))
}

fn proxy<'a>() -> ProxyOptions<'a> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}

fn callbacks<'a>(call: &'a Call, witness: &'a Witness) -> RemoteCallbacks<'a> {
    let mut callbacks = RemoteCallbacks::new();
    callbacks.certificate_check(move |certificate, host| believe(call, witness, certificate, host));
    callbacks.credentials(move |_, user, allowed| {
        // The URL that libgit2 hands in may come from a redirect; what we ask for is ours.
        answer(call, witness, user, allowed)
    });
    callbacks.transfer_progress(move |progress| {
        witness.stopped.set(call.stop.load(Ordering::Relaxed));
        witness.too_large.set(progress.received_bytes() as u64 > MAX_FETCH_MIB << 20 || progress.total_objects() > MAX_OBJECTS);
        !witness.stopped.get() && !witness.too_large.get()
    });
    callbacks.sideband_progress(move |_| {
        witness.stopped.set(call.stop.load(Ordering::Relaxed));
        !witness.stopped.get()
    });
    callbacks
}

/// Whether the remote is who it says. Where the settings name nobody, libgit2's own verdict stands, which it does not tell us.
fn believe(call: &Call, witness: &Witness, certificate: &Cert<'_>, host: &str) -> Result<CertificateCheckStatus, git2::Error> {
    let trust = &call.access.trust;
    let (ours, port) = host_and_port(&call.url);
    let verdict = if !ours.eq_ignore_ascii_case(host) {
        Err(Doubt::Elsewhere { host: host.to_owned() })
    } else if let Some(key) = certificate.as_hostkey() {
        let Some(digest) = key.hash_sha256() else { return Err(refused("the ssh key has no SHA-256 digest")) };
        match &trust.host_keys {
            Some(keys) if keys.hold(digest) => Ok(CertificateCheckStatus::CertificateOk),
            Some(_) => Err(Doubt::OtherHostKey { shown: shown(digest) }),
            None => {
                let (shown, known_hosts) = (shown(digest), trust.known_hosts.clone());
                let line = known_hosts.as_deref().and_then(|file| known_hosts::line_of(file, host, port.unwrap_or(SSH_PORT)));
                let doubt = match line {
                    Some(line) => Doubt::ChangedHostKey { shown, known_hosts, line },
                    None => Doubt::UnknownHostKey { shown, known_hosts },
                };
                *witness.judged.borrow_mut() = Some(doubt);
                Ok(CertificateCheckStatus::CertificatePassthrough)
            }
        }
    } else {
        match (&trust.authorities, certificate.as_x509()) {
            (Some(authorities), Some(certificate)) => {
                authorities.vouch(host, certificate.data()).map(|()| CertificateCheckStatus::CertificateOk)
            }
            _ => {
                *witness.judged.borrow_mut() = Some(Doubt::System);
                Ok(CertificateCheckStatus::CertificatePassthrough)
            }
        }
    };
    verdict.map_err(|doubt| {
        let error = git2::Error::new(ErrorCode::Certificate, ErrorClass::Callback, doubt.to_string());
        *witness.doubt.borrow_mut() = Some(doubt);
        error
    })
}

fn refused(text: &str) -> git2::Error {
    git2::Error::new(ErrorCode::Auth, ErrorClass::Callback, text)
}

fn answer(call: &Call, witness: &Witness, user: Option<&str>, allowed: CredentialType) -> Result<Cred, git2::Error> {
    // libgit2 would ask for ever, and each attempt counts where accounts are locked.
    if witness.proof.borrow().is_some() {
        return Err(refused("the credential was refused"));
    }
    // That libgit2 asks who we are means that it believes the remote.
    *witness.judged.borrow_mut() = None;
    let only_name = allowed == CredentialType::USERNAME;
    let password = allowed.is_user_pass_plaintext() || only_name;
    let key = allowed.is_ssh_key() || allowed.is_ssh_memory() || only_name;
    let kinds: Vec<CredentialKind> = [(key, CredentialKind::Key), (password, CredentialKind::Password)]
        .into_iter()
        .filter_map(|(takes, kind)| takes.then_some(kind))
        .collect();
    let credential = match call.access.credentials.resolve(&Ask { url: &call.url, user, kinds: &kinds }) {
        Ok(credential) => credential,
        Err(error) => {
            *witness.no_credential.borrow_mut() = Some(error);
            return Err(refused("no credential"));
        }
    };
    if only_name {
        return Cred::username(credential.user());
    }
    *witness.proof.borrow_mut() = Some(credential.to_string());
    match &credential {
        Credential::Password { user, password } => Cred::userpass_plaintext(user, password.expose()),
        Credential::Key { user, key, passphrase } => {
            Cred::ssh_key_from_memory(user, None, key.expose(), passphrase.as_ref().map(|secret| secret.expose()))
        }
        Credential::Agent { user } => Cred::ssh_key_from_agent(user),
    }
}

fn explain(call: &Call, witness: &Witness, source: git2::Error) -> SourceError {
    let url = call.url.clone();
    if witness.stopped.get() {
        return SourceError::Interrupted { url };
    }
    if witness.too_large.get() {
        return SourceError::TooLarge { url, limit_mib: MAX_FETCH_MIB };
    }
    if let Some(source) = witness.no_credential.borrow_mut().take() {
        return SourceError::Credential { url, source };
    }
    if let Some(source) = witness.doubt.borrow_mut().take() {
        return SourceError::NotProven { url, source };
    }
    let judged = witness.judged.borrow_mut().take();
    // Over ssh it is what the remote said, and whatever that is must not reach a terminal.
    let says: String = source.message().trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let source = git2::Error::new(source.code(), source.class(), &says);
    // libgit2 keeps the code to itself where we leave the verdict to it.
    let about_certificate = source.code() == ErrorCode::Certificate || source.class() == ErrorClass::Ssl && says.contains("certificate");
    match (source.code(), judged) {
        (_, Some(doubt)) if about_certificate => SourceError::NotProven { url, source: doubt },
        (ErrorCode::Auth, ..) => {
            let proof = witness.proof.borrow_mut().take().unwrap_or_else(|| "what we show".to_owned());
            // Our own callback ended it; what it said is known.
            SourceError::Refused { url, proof, source: Some(source).filter(|source| source.class() != ErrorClass::Callback) }
        }
        _ if is_hidden(source.class(), &says) => SourceError::Hidden { url, source },
        _ if source.class() == ErrorClass::Ssh && says.contains("private key") => {
            SourceError::UnusableKey { url, proof: witness.proof.borrow_mut().take().unwrap_or_default(), source }
        }
        _ => SourceError::Fetch { url, source },
    }
}

/// Whether a server says that there is no such repository for us, in the words of git, of the large hosts of git, or of HTTP.
fn is_hidden(class: ErrorClass, says: &str) -> bool {
    match class {
        ErrorClass::Http => ["403", "404"].iter().any(|code| says.ends_with(code)),
        ErrorClass::Ssh => {
            ["not appear to be a git repository", "epository not found", "could not be found"].iter().any(|words| says.contains(words))
        }
        _ => false,
    }
}
