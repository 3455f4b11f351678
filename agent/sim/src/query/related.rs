//! `ASSOCIATORS OF` and `REFERENCES OF`.
//!
//! Guarantees: each related instance comes once, in the order in which the machine lists its associations.

use wsman::cim::{CimInstance, CimPath, ClassName, Namespace};
use wsman::schema;

use super::ObjectPath;
use crate::machine::{Association, Machine, Object, WmiCode, WmiError, matches};
use crate::wql::Related;

/// What stands at the other end of the associations of the named instance.
pub(crate) fn associators(machine: &dyn Machine, namespace: &Namespace, wanted: &Related) -> Result<Vec<Object>, WmiError> {
    let (this, associations) = associations(machine, namespace, wanted)?;
    let mut loaded = Loaded { machine, classes: Vec::new() };
    let mut found: Vec<Object> = Vec::new();
    for association in associations {
        let wanted_link = fits(this.namespace(), wanted.assoc_class.as_ref(), &association.class)
            && wanted.role.as_ref().is_none_or(|role| *role == association.role)
            && wanted.result_role.as_ref().is_none_or(|role| *role == association.result_role);
        if !wanted_link || found.iter().any(|object| object.path == association.other) {
            continue;
        }
        // An end that has gone since is simply not there, as in WMI.
        let Some(object) = loaded.at(&association.other)? else { continue };
        if fits(object.path.namespace(), wanted.result_class.as_ref(), object.instance.class()) {
            found.push(object.clone());
        }
    }
    Ok(found)
}

/// The association instances that touch the named instance.
pub(crate) fn references(machine: &dyn Machine, namespace: &Namespace, wanted: &Related) -> Result<Vec<Object>, WmiError> {
    let (this, associations) = associations(machine, namespace, wanted)?;
    let fitting = associations.into_iter().filter(|association| {
        fits(this.namespace(), wanted.result_class.as_ref(), &association.class)
            && wanted.role.as_ref().is_none_or(|role| *role == association.role)
    });
    Ok(fitting.map(|association| association_instance(&this, &association)).collect())
}

fn association_instance(this: &CimPath, association: &Association) -> Object {
    let Association { class, role, result_role, other } = association;
    Object {
        path: CimPath::class_of(this.namespace().clone(), class.clone())
            .with_path_key(role.as_str(), this.clone())
            .with_path_key(result_role.as_str(), other.clone()),
        instance: CimInstance::new(class.clone()).with(role.as_str(), this.clone()).with(result_role.as_str(), other.clone()),
    }
}

fn associations(machine: &dyn Machine, namespace: &Namespace, wanted: &Related) -> Result<(CimPath, Vec<Association>), WmiError> {
    if wanted.class_definitions || wanted.required_qualifier.is_some() {
        return Err(WmiError::new(WmiCode::ProviderNotCapable, "class definitions and qualifiers are not offered"));
    }
    let invalid = || WmiError::new(WmiCode::InvalidQuery, format!("`{}` is not an object path", wanted.path));
    let named = ObjectPath::parse(&wanted.path, namespace).ok_or_else(invalid)?;
    if !named.is_of(machine.computer_name()) {
        return Err(WmiError::new(WmiCode::NotFound, "the object path names another machine"));
    }
    let associations = machine.associations(named.path.namespace(), &named.path)?;
    Ok((named.path, associations))
}

fn fits(namespace: &Namespace, wanted: Option<&ClassName>, class: &ClassName) -> bool {
    wanted.is_none_or(|wanted| schema::is_a(namespace, class.as_str(), wanted.as_str()))
}

/// The instances of the classes at the other ends, each class read once.
struct Loaded<'a> {
    machine: &'a dyn Machine,
    classes: Vec<(Namespace, ClassName, Vec<Object>)>,
}

impl Loaded<'_> {
    fn at(&mut self, path: &CimPath) -> Result<Option<&Object>, WmiError> {
        let known = self.classes.iter().position(|(namespace, class, _)| namespace == path.namespace() && class == path.class());
        let index = match known {
            Some(index) => index,
            None => {
                let objects = self.machine.instances(path.namespace(), path.class().as_str())?;
                self.classes.push((path.namespace().clone(), path.class().clone(), objects));
                self.classes.len() - 1
            }
        };
        Ok(self.classes[index].2.iter().find(|object| matches(&object.path, path)))
    }
}
