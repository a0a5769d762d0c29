//! The OpenAPI document is a snapshot: what clients are built on changes in plain sight.

use jackfield_api::{Access, openapi, route_table};
use serde_json::Value;

fn document() -> Value {
    serde_json::to_value(openapi()).unwrap()
}

#[test]
fn the_document_changes_in_plain_sight() {
    let mut document = document();
    document["info"]["version"] = "[version]".into();
    insta::assert_json_snapshot!("openapi", document);
}

#[test]
fn every_route_is_told_with_its_roles_and_errors() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut told = 0;
    for route in route_table() {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let name = format!("{} {}", route.method, route.path);
        assert!(operation.is_object(), "{name} is not in the document");
        assert!(operation["summary"].is_string(), "{name} has no summary");
        if let Access::Tenant(roles) = route.access {
            let description = operation["description"].as_str().unwrap();
            assert!(
                roles.iter().all(|role| description.contains(role.as_str())),
                "{name}: {description}"
            );
        }
        assert_eq!(
            operation["security"].is_array(),
            !matches!(route.access, Access::Public | Access::Visitor | Access::Provider),
            "{name}"
        );
        assert_eq!(
            operation["responses"]["401"].is_object(),
            route.access != Access::Public,
            "{name}"
        );
        for part in route
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        {
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(
                parameters
                    .iter()
                    .any(|known| known["name"] == part && known["in"] == "path"),
                "{name}: {part}"
            );
        }
        told += 1;
    }
    let paths = document["paths"].as_object().unwrap();
    let methods = ["get", "put", "post", "patch", "delete"];
    let all = paths
        .values()
        .flat_map(|item| methods.iter().filter(|method| item[**method].is_object()))
        .count();
    assert_eq!(told, all, "the document tells of routes that aren't there");
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let at = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(at).is_some(), "{reference} leads nowhere");
                }
                fields.values().for_each(|value| walk(value, document));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, document)),
            _ => {}
        }
    }
    let document = document();
    walk(&document, &document);
}
