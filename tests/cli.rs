//! The command line as people and scripts meet it, over real sockets: the main job, what is shown on the way, and every kind of bad
//! input, which gets a clear error, the documented exit code, and changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::binary::{Done, Line, redacted, wait_for};
use crate::support::example::{Example, root};
use crate::support::room::Room;

/// Text in colour has it.
const ESCAPE: char = '\u{1b}';

fn json_of(done: Done) -> Value {
    serde_json::from_str(&done.well()).unwrap()
}

#[test]
fn a_commit_becomes_converged_hosts_and_is_then_no_change() {
    let room = Room::raise(Example::BranchBundle);
    let mut printed = Vec::new();
    let mut run = |arguments: &[&str]| {
        let done = room.run(arguments);
        printed.push(done.out.clone());
        printed.push(done.err.clone());
        done
    };

    for form in ["text", "json", "markdown"] {
        let once = run(&["plan", "--detailed-exitcode", "--output", form]);
        assert_eq!(once.code, 2, "changes are due: {}", once.err);
        assert_eq!(run(&["plan", "--detailed-exitcode", "--output", form]), once, "`plan -o {form}` twice");
    }
    assert!(room.deeds().is_empty(), "looking changed something: {:?}", room.deeds());
    assert!(kept(&room).is_empty(), "looking wrote something");

    let applied = run(&["apply", "--yes"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    let ended: Vec<_> = applied.out.lines().filter(|line| line.ends_with(": converged")).collect();
    assert_eq!(ended, ["jena-1: converged", "kiel-1: converged", "ulm-1: converged"]);

    let after = run(&["plan", "--detailed-exitcode", "ulm-1"]);
    insta::assert_snapshot!(after.clone().well(), @"
    ulm-1 (instance 1.0)
      serving

    no changes
    ");
    let done = room.deeds().len();
    assert_eq!(run(&["plan", "--detailed-exitcode"]).code, 0);
    assert!(!run(&["apply", "--yes"]).well().contains("steps,"), "a second apply plans nothing");
    assert_eq!(room.deeds().len(), done, "a second apply changed something");

    let observation = run(&["observe"]).well();
    room.write("seen.json", &observation);
    for form in ["text", "json", "markdown"] {
        let seen = run(&["plan", "--observed", "seen.json", "--output", form]);
        assert!(!seen.err.contains("warning"), "{}", seen.err);
        // For people, when it was seen stands above what is the same.
        let (when, plan) = if form == "json" { (&*seen.err, &*seen.out) } else { seen.out.split_once("\n\n").unwrap() };
        assert!(when.contains("hosts as seen "), "{when}");
        assert_eq!(plan, run(&["plan", "--output", form]).well(), "from a file as from the hosts, as {form}");
        assert_eq!(run(&["plan", "--observed", "seen.json", "--output", form]), seen, "twice");
    }

    let mut old: Value = serde_json::from_str(&observation).unwrap();
    for look in old["appliances"].as_array_mut().unwrap() {
        look["at"] = json!("2026-03-01T10:00:00.25Z");
    }
    room.write("old.json", &old.to_string());
    let seen = run(&["plan", "--observed", "old.json"]);
    insta::assert_snapshot!(seen.clone().err, @"
    wish of the working directory, committed or not
    warning: the hosts were seen more than an hour ago, and much may have changed; `trunkline observe` looks again
    ");
    assert!(seen.out.starts_with("hosts as seen at 2026-03-01T10:00:00Z\n\n"), "{}", seen.out);
    assert_eq!(run(&["plan", "--observed", "old.json"]), seen, "twice");

    let status = run(&["status", "--output", "json"]);
    let status = json_of(status);
    let ready = |one: &Value| one["conditions"].as_array().unwrap().iter().any(|c| c["kind"] == "Ready" && c["status"] == "True");
    let appliances = status["appliances"].as_array().unwrap();
    assert!(appliances.len() == 3 && appliances.iter().all(ready), "{status:#}");
    assert!(status["repository"]["origin"].is_string() && status["repository"]["trouble"].is_null(), "{status:#}");
    assert!(run(&["status"]).well().lines().any(|line| line.starts_with("kiel-1 ") && line.contains("yes") && line.contains("serving")));

    // The hosts are restarted with what they keep; the agent without.
    std::fs::remove_dir_all(room.file("state")).unwrap();
    assert_eq!(run(&["plan", "--detailed-exitcode"]).code, 0, "the state lives on the host");

    let printed: Vec<&str> = printed.iter().map(String::as_str).collect();
    room.assert_discreet(&printed);
    assert!(printed.iter().all(|text| !text.contains(ESCAPE)), "colour codes in a pipe");
}

#[test]
fn drift_and_commits_are_planned_and_undone() {
    let room = Room::raise(Example::BranchBundle);
    room.run(&["apply", "--yes", "--only", "ulm-1"]).well();
    let steps = |arguments: &[&str]| room.run(arguments).well();
    assert!(steps(&["plan", "kiel-1"]).contains("is not installed"), "`--only` is only that");

    room.tell(&json!({ "world": { "vmOff": { "host": "hv-ulm", "vm": "ulm-sbc.1.0" } } }));
    assert_eq!(room.run(&["plan", "ulm-1", "--detailed-exitcode"]).code, 2);
    steps(&["apply", "--yes", "--only", "ulm-1"]);
    assert_eq!(room.run(&["plan", "ulm-1", "--detailed-exitcode"]).code, 0, "repaired");
    assert_eq!(room.run(&["hold", "ulm-1", "--for", "1h", "--reason", "cabling"]).code, 0);
    assert_eq!(room.run(&["hold", "ulm-1", "--release"]).code, 0);
    assert_eq!(room.run(&["hold", "ulm-l", "--release"]).code, 3, "nobody of that name was ever held");
    assert_eq!(room.run(&["status"]).code, 0);

    // What cannot be seen is not in force.
    room.write_private(
        "credentials.yaml",
        "hyperv-host: { user: trunkline, password: example-host }\nguest-admin: { user: Administrator, password: not-the-one }\n",
    );
    for arguments in [&["plan", "ulm-1"][..], &["plan", "ulm-1", "--detailed-exitcode"], &["apply", "--yes", "--only", "ulm-1"]] {
        let blind = room.run(arguments);
        assert!(blind.code == 3 && blind.out.contains("refuse"), "{arguments:?}: {} {}{}", blind.code, blind.out, blind.err);
    }
    let blind = room.run(&["observe", "ulm-1"]);
    assert_eq!(blind.code, 3, "{}", blind.err);
    assert!(["app", "sbc"].iter().all(|role| blind.err.contains(&format!("warning: of `ulm-1`, its guest `{role}` could not be seen: "))));
}

#[test]
fn a_change_on_a_serving_appliance_is_planned_twice_alike() {
    let room = Room::raise(Example::BranchBundle);
    room.run(&["apply", "--yes", "--only", "ulm-1"]).well();
    let ulm = std::fs::read_to_string(room.file("fleet/sites/ulm.yaml")).unwrap();
    room.commit(
        &[("sites/ulm.yaml", &ulm.replace("app: { name: ulm-app,", "app: { name: ulm-app, processors: 4,"))],
        "ulm gets processors",
    );

    let plan = |state: &str, form: &str| {
        let arguments = ["plan", "ulm-1", "--output", form, "--source", "fleet", "--state-dir", state];
        let files = ["--credentials", "credentials.yaml", "--connect-to", "endpoints.yaml", "--ca", "hosts.pem"];
        Line::new(room.path(), arguments.iter().chain(&files)).run()
    };
    // By what the agent remembers, and by nothing but the host.
    for state in ["state", "none"] {
        for form in ["text", "json", "markdown"] {
            assert_eq!(plan(state, form), plan(state, form), "`plan -o {form}` twice with `{state}`");
        }
    }
    let document = json_of(plan("none", "json"));
    let wait = document[0]["waits"].as_array().unwrap().iter().find(|wait| wait["on"] == "stable").unwrap();
    assert_eq!((&wait["says"], &wait["until"]), (&json!("all must stay well for 1m before calls return"), &Value::Null));
}

#[test]
fn a_hold_that_nobody_heeds_is_told_by_the_exit_code() {
    let room = Room::without_hosts(Example::BranchBundle);
    let held = room.run(&["hold", "ulm-1", "--for", "1h", "--reason", "cabling"]);
    assert_eq!(held.code, 3);
    insta::assert_snapshot!(held.err, @"no agent has ever worked with this state directory, so nobody here heeds holds; name its --state-dir");
    insta::assert_snapshot!(refused(&room, &["hold", "ulm-1", "--for", "-1h", "--reason", "cabling"]), @"
    error: --for `-1h`: `-1h` is not a duration
    hint: write 45m, 4h or 2d
    ");
    let missing = refused(&room, &["hold", "ulm-1", "--for", "1h"]);
    assert!(missing.contains("--reason <TEXT>"), "{missing}");
    let released = Line::new(room.path(), ["hold", "ulm-1", "--release", "--state-dir", "nosuch"]).run();
    assert_eq!((released.code, released.out.as_str()), (3, "ulm-1: was not held\n"));
    insta::assert_snapshot!(released.err, @"there is no state directory nosuch; name the agent's --state-dir");
    assert!(!room.file("nosuch").exists(), "whoever ends a hold in the wrong place finds a state directory there");
    insta::assert_snapshot!(refused(&room, &["hold", "ulm-1", "--for", "1h", "--reason", "a\u{1b}[31m"]), @"
    error: --reason holds a line break or another control character
    hint: write one line of plain text
    ");
}

#[test]
fn status_makes_no_state_directory_and_a_wrong_one_is_no_good_news() {
    let room = Room::without_hosts(Example::BranchBundle);
    let told = Line::new(room.path(), ["status", "--state-dir", "elsewhere"]).run();
    assert_eq!(told.code, 3, "{}", told.err);
    insta::assert_snapshot!(told.out, @"
    nothing is known yet: no agent has looked with the state directory `elsewhere` (--state-dir)
    agent: none is running here
    ");
    assert!(!room.file("elsewhere").exists());
}

#[test]
fn an_appliance_whose_document_is_gone_is_let_go_of_and_status_says_so() {
    let room = Room::without_hosts(Example::BranchBundle);
    let ulm = std::fs::read_to_string(room.file("fleet/sites/ulm.yaml")).unwrap();
    let _agent = room.line(&["run"]).start();
    wait_for("a first look", || room.run(&["status"]).out.contains("ulm-1").then_some(()));
    let (site, _) = ulm.split_once("---").unwrap();
    room.commit(&[("sites/ulm.yaml", site)], "ulm-1 is closed");
    let told = wait_for("its end", || Some(room.run(&["status", "ulm-1"])).filter(|told| told.out.contains(" gone ")));
    let (_, says) = told.out.split_once("\n  since ").unwrap();
    let (_, says) = says.split_once("Z ").unwrap();
    let (says, _) = says.split_once("\nrepository").unwrap();
    insta::assert_snapshot!(says, @"the repository no longer describes it; its VMs are left as they are: delete them by hand, or describe it again");
    assert_eq!(told.code, 0, "nothing is wrong with it: {}", told.out);
}

#[test]
fn a_repository_that_cannot_be_read_is_told_by_status_and_its_exit_code() {
    let room = Room::without_hosts(Example::BranchBundle);
    let small = source::Scratch::init(&room.file("small")).unwrap();
    let root = "apiVersion: trunkline.dev/v1alpha1\nkind: Repository\nmetadata: { name: small }\nspec: {}\n";
    let commit = small.commit(&[("repository.yaml", root)], "a fleet without appliances", 1_772_000_000).unwrap();
    let agent = Line::new(room.path(), ["run", "--source", "small", "--state-dir", "state"]).start();
    let repository = || json_or_null(&room.run(&["status", "--output", "json"]).out)["repository"].clone();
    wait_for("the first reading", || repository()["revision"].as_str().filter(|revision| revision.contains(&commit)).map(drop));
    assert_eq!(room.run(&["status"]).code, 0);

    let (head, away) = (room.file("small/.git/HEAD"), room.file("small/.git/HEAD.away"));
    std::fs::rename(&head, &away).unwrap();
    let trouble = wait_for("the trouble", || Some(repository()["trouble"].clone()).filter(|trouble| !trouble.is_null()));
    assert!(trouble["attempts"].as_u64().unwrap() >= 1 && trouble["says"].as_str().unwrap().contains("small"), "{trouble:#}");
    let told = room.run(&["status"]);
    let since = trouble["since"].as_str().unwrap().split('.').next().unwrap();
    assert_eq!(told.code, 3, "{}", told.out);
    assert!(told.out.contains(&format!("repository: small cannot be read since {since}Z, tried ")), "{}", told.out);
    assert!(told.out.contains(&format!("  main@{} stays in force\n", &commit[..12])), "{}", told.out);
    drop(agent);
    assert!(room.run(&["status"]).out.contains(&format!("  main@{} was in force\n", &commit[..12])));

    // Where nothing could ever be read, nothing is said to be in force.
    let arguments = ["--source", "http://127.0.0.1:1/x.git", "--state-dir", "other"];
    let _agent = Line::new(room.path(), [&["run"], &arguments[..]].concat()).start();
    let status = || Line::new(room.path(), [&["status"], &arguments[..]].concat()).run();
    let never = wait_for("the first failure", || Some(status()).filter(|never| never.out.contains("repository: ")));
    assert_eq!(never.code, 3, "{}", never.out);
    assert!(
        never.out.starts_with("no appliance has been looked at yet\nrepository: http://127.0.0.1:1/x.git cannot be read"),
        "{}",
        never.out
    );
    assert!(never.out.contains("  nothing has been read since the agent was started"), "{}", never.out);
}

#[test]
fn a_log_store_gets_a_document_a_line() {
    let room = Room::raise(Example::BranchBundle);
    let documents = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    };
    let applied = room.run(&["apply", "--yes", "--only", "ulm-1", "--log-format", "json"]);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let told = documents(&applied.err);
    assert!(told[0]["fields"]["message"].as_str().unwrap().starts_with("wish of main@"), "{}", told[0]);
    assert!(told.iter().any(|one| one["fields"]["message"].as_str().unwrap().starts_with("converged to ")), "{}", applied.err);
    assert!(applied.out.lines().any(|line| line == "ulm-1: converged"), "results are for people");

    let failed = room.run(&["apply", "--yes", "--only", "ulm-l", "--log-format", "json"]);
    assert_eq!((failed.code, failed.out.as_str()), (1, ""));
    let told = documents(&failed.err);
    assert_eq!(told[0]["fields"]["message"], "there is no appliance `ulm-l`");
    assert!(told[0]["level"] == "ERROR" && told[0]["fields"]["hint"].as_str().unwrap().contains("ulm-1"), "{}", told[0]);
}

fn json_or_null(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

#[test]
fn a_path_where_no_repository_lies_is_an_error_at_once() {
    let room = Room::without_hosts(Example::BranchBundle);
    let mistyped = Line::new(room.path(), ["run", "--source", "fleeet", "--state-dir", "state"]).run();
    assert_eq!(mistyped.code, 1, "{}", mistyped.err);
    assert!(mistyped.err.starts_with("error: there is no directory `fleeet`\n"), "{}", mistyped.err);
}

#[test]
fn two_revisions_are_compared_without_any_host() {
    let room = Room::without_hosts(Example::BranchBundle);
    let jena = std::fs::read_to_string(room.file("fleet/sites/jena.yaml")).unwrap();
    let base = room.commit(&[("note.txt", "nothing that is read")], "a note");
    let wider = jena.replace("app: { name: jena-app,", "app: { name: jena-app, processors: 4,");
    assert_ne!(jena, wider);
    let head = room.commit(&[("sites/jena.yaml", &wider)], "jena gets processors");
    let compare =
        |base: &str, head: &str, form: &str| room.run(&["plan", "--base", base, "--head", head, "--detailed-exitcode", "--output", form]);

    let text = compare(&base, &head, "text");
    assert_eq!(text.code, 2, "{}", text.err);
    insta::assert_snapshot!(text.out, @"
    jena-1
      roles.app.processors  2 -> 4: takes no calls meanwhile, a VM goes off
    ");
    insta::assert_snapshot!(compare(&base, &head, "markdown").out, @"
    ### jena-1

    | field | change | effect |
    |---|---|---|
    | `roles.app.processors` | 2 -> 4 | takes no calls meanwhile, a VM goes off |
    ");
    assert_eq!(compare(&base, &head, "json"), compare(&base, &head, "json"));
    let same = compare(&base, &base, "text");
    assert_eq!((same.code, same.out.as_str()), (0, "no appliance changes\n"));

    insta::assert_snapshot!(refused(&room, &["plan", "--base", &base, "--head", &head, "jena-l"]), @"
    error: there is no appliance `jena-l` in either revision
    hint: there are: jena-1, kiel-1, ulm-1
    ");
    let faulty = room.commit(&[("sites/jena.yaml", &jena.replace("app: { name:", "app: { nam:"))], "a slip");
    let mended = room.commit(&[("sites/jena.yaml", &wider)], "mended");
    let unknown = compare(&faulty, &mended, "text");
    assert_eq!(unknown.code, 3, "{}", unknown.err);
    insta::assert_snapshot!(unknown.out, @"
    jena-1
      unknown: the older revision is faulty
    ");
    assert!(unknown.err.contains("is faulty; what changes from it is unknown for: jena-1\n\nerror[TL035]"), "{}", unknown.err);
    assert_eq!(serde_json::from_str::<Value>(&compare(&faulty, &mended, "json").out).unwrap()["appliances"][0]["is"], "unknown");
}

#[test]
fn policies_that_need_no_host_judge_two_revisions() {
    let room = Room::without_hosts(Example::BranchBundle);
    let jena = std::fs::read_to_string(room.file("fleet/sites/jena.yaml")).unwrap();
    let base = room.commit(&[("note.txt", "nothing that is read")], "a note");
    let even = "package trunkline.even\n\ndeny contains {\"msg\": msg, \"hint\": \"use an even number\"} if {\n\tsome role in input.desired.roles\n\t\
                role.processors % 2 == 1\n\tmsg := sprintf(\"%s has <%d> processors\", [role.role, role.processors])\n}\n";
    let ruled = room.commit(&[("even.rego", even)], "a rule");
    let odd = jena.replace("app: { name: jena-app,", "app: { name: jena-app, processors: 3,");
    let head = room.commit(&[("sites/jena.yaml", &odd)], "an odd number");
    let compare = |base: &str, head: &str, form: &str| room.run(&["plan", "--base", base, "--head", head, "--output", form]);
    let text = compare(&ruled, &head, "text");
    insta::assert_snapshot!(text.out, @"
    jena-1
      roles.app.processors  2 -> 3: takes no calls meanwhile, a VM goes off
      denied by `even`: app has <3> processors; use an even number
    ");
    insta::assert_snapshot!(text.err, @"policies that judge plans have more to say once hosts are seen (`plan --observed`): availability_promise, no_destruction_without_prune");
    insta::assert_snapshot!(compare(&ruled, &head, "markdown").out, @"
    ### jena-1

    | field | change | effect |
    |---|---|---|
    | `roles.app.processors` | 2 -> 3 | takes no calls meanwhile, a VM goes off |


    - **denied** by `even`: app has &lt;3> processors; use an even number
    ");
    let document = json_of(compare(&ruled, &head, "json"));
    assert_eq!(document["appliances"][0]["policies"]["denied"][0]["policy"], "even", "{document:#}");
    assert_eq!(document["needPlans"], json!(["availability_promise", "no_destruction_without_prune"]));
    // A rule alone is a change too: whoever breaks it is told.
    let strict = even.replace("% 2 == 1", "% 2 == 0");
    let stricter = room.commit(&[("sites/jena.yaml", &jena), ("even.rego", &strict)], "a stricter rule");
    let text = compare(&base, &stricter, "text");
    insta::assert_snapshot!(text.out, @"
    jena-1
      denied by `even`: app has <2> processors; use an even number
      denied by `even`: sbc has <2> processors; use an even number
    kiel-1
      denied by `even`: app has <2> processors; use an even number
      denied by `even`: sbc has <2> processors; use an even number
    ulm-1
      denied by `even`: app has <2> processors; use an even number
      denied by `even`: sbc has <2> processors; use an even number
    ");
    assert_eq!(room.run(&["plan", "--base", &base, "--head", &stricter, "--detailed-exitcode"]).code, 0, "nothing is to be done");
}

#[test]
fn a_person_may_ask_where_a_value_comes_from() {
    let room = Room::without_hosts(Example::Seattle);
    let told = room.run(&["explain", "appliance", "sea-1", "spec.roles.mediation.memory"]).well();
    insta::assert_snapshot!(told, @"
    spec.roles.mediation.memory = 16 GiB
      from Profile cloud-connector-2.1, profile:cloud-connector-2.1:43:45
      43 |         mediation: { processors: 4, memory: 16 GiB }
    ");
    assert_eq!(room.run(&["explain", "appliance", "sea-1", "roles.mediation.memory"]).well(), told);
    insta::assert_snapshot!(room.run(&["explain", "site", "tacoma"]).err, @"
    error: there is no Site `tacoma`
    hint: there are: seattle
    ");
    insta::assert_snapshot!(room.run(&["explain", "profile", "none"]).err, @"
    error: there is no Profile `none`
    hint: there are: cloud-connector-1.4.2, cloud-connector-2.1
    ");
    insta::assert_snapshot!(room.run(&["explain", "approval", "none"]).err, @"
    error: there is no Approval `none`
    hint: there is no Approval at all
    ");
    insta::assert_snapshot!(room.run(&["explain", "site", "seattle", "availability"]).well(), @"
    spec.availability.minServing = 1
      from Site seattle, sites/seattle/site.yaml:11:17
      11 |     minServing: 1
    ");
    insta::assert_snapshot!(room.run(&["explain", "site", "seattle", "availability", "-o", "json"]).well(), @r#"
    [
      {
        "path": "spec.availability.minServing",
        "value": "1",
        "document": "Site seattle",
        "place": {
          "file": "sites/seattle/site.yaml",
          "line": 11,
          "column": 17,
          "length": 1
        },
        "sourceLine": "    minServing: 1"
      }
    ]
    "#);
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let room = Room::without_hosts(Example::BranchBundle);
    let validate = |arguments: &[&str]| room.line(arguments).run().well();
    assert!(!validate(&["validate"]).contains(ESCAPE), "standard output is a pipe");
    assert!(validate(&["validate", "--color", "always"]).contains(ESCAPE));
    assert!(!validate(&["validate", "--color", "never"]).contains(ESCAPE));
    let piped = room.line(&["validate"]).with("NO_COLOR", "1").run().well();
    assert!(!piped.contains(ESCAPE));
}

#[test]
fn settings_tell_where_they_come_from() {
    let room = Room::without_hosts(Example::BranchBundle);
    room.write("trunkline.yaml", "stateDir: kept\nlog: info\n");
    let shown = Line::new(room.path(), ["config", "show", "--origin", "--source", "fleet"]).with("TRUNKLINE_LOG", "error").run().well();
    insta::assert_snapshot!(shown, @"
    source: fleet                                    # flag --source
    ref:                                             # default; --ref, TRUNKLINE_REF
    path:                                            # default; --path, TRUNKLINE_PATH
    sourceCa:                                        # default; --source-ca, TRUNKLINE_SOURCE_CA
    sourceHostKey:                                   # default; --source-host-key, TRUNKLINE_SOURCE_HOST_KEY
    stateDir: kept                                   # trunkline.yaml:1
    credentials:                                     # default; --credentials, TRUNKLINE_CREDENTIALS
    ca:                                              # default; --ca, TRUNKLINE_CA
    connectTo:                                       # default; --connect-to, TRUNKLINE_CONNECT_TO
    wireTrace:                                       # default; --wire-trace, TRUNKLINE_WIRE_TRACE
    color: auto                                      # default; --color, TRUNKLINE_COLOR
    logFormat: text                                  # default; --log-format, TRUNKLINE_LOG_FORMAT
    log: error                                       # environment TRUNKLINE_LOG
    ");
    // What is shown is a settings file.
    let plain = Line::new(room.path(), ["config", "show", "--source", "fleet"]).run().well();
    assert!(
        plain.lines().any(|line| line.starts_with("stateDir: kept ") && line.ends_with("# --state-dir, TRUNKLINE_STATE_DIR")),
        "{plain}"
    );
    room.write("again.yaml", &plain);
    let again = Line::new(room.path(), ["config", "show", "--config", "again.yaml"]).run().well();
    assert_eq!(again, plain);
    let misspelt = Line::new(room.path(), ["plan"]).with("TRUNKLINE_STATEDIR", "kept").run();
    assert_eq!(misspelt.code, 1);
    insta::assert_snapshot!(misspelt.err, @"
    error: there is no variable `TRUNKLINE_STATEDIR`
    hint: did you mean `TRUNKLINE_STATE_DIR`? `trunkline config show` lists all
    ");
}

/// What stands below `heading` in the README between the fences of its `number`th block of commands.
fn commands_of_readme(heading: &str, number: usize) -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, below) = readme.split_once(&format!("\n{heading}\n")).unwrap();
    let block = below.split("```sh\n").nth(number).unwrap();
    block.split("```").next().unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_first_look_works_as_the_readme_prints_it() {
    let place = tempfile::tempdir().unwrap();
    let shell = |line: &str, directory: &Path| {
        let line = line.replace("/tmp/first", place.path().join("first").to_str().unwrap());
        let binary = Path::new(env!("CARGO_BIN_EXE_trunkline")).parent().unwrap();
        let found = format!("{}:/usr/local/bin:/usr/bin:/bin", binary.display());
        let known = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];
        let line = Line::of(Path::new("/bin/sh"), directory, ["-e", "-c", &format!("exec 2>&1\n{line}")]).with("PATH", &found);
        known.into_iter().fold(line, |line, name| line.with(name, "somebody"))
    };
    for line in commands_of_readme("## A first look", 1) {
        shell(&line, &root()).run().well();
    }
    let lines = commands_of_readme("## A first look", 2);
    let [copied, committed, simulated, rest @ ..] = &lines[..] else { panic!("{lines:#?}") };
    shell(copied, &root()).run().well();
    let first = place.path().join("first");
    // Who reads on a terminal has the minutes that a test has not.
    let waits = "apiVersion: trunkline.dev/v1alpha1\nkind: Defaults\nmetadata: { name: short-waits }\n\
                 spec: { confirm: 2s, repairGrace: 2s, stableFor: 2s }\n";
    std::fs::write(first.join("seattle/defaults.yaml"), waits).unwrap();
    shell(committed, &first).run().well();
    let simulated = simulated.replacen("trunkline", "exec trunkline", 1);
    let mut simulator = shell(&simulated, &first).start();
    let mut said = String::new();
    while !said.ends_with("Ctrl-C ends it\n") {
        said.push_str(&simulator.line());
        assert!(!simulator.has_ended(), "{said}");
    }
    insta::assert_snapshot!(said, @"
    serving; addresses are in world/endpoints.yaml
    every command finds these hosts with:
      --connect-to world/endpoints.yaml --ca world/hosts.pem
    and with --credentials: users and passwords stand under `accounts` in seattle.world.yaml
    Ctrl-C ends it
    ");
    // Nobody is there to be asked.
    let mut told = Vec::new();
    for line in rest {
        let line = line.replacen("trunkline apply", "trunkline apply --yes", 1);
        told.push(shell(&line, &first).run().well());
    }
    let [planned, applied, status, accident, mended] = &told[..] else { panic!("{told:#?}") };
    assert!(planned.contains("+ VM sea1-ad.2.1"), "{planned}");
    assert!(applied.ends_with("sea-1: converged\nsea-2: converged\n"), "{applied}");
    assert!(status.lines().any(|line| line.starts_with("sea-2 ") && line.contains("serving")), "{status}");
    assert_eq!(accident, "{\"done\":{}}\n");
    assert!(mended.contains("start the VM") && mended.contains("sea-1: converged"), "{mended}");
}

#[test]
fn a_simulation_is_told_by_words_and_says_what_it_does_not_take() {
    let room = Room::raise(Example::BranchBundle);
    let inject = |command: &str| Line::new(room.path(), ["simulate", "--endpoints", "endpoints.yaml", "inject", command]).run();
    let of = |command: &str| json_of(inject(command));
    for name in ["list", "clear", "status", "mutations"] {
        let kind = |answer: &Value| answer.as_object().unwrap().keys().next().unwrap().clone();
        let said = [name.to_owned(), format!("\"{name}\""), format!("{{\"{name}\": {{}}}}")].map(|command| kind(&of(&command)));
        assert!(said.iter().all(|one| *one == said[0]), "{said:?}");
    }
    let refused = |command: &str| {
        let done = inject(command);
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{command}");
        done.err
    };
    let said = [
        r#"{"world": {"vmOff": {"host": "hv-ulm", "vm": "ulm-app.1.0"}}}"#,
        r#"{"world": {"vmOff": {"host": "hv-ulmm", "vm": "ulm-app.1.0"}}}"#,
        r#"{"world": {"vmOf": {}}}"#,
        "world",
        "nothing",
        "{",
    ]
    .map(refused);
    insta::assert_snapshot!(said.concat(), @"
    error: the simulation refuses this: the world has no virtual machine `ulm-app.1.0`
    hint: VMs go by their names with the instance (`sea1-edge.2.1`), as `trunkline plan` shows them; a bare host has none until `trunkline apply`
    error: the simulation refuses this: the world has no host `hv-ulmm`
    hint: names are those of the world file and of what has been installed since
    error: the simulation refuses this: not a command: unknown variant `vmOf`, expected one of `serviceStops`, `servicePaused`, `ruleDisabled`, `vmOff`, `vmSaved`, `vmDeleted`, `nicUnplugged`, `nicRemoved`, `vmCheckpointed`, `vmReplicated`, `vmClustered`, `vmFreed`, `diskReplaced`, `jobFails`, `guestUnreachable`, `vmUntold`, `memoryTaken`, `fileLost`, `accountLocked`, `passwordChanged`, `hostRestart` at line 1 column 17
    hint: `trunkline simulate inject --help` shows each command, and `trunkline schema faults` all that may stand in it
    error: the simulation refuses this: not a command: invalid value: map, expected map with a single key
    hint: `trunkline simulate inject --help` shows each command, and `trunkline schema faults` all that may stand in it
    error: the simulation refuses this: not a command: unknown variant `nothing`, expected one of `entry`, `world`, `list`, `clear`, `status`, `mutations`
    hint: `trunkline simulate inject --help` shows each command, and `trunkline schema faults` all that may stand in it
    error: the simulation refuses this: not a command: EOF while parsing an object at line 2 column 0
    hint: `trunkline simulate inject --help` shows each command, and `trunkline schema faults` all that may stand in it
    ");
}

#[test]
fn schemas_and_completions_are_printed() {
    let room = Room::without_hosts(Example::BranchBundle);
    let names = room.run(&["schema"]).well();
    for name in names.lines() {
        let printed: Value = json_of(room.run(&["schema", name]));
        let file = root().join("schemas").join(format!("{name}.json"));
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(printed, kept, "{name}");
    }
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(room.run(&["completions", shell]).well().contains("detailed-exitcode"), "{shell}");
    }
}

/// What the agent keeps of appliances. That it has read a repository, and what was sound in it, it may remember.
fn kept(room: &Room) -> BTreeMap<String, Vec<u8>> {
    room.state().into_iter().filter(|(name, _)| !name.starts_with("source/")).collect()
}

/// A command that is refused: exit code 1, nothing on standard output, and nothing changed anywhere.
fn refused(room: &Room, arguments: &[&str]) -> String {
    let (before, deeds) = (kept(room), told(room));
    let done = room.run(arguments);
    assert_eq!((done.code, done.out.as_str()), (1, ""), "{arguments:?}: {}", done.err);
    assert_eq!(kept(room), before, "{arguments:?} wrote to the state directory");
    assert_eq!(told(room), deeds, "{arguments:?} changed a host");
    room.assert_discreet(&[&done.err]);
    redacted(&done.err, room.path())
}

fn told(room: &Room) -> usize {
    if room.file("endpoints.yaml").exists() { room.deeds().len() } else { 0 }
}

mod bad_input {
    use super::*;

    #[test]
    fn a_faulty_repository() {
        let room = Room::raise(Example::BranchBundle);
        let ulm = std::fs::read_to_string(room.file("fleet/sites/ulm.yaml")).unwrap();
        room.commit(&[("sites/ulm.yaml", &ulm.replace("addresses: { lan: 10.1.0.20 }", "adresses: { lan: 10.1.0.20 }"))], "a slip");
        let shown = refused(&room, &["apply", "--yes", "--only", "ulm-1"]);
        insta::assert_snapshot!(shown, @"
        error: the manifests of `ulm-1` are faulty

        error[TL035]: the key `adresses` is not known here
          --> sites/ulm.yaml:25:27
           |
        25 |     app: { name: ulm-app, adresses: { lan: 10.1.0.20 } }
           |                           ^^^^^^^^ expected one of `name`, `addresses`, `processors`, `memory`, `secureBoot`, `bootOrder`, `integrationServices`, `image`, `startAction`, `stopAction`
           |
           = hint: did you mean `addresses`?
           = refuses: site `ulm`

        1 error

        hint: `trunkline validate` shows the same
        ");
        for arguments in [["plan", "ulm-1"], ["observe", "ulm-1"]] {
            assert_eq!(refused(&room, &arguments), shown, "{arguments:?}");
        }
        assert_eq!(refused(&room, &["explain", "appliance", "ulm-1", "roles.app.processors"]), shown, "no value of it is in force");
        let validated = room.run(&["validate"]);
        assert_eq!(validated.code, 1);
        assert!(shown.contains(validated.out.trim_end()), "{}", validated.out);
    }

    #[test]
    fn a_repository_that_is_not_there() {
        let room = Room::without_hosts(Example::BranchBundle);
        std::fs::rename(room.file("fleet"), room.file("moved")).unwrap();
        insta::assert_snapshot!(refused(&room, &["plan"]), @"
        error: there is no directory `fleet`
        hint: name the directory of the manifests with --source; it is looked for from where the command runs
        ");
        room.write("fleet", "a file");
        insta::assert_snapshot!(refused(&room, &["plan"]), @"
        error: `fleet` is no directory
        hint: name the directory of the manifests with --source; it is looked for from where the command runs
        ");
    }

    #[test]
    fn files_and_references_that_are_not_there() {
        let room = Room::without_hosts(Example::BranchBundle);
        let said = [
            &["plan", "--observed", "nosuch"][..],
            &["plan", "--config", "nosuch"],
            &["plan", "--ca", "nosuch"],
            &["plan", "--ca", "fleet/sites/ulm.yaml"],
            &["validate", "--ref", "nosuch"],
            &["validate", "--path", "nosuch"],
        ];
        let said: Vec<_> = said.iter().map(|arguments| refused(&room, arguments)).collect();
        insta::assert_snapshot!(said.concat(), @"
        error: cannot read the observation `nosuch`
          cause: No such file or directory (os error 2)
        hint: there is no such file; `trunkline observe > FILE` writes one
        error: cannot read settings from `nosuch`
          cause: No such file or directory (os error 2)
        hint: there is no such file; name a settings file with --config, or leave it out
        error: cannot read the authorities in `nosuch`
          cause: No such file or directory (os error 2)
        hint: there is no such file; name a PEM file with --ca: certificates of authorities, each from `-----BEGIN CERTIFICATE-----` on
        error: cannot use the authorities in `fleet/sites/ulm.yaml`
          cause: the named authority is no PEM certificate
        hint: name a PEM file with --ca: certificates of authorities, each from `-----BEGIN CERTIFICATE-----` on
        error: cannot read `fleet`
          cause: `fleet` has no branch or tag `nosuch`
        hint: name a branch or a tag of that repository with --ref: `git branch --all` and `git tag` list them
        error: cannot read `fleet/nosuch`
          cause: cannot read `fleet/nosuch/`
          cause: No such file or directory (os error 2)
        hint: --path names a directory of the repository, from its root
        ");
    }

    #[test]
    fn an_appliance_that_is_not_described() {
        let room = Room::without_hosts(Example::BranchBundle);
        insta::assert_snapshot!(refused(&room, &["plan", "bonn-1"]), @"
        error: there is no appliance `bonn-1`
        hint: there are: jena-1, kiel-1, ulm-1
        ");
    }

    #[test]
    fn a_settings_file_with_an_unknown_key() {
        let room = Room::without_hosts(Example::BranchBundle);
        room.write("trunkline.yaml", "stateDir: state\nsourse: fleet\n");
        insta::assert_snapshot!(refused(&room, &["plan"]), @"
        error: there is no setting `sourse`
          --> trunkline.yaml:2:1
        hint: did you mean `source`? settings are: source, ref, path, sourceCa, sourceHostKey, stateDir, credentials, ca, connectTo, wireTrace, color, logFormat, log
        ");
    }

    #[test]
    fn an_observation_of_something_else() {
        let room = Room::without_hosts(Example::BranchBundle);
        room.write("cut.json", r#"{"apiVersion": "trunkline.dev/observation.v2", "appliances": ["#);
        insta::assert_snapshot!(refused(&room, &["plan", "--observed", "cut.json"]), @"
        error: cannot read the observation `cut.json`: it ends too early, in line 1
        hint: run `trunkline observe` again, and keep all that it prints
        ");
        room.write("other.json", r#"{"apiVersion": "trunkline.dev/observation.v2", "appliances": [{"appliance": "ulm-1"}]}"#);
        insta::assert_snapshot!(refused(&room, &["plan", "--observed", "other.json"]), @"
        error: cannot read the observation `other.json`: line 1, column 84 is nothing that `trunkline observe` writes
        hint: run `trunkline observe` again, and keep all that it prints
        ");
        room.write("text.json", "no changes\n");
        insta::assert_snapshot!(refused(&room, &["plan", "--observed", "text.json"]), @"
        error: cannot read the observation `text.json`: it is no JSON from line 1, column 2 on
        hint: run `trunkline observe` again, and keep all that it prints
        ");
        // What an agent wrote before the form of guests changed.
        room.write("old.json", r#"{"apiVersion": "trunkline.dev/observation.v1", "appliances": [{"appliance": "ulm-1"}]}"#);
        insta::assert_snapshot!(refused(&room, &["plan", "--observed", "old.json"]), @"
        error: cannot read the observation `old.json`: it is a `trunkline.dev/observation.v1`, and this trunkline reads `trunkline.dev/observation.v2`
        hint: run `trunkline observe` again, with the trunkline that plans
        ");
    }

    #[test]
    fn credentials_that_others_may_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let room = Room::raise(Example::BranchBundle);
        std::fs::set_permissions(room.file("credentials.yaml"), std::fs::Permissions::from_mode(0o644)).unwrap();
        insta::assert_snapshot!(refused(&room, &["apply", "--yes"]), @"
        error: others may read `credentials.yaml` (mode 644)
        hint: run: chmod 600 credentials.yaml
        ");
    }

    #[test]
    fn credentials_that_lack_an_entry() {
        let room = Room::raise(Example::BranchBundle);
        room.write_private("credentials.yaml", "guest-admin: { user: Administrator, password: example-guest }\n");
        insta::assert_snapshot!(refused(&room, &["plan", "ulm-1"]), @"
        wish of the working directory, committed or not
        error: nothing can be planned: no connection to the host of `ulm-1` can be made: credential `hyperv-host` could not be resolved: its value cannot be read: there is no credential `hyperv-host`: add `hyperv-host:` with `user` and `password` to credentials.yaml, or set TRUNKLINE_USER_HYPERV_HOST and TRUNKLINE_PASSWORD_HYPERV_HOST
        hint: add that entry to the credentials file, or correct the name under `credential` in the manifest
        ");
        std::fs::remove_file(room.file("credentials.yaml")).unwrap();
        let arguments = ["plan", "ulm-1", "--source", "fleet", "--connect-to", "endpoints.yaml", "--ca", "hosts.pem"];
        let without = Line::new(room.path(), arguments).run();
        assert_eq!(without.code, 1);
        insta::assert_snapshot!(without.err.lines().last().unwrap(), @"hint: write such a file, readable by you alone (chmod 600): `NAME: { user: …, passwordFile: … }`; for the worlds of examples/ it is examples/credentials.yaml");
    }

    #[test]
    fn a_wrong_password_is_told_and_not_shown() {
        let room = Room::raise(Example::BranchBundle);
        room.write_private("credentials.yaml", "hyperv-host: { user: trunkline, password: not-the-one }\n");
        let shown = refused(&room, &["plan", "ulm-1"]);
        assert!(!shown.contains("not-the-one"), "{shown}");
        // Which of the questions that are asked at once was refused, and which was then not sent, is chance.
        let (words, hint) = shown.split_once("hint: ").expect("a hint");
        assert!(words.contains("`10.1.0.10:5986` refuses credential `hyperv-host` (user `trunkline`)"), "{shown}");
        assert!(words.contains("the host refuses user `trunkline`") || words.contains("the host refused user `trunkline`"), "{shown}");
        insta::assert_snapshot!(hint, @"correct the entry that `credential` under `host` names in the credentials file; each command tries once, and what is tried in vain too often locks the account");
    }

    #[test]
    fn a_state_directory_that_is_a_file() {
        let room = Room::raise(Example::BranchBundle);
        room.write("state", "a file");
        let shown = refused(&room, &["apply", "--yes"]);
        let error = &shown[shown.find("error: ").unwrap()..];
        insta::assert_snapshot!(error, @"
        error: cannot use the state directory `state`
          cause: cannot make the directory `state`
          cause: File exists (os error 17)
        ");
        assert_eq!(std::fs::read_to_string(room.file("state")).unwrap(), "a file");
    }

    #[test]
    fn a_world_file_that_contradicts_itself() {
        let room = Room::without_hosts(Example::BranchBundle);
        let simulate = |text: &str| {
            room.write("world.yaml", text);
            let done = Line::new(room.path(), ["simulate", "--world", "world.yaml"]).run();
            assert_eq!((done.code, done.out.as_str()), (1, ""));
            done.err
        };
        let world = Example::BranchBundle.world_text();
        insta::assert_snapshot!(simulate(&world.replacen("image: app}", "image: apple}", 1)), @r#"
        error: cannot build the world of `world.yaml`
          cause: the world file contradicts itself: hosts[hv-ulm].files[C:\Images\bundle-1.0\app.vhdx]: no image is called `apple`
        "#);
        insta::assert_snapshot!(simulate(&world.replacen("memoryGib", "memory", 1)), @"
        error: cannot build the world of `world.yaml`
          cause: the world file is not of the schema trunkline.dev/sim/v1alpha1: unknown field `memory`, expected one of name, computerName, version, caption, sockets, coresPerSocket, memoryGib, volumes, accounts, winrm, nics, switches, files, machines, cluster, services, firewallRules, setup at line 26, column 5
        ");
    }

    #[test]
    fn a_command_line_without_sense() {
        let room = Room::without_hosts(Example::BranchBundle);
        insta::assert_snapshot!(refused(&room, &["aply"]), @"
        error: unrecognized subcommand 'aply'

          tip: a similar subcommand exists: 'apply'

        Usage: trunkline [OPTIONS] <COMMAND>

        For more information, try '--help'.
        ");
        insta::assert_snapshot!(refused(&room, &["plan", "--base", "main"]), @"
        error: the following required arguments were not provided:
          --head <REV>

        Usage: trunkline plan --base <REV> --head <REV> --source <PATH|URL> --state-dir <DIR> --credentials <FILE> [APPLIANCE]...

        For more information, try '--help'.
        ");
        insta::assert_snapshot!(refused(&room, &["validate", "fleet"]), @"
        error: the argument '[SOURCE]' cannot be used with '--source <PATH|URL>'

        Usage: trunkline validate --state-dir <DIR> --credentials <FILE> <SOURCE>

        For more information, try '--help'.
        ");
        let known = refused(&room, &["apply", "ulm-1", "--only", "ulm-l,kiel-1"]);
        assert!(known.starts_with("error: there is no appliance `ulm-l`\n"), "{known}");
        let known = refused(&room, &["plan", "--only", "ulm-l"]);
        assert!(known.starts_with("error: there is no appliance `ulm-l`\n"), "{known}");
        assert!(refused(&room, &["plan", "--output", "yaml"]).contains("[possible values: text, json, markdown]"));
        insta::assert_snapshot!(refused(&room, &["plan", "--base", "nowhere", "--head", "main"]), @"
        error: cannot read revision `nowhere`
          cause: `nowhere` names no commit of `fleet`
          cause: revspec 'nowhere' not found; class=Reference (4); code=NotFound (-3)
        hint: name a commit, a branch or a tag of that repository: `git log --oneline --all` lists them
        ");
    }

    #[test]
    fn nobody_is_there_to_say_yes() {
        let room = Room::raise(Example::BranchBundle);
        let done = room.run(&["apply", "--only", "ulm-1"]);
        assert_eq!(done.code, 1);
        insta::assert_snapshot!(done.err.lines().skip_while(|line| !line.starts_with("error")).collect::<Vec<_>>().join("\n"), @"
        error: nobody is there to answer: standard input is no terminal
        hint: give --yes to go on without asking
        ");
        assert!(room.deeds().is_empty());
    }

    #[test]
    fn a_second_simulation_on_the_same_world() {
        let room = Room::raise(Example::BranchBundle);
        let arguments = ["simulate", "--world", "world.yaml", "--state", "hosts", "--endpoints", "others.yaml"];
        let second = Line::new(room.path(), arguments).run();
        assert_eq!(second.code, 1);
        let shown = second.err.replace(&room.simulator().to_string(), "<process>");
        let (before, after) = (shown.find("since ").unwrap(), shown.find("Z)").unwrap());
        insta::assert_snapshot!(shown.replace(&shown[before + 6..=after], "<time>"), @"
        error: cannot go on with the world in `hosts`
          cause: the state directory `hosts` is in use by `trunkline simulate` (process <process>, since <time>)
        hint: stop the other, tell it something with `simulate --state … inject`, or give another --state
        ");
        assert!(!room.file("others.yaml").exists());
        room.tell(&json!({ "mutations": {} }));
    }

    #[test]
    fn a_second_agent_on_the_same_state_directory() {
        let room = Room::raise(Example::BranchBundle);
        room.tell(&json!({ "entry": { "on": { "operation": "Invoke" }, "do": { "slow": "5m" } } }));
        let first = room.line(&["apply", "--yes", "--only", "ulm-1"]).start();
        wait_for("the first to begin", || room.deeds().first().cloned());
        let second = room.run(&["apply", "--yes", "--only", "kiel-1"]);
        assert_eq!(second.code, 1);
        assert!(second.err.contains(&format!("is in use by `trunkline apply` (process {}, since ", first.id())), "{}", second.err);
        assert!(second.err.contains("hint: "), "{}", second.err);
        assert!(room.deeds().iter().all(|(machine, _)| machine == "hv-ulm"), "{:?}", room.deeds());
    }
}
