//! `more`: passes on what it reads, from its input or from files.
//!
//! Deliberately absent: pages. There is no console whose height could be filled.

use serde::{Deserialize, Serialize};

use super::call::Input;
use super::{Call, Program, Step};

/// It reads its input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct More;

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    let names: Vec<String> = call.words().into_iter().filter(|word| !word.starts_with(['/', '+'])).collect();
    if names.is_empty() {
        return More.resume(call);
    }
    for name in names {
        match call.read_text(&name)? {
            Ok(text) => call.print(&text),
            Err(_) => return call.fail(&format!("Cannot access file {}", call.path(&name)), 1),
        }
    }
    Some(Step::Done(0))
}

impl More {
    pub(super) fn resume(self, call: &mut Call<'_, '_>) -> Option<Step> {
        loop {
            match call.read_line() {
                Input::Line(line) => {
                    let text = line.strip_suffix(b"\n").unwrap_or(&line);
                    let text = text.strip_suffix(b"\r").unwrap_or(text);
                    call.put(text);
                    call.put(b"\r\n");
                }
                Input::End => return Some(Step::Done(0)),
                Input::NotYet => return Some(Step::Reading(Program::More(self))),
            }
        }
    }
}
