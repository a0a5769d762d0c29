//! The channel connector of the suite: bodies in and out, secrets, receipts.

use std::sync::Arc;

use jackfield_contact::decision::{
    Answer, Conclusion, ConnectorAnswer, ConnectorQuestion, Delivery, FieldValue, IncomingMessage,
    LinkedAttachment, Method, OutgoingMessage, ProviderRequest, ProviderResponse, Question, Receipt,
    Received, Reply, Webhook,
};
use jackfield_types::Timestamp;
use serde_json::{Value, json};

use super::cases::{Case, Dice, Outcome};

pub(super) fn native(case: &Case) -> Outcome {
    let Question::Connector(question) = &case.question else {
        unreachable!()
    };
    let answer = match &**question {
        ConnectorQuestion::Receive(webhook) => received(webhook).map(ConnectorAnswer::Received),
        ConnectorQuestion::Render(message) => Ok(ConnectorAnswer::Rendered(rendered(case, message))),
        ConnectorQuestion::Conclude(response) => Ok(ConnectorAnswer::Concluded(concluded(response))),
    };
    answer.map(|answer| Answer::Connector(Box::new(answer))).into()
}

fn received(webhook: &Webhook) -> Result<Received, String> {
    if &*webhook.method == "GET" {
        let challenge = webhook.query.iter().find(|(name, _)| &**name == "challenge");
        return Ok(Received {
            reply: Some(Reply {
                status: if challenge.is_some() { 200 } else { 404 },
                content_type: "text/plain".into(),
                body: challenge.map_or_else(Vec::new, |(_, value)| value.as_bytes().to_vec()),
            }),
            ..Received::default()
        });
    }
    let body: Value = serde_json::from_slice(&webhook.body).map_err(|_| "bad-body")?;
    let text = |value: &Value| Arc::<str>::from(value.as_str().unwrap());
    let message = |told: &Value| IncomingMessage {
        id: text(&told["id"]),
        sender: text(&told["from"]),
        recipient: text(&told["to"]),
        sender_name: told["name"].as_str().map(Into::into),
        at: told["at"].as_u64().map(Timestamp),
        text: text(&told["text"]),
        attachments: told["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| LinkedAttachment {
                name: text(&file[0]),
                media_type: text(&file[1]),
                url: text(&file[2]),
            })
            .collect(),
        cut: false,
    };
    let receipt = |told: &Value| {
        Ok(Receipt {
            id: text(&told["id"]),
            delivery: match told["state"].as_str() {
                Some("sent") => Delivery::Sent,
                Some("delivered") => Delivery::Delivered,
                Some("read") => Delivery::Read,
                Some("failed") => Delivery::Failed,
                _ => return Err("bad-state".to_owned()),
            },
            at: told["at"].as_u64().map(Timestamp),
            reason: told["code"].as_str().map(Into::into),
        })
    };
    let list = |name: &str| body[name].as_array().unwrap().clone();
    Ok(Received {
        messages: list("messages").iter().map(message).collect(),
        receipts: list("receipts")
            .iter()
            .map(receipt)
            .collect::<Result<_, String>>()?,
        reply: None,
    })
}

fn rendered(case: &Case, message: &OutgoingMessage) -> ProviderRequest {
    let quoted = |text: &str| Value::from(text).to_string();
    let choices: Vec<_> = message
        .choices
        .iter()
        .map(|(name, value)| format!("[{},{}]", quoted(name), quoted(value)))
        .collect();
    let body = format!(
        "{{\"to\":{},\"text\":{},\"choices\":[{}]}}",
        quoted(&message.recipient),
        quoted(&message.text),
        choices.join(",")
    );
    let text = |text: &str| FieldValue::Text(text.into());
    let secret = |name: &str, prefix: &str| FieldValue::Secret {
        name: name.into(),
        prefix: prefix.into(),
    };
    ProviderRequest {
        method: match message.in_reply_to {
            Some(_) => Method::Put,
            None => Method::Post,
        },
        url: case.config["url"]
            .as_str()
            .unwrap_or("https://provider.example/send")
            .into(),
        query: vec![
            ("id".into(), text(&message.id)),
            ("key".into(), secret("api-key", "")),
        ],
        headers: vec![
            ("content-type".into(), text("application/json")),
            ("authorization".into(), secret("token", "Bearer ")),
        ],
        body: body.into_bytes(),
    }
}

fn concluded(response: &ProviderResponse) -> Conclusion {
    if (200..300).contains(&response.status) {
        let id = response.headers.iter().find(|(name, _)| &**name == "x-id");
        return Conclusion::Accepted(id.map_or(&response.message, |(_, id)| id).clone());
    }
    let said = String::from_utf8(response.body.clone());
    Conclusion::Rejected {
        code: format!("http-{}", response.status).into(),
        message: said
            .unwrap_or_else(|_| format!("{} bytes", response.body.len()))
            .into(),
        retryable: response.status >= 500 || response.status == 429,
    }
}

fn webhook(dice: &Dice) -> Webhook {
    let maybe = |value: Value| if dice.one_in(2) { value } else { Value::Null };
    let file = || json!([dice.text(), "image/png", "https://provider.example/files/1"]);
    let message = || {
        json!({
            "id": format!("m{}", dice.below(1_000)), "from": dice.of(&["+8613800138000", "u1"]), "to": dice.of(&["", "shop"]),
            "name": maybe("阿明".into()), "at": maybe(dice.below(1 << 50).into()),
            "text": format!("{}!", dice.text()), "files": dice.some(2, file),
        })
    };
    let receipt = || {
        let state = dice.of(&["sent", "delivered", "read", "failed", "read", "sent", "lost"]);
        json!({"id": "p1", "state": state, "at": maybe(dice.below(1 << 50).into()), "code": maybe("e7".into())})
    };
    let method = dice.of(&["GET", "POST", "POST", "POST"]);
    let body = match dice.below(8) {
        0 => b"{\"messages\": [".to_vec(),
        _ => json!({"messages": dice.some(4, message), "receipts": dice.some(2, receipt)})
            .to_string()
            .into_bytes(),
    };
    let query = (dice.of(&["challenge", "mode"]).into(), dice.text());
    Webhook {
        method: method.into(),
        query: vec![("x".into(), "1".into()), query],
        headers: vec![("content-type".into(), "application/json".into())],
        body: if method == "GET" { vec![] } else { body },
    }
}

pub(super) fn made() -> Vec<Case> {
    let dice = Dice::new();
    let question = || match dice.below(4) {
        0 | 1 => ConnectorQuestion::Receive(webhook(&dice)),
        2 => ConnectorQuestion::Render(OutgoingMessage {
            id: "0198f000-1".into(),
            sender: "shop".into(),
            recipient: dice.of(&["u1", "+8613800138000"]).into(),
            text: dice.text(),
            choices: dice.some(3, || (dice.text(), dice.of(&["a", "b"]).into())),
            in_reply_to: dice.one_in(2).then(|| "m1".into()),
        }),
        _ => ConnectorQuestion::Conclude(ProviderResponse {
            message: "0198f000-1".into(),
            status: dice.of(&[200, 202, 400, 404, 429, 500, 503]),
            headers: match dice.below(2) {
                0 => vec![],
                _ => vec![("x-id".into(), "p1".into()), ("x-id".into(), "p2".into())],
            },
            body: dice
                .of(&[&b""[..], "没有".as_bytes(), b"\xff\xfe", b"{\"error\": 1}"])
                .to_vec(),
        }),
    };
    let case = || {
        let config = if dice.one_in(2) {
            json!({})
        } else {
            json!({"url": "https://other.example/v1"})
        };
        dice.case(config, Question::Connector(Box::new(question())))
    };
    (0..300).map(|_| case()).collect()
}
