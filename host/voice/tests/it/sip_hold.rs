use std::time::Duration;

use jackfield_contact::leg::{LegCommand, LegEvent, Prompt};
use jackfield_voice::softphone::{Transport, tone};

use crate::support::{House, LIMIT, NUMBER, dial, second};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(600);

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_the_other_hears_music_and_comes_back() {
    let mut house = House::open().await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let customer = house.customer(transport).await;
        let mut anna = house.agent("anna", transport).await;
        let mut call = customer.call(NUMBER).unwrap();
        let leg = house.incoming().await;
        house.order(leg, LegCommand::Answer);
        call.answered().await.unwrap();
        house.order(second(leg), dial("anna"));
        let mut at_anna = anna.incoming().await.unwrap();
        at_anna.answer();
        at_anna.answered().await.unwrap();
        house.leg(second(leg), LegEvent::Answered).await;
        house.order(leg, LegCommand::Bridge { with: second(leg) });
        call.play(tone(440.0, LONG));
        at_anna.play(tone(1_000.0, LONG));
        assert!(call.hears_tone(1_000.0, LIMIT).await);

        at_anna.hold().await.unwrap();
        house.leg(second(leg), LegEvent::Held).await;
        assert!(
            !call.hears_tone(1_000.0, SHORT).await,
            "the held customer does not hear the agent"
        );
        at_anna.resume().await.unwrap();
        house.leg(second(leg), LegEvent::Resumed).await;
        assert!(call.hears_tone(1_000.0, LIMIT).await);
        assert!(at_anna.hears_tone(440.0, LIMIT).await);

        call.hold().await.unwrap();
        house.leg(leg, LegEvent::Held).await;
        call.resume().await.unwrap();
        house.leg(leg, LegEvent::Resumed).await;
        assert!(at_anna.hears_tone(440.0, LIMIT).await);
        call.hang_up();
        house.ended(leg).await;
        at_anna.hang_up();
        house.ended(second(leg)).await;
    }
    house.is_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_goes_on_after_hold() {
    let mut house = House::open().await;
    let customer = house.customer(Transport::Udp).await;
    let mut call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    house.order(leg, LegCommand::Answer);
    call.answered().await.unwrap();
    call.hold().await.unwrap();
    house.leg(leg, LegEvent::Held).await;
    house.order(
        leg,
        LegCommand::Play {
            prompts: vec![Prompt::Silence(100)],
            barge_in: false,
        },
    );
    call.resume().await.unwrap();
    house
        .leg(
            leg,
            LegEvent::PlayFinished {
                action: house.last_action(),
                interrupted: false,
                failed: None,
            },
        )
        .await;
}
