//! The published schemas.

use std::path::Path;

use trunkline_model::manifest::DocumentKind;
use trunkline_model::schema::{file_name, schema};

/// `UPDATE_GOLDEN=1` writes what differs.
#[test]
fn the_schemas_in_the_tree_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let update = crate::support::update_golden();
    for kind in DocumentKind::ALL {
        let wanted = serde_json::to_string_pretty(&schema(kind)).unwrap() + "\n";
        let path = folder.join(file_name(kind));
        if update {
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == wanted, "{} is stale: run the test with UPDATE_GOLDEN=1", path.display());
    }
}

#[test]
fn every_property_of_a_schema_says_what_it_is_for() {
    for kind in DocumentKind::ALL {
        let schema = schema(kind);
        let definitions = schema["definitions"].as_object().unwrap();
        for (name, definition) in definitions {
            for (key, property) in definition["properties"].as_object().into_iter().flatten() {
                assert!(property.get("description").is_some(), "{kind}: {name}.{key} has no description");
            }
        }
    }
}
