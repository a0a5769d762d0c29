use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::stand_in::{Shared, StandIn};

/// A mail server that behaves as it is told: it stands in for those that carry mails on.
pub struct MailRelay {
    /// Where it is heard, in the clear.
    pub at: SocketAddr,
    served: StandIn<State>,
}

#[derive(Default)]
struct State {
    letters: Vec<Letter>,
    next: VecDeque<Manner>,
}

/// A mail that came to its end.
#[derive(Debug, Clone)]
pub struct Letter {
    /// From whom, on the envelope.
    pub from: String,
    /// To whom, on the envelope.
    pub to: Vec<String>,
    /// Header and text as they came, lines with LF.
    pub text: String,
    /// Whether the relay has said that it has it.
    pub taken: bool,
}

impl Letter {
    /// The value of a header, unfolded; empty when there is none.
    pub fn header(&self, name: &str) -> String {
        let head = self
            .text
            .split("\n\n")
            .next()
            .unwrap_or_default()
            .replace("\n ", " ");
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found
            .next()
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    }
}

/// What the relay does with one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// Answers this to MAIL.
    Mail(String),
    /// Answers this to RCPT.
    Rcpt(String),
    /// Answers this at the end of the data.
    Data(String),
    /// Answers at the end of the data after a while.
    Slow(Duration),
    /// Answers nothing to the end of the data until [`MailRelay::let_go`], and then closes.
    Hang,
    /// Closes at the end of the data.
    HangUp,
    /// Closes as soon as somebody connects.
    Absent,
}

impl Default for MailRelay {
    fn default() -> Self {
        Self::start()
    }
}

impl MailRelay {
    /// A relay that takes everything.
    pub fn start() -> Self {
        let served = StandIn::start(serve);
        Self {
            at: served.at,
            served,
        }
    }

    /// Behaves so at the next mail.
    pub fn next(&self, manner: Manner) {
        self.served.shared.with(|state| state.next.push_back(manner));
    }

    /// Lets mails go that hang.
    pub fn let_go(&self) {
        self.served.shared.let_go();
    }

    /// Mails so far that came to their end, whatever was answered.
    pub fn letters(&self) -> Vec<Letter> {
        self.served.shared.with(|state| state.letters.clone())
    }

    /// Waits until there are so many.
    pub fn wait_for(&self, count: usize, patience: Duration) -> Vec<Letter> {
        self.served.shared.wait_for(
            patience,
            |state| (state.letters.len() >= count).then(|| state.letters.clone()),
            |state| format!("{count} mails: {:#?}", state.letters),
        )
    }
}

fn serve(shared: &Shared<State>, mut stream: TcpStream) -> std::io::Result<()> {
    let manner = shared.with(|state| state.next.pop_front());
    if manner == Some(Manner::Absent) {
        return Ok(());
    }
    let mut reader = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 relay.example ESMTP\r\n")?;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let upper = line.to_ascii_uppercase();
        let answer = match (upper.split_whitespace().next().unwrap_or_default(), &manner) {
            ("EHLO" | "HELO", _) => "250-relay.example\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN".to_owned(),
            ("AUTH", _) => "235 2.7.0 OK".to_owned(),
            ("MAIL", Some(Manner::Mail(words))) | ("RCPT", Some(Manner::Rcpt(words))) => words.clone(),
            ("MAIL", _) => {
                from = address();
                "250 2.1.0 OK".to_owned()
            }
            ("RCPT", _) => {
                to.push(address());
                "250 2.1.5 OK".to_owned()
            }
            ("DATA", _) => {
                stream.write_all(b"354 go on\r\n")?;
                let text = data(&mut reader)?;
                let letter = Letter {
                    from: from.clone(),
                    to: std::mem::take(&mut to),
                    text,
                    taken: false,
                };
                let Some(answer) = ended(shared, letter, &manner) else {
                    return Ok(());
                };
                answer
            }
            ("QUIT", _) => {
                stream.write_all(b"221 2.0.0 bye\r\n")?;
                return Ok(());
            }
            _ => "250 2.0.0 OK".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes())?;
    }
}

fn data(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line)
            .trim_end_matches(['\r', '\n'])
            .to_owned();
        if line == "." {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
    }
}

/// What is answered at the end of the data; nothing when the connection is closed.
fn ended(shared: &Shared<State>, mut letter: Letter, manner: &Option<Manner>) -> Option<String> {
    let answer = match manner {
        Some(Manner::Data(words)) => Some(words.clone()),
        Some(Manner::Hang | Manner::HangUp) => None,
        _ => Some("250 2.0.0 taken".to_owned()),
    };
    letter.taken = answer.as_ref().is_some_and(|answer| answer.starts_with('2'));
    shared.with(|state| state.letters.push(letter));
    match manner {
        Some(Manner::Slow(pause)) => std::thread::sleep(*pause),
        Some(Manner::Hang) => shared.hang(),
        _ => {}
    }
    answer
}
