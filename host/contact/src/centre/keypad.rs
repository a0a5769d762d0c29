//! Taking digits: type-ahead, terminator, the two time-outs, and survey answers.

use jackfield_types::{InteractionId, LegId};

use super::Step;
use crate::decision::{FlowEvent, SurveyAnswer};
use crate::event::Event;
use crate::interaction::{Playing, Stage, Wants};
use crate::leg::LegCommand;
use crate::timer::TimerKey;

const MAX_TYPED_AHEAD: usize = 32;
/// A survey question waits so long for its digit.
const SURVEY_DIGIT_MS: u64 = 8_000;

impl Step<'_> {
    pub(super) fn digit(&mut self, id: InteractionId, digit: char) {
        let Some(it) = self.live(id) else { return };
        let talking = matches!(it.stage, Stage::Talking { .. } | Stage::Ended);
        let Some(input) = &mut it.live.input else {
            if !talking && it.live.typed_ahead.len() < MAX_TYPED_AHEAD {
                it.live.typed_ahead.push(digit);
            }
            return;
        };
        let (done, wait_ms) = match &input.wants {
            Wants::Survey(_) => {
                input.digits.push(digit);
                (true, 0)
            }
            Wants::Digits { terminator, .. } if *terminator == Some(digit) => (true, 0),
            Wants::Digits {
                max_digits,
                between_digits_ms,
                ..
            } => {
                input.digits.push(digit);
                (input.digits.len() >= usize::from(*max_digits), *between_digits_ms)
            }
        };
        if done {
            self.input_finished(id);
        } else {
            self.arm(TimerKey::Keypad(id), wait_ms);
        }
    }

    pub(super) fn await_first_digit(&mut self, id: InteractionId) {
        let Some(it) = self.live(id) else { return };
        let Some(input) = &it.live.input else { return };
        let wait_ms = match &input.wants {
            Wants::Survey(_) => SURVEY_DIGIT_MS,
            Wants::Digits {
                first_digit_ms,
                between_digits_ms,
                ..
            } => {
                if input.digits.is_empty() {
                    *first_digit_ms
                } else {
                    *between_digits_ms
                }
            }
        };
        self.arm(TimerKey::Keypad(id), wait_ms);
    }

    pub(super) fn keypad_timed_out(&mut self, id: InteractionId) {
        self.input_finished(id);
    }

    /// Forgets input that nobody waits for any longer.
    pub(super) fn abort_input(&mut self, id: InteractionId) {
        self.disarm(&TimerKey::Keypad(id));
        if let Some(it) = self.live(id) {
            it.live.input = None;
        }
    }

    fn input_finished(&mut self, id: InteractionId) {
        self.disarm(&TimerKey::Keypad(id));
        let Some(it) = self.live(id) else { return };
        let Some(input) = it.live.input.take() else { return };
        let still_playing = std::mem::take(&mut it.live.playing) != Playing::Nothing;
        let waiting = it.work().is_some();
        if waiting {
            self.play_waiting(id, Vec::new());
        } else if still_playing {
            self.order(LegId::customer(id), LegCommand::StopPlay);
        }
        let event = match input.wants {
            Wants::Survey(question) => {
                let value = input
                    .digits
                    .chars()
                    .next()
                    .and_then(|digit| digit.to_digit(10))
                    .map(|digit| digit as u8);
                match value.filter(|value| (question.lowest..=question.highest).contains(value)) {
                    Some(value) => {
                        let answer = SurveyAnswer {
                            question: question.id.clone(),
                            value,
                            lowest: question.lowest,
                            highest: question.highest,
                        };
                        self.record(Event::SurveyAnswered {
                            interaction: id,
                            answer,
                        });
                        FlowEvent::SurveyAnswered {
                            question: question.id,
                            value,
                        }
                    }
                    None => FlowEvent::NoInput,
                }
            }
            Wants::Digits { .. } if input.digits.is_empty() => FlowEvent::NoInput,
            Wants::Digits { .. } => {
                let digits: std::sync::Arc<str> = input.digits.into();
                self.record(Event::DigitsEntered {
                    interaction: id,
                    digits: digits.clone(),
                });
                FlowEvent::Digits(digits)
            }
        };
        self.tell_flow(id, event);
    }
}
