//! The survey by keypad, after the agent has left.

use jackfield_plugin::voice_flow::{CallAction, SurveyQuestion};

use crate::{Config, Stage, State};

/// Thanks for the call and asks the first question, if there is any.
pub(crate) fn begin(config: &Config, state: &mut State) -> Vec<CallAction> {
    ask(config, state, 0)
}

/// Asks this question, or says goodbye after the last.
pub(crate) fn ask(config: &Config, state: &mut State, question: usize) -> Vec<CallAction> {
    let language = state.language;
    let Some(asked) = config.survey.get(question) else {
        state.stage = Stage::Leaving;
        let bye = if question == 0 {
            language.goodbye()
        } else {
            language.thanks()
        };
        return vec![CallAction::Play(vec![language.say(bye)]), CallAction::End];
    };
    state.stage = Stage::Survey {
        question,
        again: false,
    };
    let mut prompts = Vec::new();
    if question == 0 {
        prompts.push(language.say(language.survey_begins()));
    }
    prompts.push(language.say(language.question(*asked)));
    vec![CallAction::AskSurvey(SurveyQuestion {
        id: asked.id().to_owned(),
        prompts,
        lowest: 1,
        highest: 5,
    })]
}

/// Nothing or a wrong digit was pressed: asks once more, then leaves the caller in peace.
pub(crate) fn unanswered(
    config: &Config,
    state: &mut State,
    question: usize,
    again: bool,
) -> Vec<CallAction> {
    if again {
        return ask(config, state, config.survey.len());
    }
    let actions = ask(config, state, question);
    if let Stage::Survey { again, .. } = &mut state.stage {
        *again = true;
    }
    actions
}
