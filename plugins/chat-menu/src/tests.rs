use jackfield_plugin::{
    Channel,
    chat::{AgentLeft, ChatAction, ChatEvent, ChatInfo, QueueProgress, SurveyAnswer, Unanswered},
    knowledge::{Entry, EntryKind},
    testing::{Chat, Host},
};

use super::{ChatMenu, Texts};

const CONFIG: &str = r#"{"menu": [
    {"id": "hours", "label": "Opening hours", "words": ["open"], "reply": "9 to 18."},
    {"id": "refund", "label": "Refunds", "words": ["refund", "退款"], "queue": "billing"}
]}"#;

fn chat(language: &str) -> Chat {
    Chat::new(Host {
        chat: Some(ChatInfo {
            id: "1".to_owned(),
            channel: Channel::Chat,
            entry: "website".to_owned(),
            address: "visitor-1".to_owned(),
            started_at: 0,
            language: language.to_owned(),
            attributes: Vec::new(),
        }),
        ..Host::new().with_config(CONFIG)
    })
}

/// The queue of the last action, which must be `enqueue`.
fn queue(actions: &[ChatAction]) -> &str {
    match actions.last() {
        Some(ChatAction::Enqueue(enqueue)) => &enqueue.queue,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_greets_with_the_menu_and_a_way_to_a_person() {
    let mut chat = chat("zh-CN");
    let actions = chat.step::<ChatMenu>(ChatEvent::Started).unwrap();
    let [ChatAction::Send(sent), ChatAction::AwaitReply(120_000)] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(sent.text, "您好！请问有什么可以帮您？");
    let ids: Vec<_> = sent.choices.iter().map(|choice| choice.id.as_str()).collect();
    assert_eq!(ids, ["hours", "refund", "human"]);
}

#[test]
fn a_choice_a_number_and_a_word_mean_the_same() {
    for event in ["1", "When do you OPEN?"] {
        let actions = chat("en").say::<ChatMenu>(event).unwrap();
        let [
            ChatAction::Set(set),
            ChatAction::Send(sent),
            ChatAction::AwaitReply(_),
        ] = &actions[..]
        else {
            panic!("{actions:?}")
        };
        assert_eq!((set.value.as_str(), sent.text.as_str()), ("hours", "9 to 18."));
    }
    let chosen = ChatEvent::Chosen("refund".to_owned());
    assert_eq!(queue(&chat("en").step::<ChatMenu>(chosen).unwrap()), "billing");
    assert_eq!(
        queue(&chat("zh-CN").say::<ChatMenu>("我要退款").unwrap()),
        "billing"
    );
}

#[test]
fn a_person_can_be_asked_for_at_any_point() {
    for text in ["I want a human", "转人工", "3"] {
        assert_eq!(
            queue(&chat("en").say::<ChatMenu>(text).unwrap()),
            "support",
            "{text}"
        );
    }
    let chosen = ChatEvent::Chosen("human".to_owned());
    assert_eq!(queue(&chat("en").step::<ChatMenu>(chosen).unwrap()), "support");
}

#[test]
fn the_bot_keeps_out_of_a_conversation_that_it_handed_over() {
    let mut chat = chat("en");
    chat.say::<ChatMenu>("human").unwrap();
    assert_eq!(chat.say::<ChatMenu>("1").unwrap(), []);
    chat.step::<ChatMenu>(ChatEvent::Answered("anna".to_owned()))
        .unwrap();
    assert_eq!(chat.say::<ChatMenu>("open?").unwrap(), []);
}

#[test]
fn what_the_menu_lacks_is_looked_up_and_what_is_unknown_ends_with_a_person() {
    let mut chat = chat("en");
    chat.host.knowledge.push(Entry {
        id: "parking".to_owned(),
        kind: EntryKind::Article,
        title: "Parking".to_owned(),
        language: "en".to_owned(),
        body: "Behind the house.".to_owned(),
        updated_at: 0,
    });
    chat.say::<ChatMenu>("blah").unwrap();
    let actions = chat.say::<ChatMenu>("parking ?").unwrap();
    assert!(matches!(&actions[0], ChatAction::Send(sent) if sent.text == "Behind the house."));
    // That was understood, so counting begins anew.
    let actions = chat.say::<ChatMenu>("blah").unwrap();
    assert!(matches!(&actions[0], ChatAction::Send(sent) if sent.text == Texts::of("en").not_understood));
    assert_eq!(queue(&chat.say::<ChatMenu>("blah").unwrap()), "support");
    assert!(chat.say::<ChatMenu>(&"好".repeat(2_000)).is_ok());
}

#[test]
fn silence_is_asked_about_once_and_then_closed() {
    let mut chat = chat("en");
    chat.step::<ChatMenu>(ChatEvent::Started).unwrap();
    let actions = chat.step::<ChatMenu>(ChatEvent::NoReply).unwrap();
    assert!(matches!(actions[1], ChatAction::AwaitReply(_)));
    let actions = chat.step::<ChatMenu>(ChatEvent::NoReply).unwrap();
    assert_eq!(actions[1], ChatAction::End);
}

#[test]
fn a_slow_agent_is_covered_once_for_each_message() {
    let mut chat = chat("en");
    let unanswered = |waited| {
        ChatEvent::Unanswered(Unanswered {
            agent: "anna".to_owned(),
            waited,
        })
    };
    assert!(chat.step::<ChatMenu>(unanswered(14_999)).unwrap().is_empty());
    assert_eq!(chat.step::<ChatMenu>(unanswered(15_000)).unwrap().len(), 1);
    assert!(chat.step::<ChatMenu>(unanswered(30_000)).unwrap().is_empty());
}

#[test]
fn waiting_is_told_and_the_agent_is_followed_by_a_survey() {
    let mut chat = chat("en");
    let progress = ChatEvent::QueueProgress(QueueProgress {
        queue: "support".to_owned(),
        position: 2,
        waited: 1,
        expected_wait: Some(61_000),
    });
    assert_eq!(
        chat.step::<ChatMenu>(progress).unwrap(),
        [ChatAction::say(
            "You are number 2 in the queue; it will take about 2 min."
        )]
    );
    let left = ChatEvent::AgentLeft(AgentLeft {
        agent: "anna".to_owned(),
        handled: 1,
    });
    let actions = chat.step::<ChatMenu>(left).unwrap();
    assert!(matches!(&actions[..], [ChatAction::AskSurvey(question)] if question.highest == 5));
    let answered = ChatEvent::SurveyAnswered(SurveyAnswer {
        question: "csat".to_owned(),
        value: 5,
    });
    assert_eq!(chat.step::<ChatMenu>(answered).unwrap()[1], ChatAction::End);
}
