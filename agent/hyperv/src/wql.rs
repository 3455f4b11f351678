//! The queries that we send: `SELECT * FROM class WHERE …`, and the associators of one object.
//!
//! Guarantees: values are quoted as WQL wants them, so that no name can change a query. Always `*`: a projection comes back in
//! another shape. Deliberately absent: everything of WQL that we do not need.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use wsman::cim::{CimDatetime, CimPath, Namespace};

/// One query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    namespace: Namespace,
    class: Cow<'static, str>,
    condition: Option<String>,
}

impl Query {
    /// Every instance of a class of Hyper-V's.
    pub(crate) fn hyperv(class: &'static str) -> Self {
        Self::of_namespace(Namespace::VIRTUALIZATION, class)
    }

    /// Every instance of a class of the operating system's.
    pub(crate) fn windows(class: &'static str) -> Self {
        Self::of_namespace(Namespace::CIMV2, class)
    }

    /// Every instance of a class of the firewall's.
    pub(crate) fn standard(class: &'static str) -> Self {
        Self::of_namespace(Namespace::STANDARD_CIMV2, class)
    }

    /// Every instance of a class, which a profile may name, in any namespace.
    pub(crate) fn of_namespace(namespace: Namespace, class: impl Into<Cow<'static, str>>) -> Self {
        Self { namespace, class: class.into(), condition: None }
    }

    /// Only where `property` is greater than `low` and at most `high`.
    pub(crate) fn within(self, property: &str, (low, high): (u64, u64)) -> Self {
        self.and(format!("{property} > {low} AND {property} <= {high}"))
    }

    /// Only where `property` is from `from` on and before `to`.
    pub(crate) fn between(self, property: &str, (from, to): (Timestamp, Timestamp)) -> Self {
        let text = |at| CimDatetime::Instant(at).to_cim();
        self.and(format!("{property} >= '{}' AND {property} < '{}'", text(from), text(to)))
    }

    /// Every instance of a class of failover clustering's.
    pub(crate) fn cluster(class: &'static str) -> Self {
        Self::of_namespace(Namespace::CLUSTER, class)
    }

    /// Only where `property` is one of `values`; at least one must be given, else nothing can match.
    pub(crate) fn any_of<'v>(self, property: &str, values: impl IntoIterator<Item = &'v str>) -> Self {
        let terms: Vec<String> = values.into_iter().map(|value| format!("{property} = {}", Literal(value))).collect();
        self.and(if terms.is_empty() { format!("{property} IS NULL") } else { terms.join(" OR ") })
    }

    /// Only where `property` is `value`.
    pub(crate) fn equal(self, property: &str, value: &str) -> Self {
        self.any_of(property, [value])
    }

    /// Only where `property` is less than `bound`.
    pub(crate) fn below(self, property: &str, bound: u16) -> Self {
        self.and(format!("{property} < {bound}"))
    }

    /// Only settings of the VM or switch `owner`.
    pub(crate) fn of(self, owner: &crate::guid::Guid) -> Self {
        // A GUID holds none of LIKE's wildcards.
        self.and(format!("InstanceID LIKE 'Microsoft:{owner}%'"))
    }

    /// Only settings of these VMs; of all, when there are none.
    pub(crate) fn of_any<'g>(self, owners: impl IntoIterator<Item = &'g crate::guid::Guid>) -> Self {
        let terms: Vec<String> = owners.into_iter().map(|owner| format!("InstanceID LIKE 'Microsoft:{owner}%'")).collect();
        if terms.is_empty() { self } else { self.and(terms.join(" OR ")) }
    }

    /// The namespace that it is sent to.
    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The class that is asked for.
    pub(crate) fn class(&self) -> &str {
        &self.class
    }

    fn and(mut self, condition: String) -> Self {
        self.condition = Some(match self.condition {
            Some(before) => format!("({before}) AND ({condition})"),
            None => condition,
        });
        self
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SELECT * FROM {}", self.class)?;
        self.condition.as_ref().map_or(Ok(()), |condition| write!(f, " WHERE {condition}"))
    }
}

/// The query for the services that depend on the service at `path`.
pub(crate) fn dependents(path: &CimPath) -> String {
    let name = path.key("Name").unwrap_or_default();
    format!("ASSOCIATORS OF {{Win32_Service.Name={}}} WHERE AssocClass = Win32_DependentService Role = Antecedent", Literal(name))
}

/// The query for what the job of that `InstanceID` works on.
pub(crate) fn affected(job: &str) -> String {
    format!("ASSOCIATORS OF {{Msvm_ConcreteJob.InstanceID={}}} WHERE AssocClass = Msvm_AffectedJobElement", Literal(job))
}

/// A text in quotes. Backslash is WQL's escape character, so a path's own are doubled.
struct Literal<'a>(&'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("'")?;
        for c in self.0.chars() {
            if matches!(c, '\\' | '\'') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted() {
        let query = Query::windows("CIM_DataFile").any_of("Name", [r"D:\a.vhdx", "it's"]);
        insta::assert_snapshot!(query, @r"SELECT * FROM CIM_DataFile WHERE Name = 'D:\\a.vhdx' OR Name = 'it\'s'");
    }

    #[test]
    fn conditions_are_joined() {
        let owner = crate::guid::Guid::read("2B0E83F8-1111-2222-3333-444455556666").unwrap();
        let query = Query::hyperv("Msvm_X").of(&owner).below("JobState", 7);
        insta::assert_snapshot!(query, @"SELECT * FROM Msvm_X WHERE (InstanceID LIKE 'Microsoft:2B0E83F8-1111-2222-3333-444455556666%') AND (JobState < 7)");
    }

    #[test]
    fn no_values_match_nothing() {
        let query = Query::windows("Win32_Service").any_of("Name", []);
        insta::assert_snapshot!(query, @"SELECT * FROM Win32_Service WHERE Name IS NULL");
    }
}
