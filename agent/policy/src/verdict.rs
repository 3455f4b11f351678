//! What the policies say.
//!
//! Guarantees: sorted and without doubles, so equal inputs give equal verdicts; a message is one line of bounded length.

use model::diagnostic::Place;
use regorus::Value;
use schemars::JsonSchema;
use serde::Serialize;

/// Longest message that is shown.
const MAX_MESSAGE: usize = 500;

/// Violations of one rule that are shown; a rule over every file of a fleet must not drown the others.
const MAX_VIOLATIONS: usize = 100;

/// What the policies say of one appliance.
#[must_use]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Planned work must not begin.
    pub denied: Vec<Violation>,
    /// People should read this.
    pub warned: Vec<Violation>,
}

/// One finding of one policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// The policy: its package without `trunkline.`.
    pub policy: String,
    /// In the policy's words.
    pub message: String,
    /// The appliance that it is about.
    pub appliance: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// The rule.
    pub place: Place,
}

impl Verdict {
    /// Whether nothing is denied.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.denied.is_empty()
    }

    pub(crate) fn settle(&mut self) {
        for list in [&mut self.denied, &mut self.warned] {
            list.sort_unstable();
            list.dedup();
        }
    }
}

/// Where findings come from.
pub(crate) struct Finder<'a> {
    pub(crate) policy: &'a str,
    pub(crate) place: &'a Place,
    pub(crate) appliance: &'a str,
}

impl Finder<'_> {
    pub(crate) fn says(&self, message: &str) -> Violation {
        Violation {
            policy: self.policy.to_owned(),
            message: one_line(message),
            appliance: Some(self.appliance.to_owned()),
            hint: None,
            place: self.place.clone(),
        }
    }

    /// The members of what a rule gave. Anything that is no finding is one: a rule that means to deny must not pass by a slip.
    pub(crate) fn findings(&self, value: &Value) -> Vec<Violation> {
        let members: Vec<&Value> = match value {
            Value::Undefined | Value::Bool(false) => Vec::new(),
            Value::Set(set) => set.iter().collect(),
            Value::Array(array) => array.iter().collect(),
            other => vec![other],
        };
        let more = members.len().saturating_sub(MAX_VIOLATIONS);
        let mut found: Vec<Violation> = members.into_iter().take(MAX_VIOLATIONS).map(|member| self.finding(member)).collect();
        if more > 0 {
            found.push(self.says(&format!("and {more} more")));
        }
        found
    }

    fn finding(&self, member: &Value) -> Violation {
        let text = |key: &str| member[key].as_string().ok().map(|text| one_line(text));
        match member {
            Value::String(message) => self.says(message),
            Value::Object(_) => match text("msg") {
                Some(message) => Violation {
                    hint: text("hint"),
                    appliance: text("appliance").or_else(|| Some(self.appliance.to_owned())),
                    ..self.says(&message)
                },
                None => self.says(&format!("{member} (a finding needs a text `msg`)")),
            },
            other => self.says(&format!("{other} (a finding is a text, or an object with `msg`)")),
        }
    }
}

fn one_line(text: &str) -> String {
    let mut line: String = text.chars().take(MAX_MESSAGE).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MAX_MESSAGE).is_some() {
        line.push('…');
    }
    line
}
