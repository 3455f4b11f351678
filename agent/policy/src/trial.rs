//! Running the tests that lie beside policies: rules `test_…` in files `*_test.rego`.
//!
//! Guarantees: a test that is undefined or not `true` has failed; the interpreter runs them, as only it knows `with`.

use model::diagnostic::Diagnostic;
use model::snapshot::PolicyFile;
use regorus::{Engine, Value};

use crate::fault::faulty;
use crate::limits::Limits;
use crate::policies::{is_test, package_of};
use crate::room::with_room;

/// The outcome of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The file.
    pub file: String,
    /// The rule: `test_a_change_with_enough_peers_is_allowed`.
    pub name: String,
    /// Why it failed; `None` when it passed.
    pub failure: Option<String>,
}

/// Why tests could not be run.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Files cannot be read as Rego.
    #[error("{} of the policy files are faulty", .0.len())]
    Faulty(Vec<Diagnostic>),
    /// The system has no thread to give.
    #[error("cannot start a thread to run the tests of policies")]
    Thread(#[source] std::io::Error),
}

/// Runs every test of the files. The policies that they test are among the files.
///
/// # Errors
/// `TrialError`; no test was run.
pub fn try_out(files: &[PolicyFile], limits: Limits) -> Result<Vec<Trial>, TrialError> {
    with_room(|| run(files, limits)).map_err(TrialError::Thread)?.map_err(TrialError::Faulty)
}

fn run(files: &[PolicyFile], limits: Limits) -> Result<Vec<Trial>, Vec<Diagnostic>> {
    let mut engine = Engine::new();
    engine.set_execution_timer_config(limits.timer());
    let mut faults = Vec::new();
    let mut packages = Vec::new();
    for file in files {
        // On its own first: only that looks at the bounds.
        match package_of(file) {
            Ok(package) => {
                let added = engine.add_policy(file.path.to_string(), file.text.to_string());
                faults.extend(added.err().map(|error| faulty(file, &error.to_string())));
                packages.push((file, package));
            }
            Err(fault) => faults.push(*fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut trials = Vec::new();
    for (file, package) in packages.iter().filter(|(file, _)| is_test(file)) {
        for name in test_names(&file.text) {
            let failure = match engine.clone().eval_rule(format!("{package}.{name}")) {
                Ok(Value::Bool(true)) => None,
                Ok(Value::Undefined) => Some("it is undefined: a condition did not hold".to_owned()),
                Ok(other) => Some(format!("it is {other}")),
                Err(error) => Some(error.to_string()),
            };
            trials.push(Trial { file: file.path.to_string(), name: name.to_owned(), failure });
        }
    }
    Ok(trials)
}

/// Names of rules at the beginning of a line, as every Rego formatter writes them.
fn test_names(text: &str) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("test_")) {
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(line.len());
        names.extend(line.get(..end).filter(|name| !names.contains(name)));
    }
    names
}
