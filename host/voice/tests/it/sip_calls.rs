use std::time::Duration;

use jackfield_contact::leg::{Cause, LegCommand, LegEvent, Prompt};
use jackfield_types::LegId;
use jackfield_voice::{
    VoiceEvent,
    softphone::{PhoneCall, Softphone, Transport, tone},
};

use crate::support::{House, LIMIT, NUMBER, demo, dial, hang_up, second};

const LONG: Duration = Duration::from_secs(30);

/// A customer and an agent who hear each other.
async fn bridged(
    house: &mut House,
    transport: Transport,
) -> (Softphone, PhoneCall, Softphone, PhoneCall, LegId) {
    let customer = house.customer(transport).await;
    let mut anna = house.agent("anna", transport).await;
    let mut call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    house.leg(leg, LegEvent::Answered).await;
    call.answered().await.unwrap();
    house.order(second(leg), dial("anna"));
    let mut at_anna = anna.incoming().await.unwrap();
    assert_eq!(at_anna.peer(), "+8613800138000");
    at_anna.ring();
    house.leg(second(leg), LegEvent::Ringing).await;
    at_anna.answer();
    house.leg(second(leg), LegEvent::Answered).await;
    at_anna.answered().await.unwrap();
    house.order(leg, LegCommand::Bridge { with: second(leg) });
    (customer, call, anna, at_anna, leg)
}

async fn hear_each_other(call: &PhoneCall, at_anna: &PhoneCall) {
    call.play(tone(440.0, LONG));
    at_anna.play(tone(1_000.0, LONG));
    assert!(
        at_anna.hears_tone(440.0, LIMIT).await,
        "the agent hears the customer"
    );
    assert!(
        call.hears_tone(1_000.0, LIMIT).await,
        "the customer hears the agent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn customer_and_agent_talk_and_the_customer_hangs_up() {
    let mut house = House::open().await;
    let (_c, mut call, _a, mut at_anna, leg) = bridged(&mut house, Transport::Udp).await;
    hear_each_other(&call, &at_anna).await;
    call.hang_up();
    assert_eq!(house.ended(leg).await, (Cause::Normal, None));
    house.order(second(leg), hang_up(Cause::Normal));
    assert_eq!(house.ended(second(leg)).await, (Cause::Normal, None));
    assert_eq!(at_anna.ended().await, None);
    assert_eq!(call.ended().await, None);
    house.is_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tcp_the_agent_hangs_up() {
    let mut house = House::open().await;
    let (_c, mut call, _a, at_anna, leg) = bridged(&mut house, Transport::Tcp).await;
    hear_each_other(&call, &at_anna).await;
    at_anna.hang_up();
    assert_eq!(house.ended(second(leg)).await, (Cause::Normal, None));
    house.order(leg, hang_up(Cause::Normal));
    assert_eq!(call.ended().await, None);
    house.ended(leg).await;
    house.is_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_call_that_comes_in() {
    let mut house = House::open().await;
    let mut options = house.phone_options("+442079460000", Transport::Udp);
    options.display_name = Some("王 \"小\" 明".to_owned());
    let customer = Softphone::start(options).await.unwrap();
    let call = customer.call(NUMBER).unwrap();
    let (tenant, leg, from, name, to) = house
        .event("the call", |event| match event {
            VoiceEvent::Incoming {
                tenant,
                leg,
                from,
                from_name,
                to,
                ..
            } => Some((tenant.clone(), *leg, from.clone(), from_name.clone(), to.clone())),
            _ => None,
        })
        .await;
    assert_eq!((tenant, leg.number), (demo(), 0));
    assert_eq!(
        (&*from, name.as_deref(), &*to),
        ("+442079460000", Some("王 小 明"), NUMBER)
    );
    drop(call);
    assert_eq!(house.ended(leg).await.0, Cause::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_come_once_by_either_way_and_end_a_prompt() {
    let mut house = House::open().await;
    let customer = house.customer(Transport::Udp).await;
    let mut call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    call.answered().await.unwrap();
    let prompts = vec![Prompt::HoldMusic];
    house.order(
        leg,
        LegCommand::Play {
            prompts,
            barge_in: true,
        },
    );
    call.send_digits("1*");
    for digit in ['1', '*'] {
        house.leg(leg, LegEvent::Digit(digit)).await;
    }
    house
        .leg(
            leg,
            LegEvent::PlayFinished {
                action: house.last_action(),
                interrupted: true,
                failed: None,
            },
        )
        .await;
    call.send_info_digits("2#");
    for digit in ['2', '#'] {
        house.leg(leg, LegEvent::Digit(digit)).await;
    }
    house.order(leg, hang_up(Cause::Normal));
    assert_eq!(call.ended().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_are_recorded() {
    let mut house = House::open().await;
    let (_c, call, _a, at_anna, leg) = bridged(&mut house, Transport::Udp).await;
    house.order(leg, LegCommand::StartRecording);
    hear_each_other(&call, &at_anna).await;
    call.hang_up();
    house.ended(leg).await;
    let recording = house
        .event("the recording", |event| match event {
            VoiceEvent::Leg {
                event: LegEvent::Recorded(recording),
                ..
            } => Some(recording.clone()),
            _ => None,
        })
        .await;
    let mut wav = hound::WavReader::open(&*recording.file).unwrap();
    assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 8_000));
    let samples: Vec<i16> = wav.samples::<i16>().map(Result::unwrap).collect();
    let channel = |n: usize| samples.iter().skip(n).step_by(2).copied().collect::<Vec<_>>();
    let best = |samples: &[i16], hz| {
        samples
            .chunks(1_600)
            .map(|c| jackfield_voice::softphone::tone_level(c, hz))
            .fold(0.0, f64::max)
    };
    assert!(best(&channel(0), 440.0) > 0.7, "the customer is on the left");
    assert!(best(&channel(1), 1_000.0) > 0.7, "the agent is on the right");
    assert!(
        recording.length_ms > 0 && recording.speech.customer_ms > 0,
        "{recording:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_is_ordered_when_the_call_is_over_has_failed() {
    let mut house = House::open().await;
    let failed = |event: &VoiceEvent| match event {
        VoiceEvent::Leg {
            leg,
            event: LegEvent::RecordingFailed(_),
            ..
        } => Some(*leg),
        _ => None,
    };
    let customer = house.customer(Transport::Udp).await;
    let _call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    // The first is behind the leg's last order, the second finds no leg.
    house.order(leg, hang_up(Cause::Busy));
    house.order(leg, LegCommand::StartRecording);
    assert_eq!(house.event("the first failure", failed).await, leg);
    house.is_empty().await;
    house.order(leg, LegCommand::StartRecording);
    assert_eq!(house.event("the second failure", failed).await, leg);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_comes_twice_is_carried_out_once() {
    let mut house = House::open().await;
    let customer = house.customer(Transport::Udp).await;
    let mut anna = house.agent("anna", Transport::Udp).await;
    let _call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    for _ in 0..2 {
        house.voice.command(&demo(), second(leg), 7, dial("anna"));
    }
    let mut at_anna = anna.incoming().await.unwrap();
    at_anna.refuse(486);
    assert_eq!(house.ended(second(leg)).await, (Cause::Busy, Some(486)));
    assert_eq!(at_anna.ended().await, Some(486));
    house.voice.command(&demo(), second(leg), 7, dial("anna"));
    // Were it dialled again, the phone would have got this call before the next one.
    let third = LegId { number: 2, ..leg };
    house.order(third, dial("anna"));
    let again = anna.incoming().await.unwrap();
    again.refuse(603);
    assert_eq!(house.ended(third).await, (Cause::Declined, Some(603)));
    assert_eq!(house.voice.stats().calls_out, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_ends_every_call() {
    let mut house = House::open().await;
    let (_c, mut call, _a, mut at_anna, leg) = bridged(&mut house, Transport::Udp).await;
    let waiting = house.customer(Transport::Udp).await;
    let mut unanswered = waiting.call(NUMBER).unwrap();
    let second_leg = house.incoming().await;
    let voice = house.voice.clone();
    voice.shutdown().await;
    assert_eq!(house.ended(leg).await.0, Cause::Overloaded);
    assert_eq!(house.ended(second_leg).await, (Cause::Overloaded, Some(503)));
    assert_eq!((call.ended().await, at_anna.ended().await), (None, None));
    assert_eq!(unanswered.ended().await, Some(503));
}
