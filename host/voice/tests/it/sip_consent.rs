//! Sound goes only to a peer that has shown that it is there, and a peer that has gone is noticed.

use std::time::Duration;

use jackfield_contact::leg::{Cause, LegCommand};
use tokio::{net::UdpSocket, time::timeout};

use crate::{
    raw::{Raw, Request, SDP, to_tag},
    support::{House, LIMIT, hang_up},
};

/// A frame of a phone.
const SOUND: [u8; 172] = {
    let mut packet = [0; 172];
    packet[0] = 0x80;
    packet
};

/// Where our side listens.
fn port_of(answer: &str) -> u16 {
    let audio = answer.split("m=audio ").nth(1);
    audio
        .and_then(|rest| rest.split(' ').next()?.parse().ok())
        .unwrap()
}

/// Answers the call number 1 with its offer; what our side said.
async fn answered(house: &mut House, raw: &Raw, sdp: &str) -> (jackfield_types::LegId, String) {
    raw.send(&Request::new("INVITE", 1).sdp(sdp)).await;
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    (leg, raw.final_of(1).await)
}

fn ack(tag: &str) -> Request {
    Request {
        branch: 7,
        to_tag: tag.into(),
        ..Request::new("ACK", 1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sound_before_the_ack() {
    let mut house = House::open().await;
    let raw = Raw::new(house.voice.sip_udp()).await;
    let victim = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = victim.local_addr().unwrap().port();
    let (leg, answer) = answered(
        &mut house,
        &raw,
        &SDP.replace("audio 9", &format!("audio {port}")),
    )
    .await;
    let mut packet = [0; 2_048];
    // Ten frames' time; the answer is out already.
    let early = timeout(Duration::from_millis(200), victim.recv(&mut packet)).await;
    assert!(early.is_err(), "sound without an ACK");
    let stranger = UdpSocket::bind("127.0.0.9:0").await.unwrap();
    for _ in 0..5 {
        let ours = ("127.0.0.1", port_of(&answer));
        stranger.send_to(&SOUND, ours).await.unwrap();
    }
    let early = timeout(Duration::from_millis(200), stranger.recv(&mut packet)).await;
    assert!(early.is_err(), "sound for a packet of somebody else");
    raw.send(&ack(&to_tag(&answer))).await;
    timeout(LIMIT, victim.recv(&mut packet)).await.unwrap().unwrap();
    house.order(leg, hang_up(Cause::Normal));
    house.ended(leg).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_of_the_caller_is_consent_too() {
    let mut house = House::open().await;
    let raw = Raw::new(house.voice.sip_udp()).await;
    let phone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    raw.send(&Request::new("INVITE", 1).sdp(&SDP.replace(
        "audio 9",
        &format!("audio {}", phone.local_addr().unwrap().port()),
    )))
    .await;
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    let answer = raw.final_of(1).await;
    let port = port_of(&answer);
    // A phone sends a frame every 20 ms, and the first may come before our side is ready.
    let heard = async {
        while timeout(Duration::from_millis(20), phone.readable())
            .await
            .is_err()
        {
            phone.send_to(&SOUND, ("127.0.0.1", port)).await.unwrap();
        }
    };
    timeout(LIMIT, heard).await.unwrap();
    raw.send(&ack(&to_tag(&answer))).await;
    house.order(leg, hang_up(Cause::Normal));
    house.ended(leg).await;
}

/// A re-INVITE that moves the sound to another host.
#[tokio::test(flavor = "multi_thread")]
async fn another_host_needs_consent_of_its_own() {
    let mut house = House::open().await;
    let raw = Raw::new(house.voice.sip_udp()).await;
    let phone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let sdp = |host: &str, socket: &UdpSocket| {
        SDP.replace("c=IN IP4 127.0.0.1", &format!("c=IN IP4 {host}"))
            .replace(
                "audio 9",
                &format!("audio {}", socket.local_addr().unwrap().port()),
            )
    };
    let (leg, answer) = answered(&mut house, &raw, &sdp("127.0.0.1", &phone)).await;
    let to_tag = to_tag(&answer);
    raw.send(&ack(&to_tag)).await;
    let mut packet = [0; 2_048];
    timeout(LIMIT, phone.recv(&mut packet)).await.unwrap().unwrap();

    let victim = UdpSocket::bind("127.0.0.9:0").await.unwrap();
    let again = Request {
        cseq: 2,
        branch: 8,
        to_tag: to_tag.clone(),
        ..Request::new("INVITE", 1).sdp(&sdp("127.0.0.9", &victim))
    };
    let answer = raw.answer_to(&again).await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    let early = timeout(Duration::from_millis(300), victim.recv(&mut packet)).await;
    assert!(early.is_err(), "sound without an ACK");
    raw.send(&Request {
        cseq: 2,
        branch: 9,
        to_tag,
        ..Request::new("ACK", 1)
    })
    .await;
    timeout(LIMIT, victim.recv(&mut packet)).await.unwrap().unwrap();
    house.order(leg, hang_up(Cause::Normal));
    house.ended(leg).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_take_over_from_a_silent_phone() {
    let mut house = House::open().await;
    let raw = Raw::new(house.voice.sip_udp()).await;
    let phone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = phone.local_addr().unwrap().port();
    let (leg, answer) = answered(
        &mut house,
        &raw,
        &SDP.replace("audio 9", &format!("audio {port}")),
    )
    .await;
    raw.send(&ack(&to_tag(&answer))).await;
    let ours = ("127.0.0.1", port_of(&answer));
    let mut packet = [0; 2_048];
    timeout(LIMIT, phone.recv(&mut packet)).await.unwrap().unwrap();
    phone.send_to(&SOUND, ours).await.unwrap();
    // Longer than the second of silence after which a stream may move at all.
    let stranger = UdpSocket::bind("127.0.0.9:0").await.unwrap();
    let mut sound = SOUND;
    sound[11] = 9;
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    for number in 0..75_u8 {
        ticks.tick().await;
        sound[3] = number;
        stranger.send_to(&sound, ours).await.unwrap();
    }
    let taken = timeout(Duration::from_millis(200), stranger.recv(&mut packet)).await;
    assert!(taken.is_err(), "the stranger hears the call");
    house.order(leg, hang_up(Cause::Normal));
    house.ended(leg).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_hosts_and_our_own_ports_are_no_address() {
    let mut house = House::open().await;
    let raw = Raw::new(house.voice.sip_udp()).await;
    for (number, ip) in [
        (2, "255.255.255.255"),
        (3, "224.0.0.1"),
        (4, "239.1.2.3"),
        (6, "::ffff:224.0.0.5"),
    ] {
        let request =
            Request::new("INVITE", number).sdp(&SDP.replace("c=IN IP4 127.0.0.1", &format!("c=IN IP4 {ip}")));
        let answer = raw.answer_to(&request).await;
        assert!(answer.starts_with("SIP/2.0 400"), "{ip}: {answer}");
    }
    raw.send(&Request::invite(1)).await;
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    let answer = raw.final_of(1).await;
    raw.send(&ack(&to_tag(&answer))).await;
    let ours = port_of(&answer);
    let loops = Request::new("INVITE", 5).sdp(&SDP.replace("audio 9", &format!("audio {ours}")));
    let answer = raw.answer_to(&loops).await;
    assert!(answer.starts_with("SIP/2.0 488"), "{answer}");
    house.order(leg, hang_up(Cause::Normal));
    house.ended(leg).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_sends_nothing_is_asked_whether_it_is_there() {
    let mut house = House::open_with(|options| options.media_timeout = Duration::from_millis(300)).await;
    let raw = Raw::new(house.voice.sip_udp()).await;
    let (leg, answer) = answered(&mut house, &raw, &format!("{SDP}a=inactive\r\n")).await;
    raw.send(&ack(&to_tag(&answer))).await;
    for status in ["200 OK", "481 Call/Transaction Does Not Exist"] {
        let asked = raw.final_of(1).await;
        assert!(asked.starts_with("OPTIONS "), "{asked}");
        let headers: String = asked
            .lines()
            .filter(|line| {
                ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
                    .iter()
                    .any(|name| line.starts_with(name))
            })
            .map(|line| format!("{line}\r\n"))
            .collect();
        raw.send_bytes(format!("SIP/2.0 {status}\r\n{headers}Content-Length: 0\r\n\r\n").as_bytes())
            .await;
    }
    assert_eq!(house.ended(leg).await, (Cause::Unreachable, Some(408)));
}
