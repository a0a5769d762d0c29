use std::{net::SocketAddr, sync::Arc};

use jackfield_contact::leg::{Cause, LegEvent};
use jackfield_types::{InteractionId, LegId, TenantId};
use jackfield_voice::{Voice, VoiceError, VoiceOptions, softphone::Transport};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::{
    raw::{Raw, Request},
    support::{House, NUMBER, demo, dial, hang_up},
};

async fn refusal(house: &House, change: impl FnOnce(&mut VoiceOptions)) -> VoiceError {
    let dir = TempDir::new().unwrap();
    let mut options = VoiceOptions::loopback(dir.path(), [0; 32]);
    change(&mut options);
    match Voice::start(options, house.numbers.clone(), mpsc::channel(1).0).await {
        Err(error) => error,
        Ok(_) => panic!("started"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_named() {
    let house = House::open().await;
    let udp = house.voice.sip_udp();
    let error = refusal(&house, |options| options.sip_udp = udp).await.to_string();
    assert!(error.contains(&format!("sip_udp = {udp}")), "{error}");
    let tcp = house.voice.sip_tcp().unwrap();
    let error = refusal(&house, |options| options.sip_tcp = tcp).await.to_string();
    assert!(error.contains(&format!("sip_tcp = {tcp}")), "{error}");
    let anywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let error = refusal(&house, |options| options.sip_udp = anywhere)
        .await
        .to_string();
    assert!(error.contains("external_ip"), "{error}");
    let error = refusal(&house, |options| options.prompts_dir = "/dev/null/prompts".into())
        .await
        .to_string();
    assert!(error.contains("prompts_dir = /dev/null/prompts"), "{error}");
}

/// One address is printed, so it is the right one for both.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_the_system_chooses_is_the_same_for_udp_and_tcp() {
    let houses = [House::open().await, House::open().await, House::open().await];
    for house in &houses {
        assert_eq!(Some(house.voice.sip_udp()), house.voice.sip_tcp());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_receiver_of_events_means_503() {
    let dir = TempDir::new().unwrap();
    let house = House::open().await;
    let (send, mut events) = mpsc::channel(1);
    let options = VoiceOptions::loopback(dir.path(), [0; 32]);
    let voice = Voice::start(options, Arc::clone(&house.numbers) as _, send)
        .await
        .unwrap();
    let raw = Raw::new(voice.sip_udp()).await;
    raw.send(&Request::invite(1)).await;
    assert!(raw.receive().await.starts_with("SIP/2.0 100"));
    let answer = raw.answer_to(&Request::invite(2)).await;
    assert!(
        answer.starts_with("SIP/2.0 503") && answer.contains("Retry-After: "),
        "{answer}"
    );
    assert!(events.recv().await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_orders_only_its_own_legs() {
    let mut house = House::open().await;
    let customer = house.customer(Transport::Udp).await;
    let mut call = customer.call(NUMBER).unwrap();
    let leg = house.incoming().await;
    house
        .voice
        .command(&TenantId::new("other").unwrap(), leg, 0, hang_up(Cause::Busy));
    house.order(leg, hang_up(Cause::Declined));
    assert_eq!(call.ended().await, Some(603));
    // Nor does it reach another tenant's phones.
    let _anna = house.agent("anna", Transport::Udp).await;
    let foreign = LegId::customer(InteractionId::from_uuid(uuid::Uuid::now_v7()));
    house
        .voice
        .command(&TenantId::new("other").unwrap(), foreign, 0, dial("anna"));
    house
        .leg(
            foreign,
            LegEvent::Ended {
                cause: Cause::Unreachable,
                sip_status: None,
            },
        )
        .await;
    assert_eq!(house.voice.registered_phones(&demo()).len(), 1);
}
