use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket, client};

/// A chat window without a browser: a session and its socket.
pub struct Window {
    socket: WebSocket<TcpStream>,
}

impl Window {
    /// Begins a session (`body` as JSON) at a door, `http://HOST/chat/TENANT/ENTRY`; answers it.
    pub fn session(door: &str, body: &Value) -> Value {
        let mut answer = ureq::post(format!("{door}/sessions")).send_json(body).unwrap();
        answer.body_mut().read_json().unwrap()
    }

    /// Connects and says nothing.
    pub fn connect(door: &str) -> Self {
        let url = format!("{}/socket", door.replacen("http", "ws", 1));
        let host = door.split('/').nth(2).unwrap();
        let stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let (socket, _) = client(url.into_client_request().unwrap(), stream).unwrap();
        Self { socket }
    }

    /// Connects, says hello, and waits until it is ready.
    pub fn open(door: &str, token: &str, after: u32) -> Self {
        let mut window = Self::connect(door);
        window.send(&json!({"type": "hello", "token": token, "after": after}));
        window.wait("ready");
        window
    }

    /// Sends a frame.
    pub fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string());
    }

    /// Sends a frame that may be no JSON.
    pub fn send_text(&mut self, text: &str) {
        // A server that has closed the socket takes nothing more.
        let _ = self.socket.send(Message::text(text));
    }

    /// The next frame; none at the end.
    pub fn hear(&mut self) -> Option<Value> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next frame of a type.
    pub fn wait(&mut self, kind: &str) -> Value {
        while let Some(frame) = self.hear() {
            if frame["type"] == kind {
                return frame;
            }
        }
        panic!("the socket ended before {kind}");
    }
}
