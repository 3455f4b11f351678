//! The words of choices that are declared elsewhere, and the names of things.

use super::Scalar;
use crate::desired::{
    Authentication, DrainMode, Grade, ManagementLifetime, Mode, OnDrainTimeout, OnExpiry, OnLastServing, Place, Scheme, SecureBoot,
    StartAction, StartMode, StopAction,
};
use crate::diagnostic::Code;
use crate::manifest::record::words;
use crate::names;

words! { Mode { Observe = "observe", Plan = "plan", Repair = "repair", Converge = "converge", } }
words! { Scheme { Https = "https", Http = "http", } }
words! { Authentication {
    Negotiate = "negotiate", Kerberos = "kerberos", Basic = "basic", BasicInClear = "basicInClear", Certificate = "certificate",
} }
words! { Place { OnHost = "on-host", Remote = "remote", } }
words! { ManagementLifetime { Temporary = "temporary", Permanent = "permanent", } }
words! { Grade { CallPath = "callPath", Support = "support", } }
words! { StartMode { Automatic = "automatic", Manual = "manual", Disabled = "disabled", } }
words! { StartAction { Nothing = "nothing", StartIfRunning = "startIfRunning", AlwaysStart = "alwaysStart", } }
words! { StopAction { TurnOff = "turnOff", Save = "save", ShutDown = "shutDown", } }
words! {
    SecureBoot {
        Windows = "windows", UefiAuthority = "uefiAuthority", OpenSourceShielded = "openSourceShielded", Disabled = "disabled",
    }
}
words! { OnLastServing { CallPathOnly = "callPathOnly", Any = "any", } }
words! { DrainMode { Graceful = "graceful", Immediate = "immediate", } }
words! { OnDrainTimeout { Abort = "abort", Force = "force", } }
words! { OnExpiry { Resume = "resume", Stay = "stay", } }

macro_rules! names {
    ($( $name:ident: $expected:literal; )+) => { $(
        impl Scalar for names::$name {
            const EXPECTED: &'static str = $expected;
            const CODE: Code = Code::BadName;

            fn read(text: &str) -> Result<Self, String> {
                Self::new(text).map_err(|error| error.to_string())
            }
        }
    )+ };
}

names! {
    FleetName: "a fleet name: lower-case letters, digits, `-`, `.`, `_`";
    SiteName: "a site name: lower-case letters, digits, `-`, `.`, `_`";
    ApplianceName: "an appliance name: lower-case letters, digits, `-`, `.`, `_`";
    RoleName: "a role name: lower-case letters, digits, `-`, `.`, `_`";
    ReleaseName: "a release name: lower-case letters, digits, `-`, `.`, `_`";
    ProfileName: "a profile name: lower-case letters, digits, `-`, `.`, `_`";
    NetworkName: "a network name: lower-case letters, digits, `-`, `.`, `_`";
    InstanceId: "an instance name: lower-case letters, digits, `-`, `.`, `_`";
    WindowName: "a window name: lower-case letters, digits, `-`, `.`, `_`";
    CredentialName: "a credential's name: lower-case letters, digits, `-`, `.`, `_`";
    SwitchName: "the name of a virtual switch";
    ServiceName: "the key name of a Windows service";
    RuleName: "the name of a firewall rule";
    CounterName: "letters, digits and `_`, as WMI names a counter's class, instance or property";
}

impl Scalar for names::ComputerName {
    const EXPECTED: &'static str = "a computer name: letters, digits and `-`, not digits only";
    const CODE: Code = Code::BadName;

    fn read(text: &str) -> Result<Self, String> {
        let good = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.bytes().all(|byte| byte.is_ascii_digit());
        if !good || text.is_empty() {
            return Err(format!("`{text}` cannot be a computer name"));
        }
        Self::new(text).map_err(|error| error.to_string())
    }
}

impl Scalar for names::DomainName {
    const EXPECTED: &'static str = "a DNS name such as `vdomain.local`";
    const CODE: Code = Code::BadDomainName;

    fn read(text: &str) -> Result<Self, String> {
        if !super::network::is_domain_name(text) {
            return Err(format!("`{text}` is not a DNS name"));
        }
        Self::new(text).map_err(|error| error.to_string())
    }
}

impl Scalar for names::HostPath {
    const EXPECTED: &'static str = r"an absolute path such as `D:\Trunkline` or `\\server\share\folder`";
    const CODE: Code = Code::BadPath;

    fn read(text: &str) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let drive = bytes.len() >= 3 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && bytes[2] == b'\\';
        let share = text.strip_prefix(r"\\").is_some_and(|rest| rest.split('\\').filter(|part| !part.is_empty()).count() >= 2);
        let rest = if drive { &text[3..] } else { text.trim_start_matches('\\') };
        if !(drive || share) {
            return Err(format!("`{text}` is not an absolute path"));
        }
        if let Some(bad) = rest.chars().find(|c| matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '/') || c.is_control()) {
            return Err(format!("`{bad}` cannot stand in a Windows path"));
        }
        if rest.split('\\').any(|part| part == ".." || part == ".") {
            return Err("`.` and `..` are not followed".into());
        }
        Self::new(text.trim_end_matches('\\')).map_err(|error| error.to_string())
    }

    fn suggest(text: &str) -> Option<String> {
        (text.contains('/') && !text.contains('\\')).then(|| format!(r"write `{}`", text.replace('/', r"\")))
    }
}
