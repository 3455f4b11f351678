//! Negotiate: NTLM, bare or inside SPNEGO, from the first token to sealed messages.
//!
//! Guarantees: nobody is let in whose last message does not prove, by a key that only the password gives, all messages before it; a
//! context is thrown away with the first message that it cannot open. Deliberately absent: Kerberos.

use picky_krb::gss_api::GssApiNegInit;
use sspi::{
    AuthIdentity, BufferType, Credentials, DataRepresentation, EncryptionFlags, Negotiate, NegotiateConfig, Ntlm, SecurityBuffer,
    SecurityBufferRef, SecurityStatus, ServerRequestFlags, Sspi, SspiEx, SspiImpl, Username,
};
use tracing::debug;

use super::binding;
use super::ntlm::Claims;
use super::seal::Sealed;
use crate::image::CbtHardeningLevel;
use crate::world::{Caller, Principal};

/// How a bare NTLM token begins.
const NTLM: &[u8] = b"NTLMSSP\0";
/// The tag of GSS-API's first token (RFC 2743 3.1), and that of the sequence which it stands in place of.
const INITIAL: u8 = 0x60;
const SEQUENCE: u8 = 0x30;
/// An NTLM signature.
const SIGNATURE: usize = 16;
/// The longest token that is looked at: Windows's own limit for NTLM is below 3 KiB.
const MAX_TOKEN: usize = 16 * 1024;

/// The handshake has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// No token that could be used at this point.
    #[error("the token is not one of this handshake")]
    Token,
    /// A name that no account has, or a password that is not its.
    #[error("the logon is denied")]
    Logon {
        /// The account whose password it was not.
        account: Option<String>,
    },
    /// It was made for another TLS connection, or does not say for which.
    #[error("the channel binding is refused")]
    Binding,
}

/// What a token leads to.
#[derive(Debug)]
pub(super) enum Step {
    /// The client has to answer this token.
    Challenge(Vec<u8>),
    /// The client has logged on; the token, if there is one, tells it so.
    Done(Established, Option<Vec<u8>>),
}

/// What a handshake must satisfy beside the password.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demands<'a> {
    /// The server certificate of the TLS around it.
    pub(super) certificate: Option<&'a [u8]>,
    /// What is demanded of channel bindings.
    pub(super) hardening: CbtHardeningLevel,
}

/// A security context, by how its tokens are wrapped.
#[derive(Debug)]
enum Context {
    Bare(Box<Ntlm>),
    Wrapped(Box<Negotiate>),
}

/// A handshake under way.
#[derive(Debug)]
pub(super) struct Handshake {
    context: Context,
    principals: Vec<Principal>,
    claims: Option<Claims>,
}

impl Handshake {
    /// The handshake that `token` begins, with those who may log on.
    pub(super) fn begin(token: &[u8], principals: Vec<Principal>) -> Result<Self, Refused> {
        let context = if token.starts_with(NTLM) {
            Context::Bare(Box::new(Ntlm::new()))
        } else {
            if !is_spnego(token) {
                return Err(Refused::Token);
            }
            let config = NegotiateConfig::new(Box::new(sspi::ntlm::NtlmConfig::default()), Some("ntlm".to_owned()), String::new());
            let identities = principals.iter().filter_map(identity).collect();
            Context::Wrapped(Box::new(Negotiate::new_server(config, identities).map_err(|error| refuse(&error))?))
        };
        Ok(Self { context, principals, claims: None })
    }

    /// Takes the client's next token. The handshake goes on only after a challenge.
    pub(super) fn step(mut self, token: &[u8], demands: Demands<'_>) -> Result<(Option<Self>, Step), Refused> {
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Err(Refused::Token);
        }
        let mut input = vec![SecurityBuffer::new(token.to_vec(), BufferType::Token)];
        if let Some(claims) = Claims::read(token) {
            if let Some(bytes) = bound(&claims, demands)? {
                input.push(SecurityBuffer::new(bytes, BufferType::ChannelBindings));
            }
            self.claims = Some(claims);
        }
        let (status, answer) = self.context.accept(&mut input).map_err(|error| self.denied(&error))?;
        match status {
            SecurityStatus::ContinueNeeded => Ok((Some(self), Step::Challenge(answer))),
            SecurityStatus::Ok | SecurityStatus::CompleteNeeded => {
                let established = self.complete()?;
                Ok((None, Step::Done(established, Some(answer).filter(|answer| !answer.is_empty()))))
            }
            _ => Err(Refused::Token),
        }
    }

    /// Verifies what the claims claim.
    fn complete(mut self) -> Result<Established, Refused> {
        let claims = self.claims.as_ref().ok_or(Refused::Token)?;
        // Without the check over all messages the context would take any password: it proves nothing else before the first seal. The
        // challenge carries a timestamp, so every client has to send it (MS-NLMP 3.1.5.1.2).
        if !claims.integrity {
            return Err(Refused::Logon { account: None });
        }
        let called: Vec<_> = self.principals.iter().filter(|principal| principal.is_called(&claims.user, &claims.domain)).collect();
        let Some(caller) = called.first().map(|principal| principal.caller.clone()) else {
            return Err(Refused::Logon { account: None });
        };
        let identities = called.iter().copied().filter_map(identity).collect();
        self.context.verify(identities).map_err(|error| self.denied(&error))?;
        Ok(Established { context: self.context, caller })
    }

    fn denied(&self, error: &sspi::Error) -> Refused {
        debug!(%error, "a handshake is refused");
        match error.error_type {
            sspi::ErrorKind::BadBindings => Refused::Binding,
            sspi::ErrorKind::LogonDenied | sspi::ErrorKind::MessageAltered | sspi::ErrorKind::NoCredentials => {
                let account = self.claims.as_ref().and_then(|claims| {
                    let found = self.principals.iter().find(|principal| principal.is_called(&claims.user, &claims.domain));
                    found.map(|principal| principal.caller.account.clone())
                });
                Refused::Logon { account }
            }
            _ => Refused::Token,
        }
    }
}

/// Whether `token` is SPNEGO's first. The library reads it with the same decoder, and panics where that fails.
fn is_spnego(token: &[u8]) -> bool {
    let Some((&INITIAL, rest)) = token.split_first() else { return false };
    picky_asn1_der::from_bytes::<GssApiNegInit>(&[&[SEQUENCE], rest].concat()).is_ok()
}

fn refuse(error: &sspi::Error) -> Refused {
    debug!(%error, "a handshake cannot begin");
    Refused::Token
}

/// What the context has to compare the claimed binding with, when there is something to compare.
fn bound(claims: &Claims, demands: Demands<'_>) -> Result<Option<Vec<u8>>, Refused> {
    let Some(certificate) = demands.certificate else { return Ok(None) };
    match (demands.hardening, claims.bound) {
        (CbtHardeningLevel::None, _) | (CbtHardeningLevel::Relaxed, false) => Ok(None),
        (CbtHardeningLevel::Strict, false) => Err(Refused::Binding),
        (CbtHardeningLevel::Relaxed | CbtHardeningLevel::Strict, true) => Ok(Some(binding::of(certificate))),
    }
}

/// The account in the library's words; `None` for a name that no Windows account can have.
fn identity(principal: &Principal) -> Option<AuthIdentity> {
    let username = Username::new(&principal.user, Some(&principal.domain)).ok()?;
    Some(AuthIdentity { username, password: principal.password.clone().into() })
}

impl Context {
    fn accept(&mut self, input: &mut [SecurityBuffer]) -> sspi::Result<(SecurityStatus, Vec<u8>)> {
        let mut output = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let status = match self {
            Self::Bare(context) => step(context.as_mut(), input, &mut output)?,
            Self::Wrapped(context) => step(context.as_mut(), input, &mut output)?,
        };
        Ok((status, output.pop().map(|buffer| buffer.buffer).unwrap_or_default()))
    }

    /// Checks the last message against the passwords of `identities`.
    fn verify(&mut self, identities: Vec<AuthIdentity>) -> sspi::Result<()> {
        match self {
            Self::Bare(context) => {
                context.custom_set_auth_identities(identities)?;
                context.complete_auth_token(&mut []).map(|_| ())
            }
            Self::Wrapped(context) => {
                context.custom_set_auth_identities(identities.into_iter().map(Credentials::from).collect())?;
                context.complete_auth_token(&mut []).map(|_| ())
            }
        }
    }
}

fn step<C: Sspi + SspiImpl>(context: &mut C, input: &mut [SecurityBuffer], output: &mut [SecurityBuffer]) -> sspi::Result<SecurityStatus>
where
    C::CredentialsHandle: Default,
{
    let mut nobody = C::CredentialsHandle::default();
    let builder = context
        .accept_security_context()
        .with_credentials_handle(&mut nobody)
        .with_context_requirements(ServerRequestFlags::CONFIDENTIALITY | ServerRequestFlags::INTEGRITY)
        .with_target_data_representation(DataRepresentation::Native)
        .with_input(input)
        .with_output(output);
    Ok(context.accept_security_context_impl(builder)?.resolve_to_result()?.status)
}

/// Somebody who has logged on, with the keys of that logon.
#[derive(Debug)]
pub(super) struct Established {
    context: Context,
    /// Who.
    pub(super) caller: Caller,
}

impl Established {
    /// Opens a message. After an error the context is of no more use.
    pub(super) fn open(&mut self, sealed: Sealed) -> Option<Vec<u8>> {
        let Sealed { mut signature, mut data, length } = sealed;
        if signature.len() != SIGNATURE {
            return None;
        }
        let mut message = [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(&mut data)];
        let opened = match &mut self.context {
            Context::Bare(context) => context.decrypt_message(&mut message),
            Context::Wrapped(context) => context.decrypt_message(&mut message),
        };
        if let Err(error) = opened {
            debug!(%error, "a sealed message is refused");
            return None;
        }
        Some(data).filter(|data| data.len() == length)
    }

    /// Seals a message.
    pub(super) fn seal(&mut self, plain: &[u8]) -> Option<Sealed> {
        let (mut signature, mut data) = (vec![0; SIGNATURE], plain.to_vec());
        let mut message = [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(&mut data)];
        let sealed = match &mut self.context {
            Context::Bare(context) => context.encrypt_message(EncryptionFlags::empty(), &mut message),
            Context::Wrapped(context) => context.encrypt_message(EncryptionFlags::empty(), &mut message),
        };
        if let Err(error) = sealed {
            debug!(%error, "a message cannot be sealed");
            return None;
        }
        Some(Sealed { signature, data, length: plain.len() })
    }
}
