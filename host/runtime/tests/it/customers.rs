//! Customers over restarts, and the key without which nothing is read.

use jackfield_contact::config::ChatEntryConfig;
use jackfield_contact::event::Event;
use jackfield_contact::input::{Draft, Input};
use jackfield_contact::leg::{Cause, LegEvent};
use jackfield_runtime::{
    AttributeDefinition, AttributeKind, CustomerError, Platform, PlatformOptions, PluginOptions,
    SegmentDraft, StartError, StoreKind,
};
use jackfield_sandbox::PiiClass;
use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{Channel, CustomerId, E164, InteractionId, LegId};
use serde_json::json;

use crate::faults::{Site, ctx};

const CALLER: &str = "tel:+8613800138000";

fn call(interaction: InteractionId) -> Input {
    Input::CallArrived {
        interaction,
        caller: "+8613800138000".into(),
        caller_name: None,
        number: E164::new("+442079460100").unwrap(),
        customer: CALLER.parse().ok(),
        last_agent: None,
    }
}

fn new_call() -> InteractionId {
    uuid::Uuid::now_v7().to_string().parse().unwrap()
}

/// Many first contacts from one address in one commit are one customer.
#[tokio::test]
async fn first_contacts_at_once_are_one_customer() {
    let site = Site::new();
    let (_platform, tenant) = site.open().await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let tenant = tenant.clone();
            tokio::spawn(async move { tenant.submit(call(new_call())).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let all = tenant.customers(&ctx(), None, 10).await.unwrap();
    assert_eq!(all.items.len(), 1);
    assert_eq!(all.items[0].interactions, 20);
}

#[tokio::test]
async fn a_start_without_the_key_of_the_customers_is_refused() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    tenant.submit(call(new_call())).await.unwrap();
    platform.shutdown().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let start = async || {
        let options = PlatformOptions {
            data_dir: elsewhere.path().to_owned(),
            store: StoreKind::Opened(site.disk.open().unwrap()),
            voice: None,
            plugins: PluginOptions::default(),
        };
        Platform::start(options).await.map(drop)
    };
    for make in [false, true] {
        let folder = elsewhere.path().join("customer-keys");
        if make {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("acme.key"), [7; 32]).unwrap();
        }
        match start().await {
            Err(StartError::File { error, .. }) => {
                assert!(error.to_string().contains("restore the file"), "{error}")
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What happened is rebuilt from the journal, also when nobody can tell any more whom it happened to.
#[tokio::test]
async fn a_journal_of_an_erased_customer_is_replayed() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let (interaction, stays) = (new_call(), new_call());
    let mut entries = tenant.subscribe();
    tenant.submit(call(interaction)).await.unwrap();
    let over = Input::Leg {
        leg: LegId::customer(interaction),
        event: LegEvent::Ended {
            cause: Cause::Normal,
            sip_status: None,
        },
    };
    tenant.submit(over).await.unwrap();
    while entries.recv().await.unwrap().recorded.event != (Event::Closed { interaction }) {}
    let erased = tenant
        .erase_customer(&ctx(), &CALLER.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(erased.customers, 1);
    tenant.submit(call(stays)).await.unwrap();
    let before = tenant.journal_len(&ctx()).await.unwrap();
    platform.shutdown().await;

    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&crate::faults::id()).unwrap();
    assert!(tenant.journal_len(&ctx()).await.unwrap() >= before);
    let caller = async |id| tenant.interaction(&ctx(), id).await.unwrap().unwrap().caller;
    assert_eq!(
        (&*caller(interaction).await, &*caller(stays).await),
        ("erased", "+8613800138000")
    );
    let story = tenant.interaction_events(&ctx(), interaction).await.unwrap();
    assert!(story.len() >= 3, "{story:?}");
}

/// What was written is sealed like what was said, survives a restart, and goes with the customer.
#[tokio::test]
async fn a_conversation_is_sealed_reread_and_erased() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let entry: jackfield_types::ChatEntryId = "web".parse().unwrap();
    let config = ChatEntryConfig {
        id: entry.clone(),
        name: "Web".into(),
        channel: Channel::Chat,
        language: "en".into(),
        default_queue: "support".parse().unwrap(),
        allowed_origins: vec![],
        idle_timeout_ms: 600_000,
        typing_preview: false,
        unanswered: vec![],
    };
    tenant.submit(Input::SetChatEntry(config)).await.unwrap();
    let chat = tenant
        .begin_chat(&ctx(), entry, "visitor-1".into(), Some("Li Lei".into()))
        .await
        .unwrap();
    let message = Draft {
        text: "My card is blocked.".into(),
        client_id: Some("1".into()),
        ..Draft::default()
    };
    let interaction = chat;
    tenant
        .submit(Input::CustomerWrites { interaction, message })
        .await
        .unwrap();
    let visitor: CustomerId = "chat:visitor-1".parse().unwrap();
    let known = tenant.customer(&ctx(), &visitor).await.unwrap().unwrap();
    assert!(!known.customer.id.is_address());
    let words = ["Li Lei", "card is blocked", "visitor-1"];
    assert_eq!(in_the_open(&platform, &words).await, [""; 0]);
    platform.shutdown().await;

    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&crate::faults::id()).unwrap();
    let again = tenant
        .conversation("web".parse().unwrap(), "visitor-1".into())
        .await
        .unwrap();
    assert_eq!(again, Some(chat), "it goes on after a restart");
    let messages = tenant.messages(&ctx(), chat, 0, 10).await.unwrap();
    assert_eq!(&*messages[0].message.text, "My card is blocked.");

    let mut entries = tenant.subscribe();
    tenant.submit(Input::CustomerLeaves(chat)).await.unwrap();
    while entries.recv().await.unwrap().recorded.event != (Event::Closed { interaction: chat }) {}
    tenant.erase_customer(&ctx(), &visitor).await.unwrap();
    assert_eq!(tenant.customer(&ctx(), &visitor).await.unwrap(), None);
    assert!(tenant.messages(&ctx(), chat, 0, 10).await.unwrap().is_empty());
    let story = tenant.interaction_events(&ctx(), chat).await.unwrap();
    let told = format!("{story:?}");
    assert!(words.iter().all(|word| !told.contains(word)), "{told}");
    assert!(told.contains("MessageSent"), "{told}");
    platform.shutdown().await;
    site.start().await.unwrap();
}

/// Of these words, those that can be read in what is stored of the tenant.
async fn in_the_open(platform: &Platform, words: &[&'static str]) -> Vec<&'static str> {
    let mut bytes = Vec::new();
    for space in [
        "customers",
        "customer-identities",
        "customer-timeline",
        "interactions",
        "messages",
    ] {
        let page = platform
            .store()
            .scan(&ctx(), Space::new(space), Scan::all())
            .await
            .unwrap();
        bytes.extend(
            page.rows
                .into_iter()
                .flat_map(|row| [row.key, row.value].concat()),
        );
    }
    for (_, event) in platform
        .store()
        .read_stream(&ctx(), "journal", 0, 1_000)
        .await
        .unwrap()
    {
        bytes.extend(event);
    }
    let is_in = |word: &&&str| bytes.windows(word.len()).any(|part| part == word.as_bytes());
    words.iter().filter(is_in).copied().collect()
}

/// A segment used to vanish with the attribute that it asks for.
#[tokio::test]
async fn a_segment_that_asks_for_what_is_gone_stays_and_says_so() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let tier = || AttributeDefinition {
        id: "tier".parse().unwrap(),
        label: "Tier".into(),
        kind: AttributeKind::Text,
        class: PiiClass::None,
        options: Vec::new(),
    };
    tenant.put_attribute_definition(&ctx(), tier()).await.unwrap();
    let gold = SegmentDraft {
        name: "Gold".into(),
        description: None,
        expression: json!({"not": {"attribute": "tier", "is": "gold"}}),
        shown: true,
    };
    let id: jackfield_types::SegmentId = "gold".parse().unwrap();
    tenant.put_segment(&ctx(), id.clone(), gold).await.unwrap();
    tenant.submit(call(new_call())).await.unwrap();
    let who: CustomerId = CALLER.parse().unwrap();
    assert_eq!(tenant.segments_of(&ctx(), &who).await.unwrap().len(), 1);
    // As a version of before left it.
    let tx = Tx::new().delete(Space::new("customer-attributes"), "tier");
    platform.store().commit(&ctx(), tx).await.unwrap();
    platform.shutdown().await;

    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&crate::faults::id()).unwrap();
    let found = tenant.segment(&id).unwrap();
    let why = found.expression.as_ref().unwrap_err();
    assert!(
        why.contains("expression.not.attribute") && why.contains("tier"),
        "{why}"
    );
    assert!(tenant.segments_of(&ctx(), &who).await.unwrap().is_empty());
    let counted = tenant.count_segment(&ctx(), &id).await;
    assert!(
        matches!(&counted, Err(CustomerError::Conflict(told)) if told.contains(&**why)),
        "{counted:?}"
    );
    // It goes on once there is one again.
    tenant.put_attribute_definition(&ctx(), tier()).await.unwrap();
    assert!(tenant.segment(&id).unwrap().expression.is_ok());
    assert_eq!(tenant.segments_of(&ctx(), &who).await.unwrap().len(), 1);
}
