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
/// A picture of one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\x01\0\0\x05\0\x01\r\n-\xb4\0\0\0\0IEND\xaeB`\x82";

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
    calls(url, nonce, body)
}

fn calls(url: &str, nonce: &str, body: String) -> (u16, String) {
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
        "media": {"api.weixin.qq.com": {"secret": "access-token", "query": "access_token"}},
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

/// WeChat calls back with a picture.
fn shows(url: &str, nonce: &str, id: &str) -> (u16, String) {
    let body = format!(
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oLiLei]]></FromUserName>\
         <CreateTime>1348831860</CreateTime><MsgType><![CDATA[image]]></MsgType>\
         <PicUrl><![CDATA[http://mmbiz.qpic.cn/1/0]]></PicUrl><MediaId><![CDATA[media-1]]></MediaId><MsgId>{id}</MsgId></xml>"
    );
    calls(url, nonce, body)
}

#[test]
fn a_picture_on_wechat_is_fetched_once_though_the_server_is_killed() {
    const GET: &str = "/cgi-bin/media/get";
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
    provider.next(GET, Conduct::Hang);
    assert_eq!(shows(server.api.url(), "1", "2001"), (200, "success".to_owned()));
    // The message is there, and what came with it on the way, when the server is killed.
    provider.wait_for(GET, 1, PATIENCE);
    let id = server.api.see("/v1/interactions")["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let messages = format!("/v1/interactions/{id}/messages");
    let attachment = |server: &Server| {
        let page = server.api.see(&messages);
        let items = page["items"].as_array().unwrap().clone();
        let found = items.iter().filter(|item| item["author"] == "customer");
        let found: Vec<_> = found.map(|item| item["attachments"][0].clone()).collect();
        assert_eq!(found.len(), 1, "{page:#}");
        found[0].clone()
    };
    assert_eq!(attachment(&server)["state"], "fetching");
    server.kill();

    // An old token is told in JSON; with another one the picture comes.
    provider.next(GET, Conduct::Answer(200, r#"{"errcode": 40001}"#.into()));
    provider.has_file(GET, "image/png", PNG);
    let server = Server::start_with(Path::new(BINARY), data.path(), &env);
    let mut events = server.api.events();
    let told = events.wait_for("its picture", PATIENCE, |event| {
        event["type"] == "attachment-fetched" && event["interaction"] == *id
    });
    let found = attachment(&server);
    assert_eq!(found["id"], told["attachment"], "{told} {found}");
    let at = format!(
        "/v1/interactions/{id}/attachments/{}",
        found["id"].as_str().unwrap()
    );
    assert_eq!(server.api.bytes(&at), PNG);
    let asked = provider.heard(GET);
    assert_eq!(asked.len(), 3);
    assert!(
        asked[2].path.contains("media_id=media-1&access_token=T"),
        "{:?}",
        asked[2]
    );
    assert_ne!(asked[1].path, asked[2].path, "another token");

    // After it is there a kill changes nothing, and nothing is asked again.
    server.kill();
    let server = Server::start_with(Path::new(BINARY), data.path(), &env);
    assert_eq!(shows(server.api.url(), "2", "2001").0, 200);
    assert_eq!(attachment(&server), found);
    assert_eq!(provider.heard(GET).len(), 3);
}
