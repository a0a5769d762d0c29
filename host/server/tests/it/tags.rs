//! Tagging all customers, through a kill in the middle.

use std::fmt::Write as _;
use std::path::Path;

use jackfield_testkit::Server;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_jackfield");
const CUSTOMERS: u64 = 1_200;

fn until(server: &Server, fits: impl Fn(&Value) -> bool) -> Value {
    loop {
        let run = server.api.see("/v1/tag-runs/all");
        if fits(&run) {
            return run;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_run_that_is_killed_goes_on_where_it_stood_and_tags_everybody_once() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(Path::new(BINARY), data.path());
    let (status, body) = first
        .api
        .put("/v1/customer-imports/all", &json!({"format": "csv"}));
    assert_eq!(status, 200, "{body}");
    let mut table = String::from("crm,name\n");
    for n in 0..CUSTOMERS {
        writeln!(table, "{n},Customer {n}").unwrap();
    }
    let (status, body) = first
        .api
        .post_bytes("/v1/customer-imports/all/parts?row=0", table.as_bytes());
    assert_eq!((status, &body["made"]), (200, &json!(CUSTOMERS)), "{body}");
    let (status, body) = first.api.put("/v1/tag-runs/all", &json!({}));
    assert_eq!(status, 200, "{body}");
    let seen = until(&first, |run| run["batches"].as_u64() >= Some(2));
    first.kill();

    let second = Server::start(Path::new(BINARY), data.path());
    let done = until(&second, |run| run["state"] != "running");
    assert_eq!(done["state"], "done", "{done}");
    let counts = &done["counts"];
    assert_eq!(
        (&counts["customers"], &counts["failed"]),
        (&json!(CUSTOMERS), &json!(0)),
        "none was left out, none was done twice: {seen} {done}"
    );
    assert_eq!(counts["changed"], CUSTOMERS);
    for n in [0, CUSTOMERS / 2, CUSTOMERS - 1] {
        let path = format!("/v1/customers/crm:{n}/timeline?kinds=tags");
        let told = second.api.see(&path);
        assert_eq!(told["items"].as_array().unwrap().len(), 1, "{told}");
    }
}
