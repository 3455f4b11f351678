//! One record of the journal, and its form on the disk: `<length> <checksum> <JSON>` and a line feed.
//!
//! Guarantees: whatever is decoded is exactly what was encoded, at its place in the chain: the record names the checksum of the one
//! before it, so none can be changed, dropped or put in between without breaking all that follow.
//! Deliberately absent: any secret (an entry names steps, never what is in them).

use jiff::Timestamp;
use model::condition::Disposition;
use model::snapshot::Revision;
use plan::step::StepId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const LENGTH_DIGITS: usize = 8;
const SUM_DIGITS: usize = 64;
const FRAME: usize = LENGTH_DIGITS + 1 + SUM_DIGITS + 1;
/// No entry comes near this; a length beyond it is damage, and must not make us allocate.
const LONGEST: usize = 64 * 1024;

/// What the first record of a first file names as the one before it.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry {
    /// A wish was looked at for the first time, or another one than before.
    Revision {
        /// Where it was read from.
        revision: Revision,
    },
    /// Steps were let through the gate.
    Gated {
        /// The plan's digest.
        plan: String,
        /// How many of its steps.
        steps: usize,
    },
    /// A step is about to be sent to the host.
    Intent {
        /// The step.
        step: StepId,
    },
    /// A step was verified on the host.
    Done {
        /// The step.
        step: StepId,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// A step came to nothing.
    Failed {
        /// The step.
        step: StepId,
        /// Why, with the whole chain of causes.
        says: String,
        /// What the failure asks for.
        disposition: Disposition,
    },
}

/// One entry at its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Counts from 1, across rotations.
    pub number: u64,
    /// The checksum of the record before, SHA-256 in hex.
    pub previous: String,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub entry: Entry,
}

/// Why bytes are not the next record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Tear {
    /// They end too early.
    #[error("it ends in the middle of a record")]
    Cut,
    /// They do not have the form of a record.
    #[error("it is not in the form of a record")]
    Form,
    /// The checksum is another.
    #[error("a record's checksum does not fit its text")]
    Checksum,
    /// It is a sound record that belongs elsewhere.
    #[error("a record does not continue the one before it")]
    Chain,
}

/// The end of a chain: what the next record continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    pub(super) number: u64,
    pub(super) sum: String,
}

impl End {
    pub(super) fn genesis() -> Self {
        Self { number: 0, sum: GENESIS.to_owned() }
    }
}

fn checksum(text: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(text).iter().fold(String::with_capacity(SUM_DIGITS), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The bytes of the record that continues `end`, and the new end.
pub(super) fn encode(end: &End, at: Timestamp, entry: Entry) -> Result<(Vec<u8>, End), serde_json::Error> {
    let record = Record { number: end.number + 1, previous: end.sum.clone(), at, entry };
    let text = serde_json::to_string(&record)?;
    let sum = checksum(text.as_bytes());
    let line = format!("{:0LENGTH_DIGITS$x} {sum} {text}\n", text.len());
    Ok((line.into_bytes(), End { number: record.number, sum }))
}

/// The first record of `bytes`, its length on the disk, and the new end. Where `end` is unknown (the file before was rotated
/// away), the record is believed about its place.
pub(super) fn decode(bytes: &[u8], end: Option<&End>) -> Result<(Record, usize, End), Tear> {
    let frame = bytes.get(..FRAME).ok_or(Tear::Cut)?;
    let frame = std::str::from_utf8(frame).map_err(|_| Tear::Form)?;
    let mut parts = frame.split(' ');
    let length = parts.next().filter(|digits| digits.len() == LENGTH_DIGITS).and_then(|digits| usize::from_str_radix(digits, 16).ok());
    let length = length.filter(|length| *length <= LONGEST).ok_or(Tear::Form)?;
    let sum = parts.next().filter(|sum| sum.len() == SUM_DIGITS).ok_or(Tear::Form)?;
    let text = bytes.get(FRAME..FRAME + length).ok_or(Tear::Cut)?;
    match bytes.get(FRAME + length) {
        None => return Err(Tear::Cut),
        Some(b'\n') => {}
        Some(_) => return Err(Tear::Form),
    }
    if checksum(text) != sum {
        return Err(Tear::Checksum);
    }
    let record: Record = serde_json::from_slice(text).map_err(|_| Tear::Form)?;
    if end.is_some_and(|end| record.previous != end.sum || record.number != end.number + 1) {
        return Err(Tear::Chain);
    }
    let end = End { number: record.number, sum: sum.to_owned() };
    Ok((record, FRAME + length + 1, end))
}
