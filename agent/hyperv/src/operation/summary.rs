//! `GetSummaryInformation`: some facts of every VM in one request. Observation asks class by class, since it needs what no summary has.

use model::names::VmName;
use model::observed::PowerState;
use model::units::{MemorySize, Span};
use wsman::cim::CimInstance;

use super::Operations;
use crate::failure::Failure;
use crate::observe::vm;
use crate::perform::call::Call;
use crate::row::{Malformed, Row};

/// What is asked for: name, power, memory, heartbeat, time, system, checkpoints.
const ASKED: [u32; 7] = [1, 100, 103, 104, 105, 106, 107];

/// Some facts of one VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its name.
    pub vm: VmName,
    /// Its power state.
    pub power: PowerState,
    /// What it takes of the host's memory; `None` while it takes none.
    pub memory: Option<MemorySize>,
    /// Whether its guest's heart beats; `None` while nobody could tell.
    pub beats: Option<bool>,
    /// How long it has run.
    pub up: Span,
    /// What its guest calls its system.
    pub system: Option<String>,
    /// How many checkpoints it has.
    pub checkpoints: usize,
}

impl Operations<'_> {
    /// Facts of every VM of the host, in one request.
    ///
    /// # Errors
    /// `Failure::Refused`, or `Failure::Talk` when the answer cannot be read.
    pub async fn summaries(&self) -> Result<Vec<Summary>, Failure> {
        const METHOD: &str = "GetSummaryInformation";
        let out = Call::vms(METHOD, "the host's VMs").with("RequestedInformation", ASKED.to_vec()).run(self.host).await?;
        let read = out.instances("SummaryInformation").and_then(|all| all.iter().map(summary).collect());
        Ok(self.host.peer().read(METHOD, read)?)
    }
}

fn summary(row: &CimInstance) -> Result<Summary, Malformed> {
    Ok(Summary {
        vm: row.name("ElementName")?,
        power: vm::power(u16::try_from(row.number("EnabledState")?).unwrap_or(u16::MAX)),
        memory: row.unsigned("MemoryUsage")?.map(MemorySize::from_mib),
        beats: row.unsigned("Heartbeat")?.map(|status| matches!(status, 2 | 3)),
        up: Span::from_secs(row.unsigned("UpTime")?.unwrap_or(0) / 1000),
        system: row.text("GuestOperatingSystem")?.map(str::to_owned),
        checkpoints: row.get("Snapshots").elements().len(),
    })
}
