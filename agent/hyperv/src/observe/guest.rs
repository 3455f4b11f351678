//! A guest seen from inside: who it is, what awaits its restart, its watched services and rules.
//!
//! Guarantees: seven queries and calls, and one for each counter of calls, however many services and rules are watched; a guest that refuses us is asked one.
//!
//! What awaits a restart: a new name stands in the registry (`ComputerName` differs from `ActiveComputerName`). A join is told by
//! the key `JoinDomain` that Netlogon keeps until the restart; to which domain, `Win32_ComputerSystem` may say already, else this
//! agent remembers it of its own join since that boot, else it stays unsaid. A Windows that shows no key, to an agent that
//! remembers nothing, is sent the join once more and answers *already joined*.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use model::desired::{CallCounter, Desired, DesiredRole, StartMode};
use model::names::{DomainName, RoleName, RuleName, ServiceName};
use model::observed::{ObservedGuest, ObservedService, Reach, RuleState, ServiceState};
use model::seen::Seen;
use wsman::cim::CimInstance;

use crate::classes;
use crate::observe::machine::{self, Machine};
use crate::observe::vitals::told;
use crate::peer::{Peer, TalkError};
use crate::registry;
use crate::row::{Malformed, Row};
use crate::windows::counter;
use crate::wql::Query;

/// What is watched inside a guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Watched {
    services: Vec<ServiceName>,
    rules: Vec<RuleName>,
    calls: Arc<[CallCounter]>,
}

impl Watched {
    /// Everything that `role` names, every accepted name of a service among it.
    pub(crate) fn of(role: &DesiredRole) -> Self {
        Self {
            services: role.services.iter().flat_map(|service| service.names.iter().cloned()).collect(),
            rules: role.rules.iter().map(|rule| rule.name.clone()).collect(),
            calls: Arc::clone(&role.calls),
        }
    }
}

/// The wish for `role`, whichever instance is looked at.
pub(crate) fn role<'d>(desired: &'d Desired, role: &RoleName) -> Option<&'d DesiredRole> {
    desired.roles.iter().find(|one| one.role == *role)
}

/// A join that this agent sent and that awaits its restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingJoin {
    pub(crate) domain: DomainName,
    /// The boot during which it was sent; another boot has brought it into force.
    pub(crate) booted_at: Timestamp,
}

/// Who a guest is and what awaits its restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) machine: Machine,
    /// The domain in force.
    pub(crate) domain: Seen<DomainName>,
    pub(crate) pending_name: Option<model::names::ComputerName>,
    /// Whether a join awaits the restart.
    pub(crate) joining: bool,
    /// To which domain, where that is known.
    pub(crate) pending_domain: Option<DomainName>,
}

/// Asks who the guest is.
pub(crate) async fn identity(peer: &Peer, sent: Option<&PendingJoin>) -> Result<Identity, TalkError> {
    identity_of(peer, &system(peer).await?, sent).await
}

/// The first question: each one that is put to a guest that refuses us counts towards locking our account.
async fn system(peer: &Peer) -> Result<Vec<CimInstance>, TalkError> {
    peer.select(&Query::windows(classes::OPERATING_SYSTEM)).await
}

async fn identity_of(peer: &Peer, systems: &[CimInstance], sent: Option<&PendingJoin>) -> Result<Identity, TalkError> {
    let computer = Query::windows(classes::WINDOWS_COMPUTER);
    let (computers, active, next, netlogon) = tokio::join!(
        peer.select(&computer),
        registry::text(peer, registry::ACTIVE_NAME, registry::NAME_VALUE),
        registry::text(peer, registry::NEXT_NAME, registry::NAME_VALUE),
        registry::keys(peer, registry::NETLOGON),
    );
    let machine = peer.read(classes::OPERATING_SYSTEM, machine::machine(systems, &computers?))?;
    let next =
        next?.filter(|next| active.as_ref().is_ok_and(|active| active.as_ref().is_some_and(|active| !active.eq_ignore_ascii_case(next))));
    active?;
    let sent = sent.filter(|sent| sent.booted_at == machine.booted_at);
    let joining = sent.is_some() || netlogon?.iter().any(|key| key.eq_ignore_ascii_case(registry::JOIN_KEY));
    let (domain, pending_domain) = match (&machine.domain, joining) {
        (reported, false) => (reported.clone(), None),
        (Seen::Known(reported), true) => (Seen::Absent, Some(reported.clone())),
        (_, true) => (Seen::Absent, sent.map(|sent| sent.domain.clone())),
    };
    Ok(Identity { domain, pending_name: next.and_then(|name| name.parse().ok()), joining, pending_domain, machine })
}

/// When the guest started; the cheapest proof that somebody is in.
pub(crate) async fn booted_at(peer: &Peer) -> Result<Timestamp, TalkError> {
    let rows = system(peer).await?;
    let missing = || Malformed::Missing { class: classes::OPERATING_SYSTEM.to_owned(), property: "LastBootUpTime" };
    peer.read(classes::OPERATING_SYSTEM, rows.first().ok_or_else(missing).and_then(|row| row.instant("LastBootUpTime")))
}

/// Looks into the guest.
pub(crate) async fn look(peer: &Peer, reach: Reach, watched: &Watched, sent: Option<&PendingJoin>) -> Result<ObservedGuest, TalkError> {
    let systems = system(peer).await?;
    let who = identity_of(peer, &systems, sent);
    let (services, rules) = (ask_services(peer, &watched.services), ask_rules(peer, &watched.rules));
    let (who, services, rules, calls) = tokio::join!(who, services, rules, counter::calls(peer, &watched.calls));
    let Identity { machine, domain, pending_name, joining: _ /* for steps */, pending_domain } = who?;
    Ok(ObservedGuest {
        reach,
        computer: machine.name,
        domain,
        booted_at: machine.booted_at,
        pending_name,
        pending_domain,
        services,
        rules,
        calls,
    })
}

async fn ask_services(peer: &Peer, names: &[ServiceName]) -> Seen<BTreeMap<ServiceName, ObservedService>> {
    if names.is_empty() {
        return Seen::Known(BTreeMap::new());
    }
    let rows = peer.select(&service_query(names)).await;
    told(&rows, services).map_or_else(Seen::Unknown, Seen::Known)
}

async fn ask_rules(peer: &Peer, names: &[RuleName]) -> Seen<BTreeMap<RuleName, RuleState>> {
    if names.is_empty() {
        return Seen::Known(BTreeMap::new());
    }
    let rows = peer.select(&rule_query(names)).await;
    told(&rows, rules).map_or_else(Seen::Unknown, Seen::Known)
}

/// The query for services of these names.
pub(crate) fn service_query(names: &[ServiceName]) -> Query {
    Query::windows(classes::SERVICE).any_of("Name", names.iter().map(ServiceName::as_str))
}

/// The query for rules of these names. Enumerating all rules takes seconds on a real guest.
pub(crate) fn rule_query(names: &[RuleName]) -> Query {
    Query::standard(classes::FIREWALL_RULE).any_of("DisplayName", names.iter().map(RuleName::as_str))
}

/// Reads services.
pub(crate) fn services(rows: &[CimInstance]) -> Result<BTreeMap<ServiceName, ObservedService>, Malformed> {
    rows.iter().map(|row| Ok((row.name("Name")?, service(row)?))).collect()
}

/// Reads a service.
pub(crate) fn service(row: &CimInstance) -> Result<ObservedService, Malformed> {
    let meaningless = |property, found: &str| Malformed::Meaningless { class: row.class().to_string(), property, found: found.to_owned() };
    let state = match row.need("State")? {
        "Running" => ServiceState::Running,
        "Stopped" => ServiceState::Stopped,
        "Start Pending" => ServiceState::Starting,
        "Stop Pending" => ServiceState::Stopping,
        "Paused" | "Pause Pending" | "Continue Pending" => ServiceState::Paused,
        other => return Err(meaningless("State", other)),
    };
    let start_mode = match row.need("StartMode")? {
        "Auto" | "Automatic" => StartMode::Automatic,
        "Manual" => StartMode::Manual,
        "Disabled" => StartMode::Disabled,
        other => return Err(meaningless("StartMode", other)),
    };
    Ok(ObservedService { state, start_mode })
}

/// Reads inbound rules. Several may bear one name (one per profile): enabled counts only when all of them are.
pub(crate) fn rules(rows: &[CimInstance]) -> Result<BTreeMap<RuleName, RuleState>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows.iter().filter(|row| is_inbound(row)) {
        let state = if is_enabled(row)? { RuleState::Enabled } else { RuleState::Disabled };
        let known = found.entry(row.name::<RuleName>("DisplayName")?).or_insert(state);
        if state == RuleState::Disabled {
            *known = RuleState::Disabled;
        }
    }
    Ok(found)
}

/// Whether a rule is for what comes in.
pub(crate) fn is_inbound(row: &CimInstance) -> bool {
    !matches!(row.unsigned("Direction"), Ok(Some(2)))
}

/// Whether a rule is in force.
pub(crate) fn is_enabled(row: &CimInstance) -> Result<bool, Malformed> {
    Ok(row.number("Enabled")? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, state: &str, mode: &str) -> CimInstance {
        CimInstance::new("Win32_Service").with("Name", name).with("State", state).with("StartMode", mode)
    }

    #[test]
    fn services_are_read_as_windows_writes_them() {
        let read = services(&[row("RTCSRV", "Running", "Auto"), row("REPLICA", "Stop Pending", "Manual")]).unwrap();
        let rtcsrv = read[&"rtcsrv".parse::<ServiceName>().unwrap()];
        assert_eq!(rtcsrv, ObservedService { state: ServiceState::Running, start_mode: StartMode::Automatic });
        assert_eq!(read[&"REPLICA".parse::<ServiceName>().unwrap()].state, ServiceState::Stopping);
        insta::assert_snapshot!(
            services(&[row("RTCSRV", "Läuft", "Auto")]).unwrap_err(),
            @"`State` of a Win32_Service is `Läuft`, which means nothing"
        );
    }

    #[test]
    fn a_rule_counts_as_enabled_only_when_every_inbound_one_of_its_name_is() {
        let rule = |direction: u16, enabled: u16| {
            CimInstance::new("MSFT_NetFirewallRule").with("DisplayName", "CS RTCSRV").with("Direction", direction).with("Enabled", enabled)
        };
        let state = |rows: &[CimInstance]| rules(rows).unwrap().into_values().next();
        assert_eq!(state(&[rule(1, 1), rule(1, 2)]), Some(RuleState::Disabled));
        assert_eq!(state(&[rule(1, 1), rule(2, 2)]), Some(RuleState::Enabled));
        assert_eq!(state(&[rule(2, 1)]), None);
    }
}
