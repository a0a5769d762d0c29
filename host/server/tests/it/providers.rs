//! Short messages through a gateway that repeats itself, mixes things up, fails and dawdles; two firms with accounts of the same
//! look; and a server that dies at the wrong moments.

use std::path::Path;
use std::time::Duration;

use jackfield_testkit::{Api, Conduct, Provider, Server, SmsGateway};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::firm::{BINARY, bind, done, found, user};

const PATIENCE: Duration = Duration::from_secs(60);
const SEND: &str = "/2010-04-01/Accounts/AC1/Messages.json";
const CUSTOMER: &str = "+8613900139000";

const ACME: SmsGateway = SmsGateway {
    channel: "acme/sms",
    auth_token: "acme-token",
    number: "+861055550200",
};
/// Another firm with the same account, number and customer; only what signs is another.
const BELL: SmsGateway = SmsGateway {
    channel: "bell/sms",
    auth_token: "bell-token",
    number: "+861055550200",
};

struct World {
    data: TempDir,
    provider: Provider,
    server: Option<Server>,
}

/// A firm that serves its customers by short messages.
struct Firm {
    admin: Api,
    anna: Api,
    gateway: &'static SmsGateway,
}

impl World {
    fn begin() -> Self {
        let provider = Provider::start();
        provider.always(SEND, 201, r#"{"sid": "SM{n}"}"#);
        let data = tempfile::tempdir().unwrap();
        let mut world = Self {
            data,
            provider,
            server: None,
        };
        world.start("127.0.0.1:0");
        world
    }

    fn start(&mut self, http: &str) {
        let at = self.provider.at.to_string();
        let env = [("JACKFIELD_PROVIDERS_AT", at.as_str())];
        self.server = Some(Server::start_at(Path::new(BINARY), self.data.path(), &env, http));
    }

    fn die(&mut self) {
        let server = self.server.take().unwrap();
        let http = server.api.url().trim_start_matches("http://").to_owned();
        server.kill();
        self.start(&http);
    }

    fn firm(&self, tenant: &str, gateway: &'static SmsGateway) -> Firm {
        let admin = found(self.server.as_ref().unwrap(), self.data.path(), tenant);
        let entry = json!({"name": "SMS", "channel": "sms", "default_queue": "support", "unanswered": []});
        done(admin.put("/v1/chat-entries/sms", &entry));
        let config = json!({"account-sid": "AC1"});
        bind(
            &admin,
            &[
                ("chat:sms", "chat-menu", json!({})),
                ("connector:sms", "sms-connector", config),
            ],
        );
        done(admin.put("/v1/channels/sms", &gateway.settings("sms")));
        let anna = json!({"name": "Anna", "queues": ["support"], "capacity": {"sms": 3}});
        done(admin.put("/v1/agents/anna", &anna));
        done(admin.put("/v1/agents/anna/state", &json!({"state": "available"})));
        let anna = user(&admin, "anna", "agent");
        Firm { admin, anna, gateway }
    }

    /// What the gateway was asked to send, in the order in which it was.
    fn texts(&self) -> Vec<String> {
        let heard = self.provider.heard(SEND);
        heard.iter().map(|heard| text_of(&heard.body)).collect()
    }
}

/// The text of a form.
fn text_of(form: &str) -> String {
    let body = form
        .split('&')
        .find_map(|field| field.strip_prefix("Body="))
        .unwrap();
    let mut bytes = body.bytes();
    let mut text = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => text.push(b' '),
            b'%' => {
                let mut digit = || (bytes.next().unwrap() as char).to_digit(16).unwrap() as u8;
                let high = digit();
                text.push(high << 4 | digit());
            }
            byte => text.push(byte),
        }
    }
    String::from_utf8(text).unwrap()
}

impl Firm {
    fn hears(&self, id: &str, text: &str) {
        let answer = self.gateway.says(self.admin.url(), CUSTOMER, id, text);
        assert_eq!(answer.unwrap().0, 200, "{text}");
    }

    fn tells(&self, id: &str, status: &str) {
        assert_eq!(self.gateway.tells(self.admin.url(), id, status).unwrap().0, 200);
    }

    fn conversations(&self) -> Vec<Value> {
        self.admin.see("/v1/interactions")["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    fn messages(&self, id: &str) -> Vec<Value> {
        let page = self.admin.see(&format!("/v1/interactions/{id}/messages"));
        page["items"].as_array().unwrap().clone()
    }

    /// What the customer has written, in order.
    fn heard(&self, id: &str) -> Vec<String> {
        let messages = self.messages(id);
        let own = messages.iter().filter(|message| message["author"] == "customer");
        own.map(|message| message["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A conversation that anna has taken.
    fn taken(&self) -> String {
        self.hears("in-1", "human");
        let mut events = self.admin.events();
        let id = events.wait_type("offered")["interaction"]
            .as_str()
            .unwrap()
            .to_owned();
        done(
            self.anna
                .post(&format!("/v1/interactions/{id}/accept"), &json!({})),
        );
        id
    }

    fn writes(&self, id: &str, text: &str) -> u64 {
        let body = json!({"text": text, "client_id": text});
        let sent = done(self.anna.post(&format!("/v1/interactions/{id}/messages"), &body));
        sent["number"].as_u64().unwrap()
    }

    /// Waits until a message has come so far.
    fn delivery(&self, id: &str, number: u64, state: &str) -> Value {
        let mut events = self.admin.events();
        events.wait_for(state, PATIENCE, |event| {
            event["type"] == "message-delivery"
                && event["interaction"] == *id
                && event["number"] == number
                && event["delivery"] == state
        })
    }

    fn state(&self, id: &str, number: u64) -> Value {
        let messages = self.messages(id);
        let message = messages
            .iter()
            .find(|message| message["number"] == number)
            .unwrap();
        message["delivery"]["state"].clone()
    }
}

#[test]
fn a_gateway_that_repeats_mixes_up_fails_and_dawdles_loses_and_doubles_nothing() {
    let world = World::begin();
    let acme = world.firm("acme", &ACME);
    let id = acme.taken();
    // The same again at once, and a later one before an earlier one.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| acme.hears("in-3", "three"));
        }
    });
    acme.hears("in-2", "two");
    acme.hears("in-3", "three");
    assert_eq!(acme.heard(&id), ["human", "three", "two"]);
    assert_eq!(acme.conversations().len(), 1);

    let said = world.provider.wait_for(SEND, 1, PATIENCE).len();
    for conduct in [
        Conduct::Answer(500, "{}".into()),
        Conduct::HangUp,
        Conduct::Answer(429, r#"{"code": 20429, "message": "Too many"}"#.into()),
        Conduct::Slow(Duration::from_millis(700), 201, r#"{"sid": "SMslow"}"#.into()),
    ] {
        world.provider.next(SEND, conduct);
    }
    // The bot's farewell may still be on its way; it is first in order.
    let numbers: Vec<u64> = ["one moment", "it is on its way", "good bye"]
        .into_iter()
        .map(|text| acme.writes(&id, text))
        .collect();
    for number in &numbers {
        acme.delivery(&id, *number, "sent");
    }
    let texts = world.texts();
    let first = |text: &str| texts.iter().position(|sent| sent == text).unwrap();
    let order: Vec<_> = ["one moment", "it is on its way", "good bye"].map(first).into();
    assert!(order.is_sorted(), "{texts:?}");
    assert!(texts.len() >= said + 3 + 3, "three were tried again: {texts:?}");
    let last = texts.iter().filter(|sent| *sent == "good bye").count();
    assert_eq!(last, 1, "nothing is sent twice that was taken");

    // Receipts in the wrong order, and again.
    let last = *numbers.last().unwrap();
    let sid = acme.delivery(&id, last, "sent")["provider_id"]
        .as_str()
        .unwrap()
        .to_owned();
    for status in ["delivered", "sent", "delivered", "queued", "sent"] {
        acme.tells(&sid, status);
    }
    assert_eq!(acme.state(&id, last), "delivered");
    acme.tells("SMnobody", "delivered");
    let refused = *numbers.first().unwrap();
    let sid = acme.delivery(&id, refused, "sent")["provider_id"]
        .as_str()
        .unwrap()
        .to_owned();
    acme.tells(&sid, "undelivered");
    assert_eq!(acme.state(&id, refused), "failed");
    let told = |number: u64| {
        let path = format!("/v1/interactions/{id}/events");
        let all = acme.admin.see(&path)["items"].as_array().unwrap().clone();
        let of = all
            .iter()
            .filter(|event| event["type"] == "message-delivery" && event["number"] == number);
        of.map(|event| event["delivery"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(told(last), ["sent", "delivered"], "each step once");
}

#[test]
fn two_firms_with_accounts_of_the_same_look_never_meet() {
    let world = World::begin();
    let (acme, bell) = (world.firm("acme", &ACME), world.firm("bell", &BELL));
    let of_acme = acme.taken();
    let of_bell = bell.taken();
    assert_ne!(
        of_acme, of_bell,
        "the same number, message id and customer are two conversations"
    );
    // What one firm's account signs is nothing at the other's door.
    let forged = SmsGateway {
        channel: "bell/sms",
        ..ACME
    };
    assert_eq!(
        forged
            .says(bell.admin.url(), CUSTOMER, "in-9", "hello")
            .unwrap()
            .0,
        401
    );
    let number = acme.writes(&of_acme, "from acme");
    let sid = acme.delivery(&of_acme, number, "sent")["provider_id"]
        .as_str()
        .unwrap()
        .to_owned();
    bell.tells(&sid, "delivered");
    assert_eq!(
        acme.state(&of_acme, number),
        "sent",
        "bell's gateway knows nothing of acme's message"
    );
    acme.tells(&sid, "delivered");
    assert_eq!(acme.state(&of_acme, number), "delivered");
    for (firm, own, other) in [(&acme, &of_acme, &of_bell), (&bell, &of_bell, &of_acme)] {
        assert_eq!(firm.conversations().len(), 1);
        assert_eq!(firm.heard(own), ["human"]);
        assert_eq!(
            firm.admin.get(&format!("/v1/interactions/{other}/messages")).0,
            404
        );
    }
    let customer = |firm: &Firm| firm.admin.see(&format!("/v1/customers/tel:{CUSTOMER}"))["id"].clone();
    assert_ne!(customer(&acme), customer(&bell));
}

#[test]
fn what_was_taken_is_done_though_the_server_dies_before_it_has_begun() {
    let mut world = World::begin();
    let acme = world.firm("acme", &ACME);
    // Between the answer to the gateway and the bot's.
    acme.hears("in-0", "hello");
    world.die();
    acme.hears("in-0", "hello");
    world.provider.wait_for(SEND, 1, PATIENCE);
    let id = acme.taken();
    assert_eq!(acme.heard(&id), ["hello", "human"]);
    let mut events = acme.admin.events();
    events.wait_for("what the bot says last", PATIENCE, |event| {
        event["type"] == "connected" && event["interaction"] == *id
    });
    // Between the row of the outbox and its first try: the channel is switched off meanwhile.
    let mut off = ACME.settings("sms");
    off["enabled"] = json!(false);
    let bots = acme.messages(&id).len() as u64;
    for number in 1..=bots {
        if acme.messages(&id)[number as usize - 1]["author"] != "customer" {
            acme.delivery(&id, number, "sent");
        }
    }
    done(acme.admin.put("/v1/channels/sms", &off));
    let number = acme.writes(&id, "while it is off");
    world.die();
    assert_eq!(acme.state(&id, number), "queued");
    done(acme.admin.put("/v1/channels/sms", &ACME.settings("sms")));
    acme.delivery(&id, number, "sent");
    let times = |text: &str| world.texts().iter().filter(|sent| *sent == text).count();
    assert_eq!(times("while it is off"), 1);
    // While the gateway has it and has said nothing yet: nobody can tell whether it went out, so it is sent again.
    let heard = world.provider.heard(SEND).len();
    world.provider.next(SEND, Conduct::Hang);
    let number = acme.writes(&id, "while it hangs");
    world.provider.wait_for(SEND, heard + 1, PATIENCE);
    world.die();
    acme.delivery(&id, number, "sent");
    let times = |text: &str| world.texts().iter().filter(|sent| *sent == text).count();
    assert_eq!(times("while it hangs"), 2);
    world.provider.let_go();
}
