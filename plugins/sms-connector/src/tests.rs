use jackfield_plugin::{
    channel_connector::{
        Conclusion, Delivery, Error, Field, Outgoing, Received, Rejection, Response, Webhook,
    },
    testing::Host,
};

use super::Sms;

fn host() -> Host {
    Host::new().with_config(
        r#"{"account-sid": "AC1", "status-callback": "https://contact.example/channels/acme/sms"}"#,
    )
}

fn receive(body: &str) -> Result<Received, Error> {
    host().receive::<Sms>(Webhook {
        method: "POST".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    })
}

fn conclude(status: u16, body: &str) -> Conclusion {
    let response = Response {
        message: "1".to_owned(),
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    host().conclude::<Sms>(response).unwrap()
}

#[test]
fn a_message_with_a_picture_is_read() {
    let found = receive(
        "ToCountry=US&SmsMessageSid=MM1&NumMedia=1&SmsSid=MM1&SmsStatus=received&Body=%E4%BD%A0%E5%A5%BD+there&To=%2B18005551212\
         &MediaUrl0=https%3A%2F%2Fapi.twilio.com%2Fm%2F1&MediaContentType0=image%2Fjpeg&MessageSid=MM1&From=%2B14158675310&ApiVersion=2010-04-01",
    )
    .unwrap();
    let message = &found.messages[0];
    assert_eq!(
        (&*message.id, &*message.sender, &*message.recipient),
        ("MM1", "+14158675310", "+18005551212")
    );
    assert_eq!(message.text, "你好 there");
    assert_eq!(message.attachments[0].url, "https://api.twilio.com/m/1");
    let reply = found.reply.unwrap();
    assert!(String::from_utf8(reply.body).unwrap().ends_with("<Response/>"));
}

#[test]
fn the_status_of_a_message_is_read() {
    let told = |status: &str| {
        let body = format!("MessageSid=SM1&MessageStatus={status}&ErrorCode=30003");
        receive(&body).unwrap().receipts
    };
    assert_eq!(told("delivered")[0].delivery, Delivery::Delivered);
    let failed = &told("undelivered")[0];
    assert_eq!(
        (&*failed.id, failed.delivery, failed.reason.as_deref()),
        ("SM1", Delivery::Failed, Some("twilio-30003"))
    );
    for on_its_way in ["queued", "sending", "accepted", "scheduled"] {
        assert_eq!(told(on_its_way), []);
    }
}

#[test]
fn a_form_without_its_fields_is_named() {
    for body in ["", "{}", "MessageSid=1", "MessageStatus=sent"] {
        assert_eq!(receive(body).unwrap_err().code, "bad-body", "{body}");
    }
}

#[test]
fn a_message_is_sent_as_a_form() {
    let message = Outgoing {
        id: "0198f000-1".to_owned(),
        sender: "+18005551212".to_owned(),
        recipient: "+14158675310".to_owned(),
        text: "好的？".to_owned(),
        choices: vec![Field {
            name: "Yes".to_owned(),
            value: "y".to_owned(),
        }],
        in_reply_to: None,
    };
    let request = host().render::<Sms>(message).unwrap();
    assert_eq!(
        request.url,
        "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"
    );
    let form: Vec<_> = form_urlencoded::parse(&request.body).into_owned().collect();
    let field = |name: &str| &form.iter().find(|(known, _)| known == name).unwrap().1;
    assert_eq!(
        (field("To").as_str(), field("From").as_str()),
        ("+14158675310", "+18005551212")
    );
    assert_eq!(field("Body"), "好的？\n1. Yes");
    assert_eq!(
        field("StatusCallback"),
        "https://contact.example/channels/acme/sms"
    );
}

#[test]
fn answers_are_told_apart() {
    assert_eq!(
        conclude(201, r#"{"sid": "SM1", "status": "queued"}"#),
        Conclusion::Accepted("SM1".to_owned())
    );
    let refused = |status, body| match conclude(status, body) {
        Conclusion::Rejected(Rejection { code, retryable, .. }) => (code, retryable),
        other => panic!("{other:?}"),
    };
    let invalid = r#"{"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400}"#;
    assert_eq!(refused(400, invalid), ("twilio-21211".to_owned(), false));
    assert_eq!(
        refused(429, r#"{"code": 20429}"#),
        ("twilio-20429".to_owned(), true)
    );
    assert_eq!(refused(502, "<html>"), ("http-502".to_owned(), true));
}
