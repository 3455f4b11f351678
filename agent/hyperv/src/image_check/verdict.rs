//! What was seen of a point of the contract, and what to do where it is broken.
//!
//! Guarantees: pure; each advice names what the image lacks in the words of Windows.
//! Deliberately absent: whether services run; they may wait for a domain that a fresh guest is not in.

use std::time::Duration;

use model::cause::chain;
use model::desired::{DesiredRole, Membership, RoleImage};
use model::names::DomainName;
use model::observed::{ObservedFile, ObservedGuest};
use model::seen::{Cause, Seen};
use model::units::Span;

use crate::operation::{DiskFile, DiskFormat, DiskKind};
use crate::peer::TalkError;
use crate::probe::Outcome;

const GENERATION_2: &str = "the image must start on a generation 2 VM: GPT, a UEFI boot loader, a Windows that was generalised (`sysprep /generalize /oobe`) and \
     needs no answer on the screen";
const SERVICES: &str = "Windows must have its integration services on: `Get-Service vmic*` in the image";
pub(super) const PUBLISH: &str = "at each boot the image must write the thumbprint of its WinRM certificate to `trunkline.listener` below \
     HKLM\\SOFTWARE\\Microsoft\\Virtual Machine\\Guest; `trunkline host prepare --machine guest` prints a script that does";
const LISTEN: &str = "the image must have a WinRM listener over HTTPS on 5986 from its first boot on, and a firewall rule that lets it in on every \
     profile; `trunkline host prepare --machine guest` prints what makes them";
const ACCOUNT: &str = "the image must bring the account of `guests.credential` with that password, as an administrator who is let in from afar \
     (LocalAccountTokenFilterPolicy = 1, or the built-in Administrator)";

pub(super) fn works(detail: impl Into<String>) -> Outcome {
    Outcome::Works { detail: detail.into() }
}

pub(super) fn trouble(cause: impl Into<String>, advice: impl Into<String>) -> Outcome {
    Outcome::Trouble { cause: cause.into(), advice: advice.into() }
}

/// The image's file.
pub(super) fn file(image: &RoleImage, seen: &Seen<ObservedFile>) -> Result<(), Outcome> {
    match seen {
        Seen::Absent => {
            Err(trouble(format!("the host has no file `{}`", image.path), "copy the image there, or correct `images` in the Release"))
        }
        Seen::Unknown(cause) => Err(trouble(format!("whether `{}` is there could not be seen: {cause}", image.path), "try again")),
        Seen::Known(file) => match image.size.filter(|size| *size != file.size) {
            Some(size) => Err(trouble(
                format!("`{}` has {} bytes, the Release says {}", image.path, file.size.bytes(), size.bytes()),
                "copy it again, or correct `size` in the Release",
            )),
            None => Ok(()),
        },
    }
}

/// The image as a virtual disk.
pub(super) fn disk(disk: &DiskFile) -> Outcome {
    match (disk.format, disk.kind, &disk.parent) {
        (DiskFormat::Vhdx, DiskKind::Fixed | DiskKind::Dynamic, _) => {
            works(format!("a VHDX of {}, {} in its file", gib(disk.size.bytes()), gib(disk.file.bytes())))
        }
        (DiskFormat::Vhdx, DiskKind::Differencing, parent) => {
            let parent = parent.as_ref().map_or_else(|| "another disk".to_owned(), |parent| format!("`{parent}`"));
            trouble(format!("it stands on {parent}"), "merge it (`Merge-VHD`): whoever changes the disk below spoils every VM above")
        }
        (DiskFormat::Vhd | DiskFormat::VhdSet, ..) => trouble(
            "it is no VHDX",
            "convert it (`Convert-VHD -VHDFormat VHDX`); a VHD of a generation 1 VM must be made anew for generation 2",
        ),
    }
}

fn gib(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

/// A VM that could not be built on the image or started.
pub(super) fn not_started(says: String) -> Outcome {
    trouble(says, "the image must be a whole VHDX that nobody writes to; the host needs room and memory for one VM more")
}

/// A guest whose heart does not beat.
pub(super) fn silent(cause: &Cause, waited: Duration) -> Outcome {
    match cause {
        Cause::PoweredOff => trouble("the VM went off by itself", GENERATION_2),
        Cause::Booting => {
            trouble(format!("no heartbeat within {}", Span::from_secs(waited.as_secs())), format!("{GENERATION_2}. {SERVICES}"))
        }
        other => trouble(format!("whether its heart beats could not be seen: {other}"), "try again"),
    }
}

/// A guest that does not publish its thumbprint.
pub(super) fn unpublished(cause: Option<&Cause>) -> Outcome {
    match cause {
        None => trouble("the guest publishes no thumbprint (40 hex digits) as `trunkline.listener`", PUBLISH),
        Some(Cause::Booting) => trouble("the guest publishes no key-value pairs at all", SERVICES),
        Some(cause) => trouble(format!("what the guest publishes could not be seen: {cause}"), "try again"),
    }
}

/// A guest that does not take the address that the host gives it.
pub(super) fn not_addressed(says: String) -> Outcome {
    trouble(says, format!("the guest must take addresses from its host. {SERVICES} (`vmickvpexchange`)"))
}

/// What a conversation that failed tells of the listener, and of the account where it came so far.
pub(super) fn refused(error: &TalkError, address: &str, user: &str) -> (Outcome, Option<Outcome>) {
    let proven = || works(format!("{address} shows the certificate that the guest publishes"));
    match error {
        TalkError::Unreachable { .. } => (trouble(format!("nothing answers at {address}"), LISTEN), None),
        TalkError::Failed { source, .. } if matches!(**source, wsman::Error::Untrusted { .. }) => {
            (trouble(format!("{address} shows another certificate than the one that the guest publishes"), PUBLISH), None)
        }
        TalkError::Refused { .. } => (proven(), Some(trouble(format!("the guest refuses user `{user}`"), ACCOUNT))),
        TalkError::Failed { .. } | TalkError::Malformed { .. } | TalkError::Code { .. } => {
            let advice = format!("is it WinRM that answers there, and for administrators? {LISTEN}");
            (proven(), Some(trouble(chain(error), advice)))
        }
    }
}

/// The watched services.
pub(super) fn services(role: &DesiredRole, guest: &ObservedGuest) -> Outcome {
    let seen = match &guest.services {
        Seen::Known(seen) => seen,
        Seen::Absent => return trouble("the guest tells of no services", "try again"),
        Seen::Unknown(cause) => return trouble(format!("its services could not be seen: {cause}"), "try again"),
    };
    let missing = role.services.iter().filter(|service| !service.names.iter().any(|name| seen.contains_key(name)));
    let names =
        |service: &model::desired::WatchedService| service.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
    of_all(role.services.len(), "service", &missing.map(names).collect::<Vec<_>>())
}

/// The watched firewall rules.
pub(super) fn rules(role: &DesiredRole, guest: &ObservedGuest) -> Outcome {
    let seen = match &guest.rules {
        Seen::Known(seen) => seen,
        Seen::Absent => return trouble("the guest tells of no firewall rules", "try again"),
        Seen::Unknown(cause) => return trouble(format!("its firewall rules could not be seen: {cause}"), "try again"),
    };
    let missing = role.rules.iter().filter(|rule| !seen.contains_key(&rule.name)).map(|rule| format!("`{}`", rule.name));
    of_all(role.rules.len(), "inbound firewall rule", &missing.collect::<Vec<_>>())
}

fn of_all(watched: usize, what: &str, missing: &[String]) -> Outcome {
    match (watched, missing) {
        (0, _) => works(format!("the profile watches no {what}")),
        (1, []) => works(format!("the watched {what} is there")),
        (_, []) => works(format!("all {watched} watched {what}s are there")),
        (_, missing) => trouble(
            format!("the {what} {} is missing", missing.join(", ")),
            format!("the image must bring every {what} that the profile watches; is it the image of this role and release?"),
        ),
    }
}

/// The domain that the image of a directory hosts; `None` for other images.
pub(super) fn domain(membership: &Membership, guest: &ObservedGuest) -> Option<Outcome> {
    let Membership::Hosts(wanted) = membership else { return None };
    let other = |seen: Option<&DomainName>| {
        let is = seen.map_or_else(|| "in a workgroup".to_owned(), |seen| format!("in the domain `{seen}`"));
        trouble(format!("the guest is {is}, and is to host `{wanted}`"), "the image of a directory must bring its domain")
    };
    Some(match &guest.domain {
        Seen::Known(seen) if seen == wanted => works(format!("it hosts `{wanted}`")),
        Seen::Known(seen) => other(Some(seen)),
        Seen::Absent => other(None),
        Seen::Unknown(cause) => trouble(format!("its domain could not be seen: {cause}"), "try again"),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::observed::{Reach, RuleState};
    use model::units::DiskSize;
    use plan::fixtures::{cloud_connector, of};

    use super::*;

    fn guest() -> ObservedGuest {
        ObservedGuest {
            reach: Reach::Management,
            computer: of("WIN-MS"),
            domain: Seen::Absent,
            booted_at: of("2026-03-03T11:30:00Z"),
            pending_name: None,
            pending_domain: None,
            services: Seen::Known(BTreeMap::new()),
            rules: Seen::Known(BTreeMap::from([(of("CS RTCMEDSRV"), RuleState::Disabled)])),
            calls: Seen::Absent,
        }
    }

    fn cause(outcome: &Outcome) -> &str {
        match outcome {
            Outcome::Trouble { cause, .. } => cause,
            Outcome::Works { detail } | Outcome::Absent { detail } => detail,
            Outcome::NotTried { because } => because,
        }
    }

    #[test]
    fn every_service_that_is_missing_is_named_with_its_other_names() {
        let role = &cloud_connector().roles[2];
        insta::assert_snapshot!(
            cause(&services(role, &guest())),
            @"the service `REPLICA`, `MEDSVC` or `RTCMEDSRV`, `RTCSRV` is missing"
        );
        insta::assert_snapshot!(cause(&rules(role, &guest())), @"the watched inbound firewall rule is there");
    }

    #[test]
    fn what_could_not_be_seen_is_not_called_missing() {
        let role = &cloud_connector().roles[2];
        let blind = ObservedGuest { services: Seen::Unknown(Cause::NotObserved), ..guest() };
        insta::assert_snapshot!(cause(&services(role, &blind)), @"its services could not be seen: nobody looked");
    }

    #[test]
    fn a_directory_must_bring_its_domain_and_others_need_none() {
        let roles = cloud_connector().roles;
        insta::assert_snapshot!(
            cause(&domain(&roles[0].membership, &guest()).unwrap()),
            @"the guest is in a workgroup, and is to host `contoso.local`"
        );
        assert_eq!(domain(&roles[1].membership, &guest()), None, "it joins one later");
    }

    #[test]
    fn only_a_whole_vhdx_is_an_image() {
        let size = DiskSize::from_bytes(10 << 30);
        let image =
            DiskFile { format: DiskFormat::Vhdx, kind: DiskKind::Dynamic, size, file: size, least: None, parent: None, in_use: false };
        assert_eq!(disk(&image), works("a VHDX of 10.0 GiB, 10.0 GiB in its file"));
        assert!(matches!(disk(&DiskFile { format: DiskFormat::Vhd, ..image.clone() }), Outcome::Trouble { .. }));
        assert!(matches!(disk(&DiskFile { kind: DiskKind::Differencing, ..image }), Outcome::Trouble { .. }));
    }
}
