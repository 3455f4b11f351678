//! Patience: how often is looked, how long is waited, how calls end, how long certificates live.

use std::collections::BTreeMap;

use super::closure::Resolver;
use crate::desired::{CertificateWish, Drain, DrainMode, OnDrainTimeout, OnLastServing, Recovery, Watch};
use crate::diagnostic::Code;
use crate::manifest::{CertificateSpec, DrainSpec, Fault, Label, Layer, Spanned, one_of, suggest};
use crate::units::Span;

const fn seconds(count: u64) -> Span {
    Span::from_secs(count)
}

impl<'a> Resolver<'a> {
    pub(super) fn watch(&mut self) -> Watch {
        let stack = &self.stack;
        let watch = Watch {
            network: self.cx.profile.spec().probe_network.value.clone(),
            probe_every: stack.value("spec.probeEvery", |layer| layer.probe_every.as_ref(), None, (seconds(60), "60s")),
            confirm: stack.value("spec.confirm", |layer| layer.confirm.as_ref(), None, (seconds(10), "10s")),
            repair_grace: stack.value("spec.repairGrace", |layer| layer.repair_grace.as_ref(), None, (seconds(5), "5s")),
            stable_for: stack.value("spec.stableFor", |layer| layer.stable_for.as_ref(), None, (seconds(60), "60s")),
            on_last_serving: stack.value(
                "spec.failClosed.onLastServing",
                |layer| layer.fail_closed.as_ref().and_then(|closed| closed.on_last_serving.as_ref()),
                None,
                (OnLastServing::CallPathOnly, "callPathOnly"),
            ),
        };
        let stated = |get: fn(&'a Layer) -> Option<&'a Spanned<Span>>| self.stack.layers().find_map(get);
        let probe = stated(|layer| layer.probe_every.as_ref());
        let place = stated(|layer| layer.confirm.as_ref()).or(probe);
        if let Some(place) = place.filter(|_| watch.confirm >= watch.probe_every) {
            let message = format!("`confirm` ({}) is not shorter than `probeEvery` ({})", watch.confirm, watch.probe_every);
            let fault = Fault::new(Code::WatchTooSlow, place.origin, message);
            self.faults.push(fault.hint("a stopped service is confirmed before the next probe"));
        }
        if let Some(probe) = probe.filter(|probe| probe.value.secs() < 5) {
            let fault = Fault::new(Code::OutOfRange, probe.origin, format!("{} is out of range", probe.value));
            self.faults.push(fault.expected("at least 5s"));
        }
        watch
    }

    pub(super) fn drain(&self) -> Drain {
        let profile = self.cx.profile.spec().drain.as_ref();
        let own = |layer: &'a Layer| layer.drain.as_ref();
        fn mode(drain: &DrainSpec) -> Option<&Spanned<DrainMode>> {
            drain.mode.as_ref()
        }
        fn timeout(drain: &DrainSpec) -> Option<&Spanned<Span>> {
            drain.timeout.as_ref()
        }
        fn on_timeout(drain: &DrainSpec) -> Option<&Spanned<OnDrainTimeout>> {
            drain.on_timeout.as_ref()
        }
        let stack = &self.stack;
        Drain {
            mode: stack.value(
                "spec.drain.mode",
                |layer| own(layer).and_then(mode),
                profile.and_then(mode),
                (DrainMode::Graceful, "graceful"),
            ),
            timeout: stack.value(
                "spec.drain.timeout",
                |layer| own(layer).and_then(timeout),
                profile.and_then(timeout),
                (seconds(30 * 60), "30m"),
            ),
            on_timeout: stack.value(
                "spec.drain.onTimeout",
                |layer| own(layer).and_then(on_timeout),
                profile.and_then(on_timeout),
                (OnDrainTimeout::Abort, "abort"),
            ),
        }
    }

    pub(super) fn install_attempts(&self) -> u32 {
        let get = |layer: &'a Layer| layer.install.as_ref().and_then(|install| install.attempts.as_ref());
        match self.stack.pick(|| "spec.install.attempts".into(), get, None) {
            Some(attempts) => attempts.value.get(),
            None => {
                self.stack.derived(|| "spec.install.attempts".into(), || "3".into());
                3
            }
        }
    }

    pub(super) fn recovery(&mut self) -> Recovery {
        let first = |layer: &'a Layer| layer.recovery.as_ref().and_then(|recovery| recovery.first_wait.as_ref());
        let longest = |layer: &'a Layer| layer.recovery.as_ref().and_then(|recovery| recovery.longest_wait.as_ref());
        let restarts = |layer: &'a Layer| layer.recovery.as_ref().and_then(|recovery| recovery.service_restarts.as_ref());
        let stack = &self.stack;
        let recovery = Recovery {
            first_wait: stack.value("spec.recovery.firstWait", first, None, (seconds(10), "10s")),
            longest_wait: stack.value("spec.recovery.longestWait", longest, None, (seconds(3_600), "1h")),
            service_restarts: stack.pick(|| "spec.recovery.serviceRestarts".into(), restarts, None).map_or(3, |count| count.value.get()),
        };
        let place = self.stack.layers().find_map(|layer| longest(layer).or(first(layer)));
        if let Some(place) = place.filter(|_| recovery.longest_wait < recovery.first_wait || recovery.first_wait.secs() == 0) {
            let message = format!("waits of {} up to {} cannot double", recovery.first_wait, recovery.longest_wait);
            let fault = Fault::new(Code::OutOfRange, place.origin, message);
            self.faults.push(fault.expected("`firstWait` of at least 1s and not longer than `longestWait`"));
        }
        recovery
    }

    pub(super) fn certificates(&mut self) -> BTreeMap<String, CertificateWish> {
        let known = &self.cx.profile.spec().certificates;
        self.unknown_certificates();
        let mut wishes = BTreeMap::new();
        for (name, profile) in known {
            let value = |key: &'static str, get: fn(&CertificateSpec) -> Option<&Spanned<Span>>, fallback: Option<&'a Spanned<Span>>| {
                let get = |layer: &'a Layer| layer.certificates.get(name).and_then(|certificate| get(&certificate.value));
                self.stack.pick(|| format!("spec.certificates.{name}.{key}"), get, fallback)
            };
            let lifetime = value("lifetime", |certificate| certificate.lifetime.as_ref(), profile.value.lifetime.as_ref());
            let Some(renew) = value("renewBefore", |certificate| certificate.renew_before.as_ref(), Some(&profile.value.renew_before))
            else {
                continue;
            };
            if let Some(lifetime) = lifetime.filter(|lifetime| renew.value >= lifetime.value) {
                let message = format!("`{name}` would be renewed {} before it expires but lives {} only", renew.value, lifetime.value);
                let fault = Fault::new(Code::RenewalTooLong, renew.origin, message).related(lifetime.origin, "its lifetime");
                self.faults.push(fault.hint("a new certificate would be renewed at once, for ever"));
            }
            let wish = CertificateWish { lifetime: lifetime.map(|lifetime| lifetime.value), renew_before: renew.value };
            wishes.insert(name.as_str().to_owned(), wish);
        }
        wishes
    }

    fn unknown_certificates(&mut self) {
        let known = &self.cx.profile.spec().certificates;
        let names = || known.keys().map(Label::as_str);
        let stated = self.stack.layers().flat_map(|layer| &layer.certificates).filter(|(name, _)| !known.contains_key(*name));
        let mut faults: Vec<Fault> = stated
            .map(|(name, certificate)| {
                let fault = Fault::new(Code::UnknownKey, certificate.origin, format!("the profile has no certificate `{name}`"));
                Fault { hint: suggest(name.as_str(), names()), ..fault.expected(one_of(names())) }
            })
            .collect();
        self.faults.append(&mut faults);
    }
}
