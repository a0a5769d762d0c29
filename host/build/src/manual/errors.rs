//! The page of errors: what ends a decision, and what the host answers to a plugin.

use std::fmt::Write as _;

/// Codes of decisions that brought no answer.
const FAILURES: [(&str, &str); 10] = [
    (
        "plugin-error",
        "The plugin answered with an error; its code and message follow. An exception of JavaScript or Python is the error \
         `exception`, with a stack in lines of the author's files.",
    ),
    (
        "trap",
        "The plugin ran into something that it cannot go on from, for example a panic in Rust. Its functions follow, innermost first; a \
         panic's file and line are in the log.",
    ),
    (
        "fuel",
        "It used all its fuel. The same question uses the same fuel on every machine.",
    ),
    ("timeout", "It did not answer within its processor time."),
    ("memory", "It asked for more memory than its ceiling."),
    (
        "oversize",
        "The question, the answer, or what it handed to the host at once is larger than its ceiling.",
    ),
    (
        "invalid-answer",
        "The answer breaks a rule of the contract; the message names the field, what was found and what was expected.",
    ),
    (
        "host-busy",
        "The plugin handed on the host's error `unavailable`: what it asked for could not be read in time. Flows, assists and outbound \
         rules are asked once more.",
    ),
    ("unavailable", "The plugin could not be started."),
    (
        "overloaded",
        "The host had no place for another decision in time.",
    ),
];

/// Codes of what functions of the host answer.
const REFUSALS: [(&str, &str, bool); 3] = [
    (
        "not-granted",
        "The manifest does not ask for the capability, or the tenant does not grant it.",
        false,
    ),
    (
        "not-projected",
        "The manifest has a projection, and it does not name what was asked for.",
        false,
    ),
    ("unavailable", "It cannot be read now.", true),
];

pub(super) fn page() -> String {
    let mut text = String::from(
        "<!-- Written by `cargo xtask manual`. Do not edit. -->\n\n# Errors\n\n## Decisions without an answer\n\nEvery kind has a fail \
         policy, told at its function. The failure stands in the event `decision-failed`, in the decision's record, and in what \
         `jackfield plugin run` shows.\n\n| code | |\n|---|---|\n",
    );
    for (code, about) in FAILURES {
        let _ = writeln!(text, "| `{code}` | {about} |");
    }
    text.push_str(
        "\n## Answers of the host\n\nA function that can fail returns the record [error](types.md#record-error); TypeScript throws \
         it, Python raises it as `componentize_py_types.Err`. A refusal is never a trap.\n\n| code | | retryable |\n|---|---|---|\n",
    );
    for (code, about, retryable) in REFUSALS {
        let _ = writeln!(
            text,
            "| `{code}` | {about} | {} |",
            if retryable { "yes" } else { "no" }
        );
    }
    text.push_str(
        "\n## Errors of the SDKs\n\n| code | language | |\n|---|---|---|\n\
         | `bad-config` | Rust | The binding's configuration does not fit the plugin's type. |\n\
         | `exception` | TypeScript, Python | Something was thrown or raised that is no error of the contract. |\n\
         | `bad-answer` | TypeScript | The answer holds a number that is no number, above 2^53, or half of a surrogate pair. |\n\
         | `integer-range` | TypeScript | The queue's skill table has more than 53 skills. |\n\
         | `diverged` | all with straight-line flows | The script waits for something else than in the run before. |\n\
         | `awaits-other` | all with straight-line flows | The script awaits what is not the call's or the chat's, or two things at once. |\n\
         | `too-long` | all with straight-line flows | The script keeps more than 256 results. |\n\
         | `bad-state` | all with straight-line flows | The state is of another plugin. |\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_code_is_one_of_the_hosts() {
        let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sandbox/src");
        let mut sources = String::new();
        for folder in ["", "kind", "capability"] {
            for entry in fs::read_dir(host.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    sources.push_str(&fs::read_to_string(path).unwrap());
                }
            }
        }
        let codes = FAILURES.iter().map(|(code, _)| code);
        for code in codes.chain(REFUSALS.iter().map(|(code, ..)| code)) {
            assert!(sources.contains(&format!("\"{code}\"")), "{code}");
        }
    }
}
