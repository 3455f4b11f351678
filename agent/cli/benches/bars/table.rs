//! The table that benchmarks print: what was measured, its floor from the same run, ours, their ratio, and the bar.
//!
//! Guarantees: a line that misses its bar says so; nothing is asserted, since a busy machine must not fail a build.
//! Deliberately absent: any measuring.
#![allow(dead_code, reason = "several benchmarks share it, and none needs all of it")]

use std::fmt;
use std::time::Duration;

/// One line.
#[derive(Debug)]
pub struct Row {
    what: &'static str,
    floor: String,
    ours: String,
    ratio: Option<(f64, f64)>,
    limits: Vec<Limit>,
}

/// Something besides the ratio that has a bar.
#[derive(Debug)]
struct Limit {
    text: String,
    holds: bool,
}

impl Row {
    /// Ours against a floor; `bar` is the largest ratio that is allowed.
    #[must_use]
    pub fn against(what: &'static str, [floor, ours]: [Duration; 2], bar: f64) -> Self {
        let ratio = ours.as_secs_f64() / floor.as_secs_f64().max(f64::MIN_POSITIVE);
        Self { what, floor: shown(floor), ours: shown(ours), ratio: Some((ratio, bar)), limits: Vec::new() }
    }

    /// A time that is to stay below `bar`, beside the floor of what no such thing can do without.
    #[must_use]
    pub fn within(what: &'static str, [floor, ours]: [Duration; 2], bar: Duration) -> Self {
        let limit = Limit { text: format!("<= {}", shown(bar)), holds: ours <= bar };
        Self { what, floor: shown(floor), ours: shown(ours), ratio: None, limits: vec![limit] }
    }

    /// A number that is to be what another one is.
    #[must_use]
    pub fn constant(what: &'static str, [small, large]: [u64; 2]) -> Self {
        let limit = Limit { text: "equal".to_owned(), holds: small == large };
        Self { what, floor: small.to_string(), ours: large.to_string(), ratio: None, limits: vec![limit] }
    }

    /// Something that is only told.
    #[must_use]
    pub fn told(what: &'static str, ours: String) -> Self {
        Self { what, floor: String::new(), ours, ratio: None, limits: Vec::new() }
    }

    /// With the most memory that our side had, in KiB, and its bar in MiB.
    #[must_use]
    pub fn peak(mut self, kib: u64, bar_mib: u64) -> Self {
        let tenths = kib * 10 / 1024;
        self.limits.push(Limit { text: format!("{}.{} of {bar_mib} MiB", tenths / 10, tenths % 10), holds: kib <= bar_mib * 1024 });
        self
    }
}

/// Prints the heading.
pub fn heading() {
    println!("{:<58} {:>9} {:>9} {:>6} {:>5}  others", "", "floor", "ours", "ratio", "bar");
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<58} {:>9} {:>9}", self.what, self.floor, self.ours)?;
        match self.ratio {
            Some((ratio, bar)) => write!(f, " {ratio:>6.2} {bar:>5.2}")?,
            None => write!(f, " {:>6} {:>5}", "", "")?,
        }
        for limit in &self.limits {
            write!(f, "  {}", limit.text)?;
        }
        let missed = self.ratio.is_some_and(|(ratio, bar)| ratio > bar) || self.limits.iter().any(|limit| !limit.holds);
        if missed { f.write_str("  MISSED") } else { Ok(()) }
    }
}

fn shown(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        _ if micros >= 1e6 => format!("{:.2} s", micros / 1e6),
        _ if micros >= 1e3 => format!("{:.2} ms", micros / 1e3),
        _ => format!("{micros:.2} us"),
    }
}
