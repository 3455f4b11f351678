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
/// The first line names the bench: `Host` for what a host must do, `Wire` for what a client must do. A case that keeps a rule must
/// have had an exchange that went well; a case that breaks one must have been refused.
macro_rules! rules {
    (on $bench:ty; $(
        $(#[doc = $sentence:literal])+
        $name:ident: $source:literal,
        holds: |$good:ident| $holds:block
        breaks: |$bad:ident| $breaks:block
    )+) => {
        $(mod $name {
            #[allow(unused_imports, reason = "not every rule needs what its file brings")]
            use super::*;

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
        })+

        /// What this file adds to the table.
        pub const RULES: &[super::Rule] = &[
            $(super::Rule { name: stringify!($name), sentence: concat!($($sentence),+), source: $source }),+
        ];
    };
}

mod client;
mod enumerate;
mod faults;
mod filters;
mod headers;
mod http;
mod invoke;
mod libvirt;
mod transfer;
mod uris;
mod values;
mod wql;

/// Every file of rules with what it is about, in the order of the table.
const FILES: [(&str, &str, &[Rule]); 12] = [
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
    ("libvirt", "What libvirt reads", libvirt::RULES),
    ("client", "The client", client::RULES),
];
