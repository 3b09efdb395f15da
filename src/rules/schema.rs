//! What may stand in each file, as JSON Schema (draft 7, as editors read it).

use serde_json::{Map, Value, json};

use super::shape::{Described, Names, Shape};
use super::{PROFILES, TABLES, keys_of};

/// The schema of a file by its name without `.yaml`: a table, `profiles`, or `profile` for one
/// that has all tables.
#[must_use]
pub fn schema(name: &str) -> Option<Value> {
    let mut root = match name {
        "profiles" => {
            let names = PROFILES.map(|profile| profile.name);
            let list = json!({ "type": "array", "items": { "enum": names } });
            json!({ "type": "object", "properties": { "use": list }, "required": ["use"],
                "additionalProperties": false })
        }
        _ => {
            let table = TABLES.iter().find(|table| table.name == name)?;
            object(&keys_of(table))
        }
    };
    if let Value::Object(fields) = &mut root {
        fields.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        fields.insert("title".to_owned(), json!(format!("stox rules: {name}.yaml")));
    }
    Some(root)
}

fn object(keys: &[Described]) -> Value {
    let properties: Map<String, Value> = keys.iter().map(property).collect();
    let names: Vec<&str> = keys.iter().map(|key| key.name).filter(|name| *name == "name").collect();
    let mut object =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let (false, Value::Object(fields)) = (names.is_empty(), &mut object) {
        fields.insert("required".to_owned(), json!(names));
    }
    object
}

fn property(key: &Described) -> (String, Value) {
    let mut value = shape(&key.shape);
    if let Value::Object(fields) = &mut value {
        fields.insert("description".to_owned(), json!(key.doc));
    }
    (key.name.to_owned(), value)
}

fn shape(of: &Shape) -> Value {
    match of {
        // Numbers among the words, such as 200, may stand without quotes.
        Shape::Words(words) => {
            let numbers =
                words.iter().filter_map(|word| word.parse::<u64>().ok().map(|n| json!(n)));
            let all: Vec<Value> = words.iter().map(|word| json!(word)).chain(numbers).collect();
            json!({ "enum": all })
        }
        Shape::Truth => json!({ "type": "boolean" }),
        Shape::Number(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Shape::Time => json!({ "type": "string", "pattern": "^[0-9]+ *(ms|s|m|h)$" }),
        Shape::Code(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Template(variables) => {
            let names: Vec<String> = variables.iter().map(|name| format!("${{{name}}}")).collect();
            json!({ "type": ["string", "number"], "examples": names })
        }
        Shape::Patterns => json!({ "anyOf": [
            { "type": ["string", "number"] },
            { "type": "array", "minItems": 1, "items": { "type": ["string", "number"] } },
        ] }),
        Shape::Keys(keys) => object(keys),
        Shape::Entries(Names::Of(names), item) => {
            let item = shape(item);
            let all: Map<String, Value> =
                names.iter().map(|name| ((*name).to_owned(), item.clone())).collect();
            json!({ "type": "object", "properties": all, "additionalProperties": false })
        }
        Shape::Entries(Names::Matching(pattern, _), item) => json!({
            "type": "object",
            "patternProperties": { *pattern: shape(item) },
            "additionalProperties": false,
        }),
        Shape::List(item) => json!({ "type": "array", "items": shape(item) }),
        Shape::Either(both) => json!({ "anyOf": [shape(&both[0]), shape(&both[1])] }),
    }
}
