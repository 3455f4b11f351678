//! Firewall rules inside a guest.

use model::names::RuleName;

use crate::classes;
use crate::failure::Failure;
use crate::observe::guest::{self, is_inbound};
use crate::peer::Object;
use crate::perform::Check;
use crate::perform::call::Call;
use crate::perform::cx::{Cx, Guest};
use crate::return_code::Family;

async fn find(guest: &Guest, rule: &RuleName) -> Result<Vec<Object>, Failure> {
    let all = guest.peer.objects(&guest::rule_query(std::slice::from_ref(rule))).await?;
    let inbound: Vec<Object> = all.into_iter().filter(|object| is_inbound(&object.row)).collect();
    if inbound.is_empty() {
        return Err(Failure::Missing(format!("inbound rule `{rule}` of `{}`", guest.name)));
    }
    Ok(inbound)
}

fn read_enabled(guest: &Guest, rule: &Object) -> Result<bool, Failure> {
    Ok(guest.peer.read(classes::FIREWALL_RULE, guest::is_enabled(&rule.row))?)
}

/// Whether every inbound rule of that name is enabled.
pub(crate) async fn is_enabled(cx: &Cx<'_>, rule: &RuleName) -> Result<Check, Failure> {
    let guest = match cx.guest().await? {
        Ok(guest) => guest,
        Err(blocker) => return Ok(Check::Blocked(blocker)),
    };
    for one in find(&guest, rule).await? {
        if !read_enabled(&guest, &one)? {
            return Ok(Check::Open);
        }
    }
    Ok(Check::Done)
}

/// Enables each that is not.
pub(crate) async fn enable(cx: &Cx<'_>, rule: &RuleName) -> Result<(), Failure> {
    let guest = cx.need_guest().await?;
    for one in find(&guest, rule).await? {
        if read_enabled(&guest, &one)? {
            continue;
        }
        let call = Call::on(one.path, "Enable", rule.as_str(), Family::Firewall);
        match call.code(&guest.peer).await? {
            0 => {}
            value => return Err(call.refused(value)),
        }
    }
    Ok(())
}
