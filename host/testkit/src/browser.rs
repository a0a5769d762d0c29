use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// A browser may be slow to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A page in the system's Chromium, steered over its debugging protocol. Closed when it goes out of scope.
pub struct Browser {
    child: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    last: u64,
    _profile: TempDir,
}

impl Browser {
    /// Opens an address in a window of this size; below 500 wide it is a telephone.
    pub fn open(url: &str, width: u32, height: u32) -> Self {
        let mut browser = Self::start(url);
        // A window of the system can't be as small as a telephone.
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        browser.call("Emulation.setDeviceMetricsOverride", size);
        browser
    }

    fn start(url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let child = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium starts: `cargo xtask test` installs it");
        let port = until("the browser listens", || {
            let text = std::fs::read_to_string(profile.path().join("DevToolsActivePort")).ok()?;
            text.lines().next()?.parse::<u16>().ok()
        });
        let page = until("the page is there", || {
            let mut list = ureq::get(&format!("http://127.0.0.1:{port}/json/list"))
                .call()
                .ok()?;
            let pages: Value = list.body_mut().read_json().ok()?;
            let page = pages
                .as_array()?
                .iter()
                .find(|page| page["type"] == "page")?
                .clone();
            page["url"].as_str()?.starts_with("http").then_some(page)
        });
        let (socket, _) = tungstenite::connect(page["webSocketDebuggerUrl"].as_str().unwrap()).unwrap();
        let mut browser = Self {
            child,
            socket,
            last: 0,
            _profile: profile,
        };
        browser.wait("document.readyState === 'complete'");
        browser
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let id = self.last;
        let request = json!({"id": id, "method": method, "params": params});
        self.socket.send(Message::text(request.to_string())).unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else {
                continue;
            };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == id {
                return answer;
            }
        }
    }

    /// The value of an expression in the page; a promise is awaited.
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer:#}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page.
    pub fn wait(&mut self, expression: &str) {
        let began = Instant::now();
        // The page itself waits for its next change, so nothing is asked again and again from here.
        let watch = format!(
            "new Promise((done) => {{ const look = () => {{ let is; try {{ is = !!({expression}) }} catch {{ is = false }} \
             if (is) done(true); else if (Date.now() > until) done(false); else setTimeout(look, 20); }}; \
             const until = Date.now() + {}; look(); }})",
            PATIENCE.as_millis()
        );
        let params = json!({"expression": watch, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.ask("Runtime.evaluate", params.clone());
        // A page that is being loaded anew can't be looked at until it is there.
        while !answer["error"].is_null() && began.elapsed() < PATIENCE {
            answer = self.ask("Runtime.evaluate", params.clone());
        }
        if answer["result"]["result"]["value"] != json!(true) {
            let page = self.eval("document.body.innerHTML.slice(0, 4000)");
            panic!(
                "{expression} did not become true in {:?}: {page}",
                began.elapsed()
            );
        }
    }

    /// Loads the page anew, and waits until it is there.
    pub fn reload(&mut self) {
        self.eval("window.beforeReload = true");
        self.call("Page.reload", json!({}));
        self.wait("!window.beforeReload && document.readyState === 'complete'");
    }

    /// Types a text into what has the focus, as a keyboard does.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Presses Enter.
    pub fn enter(&mut self) {
        for kind in ["keyDown", "keyUp"] {
            let params = json!({"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"});
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// What the window shows, as PNG in a file.
    pub fn screenshot(&mut self, file: &Path) {
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let png = base64(shot["data"].as_str().unwrap());
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, png).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited {PATIENCE:?} in vain until {what}");
}

fn base64(text: &str) -> Vec<u8> {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
