//! Plans as JSON and markdown, and what two revisions differ in.

use std::sync::Arc;

use model::observed::RuleState;

use crate::compare::compare;
use crate::fixtures::{add_window, branch_bundle, cloud_connector, converged, given, given_with_peer, nights, set_rule};
use crate::gate::gate;
use crate::plan;
use crate::render::json::{PlanDocument, json, schema};
use crate::render::markdown::{changes, markdown};

#[test]
fn the_published_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/plan.v1.json");
    let wanted = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    #[expect(clippy::disallowed_methods, reason = "the one switch of golden files")]
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    if update {
        std::fs::write(path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == wanted, "schemas/plan.v1.json is stale: run the test with UPDATE_GOLDEN=1");
}

#[test]
fn a_plan_as_json_reads_back() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_rule(&mut observed, "edge", "CS RTCSRV", RuleState::Disabled);
    let (plan, report) = plan(&desired, &observed, &given_with_peer());
    let gated = gate(&plan, &report, &desired, &given_with_peer());
    let text = json(&plan, &report, Some(&gated)).unwrap();
    let read: PlanDocument = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string_pretty(&read).unwrap() + "\n", text);
    insta::assert_snapshot!(text, @r#"
    {
      "apiVersion": "trunkline.dev/plan.v1",
      "appliance": "sea-1",
      "instance": "2.1",
      "posture": {
        "is": "serving",
        "faults": [
          "edge/CS RTCSRV is disabled"
        ],
        "unseen": []
      },
      "changes": [
        {
          "path": "roles.edge.rules.CS RTCSRV",
          "from": "disabled",
          "to": "enabled",
          "impact": "none"
        }
      ],
      "steps": [
        {
          "id": "2.1/edge/enable-rule/CS RTCSRV",
          "instance": "2.1",
          "role": "edge",
          "verb": "enable-rule",
          "object": "CS RTCSRV",
          "says": "enable the rule CS RTCSRV",
          "purpose": "repair",
          "impact": "none",
          "after": [],
          "expectedSeconds": 3,
          "mayRun": true
        }
      ],
      "waits": [],
      "stalls": [],
      "notes": [],
      "impact": "none",
      "expectedSeconds": 3
    }
    "#);
}

#[test]
fn a_plan_as_markdown_cannot_be_broken_out_of() {
    let mut desired = branch_bundle();
    let observed = converged(&desired);
    desired.roles[0].adapters[0].gateway = Some("192.168.0.254".parse().unwrap());
    let (plan, mut report) = plan(&desired, &observed, &given());
    report.notes.push("a | b\n<script>".to_owned());
    insta::assert_snapshot!(markdown(&plan, &report, None), @r"
    ### branch-1

    Instance 2.1, now **serving**.

    **11 steps**, about 3m 34s: takes no calls meanwhile.

    | field | change | effect |
    |---|---|---|
    | `roles.app.adapters.corpnet.gateway` | 192.168.0.1 -> 192.168.0.254 | takes no calls meanwhile |

    <details><summary>Steps</summary>

    1. gateway: hold GateSvc
    2. app: hold AppSvc
    3. app: note why no calls are taken
    4. gateway: note why no calls are taken
    5. app: set 192.168.0.238/24, gateway 192.168.0.254 on corpnet
    6. app: start AppSvc
    7. gateway: start GateSvc
    8. app: let AppSvc start: automatic
    9. gateway: let GateSvc start: automatic
    10. app: note that all is well
    11. gateway: note that all is well

    </details>

    Note: branch-1 takes no calls for about 3m 34s, and its site has no other appliance.

    Note: a \| b &lt;script>.
    ");
}

#[test]
fn two_revisions_are_compared_field_by_field() {
    let base = cloud_connector();
    let mut head = base.clone();
    head.roles[2].processors = Some(4);
    head.roles[3].memory = None;
    head.roles.remove(1);
    add_window(&mut head, "nights", nights());
    head.prune = true;
    head.settings = Arc::new([("trunk.forwardPai".into(), model::desired::SettingValue::Boolean(true))].into());
    insta::assert_snapshot!(changes(&compare(&base, &head)), @"
    | field | change | effect |
    |---|---|---|
    | `roles.cms` | - VM cms1.2.1 | takes no calls meanwhile, a VM goes off |
    | `roles.mediation.processors` | 2 -> 4 | takes no calls meanwhile, a VM goes off |
    | `roles.edge.memory` | 4 GiB -> no longer managed | nobody notices |
    | `windows.nights.calendar` | + daily | nobody notices |
    | `windows.nights.duration` | + 3h | nobody notices |
    | `windows.nights.start` | + 02:00:00 | nobody notices |
    | `windows.nights.zone` | + America/Los_Angeles | nobody notices |
    | `prune` | false -> true | nobody notices |
    | `settings.trunk.forwardPai` | + true | takes no calls meanwhile |
    ");
    assert_eq!(compare(&base, &base), []);
}

#[test]
fn no_line_is_wider_than_a_terminal() {
    let desired = cloud_connector();
    let mut observed = crate::fixtures::bare(&desired);
    observed.host.switches.known_mut().unwrap().clear();
    let (plan, report) = plan(&desired, &observed, &given());
    let text = crate::render::text::text(&plan, &report, None);
    assert!(text.lines.len() > 5);
    for line in text.lines {
        assert!(line.text.chars().count() <= 80, "{}", line.text);
    }
}
