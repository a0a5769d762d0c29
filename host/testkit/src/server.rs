use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::Api;

/// A start takes a second or two; a busy machine may need more.
const START: Duration = Duration::from_secs(60);

/// `jackfield serve --demo` on free ports of loopback. Killed when it goes out of scope.
pub struct Server {
    child: Child,
    /// Where SIP is heard, UDP and TCP.
    pub sip: SocketAddr,
    /// Where mail is taken, when it was started with `JACKFIELD_SMTP`.
    pub smtp: Option<SocketAddr>,
    /// The API with the demo administrator's key.
    pub api: Api,
    data: PathBuf,
}

/// Where `cargo xtask plugins` has put the components.
pub fn plugins_dir(binary: &Path) -> PathBuf {
    let built = binary.ancestors().skip(1).map(|folder| folder.join("plugins"));
    let found = built
        .into_iter()
        .find(|folder| folder.join("ivr-menu-0.1.0.wasm").is_file());
    found.expect("the plugins are built: run `cargo xtask plugins` first")
}

impl Server {
    /// Starts the binary with its data in a folder, and waits until it is ready.
    pub fn start(binary: &Path, data: &Path) -> Self {
        Self::start_with(binary, data, &[])
    }

    /// [`Server::start`] with more variables in its environment.
    pub fn start_with(binary: &Path, data: &Path, env: &[(&str, &str)]) -> Self {
        Self::start_at(binary, data, env, "127.0.0.1:0")
    }

    /// [`Server::start_with`] with HTTP at this address: where a server was that has been killed.
    pub fn start_at(binary: &Path, data: &Path, env: &[(&str, &str)], http: &str) -> Self {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(data.join("server.log"))
            .unwrap();
        let mut child = Command::new(binary)
            .args([
                "serve",
                "--demo",
                "--http",
                http,
                "--sip",
                "127.0.0.1:0",
                "--rtp-ports",
                "0-0",
            ])
            .arg("--data")
            .arg(data)
            .arg("--plugins")
            .arg(plugins_dir(binary))
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (lines, line) = mpsc::channel();
        std::thread::spawn(move || {
            for text in out.lines().map_while(Result::ok) {
                // Read on even when nobody listens, so that the server can write.
                let _ = lines.send(text);
            }
        });
        let (mut sip, mut http, mut smtp) = (None, None, None);
        loop {
            let Ok(text) = line.recv_timeout(START) else {
                let log = std::fs::read_to_string(data.join("server.log")).unwrap_or_default();
                panic!("the server did not become ready:\n{log}");
            };
            let mut words = text.split_whitespace();
            match (words.next(), words.next()) {
                (Some("sip"), Some(addr)) => sip = addr.parse().ok(),
                (Some("smtp"), Some(addr)) => smtp = addr.parse().ok(),
                (Some("http"), Some(url)) => http = Some(url.to_owned()),
                (Some("ready"), None) => break,
                _ => {}
            }
        }
        let key = std::fs::read_to_string(data.join("demo-admin.key")).unwrap();
        Self {
            child,
            sip: sip.expect("the server says where SIP is heard"),
            smtp,
            api: Api::new(&http.expect("the server says where HTTP is heard"), key.trim()),
            data: data.to_owned(),
        }
    }

    /// Kills the process at once (SIGKILL), as a power cut or a fault would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.join("server.log")).unwrap_or_default()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
