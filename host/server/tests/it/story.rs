//! One customer over all channels: asks on WeChat, is answered by bot and agent, called back, promised something that an
//! outlet does, and asked how it was. It is one story on one timeline, also when the server is killed in each of its steps.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jackfield_testkit::{Api, Provider, Server, WeChat};
use jackfield_voice::softphone::{Softphone, SoftphoneOptions, tone};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::firm::{BINARY, bind, done, found, user};

const PATIENCE: Duration = Duration::from_secs(60);
const SEND: &str = "/cgi-bin/message/custom/send";
const OPENID: &str = "oLiLei";
const NUMBER: &str = "+8675512345678";
const MOBILE: &str = "+8613900139000";
const PROMISE_MS: u64 = 172_800_000;

const ACCOUNT: WeChat = WeChat {
    channel: "acme/wechat",
    token: "callback-token",
    key: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    app_id: "wx1234",
};

struct Story {
    /// Whether the server is killed in each step.
    dies: bool,
    deaths: u32,
    data: TempDir,
    server: Option<Server>,
    admin: Api,
    anna: Api,
    provider: Provider,
    runtime: Runtime,
    /// The telephone network beyond the trunk.
    network: Softphone,
    nonce: u32,
    /// The conversation on WeChat.
    chat: String,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn start(data: &Path, env: [&str; 2], http: &str) -> Server {
    let [provider, trunk] = env;
    let env = [
        ("JACKFIELD_PROVIDERS_AT", provider),
        ("JACKFIELD_SIP_TRUNK", trunk),
    ];
    Server::start_at(Path::new(BINARY), data, &env, http)
}

impl Story {
    fn begin(dies: bool) -> Self {
        let provider = Provider::start();
        provider.always(
            "/cgi-bin/token",
            200,
            r#"{"access_token": "T{n}", "expires_in": 7200}"#,
        );
        provider.always(SEND, 200, r#"{"errcode": 0, "errmsg": "ok"}"#);
        let runtime = Runtime::new().unwrap();
        let nowhere = SoftphoneOptions::loopback(([127, 0, 0, 1], 9).into(), "network");
        let network = runtime.block_on(Softphone::start(nowhere)).unwrap();
        let data = tempfile::tempdir().unwrap();
        let env = [provider.at.to_string(), network.sip_addr().to_string()];
        let server = start(data.path(), [&env[0], &env[1]], "127.0.0.1:0");
        let admin = found(&server, data.path(), "acme");
        furnish(&admin);
        let anna = user(&admin, "anna", "agent");
        Self {
            dies,
            deaths: 0,
            data,
            server: Some(server),
            admin,
            anna,
            provider,
            runtime,
            network,
            nonce: 0,
            chat: String::new(),
        }
    }

    fn url(&self) -> String {
        self.admin.url().to_owned()
    }

    /// The server is killed, and another takes its place.
    fn die(&mut self) {
        if !self.dies {
            return;
        }
        self.deaths += 1;
        self.server.take().unwrap().kill();
        let env = [self.provider.at.to_string(), self.network.sip_addr().to_string()];
        let http = self.url().trim_start_matches("http://").to_owned();
        self.server = Some(start(self.data.path(), [&env[0], &env[1]], &http));
    }

    fn see(&self, interaction: &str) -> Value {
        self.admin.see(&format!("/v1/interactions/{interaction}"))
    }

    /// Waits until an interaction is as it should be.
    fn until(&self, interaction: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let now = self.see(interaction);
        if fits(&now) {
            return now;
        }
        let mut events = self.admin.events();
        events.wait_for(what, PATIENCE, |event| {
            event["interaction"] == *interaction && fits(&self.see(interaction))
        });
        self.see(interaction)
    }

    fn offered(&self, interaction: &str) {
        self.until(interaction, "its offer", |it| {
            it["stage"]["name"] == "offered" && it["stage"]["agent"] == "anna"
        });
    }

    fn event(&self, kind: &str, interaction: &str) -> Value {
        let mut events = self.admin.events();
        let of = |event: &Value| event["type"] == kind && event["interaction"] == *interaction;
        events.wait_for(kind, PATIENCE, of)
    }

    /// The customer writes on WeChat. The server dies as soon as it has said that it has it, and WeChat, which has lost the
    /// answer, calls again.
    fn writes(&mut self, id: &str, text: &str) {
        for again in [false, true] {
            self.nonce += 1;
            let nonce = self.nonce.to_string();
            let answer = ACCOUNT.says(&self.url(), OPENID, &nonce, id, text);
            assert_eq!(answer, Some((200, "success".to_owned())), "{text}");
            if !again {
                self.die();
            }
        }
    }

    /// Something that anna does in an interaction, and is told that it is done.
    fn anna(&mut self, interaction: &str, what: &str, body: &Value) -> Value {
        let at = format!("/v1/interactions/{interaction}/{what}");
        let answer = done(self.anna.post(&at, body));
        self.die();
        answer
    }

    fn messages(&self) -> Vec<Value> {
        let page = self
            .admin
            .see(&format!("/v1/interactions/{}/messages?limit=200", self.chat));
        page["items"].as_array().unwrap().clone()
    }

    /// Somebody in the window of the web site asks for a person: token and conversation.
    fn visitor(&self) -> (String, String) {
        let door = format!("{}/chat/acme/web", self.url());
        let session = jackfield_testkit::Window::session(&door, &json!({}));
        let text = |field: &str| session[field].as_str().unwrap().to_owned();
        let (token, conversation) = (text("token"), text("conversation"));
        let body = json!({"client_id": "1", "text": "human please"});
        let sent = ureq::post(format!("{door}/messages"))
            .header("authorization", format!("Bearer {token}"))
            .send_json(&body);
        assert!(sent.unwrap().status().is_success());
        (token, conversation)
    }

    fn asks_the_bot(&mut self) {
        self.writes("1001", "你好，我要投诉");
        let heard = self.provider.wait_for(SEND, 1, PATIENCE);
        let body: Value = serde_json::from_str(&heard[0].body).unwrap();
        assert_eq!(body["touser"], OPENID);
        // Somebody who has not the key is not heard, nor is a message for another account.
        let forger = WeChat {
            key: "GFEDCBA9876543210zyxwvutsrqponmlkjihgfedcba",
            ..ACCOUNT
        };
        let refused = forger.says(&self.url(), OPENID, "forged", "6666", "转账");
        assert_eq!(refused.unwrap().0, 401);
        let other = WeChat {
            app_id: "wx9999",
            ..ACCOUNT
        };
        assert_eq!(
            other
                .says(&self.url(), OPENID, "other", "6667", "转账")
                .unwrap()
                .0,
            401
        );
        let page = self.admin.see("/v1/interactions");
        self.chat = page["items"][0]["id"].as_str().unwrap().to_owned();
    }

    fn is_handed_over(&mut self) {
        self.writes("1002", "人工");
        let chat = self.chat.clone();
        self.offered(&chat);
        // An offer that dies with the server is made again.
        self.die();
        self.offered(&chat);
        self.anna(&chat, "accept", &json!({}));
        let it = self.see(&chat);
        assert_eq!(
            (&it["stage"]["name"], &it["agent"]),
            (&json!("talking"), &json!("anna"))
        );
    }

    /// Two visitors of the web site at the same time; a third has to wait until one of them goes.
    fn serves_three_at_once(&mut self) {
        let mut in_hand = Vec::new();
        for _ in 0..2 {
            let (token, id) = self.visitor();
            self.offered(&id);
            done(
                self.anna
                    .post(&format!("/v1/interactions/{id}/accept"), &json!({})),
            );
            in_hand.push((token, id));
        }
        let (_, fourth) = self.visitor();
        self.event("queued", &fourth);
        self.die();
        for id in in_hand.iter().map(|(_, id)| id).chain([&self.chat]) {
            assert_eq!(self.see(id)["stage"]["name"], "talking", "anna has three in hand");
        }
        let (first_token, first) = &in_hand[0];
        let ended = ureq::post(format!("{}/chat/acme/web/end", self.url()))
            .header("authorization", format!("Bearer {first_token}"))
            .send_empty();
        assert!(ended.unwrap().status().is_success());
        self.offered(&fourth);
        done(
            self.anna
                .post(&format!("/v1/interactions/{fourth}/accept"), &json!({})),
        );
        let seq = |event: &Value| event["seq"].as_u64().unwrap();
        let (left, offer) = (self.event("agent-left", first), self.event("offered", &fourth));
        assert!(seq(&left) < seq(&offer), "four are too many: {left} {offer}");
    }

    fn is_answered(&mut self) {
        let chat = self.chat.clone();
        let link = done(
            self.anna
                .post(&format!("/v1/interactions/{chat}/identity-link"), &json!({})),
        );
        let token = link["token"].as_str().unwrap().to_owned();
        let text = format!("请点击确认您的手机号：https://acme.example/me?token={token}");
        let answer = json!({"text": text, "client_id": "a-1"});
        let number = self.anna(&chat, "messages", &answer)["number"].clone();
        // Anna's program has lost the answer, too.
        assert_eq!(self.anna(&chat, "messages", &answer)["number"], number);
        // The customer follows the link, and the site says who that is.
        let site = json!({"token": token, "identity": format!("tel:{MOBILE}")});
        let known = done(self.admin.post("/v1/identity-links", &site));
        self.die();
        let again = done(self.admin.post("/v1/identity-links", &site));
        assert_eq!(known["customer"], again["customer"]);
        let stranger = json!({"token": token, "identity": "tel:+8613900139001"});
        assert_eq!(
            self.admin.post("/v1/identity-links", &stranger).0,
            409,
            "good for one"
        );
    }

    /// Anna's phone rings, then the customer's. The first call is lost with the server.
    fn is_called_back(&mut self) -> usize {
        let calls = if self.dies { 2 } else { 1 };
        for call in 1..=calls {
            let is_last = call == calls;
            let phone = SoftphoneOptions {
                password: Some("anna-phone".into()),
                ..SoftphoneOptions::loopback(self.server.as_ref().unwrap().sip, "anna.acme")
            };
            let Self {
                runtime,
                network,
                admin,
                anna,
                chat,
                ..
            } = self;
            runtime.block_on(async {
                let mut phone = Softphone::start(phone).await.unwrap();
                phone.register(Duration::from_secs(600)).await.unwrap();
                while admin.see("/v1/agents/anna")["phone"] != true {
                    tokio::task::yield_now().await;
                }
                let wish = json!({"about": chat, "purpose": "requested-callback"});
                // Without a rule that allows it nobody is called.
                let cold = json!({"about": chat, "purpose": "sales"});
                let (status, refused) = anna.post("/v1/interactions", &cold);
                assert_eq!(
                    (status, &refused["code"]),
                    (409, &json!("not-allowed")),
                    "{refused}"
                );
                let made = done(anna.post("/v1/interactions", &wish));
                assert_eq!(made["stage"]["name"], "dialling");
                let mut desk = phone.incoming().await.unwrap();
                assert_eq!(desk.peer(), MOBILE);
                desk.answer();
                desk.answered().await.unwrap();
                let mut mobile = network.incoming().await.unwrap();
                assert_eq!(mobile.peer(), NUMBER);
                mobile.ring();
                if is_last {
                    mobile.answer();
                    mobile.answered().await.unwrap();
                    mobile.play(tone(700.0, Duration::from_secs(10)));
                    assert!(desk.hears_tone(700.0, Duration::from_secs(10)).await);
                    desk.hang_up();
                    mobile.ended().await;
                }
            });
            self.die();
        }
        let calls = self.admin.see("/v1/interactions")["items"].clone();
        let calls: Vec<_> = calls
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["channel"] == "voice")
            .cloned()
            .collect();
        for call in &calls {
            self.event("closed", call["id"].as_str().unwrap());
        }
        let talked = calls
            .iter()
            .filter(|call| self.see(call["id"].as_str().unwrap())["talked_ms"].as_u64() > Some(0));
        assert_eq!(talked.count(), 1);
        calls.len()
    }

    fn is_promised_something(&mut self) {
        let case = json!({
            "category": "complaint", "subject": "路由器每晚重启", "interaction": self.chat, "promise_at": now() + PROMISE_MS,
        });
        let case = done(self.anna.post("/v1/cases", &case));
        self.die();
        let at = format!("/v1/cases/{}", case["number"]);
        let steps = [
            ("owner", json!({"to": "outlet:west-lake", "why": "备件在门店"})),
            ("status", json!({"status": "resolved", "why": "已更换"})),
        ];
        for (what, body) in &steps {
            done(self.admin.put(&format!("{at}/{what}"), body));
            self.die();
        }
        let kept = self.admin.see(&at);
        assert_eq!(
            (&kept["owner"], &kept["status"]),
            (&json!("outlet:west-lake"), &json!("resolved"))
        );
        assert_eq!(kept["promises"][0]["outcome"], "kept");
        assert_eq!(kept["hand_overs"].as_array().unwrap().len(), 1);
        assert_eq!(self.admin.see("/v1/cases")["items"].as_array().unwrap().len(), 1);
    }

    fn is_asked_how_it_was(&mut self) {
        let chat = self.chat.clone();
        // A host that is too busy has the customer go on without the bot, who would have asked.
        let told = self.admin.see(&format!("/v1/interactions/{chat}/events"));
        let failed = |event: &&Value| event["type"] == "decision-failed";
        let failed = told["items"].as_array().unwrap().iter().find(failed);
        assert_eq!(failed, None, "the bot is with the customer");
        self.anna(&chat, "leave", &json!({}));
        let mut events = self.admin.events();
        events.wait_for("the survey", PATIENCE, |event| {
            event["type"] == "chat-decided"
                && event["interaction"] == *chat
                && event["on"].get("agent-left").is_some()
        });
        self.writes("1003", "5");
        self.event("closed", &chat);
        self.die();
    }

    /// All of it is there, once, in order, with what was learnt from it.
    fn is_told_as_one(&mut self, calls: usize) {
        let messages = self.messages();
        let numbers: Vec<_> = messages
            .iter()
            .map(|message| message["number"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (1..=messages.len() as u64).collect::<Vec<_>>());
        for text in ["你好，我要投诉", "人工", "5"] {
            let times = messages.iter().filter(|message| message["text"] == text).count();
            assert_eq!(times, 1, "{text}: {messages:#?}");
        }
        self.is_delivered();
        let customer = self.admin.see(&format!("/v1/customers/wechat:{OPENID}"));
        assert_eq!(
            customer["id"],
            self.admin.see(&format!("/v1/customers/tel:{MOBILE}"))["id"]
        );
        let timeline = self.timeline(|told| {
            let tagged = |name: &str| told.iter().any(|entry| entry.to_string().contains(name));
            ["rfm:", "mood:", "moment:social-complaint"]
                .iter()
                .all(|name| tagged(name))
        });
        // Newest first; an interaction stands where it began.
        let place = |what: &str, fits: &dyn Fn(&Value) -> bool| {
            let places: Vec<_> = (0..timeline.len())
                .filter(|place| fits(&timeline[*place]))
                .collect();
            assert_eq!(places.len(), 1, "{what} is told once: {timeline:#?}");
            places[0]
        };
        let is = |kind: &'static str, field: &'static str, value: Value| {
            move |entry: &Value| entry["kind"] == kind && entry[field] == value
        };
        let change = |name: &'static str| {
            move |entry: &Value| entry["kind"] == "case" && entry["change"].get(name).is_some()
        };
        let order = [
            place("the survey", &is("survey", "interaction", json!(self.chat))),
            place("the outlet's work", &|entry| {
                entry["change"]["status"] == "resolved"
            }),
            place("the hand-over", &change("handed-over")),
            place("the case", &change("opened")),
            place("the call", &|entry| {
                entry["channel"] == "voice" && entry["talked_ms"].as_u64() > Some(0)
            }),
            place("the conversation", &is("interaction", "channel", json!("social"))),
        ];
        assert!(order.is_sorted(), "{order:?}: {timeline:#?}");
        place("that both are one", &|entry| entry["kind"] == "merged");
        let of_voice = timeline.iter().filter(|entry| entry["channel"] == "voice");
        assert!(of_voice.clone().all(|entry| entry["outgoing"] == true));
        assert_eq!(of_voice.count(), calls);
        let tags = self.admin.see(&format!("/v1/customers/wechat:{OPENID}"))["tags"].clone();
        let names: Vec<_> = tags
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag["name"].as_str().unwrap())
            .collect();
        for family in ["rfm:", "mood:", "moment:social-complaint"] {
            let of = names.iter().filter(|name| name.starts_with(family)).count();
            assert_eq!(of, 1, "{family} in {names:?}");
        }
    }

    /// What was written to the customer went out: once, but where the server died before it had noted that.
    fn is_delivered(&self) {
        let mut events = self.admin.events();
        let messages = self.messages();
        let written: Vec<_> = messages
            .iter()
            .filter(|message| message["author"] != "customer")
            .collect();
        for message in &written {
            let sent = |event: &Value| {
                event["type"] == "message-delivery"
                    && event["interaction"] == *self.chat
                    && event["number"] == message["number"]
            };
            let seen = events.seen.iter().find(|event| sent(event)).cloned();
            let told = seen.unwrap_or_else(|| events.wait_for("its delivery", PATIENCE, sent));
            assert_eq!(told["delivery"], "sent");
        }
        let heard = self.provider.heard(SEND);
        let doubled = heard.len() - written.len();
        assert!(
            doubled <= self.deaths as usize,
            "{doubled} doubled, {} deaths",
            self.deaths
        );
    }

    /// The timeline, newest first, once it is complete.
    fn timeline(&self, complete: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let path = format!("/v1/customers/wechat:{OPENID}/timeline?limit=200");
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            let told = self.admin.see(&path)["items"].as_array().unwrap().clone();
            if complete(&told) {
                return told;
            }
            assert!(std::time::Instant::now() < until, "not complete: {told:#?}");
            std::thread::yield_now();
        }
    }
}

fn furnish(admin: &Api) {
    let exempt = json!({"exempt-purposes": ["requested-callback"]});
    let number = json!({"name": "总机", "language": "zh-CN", "default_queue": "support"});
    done(admin.put(&format!("/v1/numbers/{NUMBER}"), &number));
    let entry = |name: &str, channel: &str| json!({"name": name, "channel": channel, "language": "zh-CN", "default_queue": "support", "unanswered": []});
    done(admin.put("/v1/chat-entries/wechat", &entry("公众号", "social")));
    done(admin.put("/v1/chat-entries/web", &entry("网站", "chat")));
    let nothing = || json!({});
    bind(
        admin,
        &[
            ("chat:wechat", "chat-menu", nothing()),
            ("chat:web", "chat-menu", nothing()),
            ("connector:wechat", "wechat-connector", nothing()),
            ("tenant:outbound-rule", "quiet-hours", exempt),
            ("tenant:tag-generator", "rfm-mood-tags", nothing()),
            ("tenant:tag-generator:2", "moment-tags", nothing()),
            ("tenant:qa-scorecard", "etiquette-scorecard", nothing()),
        ],
    );
    let known = json!({"identities": [format!("tel:{MOBILE}")], "name": "李雷"});
    done(admin.post("/v1/customers", &known));
    done(admin.put("/v1/channels/wechat", &ACCOUNT.settings("wechat")));
    done(admin.put("/v1/outlets/west-lake", &json!({"name": "西湖营业厅"})));
    let complaint = json!({"title_zh": "投诉", "title_en": "Complaint", "promise_ms": PROMISE_MS, "owner": "queue:support"});
    done(admin.put("/v1/case-categories/complaint", &complaint));
    let anna = json!({
        "name": "Anna", "queues": ["support"], "capacity": {"voice": 1, "social": 1, "chat": 2}, "blended": true,
    });
    done(admin.put("/v1/agents/anna", &anna));
    done(admin.put(
        "/v1/agents/anna/phone-password",
        &json!({"password": "anna-phone"}),
    ));
    done(admin.put("/v1/agents/anna/state", &json!({"state": "available"})));
}

fn tell(dies: bool) {
    let mut story = Story::begin(dies);
    story.asks_the_bot();
    story.is_handed_over();
    story.serves_three_at_once();
    story.is_answered();
    let calls = story.is_called_back();
    story.is_promised_something();
    story.is_asked_how_it_was();
    story.is_told_as_one(calls);
}

#[test]
fn one_customer_over_all_channels_is_one_story() {
    tell(false);
}

#[test]
fn a_server_that_is_killed_in_every_step_tells_the_same_story() {
    tell(true);
}
