use jackfield_plugin::{
    channel_connector::{Conclusion, Error, Field, Outgoing, Received, Rejection, Response, Webhook},
    testing::Host,
};

use super::WeChat;

fn ask(method: &str, query: &[(&str, &str)], body: &str) -> Result<Received, Error> {
    let field = |(name, value): &(&str, &str)| Field {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    Host::new()
        .with_config(r#"{"subscribed": "hello"}"#)
        .receive::<WeChat>(Webhook {
            method: method.to_owned(),
            query: query.iter().map(field).collect(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        })
}

/// A callback as in WeChat's documentation.
fn told(rest: &str) -> Received {
    let body = format!(
        "<xml>\n  <ToUserName><![CDATA[gh_1]]></ToUserName>\n  <FromUserName><![CDATA[oABC_d-e]]></FromUserName>\n  \
         <CreateTime>1348831860</CreateTime>\n  {rest}\n</xml>"
    );
    ask("POST", &[], &body).unwrap()
}

#[test]
fn texts_and_pictures_are_read() {
    let found = told(
        "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[this is a <test> & 你好]]></Content><MsgId>1234567890123456</MsgId>",
    );
    let message = &found.messages[0];
    assert_eq!(
        (&*message.sender, &*message.recipient, &*message.id),
        ("oABC_d-e", "gh_1", "1234567890123456")
    );
    assert_eq!(
        (&*message.text, message.at),
        ("this is a <test> & 你好", Some(1_348_831_860_000))
    );
    assert_eq!(found.reply.unwrap().body, b"success");
    let escaped = told("<MsgType>text</MsgType><Content>a &lt; b &#x4f60;</Content><MsgId>1</MsgId>");
    assert_eq!(escaped.messages[0].text, "a < b 你");
    let picture = told(
        "<MsgType><![CDATA[image]]></MsgType><PicUrl><![CDATA[http://mmbiz.qpic.cn/1/0]]></PicUrl><MediaId><![CDATA[m]]></MediaId><MsgId>2</MsgId>",
    );
    assert_eq!(
        picture.messages[0].attachments[0].url,
        "https://api.weixin.qq.com/cgi-bin/media/get?media_id=m"
    );
    for no_id in ["", "<MediaId><![CDATA[a&access_token=b]]></MediaId>"] {
        let picture = told(&format!(
            "<MsgType>image</MsgType><PicUrl><![CDATA[http://mmbiz.qpic.cn/1/0]]></PicUrl>{no_id}<MsgId>2</MsgId>"
        ));
        assert_eq!(
            picture.messages[0].attachments[0].url,
            "https://mmbiz.qpic.cn/1/0"
        );
    }
    for (sent, note) in [
        ("<MsgType>voice</MsgType><MediaId>m</MediaId>", "[voice]"),
        ("<MsgType>shortvideo</MsgType><MediaId>m</MediaId>", "[video]"),
        ("<MsgType>file</MsgType><Title>a.docx</Title>", "[file] a.docx"),
        ("<MsgType>file</MsgType>", "[file]"),
    ] {
        let found = told(&format!("{sent}<MsgId>4</MsgId>"));
        assert_eq!(found.messages[0].text, note);
    }
    let place = told(
        "<MsgType>location</MsgType><Location_X>23.1</Location_X><Location_Y>113.3</Location_Y><Label><![CDATA[广州]]></Label><MsgId>3</MsgId>",
    );
    assert_eq!(place.messages[0].text, "广州 (23.1, 113.3)");
}

#[test]
fn events_are_messages_or_nothing() {
    let click = told(
        "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[CLICK]]></Event><EventKey><![CDATA[HELP]]></EventKey>",
    );
    assert_eq!(
        (&*click.messages[0].text, &*click.messages[0].id),
        ("HELP", "oABC_d-e-1348831860-CLICK")
    );
    let subscribe = told("<MsgType>event</MsgType><Event>subscribe</Event>");
    assert_eq!(subscribe.messages[0].text, "hello");
    for event in ["unsubscribe", "VIEW", "TEMPLATESENDJOBFINISH"] {
        let found = told(&format!("<MsgType>event</MsgType><Event>{event}</Event>"));
        assert_eq!(found.messages, []);
        assert_eq!(found.reply.unwrap().body, b"success");
    }
}

#[test]
fn what_is_no_callback_is_named() {
    for body in [
        "",
        "{}",
        "<xml>",
        "<xml></xml>",
        "<xml><FromUserName>a</FromUserName></xml>",
        "<xml><FromUserName>a</FromUserName><CreateTime>x</CreateTime><MsgType>text</MsgType></xml>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><xml><FromUserName>&a;</FromUserName></xml>",
        "<xml><a>&b;</a></xml>",
    ] {
        assert_eq!(ask("POST", &[], body).unwrap_err().code, "bad-body", "{body}");
    }
    assert_eq!(ask("GET", &[], "").unwrap_err().code, "bad-query");
    let echo = ask("GET", &[("signature", "x"), ("echostr", "42")], "").unwrap();
    assert_eq!(echo.reply.unwrap().body, b"42");
}

#[test]
fn messages_and_menus_are_sent() {
    let mut message = Outgoing {
        id: "0198f000-1".to_owned(),
        sender: "gh_1".to_owned(),
        recipient: "oABC".to_owned(),
        text: "好的？".to_owned(),
        choices: Vec::new(),
        in_reply_to: None,
    };
    let sent = Host::new().render::<WeChat>(message.clone()).unwrap();
    assert_eq!(sent.url, "https://api.weixin.qq.com/cgi-bin/message/custom/send");
    let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body["text"]["content"], "好的？");
    message.choices.push(Field {
        name: "满意".to_owned(),
        value: "101".to_owned(),
    });
    let sent = Host::new().render::<WeChat>(message).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body["msgmenu"]["list"][0]["content"], "满意");
}

#[test]
fn answers_are_told_apart() {
    let conclude = |status, body: &str| {
        let response = Response {
            message: "0198f000-1".to_owned(),
            status,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        match Host::new().conclude::<WeChat>(response).unwrap() {
            Conclusion::Accepted(id) => (id, false),
            Conclusion::Rejected(Rejection { code, retryable, .. }) => (code, retryable),
        }
    };
    assert_eq!(conclude(200, r#"{"errcode":0,"errmsg":"ok"}"#).0, "0198f000-1");
    assert_eq!(
        conclude(200, r#"{"errcode":42001,"errmsg":"access_token expired"}"#),
        ("token-expired".into(), true)
    );
    assert_eq!(
        conclude(200, r#"{"errcode":45015,"errmsg":"out of time"}"#),
        ("wechat-45015".into(), false)
    );
    assert_eq!(conclude(200, r#"{"errcode":-1}"#), ("wechat--1".into(), true));
    assert_eq!(conclude(502, "<html>"), ("http-502".into(), true));
}
