use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A baresip that registers as an agent's phone, answers by itself, plays a tone for a minute and writes down what it
/// hears.
pub struct Baresip {
    child: Child,
    dir: TempDir,
}

impl Baresip {
    /// Starts it; it registers by itself.
    pub fn start(server: SocketAddr, user: &str, password: &str, hz: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sound = dir.path().join("tone.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(&sound, spec).unwrap();
        for n in 0..8_000 * 60 {
            let turns = f64::from(hz) * f64::from(n) / 8_000.0;
            wav.write_sample(((turns * std::f64::consts::TAU).sin() * 8_000.0) as i16)
                .unwrap();
        }
        wav.finalize().unwrap();
        let config = format!(
            "module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aufile.so\nmodule sndfile.so\n\
             module_tmp account.so\nmodule_app menu.so\nsip_listen 127.0.0.1:0\nsnd_path {}\naudio_source aufile,{}\n",
            dir.path().display(),
            sound.display()
        );
        std::fs::write(dir.path().join("config"), config).unwrap();
        let account = format!(
            "<sip:{user}@{server};transport=udp>;auth_pass={password};answermode=auto;regint=600;audio_codecs=PCMU,PCMA\n"
        );
        std::fs::write(dir.path().join("accounts"), account).unwrap();
        std::fs::write(dir.path().join("contacts"), "").unwrap();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let child = Command::new("baresip")
            .arg("-f")
            .arg(dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("baresip is installed (Debian package baresip-core)");
        Self { child, dir }
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// What it heard in its call, as samples at 8 kHz; empty before it has written them down.
    pub fn heard(&self) -> Vec<i16> {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        let mut files = files.map(|file| file.unwrap().path());
        let heard = files.find(|file| file.to_string_lossy().ends_with("dec.wav"));
        let Some(Ok(mut wav)) = heard.map(hound::WavReader::open) else {
            return Vec::new();
        };
        wav.samples::<i16>().map_while(Result::ok).collect()
    }

    /// Ends the program, which hangs up its calls first.
    pub fn hang_up(mut self) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap();
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
