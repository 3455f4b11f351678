//! The shipped policies: their own tests, and how they look from outside.

use policy::{Limits, Policies, shipped, try_out};

use crate::support::file;

#[test]
fn every_test_beside_a_shipped_policy_passes() {
    let trials = try_out(&shipped(), Limits::default()).unwrap();
    let failed: Vec<_> = trials.iter().filter(|trial| trial.failure.is_some()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(trials.len() >= 20, "only {} tests were found", trials.len());
}

#[test]
fn every_shipped_policy_compiles_and_has_a_test_beside_it() {
    let files = shipped();
    let (policies, faults) = Policies::load(&files, &[], Limits::default());
    assert_eq!(faults, []);
    let names: Vec<&str> = policies.names().collect();
    assert_eq!(names, ["availability_promise", "certificate_lifetimes", "no_destruction_without_prune"]);
    for name in names {
        assert!(files.iter().any(|file| file.path.ends_with(&format!("{name}_test.rego"))), "{name}");
    }
}

#[test]
fn every_policy_file_of_the_directory_is_shipped() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");
    let mut names: Vec<String> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".rego"));
    names.sort();
    let compiled_in: Vec<String> = shipped().iter().map(|file| file.path.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(names, compiled_in);
}

#[test]
fn a_test_that_fails_is_told_from_one_that_passes() {
    let rule = file("p.rego", "package trunkline.p\n\ndeny contains \"x\" if input.bad\n");
    let tests = file(
        "p_test.rego",
        "package trunkline.p_test\n\nimport data.trunkline.p\n\ntest_bad_is_denied if count(p.deny) == 1 with input as {\"bad\": true}\n\ntest_good_is_denied if count(p.deny) == 1 with input as {}\n\ntest_is_text := \"yes\"\n",
    );
    let trials = try_out(&[rule, tests], Limits::default()).unwrap();
    let shown: Vec<String> =
        trials.iter().map(|trial| format!("{}: {}", trial.name, trial.failure.as_deref().unwrap_or("passed"))).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    test_bad_is_denied: passed
    test_good_is_denied: it is undefined: a condition did not hold
    test_is_text: it is "yes"
    "#);
}
