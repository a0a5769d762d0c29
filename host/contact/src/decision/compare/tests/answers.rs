//! Answers of every kind, from few values, so that they often resemble each other.

use jackfield_types::{Channel, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::decision::{
    Advice, Assignment, ChatAction, ChatAnswer, ChatMessage, ChatSurveyQuestion, Choice, Conclusion,
    ConnectorAnswer, Delivery, Emotion, Enqueue, Evaluation, Evidence, FieldValue, FlowAction, FlowAnswer,
    Gather, IncomingMessage, Item, ItemResult, LinkedAttachment, Method, Need, Pace, Phase, Plan,
    ProviderRequest, Receipt, Received, Reply, Ruling, ScoredEmotion, Suggestion, SurveyQuestion, Tag,
    TagChange, Verdict,
};
use crate::leg::Prompt;

pub(super) fn text() -> impl Strategy<Value = std::sync::Arc<str>> {
    prop_oneof!["[ab]", ".{0,3}"].prop_map(Into::into)
}

fn figure() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), Just(f64::NAN), any::<f64>()]
}

fn prompt() -> impl Strategy<Value = Prompt> {
    prop_oneof![
        text().prop_map(Prompt::File),
        (text(), text()).prop_map(|(text, language)| Prompt::Speech { text, language }),
        (0..3u32).prop_map(Prompt::Silence),
        Just(Prompt::HoldMusic),
    ]
}

fn action() -> impl Strategy<Value = FlowAction> {
    let gather =
        (vec(prompt(), 0..3), 0..3u8, any::<Option<char>>()).prop_map(|(prompts, digits, terminator)| {
            FlowAction::Gather(Gather {
                prompts,
                max_digits: digits,
                terminator,
                first_digit_ms: 500,
                between_digits_ms: 500,
            })
        });
    let survey = (text(), vec(prompt(), 0..3)).prop_map(|(id, prompts)| {
        FlowAction::AskSurvey(SurveyQuestion {
            id,
            prompts,
            lowest: 1,
            highest: 5,
        })
    });
    prop_oneof![
        vec(prompt(), 0..3).prop_map(FlowAction::Play),
        gather,
        enqueue().prop_map(FlowAction::Enqueue),
        any::<bool>().prop_map(FlowAction::Record),
        (text(), text()).prop_map(|(key, value)| FlowAction::Set(key, value)),
        survey,
        (text(), 0..3u64).prop_map(|(name, after_ms)| FlowAction::SetTimer(name, after_ms)),
        Just(FlowAction::End),
    ]
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    let index = || prop_oneof![0..4u32, Just(u32::MAX)];
    let pair = (index(), index()).prop_map(|(work, agent)| Assignment { work, agent });
    (vec(pair, 0..5), vec(index(), 0..4), option::of(0..2u64)).prop_map(|(assignments, overflows, again)| {
        Plan {
            assignments,
            overflows,
            look_again_at: again.map(Timestamp),
        }
    })
}

pub(super) fn ruling() -> impl Strategy<Value = Ruling> {
    let verdict = prop_oneof![
        Just(Verdict::Allow),
        (0..3u64).prop_map(|until| Verdict::Defer(Timestamp(until))),
        Just(Verdict::Substitute(Channel::Voice)),
        Just(Verdict::Deny),
    ];
    (verdict, text(), option::of(0..3u64)).prop_map(|(verdict, reason, next)| Ruling {
        verdict,
        reason,
        next_permitted_at: next.map(Timestamp),
    })
}

pub(super) fn change() -> impl Strategy<Value = TagChange> {
    let tag = || {
        (text(), 0..8u8, text(), option::of(0..2u64)).prop_map(|(name, confidence, reason, until)| Tag {
            name,
            confidence,
            reason,
            expires_at: until.map(Timestamp),
        })
    };
    prop_oneof![
        tag().prop_map(TagChange::Add),
        tag().prop_map(TagChange::Refresh),
        text().prop_map(TagChange::Expire),
    ]
}

pub(super) fn evaluation() -> impl Strategy<Value = Evaluation> {
    let evidence = || {
        option::of(text().prop_map(|note| Evidence {
            start_ms: 0,
            end_ms: 0,
            note,
        }))
    };
    let result = prop_oneof![
        figure().prop_map(ItemResult::Points),
        Just(ItemResult::NotApplicable),
        Just(ItemResult::Fatal),
    ];
    let item = (
        text(),
        text(),
        figure(),
        figure(),
        any::<bool>(),
        result,
        evidence(),
    )
        .prop_map(
            |(id, section, possible, weight, critical, result, evidence)| Item {
                id,
                section,
                possible,
                weight,
                critical,
                result,
                evidence,
            },
        );
    let phase = prop_oneof![Just(Phase::Open), Just(Phase::Help)];
    let emotion = (phase, 1..=5u8, evidence()).prop_map(|(phase, emotion, evidence)| ScoredEmotion {
        phase,
        emotion: Emotion::try_from(emotion).unwrap(),
        evidence,
    });
    (vec(item, 0..4), vec(emotion, 0..4)).prop_map(|(items, emotions)| Evaluation { items, emotions })
}

fn enqueue() -> impl Strategy<Value = Enqueue> {
    let need = ("[ab]", 0..3u8).prop_map(|(skill, level)| Need {
        skill: skill.parse().unwrap(),
        level,
    });
    (text(), vec(need, 0..3), -1..1i32).prop_map(|(queue, needs, priority)| Enqueue {
        queue,
        needs,
        priority,
    })
}

pub(super) fn flow() -> impl Strategy<Value = FlowAnswer> {
    (vec(any::<u8>(), 0..2), vec(action(), 0..5)).prop_map(|(state, actions)| FlowAnswer { state, actions })
}

fn chat_action() -> impl Strategy<Value = ChatAction> {
    let choice = (text(), text()).prop_map(|(id, label)| Choice { id, label });
    let message = (text(), vec(choice, 0..3)).prop_map(|(text, choices)| ChatMessage { text, choices });
    let survey = (text(), text(), 0..2u8).prop_map(|(id, text, lowest)| ChatSurveyQuestion {
        id,
        text,
        lowest,
        highest: 5,
    });
    prop_oneof![
        3 => message.prop_map(ChatAction::Send),
        1 => (0..3u64).prop_map(ChatAction::Typing),
        1 => (0..3u64).prop_map(ChatAction::AwaitReply),
        1 => (enqueue(), option::of(text()))
            .prop_map(|(enqueue, summary)| ChatAction::Enqueue { enqueue, summary }),
        1 => (text(), text()).prop_map(|(key, value)| ChatAction::Set(key, value)),
        1 => survey.prop_map(ChatAction::AskSurvey),
        1 => (text(), 0..3u64).prop_map(|(name, after_ms)| ChatAction::SetTimer(name, after_ms)),
        1 => Just(ChatAction::End),
    ]
}

pub(super) fn chat() -> impl Strategy<Value = ChatAnswer> {
    (vec(any::<u8>(), 0..2), vec(chat_action(), 0..4))
        .prop_map(|(state, actions)| ChatAnswer { state, actions })
}

pub(super) fn pace() -> impl Strategy<Value = Pace> {
    (0..4u32, text(), text(), option::of(0..2u64)).prop_map(|(launch, reason, detail, again)| Pace {
        launch,
        reason,
        detail,
        look_again_at: again.map(Timestamp),
    })
}

fn received() -> impl Strategy<Value = Received> {
    let attachment = (text(), text(), text()).prop_map(|(name, media_type, url)| LinkedAttachment {
        name,
        media_type,
        url,
    });
    let message = (
        "[ab]",
        "[ab]",
        text(),
        option::of(text()),
        option::of(0..2u64),
        text(),
        vec(attachment, 0..2),
    )
        .prop_map(
            |(id, sender, recipient, sender_name, at, text, attachments)| IncomingMessage {
                id: id.into(),
                sender: sender.into(),
                recipient,
                sender_name,
                at: at.map(Timestamp),
                text,
                attachments,
                cut: false,
            },
        );
    let delivery = prop_oneof![
        Just(Delivery::Sent),
        Just(Delivery::Delivered),
        Just(Delivery::Read),
        Just(Delivery::Failed),
    ];
    let receipt =
        ("[ab]", delivery, option::of(0..2u64), option::of(text())).prop_map(|(id, delivery, at, reason)| {
            Receipt {
                id: id.into(),
                delivery,
                at: at.map(Timestamp),
                reason,
            }
        });
    let reply =
        (200..202u16, text(), vec(any::<u8>(), 0..2)).prop_map(|(status, content_type, body)| Reply {
            status,
            content_type,
            body,
        });
    (vec(message, 0..4), vec(receipt, 0..3), option::of(reply)).prop_map(|(messages, receipts, reply)| {
        Received {
            messages,
            receipts,
            reply,
        }
    })
}

fn request() -> impl Strategy<Value = ProviderRequest> {
    let field = || {
        let value = prop_oneof![
            text().prop_map(FieldValue::Text),
            (text(), text()).prop_map(|(name, prefix)| FieldValue::Secret { name, prefix }),
        ];
        vec((text(), value), 0..2)
    };
    let url = prop_oneof!["https://[ab]/[ab]".prop_map(Into::into), text(),];
    let method = prop_oneof![Just(Method::Get), Just(Method::Post), Just(Method::Put)];
    (method, url, field(), field(), vec(any::<u8>(), 0..2)).prop_map(|(method, url, query, headers, body)| {
        ProviderRequest {
            method,
            url,
            query,
            headers,
            body,
        }
    })
}

pub(super) fn connector() -> impl Strategy<Value = ConnectorAnswer> {
    let conclusion = prop_oneof![
        text().prop_map(Conclusion::Accepted),
        (text(), text(), any::<bool>()).prop_map(|(code, message, retryable)| Conclusion::Rejected {
            code,
            message,
            retryable,
        }),
    ];
    prop_oneof![
        2 => received().prop_map(ConnectorAnswer::Received),
        1 => request().prop_map(ConnectorAnswer::Rendered),
        1 => conclusion.prop_map(ConnectorAnswer::Concluded),
    ]
}

pub(super) fn suggestion() -> impl Strategy<Value = Suggestion> {
    let advice = prop_oneof![
        text().prop_map(Advice::Reply),
        text().prop_map(Advice::Knowledge),
        (text(), text()).prop_map(|(code, argument)| Advice::Next { code, argument }),
        text().prop_map(Advice::Hint),
    ];
    (advice, text(), 48..56u8, text(), option::of(0..2u32)).prop_map(
        |(advice, title, confidence, reason, about)| Suggestion {
            advice,
            title,
            confidence,
            reason,
            about,
        },
    )
}
