//! The published schemas, held against what people write and what commands print, by a validator that nobody here wrote: the Python
//! package `jsonschema`.
//!
//! Guarantees: every sound document in this repository is taken, a wrong key in any of them is not, and what may be left out is the same
//! to a schema and to `validate`. Deliberately absent: that the files are current, which is a house rule (`architecture`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::diagnostic::{Code, Diagnostic, Severity};
use model::manifest::DocumentKind;
use model::resolve::ParsedFile;
use model::validate::Assembler;
use serde_json::{Value, json};
use sim::network::Simulator;
use sim::script::Script;
use sim::world::{World, WorldFile};
use wsman::clock::SystemClock;

use crate::support::binary::Line;
use crate::support::example::{Example, root};
use crate::support::python::python;
use crate::support::room::Room;

/// What each schema says against its document.
fn judge(cases: &[(String, Value)]) -> Vec<Option<String>> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("cases.json"), serde_json::to_string(cases).unwrap()).unwrap();
    let (script, schemas) = (root().join("tests/clients/judge.py"), root().join("schemas"));
    let arguments = [script.as_os_str(), schemas.as_os_str(), "cases.json".as_ref()];
    serde_json::from_str(&Line::of(&python(), directory.path(), arguments).run().well()).unwrap()
}

/// A file's documents.
#[derive(Debug, Clone)]
struct File {
    path: PathBuf,
    documents: Vec<Value>,
}

/// Every YAML file in `directory` and below.
fn files(directory: &Path) -> Vec<File> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(at) = open.pop() {
        for path in std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                let documents = serde_saphyr::from_multiple(&std::fs::read_to_string(&path).unwrap()).unwrap();
                files.push(File { path, documents });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Whole repositories that are sound. The shipped profiles stand in the first.
fn repositories() -> Vec<Vec<File>> {
    let mut first = files(&root().join("tests/fixtures/manifests-base"));
    let mut shipped = files(&root().join("agent/model/profiles"));
    for document in shipped.iter_mut().flat_map(|file| &mut file.documents) {
        // No repository may have one of the same name.
        document["metadata"]["name"] = json!(format!("{}-copy", document["metadata"]["name"].as_str().unwrap()));
    }
    first.append(&mut shipped);
    // No repository here holds a consent, as that would be bound to one plan.
    let consent = json!({
        "apiVersion": "trunkline.dev/v1alpha1", "kind": "Approval", "metadata": { "name": "consent" },
        "spec": {
            "appliance": "spk-1", "allow": "interrupt", "plan": "00".repeat(32), "expires": "2026-03-01T10:00:00Z", "reason": "a move",
        },
    });
    first.push(File { path: "consent.yaml".into(), documents: vec![consent] });
    std::iter::once(first).chain(Example::ALL.map(|example| files(&example.directory()))).collect()
}

fn schema_of(document: &Value) -> String {
    let Some(kind) = document["kind"].as_str() else { return "faults.v1alpha1.json".to_owned() };
    DocumentKind::find(kind).map_or_else(|| "world.v1alpha1.json".to_owned(), model::schema::file_name)
}

/// The cases that are judged otherwise than they should be, by name.
fn judged(cases: Vec<(String, (String, Value))>, wrong: impl Fn(&Option<String>) -> bool) -> Vec<String> {
    let (names, cases): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let verdicts = judge(&cases);
    assert_eq!(verdicts.len(), names.len());
    let all = names.into_iter().zip(verdicts).filter(|(_, verdict)| wrong(verdict));
    all.map(|(name, verdict)| format!("{name}: {}", verdict.unwrap_or_else(|| "taken".to_owned()))).collect()
}

/// Every document in the tree that is sound: manifests, shipped profiles, world files, fault scripts.
fn sound() -> Vec<(String, Value)> {
    let beside = std::fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path());
    // Settings and credentials lie there too; what may stand in them says the command line alone.
    let judged = |path: &PathBuf| [".world.yaml", ".faults.yaml"].iter().any(|end| path.to_str().unwrap().ends_with(end));
    let beside = beside.filter(judged);
    let beside =
        beside.map(|path| File { documents: vec![serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()], path });
    let all = repositories().into_iter().flatten().chain(beside);
    all.flat_map(|file| file.documents.into_iter().map(move |document| (file.path.display().to_string(), document))).collect()
}

#[test]
fn every_document_in_the_tree_is_taken_by_the_schema_of_its_kind() {
    let sound = sound();
    let schemas: BTreeSet<_> = sound.iter().map(|(_, document)| schema_of(document)).collect();
    let others = ["world.v1alpha1.json", "faults.v1alpha1.json"].map(str::to_owned);
    let all: BTreeSet<_> = DocumentKind::ALL.into_iter().map(model::schema::file_name).chain(others).collect();
    assert_eq!(schemas, all, "a schema by which no document is judged");
    let cases = sound.into_iter().map(|(path, document)| (path, (schema_of(&document), document))).collect();
    let refused = judged(cases, Option::is_some);
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn a_wrong_key_is_refused_at_the_top_and_below() {
    let mut cases = Vec::new();
    for (path, document) in sound() {
        let schema = schema_of(&document);
        for place in ["", "/metadata", "/spec", "/0", "/0/on", "/7/do/world/serviceStops"] {
            let mut wrong = document.clone();
            let Some(map) = wrong.pointer_mut(place).and_then(Value::as_object_mut) else { continue };
            map.insert("wishful".to_owned(), json!("thinking"));
            cases.push((format!("{path}{place}"), (schema.clone(), wrong)));
        }
    }
    let taken = judged(cases, Option::is_none);
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}

/// What is left after `path` was taken out.
fn without(document: &Value, path: &str) -> Value {
    let mut document = document.clone();
    let (parent, key) = path.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
    document
}

/// The pointer of every key of every map.
fn keys(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                found.push(path.clone());
                keys(value, &path, found);
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| keys(item, &format!("{at}/{index}"), found)),
        _ => {}
    }
}

/// What `validate` says of a repository.
fn faults(files: &[File]) -> Vec<Diagnostic> {
    let parsed = files.iter().map(|file| {
        // JSON is YAML.
        let text: Vec<_> = file.documents.iter().map(ToString::to_string).collect();
        Arc::new(ParsedFile::new(file.path.to_str().unwrap(), text.join("\n---\n").as_bytes()))
    });
    Assembler::new("0.1.0").assemble(parsed).diagnostics.to_vec()
}

/// Whether a fault is about this key, which the place demands whatever else is written.
fn demands(fault: &Diagnostic, key: &str) -> bool {
    fault.code == Code::MissingKey && fault.expected.as_deref() == Some(&*format!("`{key}` in this map"))
}

#[test]
fn what_may_be_left_out_is_the_same_to_a_schema_and_to_validate() {
    /// What reads as empty when it is left out, and is refused as empty.
    const FILLED: [&str; 6] = ["in", "networks", "roles", "adapters", "names", "classes"];
    let (mut names, mut cases, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for files in repositories() {
        let sound = faults(&files);
        assert!(sound.iter().all(|fault| fault.severity != Severity::Error), "{}", model::diagnostic::render_all(&sound));
        for (f, d) in files.iter().enumerate().flat_map(|(f, file)| (0..file.documents.len()).map(move |d| (f, d))) {
            let document = &files[f].documents[d];
            let mut paths = Vec::new();
            keys(document, "", &mut paths);
            // Product settings are typed by the profile, which a schema does not know.
            paths.retain(|path| document["kind"] == "Profile" || !path.starts_with("/spec/settings/"));
            // Of many items alike, each key once.
            let mut met = BTreeSet::new();
            paths.retain(|path| met.insert((path.matches('/').count(), path.rsplit('/').next().unwrap().to_owned())));
            for path in paths {
                let mut files = files.clone();
                files[f].documents[d] = without(document, &path);
                names.push(format!("{} {path}", files[f].path.display()));
                cases.push((schema_of(document), files[f].documents[d].clone()));
                told.push(faults(&files));
            }
        }
    }
    let mut wrong = Vec::new();
    let mut demanded = 0;
    for ((name, verdict), faults) in names.iter().zip(judge(&cases)).zip(&told) {
        let key = name.rsplit('/').next().unwrap();
        let sound = faults.iter().all(|fault| fault.severity != Severity::Error);
        let filled = FILLED.contains(&key) && faults.iter().any(|fault| matches!(fault.code, Code::ListLength | Code::ProfileInconsistent));
        let must = filled || faults.iter().any(|fault| demands(fault, key));
        demanded += u32::from(must);
        match verdict {
            Some(verdict) if sound => wrong.push(format!("{name}: validate takes it, the schema says {verdict}")),
            None if must => wrong.push(format!("{name}: the schema takes it, validate does not")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(demanded > 40 && names.len() > 200, "{demanded} of {} keys are demanded", names.len());
}

#[test]
fn what_commands_print_for_programs_is_taken_by_its_schema() {
    let room = Room::raise(Example::BranchBundle);
    let read = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    let plans = read(room.run(&["plan", "--output", "json"]).out);
    assert_eq!(plans.as_array().unwrap().len(), 3);

    let base = room.commit(&[("note.txt", "nothing that is read")], "a note");
    let jena = std::fs::read_to_string(room.file("fleet/sites/jena.yaml")).unwrap();
    let wider = jena.replace("app: { name: jena-app,", "app: { name: jena-app, processors: 4,");
    let never = "package trunkline.never\n\ndeny contains \"not now\" if {\n\tinput.desired.appliance == \"jena-1\"\n}\n";
    let ulm = std::fs::read_to_string(room.file("fleet/sites/ulm.yaml")).unwrap().replace("ulm-1", "ulm-2");
    let head = room.commit(&[("sites/jena.yaml", &wider), ("sites/ulm.yaml", &ulm), ("policies/never.rego", never)], "more");
    let compared = read(room.run(&["plan", "--base", &base, "--head", &head, "--output", "json"]).well());
    let standing: Vec<_> = compared["appliances"].as_array().unwrap().iter().map(|one| one["is"].as_str().unwrap()).collect();
    assert_eq!(standing, ["changed", "removed", "added"], "{compared:#}");
    assert!(!compared["appliances"][0]["policies"]["denied"].as_array().unwrap().is_empty());

    let cases = [("plan.v1.json", plans), ("comparison.v1.json", compared)];
    let cases: Vec<_> = cases.into_iter().map(|(schema, document)| (schema.to_owned(), (schema.to_owned(), document))).collect();
    let refused = judged(cases, Option::is_some);
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn the_example_of_faults_is_one_for_its_world_and_a_host_that_is_not_there_is_refused_at_once() {
    let example = std::fs::read_to_string(root().join("examples/seattle.faults.yaml")).unwrap();
    let world = WorldFile::parse(&Example::Seattle.world_text()).unwrap();
    let simulator = Simulator::new(World::from_file(world).unwrap(), Arc::new(SystemClock));
    simulator.play(&Script::parse(&example).unwrap()).unwrap();
    assert_eq!(simulator.script().len(), 13);
    for act in ["slow", "cutBeforeAnswer", "cutAfter", "cutRequest", "drop", "fault", "status", "world"] {
        assert!(
            example.contains(&format!("do: {{{act}:")) || example.contains(&format!("do: {act}}}")),
            "the example does not show `{act}`"
        );
    }

    let room = Room::without_hosts(Example::Seattle);
    room.write("world.yaml", &Example::Seattle.world_text());
    room.write("faults.yaml", &example.replace("hostRestart: {host: hv-sea-2}", "hostRestart: {host: hv-sea-3}"));
    let refused = room.run(&["simulate", "--world", "world.yaml", "--faults", "faults.yaml"]);
    assert_eq!(refused.code, 1);
    insta::assert_snapshot!(refused.err, @"
    error: cannot use the faults in `faults.yaml`
      cause: entry 13 of the fault script harms the host `hv-sea-3`, and the world has `hv-sea-1`, `hv-sea-2`
    ");
}
