//! JSON Schemas of the manifests, for editors and for other programs.
//!
//! Guarantees: made from the same declarations as the decoder, so a document that the schema refuses is refused by the agent too.
//! Draft 7, which yaml-language-server knows best. Deliberately absent: rules between values and documents, and a product's settings.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::manifest::{
    API_VERSION, ApplianceSpec, ApprovalSpec, DefaultsSpec, DocumentKind, Metadata, ProfileSpec, ReleaseSpec, RepositorySpec, SiteSpec,
};

/// The schema of a kind.
pub fn schema(kind: DocumentKind) -> Value {
    match kind {
        DocumentKind::Repository => document::<RepositorySpec>(kind, "The root document of a fleet; there is one."),
        DocumentKind::Defaults => document::<DefaultsSpec>(kind, "Values for the appliances that a selector picks."),
        DocumentKind::Site => document::<SiteSpec>(kind, "Appliances at one place."),
        DocumentKind::Appliance => document::<ApplianceSpec>(kind, "One Hyper-V host and the VMs that it carries."),
        DocumentKind::Profile => document::<ProfileSpec>(kind, "The catalogue of one product in one version."),
        DocumentKind::Release => document::<ReleaseSpec>(kind, "A product version with its finished role images."),
        DocumentKind::Approval => document::<ApprovalSpec>(kind, "A consent to interrupt or destroy, bound to one plan."),
    }
}

/// The name of a kind's schema file: `appliance.v1alpha1.json`.
pub fn file_name(kind: DocumentKind) -> String {
    let version = API_VERSION.rsplit('/').next().unwrap_or(API_VERSION);
    format!("{}.{version}.json", kind.as_str().to_ascii_lowercase())
}

fn document<T: JsonSchema>(kind: DocumentKind, description: &str) -> Value {
    let mut generator = SchemaGenerator::new(SchemaSettings::draft07());
    let metadata = generator.subschema_for::<Metadata>();
    let spec = generator.subschema_for::<T>();
    let mut definitions: Map<String, Value> = generator.take_definitions(true);
    for definition in definitions.values_mut() {
        if let Ok(schema) = <&mut Schema>::try_from(definition) {
            RecursiveTransform(without_null).transform(schema);
        }
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": format!("https://trunkline.dev/schemas/{}", file_name(kind)),
        "title": kind.as_str(),
        "description": description,
        "type": "object",
        "properties": {
            "apiVersion": { "const": API_VERSION, "description": "The version of the manifest." },
            "kind": { "const": kind.as_str(), "description": description },
            "metadata": metadata,
            "spec": spec,
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
        "definitions": definitions,
    })
}

/// A key without a value is a fault to the decoder, so `null` is offered nowhere.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type") != Some(&json!("null")));
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
        // Draft 7 ignores what stands beside a reference, and with it the description.
        if let Some(reference) = object.remove("$ref") {
            object.insert("allOf".into(), json!([{ "$ref": reference }]));
        }
    }
}
