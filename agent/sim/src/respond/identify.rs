//! Identify: who is there. The one thing that is said without a password, and then without a version.

use wsman::cim::Namespace;
use wsman::envelope::{Identity, Response};
use wsman::resource::Naming;
use wsman::xml::names::WSMAN;

use super::{Answer, Service};

pub(super) fn answer(service: &Service<'_>) -> Answer {
    let system = service.machine.instances(&Namespace::CIMV2, "Win32_OperatingSystem").unwrap_or_default();
    let version = system.first().and_then(|object| object.instance.text("Version").ok().flatten());
    let version = version.filter(|_| service.authenticated).unwrap_or("0.0.0");
    let identity = Identity {
        protocol: WSMAN.to_owned(),
        vendor: "Microsoft Corporation".to_owned(),
        version: format!("OS: {version} SP: 0.0 Stack: 3.0"),
        security_profiles: if service.authenticated {
            service.profiles.iter().map(|profile| (*profile).to_owned()).collect()
        } else {
            Vec::new()
        },
    };
    Answer { response: Response::Identify(identity), naming: Naming::Microsoft(Namespace::CIMV2) }
}
