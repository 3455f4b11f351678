//! A security context of the `sspi` crate: tokens in, tokens out, then sealing.
//!
//! Guarantees: the crate's own tracing, which shows tokens, is never heard; a seal is checked with its place in the sequence.
//! Deliberately absent: HTTP.

use sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, ClientRequestFlags, CredentialsBuffers, DataRepresentation, EncryptionFlags, ErrorKind,
    Kerberos, KerberosConfig, NTLM_HASH_PREFIX, Negotiate, NegotiateConfig, Ntlm, SecurityBuffer, SecurityBufferRef, SecurityStatus, Sspi,
    SspiImpl, Username, generator::GeneratorState, ntlm::NtlmConfig,
};
use tracing::dispatcher::{Dispatch, with_default};

use super::kerberos::Kdc;
use super::{Account, AuthError, der};

/// Octets of an NTLM signature.
const SIGNATURE: usize = 16;

/// What the two ends agree on.
pub(super) enum Package {
    /// NTLM without a wrapping.
    Ntlm { context: Box<Ntlm>, handle: Option<AuthIdentityBuffers> },
    /// SPNEGO that offers NTLM alone.
    Spnego { context: Box<Negotiate>, handle: Option<CredentialsBuffers> },
    /// Kerberos without a wrapping, with tickets from a domain controller.
    Kerberos { context: Box<Kerberos>, handle: Option<CredentialsBuffers>, kdc: Kdc },
}

/// See the module.
pub(super) struct Context {
    package: Package,
    target: String,
    bindings: Option<Vec<u8>>,
    established: bool,
}

/// A step of the handshake that failed.
pub(super) enum StepError {
    /// A domain controller refuses the user or the password.
    Refused,
    /// A domain controller does not answer.
    NoTicket { controller: String, source: std::io::Error },
    /// Anything else, in words.
    Failed(String),
}

impl Package {
    pub(super) fn ntlm(account: &Account) -> Result<Self, AuthError> {
        let handle = Some(AuthIdentityBuffers::from(identity(account)?));
        Ok(Self::Ntlm { context: Box::new(silently(Ntlm::new)), handle })
    }

    pub(super) fn kerberos(account: &Account, kdc: Kdc) -> Result<Self, AuthError> {
        let handle = Some(CredentialsBuffers::AuthIdentity(identity(account)?.into()));
        let config = KerberosConfig::new_with_kdc_url(&format!("tcp://{}", kdc.address()), String::new());
        let context = silently(|| Kerberos::new_client_from_config(config)).map_err(|error| failed(&error))?;
        Ok(Self::Kerberos { context: Box::new(context), handle, kdc })
    }

    pub(super) fn spnego(account: &Account) -> Result<Self, AuthError> {
        let handle = Some(CredentialsBuffers::AuthIdentity(identity(account)?.into()));
        let config = NegotiateConfig::new(Box::new(NtlmConfig::default()), Some("ntlm".to_owned()), String::new());
        let context = silently(|| Negotiate::new_client(config)).map_err(|error| failed(&error))?;
        Ok(Self::Spnego { context: Box::new(context), handle })
    }
}

impl Context {
    /// A context for the service at `host`, bound to the TLS connection by `bindings`.
    pub(super) fn new(package: Package, host: &str, bindings: Option<Vec<u8>>) -> Self {
        Self { package, target: format!("HTTP/{host}"), bindings, established: false }
    }

    /// Whether both ends have said all.
    pub(super) fn is_established(&self) -> bool {
        self.established
    }

    /// Takes what the host said last, nothing at first; gives what it is to be told, nothing at the end.
    pub(super) async fn step(&mut self, said: Vec<u8>) -> Result<Vec<u8>, StepError> {
        let Self { package, target, bindings, .. } = self;
        let is_sound = match package {
            Package::Ntlm { .. } => true,
            Package::Spnego { .. } => der::is_negotiate_answer(&said),
            Package::Kerberos { .. } => der::is_kerberos_answer(&said),
        };
        if !said.is_empty() && !is_sound {
            return Err(StepError::Failed("the host's token is malformed".to_owned()));
        }
        let mut input = vec![SecurityBuffer::new(said, BufferType::Token)];
        if let Some(bindings) = bindings {
            input.push(SecurityBuffer::new(bindings.clone(), BufferType::ChannelBindings));
        }
        let (status, token) = match package {
            Package::Ntlm { context, handle } => step(&mut **context, handle, target, &mut input, None).await,
            Package::Spnego { context, handle } => step(&mut **context, handle, target, &mut input, None).await,
            Package::Kerberos { context, handle, kdc } => step(&mut **context, handle, target, &mut input, Some(kdc)).await,
        }?;
        self.established = match status {
            SecurityStatus::Ok => true,
            SecurityStatus::ContinueNeeded => false,
            other => return Err(StepError::Failed(format!("it ended with {other:?}"))),
        };
        Ok(token)
    }

    /// Seals `data` in its place; gives the signature.
    pub(super) fn seal(&mut self, data: &mut [u8]) -> Result<Vec<u8>, AuthError> {
        let sealed = silently(|| {
            let mut signature = vec![0; self.signature_length()?];
            let mut message = [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(data)];
            match &mut self.package {
                Package::Ntlm { context, .. } => context.encrypt_message(EncryptionFlags::empty(), &mut message),
                Package::Spnego { context, .. } => context.encrypt_message(EncryptionFlags::empty(), &mut message),
                Package::Kerberos { context, .. } => context.encrypt_message(EncryptionFlags::empty(), &mut message),
            }?;
            Ok(signature)
        });
        sealed.map_err(|error| failed(&error))
    }

    /// Unseals `data` in its place.
    pub(super) fn unseal(&mut self, signature: &[u8], data: &mut [u8]) -> Result<(), AuthError> {
        let opened = silently(|| {
            // The crate joins the two again: a signature of another length would be read all the same.
            if signature.len() != self.signature_length()? {
                return Err(sspi::Error::new(ErrorKind::MessageAltered, "the signature has another length"));
            }
            let mut signature = signature.to_vec();
            let mut message = [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(data)];
            match &mut self.package {
                Package::Ntlm { context, .. } => context.decrypt_message(&mut message),
                Package::Spnego { context, .. } => context.decrypt_message(&mut message),
                Package::Kerberos { context, .. } => context.decrypt_message(&mut message),
            }
        });
        opened.map(|_| ()).map_err(|_| AuthError::SealBroken)
    }

    fn signature_length(&mut self) -> sspi::Result<usize> {
        match &mut self.package {
            Package::Ntlm { .. } | Package::Spnego { .. } => Ok(SIGNATURE),
            Package::Kerberos { context, .. } => Ok(usize::try_from(context.query_context_sizes()?.security_trailer)?),
        }
    }
}

async fn step<P: Sspi + SspiImpl>(
    context: &mut P,
    handle: &mut P::CredentialsHandle,
    target: &str,
    input: &mut [SecurityBuffer],
    kdc: Option<&Kdc>,
) -> Result<(SecurityStatus, Vec<u8>), StepError> {
    let mut output = vec![SecurityBuffer::new(vec![], BufferType::Token)];
    let mut builder = context
        .initialize_security_context()
        .with_credentials_handle(handle)
        .with_context_requirements(
            ClientRequestFlags::MUTUAL_AUTH
                | ClientRequestFlags::INTEGRITY
                | ClientRequestFlags::CONFIDENTIALITY
                | ClientRequestFlags::REPLAY_DETECT
                | ClientRequestFlags::SEQUENCE_DETECT,
        )
        .with_target_data_representation(DataRepresentation::Native)
        .with_target_name(target)
        .with_input(input)
        .with_output(&mut output);
    let mut generator = silently(|| context.initialize_security_context_impl(&mut builder)).map_err(|error| step_failed(&error))?;
    let mut state = silently(|| generator.start());
    let result = loop {
        match state {
            GeneratorState::Completed(result) => break result,
            GeneratorState::Suspended(request) => {
                let Some(kdc) = kdc else { return Err(StepError::Failed("it asks for a domain controller".to_owned())) };
                let asked = kdc.ask(&request.data).await;
                let told = asked.map_err(|source| StepError::NoTicket { controller: kdc.address(), source })?;
                if !told.get(4..).is_some_and(der::is_whole) {
                    return Err(StepError::Failed("the domain controller's answer is malformed".to_owned()));
                }
                state = silently(|| generator.resume(Ok(told)));
            }
        }
    };
    drop(generator);
    let status = result.map_err(|error| step_failed(&error))?.status;
    let token = output.into_iter().next().map(|buffer| buffer.buffer).unwrap_or_default();
    Ok((status, token))
}

/// Whether a domain controller said no.
fn step_failed(error: &sspi::Error) -> StepError {
    // The crate gives these answers kinds that they share with others; its words are all that tells them apart.
    const NO: [&str; 3] =
        ["client not found in Kerberos database", "clients credentials have been revoked", "pre-authentication information was invalid"];
    let words = words(error);
    if NO.iter().any(|no| words.contains(no)) { StepError::Refused } else { StepError::Failed(words) }
}

fn identity(account: &Account) -> Result<AuthIdentity, AuthError> {
    // The crate would take such a password for a hash.
    if account.password.reveal().starts_with(NTLM_HASH_PREFIX) || account.user.is_empty() || account.user.chars().any(char::is_control) {
        return Err(AuthError::Unsendable);
    }
    let username = Username::parse(&account.user).map_err(|_| AuthError::Unsendable)?;
    Ok(AuthIdentity { username, password: account.password.reveal().to_owned().into() })
}

fn failed(error: &sspi::Error) -> AuthError {
    AuthError::Handshake(words(error))
}

/// The crate's words on what went wrong: kinds and sizes, never content of a secret.
fn words(error: &sspi::Error) -> String {
    error.description.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Runs `work` with nobody listening to its traces.
fn silently<T>(work: impl FnOnce() -> T) -> T {
    with_default(&Dispatch::none(), work)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use base64::Engine as _;

    use super::*;
    use crate::secret::Secret;

    /// A challenge with names, a time stamp and a wish for everything.
    const CHALLENGE: &str = "TlRMTVNTUAACAAAABgAGADgAAAA1goriASNFZ4mrze8AAAAAAAAAACYAJgA+AAAACgBjRQAAAA9DAEMARQACAAYAQwBDAEUAAQAI\
        AEgAVgAwADEABwAIAAAQpdToT9kBAAAAAA==";

    fn account() -> Account {
        Account { user: "CCE\\agent".to_owned(), password: Secret::new("s3cret") }
    }

    fn ready(future: impl Future<Output = Result<Vec<u8>, StepError>>) -> bool {
        let mut future = std::pin::pin!(future);
        let polled = future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        matches!(polled, std::task::Poll::Ready(Ok(_)))
    }

    /// Whether a context that has begun takes `said`.
    fn takes(package: Package, said: Vec<u8>) -> bool {
        let mut context = Context::new(package, "hv01", None);
        assert!(ready(context.step(vec![])), "begins");
        catch_unwind(AssertUnwindSafe(|| ready(context.step(said)))).expect("a refusal, not a panic")
    }

    fn challenge() -> Vec<u8> {
        base64::engine::general_purpose::STANDARD.decode(CHALLENGE).expect("Base64")
    }

    fn answer(token: &[u8]) -> Vec<u8> {
        let tagged = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).expect("short");
            if length < 0x80 { [&[tag, length], content].concat() } else { [&[tag, 0x81, length], content].concat() }
        };
        let mechanism = tagged(6, &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0a]);
        let fields = [tagged(0xa0, &[0x0a, 1, 1]), tagged(0xa1, &mechanism), tagged(0xa2, &tagged(4, token))].concat();
        tagged(0xa1, &tagged(0x30, &fields))
    }

    #[test]
    fn a_challenge_is_taken_bare_and_wrapped() {
        assert!(takes(Package::ntlm(&account()).expect("a package"), challenge()));
        assert!(takes(Package::spnego(&account()).expect("a package"), answer(&challenge())));
        assert!(!takes(Package::spnego(&account()).expect("a package"), challenge()), "nobody may leave the wrapping");
    }

    #[test]
    fn no_octet_of_a_hosts_token_makes_it_panic() {
        let (bare, wrapped) = (challenge(), answer(&challenge()));
        for octet in [0, 1, 0x7f, 0x80, 0xff] {
            for at in 0..wrapped.len() {
                let mut token = wrapped.clone();
                token[at] = octet;
                takes(Package::spnego(&account()).expect("a package"), token);
                takes(Package::spnego(&account()).expect("a package"), wrapped[..at].to_vec());
            }
            for at in 0..bare.len() {
                let mut token = bare.clone();
                token[at] = octet;
                takes(Package::ntlm(&account()).expect("a package"), token);
                takes(Package::ntlm(&account()).expect("a package"), bare[..at].to_vec());
            }
        }
    }

    #[test]
    fn a_password_that_the_library_would_take_for_a_hash_is_refused() {
        let account = Account { password: Secret::new("$NTLM$:8846f7eaee8fb117ad06bdd830b7586c"), ..account() };
        assert!(matches!(Package::ntlm(&account), Err(AuthError::Unsendable)));
    }
}
