//! Policies that a repository brings.

use policy::{Limits, Policies, shipped};

use crate::support::{desired, file, input, own, said};

#[test]
fn a_repository_s_own_policy_is_asked() {
    let rule = r#"
        package trunkline.odd_processors

        deny contains {"msg": msg, "hint": "use an even number"} if {
            some role in input.desired.roles
            role.processors % 2 == 1
            msg := sprintf("%s has %d processors", [role.role, role.processors])
        }

        warn contains "no windows" if count(input.desired.windows) == 0
    "#;
    let (policies, faults) = own(&[file("policies/odd.rego", rule)]);
    assert_eq!(faults, []);
    assert_eq!(policies.names().collect::<Vec<_>>(), ["odd_processors"]);
    insta::assert_snapshot!(said(&policies.review(&input(&desired(3)))), @"
    deny odd_processors sea-1: mediation has 3 processors (use an even number) at policies/odd.rego:4:1
    warn odd_processors sea-1: no windows at policies/odd.rego:10:1
    ");
    insta::assert_snapshot!(said(&policies.review(&input(&desired(4)))), @"warn odd_processors sea-1: no windows at policies/odd.rego:10:1");
}

#[test]
fn policies_share_libraries_and_nothing_else() {
    let library = file("lib.rego", "package trunkline.lib.size\n\nlarge(role) if role.processors > 8\n");
    let rule = file(
        "large.rego",
        "package trunkline.large\n\nimport data.trunkline.lib.size\n\ndeny contains \"too large\" if size.large(input.desired.roles[_])\n",
    );
    let (policies, faults) = own(&[library, rule]);
    assert_eq!(faults, []);
    assert!(!policies.review(&input(&desired(16))).allows());
    assert!(policies.review(&input(&desired(8))).allows());
}

#[test]
fn policies_that_judge_plans_are_told_from_those_that_need_none() {
    let rule = |name: &str, condition: &str| {
        file(&format!("{name}.rego"), &format!("package trunkline.{name}\n\n# input.plan\ndeny contains \"no\" if {condition}\n"))
    };
    let library = file("lib.rego", "package trunkline.lib.steps\n\nsteps := input.plan.steps\n");
    let files = [
        rule("by_library", "count(data.trunkline.lib.steps.steps) > 9"),
        rule("by_key", "{ some key in [\"plan\"]; input[key] }"),
        rule("by_name", "input[\"report\"].posture == \"serving\""),
        rule("wish", "input.desired.prune"),
        rule("wish_by_name", "input[\"desired\"].prune"),
        library,
    ];
    let (policies, faults) = own(&files);
    assert_eq!(faults, []);
    assert_eq!(policies.judging_plans().collect::<Vec<_>>(), ["by_key", "by_library", "by_name"]);
    let (policies, _) = Policies::load(&shipped(), &[], Limits::default());
    assert_eq!(policies.judging_plans().collect::<Vec<_>>(), ["availability_promise", "no_destruction_without_prune"]);
}

#[test]
fn a_shipped_policy_cannot_be_added_to() {
    let rule = file("mine.rego", "package trunkline.no_destruction_without_prune\n\ndestructive := set()\n");
    let (policies, faults) = Policies::load(&shipped(), &[rule], Limits::default());
    assert_eq!(faults.len(), 1);
    insta::assert_snapshot!(faults[0].to_string(), @"
    error[TL017]: the package `trunkline.no_destruction_without_prune` is one that is shipped
     --> mine.rego:1:1
      |
    1 | package trunkline.no_destruction_without_prune
      | ^
      |
      = hint: choose another name below `trunkline.`
    ");
    assert_eq!(policies.names().count(), 3, "the shipped ones are as they were");
    assert!(!policies.review(&input(&desired(4))).allows(), "until it is mended");
}

#[test]
fn whatever_a_deny_gives_denies() {
    for (rule, message) in [
        ("deny := \"plainly\"", "plainly"),
        ("deny := true", "true (a finding is a text, or an object with `msg`)"),
        ("deny := [\"listed\"]", "listed"),
        ("deny contains 7", "7 (a finding is a text, or an object with `msg`)"),
        ("deny contains {\"message\": \"x\"}", "{\"message\":\"x\"} (a finding needs a text `msg`)"),
        ("deny contains \"two\\nlines\"", "two lines"),
    ] {
        let (policies, faults) = own(&[file("p.rego", &format!("package trunkline.p\n\n{rule}\n"))]);
        assert_eq!(faults, [], "{rule}");
        let verdict = policies.review(&input(&desired(4)));
        assert_eq!(verdict.denied.len(), 1, "{rule}");
        assert_eq!(verdict.denied[0].message, message, "{rule}");
    }
}

#[test]
fn a_deny_that_is_false_or_undefined_allows() {
    for rule in [
        "deny := false",
        "deny contains \"never\" if input.nowhere",
        "deny := \"never\" if false",
        "deny contains \"never\" if abs(\"x\") > 1",
    ] {
        let (policies, faults) = own(&[file("p.rego", &format!("package trunkline.p\n\n{rule}\n"))]);
        assert_eq!(faults, [], "{rule}");
        assert!(policies.review(&input(&desired(4))).allows(), "{rule}");
    }
}

#[test]
fn findings_by_the_thousand_are_cut_and_said() {
    let rule = "package trunkline.p\n\ndeny contains msg if {\n\tsome n in numbers.range(1, 1000)\n\tmsg := sprintf(\"%04d\", [n])\n}\n";
    let (policies, _) = own(&[file("p.rego", rule)]);
    let verdict = policies.review(&input(&desired(4)));
    assert_eq!(verdict.denied.len(), 101);
    assert_eq!(verdict.denied.last().unwrap().message, "and 900 more");
}
