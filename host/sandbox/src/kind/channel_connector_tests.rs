use super::*;

const LIMIT: usize = 64 * 1024;

fn sample() -> wit::Message {
    wit::Message {
        id: "m1".into(),
        sender: "+8613800138000".into(),
        recipient: String::new(),
        sender_name: Some("李雷".into()),
        at: Some(5),
        text: "你好".into(),
        attachments: vec![wit::Attachment {
            name: String::new(),
            media_type: "image/jpeg".into(),
            url: "https://media.example:8443/a%20b?size=1".into(),
        }],
    }
}

fn receipt() -> wit::Receipt {
    wit::Receipt {
        id: "p1".into(),
        delivery: wit::Delivery::Read,
        at: None,
        reason: None,
    }
}

fn answer(status: u16, content_type: &str, body: usize) -> wit::Reply {
    wit::Reply {
        status,
        content_type: content_type.into(),
        body: vec![b'x'; body],
    }
}

fn rendered() -> wit::Request {
    let text = |name: &str, text: &str| wit::Parameter {
        name: name.into(),
        value: wit::Value::Text(text.into()),
    };
    wit::Request {
        method: wit::Method::Post,
        url: "https://api.example/v1/messages".into(),
        query: vec![text("to", "a b&c")],
        headers: vec![
            text("Content-Type", "application/json"),
            wit::Parameter {
                name: "authorization".into(),
                value: wit::Value::Secret(wit::Secret {
                    name: "token".into(),
                    prefix: "Bearer ".into(),
                }),
            },
        ],
        body: b"{}".to_vec(),
    }
}

#[test]
fn what_a_provider_said_passes() {
    let found = wit::Received {
        messages: vec![sample()],
        receipts: vec![receipt()],
        reply: Some(answer(200, "text/plain; charset=utf-8", 3)),
    };
    let found = received(&mut Checker::new(LIMIT), found).unwrap();
    assert_eq!(
        (found.messages.len(), found.receipts[0].delivery),
        (1, Delivery::Read)
    );
    assert_eq!(found.messages[0].at, Some(Timestamp(5)));
    assert_eq!(found.reply.unwrap().status, 200);
}

#[test]
fn what_breaks_a_rule_of_received_is_named() {
    fn one(change: fn(&mut wit::Message)) -> wit::Received {
        let mut message = sample();
        change(&mut message);
        wit::Received {
            messages: vec![message],
            receipts: vec![],
            reply: None,
        }
    }
    fn acknowledged(change: fn(&mut wit::Receipt)) -> wit::Received {
        let mut receipt = receipt();
        change(&mut receipt);
        wit::Received {
            messages: vec![],
            receipts: vec![receipt],
            reply: None,
        }
    }
    fn replied(status: u16, content_type: &str, body: usize) -> wit::Received {
        wit::Received {
            messages: vec![],
            receipts: vec![],
            reply: Some(answer(status, content_type, body)),
        }
    }
    let many = wit::Received {
        messages: vec![sample(); 101],
        ..replied(200, "", 0)
    };
    for (found, part) in [
        (many, "messages: found 101 entries, expected at most 100"),
        (
            one(|it| it.id = String::new()),
            "messages[0].id: found an empty text, expected 1 to 128 bytes",
        ),
        (
            one(|it| it.sender = "x".repeat(129)),
            "messages[0].sender: found 129 bytes",
        ),
        (
            one(|it| it.recipient = "x".repeat(129)),
            "messages[0].recipient: found 129 bytes",
        ),
        (
            one(|it| it.attachments[0].media_type = String::new()),
            "messages[0].attachments[0].media-type: found \"\"",
        ),
        (
            one(|it| it.attachments[0].url = "file:///etc/passwd".into()),
            "messages[0].attachments[0].url: found \"file:///etc/passwd\", expected an https address",
        ),
        (
            acknowledged(|it| it.id = String::new()),
            "receipts[0].id: found an empty text",
        ),
        (
            replied(199, "", 0),
            "reply.status: found 199, expected 200 to 599",
        ),
        (
            replied(200, "text/plain\r\nset-cookie: a", 0),
            "reply.content-type: found",
        ),
        (replied(200, "", 16 * 1024 + 1), "reply.body: found 16385 entries"),
    ] {
        let failure = received(&mut Checker::new(LIMIT), found).unwrap_err();
        assert!(failure.message.contains(part), "{failure:?}: expected {part:?}");
    }
}

#[test]
fn a_sound_request_passes_with_its_secret_unnamed() {
    let found = request(&mut Checker::new(LIMIT), rendered()).unwrap();
    assert_eq!(&*found.headers[0].0, "content-type");
    let secret = FieldValue::Secret {
        name: "token".into(),
        prefix: "Bearer ".into(),
    };
    assert_eq!(found.headers[1].1, secret);
    for url in [
        "https://a",
        "https://10.0.0.1:8443/x?",
        "https://a.b-c.example/%E4/;,=@+",
    ] {
        let fits = super::url(&mut Checker::new(LIMIT), "url", url.into(), Part::Query);
        assert!(fits.is_ok(), "{url}: {fits:?}");
    }
}

#[test]
fn what_breaks_a_rule_of_a_request_is_named() {
    fn changed(change: fn(&mut wit::Request)) -> wit::Request {
        let mut request = rendered();
        change(&mut request);
        request
    }
    for url in [
        "http://api.example/",
        "https://",
        "https:///x",
        "https://user:pw@api.example/",
        "https://api.example@evil.example/",
        "https://api.example:0/",
        "https://api.example:99999/",
        "https://api.example/#x",
        "https://api.example/?token=1",
        "https://api.example?x",
        "https://api.example/a b",
        "https://api.example\\@evil.example/",
        "https://api.example/\r\nhost: evil",
        "https://[::1]/",
        "https://-a/",
    ] {
        let mut request = rendered();
        request.url = url.into();
        let failure = super::request(&mut Checker::new(LIMIT), request).unwrap_err();
        assert!(failure.message.starts_with("url: found"), "{url}: {failure:?}");
    }
    for (request, part) in [
        (
            changed(|it| it.method = wit::Method::Get),
            "body: found 2 bytes, expected none for get",
        ),
        (
            changed(|it| it.body = vec![0; 48 * 1024 + 1]),
            "body: found 49153 entries, expected at most 49152",
        ),
        (
            changed(|it| it.url = format!("https://a/{}", "x".repeat(2_048))),
            "url: found 2058 bytes",
        ),
        (
            changed(|it| it.query = vec![it.query[0].clone(); 33]),
            "query: found 33 entries",
        ),
        (
            changed(|it| it.query[0].name = String::new()),
            "query[0].name: found an empty text",
        ),
        (
            changed(|it| it.query[0].value = wit::Value::Text("x".repeat(2_049))),
            "query[0].value: found 2049 bytes",
        ),
        (
            changed(|it| it.headers = vec![it.headers[0].clone(); 33]),
            "headers: found 33 entries",
        ),
        (
            changed(|it| it.headers = vec![it.headers[0].clone(); 2]),
            "headers[1].name: found content-type again",
        ),
        (
            changed(|it| it.headers[0].name = "Host".into()),
            "headers[0].name: found \"host\"",
        ),
        (
            changed(|it| it.headers[0].name = "Proxy-Authorization".into()),
            "headers[0].name: found",
        ),
        (
            changed(|it| it.headers[0].name = "a: b".into()),
            "headers[0].name: found \"a: b\"",
        ),
        (
            changed(|it| it.headers[0].name = String::new()),
            "headers[0].name: found an empty text",
        ),
        (
            changed(|it| it.headers[0].value = wit::Value::Text("a\r\nhost: evil".into())),
            "headers[0].value: found a control character",
        ),
        (
            changed(|it| {
                it.headers[1].value = wit::Value::Secret(wit::Secret {
                    name: String::new(),
                    prefix: String::new(),
                })
            }),
            "headers[1].value.name: found an empty text",
        ),
        (
            changed(|it| {
                it.headers[1].value = wit::Value::Secret(wit::Secret {
                    name: "token".into(),
                    prefix: "\n".into(),
                })
            }),
            "headers[1].value.prefix: found a control character",
        ),
    ] {
        let failure = super::request(&mut Checker::new(LIMIT), request).unwrap_err();
        assert!(failure.message.contains(part), "{failure:?}: expected {part:?}");
    }
}

#[test]
fn conclusions_are_checked() {
    let rejected = |code: &str, message: usize| {
        wit::Conclusion::Rejected(wit::Rejection {
            code: code.into(),
            message: "x".repeat(message),
            retryable: true,
        })
    };
    let check =
        |found| conclusion(&mut Checker::new(LIMIT), found).map_err(|failure| failure.message.to_string());
    assert_eq!(
        check(wit::Conclusion::Accepted("p1".into())),
        Ok(Conclusion::Accepted("p1".into()))
    );
    assert!(check(rejected("blocked", 2_048)).is_ok());
    for (found, part) in [
        (
            wit::Conclusion::Accepted(String::new()),
            "accepted: found an empty text",
        ),
        (
            wit::Conclusion::Accepted("x".repeat(129)),
            "accepted: found 129 bytes",
        ),
        (rejected("", 1), "rejected.code: found an empty text"),
        (rejected("blocked", 2_049), "rejected.message: found 2049 bytes"),
    ] {
        let error = check(found).unwrap_err();
        assert!(error.contains(part), "{error}: expected {part:?}");
    }
}

#[test]
fn what_a_customer_wrote_is_cut_or_passed_over_and_fails_no_other() {
    let long = wit::Message {
        sender_name: Some("赵".repeat(43)),
        text: format!("{}赵", "x".repeat(8_191)),
        attachments: vec![sample().attachments[0].clone(); 17],
        ..sample()
    };
    let empty = wit::Message {
        text: String::new(),
        attachments: vec![],
        ..sample()
    };
    let found = wit::Received {
        messages: vec![empty, long, sample()],
        receipts: vec![],
        reply: None,
    };
    let found = received(&mut Checker::new(LIMIT), found).unwrap();
    assert_eq!(found.messages.len(), 2);
    let cut = &found.messages[0];
    assert_eq!(cut.sender_name.as_deref(), Some(&*"赵".repeat(42)));
    assert_eq!((cut.text.len(), cut.attachments.len()), (8_191, 16));
    assert_eq!((cut.cut, found.messages[1].cut), (true, false));
}

#[test]
fn of_messages_that_have_no_room_together_the_largest_are_cut() {
    let with = |id: String, text: usize, attachments: usize| {
        let url = format!("https://media.example/{}", "x".repeat(2_000));
        let attachment = wit::Attachment {
            url,
            ..sample().attachments[0].clone()
        };
        wit::Message {
            id,
            text: "x".repeat(text),
            attachments: vec![attachment; attachments],
            ..sample()
        }
    };
    let read = |messages| {
        let found = wit::Received {
            messages,
            receipts: vec![receipt(); 100],
            reply: Some(answer(200, "", 8_000)),
        };
        received(&mut Checker::new(LIMIT), found).unwrap().messages
    };
    // One whose attachments take the room loses some of them, and no other anything.
    let mut messages: Vec<_> = (0..3).map(|n| with(format!("m{n}"), 8_000, 0)).collect();
    messages.insert(1, with("large".into(), 8_000, 16));
    for read in read(messages) {
        let large = &*read.id == "large";
        assert_eq!((read.cut, read.text.len()), (large, 8_000), "{}", read.id);
        assert!((5..16).contains(&read.attachments.len()) || !large);
    }
    // Where all are long, each is cut alike, and the short one stays.
    let mut messages: Vec<_> = (0..12).map(|n| with(format!("m{n}"), 8_000, 0)).collect();
    messages.push(with("short".into(), 500, 0));
    for read in read(messages) {
        let short = &*read.id == "short";
        assert_eq!(
            (read.cut, read.text.len() > 3_000),
            (!short, !short),
            "{}",
            read.id
        );
        assert_eq!(read.text.ends_with('…'), !short);
    }
    // With nothing left of it, it is still told of.
    let mut pictures = Written {
        n: 0,
        message: with("pictures".into(), 0, 16),
        cut: false,
    };
    pictures.cut_to(100);
    assert_eq!((&*pictures.message.text, pictures.cut), ("…", true));
}

#[test]
fn a_question_with_too_large_a_body_is_not_asked() {
    let mut asked = Webhook {
        method: "POST".into(),
        query: vec![],
        headers: vec![("content-type".into(), "application/json".into())],
        body: vec![0; MAX_WEBHOOK_BODY_BYTES],
    };
    assert!(webhook(Lower::question(256 * 1024), &asked).is_ok());
    asked.body.push(0);
    let failure = webhook(Lower::question(256 * 1024), &asked).unwrap_err();
    assert_eq!(&*failure.code, "oversize");
}
