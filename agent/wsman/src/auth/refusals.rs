//! Accounts that hosts refused: how often a wrong password may be tried again.
//!
//! Guarantees: after a refusal the same password goes to the same host again only after a rest of ten minutes, then twenty, then thirty
//! each time: never more than two attempts in any half hour, which the usual lock-out policies (five or more in half an hour) bear for ever.
//! Another password is tried at once. Deliberately absent: anything on disk; a command that is started anew tries once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Account, AuthError};
use crate::secret::Secret;

const FIRST_REST: Duration = Duration::from_secs(600);
const LONGEST_REST: Duration = Duration::from_secs(1800);

/// See the module. A handle: clones remember together.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<BTreeMap<(String, String), Refusal>>>);

#[derive(Debug)]
struct Refusal {
    password: Secret,
    rest: Duration,
    not_before: Instant,
}

impl Refusals {
    /// Whether `account` may be tried at `endpoint` now.
    ///
    /// # Errors
    /// `AuthError::Resting` while it may not.
    pub(crate) fn check(&self, endpoint: &str, account: &Account) -> Result<(), AuthError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(refusal) = known.get(&key(endpoint, account)).filter(|refusal| refusal.password == account.password) else {
            return Ok(());
        };
        let left = refusal.not_before.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        Err(AuthError::Resting { user: account.user.clone(), seconds: left.as_secs().max(1) })
    }

    /// Notes that `endpoint` refused `account`.
    pub(crate) fn note(&self, endpoint: &str, account: &Account) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.get(&key(endpoint, account)).filter(|refusal| refusal.password == account.password);
        let rest = before.map_or(FIRST_REST, |refusal| (refusal.rest * 2).min(LONGEST_REST));
        let refusal = Refusal { password: account.password.clone(), rest, not_before: Instant::now() + rest };
        known.insert(key(endpoint, account), refusal);
    }

    /// Notes that `endpoint` let `account` in.
    pub(crate) fn forget(&self, endpoint: &str, account: &Account) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(endpoint, account));
    }
}

/// Windows compares names without case.
fn key(endpoint: &str, account: &Account) -> (String, String) {
    (endpoint.to_lowercase(), account.user.to_lowercase())
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
            if refusals.check("hv01", &account).is_ok() {
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
}
