//! A customer writes on WeChat: bot, agent, and an answer that goes out once, though WeChat misbehaves and the server is
//! killed in between.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jackfield_testkit::{Api, Conduct, Provider, Server};
use ring::digest;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_jackfield");
const PATIENCE: Duration = Duration::from_secs(60);
const SEND: &str = "/cgi-bin/message/custom/send";

/// The query of a callback, signed.
fn signed(token: &str, nonce: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        .to_string();
    let mut parts = [token, now.as_str(), nonce];
    parts.sort_unstable();
    let code = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts.concat().as_bytes());
    let code: String = code.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("signature={code}&timestamp={now}&nonce={nonce}")
}

/// WeChat calls back with a text.
fn says(url: &str, nonce: &str, id: &str, text: &str) -> (u16, String) {
    let body = format!(
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oLiLei]]></FromUserName>\
         <CreateTime>1348831860</CreateTime><MsgType><![CDATA[text]]></MsgType>\
         <Content><![CDATA[{text}]]></Content><MsgId>{id}</MsgId></xml>"
    );
    let url = format!(
        "{url}/channels/demo/wechat?{}&openid=oLiLei",
        signed("callback-token", nonce)
    );
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent
        .post(url)
        .header("content-type", "text/xml")
        .send(body)
        .unwrap();
    (
        answer.status().as_u16(),
        answer.body_mut().read_to_string().unwrap(),
    )
}

fn done((status, body): (u16, Value)) -> Value {
    assert!((200..300).contains(&status), "{status}: {body:#}");
    body
}

fn furnish(api: &Api) {
    let entry =
        json!({"name": "公众号", "channel": "social", "language": "zh-CN", "default_queue": "support"});
    done(api.put("/v1/chat-entries/wechat", &entry));
    let bot = json!({"plugin": "chat-menu", "version": "0.1.0", "config": {}});
    done(api.put("/v1/bindings/chat:wechat", &bot));
    let connector = json!({"plugin": "wechat-connector", "version": "0.1.0", "config": {}});
    done(api.put("/v1/bindings/connector:wechat", &connector));
    let channel = json!({
        "name": "公众号", "entry": "wechat", "account": "gh_1", "identity": "wechat", "retry_ms": 200, "attempts": 20,
        "verification": {"scheme": "wechat", "token": "callback"}, "hosts": ["api.weixin.qq.com"],
        "secrets": {"callback": "callback-token", "app-secret": "s3cret"},
        "tokens": {"access-token": {
            "url": "https://api.weixin.qq.com/cgi-bin/token", "method": "get",
            "fields": {"grant_type": {"text": "client_credential"}, "appid": {"text": "wx1"}, "secret": {"secret": "app-secret"}},
        }},
    });
    done(api.put("/v1/channels/wechat", &channel));
}

#[test]
fn a_question_on_wechat_is_answered_once_though_the_server_is_killed() {
    let provider = Provider::start();
    provider.always(
        "/cgi-bin/token",
        200,
        r#"{"access_token": "T{n}", "expires_in": 7200}"#,
    );
    provider.always(SEND, 200, r#"{"errcode": 0, "errmsg": "ok"}"#);
    let at = provider.at.to_string();
    let env = [("JACKFIELD_PROVIDERS_AT", at.as_str())];
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with(Path::new(BINARY), data.path(), &env);
    furnish(&server.api);
    let url = server.api.url().to_owned();

    // The bot answers, with the account's token; that one is fetched once.
    assert_eq!(says(&url, "1", "1001", "你好"), (200, "success".to_owned()));
    let greeting = provider.wait_for(SEND, 1, PATIENCE).remove(0);
    assert!(greeting.path.ends_with("?access_token=T1"), "{greeting:?}");
    assert_eq!(greeting.header("host"), "api.weixin.qq.com");
    let body: Value = serde_json::from_str(&greeting.body).unwrap();
    assert_eq!(body["touser"], "oLiLei");
    let asked = provider.heard("/cgi-bin/token").remove(0);
    assert!(
        asked.path.contains("secret=s3cret") && asked.path.contains("appid=wx1"),
        "{asked:?}"
    );
    // WeChat has not seen the answer and calls again; somebody else calls with a forged signature.
    assert_eq!(says(&url, "2", "1001", "你好").0, 200);
    let forged = format!("{url}/channels/demo/wechat?{}", signed("guessed", "3"));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    assert_eq!(agent.post(forged).send("<xml/>").unwrap().status(), 401);

    // The token is no longer good: another is fetched, and the message sent with it.
    provider.next(
        SEND,
        Conduct::Answer(200, r#"{"errcode": 42001, "errmsg": "expired"}"#.into()),
    );
    says(&url, "4", "1002", "人工");
    let mut events = server.api.events();
    let offered = events.wait_type("offered");
    let id = offered["interaction"].as_str().unwrap().to_owned();
    done(
        server
            .api
            .post(&format!("/v1/interactions/{id}/accept"), &json!({})),
    );

    // An agent answers while WeChat hangs, and the server is killed.
    let fetched = provider.wait_for("/cgi-bin/token", 2, PATIENCE);
    assert_eq!(fetched.len(), 2);
    let handing_over = events.wait_for("what the bot says last", PATIENCE, |event| {
        event["type"] == "message-delivery" && event["delivery"] == "sent" && event["attempts"] == 2
    });
    assert_eq!(handing_over["interaction"], json!(id));
    let heard = provider.heard(SEND).len();
    provider.next(SEND, Conduct::Hang);
    let written = json!({"text": "您好，您的订单明天到。", "client_id": "a-1"});
    let number = done(
        server
            .api
            .post(&format!("/v1/interactions/{id}/messages"), &written),
    )["number"]
        .clone();
    provider.wait_for(SEND, heard + 1, PATIENCE);
    server.kill();

    // It goes on where it was.
    let server = Server::start_with(Path::new(BINARY), data.path(), &env);
    let mut events = server.api.events();
    let told = events.wait_for("its delivery", PATIENCE, |event| {
        event["type"] == "message-delivery" && event["interaction"] == *id && event["number"] == number
    });
    assert_eq!(told["delivery"], "sent");
    let page = server.api.see(&format!("/v1/interactions/{id}/messages"));
    let messages = page["items"].as_array().unwrap();
    for text in ["你好", "人工", "您好，您的订单明天到。"] {
        assert_eq!(
            messages.iter().filter(|message| message["text"] == text).count(),
            1,
            "{text}: {page:#}"
        );
    }
    let own = messages
        .iter()
        .find(|message| message["number"] == number)
        .unwrap();
    assert_eq!(own["delivery"]["state"], "sent");
    assert_eq!(says(server.api.url(), "5", "1002", "人工").0, 200);
    let it = server.api.see(&format!("/v1/interactions/{id}"));
    assert_eq!(
        it["chat"]["messages"].as_u64().unwrap() as usize,
        messages.len(),
        "known after a restart, too"
    );
    let customer = server.api.see("/v1/customers/wechat:oLiLei");
    assert_eq!(customer["id"], it["customer"]);
}
