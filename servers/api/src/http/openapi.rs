//! The description of the API. The schemas of the documents are put in from the core, so that no
//! second text says what an entry is.

use serde_json::{Map, Value};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ObjectBuilder, OpenApi as Description, Ref, RefOr, Schema, Type,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

const SCHEMAS: &str = "#/components/schemas/";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sandgate control API",
        description = "Sandboxes and their network policies. A change is answered with success when it is enforced."
    ),
    modifiers(&Key),
    security(("key" = []))
)]
struct Base;

struct Key;

impl Modify for Key {
    fn modify(&self, description: &mut Description) {
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The API key of a team.")).build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer));
    }
}

/// What the routes are added to.
pub(super) fn base() -> Description {
    Base::openapi()
}

/// A field that holds a network configuration.
pub(super) fn network_config() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name("NetworkConfig"))
}

/// A field that says whether a sandbox runs.
pub(super) fn state() -> Schema {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["running", "paused"])).into()
}

/// Puts the core's schemas in.
pub(super) fn finish(description: &Description) -> Value {
    let mut description = serde_json::to_value(description).unwrap_or_default();
    let mut schemas = Map::new();
    for (name, schema) in
        [("NetworkConfig", sandgate::schema::network_config()), ("NetworkUpdate", sandgate::schema::network_update())]
    {
        let mut schema = schema.to_value();
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("$schema");
            if let Some(Value::Object(definitions)) = schema.remove("$defs") {
                schemas.extend(definitions);
            }
        }
        schemas.insert(name.to_owned(), schema);
    }
    let creation = serde_json::json!({
        "type": "object",
        "description": "A sandbox that is to be created.",
        "additionalProperties": false,
        "properties": {"network": {"anyOf": [{"$ref": "#/$defs/NetworkConfig"}, {"type": "null"}]}},
    });
    schemas.insert("SandboxCreation".to_owned(), creation);
    schemas.values_mut().for_each(move_references);
    if let Some(Value::Object(known)) = description.pointer_mut("/components/schemas") {
        known.extend(schemas);
    }
    description
}

/// What a schema refers to stands beside it now.
fn move_references(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(text) if name == "$ref" => *text = text.replace("#/$defs/", SCHEMAS),
                    value => move_references(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(move_references),
        _ => {}
    }
}
