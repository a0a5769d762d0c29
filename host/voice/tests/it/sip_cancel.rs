//! Ends before the answer.

use std::{sync::atomic::Ordering, time::Duration};

use jackfield_contact::leg::{Cause, LegCommand, LegEvent};
use jackfield_voice::softphone::{PhoneEvent, SoftphoneError, Transport};

use crate::support::{House, NUMBER, dial, hang_up, second};

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_gives_up() {
    let mut house = House::open().await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let customer = house.customer(transport).await;
        let mut call = customer.call(NUMBER).unwrap();
        let leg = house.incoming().await;
        call.hang_up();
        assert_eq!(house.ended(leg).await, (Cause::Cancelled, Some(487)));
        assert_eq!(call.ended().await, None);
    }
    house.is_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_core_refuses_in_the_words_of_sip() {
    let mut house = House::open().await;
    let customer = house.customer(Transport::Udp).await;
    for (cause, status) in [
        (Cause::Busy, 486),
        (Cause::Declined, 603),
        (Cause::Overloaded, 503),
        (Cause::NoAnswer, 480),
    ] {
        let mut call = customer.call(NUMBER).unwrap();
        let leg = house.incoming().await;
        house.order(leg, hang_up(cause));
        assert_eq!(house.ended(leg).await, (cause, Some(status)));
        assert_eq!(call.ended().await, Some(status));
    }
    house.is_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_numbers_and_full_tenants_are_refused_at_once() {
    let house = House::open().await;
    let customer = house.customer(Transport::Udp).await;
    let refusal = async |number: &str| match customer.call(number).unwrap().answered().await {
        Err(SoftphoneError::Refused { status, .. }) => status,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal("9999").await, 404);
    house.numbers.takes_calls.store(false, Ordering::Relaxed);
    assert_eq!(refusal(NUMBER).await, 503);
    assert_eq!(house.voice.stats().refused, 2);
    house.is_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_nobody_takes_up_stops_ringing() {
    let mut house = House::open().await;
    let customer = house.customer(Transport::Udp).await;
    let mut anna = house.agent("anna", Transport::Udp).await;
    let _call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    house.order(second(leg), dial("anna"));
    let mut at_anna = anna.incoming().await.unwrap();
    at_anna.ring();
    house.leg(second(leg), LegEvent::Ringing).await;
    house.order(second(leg), hang_up(Cause::NoAnswer));
    assert_eq!(house.ended(second(leg)).await, (Cause::NoAnswer, None));
    assert_eq!(at_anna.ended().await, Some(487));
}

#[tokio::test(flavor = "multi_thread")]
async fn ringing_has_an_end_of_its_own() {
    let mut house = House::open_with(|options| options.max_ring = Duration::from_millis(200)).await;
    let customer = house.customer(Transport::Udp).await;
    let mut anna = house.agent("anna", Transport::Udp).await;
    let _call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    house.order(second(leg), dial("anna"));
    let mut at_anna = anna.incoming().await.unwrap();
    assert_eq!(house.ended(second(leg)).await, (Cause::NoAnswer, None));
    assert_eq!(at_anna.ended().await, Some(487));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_and_a_cancel_may_cross() {
    let mut house = House::open().await;
    let customer = house.customer(Transport::Udp).await;
    let mut anna = house.agent("anna", Transport::Udp).await;
    let _call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    for number in 1..20 {
        let leg = jackfield_types::LegId { number, ..leg };
        house.order(leg, dial("anna"));
        let mut at_anna = anna.incoming().await.unwrap();
        at_anna.answer();
        house.order(leg, hang_up(Cause::NoAnswer));
        house.ended(leg).await;
        // Whichever came first, the phone does not stay in a call with nobody.
        at_anna.ended().await;
    }
    house.order(leg, hang_up(Cause::Normal));
    house.ended(leg).await;
    house.is_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_answered_yet_may_ring_long() {
    let mut house = House::open().await;
    let customer = house.customer(Transport::Udp).await;
    let mut call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    house.order(leg, LegCommand::Answer);
    assert_eq!(call.next().await, Some(PhoneEvent::Answered));
    call.hang_up();
    assert_eq!(house.ended(leg).await, (Cause::Normal, None));
}
