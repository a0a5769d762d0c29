use std::net::TcpStream as Plain;

use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::{ClientId, Extension};
use tokio::sync::{Notify, oneshot};

use super::*;
use crate::{Letter, Relay, RelaySecurity, Relayed};

#[derive(Default)]
struct House {
    taken: Mutex<Vec<(u8, Arc<Mail>)>>,
    /// What the next mails come to; taken when there is nothing.
    next: Mutex<Vec<Refusal>>,
    slow: Mutex<Option<Arc<Notify>>>,
}

impl Mailboxes for House {
    type Mailbox = u8;

    fn find(&self, address: &str) -> Option<u8> {
        match address.to_lowercase().as_str() {
            "support@one.example" => Some(1),
            "support@two.example" => Some(2),
            _ => None,
        }
    }

    async fn take(&self, mailbox: u8, mail: Arc<Mail>) -> Result<(), Refusal> {
        let slow = self.slow.lock().unwrap().clone();
        if let Some(slow) = slow {
            slow.notified().await;
        }
        if let Some(refusal) = self.next.lock().unwrap().pop() {
            return Err(refusal);
        }
        self.taken.lock().unwrap().push((mailbox, mail));
        Ok(())
    }
}

struct Running {
    house: Arc<House>,
    at: SocketAddr,
    _end: oneshot::Sender<()>,
}

async fn start(change: impl FnOnce(&mut SmtpOptions)) -> Running {
    let mut options = SmtpOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        name: "mx.example".into(),
        from: Networks::default(),
        tls: None,
    };
    change(&mut options);
    let listener = SmtpListener::open(options).await.unwrap();
    let (at, house) = (listener.address(), Arc::<House>::default());
    let (end, ended) = oneshot::channel::<()>();
    tokio::spawn(listener.serve(house.clone(), async move { drop(ended.await) }));
    Running { house, at, _end: end }
}

fn letter() -> Letter {
    Letter {
        id: "q1@example.com".into(),
        from: ("李雷".into(), "li@example.com".into()),
        to: "Support@ONE.example".into(),
        at: jackfield_types::Timestamp(1_800_000_000_000),
        subject: "订单".into(),
        in_reply_to: None,
        references: Vec::new(),
        automatic: false,
        text: "一\n.\n二".into(),
        parts: Vec::new(),
    }
}

fn relay(security: RelaySecurity) -> Relay {
    Relay {
        host: "localhost".into(),
        security,
        login: None,
        authority: Some(include_str!("../../testdata/cert.pem").into()),
        hello: "example.com".into(),
    }
}

async fn sent(running: &Running, security: RelaySecurity) -> Relayed {
    let bytes = letter().to_bytes().unwrap();
    let relay = relay(security);
    relay
        .send(&[running.at], "li@example.com", "Support@ONE.example", &bytes)
        .await
}

#[tokio::test]
async fn a_mail_is_taken_refused_or_put_off() {
    let running = start(|_| ()).await;
    assert_eq!(sent(&running, RelaySecurity::Plain).await, Relayed::Taken);
    let taken = running.house.taken.lock().unwrap().remove(0);
    assert_eq!(
        (taken.0, taken.1.subject.as_str(), taken.1.text.as_str()),
        (1, "订单", "一\n.\n二")
    );
    let next = |refusal| running.house.next.lock().unwrap().push(refusal);
    next(Refusal::Later);
    let later = sent(&running, RelaySecurity::Plain).await;
    assert!(
        matches!(&later, Relayed::Later(code, _) if code == "smtp-451"),
        "{later:?}"
    );
    next(Refusal::Never("5.7.1", "Not you".into()));
    let never = sent(&running, RelaySecurity::Plain).await;
    assert_eq!(never, Relayed::Refused("smtp-550".into(), "5.7.1 Not you".into()));
    assert!(running.house.taken.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_for_who_asks_for_it() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let tls = tls_from_pem(&folder.join("cert.pem"), &folder.join("key.pem")).unwrap();
    let running = start(|options| options.tls = Some(tls)).await;
    assert_eq!(sent(&running, RelaySecurity::StartTls).await, Relayed::Taken);
    assert_eq!(running.house.taken.lock().unwrap().len(), 1);
    // A relay that offers none gets nothing.
    let clear = start(|_| ()).await;
    let refused = sent(&clear, RelaySecurity::StartTls).await;
    assert!(
        matches!(&refused, Relayed::Later(code, _) if code == "no-starttls"),
        "{refused:?}"
    );
    // Nor does one whose certificate is for somebody else.
    let stranger = Relay {
        host: "elsewhere.example".into(),
        ..relay(RelaySecurity::StartTls)
    };
    let refused = stranger
        .send(&[running.at], "li@example.com", "support@one.example", b"x")
        .await;
    assert!(matches!(refused, Relayed::Later(..)), "{refused:?}");
    assert_eq!(running.house.taken.lock().unwrap().len(), 1);
    // What somebody put in behind STARTTLS is not done within it.
    let mut plain = Dialogue::begin(running.at);
    let said = plain.say("EHLO a\r\nSTARTTLS\r\nMAIL FROM:<x@y.z>\r\n");
    assert!(
        said.ends_with("501 5.5.4 Nothing may come after STARTTLS\r\n"),
        "{said}"
    );
    assert!(tls_from_pem(&folder.join("none.pem"), &folder.join("key.pem")).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_another_library_is_served() {
    let running = start(|_| ()).await;
    let hello = ClientId::Domain("example.com".into());
    let mut client =
        AsyncSmtpConnection::connect_tokio1(running.at, None, &hello, None::<TlsParameters>, None)
            .await
            .unwrap();
    assert!(client.server_info().supports_feature(Extension::EightBitMime));
    let _ = Certificate::from_pem(include_bytes!("../../testdata/cert.pem")).unwrap();
    for _ in 0..3 {
        let envelope = lettre::address::Envelope::new(
            None,
            vec![
                "support@one.example".parse().unwrap(),
                "support@two.example".parse().unwrap(),
            ],
        );
        let bytes = "From: a@b.c\r\nSubject: x\r\n\r\né\r\n.\r\n";
        client.send(&envelope.unwrap(), bytes.as_bytes()).await.unwrap();
    }
    let taken: Vec<u8> = running
        .house
        .taken
        .lock()
        .unwrap()
        .iter()
        .map(|(to, _)| *to)
        .collect();
    assert_eq!(taken, [1, 2, 1, 2, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_crowds_are_turned_away() {
    let running = start(|options| options.from = "192.0.2.0/24".parse().unwrap()).await;
    assert_eq!(&Dialogue::begin(running.at).greeting[..9], "554 5.7.1");
    let running = start(|_| ()).await;
    let open: Vec<Dialogue> = (0..limits::MAX_ADDRESS_SMTP_CONNECTIONS)
        .map(|_| Dialogue::begin(running.at))
        .collect();
    assert!(open.iter().all(|open| open.greeting.starts_with("220")));
    assert_eq!(&Dialogue::begin(running.at).greeting[..9], "421 4.7.0");
    drop(open);
    // Their places are free again when the server has seen that they are gone.
    while !Dialogue::begin(running.at).greeting.starts_with("220") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_only_when_the_mail_is_safe() {
    let running = start(|_| ()).await;
    let gate = Arc::new(Notify::new());
    *running.house.slow.lock().unwrap() = Some(gate.clone());
    let mut client = Dialogue::begin(running.at);
    client.say("EHLO a\r\n");
    client.write("MAIL FROM:<a@b.c>\r\nRCPT TO:<support@one.example>\r\nDATA\r\n");
    client.write("From: a@b.c\r\n\r\nx\r\n.\r\n");
    client.until("354");
    client
        .stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let early = std::io::Read::read(&mut client.stream, &mut [0; 64]);
    assert!(early.is_err(), "nothing is said before");
    gate.notify_one();
    client
        .stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    assert!(client.until("250 2.6.0").contains("250 2.6.0 Taken"));
}

/// A connection on which anything can be said.
struct Dialogue {
    stream: Plain,
    greeting: String,
}

impl Dialogue {
    fn begin(at: SocketAddr) -> Self {
        let stream = Plain::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut begun = Self {
            stream,
            greeting: String::new(),
        };
        begun.greeting = begun.until("\r\n");
        begun
    }

    fn write(&mut self, text: &str) {
        std::io::Write::write_all(&mut self.stream, text.as_bytes()).unwrap();
    }

    /// Reads until that is there, or the end.
    fn until(&mut self, what: &str) -> String {
        let (mut text, mut buffer) = (String::new(), [0; 4_096]);
        while !text.contains(what) {
            match std::io::Read::read(&mut self.stream, &mut buffer).unwrap() {
                0 => break,
                read => text.push_str(std::str::from_utf8(&buffer[..read]).unwrap()),
            }
        }
        text
    }

    /// Says that and reads the last answer.
    fn say(&mut self, text: &str) -> String {
        self.write(text);
        let mut all = String::new();
        while !all
            .lines()
            .last()
            .is_some_and(|line| line.as_bytes().get(3) == Some(&b' ') && !line.starts_with("250-"))
            || all.matches("STARTTLS").count() == 1 && text.contains("STARTTLS")
        {
            let more = self.until("\r\n");
            if more.is_empty() {
                break;
            }
            all.push_str(&more);
        }
        all
    }
}
