//! Policies that are wrong, and policies that mean harm.

use std::time::Duration;

use policy::{Limits, Policies};

use crate::support::{desired, file, input, own};

#[test]
fn faults_name_their_place() {
    let files = [
        file("policies/syntax.rego", "package trunkline.syntax\n\ndeny contains msg if {\n\tmsg := \n}\n"),
        file("policies/unknown.rego", "package trunkline.unknown\n\ndeny contains msg if {\n\tmsg := nobody_knows(input)\n}\n"),
        file("policies/unsafe.rego", "package trunkline.unsafe\n\ndeny contains msg if {\n\tx == 1\n\tmsg := \"x\"\n}\n"),
        file("policies/with.rego", "package trunkline.with\n\ndeny contains \"x\" if {\n\ttrue with input as {}\n}\n"),
        file("policies/elsewhere.rego", "package main\n\ndeny contains \"x\"\n"),
        file("policies/silent.rego", "package trunkline.silent\n\nallow := true\n"),
        file("policies/empty.rego", ""),
    ];
    let (_, faults) = own(&files);
    let mut all: Vec<String> = faults.iter().map(ToString::to_string).collect();
    all.sort();
    insta::assert_snapshot!(all.join("\n"), @"
    error[TL017]: Unknown function: 'nobody_knows'
     --> policies/unknown.rego:4:2
      |
    4 |  msg := nobody_knows(input)
      |  ^
      |
      = hint: until it is mended, planned work is denied everywhere

    error[TL017]: expecting `package` Missing package declaration
     --> policies/empty.rego:1:1
      = hint: until it is mended, planned work is denied everywhere

    error[TL017]: expecting `}` while parsing set
     --> policies/syntax.rego:4:6
      |
    4 |  msg := 
      |      ^
      |
      = hint: until it is mended, planned work is denied everywhere

    error[TL017]: the `with` keyword is not supported by the compiler yet
     --> policies/with.rego:4:2
      |
    4 |  true with input as {}
      |  ^
      |
      = hint: until it is mended, planned work is denied everywhere

    error[TL017]: the package `main` is not below `trunkline`, so nobody would ask it
     --> policies/elsewhere.rego:1:1
      |
    1 | package main
      | ^
      |
      = hint: name it `trunkline.<something>`

    error[TL017]: the policy has neither `deny` nor `warn`
     --> policies/silent.rego:1:1
      |
    1 | package trunkline.silent
      | ^
      |
      = hint: add `deny contains msg if { … }`, or move it below `trunkline.lib` if it only helps others

    error[TL017]: use of undefined variable `x` is unsafe
     --> policies/unsafe.rego:4:2
      |
    4 |  x == 1
      |  ^
      |
      = hint: until it is mended, planned work is denied everywhere
    ");
}

#[test]
fn a_faulty_policy_denies_and_the_others_are_still_asked() {
    let faulty = file("bad.rego", "package trunkline.bad\n\ndeny contains {\n");
    let sound = file("good.rego", "package trunkline.good\n\nwarn contains \"asked\"\n");
    let (policies, faults) = own(&[faulty, sound]);
    assert_eq!(faults.len(), 1);
    let verdict = policies.review(&input(&desired(4)));
    assert_eq!(verdict.warned.len(), 1);
    assert_eq!(verdict.denied.len(), 1);
    assert_eq!(verdict.denied[0].policy, "bad.rego");
}

#[test]
fn a_policy_that_would_run_for_ever_is_stopped_and_denies() {
    let rule = "package trunkline.slow\n\nwarn contains msg if {\n\tsome a in numbers.range(1, 10000)\n\tsome b in numbers.range(1, 10000)\n\ta * b == 0\n\tmsg := \"never\"\n}\n";
    let limits = Limits { instructions: 100_000, time: Duration::from_secs(60) };
    let (policies, faults) = Policies::load(&[], &[file("slow.rego", rule)], limits);
    assert_eq!(faults, []);
    let denied = policies.review(&input(&desired(4))).denied;
    assert_eq!(denied.len(), 1);
    assert!(denied[0].message.contains("instruction limit of 100000"), "{}", denied[0].message);
}

#[test]
fn a_policy_is_stopped_by_time_too() {
    let rule = "package trunkline.slow\n\ndeny contains msg if {\n\tsome a in numbers.range(1, 10000)\n\tsome b in numbers.range(1, 10000)\n\ta * b == 0\n\tmsg := \"never\"\n}\n";
    let limits = Limits { instructions: usize::MAX, time: Duration::from_millis(20) };
    let (policies, _) = Policies::load(&[], &[file("slow.rego", rule)], limits);
    let denied = policies.review(&input(&desired(4))).denied;
    assert!(denied[0].message.contains("time limit"), "{}", denied[0].message);
}

#[test]
fn text_that_nests_or_chains_without_end_is_no_crash() {
    let long = 6000;
    let expressions = [
        format!("{}1{}", "[".repeat(long), "]".repeat(long)),
        format!("{}1{}", "[\n".repeat(long), "]\n".repeat(long)),
        format!("{}1", "1 +\n".repeat(long)),
        format!("{}1", "-\n".repeat(long)),
        format!("input{}", ".a\n".repeat(long)),
        format!("input{}", "[input".repeat(long)),
        format!("{}1", "1 |\n".repeat(long)),
    ];
    for expression in expressions {
        let rule = format!("package trunkline.deep\n\ndeny contains {expression}\n");
        // What matters is that it returns: short or refused, it may be either.
        let (policies, _) = own(&[file("deep.rego", &rule)]);
        let _ = policies.review(&input(&desired(4))).allows();
    }
    let chain = format!("package trunkline.deep\n\ndeny := 1 if false\n{}", "else := 1 if false\n".repeat(2000));
    let (policies, _) = own(&[file("deep.rego", &chain)]);
    let _ = policies.review(&input(&desired(4))).allows();
    let (_, faults) = own(&[file("large.rego", &"# \n".repeat(40_000))]);
    assert_eq!(faults.len(), 1);
}
