//! The wire's rules, one by one: each is a sentence with its source, a case that keeps it and a case that breaks it.
//!
//! Both ends are held: the simulated host is asked in plain text and its answers are read by an XML reader that is not ours
//! (`bench::Host`); the client is answered in plain text (`bench::Wire`). Neither ever meets the other here, since a mistake that both
//! share would cancel out. `conformance.md` is written from these files; `the_table_is_current` proves that it is, and that every
//! test it names ran.
//!
//! To add a rule, write it into the `rules!` of the file that fits:
//!
//! ```text
//! /// One sentence that says what binds.
//! name_of_the_rule: "MS-WSMV 3.1.4.1.3",
//!     holds: |host| { host.accepts(&Ask::get(SERVICE)); }
//!     breaks: |host| { host.refuses(&Ask::get(SERVICE).without("a:ReplyTo"), 2_150_858_769); }
//! ```
//!
//! or, where the rule is about what is answered:
//!
//! ```text
//!     shows: |host| { host.accepts(&Ask::get_alpha()) }
//!     reads: |answer| { assert_eq!(answer.of("p:Started"), "true"); }
//!     spoils: |answer| { [answer.with("<p:Started>true<", "<p:Started>True<")] }
//! ```

mod bench;
mod table;

/// A rule of the wire, as the table shows it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What the two tests are called: `<file>::<name>::holds` and `<file>::<name>::breaking_it_is_refused`.
    pub name: &'static str,
    /// What binds.
    pub sentence: &'static str,
    /// Who says so: a section of MS-WSMV, MS-WMI, DSP0226 or DSP0227, or a recorded exchange.
    pub source: &'static str,
}

/// Makes two tests of each rule, and the file's part of the table.
///
/// The first line names the bench: `Host` for what a host must do, `Wire` for what a client must do. A rule is tried in one of two ways:
///
/// * `holds` and `breaks`: a case that keeps the rule must have had an exchange that went well; one that breaks it must have been refused.
/// * `shows`, `reads` and `spoils`, where the rule is about what the other side says: `shows` has it say it, `reads` asserts what the rule
///   wants, and must notice each of what `spoils` makes of it: well-formed still, and wrong in one place.
macro_rules! rules {
    (on $bench:ty; $(
        $(#[doc = $sentence:literal])+
        $name:ident: $source:literal,
        $($part:ident: |$subject:ident| $case:block)+
    )+) => {
        $(mod $name {
            #[allow(unused_imports, reason = "not every rule needs what its file brings")]
            use super::*;

            cases! { on $bench; $($part: |$subject| $case)+ }
        })+

        /// What this file adds to the table.
        pub const RULES: &[super::Rule] = &[
            $(super::Rule { name: stringify!($name), sentence: concat!($($sentence),+), source: $source }),+
        ];
    };
}

/// The two tests of one rule.
macro_rules! cases {
    (on $bench:ty; holds: |$good:ident| $holds:block breaks: |$bad:ident| $breaks:block) => {
        #[test]
        fn holds() {
            let mut bench = <$bench>::default();
            {
                let $good = &mut bench;
                $holds
            }
            assert!(bench.accepted() > 0, "nothing was asked that the other side accepts");
        }

        #[test]
        fn breaking_it_is_refused() {
            let mut bench = <$bench>::default();
            {
                let $bad = &mut bench;
                $breaks
            }
            assert!(bench.refused() > 0, "nothing was refused");
        }
    };
    (on $bench:ty; shows: |$host:ident| $shows:block reads: |$said:ident| $reads:block spoils: |$whole:ident| $spoils:block) => {
        #[test]
        fn holds() {
            let mut bench = <$bench>::default();
            let whole = {
                let $host = &mut bench;
                $shows
            };
            assert!(bench.accepted() + bench.refused() > 0, "nothing was asked");
            let $said = &whole;
            $reads
        }

        #[test]
        fn breaking_it_is_refused() {
            let mut bench = <$bench>::default();
            let whole = {
                let $host = &mut bench;
                $shows
            };
            let spoilt = Vec::from({
                let $whole = &whole;
                $spoils
            });
            assert!(!spoilt.is_empty(), "nothing was spoilt");
            for $said in &spoilt {
                crate::conformance::bench::Said::is_bent_not_torn($said, &whole);
                let noticed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| $reads));
                assert!(noticed.is_err(), "nobody noticed what is wrong with {:?}", $said);
            }
        }
    };
}

mod client;
mod client_reading;
mod commands;
mod enumerate;
mod events;
mod faults;
mod filters;
mod headers;
mod http;
mod invoke;
mod libvirt;
mod shells;
mod transfer;
mod uris;
mod values;
mod wql;

/// Every file of rules with what it is about, in the order of the table.
const FILES: [(&str, &str, &[Rule]); 16] = [
    ("http", "HTTP and Identify", http::RULES),
    ("headers", "Headers of a request", headers::RULES),
    ("uris", "Resource URIs", uris::RULES),
    ("enumerate", "Enumerations", enumerate::RULES),
    ("filters", "Filters", filters::RULES),
    ("wql", "WQL", wql::RULES),
    ("transfer", "Get, Put, Create, Delete", transfer::RULES),
    ("invoke", "Methods", invoke::RULES),
    ("values", "Instances and values", values::RULES),
    ("faults", "Refusals", faults::RULES),
    ("shells", "Remote shells", shells::RULES),
    ("commands", "Commands in shells", commands::RULES),
    ("events", "Subscriptions", events::RULES),
    ("libvirt", "What libvirt reads", libvirt::RULES),
    ("client", "What the client sends, and what it does not", client::RULES),
    ("client_reading", "What the client makes of answers", client_reading::RULES),
];
