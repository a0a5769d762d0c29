//! Calls with programs that other people wrote.

use std::{fs, os::unix::fs::MetadataExt, process::Output, time::Duration};

use jackfield_contact::leg::{Cause, LegCommand, LegEvent};
use jackfield_testkit::Baresip;
use jackfield_voice::{
    VoiceEvent,
    softphone::{Transport, tone, tone_level},
};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::support::{House, LIMIT, NUMBER, PASSWORD, dial, hang_up, second};

/// Runs a sipp scenario once, as a caller.
fn sipp(house: &House, scenario: &'static str, transport: Transport) -> JoinHandle<Output> {
    let (tcp, server) = match transport {
        Transport::Udp => (false, house.voice.sip_udp()),
        Transport::Tcp => (true, house.voice.sip_tcp().unwrap()),
    };
    spawn_blocking(move || jackfield_testkit::sipp(server, tcp, NUMBER, scenario))
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_is_heard_holds_refreshes_and_hangs_up() {
    let mut house = House::open().await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut anna = house.agent("anna", transport).await;
        let run = sipp(&house, include_str!("sipp/call.xml"), transport);
        let leg = house.incoming().await;
        house.order(leg, LegCommand::Answer);
        house.leg(leg, LegEvent::Answered).await;
        house.order(second(leg), dial("anna"));
        let mut at_anna = anna.incoming().await.unwrap();
        at_anna.answer();
        at_anna.answered().await.unwrap();
        house.leg(second(leg), LegEvent::Answered).await;
        house.order(leg, LegCommand::Bridge { with: second(leg) });
        assert!(at_anna.hears_tone(500.0, LIMIT).await, "the agent hears sipp");
        house.leg(leg, LegEvent::Digit('7')).await;
        house.leg(leg, LegEvent::Held).await;
        house.leg(leg, LegEvent::Resumed).await;
        assert_eq!(house.ended(leg).await, (Cause::Normal, None));
        run.await.unwrap();
        house.order(second(leg), hang_up(Cause::Normal));
        at_anna.ended().await;
    }
    house.is_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_gives_up() {
    let mut house = House::open().await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let run = sipp(&house, include_str!("sipp/cancel.xml"), transport);
        let leg = house.incoming().await;
        assert_eq!(house.ended(leg).await, (Cause::Cancelled, Some(487)));
        run.await.unwrap();
    }
    house.is_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_presses_keys() {
    // sipp plays recorded packets through a raw socket, which only root may open.
    if fs::metadata("/proc/self").is_ok_and(|me| me.uid() != 0) {
        eprintln!("left out: sipp plays recorded packets only as root");
        return;
    }
    let mut house = House::open().await;
    let run = sipp(&house, include_str!("sipp/digits.xml"), Transport::Udp);
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    house.leg(leg, LegEvent::Digit('5')).await;
    house.leg(leg, LegEvent::Digit('#')).await;
    house.order(leg, hang_up(Cause::Normal));
    run.await.unwrap();
    let more = house.passed().iter().any(|e| {
        matches!(
            e,
            VoiceEvent::Leg {
                event: LegEvent::Digit(_),
                ..
            }
        )
    });
    assert!(!more, "every key once: {:?}", house.passed());
}

#[tokio::test(flavor = "multi_thread")]
async fn baresip_is_an_agents_phone() {
    let mut house = House::open().await;
    let baresip = Baresip::start(house.voice.sip_udp(), "anna.demo", PASSWORD, 440);
    let registered = house.event("baresip's registration", |event| {
        matches!(event, VoiceEvent::PhoneRegistered { .. }).then_some(())
    });
    registered.await;
    let customer = house.customer(Transport::Udp).await;
    let mut call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    call.answered().await.unwrap();
    house.order(second(leg), dial("anna"));
    house.leg(second(leg), LegEvent::Answered).await;
    house.order(leg, LegCommand::Bridge { with: second(leg) });
    call.play(tone(1_000.0, Duration::from_secs(30)));
    assert!(
        call.hears_tone(440.0, LIMIT).await,
        "the customer hears baresip:\n{}",
        baresip.log()
    );
    // It has to hear for a while as well.
    assert!(call.hears_tone(440.0, LIMIT).await);
    house.order(second(leg), hang_up(Cause::Normal));
    house.ended(second(leg)).await;
    let until = std::time::Instant::now() + LIMIT;
    while baresip.heard().is_empty() && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let best = baresip
        .heard()
        .chunks(1_600)
        .map(|c| tone_level(c, 1_000.0))
        .fold(0.0, f64::max);
    assert!(
        best > 0.7,
        "baresip hears the customer: {best}\n{}",
        baresip.log()
    );
}
