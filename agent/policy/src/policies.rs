//! Policies, compiled once and asked for every appliance.
//!
//! Each policy is compiled with the library files (those of `trunkline.lib.…`) and nothing else, so a fault in one says nothing about
//! another. Guarantees: a faulty one is a diagnostic with its place, and denies until it is mended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::diagnostic::{Diagnostic, Place};
use model::snapshot::PolicyFile;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::{Program, RegoVM};
use regorus::{Engine, Value};

use crate::fault::{faulty, misplaced};
use crate::input::Input;
use crate::limits::Limits;
use crate::room::{MAX_NESTING, MAX_POLICY_BYTES, nested_too_deep, with_room};
use crate::verdict::{Finder, Verdict, Violation};

/// Where every policy's package begins.
const ROOT: &str = "data.trunkline.";

/// Packages that only help others.
const LIBRARY: &str = "data.trunkline.lib";

/// Compiled policies. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    compiled: Arc<Vec<Compiled>>,
    broken: Arc<Vec<Violation>>,
    limits: Limits,
}

#[derive(Debug)]
struct Compiled {
    policy: String,
    /// Whether it looks at what is only there with a plan.
    judges_plans: bool,
    program: Arc<Program>,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    path: String,
    denies: Denies,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Denies {
    Yes,
    Warns,
}

/// A file that parses, its package (`data.trunkline.x`), and the engine that has parsed it, which nothing else was given to.
struct Parsed<'f> {
    file: &'f PolicyFile,
    package: String,
    engine: Engine,
}

impl Policies {
    /// Compiles policies: the shipped ones and the repository's own. Files named `*_test.rego` are left to [`crate::try_out`].
    /// Returns what is wrong beside what can be asked.
    #[must_use]
    pub fn load(shipped: &[PolicyFile], own: &[PolicyFile], limits: Limits) -> (Self, Vec<Diagnostic>) {
        with_room(|| Self::load_here(shipped, own, limits)).unwrap_or_else(|error| {
            let nowhere = Place { file: "policies".into(), line: 1, column: 1, length: 0 };
            let finder = Finder { policy: "policies", place: &nowhere, appliance: "" };
            let broken = Violation { appliance: None, ..finder.says(&format!("they could not be compiled, so they deny: {error}")) };
            (Self { compiled: Arc::default(), broken: Arc::new(vec![broken]), limits }, Vec::new())
        })
    }

    fn load_here(shipped: &[PolicyFile], own: &[PolicyFile], limits: Limits) -> (Self, Vec<Diagnostic>) {
        let mut faults = Vec::new();
        let mut files = Vec::new();
        let reserved: BTreeSet<String> = parse(shipped, &mut faults, &mut files).into_iter().collect();
        let start = files.len();
        parse(own, &mut faults, &mut files);
        let (ours, theirs) = files.split_at(start);
        // Rules of one package add up, so a file of the same package could blunt a shipped rule's helpers.
        let taken = |parsed: &&Parsed<'_>| reserved.contains(&parsed.package);
        faults.extend(theirs.iter().filter(taken).map(|parsed| {
            let message = format!("the package `{}` is one that is shipped", shown(&parsed.package));
            misplaced(parsed.file, message, "choose another name below `trunkline.`")
        }));
        let files: Vec<&Parsed<'_>> = ours.iter().chain(theirs.iter().filter(|parsed| !taken(parsed))).collect();
        let compiled = compile_all(&files, &mut faults);
        let broken = faults.iter().map(deny_of).collect();
        (Self { compiled: Arc::new(compiled), broken: Arc::new(broken), limits }, faults)
    }

    /// The names of the policies that can be asked.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.compiled.iter().map(|compiled| compiled.policy.as_str())
    }

    /// The names of those that say nothing, or less, of a wish without a plan.
    pub fn judging_plans(&self) -> impl Iterator<Item = &str> {
        self.compiled.iter().filter(|compiled| compiled.judges_plans).map(|compiled| compiled.policy.as_str())
    }

    /// Asks every policy about one appliance.
    pub fn review(&self, input: &Input) -> Verdict {
        let mut verdict = Verdict { denied: self.broken.to_vec(), warned: Vec::new() };
        for compiled in self.compiled.iter() {
            compiled.ask(input, self.limits, &mut verdict);
        }
        verdict.settle();
        verdict
    }
}

impl Compiled {
    fn ask(&self, input: &Input, limits: Limits, verdict: &mut Verdict) {
        let mut machine = RegoVM::new();
        machine.load_program(Arc::clone(&self.program));
        machine.set_max_instructions(limits.instructions);
        machine.set_execution_timer_config(Some(limits.timer()));
        machine.set_input(input.value.clone());
        let data = machine.set_data(Value::new_object());
        for rule in &self.rules {
            let finder = Finder { policy: &self.policy, place: &rule.place, appliance: &input.appliance };
            let given = data.clone().and_then(|()| machine.execute_entry_point_by_name(&rule.path));
            match (given, rule.denies) {
                (Ok(value), Denies::Yes) => verdict.denied.extend(finder.findings(&value)),
                (Ok(value), Denies::Warns) => verdict.warned.extend(finder.findings(&value)),
                (Err(error), _) => {
                    verdict.denied.push(finder.says(&format!("it could not be asked, so it denies: {error}")));
                }
            }
        }
    }
}

fn parse<'f>(files: &'f [PolicyFile], faults: &mut Vec<Diagnostic>, parsed: &mut Vec<Parsed<'f>>) -> Vec<String> {
    let mut packages = Vec::new();
    for file in files.iter().filter(|file| !is_test(file)) {
        match read(file) {
            Ok((package, engine)) if package.starts_with(ROOT) => {
                packages.push(package.clone());
                parsed.push(Parsed { file, package, engine });
            }
            Ok((package, _)) => {
                let message = format!("the package `{}` is not below `trunkline`, so nobody would ask it", shown(&package));
                faults.push(misplaced(file, message, "name it `trunkline.<something>`"));
            }
            Err(fault) => faults.push(*fault),
        }
    }
    packages
}

/// Whether a file holds tests.
pub(crate) fn is_test(file: &PolicyFile) -> bool {
    file.path.ends_with("_test.rego")
}

/// The package of a file, if it can be parsed.
pub(crate) fn package_of(file: &PolicyFile) -> Result<String, Box<Diagnostic>> {
    read(file).map(|(package, _)| package)
}

fn read(file: &PolicyFile) -> Result<(String, Engine), Box<Diagnostic>> {
    if file.text.len() > MAX_POLICY_BYTES {
        let said = format!("the file has {} bytes, the limit for policies is {MAX_POLICY_BYTES}", file.text.len());
        return Err(Box::new(faulty(file, &said)));
    }
    if let Some(line) = nested_too_deep(&file.text) {
        let said = format!("{}:{line}:1\nerror: brackets are nested deeper than {MAX_NESTING}", file.path);
        return Err(Box::new(faulty(file, &said)));
    }
    let mut engine = Engine::new();
    let package = engine.add_policy(file.path.to_string(), file.text.to_string());
    package.map(|package| (package, engine)).map_err(|error| Box::new(faulty(file, &error.to_string())))
}

fn shown(package: &str) -> &str {
    package.strip_prefix("data.").unwrap_or(package)
}

fn compile_all(files: &[&Parsed<'_>], faults: &mut Vec<Diagnostic>) -> Vec<Compiled> {
    let is_library = |parsed: &Parsed<'_>| parsed.package == LIBRARY || parsed.package.starts_with("data.trunkline.lib.");
    let libraries: Vec<&PolicyFile> = files.iter().filter(|parsed| is_library(parsed)).map(|parsed| parsed.file).collect();
    let mut packages: BTreeMap<&str, Vec<&Parsed<'_>>> = BTreeMap::new();
    for parsed in files.iter().filter(|parsed| !is_library(parsed)) {
        packages.entry(&parsed.package).or_default().push(parsed);
    }
    let mut compiled = Vec::new();
    for (package, own) in packages {
        match compile(package, &own, &libraries) {
            Ok(policy) => compiled.push(policy),
            Err(fault) => faults.push(*fault),
        }
    }
    compiled
}

fn compile(package: &str, parsed: &[&Parsed<'_>], libraries: &[&PolicyFile]) -> Result<Compiled, Box<Diagnostic>> {
    let own: Vec<&PolicyFile> = parsed.iter().map(|parsed| parsed.file).collect();
    // regorus names the place in the file that it means; the first file is as good as any for what has no place.
    let all: Vec<&PolicyFile> = own.iter().chain(libraries).copied().collect();
    let blame = |said: &str| {
        let named = all.iter().find(|file| said.contains(&format!("{}:", file.path)));
        named.or(all.first()).map(|file| Box::new(faulty(file, said)))
    };
    let Some(nobody) = blame("the policy cannot be compiled") else { return Ok(Compiled::nothing(package)) };
    let failed = |said: &str| blame(said).unwrap_or_else(|| nobody.clone());
    // The first file is parsed already, and most policies are one file.
    let mut engine = parsed.first().map_or_else(Engine::new, |parsed| parsed.engine.clone());
    for file in all.iter().skip(1) {
        engine.add_policy(file.path.to_string(), file.text.to_string()).map_err(|error| failed(&error.to_string()))?;
    }
    let mut rules = Vec::new();
    for (name, denies) in [("deny", Denies::Yes), ("warn", Denies::Warns)] {
        let has = |file: &&&PolicyFile| engine.has_declared_rule_rooted_at(&file.path, name).unwrap_or(false);
        if let Some(file) = own.iter().find(has) {
            rules.push(Rule { path: format!("{package}.{name}"), denies, place: place_of(file, name) });
        }
    }
    let Some(first) = rules.first() else {
        let hint = "add `deny contains msg if { … }`, or move it below `trunkline.lib` if it only helps others";
        let fault = own.first().map(|file| misplaced(file, "the policy has neither `deny` nor `warn`".to_owned(), hint));
        return Err(fault.map_or(nobody, Box::new));
    };
    let entry = regorus::Rc::from(first.path.as_str());
    let policy = engine.compile_with_entrypoint(&entry).map_err(|error| failed(&error.to_string()))?;
    let paths: Vec<&str> = rules.iter().map(|rule| rule.path.as_str()).collect();
    let program = Compiler::compile_from_policy(&policy, &paths).map_err(|error| failed(&error.to_string()))?;
    let judges_plans = own.iter().chain(libraries.iter().filter(|_| own.iter().any(uses_libraries))).any(|file| mentions_plan(&file.text));
    Ok(Compiled { policy: package.strip_prefix(ROOT).unwrap_or(package).to_owned(), judges_plans, program, rules })
}

impl Compiled {
    fn nothing(package: &str) -> Self {
        Self { policy: package.to_owned(), judges_plans: false, program: Arc::default(), rules: Vec::new() }
    }
}

fn uses_libraries(file: &&PolicyFile) -> bool {
    file.text.contains(LIBRARY)
}

/// Whether a policy names a part of `input` that is only there with a plan. Read from the text: what is computed at run time
/// (`input[key]`) counts too, since it may.
fn mentions_plan(text: &str) -> bool {
    let code = text.lines().filter_map(|line| line.split('#').next());
    code.flat_map(|line| line.split("input").skip(1)).any(|after| {
        let named = |key: &str| after.strip_prefix('.').is_some_and(|rest| rest.starts_with(key));
        let quoted = after.strip_prefix('[').map(|rest| rest.trim_start_matches(['"', '`']));
        ["plan", "report", "peers"].into_iter().any(named)
            || quoted.is_some_and(|rest| !["now", "desired"].iter().any(|key| rest.starts_with(key)))
    })
}

fn place_of(file: &PolicyFile, rule: &str) -> Place {
    let line = file.text.lines().position(|line| line.split_whitespace().next() == Some(rule)).unwrap_or_default();
    let line = u32::try_from(line).unwrap_or_default() + 1;
    Place { file: Arc::clone(&file.path), line, column: 1, length: u32::try_from(rule.len()).unwrap_or_default() }
}

fn deny_of(fault: &Diagnostic) -> Violation {
    Violation {
        policy: fault.place.file.to_string(),
        message: format!("it is faulty, so it denies: {}", fault.message),
        appliance: None,
        hint: fault.hint.clone(),
        place: fault.place.clone(),
    }
}
