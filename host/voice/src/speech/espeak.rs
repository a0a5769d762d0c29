use std::{
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use jackfield_types::limits::MAX_PROMPT_MS;

use super::{Speech, SpeechError};
use crate::media::SAMPLE_RATE;

/// Longest time that one text may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of sound taken from the program, which speaks at 22,050 Hz; the rest is cut.
const MAX_BYTES: u64 = MAX_PROMPT_MS / 1_000 * 22_050 * 2;
/// Bytes of the WAV header that the program writes before the samples.
const WAV_HEADER: usize = 44;

/// espeak-ng as a process of its own: it is under the GPL, so it is never linked. One process per text.
#[derive(Debug, Clone)]
pub struct Espeak {
    program: PathBuf,
}

impl Default for Espeak {
    fn default() -> Self {
        Self {
            program: PathBuf::from("espeak-ng"),
        }
    }
}

impl Espeak {
    /// Uses another program than the `espeak-ng` found on the path.
    pub fn with_program(program: PathBuf) -> Self {
        Self { program }
    }
}

impl Speech for Espeak {
    fn name(&self) -> &'static str {
        "espeak-ng 1"
    }

    fn speak(&self, text: &str, language: &str) -> Result<Vec<i16>, SpeechError> {
        let voice = voice(language)?;
        let mut child = Command::new(&self.program)
            .args(["-v", &voice, "-b", "1", "-s", "160", "--stdin", "--stdout"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| {
                if e.kind() == io::ErrorKind::NotFound {
                    SpeechError::NotInstalled
                } else {
                    e.into()
                }
            })?;
        let spoken = listen(&mut child, text);
        if spoken.is_err() {
            child.kill()?;
        }
        let status = child.wait()?;
        let (wav, complaint) = spoken?;
        if !status.success() {
            let complaint = complaint.trim().chars().take(200).collect::<String>();
            return Err(if complaint.contains("voice") {
                SpeechError::Language {
                    language: cut(language),
                    detail: format!(" (espeak-ng: {complaint})"),
                }
            } else {
                SpeechError::Failed(format!("{status}: {complaint}"))
            });
        }
        samples(&wav, &self.program)
    }
}

/// Writes the text to the program and takes what it says, within the time limit.
fn listen(child: &mut Child, text: &str) -> Result<(Vec<u8>, String), SpeechError> {
    let missing = || io::Error::other("no pipe to the process");
    let mut stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    let (done, result) = mpsc::channel();
    // Ends when the process does, as its pipes close then.
    thread::Builder::new().name("speech".into()).spawn(move || {
        let (mut wav, mut complaint) = (Vec::new(), Vec::new());
        let read = stdout.take(MAX_BYTES).read_to_end(&mut wav);
        let read = read.and_then(|_| stderr.take(4_096).read_to_end(&mut complaint));
        let _ = done.send(read.map(|_| (wav, String::from_utf8_lossy(&complaint).into_owned())));
    })?;
    // At most 2,048 bytes, which a pipe takes at once. A program that ends early says so by its status.
    let _ = stdin.write_all(text.as_bytes());
    drop(stdin);
    result
        .recv_timeout(TIME_LIMIT)
        .map_err(|_| SpeechError::TimedOut(TIME_LIMIT))?
        .map_err(SpeechError::from)
}

/// The samples of a WAV stream whose header cannot know its length.
fn samples(wav: &[u8], program: &Path) -> Result<Vec<i16>, SpeechError> {
    let unexpected = || SpeechError::Failed(format!("{} wrote no 16-bit mono WAV", program.display()));
    let (header, data) = wav.split_first_chunk::<WAV_HEADER>().ok_or_else(unexpected)?;
    let mono_16_bit = header[22..24] == [1, 0] && header[34..36] == [16, 0];
    if !header.starts_with(b"RIFF") || !mono_16_bit {
        return Err(unexpected());
    }
    let rate = u32::from_le_bytes([header[24], header[25], header[26], header[27]]);
    if !(8_000..=48_000).contains(&rate) {
        return Err(unexpected());
    }
    let samples: Vec<i16> = data
        .chunks_exact(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]))
        .collect();
    Ok(audio_codec::resample(&samples, rate, SAMPLE_RATE))
}

/// The program's voice for a language tag.
fn voice(language: &str) -> Result<String, SpeechError> {
    let tag = language.to_ascii_lowercase().replace('_', "-");
    let fits = (2..=32).contains(&tag.len())
        && !tag.starts_with('-')
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !fits {
        return Err(SpeechError::Language {
            language: cut(language),
            detail: String::new(),
        });
    }
    let (primary, rest) = tag.split_once('-').unwrap_or((&tag, ""));
    Ok(match (primary, rest) {
        ("zh", rest) if rest.contains("hk") || rest.contains("yue") => "yue".into(),
        ("zh", _) => "cmn".into(),
        ("en", "gb") => "en-gb".into(),
        ("en", _) => "en-us".into(),
        (primary, _) => primary.into(),
    })
}

fn cut(text: &str) -> String {
    text.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_says_what_to_install() {
        let espeak = Espeak::with_program("/nowhere/espeak-ng".into());
        let error = espeak.speak("hello", "en").unwrap_err().to_string();
        assert!(error.contains("apt-get install espeak-ng"), "{error}");
    }

    #[test]
    fn languages_become_voices_and_nothing_becomes_an_option() {
        for (tag, name) in [
            ("zh-CN", "cmn"),
            ("zh", "cmn"),
            ("en", "en-us"),
            ("en_GB", "en-gb"),
            ("de-AT", "de"),
        ] {
            assert_eq!(voice(tag).unwrap(), name);
        }
        for bad in ["", "-w", "e", "en us", "../x", &"a".repeat(33)] {
            assert!(voice(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_program_that_writes_no_sound_or_fails_is_an_error() {
        let error = |program: &str| Espeak::with_program(program.into()).speak("x", "en").unwrap_err();
        assert!(matches!(error("true"), SpeechError::Failed(_)));
        assert!(matches!(error("false"), SpeechError::Failed(_)));
    }
}
