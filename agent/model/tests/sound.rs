//! What a sound repository becomes.

use trunkline_model::diagnostic::render_all;

use crate::support::{assemble, base};

#[test]
fn the_base_repository_is_sound() {
    let assembled = assemble(&base());
    assert_eq!(render_all(&assembled.diagnostics), "");
    let names: Vec<&str> = assembled.desired.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["sea-1", "sea-2", "spk-1"]);
    assert!(assembled.complete && assembled.refused.is_empty());
}

#[test]
fn one_wish_in_full() {
    let assembled = assemble(&base());
    let wish = assembled.desired.iter().find(|(name, _)| name.as_str() == "sea-1").unwrap().1;
    insta::assert_snapshot!(serde_json::to_string_pretty(&**wish).unwrap());
}
