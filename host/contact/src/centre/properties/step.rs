//! What can happen.

use proptest::prelude::*;

/// One thing that happens. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Arrive(u8),
    Customer(u8, u8),
    AgentPhone(u8, u8),
    /// An event of any leg, whether it can be or not.
    Stray(u8, u8, u8),
    Answer(u8, u8, u8),
    AnswerAgain(u8),
    Want(u8, u8),
    Phone(u8, bool),
    Transfer(u8, u8),
    End(u8),
    Recorded(u8),
    RecordingLost(u8),
    Pass(u32),
    /// Time passes and nobody looks at the timers.
    Sleep(u32),
    SetQueue(u8, u8),
    RemoveQueue(u8),
    SetAgent(u8, u8),
    RemoveAgent(u8),
    SetNumber(u8),
    RemoveNumber,
    Rebind(u8),
    /// An agent calls somebody.
    Call(u8, u8),
    Chat(u8),
    Write(u8, u8),
    /// An agent does something with a conversation, whether it is the agent's or not.
    Desk(u8, u8),
    Leave(u8),
    SetEntry(u8),
    RemoveEntry,
    Die,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let any8 = || any::<u8>();
    prop_oneof![
        20 => any8().prop_map(Step::Arrive),
        60 => (any8(), any8()).prop_map(|(call, what)| Step::Customer(call, what)),
        60 => (any8(), any8()).prop_map(|(call, what)| Step::AgentPhone(call, what)),
        5 => (any8(), any8(), any8()).prop_map(|(call, leg, what)| Step::Stray(call, leg, what)),
        200 => (any8(), any8(), any8()).prop_map(|(ask, what, how)| Step::Answer(ask, what, how)),
        3 => any8().prop_map(Step::AnswerAgain),
        20 => (any8(), any8()).prop_map(|(agent, what)| Step::Want(agent, what)),
        8 => (any8(), any::<bool>()).prop_map(|(agent, on)| Step::Phone(agent, on)),
        8 => (any8(), any8()).prop_map(|(call, queue)| Step::Transfer(call, queue)),
        2 => any8().prop_map(Step::End),
        10 => any8().prop_map(Step::Recorded),
        1 => any8().prop_map(Step::RecordingLost),
        30 => (0u32..600).prop_map(Step::Pass),
        12 => (0u32..40_000).prop_map(Step::Pass),
        4 => (0u32..40_000).prop_map(Step::Sleep),
        4 => (any8(), any8()).prop_map(|(queue, what)| Step::SetQueue(queue, what)),
        2 => any8().prop_map(Step::RemoveQueue),
        4 => (any8(), any8()).prop_map(|(agent, what)| Step::SetAgent(agent, what)),
        2 => any8().prop_map(Step::RemoveAgent),
        2 => any8().prop_map(Step::SetNumber),
        1 => Just(Step::RemoveNumber),
        2 => any8().prop_map(Step::Rebind),
        12 => (any8(), any8()).prop_map(|(agent, queue)| Step::Call(agent, queue)),
        20 => any8().prop_map(Step::Chat),
        60 => (any8(), any8()).prop_map(|(chat, what)| Step::Write(chat, what)),
        60 => (any8(), any8()).prop_map(|(chat, what)| Step::Desk(chat, what)),
        2 => any8().prop_map(Step::Leave),
        2 => any8().prop_map(Step::SetEntry),
        1 => Just(Step::RemoveEntry),
        1 => Just(Step::Die),
    ]
}
