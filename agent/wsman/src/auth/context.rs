//! A security context of the `sspi` crate: tokens in, tokens out, then sealing.
//!
//! Guarantees: the crate's own tracing, which shows tokens, is never heard; a seal is checked with its place in the sequence.
//! Deliberately absent: HTTP.

use ::sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, ClientRequestFlags, CredentialsBuffers, DataRepresentation, EncryptionFlags,
    NTLM_HASH_PREFIX, Negotiate, NegotiateConfig, Ntlm, SecurityBuffer, SecurityBufferRef, SecurityStatus, Sspi, SspiImpl, Username,
    generator::GeneratorState, ntlm::NtlmConfig,
};
use tracing::dispatcher::{Dispatch, with_default};

use super::{Account, AuthError};

/// Octets of an NTLM signature.
const SIGNATURE: usize = 16;

/// What the two ends agree on.
pub(super) enum Package {
    /// NTLM without a wrapping.
    Ntlm { context: Box<Ntlm>, handle: Option<AuthIdentityBuffers> },
    /// SPNEGO that offers NTLM alone.
    Spnego { context: Box<Negotiate>, handle: Option<CredentialsBuffers> },
}

/// See the module.
pub(super) struct Context {
    package: Package,
    target: String,
    bindings: Option<Vec<u8>>,
    established: bool,
}

/// What one step of the handshake gave.
pub(super) struct Step {
    /// What the host is to be told; empty when nothing is left to say.
    pub(super) token: Vec<u8>,
}

impl Package {
    pub(super) fn ntlm(account: &Account) -> Result<Self, AuthError> {
        let handle = Some(AuthIdentityBuffers::from(identity(account)?));
        Ok(Self::Ntlm { context: Box::new(silently(Ntlm::new)), handle })
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

    /// Takes what the host said last, nothing at first.
    pub(super) fn step(&mut self, said: Vec<u8>) -> Result<Step, AuthError> {
        let Self { package, target, bindings, .. } = self;
        let mut input = vec![SecurityBuffer::new(said, BufferType::Token)];
        if let Some(bindings) = bindings {
            input.push(SecurityBuffer::new(bindings.clone(), BufferType::ChannelBindings));
        }
        let (status, token) = match package {
            Package::Ntlm { context, handle } => step(&mut **context, handle, target, &mut input),
            Package::Spnego { context, handle } => step(&mut **context, handle, target, &mut input),
        }?;
        self.established = match status {
            SecurityStatus::Ok => true,
            SecurityStatus::ContinueNeeded => false,
            other => return Err(AuthError::Handshake(format!("it ended with {other:?}"))),
        };
        Ok(Step { token })
    }

    /// Seals `data` in its place; gives the signature.
    pub(super) fn seal(&mut self, data: &mut [u8]) -> Result<Vec<u8>, AuthError> {
        let mut signature = vec![0; SIGNATURE];
        let mut message = [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(data)];
        let sealed = silently(|| match &mut self.package {
            Package::Ntlm { context, .. } => context.encrypt_message(EncryptionFlags::empty(), &mut message),
            Package::Spnego { context, .. } => context.encrypt_message(EncryptionFlags::empty(), &mut message),
        });
        sealed.map_err(|error| failed(&error))?;
        Ok(signature)
    }

    /// Unseals `data` in its place.
    pub(super) fn unseal(&mut self, signature: &[u8], data: &mut [u8]) -> Result<(), AuthError> {
        if signature.len() != SIGNATURE {
            return Err(AuthError::SealBroken);
        }
        let mut signature = signature.to_vec();
        let mut message = [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(data)];
        let opened = silently(|| match &mut self.package {
            Package::Ntlm { context, .. } => context.decrypt_message(&mut message),
            Package::Spnego { context, .. } => context.decrypt_message(&mut message),
        });
        opened.map(|_| ()).map_err(|_| AuthError::SealBroken)
    }
}

fn step<P: Sspi + SspiImpl>(
    context: &mut P,
    handle: &mut P::CredentialsHandle,
    target: &str,
    input: &mut [SecurityBuffer],
) -> Result<(SecurityStatus, Vec<u8>), AuthError> {
    silently(|| {
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
        let mut generator = context.initialize_security_context_impl(&mut builder).map_err(|error| failed(&error))?;
        let status = match generator.start() {
            GeneratorState::Completed(result) => result.map_err(|error| failed(&error))?.status,
            // Only Kerberos asks somebody else.
            GeneratorState::Suspended(_) => return Err(AuthError::Handshake("it asks for a domain controller".to_owned())),
        };
        drop(generator);
        let token = output.into_iter().next().map(|buffer| buffer.buffer).unwrap_or_default();
        Ok((status, token))
    })
}

fn identity(account: &Account) -> Result<AuthIdentity, AuthError> {
    // The crate would take such a password for a hash.
    if account.password.reveal().starts_with(NTLM_HASH_PREFIX) || account.user.is_empty() || account.user.chars().any(char::is_control) {
        return Err(AuthError::Unsendable);
    }
    let username = Username::parse(&account.user).map_err(|_| AuthError::Unsendable)?;
    Ok(AuthIdentity { username, password: account.password.reveal().to_owned().into() })
}

/// The crate's words on what went wrong: kinds and sizes, never content of a secret.
fn failed(error: &::sspi::Error) -> AuthError {
    AuthError::Handshake(error.description.chars().filter(|c| !c.is_control()).take(200).collect())
}

/// Runs `work` with nobody listening to its traces.
fn silently<T>(work: impl FnOnce() -> T) -> T {
    with_default(&Dispatch::none(), work)
}
