//! Bringing one reference of a remote into its mirror.
//!
//! Guarantees: bounded in bytes and objects; ends soon after `stop` is set while data flows; a credential is asked for at most twice; a
//! remote that has nothing new costs one exchange and writes nothing. Deliberately absent: tags, submodules, other branches, pushing.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::{
    AutotagOption, Cred, CredentialType, Direction, ErrorClass, ErrorCode, FetchOptions, ProxyOptions, RemoteCallbacks, Repository,
};

use crate::credential::{Ask, Credential, CredentialError, CredentialKind, Credentials};
use crate::error::SourceError;

/// Bytes that one fetch may bring. A fleet's whole history is a few MiB.
const MAX_FETCH_MIB: u64 = 512;

/// Objects that one fetch may bring.
const MAX_OBJECTS: usize = 2_000_000;

/// How often one fetch may ask for a credential: libgit2 would ask for ever when the remote refuses it.
const MAX_ASKS: u32 = 2;

/// What a fetch needs besides the mirror.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) credentials: Arc<dyn Credentials>,
    /// Set when the agent stops.
    pub(crate) stop: Arc<AtomicBool>,
}

/// What happened while libgit2 called us back; its own error does not say.
#[derive(Default)]
struct Witness {
    asks: Cell<u32>,
    no_credential: RefCell<Option<CredentialError>>,
    too_large: Cell<bool>,
    stopped: Cell<bool>,
    /// Local names of the references that the remote has.
    present: RefCell<Vec<String>>,
}

/// Fetches the first of `wanted` that the remote has (HEAD's branch when there are none). Returns its local name.
pub(crate) fn fetch(repository: &Repository, access: &Access, wanted: &[String]) -> Result<Option<String>, SourceError> {
    let witness = Witness::default();
    let failed = |source| explain(access, &witness, source);
    let mut remote = repository.remote_anonymous(&access.url).map_err(failed)?;
    let mut connection = remote.connect_auth(Direction::Fetch, Some(callbacks(access, &witness)), Some(proxy())).map_err(failed)?;
    let names = if wanted.is_empty() {
        match connection.default_branch() {
            Ok(name) => {
                let name = String::from_utf8_lossy(&name).into_owned();
                // The remote chooses this text, and a `*` or `:` in it would fetch something else than a branch.
                if !git2::Reference::is_valid_name(&name) {
                    return Err(SourceError::NoReference { origin: access.url.clone(), reference: name.escape_debug().to_string() });
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
    let local: Vec<String> = names.iter().map(|name| local_name(name)).collect();
    let specs: Vec<String> = names.iter().zip(&local).map(|(theirs, ours)| format!("+{theirs}:{ours}")).collect();
    let mut options = FetchOptions::new();
    options.remote_callbacks(callbacks(access, &witness)).proxy_options(proxy());
    // Unchanged references are reported too: that is how we know that the remote still has them.
    options.download_tags(AutotagOption::None).update_fetchhead(false).report_unchanged(true);
    connection.remote().fetch(&specs, Some(&mut options), None).map_err(failed)?;
    let present = witness.present.borrow();
    Ok(local.into_iter().find(|name| present.contains(name)))
}

/// Where a mirror keeps a reference of the remote.
pub(crate) fn local_name(theirs: &str) -> String {
    format!("refs/trunkline/{}", theirs.strip_prefix("refs/").unwrap_or(theirs))
}

fn proxy<'a>() -> ProxyOptions<'a> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}

fn callbacks<'a>(access: &'a Access, witness: &'a Witness) -> RemoteCallbacks<'a> {
    let mut callbacks = RemoteCallbacks::new();
    callbacks.credentials(move |_, user, allowed| {
        // The URL that libgit2 hands in may come from a redirect; what we ask for is ours.
        answer(access, witness, user, allowed)
    });
    callbacks.transfer_progress(move |progress| {
        witness.stopped.set(access.stop.load(Ordering::Relaxed));
        witness.too_large.set(progress.received_bytes() as u64 > MAX_FETCH_MIB << 20 || progress.total_objects() > MAX_OBJECTS);
        !witness.stopped.get() && !witness.too_large.get()
    });
    callbacks.sideband_progress(move |_| {
        witness.stopped.set(access.stop.load(Ordering::Relaxed));
        !witness.stopped.get()
    });
    callbacks.update_tips(move |name, _, _| {
        witness.present.borrow_mut().push(name.to_owned());
        true
    });
    callbacks
}

fn answer(access: &Access, witness: &Witness, user: Option<&str>, allowed: CredentialType) -> Result<Cred, git2::Error> {
    if allowed.is_username() && !allowed.is_ssh_key() && !allowed.is_ssh_memory() {
        return Cred::username(user.unwrap_or("git"));
    }
    witness.asks.set(witness.asks.get() + 1);
    let refused = |text: &str| git2::Error::new(ErrorCode::Auth, ErrorClass::Callback, text);
    if witness.asks.get() > MAX_ASKS {
        return Err(refused("the credential was refused"));
    }
    let kind = if allowed.is_user_pass_plaintext() { CredentialKind::Password } else { CredentialKind::Key };
    match access.credentials.resolve(&Ask { url: &access.url, user, kind }) {
        Ok(Credential::Password { user, password }) => Cred::userpass_plaintext(&user, password.expose()),
        Ok(Credential::Key { user, key, passphrase }) => {
            Cred::ssh_key_from_memory(&user, None, key.expose(), passphrase.as_ref().map(|secret| secret.expose()))
        }
        Ok(Credential::Agent { user }) => Cred::ssh_key_from_agent(&user),
        Err(error) => {
            *witness.no_credential.borrow_mut() = Some(error);
            Err(refused("no credential"))
        }
    }
}

fn explain(access: &Access, witness: &Witness, source: git2::Error) -> SourceError {
    let url = access.url.clone();
    if witness.stopped.get() {
        return SourceError::Interrupted { url };
    }
    if witness.too_large.get() {
        return SourceError::TooLarge { url, limit_mib: MAX_FETCH_MIB };
    }
    if let Some(source) = witness.no_credential.borrow_mut().take() {
        return SourceError::Credential { url, source };
    }
    match source.code() {
        ErrorCode::Auth => SourceError::Refused { url, source },
        ErrorCode::Certificate => SourceError::NotProven { url, source },
        _ => SourceError::Fetch { url, source },
    }
}
