//! Policies asked about one appliance, beside the bare register machine that runs the same programs over the same value.
//!
//! Guarantees: both give equally many findings. Deliberately absent from the ratio: making the value, which is done once for all
//! policies and is told beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../../cli/benches/bars/table.rs"]
mod table;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plan::fixtures;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::{Program, RegoVM};
use regorus::{Engine, Value};
use serde_json::json;
use table::Row;
use trunkline_policy::{Input, Limits, Policies, Proposal, shipped};

const ROUNDS: u32 = 200;

fn main() {
    let mut desired = fixtures::cloud_connector();
    let observed = fixtures::converged(&desired);
    for role in &mut desired.roles {
        role.processors = role.processors.map(|count| count + 1);
    }
    let mut given = fixtures::given_with_peer();
    given.peers.clear();
    let (plan, report) = plan::plan(&desired, &observed, &given);
    let proposal = Proposal { plan: &plan, report: &report, peers: &given.peers };
    let input = Input::new(&desired, given.now, Some(proposal)).unwrap();
    let policies = Policies::load(&shipped(), &[], Limits::default()).0;
    let value: Value =
        serde_json::from_value(json!({ "now": given.now, "desired": &desired, "plan": &plan, "report": &report, "peers": &given.peers }))
            .unwrap();
    let bare = programs();
    let verdict = policies.review(&input);
    assert_eq!(ask(&bare, &value), verdict.denied.len() + verdict.warned.len());
    let mut best = [Duration::MAX; 3];
    for _ in 0..9 {
        best[0] = best[0].min(timed(|| ask(&bare, &value)));
        best[1] = best[1].min(timed(|| policies.review(&input).denied.len()));
        best[2] = best[2].min(timed(|| Input::new(&desired, given.now, Some(proposal)).map_or(0, |_| 1)));
    }
    let [floor, ours, making] = best.map(|time| time / ROUNDS);
    table::heading();
    println!("{}", Row::against("policies asked about one appliance (floor: bare machine)", [floor, ours], 1.2));
    println!("{}", Row::told("making the value for all of them", format!("{:.0} us", making.as_secs_f64() * 1e6)));
}

/// The rules of each shipped policy, compiled by the machine's own compiler.
fn programs() -> Vec<(Arc<Program>, Vec<String>)> {
    let files = shipped();
    let policies = files.iter().filter(|file| !file.path.ends_with("_test.rego") && !file.path.contains("/lib"));
    let compile = |text: &str, path: &str| {
        let mut engine = Engine::new();
        let package = engine.add_policy(path.to_owned(), text.to_owned()).unwrap();
        let has = |rule: &&str| engine.has_declared_rule_rooted_at(path, rule).unwrap();
        let rules: Vec<String> = ["deny", "warn"].iter().filter(|rule| has(rule)).map(|rule| format!("{package}.{rule}")).collect();
        let policy = engine.compile_with_entrypoint(&regorus::Rc::from(rules[0].as_str())).unwrap();
        let paths: Vec<&str> = rules.iter().map(String::as_str).collect();
        (Compiler::compile_from_policy(&policy, &paths).unwrap(), rules)
    };
    policies.map(|file| compile(&file.text, &file.path)).collect()
}

fn ask(programs: &[(Arc<Program>, Vec<String>)], value: &Value) -> usize {
    let mut found = 0;
    for (program, rules) in programs {
        let mut machine = RegoVM::new();
        machine.load_program(Arc::clone(program));
        machine.set_input(value.clone());
        machine.set_data(Value::new_object()).unwrap();
        for rule in rules {
            let given = black_box(machine.execute_entry_point_by_name(rule).unwrap());
            found += given.as_set().map_or(0, |set| set.len());
        }
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn timed(mut work: impl FnMut() -> usize) -> Duration {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        black_box(work());
    }
    begun.elapsed()
}
