//! What a person does about a refusal, in a sentence.

use std::io::{self, ErrorKind};

use wsman::Error as WireError;
use wsman::auth::AuthError;
use wsman::fault::FaultKind;
use wsman::tls::AnotherCertificate;

use crate::peer::TalkError;

/// Something listens there that does not speak TLS.
pub(super) const NO_TLS: &str =
    "the port does not speak TLS: 5986 is WinRM's HTTPS listener and 5985 its HTTP one (`winrm enumerate winrm/config/listener`)";

/// Something takes connections there and says nothing.
pub(super) const SILENT: &str =
    "the machine hangs, or something between takes its connections: look whether it answers itself (`winrm identify` there)";

const PREPARE: &str = "run `trunkline host prepare` for what the machine needs";

/// About a stream that was not opened.
pub(super) fn on_reach(error: &io::Error, port: u16) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!("the machine is up, and nothing listens on {port}: WinRM is off, or has no such listener; {PREPARE}")
        }
        ErrorKind::TimedOut => format!("is the machine up, and does every firewall on the way let {port} through? {PREPARE}"),
        ErrorKind::NotFound => {
            "nothing was contacted: the file of `--connect-to` stands for the network, and names no such address".to_owned()
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "there is no way to that address from here".to_owned(),
        _ => "is the name right, and known to DNS here?".to_owned(),
    }
}

/// About a request that went wrong.
pub(super) fn on_wire(error: &WireError) -> String {
    match error {
        WireError::Untrusted { source, .. } if source.get_ref().is_some_and(|why| why.is::<AnotherCertificate>()) => {
            "hold the fingerprint shown against the machine's own (`Get-ChildItem Cert:\\LocalMachine\\My`); if it is the same, the machine \
             has another certificate than before: correct `--fingerprint`, and `host.fingerprint` in the manifest. If not, another machine \
             answers there: do not trust it"
                .to_owned()
        }
        WireError::Untrusted { .. } => {
            "hold the fingerprint above against the machine's own (`Get-ChildItem Cert:\\LocalMachine\\My`); if it is the same, write it as \
             `host.fingerprint`, or name its authority with `--ca`, or call the machine by the name that its certificate has"
                .to_owned()
        }
        WireError::Unauthorized { source, .. } => on_auth(source),
        WireError::Fault { fault, .. } => on_fault(fault.kind()),
        WireError::Status { status: 404, .. } => "WinRM listens below /wsman; something else answers here".to_owned(),
        WireError::Status { status: 413, .. } | WireError::AnswerTooLong { .. } => {
            "raise the machine's limit: `winrm set winrm/config @{MaxEnvelopeSizekb=\"500\"}`".to_owned()
        }
        WireError::Status { status: 503, .. } => "WinRM is starting or stopping there; try again".to_owned(),
        WireError::NoAnswer { .. } => "something between closes connections, or the machine is very slow; try again".to_owned(),
        _ => REPORT.to_owned(),
    }
}

const REPORT: &str = "run it again with `--wire-trace DIR` and look at the last file: this is no answer that we know";

/// About a question that went wrong.
pub(super) fn on_talk(error: &TalkError) -> String {
    match error {
        TalkError::Unreachable { source, .. } | TalkError::Refused { source, .. } | TalkError::Failed { source, .. } => on_wire(source),
        TalkError::Malformed { .. } => REPORT.to_owned(),
        TalkError::Code { .. } => on_fault(FaultKind::AccessDenied),
    }
}

fn on_auth(error: &AuthError) -> String {
    match error {
        AuthError::NotOffered { .. } => "see `winrm get winrm/config/service/auth` on the machine".to_owned(),
        AuthError::Refused { .. } => {
            "check the password and whether the account is locked; a local account is written `HV01\\name` or `.\\name`".to_owned()
        }
        AuthError::InClear { .. } | AuthError::NeedsTls { .. } => "nothing was sent: use https".to_owned(),
        AuthError::Unsendable => "nothing was sent: give the account another name, or use `--authentication negotiate`".to_owned(),
        AuthError::NoRealm { .. } => {
            "nothing was sent: write the user of the credential as `user@realm`, or name its `domainController`".to_owned()
        }
        AuthError::NoTicket { .. } => {
            "name the machine as its service principal does, and the domain controller in the credential".to_owned()
        }
        AuthError::SealBroken | AuthError::NotSealed(_) | AuthError::NotProven => {
            "something between changes what is sent: no proxy may stand there".to_owned()
        }
        AuthError::Resting { .. } => "correct the password: another one is tried at once".to_owned(),
        AuthError::CertificateRefused => "`winrm enumerate winrm/config/service/certmapping` on the machine shows what it maps".to_owned(),
        AuthError::Forgotten { .. } => "no proxy may stand between: the account belongs to a connection".to_owned(),
        AuthError::Handshake(_) => {
            "the two do not understand each other: try another `--authentication`, and compare both clocks (Kerberos allows five minutes)"
                .to_owned()
        }
    }
}

fn on_fault(kind: FaultKind) -> String {
    match kind {
        FaultKind::AccessDenied => format!(
            "the account is let in, but not to this: a local account that is no built-in Administrator gets a filtered token \
             (LocalAccountTokenFilterPolicy), Hyper-V wants `Hyper-V Administrators`, WMI's namespaces want Remote Enable; {PREPARE}"
        ),
        FaultKind::QuotaLimit | FaultKind::Concurrency => {
            "others use up the machine's quota (`winrm get winrm/config`): wait, end them, or raise it".to_owned()
        }
        FaultKind::TimedOut => "the machine took longer than it allows (`MaxTimeoutms`); try again when it is less busy".to_owned(),
        FaultKind::Unavailable => "the service behind it is not ready; try again".to_owned(),
        FaultKind::UnsupportedFeature | FaultKind::ActionNotSupported => "this Windows is older than what is asked of it".to_owned(),
        _ => REPORT.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_sent_is_blamed_on_nobody_else() {
        let source = AuthError::NoRealm { user: "trunkline".to_owned() };
        let wire = WireError::Unauthorized { endpoint: "hv01:5986".to_owned(), act: "Enumerate".to_owned(), source };
        assert!(on_wire(&wire).starts_with("nothing was sent: "));
        let error = TalkError::Refused {
            peer: "hv01:5986".to_owned(),
            credential: "host".parse().expect("a name"),
            user: "trunkline".to_owned(),
            what: "`Win32_OperatingSystem`".to_owned(),
            source: Box::new(wire),
        };
        assert_eq!(error.to_string(), "credential `host` (user `trunkline`) cannot be used for `hv01:5986`");
        assert!(on_reach(&ErrorKind::NotFound.into(), 5986).starts_with("nothing was contacted: "));
        assert!(on_reach(&ErrorKind::ConnectionRefused.into(), 5986).starts_with("the machine is up"));
    }
}
