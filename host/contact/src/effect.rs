//! What the core wants done. Carried out only after the events that explain it are durable.

use jackfield_types::{ExtensionPoint, InteractionId, LegId, TemplateId};

use crate::decision::Question;
use crate::event::Event;
use crate::interaction::Interaction;
use crate::leg::{ActionId, LegCommand};

/// Names one question to a plugin until it is answered; never used twice by one `Centre`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// One thing to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// An order to a leg.
    Leg {
        /// The leg.
        leg: LegId,
        /// Unique within the interaction: the same order may be sent twice and is carried out once.
        action: ActionId,
        /// The order.
        command: LegCommand,
    },
    /// The customer of a written conversation is shown for a while that somebody is writing.
    Typing {
        /// The conversation.
        interaction: InteractionId,
        /// For so many milliseconds.
        ms: u64,
    },
    /// A shared reply template is to be filled in, and comes back as `Input::TemplateFilled`.
    FillTemplate {
        /// The conversation.
        interaction: InteractionId,
        /// The template.
        template: TemplateId,
    },
    /// A question to whatever plugin is bound at a point; must be answered by `Input::Decided`.
    Ask {
        /// Names the question.
        ask: AskId,
        /// Where the plugin is bound.
        point: ExtensionPoint,
        /// The question.
        question: Question,
    },
}

/// What came of one input.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What is now true, in order; to be made durable first.
    pub events: Vec<Event>,
    /// What is to be done then.
    pub effects: Vec<Effect>,
    /// Interactions to which nothing more will happen; the core has forgotten them.
    pub closed: Vec<Interaction>,
}
