use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A provider of messages that behaves as it is told: it stands in for those of connectors.
pub struct Provider {
    /// Where it is heard, in the clear.
    pub at: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    heard: Vec<Heard>,
    next: VecDeque<(String, Conduct)>,
    always: Vec<(String, Conduct)>,
    /// Bytes of endless answers that somebody took.
    endless: u64,
    /// Requests that hang until they are let go.
    let_go: bool,
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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = serving.clone();
                std::thread::spawn(move || drop(serve(&shared, stream)));
            }
        });
        Self { at, shared }
    }

    /// Answers requests whose path holds this, unless something else comes first; `{n}` becomes the number of requests so far.
    pub fn always(&self, path: &str, status: u16, body: &str) {
        self.always_does(path, Conduct::Answer(status, body.to_owned()));
    }

    /// Does this with requests whose path holds this, unless something else comes first.
    pub fn always_does(&self, path: &str, conduct: Conduct) {
        let mut state = self.shared.state.lock().unwrap();
        state.always.retain(|(known, _)| known != path);
        state.always.push((path.to_owned(), conduct));
    }

    /// Has a file at a path.
    pub fn has_file(&self, path: &str, media_type: &str, bytes: &[u8]) {
        let headers = vec![("content-type".to_owned(), media_type.to_owned())];
        self.always_does(path, Conduct::File(200, headers, bytes.to_vec()));
    }

    /// Bytes of endless answers that were taken so far.
    pub fn endless(&self) -> u64 {
        self.shared.state.lock().unwrap().endless
    }

    /// Does this with the next request whose path holds this.
    pub fn next(&self, path: &str, conduct: Conduct) {
        let mut state = self.shared.state.lock().unwrap();
        state.next.push_back((path.to_owned(), conduct));
    }

    /// Lets requests go that hang; they are answered with 504.
    pub fn let_go(&self) {
        self.shared.state.lock().unwrap().let_go = true;
        self.shared.changed.notify_all();
    }

    /// Requests so far whose path holds this.
    pub fn heard(&self, path: &str) -> Vec<Heard> {
        let state = self.shared.state.lock().unwrap();
        let fits = |heard: &&Heard| heard.path.contains(path);
        state.heard.iter().filter(fits).cloned().collect()
    }

    /// Waits until there were so many.
    pub fn wait_for(&self, path: &str, count: usize, patience: Duration) -> Vec<Heard> {
        let until = Instant::now() + patience;
        loop {
            let heard = self.heard(path);
            if heard.len() >= count {
                return heard;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{count} requests to {path}: {heard:#?}");
            let state = self.shared.state.lock().unwrap();
            drop(
                self.shared
                    .changed
                    .wait_timeout(state, left.min(Duration::from_millis(200))),
            );
        }
    }
}

fn serve(shared: &Shared, mut stream: TcpStream) -> std::io::Result<()> {
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
    let conduct = {
        let mut state = shared.state.lock().unwrap();
        state.heard.push(heard.clone());
        let count = state.heard.len();
        let place = state
            .next
            .iter()
            .position(|(path, _)| heard.path.contains(path.as_str()));
        let next = place
            .and_then(|place| state.next.remove(place))
            .map(|(_, conduct)| conduct);
        next.unwrap_or_else(|| {
            let fits = state
                .always
                .iter()
                .rfind(|(path, _)| heard.path.contains(path.as_str()));
            let conduct = fits.map_or(Conduct::Answer(404, String::new()), |(_, conduct)| {
                conduct.clone()
            });
            match conduct {
                Conduct::Answer(status, body) => {
                    Conduct::Answer(status, body.replace("{n}", &count.to_string()))
                }
                other => other,
            }
        })
    };
    shared.changed.notify_all();
    let (status, body) = match conduct {
        Conduct::Answer(status, body) => (status, body),
        Conduct::Slow(pause, status, body) => {
            std::thread::sleep(pause);
            (status, body)
        }
        Conduct::Hang => {
            let mut state = shared.state.lock().unwrap();
            while !state.let_go {
                state = shared.changed.wait(state).unwrap();
            }
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
                shared.state.lock().unwrap().endless += piece.len() as u64;
            }
        }
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
