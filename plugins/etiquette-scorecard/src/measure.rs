//! What the events and the sound of a call say.

use jackfield_plugin::qa_scorecard::{Interaction, Segment, SegmentKind, Survey};

/// A measured value and the place that shows it.
pub(crate) struct Measured {
    /// In the item's unit.
    pub(crate) value: f64,
    /// In milliseconds from the interaction's beginning.
    pub(crate) start: u64,
    /// In milliseconds from the interaction's beginning.
    pub(crate) end: u64,
    pub(crate) note: String,
}

/// Every item's value; none where it cannot be measured.
pub(crate) fn all(interaction: &Interaction) -> [(&'static str, Option<Measured>); 7] {
    [
        ("answer-time", answer_time(interaction)),
        ("hold-share", hold_share(interaction)),
        ("hold-count", hold_count(interaction)),
        ("talk-over", talk_over(interaction)),
        ("dead-air", dead_air(interaction)),
        ("survey", survey_answer(interaction)),
        ("wrap-up", wrap_up(interaction)),
    ]
}

/// The answer to a question of the survey.
pub(crate) fn survey<'a>(interaction: &'a Interaction, question: &str) -> Option<&'a Survey> {
    interaction
        .surveys
        .iter()
        .find(|survey| survey.question == question)
}

/// An answer on the scale 1 to 5; none when the question had no scale.
pub(crate) fn scale(survey: &Survey) -> Option<u8> {
    share(survey).map(|share| 1 + (share * 4.0).round() as u8)
}

/// Where the survey was, else the interaction's end.
pub(crate) fn survey_place(interaction: &Interaction) -> (u64, u64) {
    let length = interaction.ended_at.saturating_sub(interaction.started_at);
    of(interaction, SegmentKind::Survey)
        .last()
        .map_or((length, length), |segment| (segment.start, segment.end))
}

fn of(interaction: &Interaction, kind: SegmentKind) -> impl DoubleEndedIterator<Item = &Segment> {
    interaction
        .segments
        .iter()
        .filter(move |segment| segment.kind == kind)
}

fn length(segment: &Segment) -> u64 {
    segment.end.saturating_sub(segment.start)
}

fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1_000.0
}

/// The time with an agent: talk and hold.
fn with_agent(interaction: &Interaction) -> Option<(u64, u64, u64)> {
    let part = |segment: &&Segment| matches!(segment.kind, SegmentKind::Talk | SegmentKind::Hold);
    let parts = || interaction.segments.iter().filter(part);
    let total: u64 = parts().map(length).sum();
    let (start, end) = (
        parts().map(|part| part.start).min()?,
        parts().map(|part| part.end).max()?,
    );
    (total > 0).then_some((total, start, end))
}

/// How long the phone rang at the agent who answered; others' ringing is not theirs.
fn answer_time(interaction: &Interaction) -> Option<Measured> {
    let talk = of(interaction, SegmentKind::Talk).next()?;
    let rang = of(interaction, SegmentKind::Ringing)
        .rfind(|rang| rang.agent == talk.agent && rang.start <= talk.start)?;
    let value = seconds(length(rang));
    Some(Measured {
        value,
        start: rang.start,
        end: rang.end,
        note: format!("answered after {value:.1} s of ringing"),
    })
}

/// Hold's share of the time with an agent; shown by the longest hold.
fn hold_share(interaction: &Interaction) -> Option<Measured> {
    let (total, start, end) = with_agent(interaction)?;
    let held: u64 = of(interaction, SegmentKind::Hold).map(length).sum();
    let longest = of(interaction, SegmentKind::Hold).max_by_key(|segment| length(segment));
    let (start, end) = longest.map_or((start, end), |segment| (segment.start, segment.end));
    let value = held as f64 / total as f64;
    let note = format!(
        "{:.1} s of {:.1} s with the agent were hold",
        seconds(held),
        seconds(total)
    );
    Some(Measured {
        value,
        start,
        end,
        note,
    })
}

/// How often the customer was put on hold; shown from the first to the last time.
fn hold_count(interaction: &Interaction) -> Option<Measured> {
    let (_, start, end) = with_agent(interaction)?;
    let count = of(interaction, SegmentKind::Hold).count();
    let start = of(interaction, SegmentKind::Hold)
        .next()
        .map_or(start, |segment| segment.start);
    let end = of(interaction, SegmentKind::Hold)
        .next_back()
        .map_or(end, |segment| segment.end);
    Some(Measured {
        value: count as f64,
        start,
        end,
        note: format!("put on hold {count} times"),
    })
}

/// The share of speech in which both spoke at once.
fn talk_over(interaction: &Interaction) -> Option<Measured> {
    let speech = interaction.speech.as_ref()?;
    let (_, start, end) = with_agent(interaction)?;
    let spoken = (speech.customer + speech.agent).saturating_sub(speech.talk_over);
    let value = (spoken > 0).then(|| speech.talk_over as f64 / spoken as f64)?;
    let note = format!(
        "{:.1} s of {:.1} s of speech over one another; the agent cut in {} times",
        seconds(speech.talk_over),
        seconds(spoken),
        speech.interruptions
    );
    Some(Measured {
        value,
        start,
        end,
        note,
    })
}

/// The share of the talk in which nobody spoke. Hold is not talk: its silence is counted as hold.
fn dead_air(interaction: &Interaction) -> Option<Measured> {
    let speech = interaction.speech.as_ref()?;
    let (_, start, end) = with_agent(interaction)?;
    let heard = (speech.customer + speech.agent + speech.silence).saturating_sub(speech.talk_over);
    let held: u64 = of(interaction, SegmentKind::Hold).map(length).sum();
    let (silent, heard) = (speech.silence.saturating_sub(held), heard.saturating_sub(held));
    let value = (heard > 0).then(|| silent as f64 / heard as f64)?;
    let note = format!(
        "{:.1} s of {:.1} s of talk were silent",
        seconds(silent),
        seconds(heard)
    );
    Some(Measured {
        value,
        start,
        end,
        note,
    })
}

/// The answer to the satisfaction question.
fn survey_answer(interaction: &Interaction) -> Option<Measured> {
    let csat = survey(interaction, "csat")?;
    let (start, end) = survey_place(interaction);
    let note = format!(
        "answered {} on the scale {} to {}",
        csat.value, csat.lowest, csat.highest
    );
    Some(Measured {
        value: share(csat)?,
        start,
        end,
        note,
    })
}

/// The last agent's after-call work.
fn wrap_up(interaction: &Interaction) -> Option<Measured> {
    let work = of(interaction, SegmentKind::WrapUp).rfind(|work| work.agent == interaction.agent)?;
    let value = seconds(length(work));
    Some(Measured {
        value,
        start: work.start,
        end: work.end,
        note: format!("{value:.1} s of after-call work"),
    })
}

/// An answer as a share of its scale, 0 to 1; none when the question had no scale.
fn share(survey: &Survey) -> Option<f64> {
    let steps = survey
        .highest
        .checked_sub(survey.lowest)
        .filter(|steps| *steps > 0)?;
    let step = survey
        .value
        .checked_sub(survey.lowest)
        .filter(|step| *step <= steps)?;
    Some(f64::from(step) / f64::from(steps))
}
