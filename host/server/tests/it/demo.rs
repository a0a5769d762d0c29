//! The demo tenant is made once; after that it belongs to who tries it.

use std::path::Path;
use std::time::Duration;

use jackfield_testkit::{Api, Server};
use serde_json::json;

use crate::firm::{BINARY, done};

/// Renames an agent; the number of that event in the journal.
fn rename(api: &Api, name: &str) -> u64 {
    let body = json!({"name": name, "skills": {"zh": 2}, "queues": ["sales"], "capacity": {"voice": 1}});
    done(api.put("/v1/agents/chen", &body));
    let set = api
        .events()
        .wait_for("the new name", Duration::from_secs(60), |event| {
            event["type"] == "agent-set" && event["config"]["name"] == name
        });
    set["seq"].as_u64().unwrap()
}

#[test]
fn a_restart_leaves_what_was_changed_of_the_demo_alone_and_writes_no_event() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(Path::new(BINARY), data.path());
    let api = &first.api;
    let queue = json!({"name": "Help", "wrap_up_ms": 1_000});
    done(api.put("/v1/queues/support", &queue));
    done(api.put("/v1/agents/anna/state", &json!({"state": "offline"})));
    done(api.put("/v1/bindings/queue:sales", &json!({"plugin": "longest-idle"})));
    done(api.delete("/v1/bindings/tenant:qa-scorecard?why=quiet"));
    done(api.delete("/v1/chat-entries/web-zh"));
    done(api.delete("/v1/agents/bo"));
    let seq = rename(api, "Chen");
    let seen = |api: &Api| {
        [
            "/v1/queues",
            "/v1/numbers",
            "/v1/chat-entries",
            "/v1/bindings",
            "/v1/agents",
        ]
        .map(|path| api.see(path)["items"].clone())
    };
    let before = seen(api);
    first.kill();

    let second = Server::start(Path::new(BINARY), data.path());
    assert_eq!(seen(&second.api), before);
    assert_eq!(
        rename(&second.api, "Chen again"),
        seq + 1,
        "the start wrote events"
    );
}
