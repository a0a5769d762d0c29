//! A thin blocking client: ureq, JSON in and out, problems as failures.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jackfield_api::Problem;
use jackfield_types::limits::COMPILE_MS_PER_MIB;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use ureq::http::{Method, Request, Response};
use ureq::{Agent, Body};

use super::failure::Failure;

/// How long an ordinary request may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// Bytes of a body before which the server is asked whether it wants it: one that refuses it would close the connection while
/// it is still being sent, and its answer would be lost.
const ASK_FIRST_BYTES: usize = 256 * 1024;
/// Bytes of an answer that is taken into memory.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;
/// Items of a page when all are wanted.
const PAGE: &str = "200";

/// What is escaped in a path or query: all but the unreserved characters of RFC 3986, and `:`, which ids hold.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

/// Where the server is and with which key.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Where the server is.
    #[arg(
        long,
        env = "JACKFIELD_URL",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL",
        global = true
    )]
    pub(crate) url: String,
    /// The API key [env: JACKFIELD_KEY]
    #[arg(long, value_name = "KEY", global = true)]
    pub(crate) key: Option<String>,
    /// A file with the API key; by default ~/.config/jackfield/key, when it is there [env: JACKFIELD_KEY_FILE]
    #[arg(long, value_name = "FILE", conflicts_with = "key", global = true)]
    pub(crate) key_file: Option<PathBuf>,
    /// Print the server's answers as JSON.
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
}

impl Connection {
    /// What is said on the command line goes before what the environment says.
    fn key(&self) -> Result<Option<String>, Failure> {
        let environment = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        self.key_among(environment("JACKFIELD_KEY"), environment("JACKFIELD_KEY_FILE"))
    }

    fn key_among(
        &self,
        key: Option<OsString>,
        key_file: Option<OsString>,
    ) -> Result<Option<String>, Failure> {
        let given = |key: &str| Some(key.trim().to_owned()).filter(|key| !key.is_empty());
        if let Some(key) = self.key.as_deref().and_then(given) {
            return Ok(Some(key));
        }
        let in_file = |of: &str, path: &Path| {
            let key = key_in(path).map_err(|problem| Failure::Usage(format!("{of}{problem}")));
            key.map(Some)
        };
        if let Some(path) = &self.key_file {
            return in_file("--key-file: ", path);
        }
        if let Some(key) = key.as_ref().and_then(|key| given(&key.to_string_lossy())) {
            return Ok(Some(key));
        }
        match (key_file, usual_key_file()) {
            (Some(path), _) => in_file("JACKFIELD_KEY_FILE: ", Path::new(&path)),
            (None, Some(path)) if path.exists() => in_file("", &path),
            _ => Ok(None),
        }
    }
}

/// The key in a file, which holds nothing else.
fn key_in(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        [key] => Ok(key.to_owned()),
        [] => Err(format!(
            "{shown}: there is no key in it; `jackfield key create` makes one, and a server writes operator.key into \
             its data folder"
        )),
        _ => Err(format!("{shown}: expected one key and nothing else")),
    }
}

fn usual_key_file() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".config"));
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(home)?;
    Some(config.join("jackfield").join("key"))
}

/// What is sent with a request.
pub(crate) enum Sent {
    Nothing,
    Json(Value),
    /// Bytes of another kind.
    Bytes(Vec<u8>),
    /// A file, and what it is.
    File(Vec<u8>, String),
    /// A component, and its signature.
    Wasm(Vec<u8>, Option<String>),
}

/// The client.
pub(crate) struct Client {
    agent: Agent,
    url: String,
    key: Option<String>,
}

impl Client {
    pub(crate) fn new(connection: &Connection) -> Result<Self, Failure> {
        let url = connection.url.trim_end_matches('/').to_owned();
        let host = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("https://"));
        if host.is_none_or(str::is_empty) {
            return Err(Failure::Usage(format!(
                "--url {}: expected http://HOST:PORT or https://HOST",
                connection.url
            )));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("jackfield/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
            url,
            key: connection.key()?,
        })
    }

    /// Reads one thing.
    pub(crate) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, path, Sent::Nothing)
    }

    /// Reads one thing; none when there is no such thing.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Value>, Failure> {
        match self.get(path) {
            Ok(found) => Ok(Some(found)),
            Err(Failure::Refused(problem)) if problem.status == 404 => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Reads a list, all pages or until there are `most` items.
    pub(crate) fn list(
        &self,
        path: &str,
        query: &[(&str, String)],
        most: usize,
    ) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.push(("limit", PAGE.into()));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let page = self.get(&with_query(path, &query))?;
            items.extend(page["items"].as_array().into_iter().flatten().cloned());
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() || items.len() >= most {
                items.truncate(most);
                return Ok(items);
            }
        }
    }

    /// Reads a whole list.
    pub(crate) fn all(&self, parts: &[&str]) -> Result<Vec<Value>, Failure> {
        self.list(&path(parts), &[], usize::MAX)
    }

    pub(crate) fn put(&self, path: &str, body: Value) -> Result<Value, Failure> {
        self.ask(Method::PUT, path, Sent::Json(body))
    }

    pub(crate) fn patch(&self, path: &str, body: Value) -> Result<Value, Failure> {
        self.ask(Method::PATCH, path, Sent::Json(body))
    }

    /// Makes something. Sent with a fresh idempotency key, so a request whose answer was lost is safely sent again.
    pub(crate) fn post(&self, path: &str, body: Sent) -> Result<Value, Failure> {
        self.ask(Method::POST, path, body)
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::DELETE, path, Sent::Nothing)
    }

    fn ask(&self, method: Method, path: &str, sent: Sent) -> Result<Value, Failure> {
        let (media_type, body, signature): (Option<String>, _, _) = match sent {
            Sent::Nothing => (None, Vec::new(), None),
            Sent::Json(value) => (
                Some("application/json".into()),
                value.to_string().into_bytes(),
                None,
            ),
            Sent::Bytes(bytes) => (Some("application/octet-stream".into()), bytes, None),
            Sent::File(bytes, media_type) => (Some(media_type), bytes, None),
            Sent::Wasm(bytes, signature) => (Some("application/wasm".into()), bytes, signature),
        };
        let once = (method == Method::POST).then(|| uuid::Uuid::now_v7().to_string());
        let send = || {
            let mut request = self.request(method.clone(), path);
            if let Some(media_type) = &media_type {
                request = request.header("content-type", media_type);
            }
            if let Some(signature) = &signature {
                request = request.header("plugin-signature", signature);
            }
            if let Some(once) = &once {
                request = request.header("idempotency-key", once);
            }
            if body.len() > ASK_FIRST_BYTES {
                request = request.header("expect", "100-continue");
            }
            self.run(request.body(body.clone()), Some(PATIENCE))
        };
        let response = match send() {
            // The answer may have been lost after the deed: all but a refused connection is tried once more.
            Err(Failure::Unreachable { why, .. }) if !why.contains("refused") => send()?,
            other => other?,
        };
        let text = read(response)?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&text)
            .map_err(|error| Failure::Answer(format!("the answer is no JSON: {error}")))
    }

    fn request(&self, method: Method, path: &str) -> ureq::http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        match &self.key {
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    /// Sends a request; a problem becomes a failure.
    fn run(
        &self,
        request: ureq::http::Result<Request<Vec<u8>>>,
        patience: Option<Duration>,
    ) -> Result<Response<Body>, Failure> {
        let request =
            request.map_err(|error| Failure::Usage(format!("the request can't be made: {error}")))?;
        let (parts, body) = request.into_parts();
        // A component is compiled before the server answers.
        let more = Duration::from_millis((body.len() as u64 >> 20) * COMPILE_MS_PER_MIB);
        let patience = patience.map(|patience| patience + more);
        let sent = if body.is_empty() {
            let request = self.agent.configure_request(Request::from_parts(parts, ()));
            self.agent.run(request.timeout_global(patience).build())
        } else {
            let request = self.agent.configure_request(Request::from_parts(parts, body));
            self.agent.run(request.timeout_global(patience).build())
        };
        let response = sent.map_err(|error| Failure::Unreachable {
            url: self.url.clone(),
            why: error.to_string(),
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let text = read(response)?;
        match serde_json::from_slice::<Problem>(&text) {
            Ok(problem) => Err(Failure::Refused(Box::new(problem))),
            Err(_) => Err(Failure::Answer(format!(
                "{} answered {status}, and not in Jackfield's words; is it a Jackfield server?",
                self.url
            ))),
        }
    }

    /// Reads bytes into a writer; how many they were.
    pub(crate) fn download(&self, path: &str, into: &mut dyn std::io::Write) -> Result<u64, Failure> {
        let response = self.run(self.request(Method::GET, path).body(Vec::new()), None)?;
        Ok(std::io::copy(&mut response.into_body().into_reader(), into)?)
    }

    /// Reads bytes into a file, or to standard output for `-`; how many they were, unless they went there.
    pub(crate) fn save(&self, path: &str, to: &Path) -> Result<Option<u64>, Failure> {
        if to.as_os_str() == "-" {
            return self.download(path, &mut std::io::stdout().lock()).map(|_| None);
        }
        let refused = |error: std::io::Error| Failure::Usage(format!("--output {}: {error}", to.display()));
        // Beside its place until it is whole, so a broken download leaves nothing that looks like the file.
        let folder = to
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(".".as_ref());
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(refused)?;
        let bytes = self.download(path, &mut file)?;
        file.persist(to).map_err(|error| refused(error.error))?;
        Ok(Some(bytes))
    }

    /// Opens an event stream: each item is the JSON of one event. It ends when the server ends it.
    pub(crate) fn stream(
        &self,
        path: &str,
        last_seen: Option<u64>,
    ) -> Result<impl Iterator<Item = Result<String, Failure>>, Failure> {
        let mut request = self.request(Method::GET, path);
        if let Some(seen) = last_seen {
            request = request.header("last-event-id", seen.to_string());
        }
        let response = self.run(request.body(Vec::new()), None)?;
        Ok(data_of(BufReader::new(response.into_body().into_reader())))
    }
}

/// The data of server-sent events. Jackfield's are one line each.
fn data_of(reader: impl BufRead) -> impl Iterator<Item = Result<String, Failure>> {
    reader.lines().filter_map(|line| match line {
        Ok(line) => line
            .strip_prefix("data:")
            .map(|data| Ok(data.trim_start().to_owned())),
        Err(error) => Some(Err(Failure::Answer(format!("the event stream broke: {error}")))),
    })
}

fn read(response: Response<Body>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = response
        .into_body()
        .into_reader()
        .take(MAX_ANSWER)
        .read_to_end(&mut bytes);
    read.map_err(|error| Failure::Answer(format!("the answer broke off: {error}")))?;
    Ok(bytes)
}

/// A path out of fixed and variable parts; these are escaped.
pub(crate) fn path(parts: &[&str]) -> String {
    let mut path = String::from("/v1");
    for part in parts {
        path.push('/');
        path.extend(utf8_percent_encode(part, ESCAPED));
    }
    path
}

pub(crate) fn with_query(path: &str, query: &[(&str, String)]) -> String {
    let mut text = path.to_owned();
    for (at, (name, value)) in query.iter().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.extend(utf8_percent_encode(value, ESCAPED));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_on_the_command_line_goes_before_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("jf_{name}\n")).unwrap();
            path
        };
        let (key, key_file) = (
            || Some(OsString::from("jf_env")),
            || Some(file("env-file").into_os_string()),
        );
        let connection = |key: Option<&str>, key_file: Option<&str>| Connection {
            url: String::new(),
            key: key.map(Into::into),
            key_file: key_file.map(file),
            json: false,
        };
        let found =
            |connection: Connection, key, key_file| connection.key_among(key, key_file).unwrap().unwrap();
        assert_eq!(
            found(connection(Some("jf_said"), None), key(), key_file()),
            "jf_said"
        );
        assert_eq!(
            found(connection(None, Some("said-file")), key(), key_file()),
            "jf_said-file"
        );
        assert_eq!(found(connection(None, None), key(), key_file()), "jf_env");
        assert_eq!(found(connection(None, None), None, key_file()), "jf_env-file");
    }
}
