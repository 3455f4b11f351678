//! Accounts that hosts refused: how often a wrong password may be tried again.
//!
//! Guarantees: after a refusal the same password goes to the same host again only after a rest of ten minutes, then twenty, then thirty
//! each time: never more than two attempts in any half hour, which the usual lock-out policies (five or more in half an hour) bear for ever.
//! An account of a domain that two hosts refused, and none let in since, is tried at one host in ten minutes, whichever asks first: all of
//! them ask the same directory. Another password is tried at once. Deliberately absent: anything on disk; a command that is started anew
//! tries once; attempts that are under way at many hosts when the first of them refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Account, AuthError};
use crate::secret::Secret;

const FIRST_REST: Duration = Duration::from_secs(600);
const LONGEST_REST: Duration = Duration::from_secs(1800);
/// Hosts that must refuse an account of a domain before it is the account's fault rather than theirs.
const HOSTS_THAT_DOUBT: usize = 2;

/// See the module. A handle: clones remember together.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// By endpoint and user.
    refusals: BTreeMap<(String, String), Refusal>,
    /// Accounts of domains, by user.
    doubts: BTreeMap<String, Doubt>,
}

#[derive(Debug)]
struct Refusal {
    password: Secret,
    rest: Duration,
    not_before: Instant,
}

/// An account of a domain that was refused somewhere, and let in nowhere since.
#[derive(Debug)]
struct Doubt {
    password: Secret,
    endpoints: BTreeSet<String>,
    not_before: Instant,
}

impl Refusals {
    /// Whether `account` may be tried at `endpoint` now.
    ///
    /// # Errors
    /// `AuthError::Resting` while it may not.
    pub(crate) fn check(&self, endpoint: &str, account: &Account) -> Result<(), AuthError> {
        self.known().check(endpoint, account)
    }

    /// The same, for an attempt that follows at once.
    ///
    /// # Errors
    /// As `check`.
    pub(crate) fn claim(&self, endpoint: &str, account: &Account) -> Result<(), AuthError> {
        let mut known = self.known();
        known.check(endpoint, account)?;
        if let Some(doubt) = known.doubts.get_mut(&account.user.to_lowercase()) {
            doubt.not_before = Instant::now() + FIRST_REST;
        }
        Ok(())
    }

    /// Notes that `endpoint` refused `account`.
    pub(crate) fn note(&self, endpoint: &str, account: &Account) {
        let (mut known, now) = (self.known(), Instant::now());
        let before = known.refusals.get(&key(endpoint, account)).filter(|refusal| refusal.password == account.password);
        let rest = match before {
            // Attempts that were under way together are one.
            Some(before) if now < before.not_before => return,
            Some(before) => (before.rest * 2).min(LONGEST_REST),
            None => FIRST_REST,
        };
        known.refusals.insert(key(endpoint, account), Refusal { password: account.password.clone(), rest, not_before: now + rest });
        if is_of_domain(account) {
            let doubt = || Doubt { password: account.password.clone(), endpoints: BTreeSet::new(), not_before: now };
            let known = known.doubts.entry(account.user.to_lowercase()).or_insert_with(doubt);
            if known.password != account.password {
                *known = doubt();
            }
            known.endpoints.insert(endpoint.to_lowercase());
            known.not_before = now + FIRST_REST;
        }
    }

    /// Notes that `endpoint` let `account` in.
    pub(crate) fn forget(&self, endpoint: &str, account: &Account) {
        let mut known = self.known();
        known.refusals.remove(&key(endpoint, account));
        known.doubts.remove(&account.user.to_lowercase());
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn check(&self, endpoint: &str, account: &Account) -> Result<(), AuthError> {
        let of_host = self.refusals.get(&key(endpoint, account)).filter(|refusal| refusal.password == account.password);
        let of_account = self.doubt(account).map(|doubt| doubt.not_before);
        let not_before = of_host.map(|refusal| refusal.not_before).max(of_account);
        let left = not_before.map_or(Duration::ZERO, |instant| instant.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(());
        }
        Err(AuthError::Resting { user: account.user.clone(), seconds: left.as_secs().max(1) })
    }

    fn doubt(&self, account: &Account) -> Option<&Doubt> {
        let doubt = self.doubts.get(&account.user.to_lowercase())?;
        (doubt.password == account.password && doubt.endpoints.len() >= HOSTS_THAT_DOUBT).then_some(doubt)
    }
}

/// Windows compares names without case.
fn key(endpoint: &str, account: &Account) -> (String, String) {
    (endpoint.to_lowercase(), account.user.to_lowercase())
}

/// Whether a directory knows the account, not each host its own: `CONTOSO\agent`, `agent@contoso.com`; `.\agent` is each host's own.
fn is_of_domain(account: &Account) -> bool {
    account.user.contains('@') || account.user.split_once('\\').is_some_and(|(domain, _)| !matches!(domain, "" | "."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(password: &str) -> Account {
        Account { user: "Agent".to_owned(), password: Secret::new(password) }
    }

    #[tokio::test(start_paused = true)]
    async fn in_no_half_hour_of_a_day_is_a_wrong_password_tried_three_times() {
        let (refusals, account) = (Refusals::default(), account("wrong"));
        let begin = Instant::now();
        let mut attempts = vec![];
        while begin.elapsed() < Duration::from_secs(86_400) {
            if refusals.claim("hv01", &account).is_ok() {
                attempts.push(begin.elapsed().as_secs());
                refusals.note("hv01", &account);
            }
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        assert_eq!(attempts[..5], [0, 600, 1800, 3600, 5400]);
        assert!(attempts.windows(3).all(|three| three[2] - three[0] >= 1800), "{attempts:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn another_password_another_host_and_a_success_are_not_held_back() {
        let refusals = Refusals::default();
        refusals.note("hv01", &account("wrong"));
        let rests = refusals.check("HV01", &account("wrong")).expect_err("rests");
        assert_eq!(rests, AuthError::Resting { user: "Agent".to_owned(), seconds: 600 });
        assert!(!rests.is_refusal() && !format!("{refusals:?}").contains("wrong"));
        assert!(refusals.check("hv02", &account("wrong")).is_ok());
        assert!(refusals.check("hv01", &account("right")).is_ok());
        refusals.forget("hv01", &account("right"));
        assert!(refusals.check("hv01", &account("wrong")).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_that_were_under_way_together_are_one() {
        let (refusals, account) = (Refusals::default(), account("wrong"));
        (0..4).for_each(|_| refusals.note("hv01", &account));
        tokio::time::advance(FIRST_REST).await;
        assert!(refusals.check("hv01", &account).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_of_a_domain_that_two_hosts_refused_is_tried_at_one_host_in_ten_minutes() {
        let refusals = Refusals::default();
        let account = |password| Account { user: r"CONTOSO\Agent".to_owned(), password: Secret::new(password) };
        let hosts = || (0..30).map(|host| format!("hv{host:02}"));
        let tried = |password: &'static str| {
            let tried: Vec<_> = hosts().filter(|host| refusals.claim(host, &account(password)).is_ok()).collect();
            tried.iter().for_each(|host| refusals.note(host, &account(password)));
            tried.len()
        };
        refusals.note("hv00", &account("wrong"));
        assert!(refusals.check("hv01", &account("wrong")).is_ok(), "it may be the host's fault");
        refusals.note("hv01", &account("wrong"));
        assert_eq!(tried("wrong"), 0);
        for _ in 0..5 {
            tokio::time::advance(FIRST_REST).await;
            assert_eq!(tried("wrong"), 1);
        }
        assert_eq!(hosts().filter(|host| refusals.claim(host, &account("right")).is_ok()).count(), 30);
        refusals.forget("hv05", &account("right"));
        assert!(refusals.check("hv29", &account("wrong")).is_ok(), "a host that lets it in ends the doubt");
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_of_each_host_is_refused_by_each_host_alone() {
        let refusals = Refusals::default();
        for user in ["Agent", r".\Agent"] {
            let account = Account { user: user.to_owned(), password: Secret::new("wrong") };
            ["hv00", "hv01", "hv02"].iter().for_each(|host| refusals.note(host, &account));
            assert!(refusals.check("hv03", &account).is_ok());
        }
    }
}
