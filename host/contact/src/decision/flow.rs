use std::sync::Arc;

use jackfield_types::{AgentId, E164, InteractionId, QueueId, SkillId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::leg::Prompt;

/// One step of a voice flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowQuestion {
    /// What the flow returned with its last answer; empty at `Started`.
    #[serde(with = "serde_bytes")]
    pub state: Vec<u8>,
    /// What happened.
    pub event: FlowEvent,
    /// The call at hand.
    pub call: CallInfo,
}

/// The call at hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallInfo {
    /// The interaction.
    pub interaction: InteractionId,
    /// The caller: E.164 where the network gave one, else as it was given.
    pub caller: Arc<str>,
    /// The number that was called.
    pub number: E164,
    /// When the call came in.
    pub started_at: Timestamp,
    /// The number's language (BCP 47).
    pub language: Arc<str>,
    /// What has been set so far.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
}

/// What happened on a call, as a flow sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowEvent {
    /// The call has been answered and belongs to this flow now.
    Started,
    /// A gather took digits.
    Digits(Arc<str>),
    /// A gather or survey question ended with no digit.
    NoInput,
    /// All prompts of the last step have been played.
    PromptFinished,
    /// The caller waits.
    QueueProgress(QueueProgress),
    /// The queue gave the caller back.
    QueueLeft(QueueExit),
    /// An agent has answered.
    Answered(AgentId),
    /// The agent has hung up; the caller is still there.
    AgentLeft {
        /// Who.
        agent: AgentId,
        /// How long they were connected, in milliseconds.
        talked_ms: u64,
    },
    /// The caller answered a survey question.
    SurveyAnswered {
        /// The question's id.
        question: Arc<str>,
        /// The digit.
        value: u8,
    },
    /// A timer of the flow has run out.
    Timer(Arc<str>),
    /// The call is over.
    Ended,
    /// Another version of the flow wrote the state, with this state schema: to be taken over. Asked by the runtime
    /// before the event at hand; the actions of the answer are not carried out.
    Migrated(u32),
}

/// Where a waiting caller stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueProgress {
    /// The queue.
    pub queue: QueueId,
    /// 1 for the caller who is next.
    pub position: u32,
    /// Milliseconds waited in this queue.
    pub waited_ms: u64,
    /// Expected further wait in milliseconds; `None` while nothing is known.
    pub expected_wait_ms: Option<u64>,
}

/// Why a queue gave the caller back to the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueExit {
    /// There is no queue of that name.
    UnknownQueue,
    /// The queue is full, and has no overflow queue.
    Full,
    /// The longest wait is over, and there is no overflow queue.
    MaxWait,
}

/// What a flow wants to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowAction {
    /// Play prompts.
    Play(Vec<Prompt>),
    /// Play prompts and take digits.
    Gather(Gather),
    /// Put the caller into a queue.
    Enqueue(Enqueue),
    /// Start or stop the recording.
    Record(bool),
    /// Set an attribute of the interaction.
    Set(Arc<str>, Arc<str>),
    /// Ask one survey question.
    AskSurvey(SurveyQuestion),
    /// Set a named timer that runs out after so many milliseconds.
    SetTimer(Arc<str>, u64),
    /// Play what is still to be played, then hang up.
    End,
}

impl FlowAction {
    /// Whether the action waits for something, and so must be the last of an answer.
    pub const fn waits(&self) -> bool {
        matches!(
            self,
            Self::Gather(_) | Self::Enqueue(_) | Self::AskSurvey(_) | Self::End
        )
    }
}

/// Play prompts, then take digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gather {
    /// Played first; a digit ends it.
    pub prompts: Vec<Prompt>,
    /// 1 to 32.
    pub max_digits: u8,
    /// `#` or `*`.
    pub terminator: Option<char>,
    /// Milliseconds for the first digit after the prompts, 500 to 60,000.
    pub first_digit_ms: u64,
    /// Milliseconds between digits, 500 to 60,000.
    pub between_digits_ms: u64,
}

/// Put the caller into a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enqueue {
    /// The queue's name as the flow gave it; may name no queue.
    pub queue: Arc<str>,
    /// The skills asked for, at most 16.
    pub needs: Vec<Need>,
    /// -100 to 100; higher goes first.
    pub priority: i32,
}

/// A skill that work asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// The skill.
    pub skill: SkillId,
    /// The lowest level that will do, 1 to 10.
    pub level: u8,
}

/// One keypad question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyQuestion {
    /// The question's id, at most 64 bytes.
    pub id: Arc<str>,
    /// Played first; a digit ends it.
    pub prompts: Vec<Prompt>,
    /// The lowest digit that is an answer.
    pub lowest: u8,
    /// The highest digit that is an answer, at most 9.
    pub highest: u8,
}

/// A flow's answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlowAnswer {
    /// Given back with the next event; at most 16 KiB.
    #[serde(with = "serde_bytes")]
    pub state: Vec<u8>,
    /// What to do, in order; at most 32, one that waits only at the end.
    pub actions: Vec<FlowAction>,
}

/// How a queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct QueueStatus {
    /// Callers waiting.
    pub waiting: u32,
    /// Agents who are free for this queue now.
    pub available: u32,
    /// Agents who are signed in for this queue.
    pub signed_in: u32,
    /// The longest present wait in milliseconds.
    pub longest_wait_ms: u64,
    /// Expected wait of one more caller in milliseconds.
    pub expected_wait_ms: Option<u64>,
}
