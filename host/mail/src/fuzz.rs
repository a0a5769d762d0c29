//! What strangers' bytes come to, one function for each fuzz target of `host/fuzz` (feature `fuzz`). Each panics when a
//! promise does not hold.

use std::sync::Arc;

use jackfield_types::limits;
use tokio::sync::Semaphore;

use crate::Mail;
use crate::lines::Lines;
use crate::session::{Session, Step};

/// A mail: what is kept of it is bounded, and it can be answered.
pub fn mail(raw: &[u8]) {
    let Ok(mail) = Mail::read(raw, "a@b.c") else {
        return;
    };
    assert!(mail.subject.len() <= limits::MAX_SUBJECT_BYTES);
    assert!(mail.stamp.len() <= limits::MAX_CLIENT_ID_BYTES);
    assert!(mail.answers.len() <= limits::MAX_MAIL_REFERENCES);
    assert!(!mail.subject.chars().any(char::is_control));
    assert!(
        !mail
            .text
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
    );
    assert_eq!(Ok(&mail), Mail::read(raw, "a@b.c").as_ref());
}

/// Bytes of a connection: however they are cut, the same is answered.
pub fn smtp(bytes: &[u8]) {
    let whole = answers(&[bytes]);
    let pieces: Vec<&[u8]> = bytes.chunks(3).collect();
    assert_eq!(whole, answers(&pieces));
}

fn answers(pieces: &[&[u8]]) -> Vec<String> {
    let mut session = Session::<u8>::new("mx.example".into(), false, Arc::new(Semaphore::new(64)));
    let (mut lines, mut answers) = (Lines::default(), Vec::new());
    for piece in pieces {
        lines.feed(piece);
        while let Some(line) = lines.next(session.longest()) {
            match session.line(line, |address| address.ends_with("@one.example").then_some(1)) {
                Step::Wait => {}
                Step::Reply(text) => answers.push(text),
                Step::Take(mail) => answers.push(format!("taken {}", mail.data.len())),
                Step::Secure => answers.push("secure".into()),
                Step::Close(text) => {
                    answers.push(text);
                    return answers;
                }
            }
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use jackfield_testkit::corpus::replay;

    #[test]
    fn mails() {
        replay("mail", 5_000, super::mail);
    }

    #[test]
    fn connections() {
        replay("smtp", 10_000, super::smtp);
    }
}
