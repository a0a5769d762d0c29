use std::time::Duration;

use jackfield_contact::leg::Cause;
use jackfield_types::{InteractionId, LegId};
use jackfield_voice::{
    VoiceEvent,
    softphone::{Softphone, SoftphoneError, SoftphoneOptions, Transport},
};

use crate::support::{House, agent, demo, dial};

async fn phone(house: &House, user: &str, password: &str) -> Softphone {
    let options = house.phone_options(user, Transport::Udp);
    Softphone::start(SoftphoneOptions {
        password: Some(password.to_owned()),
        ..options
    })
    .await
    .unwrap()
}

async fn unregistered(house: &mut House) {
    house
        .event("the end of the registration", |event| match event {
            VoiceEvent::PhoneUnregistered { tenant, agent: a, .. } => {
                (*tenant == demo() && *a == agent("anna")).then_some(())
            }
            _ => None,
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_register_again_and_unregister() {
    let mut house = House::open().await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut anna = house.agent("anna", transport).await;
        for _ in 0..3 {
            assert_eq!(
                anna.register(Duration::from_secs(9_999)).await.unwrap(),
                Duration::from_secs(3_600)
            );
        }
        let phones = house.voice.registered_phones(&demo());
        assert_eq!((phones.len(), &phones[0].agent), (1, &agent("anna")));
        if transport == Transport::Udp {
            assert_eq!(phones[0].source, anna.sip_addr());
        }
        anna.unregister().await.unwrap();
        unregistered(&mut house).await;
        assert!(house.voice.registered_phones(&demo()).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused() {
    let house = House::open().await;
    for (user, password, status) in [
        ("anna.demo", "falsch", 401),
        ("anna.other", "geheim", 401),
        ("anna", "geheim", 403),
    ] {
        match phone(&house, user, password)
            .await
            .register(Duration::from_secs(600))
            .await
        {
            Err(SoftphoneError::Refused { status: got, .. }) => assert_eq!(got, status, "{user}"),
            other => panic!("{user}: {other:?}"),
        }
    }
    assert_eq!(house.voice.stats().phones, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_is_not_renewed_expires() {
    let mut house = House::open_with(|options| options.min_expires = Duration::from_secs(1)).await;
    let mut anna = phone(&house, "anna.demo", "geheim").await;
    anna.register(Duration::from_secs(1)).await.unwrap();
    unregistered(&mut house).await;
    assert_eq!(house.voice.stats().phones, 0);
    match anna.register(Duration::from_millis(1)).await {
        Ok(granted) => assert_eq!(granted, Duration::ZERO, "0 s unregisters"),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_a_phone_is_unreachable() {
    let mut house = House::open().await;
    let leg = LegId::customer(InteractionId::from_uuid(uuid::Uuid::now_v7()));
    house.order(leg, dial("anna"));
    assert_eq!(house.ended(leg).await, (Cause::Unreachable, None));
    house.is_empty().await;
}
