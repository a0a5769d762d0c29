//! The page of limits, with the numbers of the code.

use std::fmt::Write as _;

use jackfield_types::limits;

/// Where the words about them stand.
const SOURCE: &str = include_str!("../../../types/src/limits.rs");

macro_rules! limits {
    ($($name:ident),* $(,)?) => {
        [$((stringify!($name), limits::$name as u64)),*]
    };
}

/// What a plugin's author meets.
const SECTIONS: [(&str, &[(&str, u64)]); 6] = [
    (
        "Components",
        &limits![
            MAX_COMPONENT_BYTES,
            MAX_COMPILE_CPU_S,
            COMPILE_CPU_S_PER_MIB,
            MAX_COMPILE_MS,
            COMPILE_MS_PER_MIB,
            MAX_COMPILE_MEMORY_BYTES,
            MAX_ARTIFACT_BYTES,
            MAX_PLUGIN_VERSIONS,
            MAX_CONFIG_BYTES,
        ],
    ),
    (
        "All kinds",
        &limits![
            MAX_CODE_BYTES,
            MAX_TEXT_BYTES,
            MAX_ATTRIBUTES,
            MAX_PLUGIN_LOG_BYTES,
            MAX_PLUGIN_KEY_BYTES,
            MAX_PLUGIN_VALUE_BYTES,
            MAX_PLUGIN_KEY_WRITES,
        ],
    ),
    (
        "Flows",
        &limits![
            MAX_FLOW_STATE_BYTES,
            MAX_FLOW_ACTIONS,
            MAX_FLOW_TIMERS,
            MAX_FLOW_STEPS_AT_ONCE,
            MAX_PROMPTS,
            MAX_PROMPT_NAME_BYTES,
            MAX_SILENCE_MS,
            MAX_MESSAGE_BYTES,
            MAX_CHOICES,
            MAX_ATTACHMENTS,
        ],
    ),
    (
        "Routing, pacing and outbound rules",
        &limits![
            MAX_SNAPSHOT_WORK,
            MAX_SNAPSHOT_AGENTS,
            MAX_QUEUE_SKILLS,
            MAX_SKILL_LEVEL,
            MAX_PACING_AGENTS,
            MAX_PAST_ATTEMPTS,
            MAX_ATTEMPT_AGE_MS,
            MAX_CAMPAIGN_RULES,
        ],
    ),
    (
        "Tags, scorecards and assists",
        &limits![
            MAX_TAGS,
            MAX_SCORE_ITEMS,
            MAX_SUGGESTIONS,
            MAX_ASSIST_MESSAGES,
            MAX_QUERY_BYTES,
            MAX_TITLE_BYTES,
        ],
    ),
    (
        "Connectors",
        &limits![
            MAX_CONNECTOR_MESSAGES,
            MAX_CONNECTOR_FIELDS,
            MAX_WEBHOOK_BODY_BYTES,
            MAX_CONNECTOR_BODY_BYTES,
            MAX_CONNECTOR_REPLY_BYTES,
            MAX_URL_BYTES,
            MAX_ADDRESS_BYTES,
        ],
    ),
];

pub(super) fn page() -> String {
    let mut text = String::from(
        "<!-- Rendered from host/types/src/limits.rs by `cargo xtask manual`. Do not edit. -->\n\n# Limits\n\nEach has an answer when \
         it is reached. Fuel, time and memory of a decision stand on the page of its kind.\n\n",
    );
    for (title, limits) in SECTIONS {
        let _ = writeln!(text, "## {title}\n\n| limit | | |\n|---|---|---|");
        for (name, value) in limits {
            let _ = writeln!(text, "| `{name}` | {} | {} |", shown(name, *value), about(name));
        }
        text.push('\n');
    }
    text
}

/// The number with its unit, which the name ends in.
fn shown(name: &str, value: u64) -> String {
    let whole = |unit: u64, word: &str| {
        value
            .is_multiple_of(unit)
            .then(|| format!("{} {word}", value / unit))
    };
    let found = if name.ends_with("_BYTES") {
        whole(1 << 30, "GiB")
            .or_else(|| whole(1 << 20, "MiB"))
            .or_else(|| whole(1 << 10, "KiB"))
            .or_else(|| Some(format!("{} bytes", grouped(value))))
    } else if name.contains("_MS") {
        whole(86_400_000, "days")
            .or_else(|| whole(60_000, "min"))
            .or_else(|| whole(1_000, "s"))
    } else if name.contains("_S_") || name.ends_with("_S") {
        Some(format!("{value} s"))
    } else {
        None
    };
    found.unwrap_or_else(|| grouped(value))
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What the code says about a limit.
fn about(name: &str) -> String {
    let before = SOURCE
        .split(&format!("pub const {name}:"))
        .next()
        .unwrap_or_default();
    let mut lines: Vec<_> = before
        .lines()
        .rev()
        .map_while(|line| line.strip_prefix("///"))
        .map(str::trim)
        .collect();
    lines.reverse();
    let text = lines.join(" ");
    // Links of the code's own documentation lead nowhere here.
    text.replace("[`", "`").replace("`]", "`").replace('|', "\\|")
}
