//! Performance counters that tell how many calls run.
//!
//! A profile names them, since each product has its own: the class that Windows makes of a counter set, an instance, a property. Of
//! several names of one class the first that the machine knows counts. Guarantees: a machine that knows none of them leaves the
//! number unknown, never zero. Deliberately absent: every other use of performance counters.

use model::cause::chain;
use model::desired::CallCounter;
use model::names::CounterName;
use model::seen::{Cause, Seen};
use wsman::cim::{CimInstance, Namespace};

use super::{Windows, WindowsError};
use crate::peer::{Peer, TalkError};
use crate::row::Malformed;
use crate::wql::Query;

impl Windows {
    /// Calls that run, by all of these counters together.
    pub async fn calls(&self, counters: &[CallCounter]) -> Seen<u32> {
        calls(self.peer(), counters).await
    }

    /// Whether the machine knows the class of a counter.
    ///
    /// # Errors
    /// `Talk`, but for a class that is not there.
    pub async fn knows_counter(&self, class: &str) -> Result<bool, WindowsError> {
        match rows(self.peer(), class, "_Total").await {
            Ok(_) => Ok(true),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Calls that run; `Absent` when there is nothing to count by.
pub(crate) async fn calls(peer: &Peer, counters: &[CallCounter]) -> Seen<u32> {
    if counters.is_empty() {
        return Seen::Absent;
    }
    let mut sum = 0_u32;
    for counter in counters {
        match one(peer, counter).await {
            Ok(count) => sum = sum.saturating_add(count),
            Err(cause) => return Seen::Unknown(cause),
        }
    }
    Seen::Known(sum)
}

async fn one(peer: &Peer, counter: &CallCounter) -> Result<u32, Cause> {
    for class in &counter.classes {
        match rows(peer, class.as_str(), counter.instance.as_str()).await {
            Ok(rows) => return read(&rows, counter).map_err(|malformed| Cause::Failed(chain(&malformed))),
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error.cause()),
        }
    }
    Err(Cause::Failed(format!("the machine has no counter class {}", named(counter))))
}

fn named(counter: &CallCounter) -> String {
    counter.classes.iter().map(CounterName::as_str).collect::<Vec<_>>().join(" or ")
}

async fn rows(peer: &Peer, class: &str, instance: &str) -> Result<Vec<CimInstance>, TalkError> {
    peer.select(&Query::of_namespace(Namespace::CIMV2, class.to_owned()).equal("Name", instance)).await
}

/// What the one row says.
fn read(rows: &[CimInstance], counter: &CallCounter) -> Result<u32, Malformed> {
    let missing = || Malformed::Missing { class: named(counter), property: "Name" };
    let row = rows.first().ok_or_else(missing)?;
    let found = row.unsigned(counter.property.as_str())?;
    let count = found.ok_or_else(|| Malformed::Meaningless {
        class: row.class().to_string(),
        property: "Name",
        found: format!("no property `{}`", counter.property),
    })?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter() -> CallCounter {
        let name = |text: &str| text.parse().unwrap();
        CallCounter { classes: vec![name("Win32_PerfFormattedData_X")], instance: name("_Total"), property: name("Current") }
    }

    #[test]
    fn a_counter_that_cannot_be_read_is_no_zero() {
        let row = CimInstance::new("Win32_PerfFormattedData_X").with("Name", "_Total");
        assert_eq!(read(&[row.clone().with("Current", 12_u32)], &counter()), Ok(12));
        assert!(read(&[row], &counter()).is_err(), "the property is missing");
        assert!(read(&[], &counter()).is_err(), "the instance is missing");
    }
}
