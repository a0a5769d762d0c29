//! What plugins see of customers, what is recorded of that, and how it goes.

use serde_json::{Value, json};

use crate::support::{CALLER, NUMBER, TestApp, reading_flow};

struct Site {
    app: TestApp,
    admin: String,
}

impl Site {
    /// A flow that reads its customer, with this in its manifest, is bound to the number.
    async fn open(projection: &str) -> Self {
        let app = TestApp::start().await;
        let admin = app.tenant("one", NUMBER).await;
        let uploaded = app.upload(&admin, reading_flow("1.0.0", projection)).await.ok();
        let fields = uploaded.body["projection"].as_array().unwrap().len();
        assert_eq!(fields, projection.matches("[[projection]]").count());
        let point = format!("/v1/bindings/number:{NUMBER}");
        app.put(&point, &admin, json!({"plugin": "reader"})).await.ok();
        Self { app, admin }
    }

    /// The caller's id.
    async fn caller(&self) -> String {
        let found = self
            .app
            .get(&format!("/v1/customers/tel:{CALLER}"), &self.admin)
            .await
            .ok();
        found.text("/id").to_owned()
    }

    /// The decisions of the flow, newest first.
    async fn decisions(&self) -> Vec<Value> {
        let path = format!("/v1/decisions?point=number:%2B{}", &NUMBER[1..]);
        let list = self.app.get(&path, &self.admin).await.ok();
        list.body["items"].as_array().unwrap().clone()
    }

    /// What the record of the first decision says that was read.
    async fn read(&self) -> Value {
        self.app.call("one", NUMBER).await;
        let decisions = self.decisions().await;
        let id = decisions.last().unwrap()["id"].as_str().unwrap();
        let record = self
            .app
            .get(&format!("/v1/decisions/{id}"), &self.admin)
            .await
            .ok();
        record.body["reads"][0]["customer"].clone()
    }
}

#[tokio::test]
async fn a_plugin_and_its_records_see_the_fields_that_its_manifest_names() {
    let site = Site::open("").await;
    let all = site.read().await;
    assert_eq!(all["Ok"]["id"], *site.caller().await);
    assert!(all["Ok"]["first_seen_at"].as_u64() > Some(0));

    let tags = "[[projection]]\nfield = \"customer.tags\"\npii = \"personal\"";
    let seen = Site::open(tags).await.read().await;
    assert_eq!(seen["Ok"]["id"], "customer:withheld");
    assert_eq!(seen["Ok"]["first_seen_at"], 0);

    let history = "[[projection]]\nfield = \"history\"\npii = \"personal\"";
    let seen = Site::open(history).await.read().await;
    assert_eq!(seen, Value::Null, "refused before anything is read");
}

#[tokio::test]
async fn a_projection_that_plays_personal_data_down_is_refused() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    for (field, pii, part) in [
        ("customer.id", "none", "expected personal or more"),
        ("customer.blood", "sensitive", "is no field"),
    ] {
        let more = format!("[[projection]]\nfield = \"{field}\"\npii = \"{pii}\"");
        let refused = app.upload(&admin, reading_flow("1.0.0", &more)).await;
        assert_eq!(refused.problem(), (422, "invalid-component", ""));
        assert!(refused.text("/detail").contains(part), "{refused:#?}");
    }
}

#[tokio::test]
async fn the_decisions_about_a_customer_are_erased_and_the_journal_says_so() {
    let site = Site::open("").await;
    site.app.call("one", NUMBER).await;
    let decisions = site.decisions().await;
    assert!(!decisions.is_empty());
    let mut entries = site.app.handle("one").subscribe();

    let nobody = "/v1/customers/tel:+442079460999/decisions";
    let erased = site.app.delete(nobody, &site.admin).await.ok();
    assert_eq!(erased.body["decisions"], 0);
    assert_eq!(site.decisions().await.len(), decisions.len());

    let path = format!("/v1/customers/tel:{CALLER}/decisions");
    let erased = site.app.delete(&path, &site.admin).await.ok();
    assert_eq!(
        erased.body,
        json!({"customer": format!("tel:{CALLER}"), "decisions": decisions.len(), "attempts": 0, "answers": 0})
    );
    assert_eq!(site.decisions().await, Vec::<Value>::new());
    let id = decisions[0]["id"].as_str().unwrap();
    let gone = site.app.get(&format!("/v1/decisions/{id}"), &site.admin).await;
    assert_eq!(gone.problem(), (404, "unknown-decision", ""));

    let mut told = Vec::new();
    while told.len() < 2 {
        let event = serde_json::to_value(&entries.recv().await.unwrap().recorded.event).unwrap();
        if event["type"] == "decisions-erased" {
            assert_eq!(event["by"], "user:admin");
            told.push((event["customer"].clone(), event["records"].clone()));
        }
    }
    assert_eq!(told[1], (json!(site.caller().await), json!(decisions.len())));
}
