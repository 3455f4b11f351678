//! The text of marks and remarks in the notes of VMs and switches.
//!
//! Guarantees: what is written is read back; lines that are not ours stay where they are; a line that begins like a
//! mark of ours but cannot be read is an error, never silently foreign.
//! Deliberately absent: who may write when.

use std::fmt;

use crate::names::InvalidName;
use crate::observed::{Mark, Remarks, SwitchMark};

const VERSION: &str = "trunkline/1";
const REMARK: &str = "trunkline: ";
const SET_UP: &str = "set up";
const DOWN: &str = "down: ";

/// A line begins like our mark but says something that we cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableMark {
    /// A part is missing.
    #[error("the mark `{line}` lacks `{part}=`")]
    Missing {
        /// The whole line.
        line: String,
        /// The part that is missing.
        part: &'static str,
    },
    /// A part is no name.
    #[error("the mark `{line}` holds a name that cannot be one")]
    Name {
        /// The whole line.
        line: String,
        /// What is wrong with it.
        source: InvalidName,
    },
}

struct Parts<'a> {
    line: &'a str,
}

impl<'a> Parts<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let line = line.trim();
        let rest = line.strip_prefix(VERSION)?;
        (rest.is_empty() || rest.starts_with(' ')).then_some(Self { line })
    }

    fn text(&self, part: &'static str) -> Result<&'a str, UnreadableMark> {
        self.line
            .split_ascii_whitespace()
            .find_map(|word| word.strip_prefix(part)?.strip_prefix('='))
            .ok_or_else(|| UnreadableMark::Missing { line: self.line.to_owned(), part })
    }

    fn name<T: std::str::FromStr<Err = InvalidName>>(&self, part: &'static str) -> Result<T, UnreadableMark> {
        self.text(part)?.parse().map_err(|source| UnreadableMark::Name { line: self.line.to_owned(), source })
    }
}

impl Mark {
    /// The mark among the lines of a VM's notes; `None` when there is none.
    ///
    /// # Errors
    /// `UnreadableMark` when a line begins like ours and cannot be read.
    pub fn read(notes: &str) -> Result<Option<Self>, UnreadableMark> {
        let Some(parts) = notes.lines().find_map(Parts::of) else { return Ok(None) };
        Ok(Some(Self {
            fleet: parts.name("fleet")?,
            appliance: parts.name("appliance")?,
            role: parts.name("role")?,
            instance: parts.name("instance")?,
            spec: parts.text("spec")?.to_owned(),
        }))
    }

    /// The notes of a VM with this mark and these remarks, keeping the lines of `notes` that are not ours.
    #[must_use]
    pub fn write(&self, remarks: &Remarks, notes: &str) -> String {
        let mut lines = vec![self.to_string()];
        if remarks.set_up {
            lines.push(format!("{REMARK}{SET_UP}"));
        }
        if let Some(reason) = &remarks.down {
            lines.push(format!("{REMARK}{DOWN}{}", reason.replace(['\r', '\n'], " ")));
        }
        let theirs = notes.lines().filter(|line| Parts::of(line).is_none() && !line.starts_with(REMARK)).map(str::to_owned);
        lines.extend(theirs);
        lines.join("\n")
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fleet, appliance, role, instance, spec } = self;
        write!(f, "{VERSION} fleet={fleet} appliance={appliance} role={role} instance={instance} spec={spec}")
    }
}

impl Remarks {
    /// Our remarks among the lines of a VM's notes.
    #[must_use]
    pub fn read(notes: &str) -> Self {
        let mut remarks = Self::default();
        for remark in notes.lines().filter_map(|line| line.trim_end().strip_prefix(REMARK)) {
            if remark == SET_UP {
                remarks.set_up = true;
            } else if let Some(reason) = remark.strip_prefix(DOWN) {
                remarks.down = Some(reason.to_owned());
            }
        }
        remarks
    }
}

impl SwitchMark {
    /// The mark among the lines of a switch's notes; `None` when there is none.
    ///
    /// # Errors
    /// `UnreadableMark` when a line begins like ours and cannot be read.
    pub fn read(notes: &str) -> Result<Option<Self>, UnreadableMark> {
        let Some(parts) = notes.lines().find_map(Parts::of) else { return Ok(None) };
        Ok(Some(Self { fleet: parts.name("fleet")?, appliance: parts.name("appliance")? }))
    }
}

impl fmt::Display for SwitchMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fleet, appliance } = self;
        write!(f, "{VERSION} fleet={fleet} appliance={appliance}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark {
            fleet: "contoso".parse().unwrap(),
            appliance: "sea-1".parse().unwrap(),
            role: "ad".parse().unwrap(),
            instance: "2.1".parse().unwrap(),
            spec: "9f3a".to_owned(),
        }
    }

    #[test]
    fn a_mark_is_one_line_and_reads_back() {
        let remarks = Remarks { set_up: true, down: Some("service RTCSRV is stopped".to_owned()) };
        let notes = mark().write(&remarks, "");
        insta::assert_snapshot!(notes, @r"
        trunkline/1 fleet=contoso appliance=sea-1 role=ad instance=2.1 spec=9f3a
        trunkline: set up
        trunkline: down: service RTCSRV is stopped
        ");
        assert_eq!(Mark::read(&notes), Ok(Some(mark())));
        assert_eq!(Remarks::read(&notes), remarks);
    }

    #[test]
    fn lines_that_people_wrote_stay() {
        let before = "ask Ann before touching\ntrunkline/1 fleet=old appliance=a role=b instance=c spec=d";
        let after = mark().write(&Remarks::default(), before);
        assert!(after.ends_with("\nask Ann before touching") && !after.contains("fleet=old"), "{after}");
    }

    #[test]
    fn a_mark_that_lacks_a_part_is_an_error_and_not_a_foreign_vm() {
        assert_eq!(
            Mark::read("trunkline/1 fleet=contoso appliance=sea-1").map_err(|e| e.to_string()),
            Err("the mark `trunkline/1 fleet=contoso appliance=sea-1` lacks `role=`".to_owned())
        );
        assert_eq!(Mark::read("trunkline/10 is another product"), Ok(None));
    }
}
