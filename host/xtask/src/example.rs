//! Runs the scenarios of `examples/` against a server of their own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{process, workspace};

/// A first start compiles the bundled plugins.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// Every script `examples/*/*.sh`, each with a fresh demo tenant, on the binary that the tests have built: for itself alone
/// Cargo would choose other features of what it depends on, and build all of that again.
pub(crate) fn run() -> Result<()> {
    let binary = workspace::target().join("debug/jackfield");
    for example in fs::read_dir(workspace::root().join("examples")).context("examples/")? {
        let example = example?.path();
        for file in example.read_dir().into_iter().flatten() {
            let path = file?.path();
            if path.extension().is_some_and(|end| end == "sh") {
                scenario(&binary, &path).with_context(|| path.display().to_string())?;
            }
        }
    }
    Ok(())
}

fn scenario(binary: &Path, script: &Path) -> Result<()> {
    let data = workspace::target()
        .join("tmp")
        .join(format!("scenario-{}", std::process::id()));
    fs::create_dir_all(&data)?;
    let mut server = Server::start(binary, &data)?;
    let done = server.addresses().and_then(|(url, sip)| {
        process::run(
            Command::new(script)
                .env("JACKFIELD", binary)
                .env("JACKFIELD_URL", url)
                .env("JACKFIELD_SIP", sip)
                .env("JACKFIELD_KEY_FILE", data.join("demo-admin.key"))
                .env("CARGO_TARGET_DIR", workspace::target()),
        )
    });
    drop(server);
    fs::remove_dir_all(&data)?;
    done
}

/// A server with a demo tenant on free ports; ended when dropped.
struct Server {
    child: Child,
}

impl Server {
    fn start(binary: &Path, data: &Path) -> Result<Self> {
        let child = Command::new(binary)
            .args([
                "serve",
                "--demo",
                "--http",
                "127.0.0.1:0",
                "--sip",
                "127.0.0.1:0",
                "--rtp-ports",
                "0-0",
            ])
            .arg("--data")
            .arg(data)
            .arg("--plugins")
            .arg(workspace::plugins())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        Ok(Self { child })
    }

    /// Where its HTTP interface and its SIP listen, as soon as it says that it is ready.
    fn addresses(&mut self) -> Result<(String, String)> {
        let lines = BufReader::new(self.child.stdout.take().context("the server has no output")?).lines();
        let (found, address) = mpsc::channel();
        // Reads on to the end: a server whose output is not taken would come to a stop.
        thread::spawn(move || {
            let (mut url, mut sip) = (None, None);
            for line in lines.map_while(Result::ok) {
                let mut words = line.split_whitespace();
                match (words.next(), words.next()) {
                    (Some("http"), Some(address)) => url = Some(address.to_owned()),
                    (Some("sip"), Some(address)) => sip = Some(address.to_owned()),
                    // The receiver may have given up.
                    (Some("ready"), None) => drop(found.send(url.take().zip(sip.take()))),
                    _ => {}
                }
            }
        });
        let said = address
            .recv_timeout(READY_WITHIN)
            .context("the server did not become ready")?;
        said.context("the server did not say where it listens")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
