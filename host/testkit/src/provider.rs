use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::stand_in::{Shared, StandIn};

/// A provider of messages that behaves as it is told: it stands in for those of connectors.
pub struct Provider {
    /// Where it is heard, in the clear.
    pub at: SocketAddr,
    served: StandIn<State>,
}

#[derive(Default)]
struct State {
    heard: Vec<Heard>,
    next: VecDeque<(String, Conduct)>,
    always: Vec<(String, Conduct)>,
    /// Bytes of endless answers that somebody took.
    endless: u64,
}

/// A request that the provider got.
#[derive(Debug, Clone)]
pub struct Heard {
    /// `GET`, `POST`…
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Heard {
    /// The value of a header; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// What the provider does with one request.
#[derive(Debug, Clone)]
pub enum Conduct {
    /// Answers.
    Answer(u16, String),
    /// Answers after a while.
    Slow(Duration, u16, String),
    /// Answers nothing until [`Provider::let_go`].
    Hang,
    /// Takes the request and closes the connection.
    HangUp,
    /// Answers with these headers and bytes.
    File(u16, Vec<(String, String)>, Vec<u8>),
    /// Answers with bytes of this type until whoever asked hangs up, without saying how many.
    Endless(String),
}

impl Provider {
    /// A provider that answers 404 to everything.
    pub fn start() -> Self {
        let served = StandIn::start(serve);
        Self {
            at: served.at,
            served,
        }
    }

    /// Answers requests whose path holds this, unless something else comes first; `{n}` becomes the number of requests so far.
    pub fn always(&self, path: &str, status: u16, body: &str) {
        self.always_does(path, Conduct::Answer(status, body.to_owned()));
    }

    /// Does this with requests whose path holds this, unless something else comes first.
    pub fn always_does(&self, path: &str, conduct: Conduct) {
        self.served.shared.with(|state| {
            state.always.retain(|(known, _)| known != path);
            state.always.push((path.to_owned(), conduct));
        });
    }

    /// Has a file at a path.
    pub fn has_file(&self, path: &str, media_type: &str, bytes: &[u8]) {
        let headers = vec![("content-type".to_owned(), media_type.to_owned())];
        self.always_does(path, Conduct::File(200, headers, bytes.to_vec()));
    }

    /// Bytes of endless answers that were taken so far.
    pub fn endless(&self) -> u64 {
        self.served.shared.with(|state| state.endless)
    }

    /// Does this with the next request whose path holds this.
    pub fn next(&self, path: &str, conduct: Conduct) {
        let next = (path.to_owned(), conduct);
        self.served.shared.with(|state| state.next.push_back(next));
    }

    /// Lets requests go that hang; they are answered with 504.
    pub fn let_go(&self) {
        self.served.shared.let_go();
    }

    /// Requests so far whose path holds this.
    pub fn heard(&self, path: &str) -> Vec<Heard> {
        self.served.shared.with(|state| state.heard_at(path))
    }

    /// Waits until there were so many.
    pub fn wait_for(&self, path: &str, count: usize, patience: Duration) -> Vec<Heard> {
        self.served.shared.wait_for(
            patience,
            |state| Some(state.heard_at(path)).filter(|heard| heard.len() >= count),
            |state| format!("{count} requests to {path}: {:#?}", state.heard_at(path)),
        )
    }
}

impl State {
    fn heard_at(&self, path: &str) -> Vec<Heard> {
        let fits = |heard: &&Heard| heard.path.contains(path);
        self.heard.iter().filter(fits).cloned().collect()
    }

    /// What is done with a request.
    fn conduct(&mut self, heard: Heard) -> Conduct {
        let here = |(path, _): &(String, Conduct)| heard.path.contains(path.as_str());
        let next = self.next.iter().position(here);
        let next = next.and_then(|place| self.next.remove(place));
        let always = || self.always.iter().rfind(|known| here(known)).cloned();
        let conduct = next
            .clone()
            .or_else(always)
            .map_or(Conduct::Answer(404, String::new()), |(_, conduct)| conduct);
        self.heard.push(heard);
        match conduct {
            Conduct::Answer(status, body) if next.is_none() => {
                Conduct::Answer(status, body.replace("{n}", &self.heard.len().to_string()))
            }
            other => other,
        }
    }
}

fn serve(shared: &Shared<State>, mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut heard = Heard {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: String::new(),
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        heard.headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut body = vec![0; heard.header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    heard.body = String::from_utf8_lossy(&body).into_owned();
    let conduct = shared.with(|state| state.conduct(heard));
    let (status, body) = match conduct {
        Conduct::Answer(status, body) => (status, body),
        Conduct::Slow(pause, status, body) => {
            std::thread::sleep(pause);
            (status, body)
        }
        Conduct::Hang => {
            shared.hang();
            (504, String::new())
        }
        Conduct::HangUp => return Ok(()),
        Conduct::File(status, headers, bytes) => {
            let length = bytes.len();
            write!(
                stream,
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n"
            )?;
            for (name, value) in headers {
                write!(stream, "{name}: {value}\r\n")?;
            }
            stream.write_all(b"\r\n")?;
            return stream.write_all(&bytes);
        }
        Conduct::Endless(media_type) => {
            write!(
                stream,
                "HTTP/1.1 200 X\r\ncontent-type: {media_type}\r\nconnection: close\r\n\r\n"
            )?;
            let piece = [b' '; 16 * 1024];
            loop {
                stream.write_all(&piece)?;
                shared.with(|state| state.endless += piece.len() as u64);
            }
        }
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
