//! Connectors: no message may be lost or come from somebody else, and none may go elsewhere.

use super::{Differences, Grade};
use crate::decision::{Conclusion, ConnectorAnswer, ProviderRequest, Received};

pub(super) fn compare(found: &mut Differences, before: &ConnectorAnswer, after: &ConnectorAnswer) {
    match (before, after) {
        (ConnectorAnswer::Received(before), ConnectorAnswer::Received(after)) => {
            received(found, before, after)
        }
        (ConnectorAnswer::Rendered(before), ConnectorAnswer::Rendered(after)) => {
            rendered(found, before, after)
        }
        (ConnectorAnswer::Concluded(before), ConnectorAnswer::Concluded(after)) => {
            concluded(found, before, after);
        }
        _ => found.note(Grade::Forbidden, "/connector", before, after),
    }
}

fn received(found: &mut Differences, before: &Received, after: &Received) {
    found.places(
        "/connector/received/messages",
        &before.messages,
        &after.messages,
        |was, is| {
            let Some(was) = was else { return Grade::Material };
            // It may stand at another place.
            let kept = after.messages.iter().find(|message| message.id == was.id);
            match kept {
                Some(kept) if kept.sender == was.sender => {
                    let mut renamed = kept.clone();
                    renamed.sender_name.clone_from(&was.sender_name);
                    if is == Some(kept) && renamed == *was {
                        Grade::Cosmetic
                    } else {
                        Grade::Material
                    }
                }
                _ => Grade::Forbidden,
            }
        },
    );
    let at = "/connector/received/receipts";
    found.places(at, &before.receipts, &after.receipts, |_, _| Grade::Material);
    found.field(
        Grade::Material,
        "/connector/received/reply",
        &before.reply,
        &after.reply,
    );
}

fn rendered(found: &mut Differences, before: &ProviderRequest, after: &ProviderRequest) {
    if before != after {
        let elsewhere = host(&before.url) != host(&after.url);
        let grade = if elsewhere {
            Grade::Forbidden
        } else {
            Grade::Material
        };
        found.note(grade, "/connector/rendered", before, after);
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn concluded(found: &mut Differences, before: &Conclusion, after: &Conclusion) {
    let words_only = match (before, after) {
        (
            Conclusion::Rejected { code, retryable, .. },
            Conclusion::Rejected {
                code: other,
                retryable: again,
                ..
            },
        ) => (code, retryable) == (other, again),
        _ => false,
    };
    let grade = if words_only {
        Grade::Cosmetic
    } else {
        Grade::Material
    };
    found.field(grade, "/connector/concluded", before, after);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{IncomingMessage, Method};

    fn grade(before: ConnectorAnswer, after: ConnectorAnswer) -> Grade {
        let mut found = Differences::default();
        compare(&mut found, &before, &after);
        found.done().grade
    }

    fn said(messages: &[(&str, &str, &str)]) -> ConnectorAnswer {
        let message = |(id, sender, name): &(&str, &str, &str)| IncomingMessage {
            id: (*id).into(),
            sender: (*sender).into(),
            recipient: "".into(),
            sender_name: Some((*name).into()),
            at: None,
            text: "hi".into(),
            attachments: vec![],
            cut: false,
        };
        ConnectorAnswer::Received(Received {
            messages: messages.iter().map(message).collect(),
            ..Received::default()
        })
    }

    fn request(url: &str) -> ConnectorAnswer {
        ConnectorAnswer::Rendered(ProviderRequest {
            method: Method::Post,
            url: url.into(),
            query: vec![],
            headers: vec![],
            body: vec![],
        })
    }

    fn rejected(code: &str, message: &str) -> ConnectorAnswer {
        ConnectorAnswer::Concluded(Conclusion::Rejected {
            code: code.into(),
            message: message.into(),
            retryable: true,
        })
    }

    #[test]
    fn a_message_must_not_be_lost_nor_go_elsewhere() {
        let two = || said(&[("1", "u", "Li"), ("2", "u", "Li")]);
        for (before, after, expected) in [
            (two(), two(), Grade::Identical),
            (
                two(),
                said(&[("1", "u", "Han"), ("2", "u", "Li")]),
                Grade::Cosmetic,
            ),
            (
                two(),
                said(&[("2", "u", "Li"), ("1", "u", "Li")]),
                Grade::Material,
            ),
            (
                two(),
                said(&[("1", "u", "Li"), ("2", "u", "Li"), ("3", "u", "Li")]),
                Grade::Material,
            ),
            (two(), said(&[("1", "u", "Li")]), Grade::Forbidden),
            (
                two(),
                said(&[("1", "v", "Li"), ("2", "u", "Li")]),
                Grade::Forbidden,
            ),
            (request("https://a/x"), request("https://a/y"), Grade::Material),
            (request("https://a/x"), request("https://b/x"), Grade::Forbidden),
            (rejected("full", "a"), rejected("full", "b"), Grade::Cosmetic),
            (rejected("full", "a"), rejected("gone", "a"), Grade::Material),
            (two(), request("https://a"), Grade::Forbidden),
        ] {
            let shown = format!("{after:?}");
            assert_eq!(grade(before, after), expected, "{shown}");
        }
    }
}
