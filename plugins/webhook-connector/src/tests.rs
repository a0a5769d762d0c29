use jackfield_plugin::{
    channel_connector::{
        Conclusion, Delivery, Error, Field, Outgoing, Parameter, Received, Rejection, Response, Webhook,
    },
    testing::Host,
};

use super::JsonWebhook;

fn receive(method: &str, query: &[(&str, &str)], body: &str) -> Result<Received, Error> {
    let field = |(name, value): &(&str, &str)| Field {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    Host::new().receive::<JsonWebhook>(Webhook {
        method: method.to_owned(),
        query: query.iter().map(field).collect(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    })
}

fn conclude(status: u16, body: &str) -> Result<Conclusion, Error> {
    Host::new().conclude::<JsonWebhook>(Response {
        message: "1".to_owned(),
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    })
}

fn outgoing() -> Outgoing {
    Outgoing {
        id: "0198f000-1".to_owned(),
        sender: "shop".to_owned(),
        recipient: "u1".to_owned(),
        text: "好的？".to_owned(),
        choices: vec![Field {
            name: "Yes".to_owned(),
            value: "1".to_owned(),
        }],
        in_reply_to: Some("m1".to_owned()),
    }
}

#[test]
fn messages_and_receipts_are_read() {
    let found = receive(
        "POST",
        &[],
        r#"{"messages": [
            {"id": "m1", "from": "u1", "text": "你好", "at": 5, "name": "李雷", "new": 1},
            {"id": "m2", "from": "u1", "to": "shop", "attachments": [{"url": "https://a/1", "type": "image/png"}]}
        ], "receipts": [{"id": "p1", "status": "failed", "reason": "blocked"}]}"#,
    )
    .unwrap();
    assert_eq!(found.messages[0].text, "你好");
    assert_eq!((found.messages[0].at, found.messages[1].at), (Some(5), None));
    assert_eq!(found.messages[1].attachments[0].media_type, "image/png");
    assert_eq!(found.receipts[0].delivery, Delivery::Failed);
    assert_eq!(found.receipts[0].reason.as_deref(), Some("blocked"));
    assert_eq!(found.reply, None);
    assert_eq!(receive("POST", &[], "{}").unwrap(), Received::default());
}

#[test]
fn a_body_that_is_not_understood_is_named() {
    for body in [
        "",
        "[]x",
        r#"{"messages": [{"from": "u1"}]}"#,
        r#"{"receipts": [{"id": "p", "status": "lost"}]}"#,
    ] {
        assert_eq!(receive("POST", &[], body).unwrap_err().code, "bad-body", "{body}");
    }
}

#[test]
fn a_challenge_comes_back() {
    let reply = receive("GET", &[("challenge", "42")], "").unwrap().reply.unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (200, &b"42"[..]));
    assert_eq!(receive("GET", &[], "").unwrap_err().code, "bad-query");
}

#[test]
fn a_message_becomes_a_request_without_its_credential() {
    let mut host = Host::new().with_config(r#"{"url": "https://gateway.example/messages"}"#);
    let request = host.render::<JsonWebhook>(outgoing()).unwrap();
    assert_eq!(request.url, "https://gateway.example/messages");
    assert_eq!(
        request.headers[2],
        Parameter::secret("authorization", "token", "Bearer ")
    );
    assert_eq!(
        String::from_utf8(request.body).unwrap(),
        r#"{"id":"0198f000-1","from":"shop","to":"u1","text":"好的？","choices":[{"id":"1","label":"Yes"}],"reply-to":"m1"}"#
    );
    assert_eq!(
        Host::new().render::<JsonWebhook>(outgoing()).unwrap_err().code,
        "bad-config"
    );
}

#[test]
fn the_response_says_what_came_of_it() {
    assert_eq!(
        conclude(201, r#"{"id": "p1"}"#),
        Ok(Conclusion::Accepted("p1".to_owned()))
    );
    assert_eq!(conclude(200, "ok").unwrap_err().code, "bad-body");
    let rejected = |code: &str, message: &str, retryable| {
        Ok(Conclusion::Rejected(Rejection {
            code: code.to_owned(),
            message: message.to_owned(),
            retryable,
        }))
    };
    let body = r#"{"error": {"code": "unknown-recipient", "message": "u1 has left"}}"#;
    assert_eq!(
        conclude(404, body),
        rejected("unknown-recipient", "u1 has left", false)
    );
    assert_eq!(
        conclude(429, body),
        rejected("unknown-recipient", "u1 has left", true)
    );
    assert_eq!(conclude(502, "<html>"), rejected("http-502", "", true));
}
