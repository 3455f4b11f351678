//! A WQL event query at work: instances are looked at every so often, and their differences are the events.
//!
//! Guarantees: what comes and goes between two looks is not seen, as with WMI's own polling; a property that only tells the time is no
//! change. Deliberately absent: events that a provider raises itself, and the classes of those.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use wsman::cim::{CimInstance, CimPath, CimValue, ClassName, Namespace};
use wsman::schema;

use crate::machine::{Machine, Object, WmiCode, WmiError};
use crate::query;
use crate::wql::{self, Condition, Property, Query};

/// Events that wait for a reader; further ones are lost, as when WMI's own queue is full.
const QUEUE: usize = 4096;

/// Properties that change with the clock alone.
const CLOCKS: [&str; 8] =
    ["OnTimeInMilliseconds", "LocalDateTime", "ElapsedTime", "UpTime", "FreePhysicalMemory", "FreeVirtualMemory", "Second", "Minute"];

/// What a query waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Creation,
    Modification,
    Deletion,
    Any,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) namespace: Namespace,
    kind: Kind,
    class: ClassName,
    filter: Condition,
    every: SignedDuration,
    polled: Timestamp,
    /// The world's generation at the last look.
    generation: u64,
    seen: Vec<Object>,
    queue: VecDeque<CimInstance>,
}

impl Watch {
    /// Begins to watch `machine`.
    pub(crate) fn begin(
        machine: &dyn Machine,
        namespace: &Namespace,
        text: &str,
        (now, generation): (Timestamp, u64),
    ) -> Result<Self, WmiError> {
        let invalid = |what: &str| WmiError::new(WmiCode::InvalidQuery, what);
        let Query::Event(select) = wql::parse(text).map_err(|error| invalid(&error.to_string()))? else {
            return Err(invalid("a subscription needs an event query"));
        };
        let kind = match select.class.as_str().to_ascii_lowercase().as_str() {
            "__instancecreationevent" => Kind::Creation,
            "__instancemodificationevent" => Kind::Modification,
            "__instancedeletionevent" => Kind::Deletion,
            "__instanceoperationevent" => Kind::Any,
            _ => return Err(WmiError::new(WmiCode::InvalidClass, format!("no event class {}", select.class))),
        };
        let every = select.within.and_then(|within| SignedDuration::try_from(within).ok()).filter(|every| every.is_positive());
        let every = every.ok_or_else(|| invalid("the class has no event provider: the query needs WITHIN"))?;
        let filter = select.filter.ok_or_else(|| invalid("the query needs to say of which class TargetInstance is"))?;
        let class = target(&filter).ok_or_else(|| invalid("the query needs to say of which class TargetInstance is"))?.clone();
        let seen = machine.instances(namespace, class.as_str())?;
        Ok(Self { namespace: namespace.clone(), kind, class, filter, every, polled: now, generation, seen, queue: VecDeque::new() })
    }

    /// When the next look is worth it, in a world that is of this generation at `now`, and next changes by itself at `change`.
    pub(crate) fn next_look(&self, generation: u64, now: Timestamp, change: Option<Timestamp>) -> Option<Timestamp> {
        // The first look at or after the change.
        let change = if generation == self.generation { change? } else { now };
        let waited = change.duration_since(self.polled).as_millis();
        let looks = waited.div_euclid(self.every.as_millis()) + i128::from(waited.rem_euclid(self.every.as_millis()) != 0);
        let length = SignedDuration::from_millis(i64::try_from(looks.max(1) * self.every.as_millis()).ok()?);
        self.polled.saturating_add(length).ok()
    }

    /// Looks, at `now`.
    pub(crate) fn look(&mut self, machine: &dyn Machine, now: Timestamp, generation: u64) {
        // The looks that were not worth it have been all the same.
        let elapsed = now.duration_since(self.polled).as_millis();
        let whole = elapsed - elapsed.rem_euclid(self.every.as_millis().max(1));
        let on_grid = i64::try_from(whole).ok().and_then(|whole| self.polled.saturating_add(SignedDuration::from_millis(whole)).ok());
        self.polled = on_grid.unwrap_or(now);
        self.generation = generation;
        let Ok(found) = machine.instances(&self.namespace, self.class.as_str()) else { return };
        let before = std::mem::take(&mut self.seen);
        for object in &found {
            match before.iter().find(|old| old.path == object.path) {
                None => self.tell(machine, "__InstanceCreationEvent", (&object.instance, None), now),
                Some(old) if differs(&old.instance, &object.instance) => {
                    self.tell(machine, "__InstanceModificationEvent", (&object.instance, Some(&old.instance)), now);
                }
                Some(_) => {}
            }
        }
        for old in before.iter().filter(|old| !found.iter().any(|object| object.path == old.path)) {
            self.tell(machine, "__InstanceDeletionEvent", (&old.instance, None), now);
        }
        self.seen = found;
    }

    fn tell(&mut self, machine: &dyn Machine, class: &'static str, (now, before): (&CimInstance, Option<&CimInstance>), at: Timestamp) {
        let wanted = match self.kind {
            Kind::Any => true,
            Kind::Creation => class == "__InstanceCreationEvent",
            Kind::Modification => class == "__InstanceModificationEvent",
            Kind::Deletion => class == "__InstanceDeletionEvent",
        };
        if !wanted || self.queue.len() == QUEUE {
            return;
        }
        // 100 ns since 1601, as WMI counts.
        let filetime = (at.as_second() + 11_644_473_600) * 10_000_000 + i64::from(at.subsec_nanosecond()) / 100;
        let mut event =
            CimInstance::new(class).with("TargetInstance", self.whole(now)).with("TIME_CREATED", u64::try_from(filetime).unwrap_or(0));
        if let Some(before) = before {
            event.set("PreviousInstance", self.whole(before));
        }
        let object = Object { path: CimPath::class_of(self.namespace.clone(), class), instance: event };
        if query::holds(machine.computer_name(), &self.namespace, &self.filter, &object).unwrap_or(false) {
            self.queue.push_back(object.instance);
        }
    }

    /// The instance with every declared property.
    fn whole(&self, instance: &CimInstance) -> CimInstance {
        let mut whole = instance.clone();
        let declared = schema::class(&self.namespace, instance.class().as_str()).into_iter().flat_map(|class| class.properties());
        for property in declared {
            if *whole.get(property.name()) == CimValue::Null {
                whole.set(property.name(), CimValue::Null);
            }
        }
        whole
    }

    /// The next events, at most `most`.
    pub(crate) fn take(&mut self, most: usize) -> Vec<CimInstance> {
        self.queue.drain(..most.min(self.queue.len())).collect()
    }
}

/// The class that every event's instance must be of.
fn target(condition: &Condition) -> Option<&ClassName> {
    match condition {
        Condition::Isa { property: Property(steps), class } if steps.len() == 1 && steps[0] == *"TargetInstance" => Some(class),
        Condition::All(parts) => parts.iter().find_map(target),
        _ => None,
    }
}

fn differs(old: &CimInstance, new: &CimInstance) -> bool {
    let told = |instance: &CimInstance| {
        instance
            .properties()
            .filter(|(name, _)| !CLOCKS.iter().any(|clock| **name == **clock))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect::<Vec<_>>()
    };
    told(old) != told(new)
}
