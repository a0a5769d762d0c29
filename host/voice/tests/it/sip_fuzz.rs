//! Thousands of broken messages, and then a call as if nothing had been.

use std::sync::atomic::{AtomicUsize, Ordering};

use jackfield_contact::leg::{Cause, LegCommand};
use jackfield_voice::{VoiceEvent, softphone::Transport};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    raw::{Raw, Request, SDP, to_tag},
    support::{House, NUMBER, hang_up},
};

/// Messages over UDP.
const MESSAGES: u32 = 6_000;
/// After so many, an OPTIONS has to be answered, so that no queue in between overflows.
const BATCH: u32 = 40;

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts panics outside of the tests themselves.
fn count_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.location().is_none_or(|at| !at.file().contains("tests/it")) {
            PANICS.fetch_add(1, Ordering::Relaxed);
        }
        usual(info);
    }));
}

/// The same numbers on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides.max(1)
    }
}

/// Breaks a message in one to four places.
fn mutate(text: &str, dice: &mut Dice) -> Vec<u8> {
    const PIECES: [&str; 16] = [
        "",
        "\r\n",
        "\r\n\r\n",
        ":",
        ";",
        "=",
        "<",
        ">",
        "\"",
        "%",
        "m=audio",
        "v=0\r\n",
        "a=rtpmap:",
        "4294967296",
        "-1",
        "呼",
    ];
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len() + 1);
        let until = (at + dice.roll(24)).min(bytes.len());
        match dice.roll(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..until)),
            2 => drop(bytes.splice(at..until, PIECES[dice.roll(PIECES.len())].bytes())),
            3 => bytes
                .splice(at..at, PIECES[dice.roll(PIECES.len())].bytes())
                .for_each(drop),
            4 => {
                let copy = bytes[at..until].to_vec();
                bytes
                    .splice(at..at, copy.into_iter().cycle().take(200))
                    .for_each(drop);
            }
            _ => bytes
                .iter_mut()
                .skip(at)
                .take(3)
                .for_each(|byte| *byte = dice.roll(256) as u8),
        }
    }
    bytes
}

/// Ends every call that comes in, some after answering.
async fn tidy(house: &mut House) {
    while let Some(event) = house.next_now() {
        if let VoiceEvent::Incoming { leg, .. } = event {
            if leg.interaction.as_u128() % 2 == 0 {
                house.order(leg, LegCommand::Answer);
            }
            house.order(leg, hang_up(Cause::Busy));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_messages_break_nothing() {
    count_panics();
    let mut house = House::open().await;
    let raw = Raw::new(house.voice.sip_udp()).await;
    // A call that the broken requests may belong to.
    raw.send(&Request::invite(1)).await;
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    let tag = to_tag(&raw.final_of(1).await);
    let inside = |method, cseq| Request {
        to_tag: tag.clone(),
        cseq,
        ..Request::new(method, 1)
    };
    raw.send(&Request {
        branch: 7,
        ..inside("ACK", 1)
    })
    .await;

    let authorization = "Authorization: Digest username=\"anna.demo\", realm=\"jackfield\", nonce=\"00\", \
        uri=\"sip:127.0.0.1\", response=\"00\", cnonce=\"c\", nc=00000001, qop=auth";
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for n in 0..MESSAGES {
        let number = 1_000 + n;
        let seed = match dice.roll(12) {
            0..=2 => Request::invite(number)
                .with("Supported: timer")
                .with("Session-Expires: 90"),
            3 => Request::new("REGISTER", number)
                .with("Expires: 60")
                .with(authorization),
            4 => Request::new("OPTIONS", number),
            5 => inside("INFO", 2 + n)
                .with("Content-Type: application/dtmf-relay")
                .sdp("Signal=5\r\nDuration=160\r\n"),
            6 | 7 => inside("INVITE", 2 + n).sdp(SDP),
            8 => inside("UPDATE", 2 + n).sdp(SDP),
            9 => Request {
                branch: 7,
                ..inside("ACK", 2 + n)
            }
            .sdp(SDP),
            10 => Request::new("CANCEL", number),
            _ => Request::new("INVITE", number).sdp(&String::from_utf8_lossy(&mutate(SDP, &mut dice))),
        };
        raw.send_bytes(&mutate(&seed.text(raw.local()), &mut dice)).await;
        if n % BATCH == 0 {
            let probe = Request::new("OPTIONS", 100_000 + n);
            assert!(raw.answer_to(&probe).await.starts_with("SIP/2.0 200"));
            tidy(&mut house).await;
        }
    }
    for n in 0..200 {
        let mut stream = TcpStream::connect(house.voice.sip_tcp().unwrap()).await.unwrap();
        let text = Request::invite(200_000 + n).text(stream.local_addr().unwrap());
        stream.write_all(&mutate(&text, &mut dice)).await.ok();
    }
    tidy(&mut house).await;

    let customer = house.customer(Transport::Tcp).await;
    let mut call = customer.call(NUMBER).unwrap();
    // Broken calls over TCP may still come in beside the customer's.
    let mut legs = vec![leg];
    let answered = async {
        loop {
            tokio::select! {
                answered = call.answered() => return answered,
                event = house.next() => if let VoiceEvent::Incoming { leg, .. } = event {
                    legs.push(leg);
                    house.order(leg, LegCommand::Answer);
                },
            }
        }
    };
    answered.await.unwrap();
    drop(call);
    for leg in legs {
        house.order(leg, hang_up(Cause::Normal));
    }
    house.ends_calls().await;
    assert_eq!(PANICS.load(Ordering::Relaxed), 0, "panics");
}
