use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use jackfield_types::limits::MAX_PROMPT_SAMPLES;

/// Sound by file, as long as the file does not change.
#[derive(Default)]
pub(crate) struct Cache {
    entries: HashMap<PathBuf, Entry>,
    samples: usize,
    uses: u64,
}

struct Entry {
    changed: SystemTime,
    sound: Arc<[i16]>,
    used: u64,
}

impl Cache {
    pub(crate) fn get(&mut self, file: &Path, changed: SystemTime) -> Option<Arc<[i16]>> {
        self.uses += 1;
        let entry = self.entries.get_mut(file).filter(|e| e.changed == changed)?;
        entry.used = self.uses;
        Some(Arc::clone(&entry.sound))
    }

    pub(crate) fn put(&mut self, file: &Path, changed: SystemTime, sound: &Arc<[i16]>) {
        self.remove(file);
        while self.samples + sound.len() > MAX_PROMPT_SAMPLES {
            let Some(oldest) = self
                .entries
                .iter()
                .min_by_key(|(_, e)| e.used)
                .map(|(f, _)| f.clone())
            else {
                break;
            };
            self.remove(&oldest);
        }
        self.uses += 1;
        self.samples += sound.len();
        let entry = Entry {
            changed,
            sound: Arc::clone(sound),
            used: self.uses,
        };
        self.entries.insert(file.to_owned(), entry);
    }

    fn remove(&mut self, file: &Path) {
        if let Some(entry) = self.entries.remove(file) {
            self.samples -= entry.sound.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first_and_a_changed_file_is_not_found() {
        let mut cache = Cache::default();
        let now = SystemTime::UNIX_EPOCH;
        let third: Arc<[i16]> = vec![0; MAX_PROMPT_SAMPLES / 3].into();
        for name in ["a", "b", "c"] {
            cache.put(Path::new(name), now, &third);
        }
        assert!(cache.get(Path::new("a"), now).is_some());
        cache.put(Path::new("d"), now, &third);
        assert!(cache.get(Path::new("b"), now).is_none());
        assert!(cache.get(Path::new("a"), now).is_some());
        assert!(
            cache
                .get(Path::new("a"), now + std::time::Duration::from_secs(1))
                .is_none()
        );
        cache.put(Path::new("a"), now, &third);
        assert_eq!(cache.samples, MAX_PROMPT_SAMPLES / 3 * 3);
    }
}
