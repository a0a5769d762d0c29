//! The rule behind a webhook on loopback, with keep-alive, JSON by serde, no TLS: once as a tenant would write one (axum
//! asked by ureq), once as cheap as one can be.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use axum::{Json, Router, routing::post};
use jackfield_contact::decision::{Plan, RoutingQuestion};
use tokio::runtime::Runtime;
use ureq::Agent;

use crate::rule::native;

/// A web framework, asked by an HTTP client.
pub(crate) struct Webhook {
    agent: Agent,
    url: String,
    /// Serves until this is dropped.
    _tokio: Runtime,
}

impl Webhook {
    pub(crate) fn start() -> io::Result<Self> {
        let tokio = Runtime::new()?;
        let listener = tokio.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let url = format!("http://{}/assign", listener.local_addr()?);
        let assign = async |Json(question): Json<RoutingQuestion>| Json(native(&question));
        tokio.spawn(axum::serve(listener, Router::new().route("/assign", post(assign))).into_future());
        Ok(Self {
            agent: Agent::new_with_defaults(),
            url,
            _tokio: tokio,
        })
    }

    pub(crate) fn ask(&self, question: &RoutingQuestion) -> Result<Plan, ureq::Error> {
        self.agent
            .post(&self.url)
            .send_json(question)?
            .body_mut()
            .read_json()
    }
}

/// A thread that does nothing but answer one blocking connection: no framework, no client. No webhook is cheaper.
pub(crate) struct Bare {
    writer: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Bare {
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let writer = TcpStream::connect(listener.local_addr()?)?;
        writer.set_nodelay(true)?;
        let (stream, _) = listener.accept()?;
        thread::spawn(move || serve(stream));
        Ok(Self {
            reader: BufReader::new(writer.try_clone()?),
            writer,
        })
    }

    pub(crate) fn ask(&mut self, question: &RoutingQuestion) -> io::Result<Plan> {
        send(
            &mut self.writer,
            "POST /assign HTTP/1.1\r\nHost: localhost",
            &serde_json::to_vec(question)?,
        )?;
        let body = message(&mut self.reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(serde_json::from_slice(&body)?)
    }
}

/// Answers POSTs on one connection until it is closed.
fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
    while let Some(body) = message(&mut reader)? {
        let plan = native(&serde_json::from_slice(&body)?);
        send(&mut writer, "HTTP/1.1 200 OK", &serde_json::to_vec(&plan)?)?;
    }
    Ok(())
}

fn send(writer: &mut impl Write, first: &str, body: &[u8]) -> io::Result<()> {
    let head = format!(
        "{first}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    writer.write_all(&[head.as_bytes(), body].concat())
}

/// The body of the next message; none at the end.
fn message(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().map_err(io::Error::other)?;
        } else if line == "\r\n" {
            let mut body = vec![0; length];
            return reader.read_exact(&mut body).map(|()| Some(body));
        }
    }
}
