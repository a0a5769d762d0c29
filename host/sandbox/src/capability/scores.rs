use jackfield_types::Capability;

use crate::{
    bindings::cx::{
        scoring::scores::{Evaluation, Host, PhaseEmotion, Survey},
        types::types::Error,
    },
    capability::checked_limit,
    lower::Lower,
    state::State,
};

impl Host for State {
    fn surveys(&mut self, limit: u32) -> Result<Vec<Survey>, Error> {
        self.granted(Capability::Scores)?;
        let limit = checked_limit(limit, 1..=50)?;
        let mut surveys = self.told(self.env.reads.surveys(limit))?;
        surveys.truncate(limit);
        let mut lower = Lower::reply();
        let surveys = lower.list(&surveys, |lower, survey| Survey {
            interaction: lower.shown(survey.interaction),
            at: survey.at.0,
            question: lower.text(&survey.answer.question),
            value: survey.answer.value,
            lowest: survey.answer.lowest,
            highest: survey.answer.highest,
        });
        lower.replied(surveys)
    }

    fn evaluations(&mut self, limit: u32) -> Result<Vec<Evaluation>, Error> {
        self.granted(Capability::Scores)?;
        let limit = checked_limit(limit, 1..=50)?;
        let mut evaluations = self.told(self.env.reads.evaluations(limit))?;
        evaluations.truncate(limit);
        let mut lower = Lower::reply();
        let evaluations = lower.list(&evaluations, |lower, evaluation| Evaluation {
            interaction: lower.shown(evaluation.interaction),
            at: evaluation.at.0,
            agent: evaluation.agent.as_ref().map(|agent| lower.text(agent.as_str())),
            score: evaluation.score,
            emotions: lower.list(&evaluation.emotions, |_, found| PhaseEmotion {
                phase: found.phase.into(),
                emotion: found.emotion.into(),
            }),
        });
        lower.replied(evaluations)
    }
}
