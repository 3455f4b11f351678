//! `trunkline hold`: a person stops the agent, on this machine and for a while.

use engine::hold::{Hold as Held, HoldScope, Holds};
use model::units::Span;

use crate::args::Hold;
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};
use crate::settings::Settings;
use crate::wiring::Wiring;

/// Places or ends a hold. Works while the agent runs, and without git.
///
/// # Errors
/// When the time cannot be read, or the hold cannot be kept.
pub fn run(args: &Hold, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let wiring = Wiring::new(settings)?;
    let holds = Holds::of(&wiring.state()?);
    let scope = match args.appliance.as_str() {
        "all" => HoldScope::All,
        name => HoldScope::Appliance(name.parse().context(format!("`{name}` names no appliance"))?),
    };
    if args.release {
        let was_held = holds.release(&scope).context("cannot end the hold")?;
        console.line(&if was_held { format!("{scope}: released") } else { format!("{scope}: was not held") });
        return Ok(Ending::Done);
    }
    let text = args.duration.as_deref().unwrap_or_default();
    let length = text.parse::<Span>().map_err(|rule| Failure::new(format!("--for `{text}`: {rule}")).hint("write 45m, 4h or 2d"))?;
    let held = Held::starting_at(wiring.clock.now(), length, scope, args.reason.as_deref().unwrap_or_default());
    holds.place(&held).context("cannot keep the hold")?;
    console.line(&format!("{}: held until {:.0}; the agent looks on and does nothing", held.scope, held.until));
    Ok(Ending::Done)
}
