//! `-submit` and `-retrieve`: what an authority of the world does with a request.
//!
//! Guarantees: an authority answers only while its machine is up and shares a network with the one that asks.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::super::certutil::{der_of, pem};
use super::super::{Call, Desk, Program, Step};
use super::{Arguments, INVALID_DATA, fail};
use crate::windows::{Segment, Windows};
use crate::world::MachineId;
use crate::world::outside::Answer;

/// `RPC_S_SERVER_UNAVAILABLE`.
const UNAVAILABLE: u32 = 0x8007_06BA;
/// `CERTSRV_E_TEMPLATE_DENIED` and its kind.
const DENIED: u32 = 0x8009_4012;
const FILE_NOT_FOUND: u32 = 0x8007_0002;
/// How long an authority takes.
const TAKES: SignedDuration = SignedDuration::from_secs(1);

/// What is on its way to an authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Errand {
    Submit { arguments: Destination, request: Vec<u8> },
    Retrieve { arguments: Destination, number: u32 },
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Destination {
    config: Option<String>,
    target: Option<String>,
}

pub(super) fn submit(call: &mut Call<'_, '_>, arguments: Arguments) -> Option<Step> {
    let [source, rest @ ..] = arguments.rest.as_slice() else { return super::usage(call) };
    let path = call.path(source);
    let Ok(bytes) = call.files()?.read(&path) else {
        return fail(call, "The system cannot find the file specified.", FILE_NOT_FOUND);
    };
    let arguments = Destination { target: rest.first().cloned(), config: arguments.config };
    call.later(TAKES, Program::Certreq(Errand::Submit { arguments, request: der_of(&bytes) }))
}

pub(super) fn retrieve(call: &mut Call<'_, '_>, arguments: Arguments) -> Option<Step> {
    let [number, rest @ ..] = arguments.rest.as_slice() else { return super::usage(call) };
    let Ok(number) = number.parse() else { return super::usage(call) };
    let arguments = Destination { target: rest.first().cloned(), config: arguments.config };
    call.later(TAKES, Program::Certreq(Errand::Retrieve { arguments, number }))
}

impl Errand {
    pub(in crate::program) fn resume(self, call: &mut Call<'_, '_>) -> Option<Step> {
        let arguments = match &self {
            Self::Submit { arguments, .. } | Self::Retrieve { arguments, .. } => arguments.clone(),
        };
        let Some(at) = call.desk.authority(arguments.config.as_deref()) else {
            return fail(call, "The RPC server is unavailable.", UNAVAILABLE);
        };
        let now = call.now();
        let authority = call.desk.world.outside.authorities.get_mut(at)?;
        let answer = match self {
            Self::Submit { request, .. } => authority.submit(&request, now),
            Self::Retrieve { number, .. } => authority.retrieve(number).unwrap_or(Answer::Malformed),
        };
        tell(call, answer, arguments.target.as_deref())
    }
}

fn tell(call: &mut Call<'_, '_>, answer: Answer, target: Option<&str>) -> Option<Step> {
    let number = |call: &mut Call<'_, '_>, number: u32| call.say(&format!("RequestId: {number}\r\nRequestId: \"{number}\""));
    match answer {
        Answer::Issued(id, certificate) => {
            number(call, id);
            if let Some(target) = target
                && let Err(error) = call.write_file(target, pem("CERTIFICATE", &certificate).into_bytes())?
            {
                let code = 0x8007_0000 | error.code();
                return fail(call, &error.to_string(), code);
            }
            call.say("Certificate retrieved(Issued) Issued");
            Some(Step::Done(0))
        }
        Answer::Held(id) => {
            number(call, id);
            call.say("Certificate request is pending: Taken Under Submission (0)");
            Some(Step::Done(0))
        }
        Answer::Denied(id) => {
            number(call, id);
            fail(call, "Certificate not issued (Denied) Denied by Policy Module.", DENIED)
        }
        Answer::Malformed => fail(call, "The data is invalid.", INVALID_DATA),
    }
}

impl Desk<'_> {
    /// The authority that `config`, `computer\name`, names and that answers here; the only one where nothing is said.
    pub(in crate::program) fn authority(&self, config: Option<&str>) -> Option<usize> {
        let here = self.segments();
        self.world.outside.authorities.iter().position(|authority| {
            let named = config.is_none_or(|config| {
                let (computer, name) = config.split_once('\\').unwrap_or(("", config));
                let computer = computer.split('.').next().unwrap_or(computer);
                name.eq_ignore_ascii_case(&authority.spec.name) && computer.eq_ignore_ascii_case(&authority.spec.computer)
            });
            named
                && self.world.machine_called(&authority.spec.computer).is_some_and(|(id, windows)| {
                    let there = self.world.segments_of(&id);
                    issues(windows) && (id == self.machine || there.iter().any(|segment| here.contains(segment)))
                })
        })
    }

    fn segments(&self) -> Vec<Segment> {
        self.world.segments_of(&self.machine)
    }
}

/// Whether the authority's service runs, where the machine has one.
fn issues(windows: &Windows) -> bool {
    windows.service("CertSvc").is_none_or(|at| windows.services[at].run == crate::windows::service::Run::Running)
}

impl crate::world::World {
    /// The running machine that calls itself so.
    fn machine_called(&self, name: &str) -> Option<(MachineId, &Windows)> {
        let hosts = self.hosts().filter_map(|name| Some((name.clone(), self.host(name)?))).filter(|(_, host)| host.is_up());
        let mut all = hosts.flat_map(|(id, host)| {
            let guests = host.machines.iter().filter_map({
                let id = id.clone();
                move |m| Some((MachineId::Guest { host: id.clone(), vm: m.id.clone() }, &host.running_guest(m)?.windows))
            });
            std::iter::once((MachineId::Host(id), &host.windows)).chain(guests)
        });
        all.find(|(_, windows)| windows.computer_name.eq_ignore_ascii_case(name))
    }

    /// The networks on which a machine has an address.
    pub(crate) fn segments_of(&self, id: &MachineId) -> Vec<Segment> {
        let Some(host) = self.host(id.host()) else { return Vec::new() };
        let found = match id {
            MachineId::Host(_) => host.windows.addresses_in(&host.plugged()),
            MachineId::Guest { vm, .. } => match host.machine(vm).and_then(|m| Some((m, host.guest(m)?))) {
                Some((machine, guest)) => guest.windows.addresses_in(&host.plugged_in(machine)),
                None => Vec::new(),
            },
        };
        found.into_iter().map(|(_, segment)| segment).collect()
    }
}
