//! A guest's name and its place in a domain; both come into force with the next restart.

use model::names::{ComputerName, CredentialName, DomainName};
use model::seen::Seen;

use crate::failure::Failure;
use crate::observe::guest::{self, Identity, PendingJoin};
use crate::perform::Check;
use crate::perform::cx::{Cx, Guest};
use crate::windows::domain::Account;

/// Who the guest is, with what this agent remembers of its own join.
pub(crate) async fn identity(cx: &Cx<'_>, guest: &Guest) -> Result<Identity, Failure> {
    let sent = cx.host.memory().joins.get(&guest.vm).cloned();
    Ok(guest::identity(&guest.peer, sent.as_ref()).await?)
}

/// Whether the guest has the name, or will have it after its restart.
pub(crate) async fn is_renamed(cx: &Cx<'_>, to: &ComputerName) -> Result<Check, Failure> {
    let guest = match cx.guest().await? {
        Ok(guest) => guest,
        Err(blocker) => return Ok(Check::Blocked(blocker)),
    };
    let who = identity(cx, &guest).await?;
    Ok(Check::done_if(*who.pending_name.as_ref().unwrap_or(&who.machine.name) == *to))
}

/// Renames the guest.
pub(crate) async fn rename(cx: &Cx<'_>, to: &ComputerName) -> Result<(), Failure> {
    let guest = cx.need_guest().await?;
    // Its directory learns of it with the join, which comes after.
    guest.windows(cx).rename(to, None).await.map_err(|error| guest.failure(error))
}

/// Whether the guest is in the domain, or will be after its restart.
pub(crate) async fn is_joined(cx: &Cx<'_>, domain: &DomainName) -> Result<Check, Failure> {
    let guest = match cx.guest().await? {
        Ok(guest) => guest,
        Err(blocker) => return Ok(Check::Blocked(blocker)),
    };
    let who = identity(cx, &guest).await?;
    // Only we join; whither a pending join leads that does not say so, the restart will tell.
    if who.joining && who.pending_domain.as_ref().is_none_or(|pending| pending == domain) {
        return Ok(Check::Done);
    }
    match who.domain {
        Seen::Known(found) if found == *domain => Ok(Check::Done),
        Seen::Known(found) => Err(Failure::OtherDomain { vm: guest.name, found }),
        Seen::Absent | Seen::Unknown(_) => Ok(Check::Open),
    }
}

/// Joins the guest.
pub(crate) async fn join(cx: &Cx<'_>, domain: &DomainName, credential: &CredentialName) -> Result<(), Failure> {
    let guest = cx.need_guest().await?;
    let found = cx.host.context().credentials.resolve(credential);
    let found = found.map_err(|source| Failure::Credential { name: credential.clone(), source })?;
    let user = qualified(&found.user, domain);
    // A member by an earlier answer that was lost stays one; of which domain, the look before this has told.
    let joined = guest.windows(cx).join(domain, Account { user: &user, secret: &found.secret }).await;
    joined.map_err(|error| guest.failure(error))?;
    let sent = PendingJoin { domain: domain.clone(), booted_at: guest.booted_at };
    cx.host.memory().joins.insert(guest.vm, sent);
    Ok(())
}

/// The user as a join wants it: with its domain.
fn qualified(user: &str, domain: &DomainName) -> String {
    if user.contains(['\\', '@']) { user.to_owned() } else { format!("{domain}\\{user}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_user_is_taken_for_one_of_the_domain() {
        let domain: DomainName = "cce.contoso.local".parse().unwrap();
        assert_eq!(qualified("Administrator", &domain), r"cce.contoso.local\Administrator");
        assert_eq!(qualified(r"CCE\Administrator", &domain), r"CCE\Administrator");
        assert_eq!(qualified("admin@cce.contoso.local", &domain), "admin@cce.contoso.local");
    }
}
