//! Segments: expressions and what is wrong in them, who is meant, counts, and their use.

use jackfield_testkit::guest::tagger;
use serde_json::{Value, json};

use crate::support::{NUMBER, Site};

impl Site {
    async fn with_attributes() -> Self {
        let site = Self::start().await;
        let Self { app, admin } = &site;
        for (id, kind, class) in [
            ("tier", "text", "none"),
            ("age", "number", "none"),
            ("debts", "number", "sensitive"),
        ] {
            let body = json!({"label": id, "type": kind, "class": class});
            app.put(&format!("/v1/customer-attributes/{id}"), admin, body)
                .await
                .ok();
        }
        app.put("/v1/tags/vip", admin, json!({"kind": "manual"}))
            .await
            .ok();
        site
    }

    async fn made(&self, body: Value) -> String {
        let made = self.app.post("/v1/customers", &self.admin, body).await;
        assert_eq!(made.status, 201, "{made:#?}");
        made.text("/id").to_owned()
    }

    /// The names of those who are meant.
    async fn meant(&self, expression: Value) -> Vec<String> {
        let body = json!({ "expression": expression });
        let found = self
            .app
            .post("/v1/segment-previews", &self.admin, body)
            .await
            .ok();
        assert_eq!(found.body["complete"], true);
        let items = found.body["items"].as_array().unwrap();
        assert_eq!(found.body["matched"], items.len());
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn expressions_mean_whom_they_say() {
    let site = Site::with_attributes().await;
    let ann = json!({
        "identities": ["crm:1"], "name": "Ann", "language": "en", "attributes": {"tier": "gold", "age": 40.0, "debts": 7},
        "relationship": {"products": [{"name": "Fibre"}, {"name": "TV"}], "since": "2001-01-01"},
    });
    site.made(ann).await;
    let bo =
        json!({"identities": ["crm:2"], "name": "Bo", "language": "zh-CN", "attributes": {"tier": "silver"}});
    site.made(bo).await;
    site.made(json!({"identities": ["crm:3"], "name": "Cy"})).await;
    let vip = json!({"confidence": 80});
    site.app
        .put("/v1/customers/crm:2/tags/vip", &site.admin, vip)
        .await
        .ok();
    let wish = json!({"product": "fibre", "confidence": 70});
    site.app
        .post("/v1/customers/crm:3/intents", &site.admin, wish.clone())
        .await;
    site.app
        .post("/v1/customers/crm:3/intents", &site.admin, wish)
        .await;
    let consent = json!({"purpose": "sales", "granted": true, "source": "call"});
    site.app
        .post("/v1/customers/crm:1/consents", &site.admin, consent)
        .await;
    for (expression, names) in [
        (json!({"tag": "vip"}), vec!["Bo"]),
        (
            json!({"tag": "vip", "min_confidence": 80, "set_within_days": 1}),
            vec!["Bo"],
        ),
        (json!({"tag": "vip", "min_confidence": 81}), vec![]),
        (
            json!({"attribute": "tier", "is": ["gold", "silver"]}),
            vec!["Ann", "Bo"],
        ),
        (json!({"attribute": "tier", "exists": false}), vec!["Cy"]),
        (
            json!({"attribute": "age", "at_least": 40, "at_most": 40}),
            vec!["Ann"],
        ),
        (json!({"field": "language", "is": "zh-CN"}), vec!["Bo"]),
        (json!({"field": "product", "is": "TV"}), vec!["Ann"]),
        (json!({"field": "products", "at_least": 2}), vec!["Ann"]),
        (json!({"field": "tenure_days", "at_least": 3650}), vec!["Ann"]),
        (
            json!({"field": "interactions", "at_most": 0}),
            vec!["Ann", "Bo", "Cy"],
        ),
        (
            json!({"event": "intent", "at_least": 2, "product": "fibre"}),
            vec!["Cy"],
        ),
        (json!({"event": "intent", "at_least": 3}), vec![]),
        (json!({"event": "interaction"}), vec![]),
        (json!({"consent": "sales"}), vec!["Ann"]),
        (
            json!({"consent": "sales", "is": "unknown", "channel": "sms"}),
            vec!["Bo", "Cy"],
        ),
        (
            json!({"not": {"any": [{"tag": "vip"}, {"event": "intent"}]}}),
            vec!["Ann"],
        ),
        (
            json!({"all": [{"any": [{"tag": "vip"}, {"event": "intent"}]}, {"not": {"attribute": "tier", "is": "silver"}}]}),
            vec!["Cy"],
        ),
    ] {
        assert_eq!(site.meant(expression.clone()).await, names, "{expression}");
    }
}

#[tokio::test]
async fn what_is_wrong_in_an_expression_is_named_by_its_path() {
    let site = Site::with_attributes().await;
    let mut deep = json!({"tag": "vip"});
    for _ in 0..8 {
        deep = json!({ "not": deep });
    }
    let many: Vec<_> = (0..100).map(|_| json!({"tag": "vip"})).collect();
    for (expression, path) in [
        (json!("vip"), "expression"),
        (json!({}), "expression"),
        (json!({"tag": "vip", "field": "language"}), "expression"),
        (json!({"all": []}), "expression.all"),
        (
            json!({"all": [{"tag": "vip"}, {"tag": 5}]}),
            "expression.all[1].tag",
        ),
        (
            json!({"any": [{"not": {"tag": "segment:x"}}]}),
            "expression.any[0].not.tag",
        ),
        (
            json!({"tag": "vip", "min_confidence": 101}),
            "expression.min_confidence",
        ),
        (json!({"tag": "vip", "within_days": 3}), "expression.within_days"),
        (json!({"attribute": "shoe", "is": 5}), "expression.attribute"),
        (
            json!({"attribute": "debts", "at_least": 5}),
            "expression.attribute",
        ),
        (json!({"attribute": "age", "is": "old"}), "expression.is[0]"),
        (json!({"attribute": "age"}), "expression"),
        (json!({"field": "shoe", "exists": true}), "expression.field"),
        (json!({"field": "language", "from": "May"}), "expression.from"),
        (json!({"event": "party"}), "expression.event"),
        (json!({"event": "note", "channel": "voice"}), "expression.channel"),
        (
            json!({"event": "interaction", "channel": "fax"}),
            "expression.channel",
        ),
        (
            json!({"event": "intent", "within_days": 0}),
            "expression.within_days",
        ),
        (json!({"consent": "sales", "is": "maybe"}), "expression.is"),
        (json!({"all": many}), "expression.all[99]"),
        (deep, "expression.not.not.not.not.not.not.not.not"),
    ] {
        let body = json!({"name": "X", "expression": expression});
        let refused = site.app.put("/v1/segments/x", &site.admin, body.clone()).await;
        assert_eq!(
            (refused.problem().0, refused.problem().2),
            (400, path),
            "{body}: {refused:#?}"
        );
    }
    let long = json!({"name": "X", "expression": {"field": "language", "is": vec!["x".repeat(120); 140]}});
    let refused = site.app.put("/v1/segments/x", &site.admin, long).await;
    assert_eq!(refused.problem().2, "expression");
}

#[tokio::test]
async fn a_tag_that_the_library_does_not_know_is_told_or_refused() {
    let site = Site::with_attributes().await;
    let slip = json!({"name": "X", "expression": {"any": [{"tag": "vip"}, {"not": {"tag": "vpi"}}]}});
    let put = async || site.app.put("/v1/segments/x", &site.admin, slip.clone()).await;
    assert_eq!(put().await.ok().body["undefined_tags"], json!(["vpi"]));
    let shown = site.app.get("/v1/segments/x", &site.admin).await.ok();
    assert_eq!(shown.body["undefined_tags"], json!(["vpi"]));
    // Where there are no others than those of the library, it is a slip.
    let settings = json!({"undefined_tags": "refuse"});
    site.app
        .put("/v1/customer-settings", &site.admin, settings)
        .await
        .ok();
    let refused = put().await;
    assert_eq!(refused.problem(), (400, "invalid-value", "expression"));
    assert!(refused.text("/detail").contains("\"vpi\""), "{refused:#?}");
    site.app
        .put("/v1/tags/vpi", &site.admin, json!({"kind": "manual"}))
        .await
        .ok();
    assert_eq!(put().await.ok().body["undefined_tags"], Value::Null);
}

#[tokio::test]
async fn a_segment_is_counted_listed_and_used_by_campaigns() {
    let site = Site::with_attributes().await;
    for n in 0..12 {
        let tier = if n % 3 == 0 { "gold" } else { "silver" };
        let body = json!({"identities": [format!("crm:{n}")], "name": format!("C{n}"), "attributes": {"tier": tier}});
        site.made(body).await;
    }
    let gold = json!({"name": "Gold", "expression": {"attribute": "tier", "is": "gold"}});
    let kept = site
        .app
        .put("/v1/segments/gold", &site.admin, gold.clone())
        .await
        .ok();
    assert_eq!(kept.body["expression"], gold["expression"]);
    let none = site.app.get("/v1/segments/gold/count", &site.admin).await;
    assert_eq!(none.problem(), (404, "unknown-count", ""));
    let counted = site
        .app
        .post("/v1/segments/gold/count", &site.admin, json!({}))
        .await
        .ok();
    assert_eq!(
        (
            &counted.body["done"],
            &counted.body["looked_at"],
            &counted.body["matched"]
        ),
        (&json!(true), &json!(12), &json!(4))
    );
    let known = site.app.get("/v1/segments/gold/count", &site.admin).await.ok();
    assert_eq!(known.body, counted.body);

    let (mut cursor, mut names) = (String::new(), Vec::new());
    loop {
        let path = format!("/v1/segments/gold/customers?limit=3{cursor}");
        let page = site.app.get(&path, &site.admin).await.ok();
        let items = page.body["items"].as_array().unwrap().clone();
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        match page.body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["C0", "C3", "C6", "C9"]);

    let campaign = json!({"name": "Spring", "segment": "gold"});
    site.app
        .put("/v1/campaigns/spring", &site.admin, campaign)
        .await
        .ok();
    let called = site
        .app
        .get("/v1/campaigns/spring/customers", &site.admin)
        .await
        .ok();
    assert_eq!(called.body["items"].as_array().unwrap().len(), 4);
    let refused = site.app.delete("/v1/segments/gold", &site.admin).await;
    assert_eq!(refused.problem(), (409, "wrong-state", ""));
    let none = json!({"name": "Spring", "segment": "silver"});
    let refused = site.app.put("/v1/campaigns/spring", &site.admin, none).await;
    assert_eq!(refused.problem().2, "segment");

    let silver = json!({"name": "Gold", "expression": {"attribute": "tier", "is": "silver"}});
    site.app.put("/v1/segments/gold", &site.admin, silver).await.ok();
    let forgotten = site.app.get("/v1/segments/gold/count", &site.admin).await;
    assert_eq!(forgotten.problem(), (404, "unknown-count", ""));
    site.app
        .put("/v1/campaigns/spring", &site.admin, json!({"name": "Spring"}))
        .await
        .ok();
    let removed = site.app.delete("/v1/segments/gold", &site.admin).await;
    assert_eq!(removed.status, 204);
}

/// Plugins see segments among the tags, through the reads that they have.
#[tokio::test]
async fn plugins_see_the_segments_that_are_shown() {
    let site = Site::with_attributes().await;
    let flow = jackfield_testkit::guest::reading_flow("1.0.0", "");
    site.app.upload(&site.admin, flow).await.ok();
    site.app
        .put(
            &format!("/v1/bindings/number:{NUMBER}"),
            &site.admin,
            json!({"plugin": "reader"}),
        )
        .await
        .ok();
    let grant = json!({"capabilities": ["cx:profile/customers"]});
    site.app
        .put("/v1/plugin-grants/reader", &site.admin, grant)
        .await
        .ok();
    for (id, shown) in [("callers", true), ("quiet", false)] {
        let body = json!({"name": id, "expression": {"event": "interaction"}, "shown": shown});
        site.app
            .put(&format!("/v1/segments/{id}"), &site.admin, body)
            .await
            .ok();
    }
    site.app
        .upload(&site.admin, tagger("1.0.0", "segment:callers", 50))
        .await
        .ok();
    site.app.call("one", NUMBER).await;
    let path = format!("/v1/customers/tel:{}/segments", crate::support::CALLER);
    let within = site.app.get(&path, &site.admin).await.ok();
    assert_eq!(within.body["items"].as_array().unwrap().len(), 2);
    let decisions = site
        .app
        .get(
            &format!("/v1/decisions?point=number:%2B{}", &NUMBER[1..]),
            &site.admin,
        )
        .await
        .ok();
    let items = decisions.body["items"].as_array().unwrap();
    let id = items.last().unwrap()["id"].as_str().unwrap();
    let record = site.decision(id).await;
    let tags = record.body["reads"][0]["customer"]["Ok"]["tags"].clone();
    assert_eq!(tags.as_array().unwrap().len(), 1, "{record:#?}");
    assert_eq!(tags[0]["name"], "segment:callers");
}

#[tokio::test]
async fn what_a_segment_asks_for_stays() {
    let site = Site::with_attributes().await;
    let Site { app, admin } = &site;
    let tier = |class: &str, options: &[&str]| json!({"label": "Plan", "type": "enum", "class": class, "options": options});
    app.put(
        "/v1/customer-attributes/plan",
        admin,
        tier("none", &["gold", "silver"]),
    )
    .await
    .ok();
    for id in ["gold", "golden"] {
        let body = json!({"name": id, "expression": {"not": {"attribute": "plan", "is": "gold"}}});
        app.put(&format!("/v1/segments/{id}"), admin, body).await.ok();
    }
    let refused = [
        app.delete("/v1/customer-attributes/plan", admin).await,
        app.put(
            "/v1/customer-attributes/plan",
            admin,
            tier("sensitive", &["gold"]),
        )
        .await,
        app.put("/v1/customer-attributes/plan", admin, tier("none", &["silver"]))
            .await,
    ];
    for refused in refused {
        assert_eq!(refused.problem(), (409, "wrong-state", ""));
        let told = refused.text("/detail");
        assert!(
            told.contains("attribute plan") && told.contains("gold, golden;"),
            "{told}"
        );
        assert!(told.contains("expression.not."), "{told}");
    }
    // What no segment asks for may go.
    app.put(
        "/v1/customer-attributes/plan",
        admin,
        tier("personal", &["gold", "iron"]),
    )
    .await
    .ok();
    assert_eq!(
        app.delete("/v1/customer-attributes/tier", admin).await.status,
        204
    );
    for id in ["gold", "golden"] {
        app.delete(&format!("/v1/segments/{id}"), admin).await;
    }
    assert_eq!(
        app.delete("/v1/customer-attributes/plan", admin).await.status,
        204
    );
}
