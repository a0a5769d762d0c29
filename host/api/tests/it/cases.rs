//! Cases: opened, handed from hand to hand, promised, reminded of, escalated, looked at by the customer; and help from afar.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use jackfield_api::{Network, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::support::{CREATED, NUMBER, PATIENCE, Reply, TestApp, request, with_json};

const LI: &str = "tel:+8613800138000";

struct World {
    app: TestApp,
    admin: String,
    anna: String,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

impl World {
    async fn make() -> Self {
        let app = TestApp::start().await;
        let admin = app.tenant("one", NUMBER).await;
        let anna = app.user(&admin, "anna", "agent").await;
        let outlet = json!({"name": "西湖营业厅", "telephone": "0571 8888 0000"});
        app.put("/v1/outlets/west-lake", &admin, outlet).await.ok();
        let repair = json!({
            "title_zh": "报修", "title_en": "Repair", "promise_ms": 86_400_000, "remind_before_ms": 400,
            "owner": "queue:support", "escalation": [{"after_ms": 300, "to": "outlet:west-lake"}],
        });
        app.put("/v1/case-categories/repair", &admin, repair).await.ok();
        Self { app, admin, anna }
    }

    async fn open(&self, body: Value) -> Value {
        let mut whole = json!({"category": "repair", "subject": "Router restarts"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(body.as_object().unwrap().clone());
        let opened = self.app.post("/v1/cases", &self.anna, whole).await;
        assert_eq!(opened.status, CREATED, "{opened:#?}");
        opened.body
    }

    /// A customer of whom nothing is known but this address.
    async fn customer(&self, address: &str) -> String {
        let made = self
            .app
            .post("/v1/customers", &self.admin, json!({"identities": [address]}));
        made.await.ok().text("/id").to_owned()
    }

    async fn case(&self, case: &Value) -> Value {
        let path = format!("/v1/cases/{}", case["number"]);
        self.app.get(&path, &self.anna).await.ok().body
    }

    async fn set_links(&self, settings: Value) {
        self.app
            .put("/v1/link-settings", &self.admin, settings)
            .await
            .ok();
    }

    /// Where the customer's link to a case leads, below `https://cx.example`.
    async fn link(&self, case: &Value) -> String {
        let made = self.change(case, "link", json!({})).await.ok();
        made.text("/url")
            .strip_prefix("https://cx.example")
            .unwrap()
            .to_owned()
    }

    async fn change(&self, case: &Value, what: &str, body: Value) -> Reply {
        let path = format!("/v1/cases/{}/{what}", case["number"]);
        self.app.put(&path, &self.anna, body).await
    }

    /// The changes of a case that the journal tells, waiting until this one is there.
    async fn until(&self, case: &Value, wanted: &str) -> Vec<Value> {
        let handle = self.app.handle("one");
        let mut live = handle.subscribe();
        let ctx = jackfield_types::OpContext::system(handle.id().clone(), "test");
        let wait = async {
            loop {
                let told: Vec<Value> = handle
                    .journal(&ctx, 0, 1_000)
                    .await
                    .unwrap()
                    .iter()
                    .map(|entry| serde_json::to_value(entry).unwrap())
                    .filter(|entry| entry["type"] == "case-changed" && entry["number"] == case["number"])
                    .collect();
                let is_there =
                    |entry: &Value| entry["change"] == wanted || entry["change"].get(wanted).is_some();
                if told.iter().any(is_there) {
                    return told.into_iter().map(|entry| entry["change"].clone()).collect();
                }
                live.recv().await.unwrap();
            }
        };
        let told = tokio::time::timeout(PATIENCE, wait).await;
        told.unwrap_or_else(|_| panic!("{wanted} was not told"))
    }
}

#[tokio::test]
async fn a_case_goes_from_hand_to_hand_and_its_timeline_tells_it() {
    let world = World::make().await;
    let call = world.app.conversation("one", &world.admin, NUMBER).await;
    let case = world
        .open(json!({"interaction": call.to_string(), "description": "every night"}))
        .await;
    assert_eq!(
        (&case["number"], &case["status"], &case["owner"]),
        (&json!(1), &json!("open"), &json!("queue:support"))
    );
    let over = world
        .change(
            &case,
            "owner",
            json!({"to": "outlet:west-lake", "why": "round the corner"}),
        )
        .await
        .ok();
    assert_eq!(over.body["hand_overs"][0]["from"], "queue:support");
    assert_eq!(over.body["hand_overs"][0]["by"], "user:anna");
    world
        .change(&case, "owner", json!({"to": "agent:anna"}))
        .await
        .ok();
    let again = world
        .change(&case, "owner", json!({"to": "agent:anna"}))
        .await
        .ok();
    assert_eq!(
        again.body["hand_overs"].as_array().unwrap().len(),
        2,
        "the same again changes nothing"
    );
    for (path, body, field) in [
        ("owner", json!({"to": "agent:nobody"}), "to"),
        ("owner", json!({"to": "outlet:nowhere"}), "to"),
        ("promise", json!({"due_at": 5}), "due_at"),
    ] {
        assert_eq!(
            world.change(&case, path, body).await.problem(),
            (400, "invalid-value", field)
        );
    }
    let resolved = world
        .change(&case, "status", json!({"status": "resolved", "why": "replaced"}))
        .await
        .ok();
    assert_eq!(resolved.body["promises"][0]["outcome"], "kept");
    assert_eq!(resolved.body["due_at"], Value::Null);
    let refused = world.change(&case, "owner", json!({"to": "queue:support"})).await;
    assert_eq!(refused.problem().1, "wrong-state");
    let reopened = world
        .change(&case, "status", json!({"status": "open"}))
        .await
        .ok();
    assert_eq!(reopened.body["promises"].as_array().unwrap().len(), 2);

    let path = format!("/v1/customers/{LI}/timeline?kinds=case").replace('+', "%2B");
    let told = world.app.get(&path, &world.admin).await.ok();
    let items = told.body["items"].as_array().unwrap();
    let texts: Vec<_> = items.iter().rev().map(|item| item["text"].clone()).collect();
    assert_eq!(texts[0], "Router restarts");
    assert_eq!(texts[1], "round the corner");
    assert!(texts.contains(&json!("replaced")), "{texts:?}");
    let events = world.app.events(&world.anna, call).await;
    let types: Vec<_> = events.iter().map(|event| &event["type"]).collect();
    assert!(types.contains(&&json!("case-changed")), "{types:?}");
}

#[tokio::test]
async fn a_promise_is_reminded_of_and_when_broken_escalated_each_once() {
    let world = World::make().await;
    world.customer(LI).await;
    let promised = now() + 900;
    let case = world.open(json!({"customer": LI, "promise_at": promised})).await;
    let told = world.until(&case, "escalated").await;
    let order: Vec<String> = told
        .iter()
        .map(|change| match change.as_str() {
            Some(name) => name.to_owned(),
            None => change.as_object().unwrap().keys().next().unwrap().clone(),
        })
        .collect();
    assert_eq!(order, ["opened", "reminded", "promise-broken", "escalated"]);
    let now_it_is = world.case(&case).await;
    assert_eq!(now_it_is["owner"], "outlet:west-lake");
    assert_eq!(now_it_is["hand_overs"][0]["by"], "system:cases");
    assert_eq!(now_it_is["promises"][0]["outcome"], "broken");
    assert_eq!(now_it_is["due_at"], Value::Null);
    // Another promise begins anew.
    let later = now() + 60_000;
    let promised = world
        .change(
            &case,
            "promise",
            json!({"due_at": later, "why": "the part is late"}),
        )
        .await
        .ok();
    assert_eq!(promised.body["due_at"], later - 400);
    assert_eq!(promised.body["escalated"], 0);
    // What is due later of another case is done after all that is due of this one.
    let other = world
        .open(json!({"customer": LI, "promise_at": now() + 900}))
        .await;
    world.until(&other, "reminded").await;
    assert_eq!(
        world.until(&case, "escalated").await.len(),
        5,
        "nothing came twice"
    );
}

#[tokio::test]
async fn lists_find_cases_by_owner_status_customer_and_promise() {
    let world = World::make().await;
    let li = world.customer(LI).await;
    let wang = world.customer("crm:2").await;
    let far = now() + 3_600_000;
    for n in 0..5 {
        let customer = if n % 2 == 0 { &li } else { &wang };
        let owner = if n == 4 { "agent:anna" } else { "queue:support" };
        let body = json!({"customer": customer, "owner": owner, "promise_at": far - n * 1_000, "subject": format!("case {n}")});
        world.open(body).await;
    }
    let numbers = async |query: &str| -> Vec<u64> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/cases?limit=2{query}{cursor}");
            let page = world.app.get(&path, &world.anna).await.ok();
            let items = page.body["items"].as_array().unwrap();
            all.extend(items.iter().map(|item| item["number"].as_u64().unwrap()));
            match page.body["next"].as_str() {
                Some(next) => cursor = format!("&cursor={}", next.replace(' ', "%20")),
                None => return all,
            }
        }
    };
    assert_eq!(numbers("").await, [5, 4, 3, 2, 1]);
    assert_eq!(numbers("&owner=queue:support").await, [4, 3, 2, 1]);
    assert_eq!(numbers(&format!("&customer={li}")).await, [5, 3, 1]);
    assert_eq!(numbers(&format!("&due_before={}", far - 1_500)).await, [5, 4, 3]);
    world
        .change(&json!({"number": 3}), "status", json!({"status": "closed"}))
        .await
        .ok();
    assert_eq!(numbers("&status=closed").await, [3]);
    assert_eq!(numbers("&owner=queue:support").await, [4, 2, 1]);
    assert_eq!(numbers("&status=closed&owner=queue:support").await, [3]);
    assert_eq!(numbers(&format!("&due_before={far}")).await, [5, 4, 2]);
    assert_eq!(numbers("&category=repair").await, [5, 4, 2, 1]);
    // A merge shows both customers' cases as one's, and taking it back shows them apart.
    let merged = format!("/v1/customers/{li}/merged/{wang}");
    world.app.put(&merged, &world.admin, json!({})).await.ok();
    assert_eq!(numbers(&format!("&customer={li}")).await, [5, 4, 3, 2, 1]);
    world.app.delete(&merged, &world.admin).await.ok();
    assert_eq!(numbers(&format!("&customer={wang}")).await, [4, 2]);
    // What is in use stays.
    let removed = world.app.delete("/v1/case-categories/repair", &world.admin).await;
    assert_eq!(removed.problem().1, "wrong-state");
}

#[tokio::test]
async fn an_erased_customer_leaves_no_case_and_no_link_behind() {
    let world = World::make().await;
    let li = world.customer(LI).await;
    let case = world
        .open(json!({"customer": li, "description": "Li Lei, Wensan Road 1"}))
        .await;
    world
        .app
        .post(
            "/v1/cases/1/notes",
            &world.anna,
            json!({"text": "call Li Lei", "visible": true}),
        )
        .await
        .ok();
    let url = world.change(&case, "link", json!({})).await;
    assert_eq!(url.problem().1, "no-public-url", "these requests name no host");
    let settings = json!({"public_url": "https://cx.example", "assistance_hosts": []});
    world.set_links(settings).await;
    let path = world.link(&case).await;
    assert_eq!(world.app.get(&path, "").await.status, 200);
    let export = world
        .app
        .get(&format!("/v1/customers/{li}/export"), &world.admin)
        .await
        .ok();
    assert_eq!(export.body["cases"][0]["notes"][0]["text"], "call Li Lei");
    let erased = world
        .app
        .delete(&format!("/v1/customers/{li}"), &world.admin)
        .await
        .ok();
    assert_eq!(erased.body["cases"], 1);
    assert_eq!(world.app.get("/v1/cases/1", &world.anna).await.status, 404);
    assert_eq!(world.app.get(&path, "").await.status, 404);
    assert_eq!(
        world.app.get("/v1/cases", &world.anna).await.ok().body["items"],
        json!([])
    );
    // The next one has a number of its own.
    world.customer("crm:9").await;
    assert_eq!(world.open(json!({"customer": "crm:9"})).await["number"], 2);
}

#[tokio::test]
async fn a_customer_sees_the_case_by_its_link_and_nobody_else_does() {
    let world = World::make().await;
    world.customer(LI).await;
    let settings = json!({"public_url": "https://cx.example/"});
    world.set_links(settings).await;
    let case = world
        .open(json!({"customer": LI, "subject": "Li Lei's secret", "description": "at home"}))
        .await;
    for (text, visible) in [("<b>Technician</b> on Monday", true), ("difficult person", false)] {
        let body = json!({"text": text, "visible": visible});
        world.app.post("/v1/cases/1/notes", &world.anna, body).await.ok();
    }
    let (path, same) = (world.link(&case).await, world.link(&case).await);
    assert_eq!(path, same);
    let page = async |path: &str, language: &str| {
        let request = request("GET", path, "").header("accept-language", language);
        world.app.send(request.body(Body::empty()).unwrap()).await
    };
    let english = page(&path, "en").await.ok();
    let text = String::from_utf8(english.bytes.to_vec()).unwrap();
    assert!(
        text.contains("Repair") && text.contains("&lt;b&gt;Technician"),
        "{text}"
    );
    for secret in ["Li Lei", "at home", "difficult", "8613800138000", "support"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(
        english
            .header("content-security-policy")
            .contains("frame-ancestors 'none'")
    );
    assert_eq!(english.header("cache-control"), "no-store");
    let chinese = page(&path, "zh-CN,en;q=0.5").await.ok();
    assert!(String::from_utf8_lossy(&chinese.bytes).contains("报修"));
    let chosen = page(&format!("{path}?lang=en"), "zh").await.ok();
    assert!(String::from_utf8_lossy(&chosen.bytes).contains("Repair"));

    // Wrong, another tenant's and revoked ones can't be told apart.
    let other = world.app.tenant("two", "+442079460101").await;
    world
        .app
        .put("/v1/queues/support", &other, json!({"name": "S"}))
        .await
        .ok();
    let foreign = path.replace("/case/one/", "/case/two/");
    let mut wrong = path.clone();
    wrong.replace_range(wrong.len() - 1.., if wrong.ends_with('0') { "1" } else { "0" });
    let revoked = world.app.delete("/v1/cases/1/link", &world.anna).await.ok();
    assert_eq!(revoked.body["link"], false);
    let mut answers = Vec::new();
    for path in [&foreign, &wrong, &path, &"/case/one/nonsense".to_owned()] {
        let answer = page(path, "en").await;
        assert_eq!(answer.status, 404, "{path}");
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        answers.push(
            text.split("<main>")
                .nth(1)
                .unwrap()
                .split("</main>")
                .next()
                .unwrap()
                .to_owned(),
        );
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    let next = world.link(&case).await;
    assert_ne!(next, path, "the next link is another");
    assert_eq!(page(&path, "en").await.status, 404);
    assert_eq!(page(&next, "en").await.status, 200);
    // Floods are stopped as chat windows' are.
    let mut refused = 0;
    for _ in 0..450 {
        refused += u32::from(page("/case/one/nonsense", "en").await.status == 429);
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn on_a_call_the_agent_reads_a_link_out_and_sees_it_opened_and_done() {
    let world = World::make().await;
    let call = world.app.conversation("one", &world.admin, NUMBER).await;
    let at = format!("/v1/interactions/{call}/assistances");
    let settings = json!({"public_url": "https://cx.example", "assistance_hosts": ["help.example"]});
    world.set_links(settings).await;
    let refused = world
        .app
        .post(
            &at,
            &world.anna,
            json!({"title": "x", "url": "https://evil.example/"}),
        )
        .await;
    assert_eq!(refused.problem(), (400, "invalid-value", "url"));
    let body = json!({"title": "Check your <line>", "url": "https://help.example/check?id=1", "once": true});
    let offered = world.app.post(&at, &world.anna, body).await.ok();
    assert_eq!(
        offered.body["message"],
        Value::Null,
        "there is nothing to write it into"
    );
    let path = offered
        .text("/url")
        .strip_prefix("https://cx.example")
        .unwrap()
        .to_owned();
    let ahead = request("GET", &path, "").header("sec-purpose", "prefetch");
    world.app.send(ahead.body(Body::empty()).unwrap()).await.ok();
    let links = async || world.app.get(&at, &world.anna).await.ok().body["items"][0].clone();
    assert_eq!(
        links().await["opened_at"],
        Value::Null,
        "looking ahead does not count"
    );
    for _ in 0..2 {
        let page = world.app.get(&path, "").await.ok();
        let text = String::from_utf8(page.bytes.to_vec()).unwrap();
        assert!(
            text.contains("Check your &lt;line&gt;") && text.contains("help.example"),
            "{text}"
        );
        assert!(
            page.header("content-security-policy")
                .contains("form-action 'self' https://help.example;")
        );
    }
    let opened = links().await;
    assert!(
        opened["opened_at"].is_u64() && opened["done_at"].is_null(),
        "{opened}"
    );
    let follow = async || {
        let request = request("POST", &path, "").header("content-type", "application/x-www-form-urlencoded");
        world.app.send(request.body(Body::empty()).unwrap()).await
    };
    let followed = follow().await;
    assert_eq!(
        (followed.status, followed.header("location")),
        (303, "https://help.example/check?id=1")
    );
    assert_eq!(follow().await.status, 404, "it was good for one time");
    assert_eq!(world.app.get(&path, "").await.status, 404);
    let events = world.app.events(&world.anna, call).await;
    let steps: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "assistance-changed")
        .map(|event| (event["step"].as_str().unwrap(), event["by"].as_str().unwrap()))
        .collect();
    assert_eq!(
        steps,
        [
            ("offered", "user:anna"),
            ("opened", "system:customer"),
            ("done", "system:customer")
        ]
    );

    // A file, taken twice, told once; then revoked.
    let file = json!({"name": "mail.mobileconfig", "media_type": "application/x-apple-aspen-config", "text": "<plist/>"});
    let offered = world
        .app
        .post(&at, &world.anna, json!({"title": "Mail", "file": file}))
        .await
        .ok();
    let path = offered
        .text("/url")
        .strip_prefix("https://cx.example")
        .unwrap()
        .to_owned();
    for _ in 0..2 {
        let got = world
            .app
            .send(request("POST", &path, "").body(Body::empty()).unwrap())
            .await
            .ok();
        assert_eq!(
            got.header("content-disposition"),
            "attachment; filename=\"mail.mobileconfig\""
        );
        assert_eq!(&got.bytes[..], b"<plist/>");
    }
    world
        .app
        .delete(&format!("{at}/{}", offered.text("/id")), &world.anna)
        .await
        .ok();
    assert_eq!(world.app.get(&path, "").await.status, 404);
    let html = json!({"name": "a.html", "media_type": "text/html", "text": "x"});
    let refused = world
        .app
        .post(&at, &world.anna, json!({"title": "x", "file": html}))
        .await;
    assert_eq!(refused.problem().2, "file.media_type");
}

#[tokio::test]
async fn opening_twice_under_one_key_is_opening_once_and_tenants_count_apart() {
    let world = World::make().await;
    world.customer(LI).await;
    let body = json!({"category": "repair", "subject": "Router", "customer": LI});
    let once = async || {
        let request = request("POST", "/v1/cases", &world.anna).header("idempotency-key", "k1");
        world.app.send(with_json(request, &body)).await.ok().body["number"].clone()
    };
    assert_eq!((once().await, once().await), (json!(1), json!(1)));
    let other = world.app.tenant("two", "+442079460101").await;
    let repair =
        json!({"title_zh": "报修", "title_en": "Repair", "promise_ms": 1_000, "owner": "queue:support"});
    world
        .app
        .put("/v1/case-categories/repair", &other, repair)
        .await
        .ok();
    world
        .app
        .post("/v1/customers", &other, json!({"identities": [LI]}))
        .await
        .ok();
    let theirs = world.app.post("/v1/cases", &other, body.clone()).await.ok();
    assert_eq!(theirs.body["number"], 1, "numbers are a tenant's own");
    let mine = world.open(json!({"customer": LI})).await;
    assert_eq!(mine["number"], 2);
    let id = mine["id"].as_str().unwrap();
    assert_eq!(
        world.app.get(&format!("/v1/cases/{id}"), &other).await.status,
        404
    );
    assert_eq!(world.app.get("/v1/cases/2", &other).await.status, 404);
}

#[tokio::test]
async fn a_link_leads_nowhere_once_its_host_is_not_allowed_any_more() {
    let world = World::make().await;
    let call = world.app.conversation("one", &world.admin, NUMBER).await;
    let at = format!("/v1/interactions/{call}/assistances");
    let allow = async |hosts: Value| {
        let settings = json!({"public_url": "https://cx.example", "assistance_hosts": hosts});
        world.set_links(settings).await;
    };
    allow(json!(["help.example", "*.shop.example"])).await;
    let offer = async |more: Value| {
        let mut body = json!({"title": "Check"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let offered = world.app.post(&at, &world.anna, body).await.ok();
        let path = offered.text("/url").strip_prefix("https://cx.example");
        path.unwrap().to_owned()
    };
    let page = offer(json!({"url": "https://a.shop.example/check"})).await;
    let file = offer(json!({"file": {"name": "a.txt", "media_type": "text/plain", "text": "a"}})).await;
    let follow = async |path: &str| {
        let request = request("POST", path, "").body(Body::empty()).unwrap();
        world.app.send(request).await
    };
    world.app.get(&page, "").await.ok();
    allow(json!(["help.example"])).await;
    for gone in [world.app.get(&page, "").await, follow(&page).await] {
        assert_eq!(gone.status, 410, "{gone:#?}");
        assert_eq!(gone.header("location"), "");
        let text = String::from_utf8(gone.bytes.to_vec()).unwrap();
        assert!(
            text.contains("no longer") && !text.contains("shop.example"),
            "{text}"
        );
    }
    let listed = world.app.get(&at, &world.anna).await.ok();
    let done = listed.body["items"].as_array().unwrap();
    assert!(done.iter().all(|link| link["done_at"].is_null()), "{done:#?}");
    // A file leads to no host.
    assert_eq!(follow(&file).await.status, 200);
    allow(json!(["*.shop.example"])).await;
    assert_eq!(follow(&page).await.status, 303);
}

#[tokio::test]
async fn a_link_begins_with_the_host_that_was_asked_and_strangers_say_nothing_of_how() {
    let world = World::make().await;
    world.customer(LI).await;
    let case = world.open(json!({"customer": LI})).await;
    let ask = async |trusted: &[&str], headers: &str| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let trusted: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let (platform, (end, ended)) = (world.app.platform.clone(), oneshot::channel::<()>());
        let served = tokio::spawn(async move {
            serve(listener, platform, 10, trusted.into(), async {
                drop(ended.await)
            })
            .await;
        });
        let mut stream = TcpStream::connect(at).await.unwrap();
        let head = format!(
            "PUT /v1/cases/{}/link HTTP/1.1\r\nauthorization: Bearer {}\r\nconnection: close\r\n{headers}\r\n",
            case["number"], world.anna
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        drop(end);
        served.await.unwrap();
        answer
    };
    let by_https = "host: cx.example:8080\r\nx-forwarded-proto: https\r\n";
    for (trusted, headers, begins) in [
        (&[][..], by_https, "\"url\":\"http://cx.example:8080/case/one/"),
        (
            &["127.0.0.0/8"][..],
            by_https,
            "\"url\":\"https://cx.example:8080/case/one/",
        ),
        (
            &["127.0.0.0/8"][..],
            "host: [::1]\r\n",
            "\"url\":\"http://[::1]/case/one/",
        ),
    ] {
        let answer = ask(trusted, headers).await;
        assert!(answer.contains(begins), "{answer}");
    }
    for nonsense in [
        "host: cx.example/evil\r\n",
        "host: a@cx.example\r\n",
        "host: a.example\r\nhost: b.example\r\n",
    ] {
        let answer = ask(&[], nonsense).await;
        assert!(
            answer.starts_with("HTTP/1.1 400") && answer.contains("\"field\":\"host\""),
            "{answer}"
        );
    }
    world
        .set_links(json!({"public_url": "https://own.example"}))
        .await;
    let answer = ask(&[], by_https).await;
    assert!(
        answer.contains("\"url\":\"https://own.example/case/one/"),
        "{answer}"
    );
}
