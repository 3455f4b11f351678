//! What a Windows says of itself: its name, version, size and when it started.

use jiff::Timestamp;
use model::names::{ComputerName, DomainName};
use model::seen::{Cause, Seen};
use model::units::MemorySize;
use wsman::cim::CimInstance;

use crate::classes;
use crate::row::{Malformed, Row};

/// A Windows machine: the host, or a guest from inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) name: ComputerName,
    pub(crate) version: String,
    pub(crate) booted_at: Timestamp,
    pub(crate) processors: u32,
    pub(crate) memory: MemorySize,
    pub(crate) free_memory: Seen<MemorySize>,
    /// The domain as Windows reports it, which a join that awaits its restart may already have changed.
    pub(crate) domain: Seen<DomainName>,
}

/// Reads the one instance of each class.
pub(crate) fn machine(systems: &[CimInstance], computers: &[CimInstance]) -> Result<Machine, Malformed> {
    let system = one(systems, classes::OPERATING_SYSTEM)?;
    let computer = one(computers, classes::WINDOWS_COMPUTER)?;
    let processors = u32::try_from(computer.number("NumberOfLogicalProcessors")?).unwrap_or(u32::MAX);
    // KiB, and what Windows could give at once: standing caches count as free.
    let free = system.unsigned("FreePhysicalMemory")?.map(|free| MemorySize::from_mib(free / 1024));
    let member = computer.boolean("PartOfDomain")?.unwrap_or(false);
    Ok(Machine {
        name: computer.name("Name")?,
        version: system.need("Version")?.to_owned(),
        booted_at: system.instant("LastBootUpTime")?,
        processors,
        memory: MemorySize::from_mib(computer.number("TotalPhysicalMemory")? / (1024 * 1024)),
        free_memory: free.map_or(Seen::Unknown(Cause::NotObserved), Seen::Known),
        domain: if member { Seen::Known(computer.name("Domain")?) } else { Seen::Absent },
    })
}

fn one<'r>(rows: &'r [CimInstance], class: &'static str) -> Result<&'r CimInstance, Malformed> {
    rows.first().ok_or_else(|| Malformed::Missing { class: class.to_owned(), property: "Name" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system() -> CimInstance {
        CimInstance::new("Win32_OperatingSystem").with("Version", "10.0.20348").with("LastBootUpTime", "20260303100000.000000+000")
    }

    fn computer() -> CimInstance {
        CimInstance::new("Win32_ComputerSystem")
            .with("Name", "HV01")
            .with("NumberOfLogicalProcessors", 16_u32)
            .with("TotalPhysicalMemory", "68719476736")
            .with("PartOfDomain", false)
            .with("Domain", "WORKGROUP")
    }

    #[test]
    fn a_machine_in_a_workgroup_has_no_domain() {
        let read = machine(&[system()], &[computer()]).unwrap();
        assert_eq!(read.domain, Seen::Absent);
        assert_eq!((read.processors, read.memory), (16, MemorySize::from_mib(65_536)));
        assert_eq!(read.booted_at.to_string(), "2026-03-03T10:00:00Z");
    }

    #[test]
    fn what_is_free_is_told_in_whole_mib() {
        let free = |system: CimInstance| machine(&[system], &[computer()]).unwrap().free_memory;
        assert_eq!(free(system().with("FreePhysicalMemory", "2098000")), Seen::Known(MemorySize::from_mib(2048)));
        assert_eq!(free(system()), Seen::Unknown(Cause::NotObserved), "never taken for nothing");
    }

    #[test]
    fn a_member_names_its_domain() {
        let read = machine(&[system()], &[computer().with("PartOfDomain", true).with("Domain", "cce.contoso.local")]).unwrap();
        assert_eq!(read.domain, Seen::Known("cce.contoso.local".parse().unwrap()));
    }

    #[test]
    fn a_machine_that_hides_its_boot_time_is_an_error() {
        let system = CimInstance::new("Win32_OperatingSystem").with("Version", "10.0.20348");
        let error = machine(&[system], &[computer()]).unwrap_err();
        assert_eq!(error.to_string(), "a Win32_OperatingSystem lacks `LastBootUpTime`");
    }
}
