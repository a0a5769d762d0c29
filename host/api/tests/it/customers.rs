//! One customer behind all channels: identities, profile, timeline, merges.

use jackfield_contact::input::Input;
use jackfield_contact::leg::LegEvent;
use jackfield_types::{E164, InteractionId, LegId};
use serde_json::{Value, json};

use crate::support::{CALLER, CREATED, NUMBER, TestApp};

const ADDRESS: &str = "/v1/customers/tel:+8613800138000";

async fn site() -> (TestApp, String) {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    (app, admin)
}

/// A call from this address, as voice hands it to the loop.
async fn call_from(app: &TestApp, address: &str) -> InteractionId {
    let interaction: InteractionId = uuid::Uuid::now_v7().to_string().parse().unwrap();
    let arrived = Input::CallArrived {
        interaction,
        caller: address.split_once(':').unwrap().1.into(),
        caller_name: None,
        number: E164::new(NUMBER).unwrap(),
        customer: address.parse().ok(),
        last_agent: None,
    };
    app.handle("one").submit(arrived).await.unwrap();
    app.leg("one", LegId::customer(interaction), LegEvent::Answered)
        .await;
    app.until("one", interaction, "queued").await;
    interaction
}

async fn made(app: &TestApp, key: &str, body: Value) -> String {
    let made = app.post("/v1/customers", key, body).await;
    assert_eq!(made.status, CREATED, "{made:#?}");
    made.text("/id").to_owned()
}

#[tokio::test]
async fn who_calls_twice_is_one_customer_whose_id_says_nothing() {
    let (app, admin) = site().await;
    let (first, second) = (app.call("one", NUMBER).await, app.call("one", NUMBER).await);
    let customer = app.get(ADDRESS, &admin).await.ok();
    assert_eq!(customer.body["interactions"], 2);
    assert_eq!(customer.body["identities"], json!(["tel:+8613800138000"]));
    let id = customer.text("/id").to_owned();
    assert!(uuid::Uuid::parse_str(&id).is_ok(), "{id}");
    for call in [first, second] {
        let shown = app.get(&format!("/v1/interactions/{call}"), &admin).await.ok();
        assert_eq!(shown.body["customer"], *id);
    }
    for by in [id.as_str(), "tel:+8613800138000"] {
        let mine = app
            .get(
                &format!("/v1/interactions?customer={}", by.replace('+', "%2B")),
                &admin,
            )
            .await
            .ok();
        assert_eq!(mine.body["items"].as_array().unwrap().len(), 2, "by {by}");
    }
    let other = call_from(&app, "tel:+442079460001").await;
    let other = app.get(&format!("/v1/interactions/{other}"), &admin).await.ok();
    assert_ne!(other.body["customer"], *id);
}

#[tokio::test]
async fn a_profile_is_typed_and_changed_field_by_field() {
    let (app, admin) = site().await;
    for (id, body) in [
        (
            "tier",
            json!({"label": "Tier", "type": "enum", "class": "none", "options": ["gold", "silver"]}),
        ),
        (
            "birthday",
            json!({"label": "Birthday", "type": "date", "class": "personal"}),
        ),
        (
            "debts",
            json!({"label": "Debts", "type": "number", "class": "sensitive"}),
        ),
        (
            "member",
            json!({"label": "Member", "type": "bool", "class": "none"}),
        ),
    ] {
        app.put(&format!("/v1/customer-attributes/{id}"), &admin, body)
            .await
            .ok();
    }
    let settings = json!({"default_region": "CN"});
    app.put("/v1/customer-settings", &admin, settings).await.ok();
    let id = made(
        &app,
        &admin,
        json!({
            "identities": ["tel:138 0013 8000", "email:Li@Example.com", "wechat:oX9"], "name": "Li Lei", "language": "zh-CN",
            "attributes": {"tier": "gold", "birthday": "1990-02-28", "debts": 12.5, "member": true},
            "preferences": {"channel": "chat", "hours": [{"days": [1, 2], "from": "09:00", "to": "12:00"}], "zone": "Asia/Shanghai"},
            "relationship": {"products": [{"name": "Fibre 1000", "since": "2024-01-01"}], "account_manager": "anna", "since": "2019-05-01"},
        }),
    )
    .await;
    for address in [
        "tel:13800138000",
        "tel:+8613800138000",
        "email:LI@example.com",
        "wechat:oX9",
        &id,
    ] {
        let found = app.get(&format!("/v1/customers/{address}"), &admin).await.ok();
        assert_eq!(found.text("/id"), id, "by {address}");
    }
    let path = format!("/v1/customers/{id}");
    let change = json!({"language": null, "attributes": {"tier": "silver", "birthday": null}});
    let changed = app.patch(&path, &admin, change).await.ok();
    assert_eq!(changed.body["language"], Value::Null);
    assert_eq!(changed.body["name"], "Li Lei");
    assert_eq!(
        changed.body["attributes"],
        json!({"tier": "silver", "debts": 12.5, "member": true})
    );
    assert_eq!(changed.body["preferences"]["zone"], "Asia/Shanghai");
    assert_eq!(changed.body["relationship"]["account_manager"], "anna");

    // What is sensitive is for few.
    let agent = app.user(&admin, "anna", "agent").await;
    let seen = app.get(&path, &agent).await.ok();
    assert_eq!(seen.body["attributes"], json!({"tier": "silver", "member": true}));

    for (change, field) in [
        (json!({"attributes": {"tier": "bronze"}}), "attributes.tier"),
        (
            json!({"attributes": {"birthday": "28.2.1990"}}),
            "attributes.birthday",
        ),
        (json!({"attributes": {"member": "yes"}}), "attributes.member"),
        (json!({"attributes": {"unheard-of": 1}}), "attributes.unheard-of"),
        (json!({"name": ""}), "name"),
        (json!({"language": "!"}), "language"),
        (
            json!({"preferences": {"zone": "Nowhere/City"}}),
            "preferences.zone",
        ),
        (
            json!({"preferences": {"hours": [{"days": [8], "from": "09:00", "to": "10:00"}]}}),
            "preferences.hours",
        ),
        (json!({"relationship": {"since": "soon"}}), "relationship.since"),
    ] {
        let refused = app.patch(&path, &admin, change).await;
        assert_eq!(refused.problem(), (400, "invalid-value", field));
    }
    let once = || {
        let request =
            crate::support::request("POST", "/v1/customers", &admin).header("idempotency-key", "once");
        app.send(crate::support::with_json(request, &json!({"name": "Once"})))
    };
    let (first, again) = (once().await.ok(), once().await.ok());
    assert_eq!(
        again.body,
        json!({"id": first.text("/id")}),
        "done once, and no more is kept than the id"
    );

    let taken = json!({"identities": ["email:li@example.com"]});
    assert_eq!(
        app.post("/v1/customers", &admin, taken).await.problem(),
        (409, "in-use", "")
    );
    let broken = json!({"identities": ["tel:12"]});
    assert_eq!(
        app.post("/v1/customers", &admin, broken).await.problem(),
        (400, "invalid-value", "identity")
    );
    let retyped = json!({"label": "Tier", "type": "text", "class": "none"});
    let refused = app.put("/v1/customer-attributes/tier", &admin, retyped).await;
    assert_eq!(refused.problem(), (409, "wrong-state", ""));

    let other = made(&app, &admin, json!({"name": "Han Meimei"})).await;
    let stolen = app
        .put(
            &format!("/v1/customers/{other}/identities/wechat:oX9"),
            &admin,
            json!({}),
        )
        .await;
    assert_eq!(stolen.problem(), (409, "in-use", ""));
    app.delete(&format!("{path}/identities/wechat:oX9"), &admin)
        .await
        .ok();
    let given = app
        .put(
            &format!("/v1/customers/{other}/identities/wechat:oX9"),
            &admin,
            json!({}),
        )
        .await
        .ok();
    assert_eq!(given.body["identities"], json!(["wechat:oX9"]));
    let linked = app
        .put(
            &format!("{path}/links/{other}"),
            &admin,
            json!({"kind": "household"}),
        )
        .await
        .ok();
    assert_eq!(
        linked.body["links"],
        json!([{"customer": other, "kind": "household"}])
    );
    let back = app.get(&format!("/v1/customers/{other}"), &admin).await.ok();
    assert_eq!(back.body["links"], json!([{"customer": id, "kind": "household"}]));
    app.delete(&format!("/v1/customers/{other}/links/{id}"), &admin)
        .await
        .ok();
    assert_eq!(app.get(&path, &admin).await.ok().body["links"], json!([]));
}

fn kinds(timeline: &Value) -> Vec<&str> {
    let items = timeline["items"].as_array().unwrap();
    items.iter().map(|item| item["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_merge_shows_one_history_and_is_taken_back_without_loss() {
    let (app, admin) = site().await;
    let call = app.call("one", NUMBER).await;
    let caller = app.get(ADDRESS, &admin).await.ok().text("/id").to_owned();
    let writer = made(
        &app,
        &admin,
        json!({"identities": ["email:li@example.com"], "name": "Li Lei"}),
    )
    .await;
    let mail = format!("/v1/customers/{writer}");
    app.post(
        &format!("{mail}/notes"),
        &admin,
        json!({"text": "Asked for an offer."}),
    )
    .await
    .ok();
    app.post(
        &format!("{ADDRESS}/notes"),
        &admin,
        json!({"text": "Called about the bill."}),
    )
    .await
    .ok();
    let (before_caller, before_writer) = (
        app.get(ADDRESS, &admin).await.body,
        app.get(&mail, &admin).await.body,
    );

    let merge = format!("{mail}/merged/{caller}");
    let mut entries = app.handle("one").subscribe();
    let merged = app
        .put(&merge, &admin, json!({"why": "gave the number by mail"}))
        .await
        .ok();
    assert_eq!(
        merged.body["identities"],
        json!(["email:li@example.com", "tel:+8613800138000"])
    );
    assert_eq!(merged.body["interactions"], 1);
    assert_eq!(merged.body["merged"], json!([caller]));
    let event = serde_json::to_value(&entries.recv().await.unwrap().recorded.event).unwrap();
    assert_eq!(
        event["change"],
        json!({"merged": {"from": caller, "identities": 1, "interactions": 1}})
    );
    for address in [caller.as_str(), "tel:+8613800138000"] {
        let found = app.get(&format!("/v1/customers/{address}"), &admin).await.ok();
        assert_eq!(found.text("/id"), writer, "{address} goes on resolving");
    }
    let later = app.call("one", NUMBER).await;
    let timeline = app.get(&format!("{mail}/timeline"), &admin).await.ok();
    assert_eq!(
        kinds(&timeline.body),
        ["interaction", "merged", "note", "note", "profile", "interaction"]
    );
    assert_eq!(timeline.body["items"][0]["interaction"], later.to_string());
    assert_eq!(timeline.body["items"][2]["text"], "Called about the bill.");
    assert_eq!(timeline.body["items"][5]["interaction"], call.to_string());
    let mut paged = Vec::new();
    let mut path = format!("{mail}/timeline?limit=2");
    loop {
        let page = app.get(&path, &admin).await.ok();
        paged.extend(page.body["items"].as_array().unwrap().clone());
        match page.body["next"].as_str() {
            Some(next) => path = format!("{mail}/timeline?limit=2&cursor={}", next.replace(' ', "%20")),
            None => break,
        }
    }
    assert_eq!(json!(paged), timeline.body["items"]);
    let notes = app.get(&format!("{mail}/timeline?kinds=note"), &admin).await.ok();
    assert_eq!(kinds(&notes.body), ["note", "note"]);
    let calls = app
        .get(&format!("/v1/interactions?customer={writer}"), &admin)
        .await
        .ok();
    assert_eq!(calls.body["items"].as_array().unwrap().len(), 2);

    // Merges that contradict each other.
    let third = made(&app, &admin, json!({"name": "Han Meimei"})).await;
    for (path, code) in [
        (format!("{mail}/merged/{caller}"), "wrong-state"),
        (format!("/v1/customers/{third}/merged/{caller}"), "wrong-state"),
        (format!("{mail}/merged/{writer}"), "wrong-state"),
        (format!("/v1/customers/{caller}/merged/{writer}"), "wrong-state"),
    ] {
        let refused = app.put(&path, &admin, json!({})).await;
        assert_eq!(refused.problem(), (409, code, ""), "{path}");
    }

    app.delete(&merge, &admin).await.ok();
    let mut after = app.get(ADDRESS, &admin).await.ok().body;
    assert_eq!(
        after["interactions"], 2,
        "what came by the number since is the caller's"
    );
    after["interactions"] = json!(1);
    after["last_seen_at"] = before_caller["last_seen_at"].clone();
    assert_eq!(after, before_caller);
    assert_eq!(app.get(&mail, &admin).await.ok().body, before_writer);
    let again = app.delete(&merge, &admin).await;
    assert_eq!(again.problem(), (404, "unknown-merge", ""));
    let timeline = app.get(&format!("{ADDRESS}/timeline"), &admin).await.ok();
    assert_eq!(kinds(&timeline.body), ["interaction", "note", "interaction"]);
}

#[tokio::test]
async fn consent_is_a_ledger_that_outbound_checks_see() {
    let (app, admin) = site().await;
    let id = made(&app, &admin, json!({"identities": [format!("tel:{CALLER}")]})).await;
    let path = format!("/v1/customers/{id}/consents");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64;
    let day = 24 * 60 * 60 * 1_000;
    let said = |channel: Value, granted: bool, from: u64, expires: Value| {
        json!({"purpose": "sales", "channel": channel, "granted": granted, "source": "web-form", "proof": "form 4711",
            "from": from, "expires_at": expires})
    };
    for (body, field) in [
        (said(Value::Null, true, now + day, Value::Null), "from"),
        (
            said(Value::Null, true, now - day, json!(now - 2 * day)),
            "expires_at",
        ),
        (
            json!({"purpose": "", "granted": true, "source": "call"}),
            "purpose",
        ),
        (
            json!({"purpose": "sales", "granted": true, "source": ""}),
            "source",
        ),
    ] {
        let refused = app.post(&path, &admin, body).await;
        assert_eq!(refused.problem(), (400, "invalid-value", field));
    }
    let consent = async |channel: &str| {
        let check = json!({"number": CALLER, "purpose": "sales", "channel": channel});
        app.post("/v1/outbound/checks", &admin, check).await.ok();
        let handle = app.handle("one");
        let ctx = jackfield_types::OpContext::system("one".parse().unwrap(), "test");
        let row = handle
            .customer(&ctx, &id.parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        let channel = serde_json::from_value(json!(channel)).unwrap();
        serde_json::to_value(row.consent("sales", channel, jackfield_types::Timestamp(now))).unwrap()
    };
    assert_eq!(consent("voice").await, "unknown");
    app.post(&path, &admin, said(Value::Null, true, now - 9 * day, Value::Null))
        .await
        .ok();
    assert_eq!(consent("voice").await, "given");
    app.post(
        &path,
        &admin,
        said(json!("voice"), false, now - 5 * day, Value::Null),
    )
    .await
    .ok();
    assert_eq!(
        (consent("voice").await, consent("sms").await),
        (json!("refused"), json!("given"))
    );
    // Recorded late: what was said last holds all the same.
    app.post(
        &path,
        &admin,
        said(json!("voice"), true, now - 7 * day, Value::Null),
    )
    .await
    .ok();
    assert_eq!(consent("voice").await, "refused");
    app.post(
        &path,
        &admin,
        said(json!("sms"), true, now - 3 * day, json!(now - day)),
    )
    .await
    .ok();
    assert_eq!(consent("sms").await, "unknown", "expired");
    let ledger = app
        .get(&format!("/v1/customers/{id}/timeline?kinds=consent"), &admin)
        .await
        .ok();
    let items = ledger.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 4, "nothing that was said is lost");
    assert_eq!(items[0]["consent"]["proof"], "form 4711");
}

/// Of these words, those that stand anywhere in the open in what is stored of a tenant.
async fn traces(app: &TestApp, of: &[&str]) -> Vec<String> {
    let ctx = jackfield_types::OpContext::system("one".parse().unwrap(), "test");
    let store = app.platform.store();
    let mut bytes = Vec::new();
    for space in [
        "customers",
        "customer-identities",
        "customer-names",
        "customer-timeline",
        "customer-history",
        "customer-surveys",
        "customer-evaluations",
        "interactions",
        "interaction-events",
        "outbound-attempts",
    ] {
        let scan = jackfield_store::Scan::all();
        let page = store
            .scan(&ctx, jackfield_store::Space::new(space), scan)
            .await
            .unwrap();
        bytes.extend(
            page.rows
                .into_iter()
                .flat_map(|row| [row.key, row.value].concat()),
        );
    }
    for (_, event) in store.read_stream(&ctx, "journal", 0, 1_000).await.unwrap() {
        bytes.extend(event);
    }
    let is_in = |word: &&&str| bytes.windows(word.len()).any(|part| part == word.as_bytes());
    of.iter().filter(is_in).map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_customer_is_sealed_exported_and_erased_for_good() {
    let (app, admin) = site().await;
    let debts = json!({"label": "Debts", "type": "number", "class": "sensitive"});
    app.put("/v1/customer-attributes/debts", &admin, debts).await.ok();
    let interaction: InteractionId = uuid::Uuid::now_v7().to_string().parse().unwrap();
    let arrived = Input::CallArrived {
        interaction,
        caller: CALLER.into(),
        caller_name: Some("Li Lei".into()),
        number: E164::new(NUMBER).unwrap(),
        customer: format!("tel:{CALLER}").parse().ok(),
        last_agent: None,
    };
    app.handle("one").submit(arrived).await.unwrap();
    let leg = LegId::customer(interaction);
    app.leg("one", leg, LegEvent::Answered).await;
    app.until("one", interaction, "queued").await;
    app.post(
        &format!("{ADDRESS}/notes"),
        &admin,
        json!({"text": "Prefers Thursdays."}),
    )
    .await
    .ok();
    app.patch(ADDRESS, &admin, json!({"attributes": {"debts": 4711.5}}))
        .await
        .ok();
    let other = made(&app, &admin, json!({"name": "Han Meimei"})).await;
    app.put(
        &format!("{ADDRESS}/links/{other}"),
        &admin,
        json!({"kind": "household"}),
    )
    .await
    .ok();
    let report = json!({"number": CALLER, "purpose": "sales", "outcome": "unanswered"});
    app.post("/v1/outbound/attempts", &admin, report).await.ok();
    let check = json!({"number": CALLER, "purpose": "sales"});
    app.post("/v1/outbound/checks", &admin, check).await.ok();

    let busy = app.delete(ADDRESS, &admin).await;
    assert_eq!(
        busy.problem(),
        (409, "wrong-state", ""),
        "the customer is in touch"
    );
    let mut entries = app.handle("one").subscribe();
    let over = LegEvent::Ended {
        cause: jackfield_contact::leg::Cause::Normal,
        sip_status: None,
    };
    app.leg("one", leg, over).await;
    while entries.recv().await.unwrap().recorded.event
        != (jackfield_contact::event::Event::Closed { interaction })
    {}

    let words = ["Li Lei", "13800138000", "Prefers Thursdays.", "4711.5"];
    assert_eq!(
        traces(&app, &words).await,
        ["13800138000"],
        "in the open, only the attempts that caps count tell of a number"
    );
    let export = app.get(&format!("{ADDRESS}/export"), &admin).await.ok();
    let text = export.body.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert_eq!(
        export.body["interactions"][0]["events"][0]["caller_name"],
        "Li Lei"
    );
    assert_eq!(export.body["attempts"].as_array().unwrap().len(), 1);
    let events = format!("/v1/interactions/{interaction}/events");
    let told = app.get(&events, &admin).await.ok();
    assert_eq!(told.body["items"][0]["caller"], CALLER);

    let id = app.get(ADDRESS, &admin).await.ok().text("/id").to_owned();
    let erased = app.delete(ADDRESS, &admin).await.ok();
    assert_eq!(
        erased.body,
        json!({
            "customers": 1, "timeline": 3, "cases": 0, "recordings": 0, "attachments": 0, "decisions": 0, "attempts": 1, "answers": 0
        })
    );
    assert_eq!(traces(&app, &words).await, Vec::<String>::new());
    for gone in [ADDRESS.to_owned(), format!("/v1/customers/{id}")] {
        assert_eq!(
            app.get(&gone, &admin).await.problem(),
            (404, "unknown-customer", "")
        );
    }
    let told = app.get(&events, &admin).await.ok();
    assert_eq!(told.body["items"][0]["caller"], "erased");
    assert_eq!(told.body["items"][0]["caller_name"], Value::Null);
    assert!(
        told.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|event| event["type"] == "queued")
    );
    let shown = app
        .get(&format!("/v1/interactions/{interaction}"), &admin)
        .await
        .ok();
    assert_eq!(shown.body["caller"], "erased");
    let linked = app.get(&format!("/v1/customers/{other}"), &admin).await.ok();
    assert_eq!(linked.body["links"], json!([]));

    // Whoever calls from there next is somebody else.
    app.call("one", NUMBER).await;
    let next = app.get(ADDRESS, &admin).await.ok();
    assert_ne!(next.text("/id"), id);
    assert_eq!(next.body["interactions"], 1);
    assert_eq!(next.body["name"], Value::Null);
}

#[tokio::test]
async fn what_is_old_goes_by_how_personal_it_is() {
    let (app, admin) = site().await;
    let debts = json!({"label": "Debts", "type": "number", "class": "sensitive"});
    app.put("/v1/customer-attributes/debts", &admin, debts).await.ok();
    let wrong = json!({"sensitive_days": 0});
    assert_eq!(
        app.put("/v1/customer-settings", &admin, wrong).await.problem().2,
        "sensitive_days"
    );
    let id = made(
        &app,
        &admin,
        json!({"name": "Li Lei", "attributes": {"debts": 4}}),
    )
    .await;
    let path = format!("/v1/customers/{id}");
    let tenant = app.handle("one");
    let later = |days: u64| {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        jackfield_types::Timestamp(now.as_millis() as u64 + days * 24 * 60 * 60 * 1_000)
    };
    assert_eq!(
        tenant.retain_customers(later(9_999)).await.unwrap(),
        0,
        "nothing is said"
    );
    let settings = json!({"sensitive_days": 30, "personal_days": 365});
    app.put("/v1/customer-settings", &admin, settings).await.ok();
    assert_eq!(tenant.retain_customers(later(29)).await.unwrap(), 0);
    assert_eq!(
        app.get(&path, &admin).await.ok().body["attributes"],
        json!({"debts": 4.0})
    );
    assert_eq!(tenant.retain_customers(later(31)).await.unwrap(), 1);
    assert_eq!(app.get(&path, &admin).await.ok().body["attributes"], json!({}));
    assert_eq!(tenant.retain_customers(later(32)).await.unwrap(), 0, "once");
    assert_eq!(tenant.retain_customers(later(366)).await.unwrap(), 1);
    assert_eq!(app.get(&path, &admin).await.status, 404);
}

#[tokio::test]
async fn customers_who_may_be_one_are_listed_until_somebody_decides() {
    let (app, admin) = site().await;
    let birthday = json!({"label": "Birthday", "type": "date", "class": "personal"});
    app.put("/v1/customer-attributes/birthday", &admin, birthday)
        .await
        .ok();
    let born = |name: &str, on: &str, mail: &str| json!({"name": name, "attributes": {"birthday": on}, "identities": [format!("email:{mail}")]});
    let one = made(&app, &admin, born("Li Lei", "1990-02-28", "li@a.example")).await;
    let two = made(&app, &admin, born("LI  lei", "1990-02-28", "lei@b.example")).await;
    let three = made(&app, &admin, born("Li Lei", "1971-01-01", "li@c.example")).await;
    made(&app, &admin, born("Han Meimei", "1990-02-28", "li@d.example")).await;
    let listed = async || {
        let page = app.get("/v1/customer-matches", &admin).await.ok();
        assert_eq!(page.body["next"], Value::Null);
        let mut pairs: Vec<_> = page.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| {
                (
                    found["customer"].clone(),
                    found["other"].clone(),
                    found["shared"].clone(),
                )
            })
            .collect();
        pairs.sort_by_key(|pair| pair.1.to_string());
        pairs
    };
    let found = listed().await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&(json!(one), json!(two), json!(["attributes.birthday"]))));
    assert!(found.contains(&(json!(one), json!(three), json!(["email"]))));
    let two_people = format!("/v1/customers/{three}/distinct/{one}");
    app.put(&two_people, &admin, json!({})).await.ok();
    assert_eq!(listed().await.len(), 1);
    app.put(&format!("/v1/customers/{one}/merged/{two}"), &admin, json!({}))
        .await
        .ok();
    assert_eq!(listed().await, []);
    let wrong = app.get("/v1/customer-matches?cursor=zz", &admin).await;
    assert_eq!(wrong.problem(), (400, "invalid-value", "cursor"));
}

async fn part(app: &TestApp, key: &str, import: &str, row: u64, bytes: Vec<u8>) -> crate::support::Reply {
    let path = format!("/v1/customer-imports/{import}/parts?row={row}");
    let request = crate::support::request("POST", &path, key).header("content-type", "text/csv");
    app.send(request.body(bytes.into()).unwrap()).await
}

#[tokio::test]
async fn customers_are_imported_row_by_row_once_each() {
    let (app, admin) = site().await;
    let tier = json!({"label": "Tier", "type": "enum", "class": "none", "options": ["金", "银"]});
    app.put("/v1/customer-attributes/tier", &admin, tier).await.ok();
    app.put("/v1/customer-settings", &admin, json!({"default_region": "CN"}))
        .await
        .ok();
    made(
        &app,
        &admin,
        json!({"identities": ["email:li@example.com"], "name": "Li"}),
    )
    .await;
    let columns = json!({"姓名": "name", "手机": "tel", "邮箱": "email", "等级": "tier", "备注": "-"});
    let begin =
        |dry_run: bool| json!({"format": "csv", "encoding": "gbk", "columns": columns, "dry_run": dry_run});
    let table = "姓名,手机,邮箱,等级,备注\r\n\
        李雷,138 0013 8000,li@example.com,金,\"第一,\n客户\"\r\n\
        韩梅梅,010-6552-9988;+442079460001,,银,x\r\n\
        坏号码,12,,金,\r\n\
        无,,,金,\r\n\
        太多,13800138001,,铜,\r\n\
        少列,13800138002\r\n";
    let gbk = encoding_rs::GBK.encode(table).0.into_owned();
    for (import, dry_run) in [("trial", true), ("spring", false)] {
        app.put(&format!("/v1/customer-imports/{import}"), &admin, begin(dry_run))
            .await
            .ok();
        let done = part(&app, &admin, import, 0, gbk.clone()).await.ok();
        assert_eq!(
            (
                &done.body["rows"],
                &done.body["made"],
                &done.body["changed"],
                &done.body["failed"]
            ),
            (&json!(6), &json!(1), &json!(1), &json!(4)),
            "{import}"
        );
        let known = app.get("/v1/customers/tel:+442079460001", &admin).await.status;
        assert_eq!(known, if dry_run { 404 } else { 200 });
        let failures = app
            .get(&format!("/v1/customer-imports/{import}/failures"), &admin)
            .await
            .ok();
        let failed: Vec<_> = failures.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|failure| {
                (
                    failure["row"].as_u64().unwrap(),
                    failure["field"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(failed, [(3, "tel"), (4, "identities"), (5, "tier"), (6, "row")]);
    }
    let li = app.get("/v1/customers/tel:13800138000", &admin).await.ok();
    assert_eq!(
        li.body["identities"],
        json!(["email:li@example.com", "tel:+8613800138000"])
    );
    assert_eq!((li.text("/name"), li.text("/attributes/tier")), ("李雷", "金"));

    // Out of step, sent again, and in the wrong letters.
    let again = part(&app, &admin, "spring", 0, gbk.clone()).await;
    assert_eq!(again.problem(), (409, "wrong-state", ""));
    let more = part(
        &app,
        &admin,
        "spring",
        6,
        "王,13900139000,,,\n".as_bytes().to_vec(),
    )
    .await
    .ok();
    assert_eq!(
        more.body["failed"], 5,
        "UTF-8 is no GBK, or its letters are others"
    );
    app.put("/v1/customer-imports/odd", &admin, json!({"format": "csv"}))
        .await
        .ok();
    let odd = part(&app, &admin, "odd", 0, b"name,shoe-size\nA,1\n".to_vec()).await;
    assert_eq!(odd.problem(), (400, "invalid-value", "columns"));
    let unknown = json!({"format": "csv", "encoding": "utf-16"});
    let refused = app.put("/v1/customer-imports/utf-16", &admin, unknown).await;
    assert_eq!(refused.problem(), (400, "invalid-value", "encoding"));
    assert_eq!(
        app.put("/v1/customer-imports/odd", &admin, json!({"format": "csv"}))
            .await
            .problem()
            .0,
        409
    );

    app.put("/v1/customer-imports/lines", &admin, json!({"format": "ndjson"}))
        .await
        .ok();
    let mut lines: String = (0..900)
        .map(|n| format!("{{\"identities\":[\"crm:{n}\"],\"name\":\"Customer {n}\",\"attributes\":{{\"tier\":\"银\"}}}}\n"))
        .collect();
    lines.push_str("{\"identities\":[\"crm:7\",\"email:li@example.com\"]}\n{oops\n");
    let done = part(&app, &admin, "lines", 0, lines.into_bytes()).await.ok();
    assert_eq!(
        (&done.body["rows"], &done.body["made"], &done.body["failed"]),
        (&json!(902), &json!(900), &json!(2))
    );
    let one = app.get("/v1/customers/crm:899", &admin).await.ok();
    assert_eq!(one.text("/name"), "Customer 899");
    app.delete("/v1/customer-imports/lines", &admin).await.ok();
    assert_eq!(app.get("/v1/customer-imports/lines", &admin).await.status, 404);

    // Rows of one batch that are of the same customer, who is new.
    app.put("/v1/customer-imports/same", &admin, json!({"format": "ndjson"}))
        .await
        .ok();
    let lines = b"{\"identities\":[\"crm:a\",\"crm:a\"],\"name\":\"Ada\"}\n\
        {\"identities\":[\"crm:a\",\"email:ada@example.com\"],\"language\":\"en\"}\n";
    let done = part(&app, &admin, "same", 0, lines.to_vec()).await.ok();
    assert_eq!(
        (&done.body["made"], &done.body["changed"], &done.body["failed"]),
        (&json!(1), &json!(1), &json!(0))
    );
    let ada = app.get("/v1/customers/email:ada@example.com", &admin).await.ok();
    assert_eq!((ada.text("/name"), ada.text("/language")), ("Ada", "en"));
    assert_eq!(ada.body["identities"], json!(["crm:a", "email:ada@example.com"]));
}
