use super::*;
use crate::Fate;

fn read(text: &str) -> Mail {
    Mail::read(text.replace('\n', "\r\n").as_bytes(), "li@example.com").unwrap()
}

fn gbk(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}

const HEAD: &str = "From: \"Li, Lei\" <Li.Lei@Example.COM>\nTo: support@one.example\nSubject: Order\nMessage-ID: <q1@example.com>\n";

#[test]
fn a_plain_mail() {
    let mail = read(&format!(
        "{HEAD}In-Reply-To: <a@one>\nReferences: <x@one>\n <y@one> <a@one>\n\nWhere is it?\n\n\n\n-- \nLi\n"
    ));
    assert_eq!(mail.from, "li.lei@example.com");
    assert_eq!(mail.name.as_deref(), Some("Li, Lei"));
    assert_eq!(
        (mail.subject.as_str(), mail.text.as_str()),
        ("Order", "Where is it?")
    );
    assert_eq!(mail.whole.as_deref(), Some("Where is it?\n\n-- \nLi"));
    assert_eq!(mail.id.as_deref(), Some("q1@example.com"));
    assert_eq!(mail.answers, ["a@one", "y@one", "x@one"]);
    assert!(!mail.automatic && mail.report.is_none() && mail.parts.is_empty());
}

#[test]
fn charsets_of_china() {
    let said = "您好，我的订单还没有到。";
    // As encoded words, in base64 and quoted-printable.
    let subject: String = gbk("订单").iter().map(|byte| format!("={byte:02X}")).collect();
    for charset in ["gb2312", "GBK", "gb18030"] {
        let head = format!(
            "From: =?{charset}?Q?{}?= <li@qq.com>\r\nSubject: =?{charset}?Q?{subject}?= 12\r\n\
             Content-Type: text/plain; charset=\"{charset}\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
            gbk("李雷")
                .iter()
                .map(|byte| format!("={byte:02X}"))
                .collect::<String>()
        );
        let mail = Mail::read(&[head.as_bytes(), &gbk(said)].concat(), "x").unwrap();
        assert_eq!(mail.name.as_deref(), Some("李雷"), "{charset}");
        assert_eq!(
            (mail.subject.as_str(), mail.text.as_str()),
            ("订单 12", said),
            "{charset}"
        );
    }
    // Eight bits without a word about what they are.
    let raw = [
        b"From: li@qq.com\r\nSubject: ",
        &gbk("订单")[..],
        b"\r\n\r\n",
        &gbk(said),
    ]
    .concat();
    let mail = Mail::read(&raw, "x").unwrap();
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("订单", said));
    // A character that only GB18030 has.
    let rare = [
        b"From: a@b.c\r\nContent-Type: text/plain; charset=gb18030\r\n\r\n",
        &gbk("𠀀€")[..],
    ]
    .concat();
    assert_eq!(Mail::read(&rare, "x").unwrap().text, "𠀀€");
}

#[test]
fn html_alone_becomes_text() {
    let mail = read(&format!(
        "{HEAD}Content-Type: text/html; charset=utf-8\n\n<div>Where is <b>it</b>?</div><script>alert(1)</script>\
         <div class=gmail_quote><div>On Mon, Shop wrote:<br></div><blockquote>Hello</blockquote></div>\n"
    ));
    assert_eq!(mail.text, "Where is it?");
    assert!(mail.whole.unwrap().contains("> Hello"));
}

#[test]
fn of_alternatives_the_text_is_read() {
    let both = |text: &str| {
        format!(
            "{HEAD}Content-Type: multipart/alternative; boundary=b\n\n--b\n\n{text}\n--b\nContent-Type: text/html\n\n\
             <p>rich</p>\n--b--\n"
        )
    };
    let mail = read(&both("plain"));
    assert_eq!((mail.text.as_str(), mail.parts.len()), ("plain", 0));
    assert_eq!(read(&both("  ")).text, "rich", "a text that says nothing");
}

#[test]
fn parts_are_found_wherever_they_are() {
    let mail = read(&format!(
        "{HEAD}Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/related; boundary=i\n\n--i\n\
         Content-Type: text/html\n\n<p>see <img src=cid:1></p>\n--i\nContent-Type: image/png\nContent-ID: <1>\n\
         Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--i--\n--o\nContent-Type: application/pdf\n\
         Content-Disposition: attachment; filename*=utf-8''%E6%94%B6%E6%8D%AE.pdf\nContent-Transfer-Encoding: base64\n\n\
         JVBERi0=\n--o\nContent-Type: message/rfc822\n\nSubject: inner\n\nsecret\n--o\nContent-Type: text/plain\n\
         Content-Disposition: attachment; filename=a.txt\n\nnotes\n--o--\n"
    ));
    assert_eq!(mail.text, "see");
    let parts: Vec<_> = mail
        .parts
        .iter()
        .map(|part| (part.name.as_str(), part.media_type.as_str()))
        .collect();
    assert_eq!(
        parts,
        [
            ("", "image/png"),
            ("收据.pdf", "application/pdf"),
            ("inner", "message/rfc822"),
            ("a.txt", "text/plain"),
        ]
    );
    assert_eq!(mail.parts[1].bytes, b"%PDF-");
    assert_eq!(mail.parts[3].bytes, b"notes");
}

#[test]
fn what_programs_write_is_known() {
    for line in [
        "Auto-Submitted: auto-replied",
        "auto-submitted: auto-generated; x=1",
        "Precedence: bulk",
        "Precedence: list",
        "List-Id: <l.example.com>",
        "List-Unsubscribe: <https://example.com/>",
        "X-Auto-Response-Suppress: All",
        "X-Autoreply: yes",
    ] {
        assert!(read(&format!("{HEAD}{line}\n\nx\n")).automatic, "{line}");
    }
    for line in ["Auto-Submitted: no", "Precedence: first-class", "X-Other: bulk"] {
        assert!(!read(&format!("{HEAD}{line}\n\nx\n")).automatic, "{line}");
    }
    assert!(read("From: MAILER-DAEMON@example.com\n\nx\n").automatic);
    let null = Mail::read(format!("{HEAD}\n\nx\n").as_bytes(), "").unwrap();
    assert!(null.automatic, "a sender who wants no answer");
}

#[test]
fn the_same_mail_is_known_again() {
    let stamp = |text: &str| read(text).stamp;
    let one = format!("{HEAD}\nx\n");
    assert_eq!(stamp(&one), stamp(&format!("Received: from a by b\n{one}")));
    assert_eq!(stamp(&one).len(), 55);
    assert_ne!(
        stamp(&one),
        stamp(&one.replace("Li.Lei@", "mallory@")),
        "another writer's"
    );
    let without = "From: a@b.c\nDate: Mon, 3 Aug 2026 10:00:00 +0800\nSubject: s\n\nx\n";
    assert_eq!(
        stamp(without),
        stamp(&format!("Received: from a by b\n{without}"))
    );
    assert_ne!(stamp(without), stamp(&without.replace("\nx\n", "\ny\n")));
    assert_ne!(stamp(without), stamp(&without.replace("10:00:00", "10:00:01")));
}

#[test]
fn a_report_tells_what_became_of_a_mail() {
    let report = |action: &str, original: &str| {
        let text = format!(
            "From: MAILER-DAEMON@mx.example.com\nSubject: Undelivered\nMessage-ID: <r@mx>\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n--b\n\
             Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n\
             Final-Recipient: rfc822; li@example.com\nAction: {action}\nStatus: 5.1.1 (no such user)\n\
             Diagnostic-Code: smtp; 550 5.1.1\n  no such <user>\n--b\n{original}\n--b--\n"
        );
        Mail::read(text.replace('\n', "\r\n").as_bytes(), "").unwrap()
    };
    let whole =
        "Content-Type: message/rfc822\n\nMessage-ID: <t0ken@one.example>\nSubject: Re: Order\n\nHello";
    let headers =
        "Content-Type: text/rfc822-headers\n\nMessage-ID: <t0ken@one.example>\nSubject: Re: Order\n";
    let line = "Content-Type: text/rfc822-headers\n\nMessage-ID: <t0ken@one.example>";
    for original in [whole, headers, line] {
        let mail = report("Failed", original);
        let told = mail.report.unwrap();
        assert_eq!(told.originals, ["t0ken@one.example"]);
        assert_eq!((told.fate, told.status.as_str()), (Fate::Failed, "5.1.1"));
        assert_eq!(told.words, "550 5.1.1 no such <user>");
        assert!(mail.automatic && mail.parts.is_empty());
    }
    assert_eq!(report("delayed", whole).report.unwrap().fate, Fate::UnderWay);
    assert_eq!(report("delivered", whole).report.unwrap().fate, Fate::Delivered);
    let plain = read(&format!(
        "{HEAD}Content-Type: message/delivery-status\n\nAction: failed\n"
    ));
    assert_eq!(plain.report, None, "only within a report");
}

#[test]
fn nasty_mails_are_read_or_refused() {
    assert_eq!(Mail::read(b"", "x"), Err(Unreadable::NoHeader));
    let circles = "Received: from a by b\n".repeat(limits::MAX_MAIL_HOPS + 1);
    let circling = Mail::read(format!("{circles}{HEAD}\n\nx").as_bytes(), "x");
    assert_eq!(circling, Err(Unreadable::Circles));
    let nested: String = (0..2_000).fold(HEAD.to_owned(), |text, n| {
        format!("{text}Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")
    });
    let many = format!(
        "{HEAD}Content-Type: multipart/mixed; boundary=b\n\n{}",
        "--b\nContent-Type: a/b\n\nx\n".repeat(5_000)
    );
    let junk: Vec<u8> = (0..100_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let long = format!(
        "From: a@b.c\nSubject: {}\nReferences: {}\n\nx",
        "很".repeat(10_000),
        "<a@b> ".repeat(10_000)
    );
    let ids = "From: a@b.c\nMessage-ID: <a b@c\x01d>\nIn-Reply-To: \"<x@y>\"<<z>>\n\nx";
    let bomb = format!("{HEAD}Content-Type: text/html\n\n{}", "<div>".repeat(200_000));
    for raw in [
        nested.as_bytes(),
        many.as_bytes(),
        &junk,
        long.as_bytes(),
        ids.as_bytes(),
        bomb.as_bytes(),
        b"\r\n\r\n",
        b":\r\n",
    ] {
        if let Ok(mail) = Mail::read(raw, "x") {
            assert!(mail.subject.len() <= limits::MAX_SUBJECT_BYTES);
            assert!(mail.answers.len() <= limits::MAX_MAIL_REFERENCES);
            assert!(mail.parts.len() <= limits::MAX_MAIL_PARTS);
        }
    }
    let mail = read(&many);
    assert_eq!(mail.left_out.len(), limits::MAX_MAIL_PARTS);
    assert!(
        Mail::read(ids.as_bytes(), "x")
            .unwrap()
            .id
            .is_none_or(|id| is_id(&id))
    );
}
