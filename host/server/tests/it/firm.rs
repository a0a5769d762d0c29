//! A firm of its own on a server: a tenant that the demo knows nothing of, with bundled plugins where it wants them.

use std::path::Path;

use jackfield_testkit::{Api, Server, plugins_dir};
use serde_json::{Value, json};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_jackfield");

/// What must succeed.
#[track_caller]
pub(crate) fn done((status, body): (u16, Value)) -> Value {
    assert!((200..300).contains(&status), "{status}: {body:#}");
    body
}

/// Makes a tenant; its administrator.
pub(crate) fn found(server: &Server, data: &Path, tenant: &str) -> Api {
    let key = std::fs::read_to_string(data.join("operator.key")).unwrap();
    let operator = Api::new(server.api.url(), key.trim());
    let made = done(operator.post("/v1/tenants", &json!({"id": tenant, "name": tenant})));
    let admin = Api::new(server.api.url(), made["key"]["key"].as_str().unwrap());
    let policy = json!({"grants": "requested", "unsigned": "allowed"});
    done(admin.put("/v1/plugin-policy", &policy));
    done(admin.put("/v1/queues/support", &json!({"name": "Support", "wrap_up_ms": 0})));
    admin
}

/// Uploads bundled plugins and binds each at its point, with a configuration.
pub(crate) fn bind(admin: &Api, wanted: &[(&str, &str, Value)]) {
    for (point, plugin, config) in wanted {
        let wasm = plugins_dir(Path::new(BINARY)).join(format!("{plugin}-0.1.0.wasm"));
        done(admin.upload(&std::fs::read(wasm).unwrap()));
        let binding = json!({"plugin": plugin, "config": config});
        done(admin.put(&format!("/v1/bindings/{point}"), &binding));
    }
}

/// A user with a role; somebody with that user's key.
pub(crate) fn user(admin: &Api, id: &str, role: &str) -> Api {
    done(admin.post("/v1/users", &json!({"id": id, "name": id, "roles": [role]})));
    let key = done(admin.post(&format!("/v1/users/{id}/keys"), &json!({"label": "test"})));
    Api::new(admin.url(), key["key"].as_str().unwrap())
}
