//! XML in, JSON out. Signatures, encryption and the access token are the host's business.

#[cfg(test)]
mod tests;
mod xml;

use jackfield_plugin::channel_connector::{
    self, Attachment, ChannelConnector, Conclusion, Error, Message, Method, Outgoing, Parameter, Received,
    Rejection, Reply, Request, Response, Webhook,
};
use serde::Deserialize;
use serde_json::{Value, json};

use xml::Fields;

/// Read from JSON.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    token: String,
    api: String,
    subscribed: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            token: "access-token".to_owned(),
            api: "https://api.weixin.qq.com".to_owned(),
            subscribed: None,
        }
    }
}

/// What WeChat answers to every request.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

struct WeChat;

impl ChannelConnector for WeChat {
    type Config = Config;

    fn receive(config: &Config, webhook: &Webhook) -> Result<Received, Error> {
        if webhook.method == "GET" {
            let echo = webhook.query.iter().find(|field| field.name == "echostr");
            let echo = echo
                .ok_or_else(|| Error::new("bad-query", "echostr: expected in the query of a GET request"))?;
            return Ok(answered(Vec::new(), &echo.value));
        }
        let fields = xml::fields(&webhook.body)?;
        // Anything else than this word, or nothing, has WeChat send it again or tell the customer of a fault.
        Ok(answered(
            message(config, &fields)?.into_iter().collect(),
            "success",
        ))
    }

    fn render(config: &Config, message: &Outgoing) -> Result<Request, Error> {
        let body = match message.choices.as_slice() {
            [] => json!({"touser": message.recipient, "msgtype": "text", "text": {"content": message.text}}),
            choices => {
                let list: Vec<Value> = choices
                    .iter()
                    .map(|choice| json!({"id": choice.value, "content": choice.name}))
                    .collect();
                json!({
                    "touser": message.recipient, "msgtype": "msgmenu",
                    "msgmenu": {"head_content": message.text, "list": list, "tail_content": ""},
                })
            }
        };
        Ok(Request {
            method: Method::Post,
            url: format!("{}/cgi-bin/message/custom/send", config.api),
            query: vec![Parameter::secret("access_token", &config.token, "")],
            headers: vec![Parameter::text("content-type", "application/json; charset=utf-8")],
            body: body.to_string().into_bytes(),
        })
    }

    fn conclude(_: &Config, response: &Response) -> Result<Conclusion, Error> {
        let rejected = |code: String, message: String, retryable| {
            Ok(Conclusion::Rejected(Rejection {
                code,
                message,
                retryable,
            }))
        };
        if !(200..300).contains(&response.status) {
            let retryable = response.status == 429 || response.status >= 500;
            return rejected(format!("http-{}", response.status), String::new(), retryable);
        }
        let answer: Answer = serde_json::from_slice(&response.body)
            .map_err(|error| Error::new("bad-body", format!("the response's body: {error}")))?;
        // https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html
        match answer.errcode {
            0 => Ok(Conclusion::Accepted(response.message.clone())),
            40001 | 40014 | 41001 | 42001 => rejected("token-expired".into(), answer.errmsg, true),
            -1 | 45009 | 45011 => rejected(format!("wechat-{}", answer.errcode), answer.errmsg, true),
            code => rejected(format!("wechat-{code}"), answer.errmsg, false),
        }
    }
}

fn answered(messages: Vec<Message>, body: &str) -> Received {
    Received {
        messages,
        reply: Some(Reply {
            status: 200,
            content_type: "text/plain; charset=utf-8".to_owned(),
            body: body.as_bytes().to_vec(),
        }),
        ..Received::default()
    }
}

/// The message of a callback; none when it is about nothing that anybody said.
fn message(config: &Config, fields: &Fields) -> Result<Option<Message>, Error> {
    let sender = fields.need("FromUserName")?;
    let at = fields.need("CreateTime")?;
    let seconds: u64 = at
        .parse()
        .map_err(|_| Error::new("bad-body", "CreateTime: expected seconds since the epoch"))?;
    let kind = fields.need("MsgType")?;
    let (mut text, mut attachments) = (String::new(), Vec::new());
    match kind {
        "text" => text = fields.get("Content").to_owned(),
        "image" => attachments.push(Attachment {
            name: String::new(),
            media_type: "image/jpeg".to_owned(),
            url: match fields.get("MediaId") {
                id if is_media_id(id) => format!("{}/cgi-bin/media/get?media_id={id}", config.api),
                _ => secure(fields.need("PicUrl")?),
            },
        }),
        // What was understood of it, where the account has that switched on.
        "voice" => text = or(fields.get("Recognition"), "[voice]"),
        "video" | "shortvideo" => text = "[video]".to_owned(),
        "file" => text = format!("[file] {}", fields.get("Title")).trim_end().to_owned(),
        "location" => {
            let (x, y) = (fields.get("Location_X"), fields.get("Location_Y"));
            text = format!("{} ({x}, {y})", or(fields.get("Label"), "[location]"));
        }
        "link" => text = format!("{}\n{}", fields.get("Title"), fields.get("Url")),
        "event" => match (fields.get("Event"), &config.subscribed) {
            ("CLICK", _) => text = fields.get("EventKey").to_owned(),
            ("subscribe", Some(said)) => text.clone_from(said),
            _ => return Ok(None),
        },
        other => text = format!("[{other}]"),
    }
    if text.is_empty() && attachments.is_empty() {
        text = " ".to_owned();
    }
    // Events have no id: sender and time tell them apart, as the documentation says.
    let id = match fields.get("MsgId") {
        "" => format!("{sender}-{at}-{}", fields.get("Event")),
        id => id.to_owned(),
    };
    Ok(Some(Message {
        id,
        sender: sender.to_owned(),
        recipient: fields.get("ToUserName").to_owned(),
        sender_name: None,
        at: Some(seconds.saturating_mul(1_000)),
        text,
        attachments,
    }))
}

fn or(text: &str, instead: &str) -> String {
    if text.is_empty() { instead } else { text }.to_owned()
}

/// Whether it is an id of a temporary medium, which is fetched with the account's token:
/// <https://developers.weixin.qq.com/doc/offiaccount/Asset_Management/Get_temporary_materials.html>.
fn is_media_id(text: &str) -> bool {
    (1..=512).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// Pictures are named by an address in the clear; the same host answers over TLS.
fn secure(url: &str) -> String {
    url.strip_prefix("http://")
        .map_or_else(|| url.to_owned(), |rest| format!("https://{rest}"))
}

channel_connector::register!(WeChat);
