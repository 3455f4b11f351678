//! Evaluates WQL over one machine.
//!
//! Guarantees: the machine's own order is kept; an item of a subclass keeps its own class. Event queries are refused here: a
//! subscription runs them.

mod condition;
mod object_path;
mod related;
mod term;

use wsman::cim::{CimInstance, Name, Namespace};

use crate::machine::{Machine, Object, WmiCode, WmiError};
use crate::wql::{self, Columns, Query, Select};

pub use object_path::ObjectPath;
pub(crate) use related::{associators, references};

/// The items of an enumeration, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What was found.
    pub objects: Vec<Object>,
    /// The properties that were asked for by name; `None` when whole instances were.
    pub projection: Option<Vec<Name>>,
}

impl Answer {
    /// Whole instances.
    #[must_use]
    pub fn whole(objects: Vec<Object>) -> Self {
        Self { objects, projection: None }
    }
}

/// Parses and evaluates `text` in `namespace` of `machine`.
///
/// # Errors
/// `InvalidQuery` for what is not WQL or compares what cannot be compared; else what the machine says.
pub fn run(machine: &dyn Machine, namespace: &Namespace, text: &str) -> Result<Answer, WmiError> {
    let query = wql::parse(text).map_err(|error| WmiError::new(WmiCode::InvalidQuery, error.to_string()))?;
    match query {
        Query::Select(select) => run_select(machine, namespace, select),
        Query::Event(_) => Err(WmiError::new(WmiCode::InvalidQuery, "an event query needs a subscription")),
        Query::Associators(wanted) => associators(machine, namespace, &wanted).map(Answer::whole),
        Query::References(wanted) => references(machine, namespace, &wanted).map(Answer::whole),
    }
}

/// Whether `filter` holds for `object`, as seen on `computer`.
pub(crate) fn holds(computer: &str, namespace: &Namespace, filter: &wql::Condition, object: &Object) -> Result<bool, WmiError> {
    condition::Scope { computer, namespace }.holds(filter, object)
}

fn run_select(machine: &dyn Machine, namespace: &Namespace, select: Select) -> Result<Answer, WmiError> {
    let mut objects = machine.instances(namespace, select.class.as_str())?;
    if let Some(filter) = &select.filter {
        condition::check(filter, (namespace, &select.class), &objects)?;
        let scope = condition::Scope { computer: machine.computer_name(), namespace };
        let mut kept = Vec::with_capacity(objects.len());
        for object in objects {
            if scope.holds(filter, &object)? {
                kept.push(object);
            }
        }
        objects = kept;
    }
    let projection = match select.columns {
        Columns::All => None,
        Columns::Named(names) => {
            for name in &names {
                condition::check_name(name, (namespace, &select.class), &objects)?;
            }
            for object in &mut objects {
                object.instance = project(&object.instance, &names);
            }
            Some(names)
        }
    };
    Ok(Answer { objects, projection })
}

fn project(instance: &CimInstance, names: &[Name]) -> CimInstance {
    names.iter().fold(CimInstance::new(instance.class().clone()), |out, name| out.with(name.as_str(), instance.get(name.as_str()).clone()))
}

#[cfg(test)]
mod tests;
