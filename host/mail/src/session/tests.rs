use super::*;
use crate::lines::Lines;

/// Says all that at once; the replies, and the mails that were taken.
fn says(session: &mut Session<u8>, text: &[u8]) -> (Vec<String>, Vec<Incoming<u8>>) {
    let (mut lines, mut replies, mut mails) = (Lines::default(), Vec::new(), Vec::new());
    lines.feed(text);
    while let Some(line) = lines.next(session.longest()) {
        let find = |address: &str| match address {
            "support@one.example" | "help@one.example" => Some(1),
            "support@two.example" => Some(2),
            _ => None,
        };
        match session.line(line, find) {
            Step::Wait => {}
            Step::Reply(text) | Step::Close(text) => replies.push(text),
            Step::Secure => replies.push("secure".into()),
            Step::Take(mail) => {
                replies.push("taken".into());
                mails.push(mail);
            }
        }
    }
    (replies, mails)
}

fn session() -> Session<u8> {
    Session::new("mx.example".into(), false, Arc::new(Semaphore::new(1_000)))
}

/// What the session answers, codes alone.
fn codes(text: &str) -> Vec<String> {
    let (replies, _) = says(&mut session(), text.as_bytes());
    replies
        .iter()
        .map(|reply| reply[..reply.len().min(3)].to_owned())
        .collect()
}

const BEGUN: &str = "EHLO a\r\nMAIL FROM:<li@example.com>\r\nRCPT TO:<support@one.example>\r\nDATA\r\n";

#[test]
fn a_mail_is_taken_in_one_go() {
    let mut session = session();
    let text = format!("{BEGUN}Subject: x\r\n\r\n..a dot\r\n. not alone\r\n\r\n.\r\nQUIT\r\n");
    let (replies, mails) = says(&mut session, text.as_bytes());
    assert_eq!(
        replies,
        [
            "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 26214400\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n",
            "250 2.1.0 OK\r\n",
            "250 2.1.5 OK\r\n",
            "354 End with a dot on a line of its own\r\n",
            "taken",
            "221 2.0.0 Bye\r\n",
        ]
    );
    assert_eq!(
        (mails[0].from.as_str(), &mails[0].to[..]),
        ("li@example.com", &[1][..])
    );
    assert_eq!(mails[0].data, b"Subject: x\r\n\r\n.a dot\r\n not alone\r\n\r\n");
}

#[test]
fn commands_keep_their_order() {
    for (text, expected) in [
        ("MAIL FROM:<a@b.c>\r\n", "503"),
        ("EHLO a\r\nRCPT TO:<support@one.example>\r\n", "250 503"),
        ("EHLO a\r\nDATA\r\n", "250 503"),
        (
            "HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<support@one.example>\r\nRSET\r\nDATA\r\n",
            "250 250 250 250 503",
        ),
        (
            "EHLO a\r\nMAIL FROM:<a@b.c>\r\nMAIL FROM:<a@b.c>\r\n",
            "250 250 503",
        ),
        (
            "EHLO a\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<nobody@one.example>\r\nDATA\r\n",
            "250 250 550 503",
        ),
        ("EHLO a\r\nMAIL FROM:<a@b.c> SIZE=26214401\r\n", "250 552"),
        (
            "EHLO a\r\nMAIL FROM:<a@b.c> SIZE=1000 BODY=8BITMIME\r\n",
            "250 250",
        ),
        ("EHLO a\r\nMAIL FROM:<a@b.c> SMTPUTF8\r\n", "250 555"),
        ("EHLO a\r\nMAIL FROM:<a@b.c> BODY=BINARYMIME\r\n", "250 555"),
        ("EHLO a\r\nBDAT 5 LAST\r\n", "250 502"),
        (
            "NOOP\r\nVRFY a\r\nEXPN a\r\nHELP\r\nSTARTTLS\r\nAUTH PLAIN\r\n",
            "250 252 502 214 502 502",
        ),
        ("GET / HTTP/1.1\r\n\r\n", "500 500"),
        ("EHLO\r\nMAIL\r\nRCPT\r\nMAIL FROM:a\r\n", "501 501 501 501"),
    ] {
        assert_eq!(codes(text).join(" "), expected, "{text:?}");
    }
}

#[test]
fn two_addresses_of_a_mailbox_get_one_mail() {
    let text = "EHLO a\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<support@one.example>\r\nRCPT TO:<help@one.example>\r\n\
                RCPT TO:<support@two.example>\r\nDATA\r\nx\r\n.\r\n";
    let (_, mails) = says(&mut session(), text.as_bytes());
    assert_eq!(mails[0].to, [1, 2]);
}

#[test]
fn nothing_but_cr_lf_dot_cr_lf_ends_a_mail() {
    for end in [
        "\n.\n",
        "\n.\r\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\n",
        "\r\n.\r",
        "\r\r\n.\n",
    ] {
        let smuggled = format!("MAIL FROM:<ceo@one.example>{end}RCPT TO:<support@two.example>");
        let text = format!("{BEGUN}Subject: x\r\n\r\nhello{end}{smuggled}\r\n.\r\nNOOP\r\n");
        let (replies, mails) = says(&mut session(), text.as_bytes());
        assert!(mails.is_empty(), "{end:?}");
        let last: Vec<&str> = replies.iter().skip(4).map(|reply| &reply[..9]).collect();
        assert_eq!(last, ["550 5.5.2", "250 2.0.0"], "{end:?}");
    }
}

#[test]
fn what_is_too_much_is_refused_in_its_place() {
    let line = format!("{}\r\n", "x".repeat(60_000));
    let large = line.repeat(limits::MAX_MAIL_BYTES / line.len() + 1);
    assert_eq!(
        codes(&format!("{BEGUN}{large}.\r\nNOOP\r\n"))[4..],
        ["552", "250"]
    );
    let long = "x".repeat(limits::MAX_MAIL_LINE_BYTES + 1);
    assert_eq!(
        codes(&format!("{BEGUN}{long}\r\n.\r\nNOOP\r\n"))[4..],
        ["554", "250"]
    );
    assert_eq!(
        codes(&format!("NOOP {}\r\nNOOP\r\n", "x".repeat(4_000))),
        ["500", "250"]
    );
    let mut crowd = "EHLO a\r\nMAIL FROM:<a@b.c>\r\n".to_owned();
    for _ in 0..3 {
        crowd.push_str("RCPT TO:<nobody@one.example>\r\n");
    }
    assert_eq!(codes(&crowd)[2..], ["550", "550", "550"]);
    let guesses = format!(
        "EHLO a\r\nMAIL FROM:<a@b.c>\r\n{}",
        "RCPT TO:<x@one.example>\r\n".repeat(20)
    );
    assert_eq!(
        codes(&guesses).last().unwrap(),
        "421",
        "who guesses addresses is sent away"
    );
}

#[test]
fn mails_share_their_room() {
    let room = Arc::new(Semaphore::new(2));
    let mut session = Session::<u8>::new("mx".into(), false, room.clone());
    let text = format!("{BEGUN}{}.\r\n", format!("{}\r\n", "x".repeat(1_000)).repeat(100));
    let (_, mut mails) = says(&mut session, text.as_bytes());
    assert_eq!(mails.len(), 1);
    assert_eq!(room.available_permits(), 0);
    let again = text.replace("EHLO a\r\n", "");
    let (replies, _) = says(&mut session, again.as_bytes());
    assert_eq!(&replies.last().unwrap()[..9], "452 4.3.1");
    mails.clear();
    assert_eq!(room.available_permits(), 2);
    let (replies, _) = says(&mut session, again.as_bytes());
    assert_eq!(replies.last().unwrap(), "taken");
}

#[test]
fn tls_begins_a_session_anew() {
    let mut session = Session::<u8>::new("mx".into(), true, Arc::new(Semaphore::new(1)));
    let (replies, _) = says(&mut session, b"EHLO a\r\nMAIL FROM:<a@b.c>\r\nSTARTTLS\r\n");
    assert!(replies[0].contains("STARTTLS"), "{replies:?}");
    assert_eq!(replies[2], "secure");
    session.secured();
    let (replies, _) = says(
        &mut session,
        b"RCPT TO:<support@one.example>\r\nMAIL FROM:<a@b.c>\r\nEHLO a\r\nSTARTTLS\r\n",
    );
    assert!(replies[0].starts_with("503") && replies[1].starts_with("503"));
    assert!(!replies[2].contains("STARTTLS") && replies[3].starts_with("502"));
}
