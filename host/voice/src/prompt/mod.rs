//! The prompt library: files, speech and hold music as 8 kHz sound, loaded once and shared.
//!
//! Policy for errors: each names the file or text, what was found and what was expected; the caller plays the
//! rest and reports them.

mod cache;
mod music;
mod wav;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use jackfield_types::{
    Digest, TenantId,
    limits::{MAX_PROMPT_NAME_BYTES, MAX_SPEECH_FILES, MAX_TEXT_BYTES},
};

pub use music::hold_music;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use wav::decode;

use crate::{
    media::SAMPLE_RATE,
    speech::{Espeak, Speech, SpeechError},
};

/// Why a prompt cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The name is none.
    #[error(
        "prompt name {0:?}: expected at most 128 characters out of A-Z, a-z, 0-9, '-', '_', '.' and '/', no part \
         of it empty or beginning with '.'"
    )]
    Name(String),
    /// No such prompt, for the tenant or for all.
    #[error("prompt {name:?} not found: expected {} or {}", tenant_file.display(), shared_file.display())]
    NotFound {
        /// The name.
        name: String,
        /// Where the tenant's own would be.
        tenant_file: PathBuf,
        /// Where the one for all tenants would be.
        shared_file: PathBuf,
    },
    /// A file could not be read.
    #[error("prompt file {}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of another format.
    #[error(
        "prompt file {}: found {found}: expected WAV, PCM of 8, 16, 24 or 32 bit, 8 to 48 kHz, mono or stereo",
        file.display()
    )]
    Format {
        /// The file.
        file: PathBuf,
        /// What it holds.
        found: String,
    },
    /// A file beyond the limits.
    #[error("prompt file {}: too long: expected at most 10 minutes and 32 MiB", .0.display())]
    TooLong(PathBuf),
    /// Text beyond the limit.
    #[error("text to be spoken has {0} bytes: expected at most 2,048")]
    TextTooLong(usize),
    /// Speech could not be made.
    #[error(transparent)]
    Speech(#[from] SpeechError),
    /// Speech could not be kept.
    #[error("speech cache {}: {source}", dir.display())]
    Cache {
        /// The directory.
        dir: PathBuf,
        /// What went wrong.
        source: hound::Error,
    },
}

/// All prompts of all tenants. What is loaded stays in memory, up to a limit, until its file changes.
pub struct Library {
    dir: PathBuf,
    speech_dir: PathBuf,
    speech: Box<dyn Speech>,
    cache: Mutex<cache::Cache>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library")
            .field("dir", &self.dir)
            .field("speech_dir", &self.speech_dir)
            .finish_non_exhaustive()
    }
}

impl Library {
    /// A library over `dir`: `<dir>/<tenant>/<name>.wav`, else `<dir>/<name>.wav`. Text is spoken by
    /// [`Espeak`] and kept in `speech_cache`.
    pub fn new(dir: PathBuf, speech_cache: PathBuf) -> Self {
        Self::with_speech(dir, speech_cache, Box::new(Espeak::default()))
    }

    /// As [`new`](Self::new), with another voice.
    pub fn with_speech(dir: PathBuf, speech_cache: PathBuf, speech: Box<dyn Speech>) -> Self {
        Self {
            dir,
            speech_dir: speech_cache,
            speech,
            cache: Mutex::default(),
        }
    }

    /// A file of the tenant's prompts, or else of everybody's. `.wav` may be left out. Reads the disk.
    ///
    /// # Errors
    /// See [`PromptError`].
    pub fn file(&self, tenant: &TenantId, name: &str) -> Result<Arc<[i16]>, PromptError> {
        if !is_name(name) {
            return Err(PromptError::Name(
                name.chars().take(MAX_PROMPT_NAME_BYTES).collect(),
            ));
        }
        let file = if name.ends_with(".wav") {
            name.to_owned()
        } else {
            format!("{name}.wav")
        };
        let (tenant_file, shared_file) = (self.dir.join(tenant.as_str()).join(&file), self.dir.join(&file));
        for file in [&tenant_file, &shared_file] {
            if file.is_file() {
                return self.read(file);
            }
        }
        Err(PromptError::NotFound {
            name: name.to_owned(),
            tenant_file,
            shared_file,
        })
    }

    /// Text as speech in a language (BCP 47). May take as long as [`Speech::speak`] the first time.
    ///
    /// # Errors
    /// See [`PromptError`].
    pub fn speech(&self, text: &str, language: &str) -> Result<Arc<[i16]>, PromptError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(PromptError::TextTooLong(text.len()));
        }
        let key = Digest::of(format!("{}\n{language}\n{text}", self.speech.name()).as_bytes());
        let file = self.speech_dir.join(format!("{key}.wav"));
        // A file that cannot be read is made anew.
        if let Ok(sound) = self.read(&file) {
            return Ok(sound);
        }
        let sound = self.speech.speak(text, language)?;
        self.keep(&file, &sound).map_err(|source| PromptError::Cache {
            dir: self.speech_dir.clone(),
            source,
        })?;
        self.read(&file)
    }

    fn read(&self, file: &Path) -> Result<Arc<[i16]>, PromptError> {
        let failed = |source| PromptError::File {
            file: file.to_owned(),
            source,
        };
        let changed = fs::metadata(file).and_then(|m| m.modified()).map_err(failed)?;
        let lock = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sound) = lock().get(file, changed) {
            return Ok(sound);
        }
        let sound = wav::read(file)?;
        lock().put(file, changed, &sound);
        Ok(sound)
    }

    /// Writes beside and renames, so that nobody reads half a file.
    fn keep(&self, file: &Path, sound: &[i16]) -> hound::Result<()> {
        fs::create_dir_all(&self.speech_dir)?;
        self.make_room()?;
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let beside = file.with_extension(format!("{:?}.new", std::thread::current().id()));
        let mut writer = hound::WavWriter::create(&beside, spec)?;
        sound.iter().try_for_each(|s| writer.write_sample(*s))?;
        writer.finalize()?;
        Ok(fs::rename(beside, file)?)
    }

    fn make_room(&self) -> io::Result<()> {
        let mut files: Vec<_> = fs::read_dir(&self.speech_dir)?
            .filter_map(|entry| {
                entry
                    .ok()
                    .and_then(|e| Some((e.metadata().ok()?.modified().ok()?, e.path())))
            })
            .collect();
        if files.len() >= MAX_SPEECH_FILES {
            files.sort_unstable();
            for (_, file) in files.iter().take(MAX_SPEECH_FILES / 4) {
                fs::remove_file(file)?;
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_PROMPT_NAME_BYTES
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Speaks as many samples as the text has bytes, and counts how often.
    struct Counted(Arc<AtomicUsize>);

    impl Speech for Counted {
        fn name(&self) -> &'static str {
            "counted"
        }

        fn speak(&self, text: &str, _language: &str) -> Result<Vec<i16>, SpeechError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(vec![100; text.len()])
        }
    }

    fn library(dir: &Path) -> (Library, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let speech = Box::new(Counted(Arc::clone(&count)));
        (
            Library::with_speech(dir.join("prompts"), dir.join("speech"), speech),
            count,
        )
    }

    fn write(file: &Path, value: i16) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(file, spec).unwrap();
        (0..80).for_each(|_| writer.write_sample(value).unwrap());
        writer.finalize().unwrap();
    }

    #[test]
    fn a_tenants_own_prompt_goes_before_everybodys_and_is_loaded_once() {
        let dir = tempfile::tempdir().unwrap();
        let (library, _) = library(dir.path());
        write(&dir.path().join("prompts/zh/menu.wav"), 1);
        write(&dir.path().join("prompts/acme/zh/menu.wav"), 2);
        let (acme, other) = (TenantId::new("acme").unwrap(), TenantId::new("other").unwrap());
        let own = library.file(&acme, "zh/menu").unwrap();
        assert_eq!(own[..], [2; 80]);
        assert!(Arc::ptr_eq(&own, &library.file(&acme, "zh/menu.wav").unwrap()));
        assert_eq!(library.file(&other, "zh/menu").unwrap()[..], [1; 80]);
    }

    #[test]
    fn names_cannot_leave_the_directory_and_missing_ones_say_where_they_would_be() {
        let dir = tempfile::tempdir().unwrap();
        let (library, _) = library(dir.path());
        let tenant = TenantId::new("acme").unwrap();
        for bad in [
            "../x",
            "a/../../x",
            "/etc/x",
            "",
            "a//b",
            ".hidden",
            "a b",
            "x\0",
            &"a".repeat(129),
        ] {
            assert!(
                matches!(library.file(&tenant, bad), Err(PromptError::Name(_))),
                "{bad}"
            );
        }
        let missing = library.file(&tenant, "menu").unwrap_err().to_string();
        assert!(
            missing.contains("prompts/acme/menu.wav") && missing.contains("prompts/menu.wav"),
            "{missing}"
        );
    }

    #[test]
    fn text_is_spoken_once_even_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (first, count) = library(dir.path());
        assert_eq!(first.speech("hello", "en").unwrap().len(), 5);
        assert_eq!(first.speech("hello", "en").unwrap().len(), 5);
        assert_eq!(count.load(Ordering::Relaxed), 1);
        let (second, again) = library(dir.path());
        assert_eq!(second.speech("hello", "en").unwrap().len(), 5);
        assert_eq!(again.load(Ordering::Relaxed), 0);
        second.speech("hello", "zh").unwrap();
        assert_eq!(again.load(Ordering::Relaxed), 1);
        for entry in fs::read_dir(dir.path().join("speech")).unwrap() {
            fs::write(entry.unwrap().path(), "damaged").unwrap();
        }
        let (third, _) = library(dir.path());
        assert_eq!(third.speech("hello", "en").unwrap().len(), 5);
        assert!(matches!(
            third.speech(&"x".repeat(2_049), "en"),
            Err(PromptError::TextTooLong(2_049))
        ));
    }
}
