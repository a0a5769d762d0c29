//! Datagrams of strangers, for [`crate::fuzz`].

use std::{net::SocketAddr, time::Duration};

use super::{
    Codec, Direction, FRAME, RemoteMedia,
    leg::{Leg, MAX_PACKET},
    sdp::{Origin, parse},
};

/// A body: what is read out of it can be answered, and our answer can be read.
pub(crate) fn sdp(body: &[u8]) {
    let Ok(description) = parse(body) else { return };
    let (local, origin) = (
        SocketAddr::from(([192, 0, 2, 1], 4_000)),
        Origin { id: 1, version: 1 },
    );
    let remote = description.remote();
    match description.answer(local, origin) {
        Ok((answer, chosen)) => {
            assert_eq!(remote, Ok(chosen));
            let ours = parse(answer.as_bytes()).and_then(|ours| ours.remote());
            assert_eq!(
                ours.map(|ours| (ours.addr, ours.codec)),
                Ok((local, chosen.codec))
            );
        }
        Err(error) => assert_eq!(remote, Err(error)),
    }
}

/// Datagrams, each behind its length in two bytes: what they leave behind can be heard, and answered.
pub(crate) fn datagrams(mut input: &[u8]) {
    let peer = SocketAddr::from(([192, 0, 2, 9], 4_002));
    let mut leg = Leg::new(0x0102_0304_0506_0708);
    let remote = RemoteMedia {
        addr: peer,
        codec: Codec::Pcma,
        payload_type: Codec::Pcma.payload_type(),
        dtmf_payload_type: Some(101),
        direction: Direction::SendRecv,
    };
    leg.connect(remote, Duration::ZERO);
    leg.confirm();
    let (mut heard, mut packet) = ([0; FRAME], [0; MAX_PACKET]);
    let mut now = Duration::ZERO;
    while let Some(([high, low], rest)) = input.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (datagram, rest) = rest.split_at(length);
        input = rest;
        leg.on_packet(datagram, peer, now);
        leg.on_report(datagram, peer, now);
        leg.hear(&mut heard);
        let said = leg.say(&heard, &mut packet);
        assert!(said.is_none_or(|(length, to)| length <= MAX_PACKET && to == peer));
        leg.report(now);
        now += Duration::from_millis(20);
    }
}
