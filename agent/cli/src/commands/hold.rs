//! `trunkline hold`: a person stops the agent, on this machine and for a while.

use engine::hold::{Hold as Held, HoldScope, Holds};
use engine::place::StateDirectory;
use model::units::Span;

use crate::args::Hold;
use crate::console::{Aside, Console};
use crate::error::{Context as _, Ending, Failure};
use crate::settings::Settings;
use crate::wiring::Wiring;

/// Longer than this is no hold but a wish, and belongs in git.
const LONGEST: Span = Span::from_secs(30 * 86_400);

/// Places or ends a hold. Works while the agent runs, and without git.
///
/// # Errors
/// When the time cannot be read, or the hold cannot be kept.
pub fn run(args: &Hold, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let scope = match args.appliance.as_str() {
        "all" => HoldScope::All,
        name => HoldScope::Appliance(name.parse().context(format!("`{name}` names no appliance"))?),
    };
    let wiring = Wiring::new(settings)?;
    if args.release && !settings.state_dir().exists() {
        // Whoever ends a hold in the wrong place must not find a state directory there afterwards.
        console.line(&format!("{scope}: was not held"));
        return Ok(told(
            Some(format!("there is no state directory {}; name the agent's --state-dir", settings.state_dir().display())),
            console,
        ));
    }
    let state = wiring.state()?;
    let holds = Holds::of(&state);
    if args.release {
        let was_held = holds.release(&scope).context("cannot end the hold");
        let was_held = was_held.map_err(|failure| failure.hint("remove by hand what stands there; until then it holds"))?;
        console.line(&if was_held { format!("{scope}: released") } else { format!("{scope}: was not held") });
        let stranger = if was_held { None } else { stranger(&scope, &state)? };
        return Ok(told(stranger, console));
    }
    let text = args.duration.as_deref().unwrap_or_default();
    let length = text.parse::<Span>().map_err(|rule| Failure::new(format!("--for `{text}`: {rule}")).hint("write 45m, 4h or 2d"))?;
    if length.secs() == 0 || length > LONGEST {
        return Err(
            Failure::new(format!("--for `{text}`: a hold lasts between 1s and {LONGEST}")).hint("`mode: observe` in git has no end")
        );
    }
    let reason = args.reason.as_deref().unwrap_or_default().trim();
    if reason.is_empty() {
        return Err(Failure::new("--reason is empty").hint("say why, for everybody who looks"));
    }
    if reason.chars().any(char::is_control) {
        return Err(Failure::new("--reason holds a line break or another control character").hint("write one line of plain text"));
    }
    let held = Held::starting_at(wiring.clock.now(), length, scope, reason);
    holds.place(&held).context("cannot keep the hold")?;
    console.line(&format!(
        "{}: held until {:.0} for the agent with the state directory {}",
        held.scope,
        held.until,
        state.root().display()
    ));
    Ok(told(stranger(&held.scope, &state)?, console))
}

/// Why nobody heeds a hold of that scope, if nobody does.
fn stranger(scope: &HoldScope, state: &StateDirectory) -> Result<Option<String>, Failure> {
    let known = state.appliances().context("cannot tell whom the hold concerns")?;
    Ok(match scope {
        _ if known.is_empty() => {
            Some("no agent has ever worked with this state directory, so nobody here heeds holds; name its --state-dir".to_owned())
        }
        HoldScope::Appliance(name) if !known.contains(name) => {
            let known: Vec<_> = known.iter().map(|name| name.as_str()).collect();
            Some(format!("the agent here does not know `{name}`; it knows {}", known.join(", ")))
        }
        HoldScope::All | HoldScope::Appliance(_) => None,
    })
}

/// A hold that nobody heeds stands, but holds nothing yet.
fn told(stranger: Option<String>, console: &Console) -> Ending {
    match stranger {
        None => Ending::Done,
        Some(says) => {
            console.aside(Aside::Caution, &says);
            Ending::Unfinished
        }
    }
}
