//! Calls that agents make: what counts for the caps of outbound rules.

use jackfield_contact::config::AgentConfig;
use jackfield_contact::decision::Outcome;
use jackfield_contact::input::{Input, WantedState};
use jackfield_contact::interaction::Outgoing;
use jackfield_contact::leg::{Cause, LegEvent};
use jackfield_runtime::{CallError, CallWanted, Tenant};
use jackfield_types::{Channel, E164, InteractionId, LegId};

use crate::faults::{Site, ctx};

const CALLEE: &str = "+33612345678";
const PURPOSE: &str = "requested-callback";

fn number() -> E164 {
    E164::new("+442079460100").unwrap()
}

fn callee() -> E164 {
    E164::new(CALLEE).unwrap()
}

fn outgoing() -> Outgoing {
    Outgoing {
        agent: "anna".parse().unwrap(),
        queue: "support".parse().unwrap(),
        purpose: PURPOSE.into(),
        campaign: None,
        about: None,
    }
}

async fn anna(tenant: &Tenant) {
    let agent = AgentConfig {
        id: "anna".parse().unwrap(),
        name: "Anna".into(),
        skills: Default::default(),
        queues: ["support".parse().unwrap()].into(),
        capacity: [(Channel::Voice, 1)].into(),
        blended: false,
    };
    let id = agent.id.clone();
    let inputs = [
        Input::SetAgent(agent),
        Input::Phone {
            agent: id.clone(),
            registered: true,
        },
        Input::RequestState {
            agent: id,
            wanted: WantedState::Available,
        },
    ];
    for input in inputs {
        tenant.submit(input).await.unwrap();
    }
}

/// What counts of each attempt, newest first.
async fn counted(tenant: &Tenant) -> Vec<Outcome> {
    let kept = tenant.attempts(&ctx(), &callee(), PURPOSE).await.unwrap();
    kept.into_iter().map(|attempt| attempt.outcome).collect()
}

async fn leg(tenant: &Tenant, leg: LegId, event: LegEvent) {
    tenant.submit(Input::Leg { leg, event }).await.unwrap();
}

/// A call, from where the agent's phone is called: what happens to the agent's leg, then to the customer's.
async fn called(tenant: &Tenant, agent: LegEvent, customer: Option<LegEvent>) {
    let interaction = InteractionId::from_uuid(uuid::Uuid::now_v7());
    let calls = Input::AgentCalls {
        interaction,
        callee: callee(),
        number: number(),
        customer: format!("tel:{CALLEE}").parse().ok(),
        outgoing: outgoing(),
    };
    tenant.submit(calls).await.unwrap();
    assert_eq!(
        counted(tenant).await[0],
        Outcome::Unanswered,
        "from the beginning"
    );
    leg(
        tenant,
        LegId {
            interaction,
            number: 1,
        },
        agent,
    )
    .await;
    if let Some(event) = customer {
        leg(tenant, LegId::customer(interaction), event).await;
    }
    let live = tenant.read(move |centre| {
        centre
            .interaction(interaction)
            .is_some_and(|it| it.ending.is_none())
    });
    if live.await.unwrap() {
        tenant.submit(Input::EndInteraction(interaction)).await.unwrap();
    }
}

fn ended(cause: Cause) -> LegEvent {
    LegEvent::Ended {
        cause,
        sip_status: None,
    }
}

#[tokio::test]
async fn a_call_counts_when_the_customers_phone_was_called_and_for_what_came_of_it() {
    use Outcome::{Conversation, Failed, Unanswered};
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    anna(&tenant).await;
    called(&tenant, ended(Cause::Declined), None).await;
    assert_eq!(counted(&tenant).await, [], "the customer was not called");
    called(&tenant, LegEvent::Answered, Some(ended(Cause::Busy))).await;
    assert_eq!(counted(&tenant).await, [Unanswered]);
    called(&tenant, LegEvent::Answered, Some(ended(Cause::UnknownNumber))).await;
    assert_eq!(counted(&tenant).await, [Failed, Unanswered]);
    called(&tenant, LegEvent::Answered, Some(LegEvent::Answered)).await;
    assert_eq!(counted(&tenant).await, [Conversation, Failed, Unanswered]);
    // What was no conversation is no contact that plugins learn from.
    let known = tenant
        .customer(&ctx(), &format!("tel:{CALLEE}").parse().unwrap())
        .await;
    assert_eq!(known.unwrap().unwrap().interactions, 1);
    drop(tenant);
    platform.shutdown().await;
    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&crate::faults::id()).unwrap();
    assert_eq!(counted(&tenant).await, [Conversation, Failed, Unanswered]);
}

#[tokio::test]
async fn without_a_way_out_nobody_is_called() {
    let site = Site::new();
    let (_platform, tenant) = site.open().await;
    anna(&tenant).await;
    let wanted = CallWanted {
        callee: callee(),
        number: number(),
        outgoing: outgoing(),
    };
    assert_eq!(tenant.call(wanted).await, Err(CallError::NoTrunk));
    assert_eq!(counted(&tenant).await, []);
}
