//! What every plugin may ask of the host: its configuration, the decision's moment, a log, small stored values.

use serde::{Serialize, de::DeserializeOwned};

pub use crate::bindings::host::cx::host::log::Level;
use crate::{
    Error, Timestamp,
    imports::{clock, config, key_value, log as lines},
};

/// The binding's configuration. `{}`, which means that none was set, gives the default without any parsing.
///
/// # Errors
/// `bad-config`, with the field that was not understood.
pub fn config<C: DeserializeOwned + Default>() -> Result<C, Error> {
    parsed(config::get().as_bytes())
}

/// [`config`], read as numbers: a component that takes no text from the host needs no modules to link it.
pub(crate) fn config_in_words<C: DeserializeOwned + Default>() -> Result<C, Error> {
    let size = config::size() as usize;
    let mut text = Vec::with_capacity(size.next_multiple_of(8));
    for index in 0..size.div_ceil(8) {
        text.extend(config::word(index as u32).to_le_bytes());
    }
    text.truncate(size);
    parsed(&text)
}

fn parsed<C: DeserializeOwned + Default>(text: &[u8]) -> Result<C, Error> {
    if text == b"{}" {
        return Ok(C::default());
    }
    serde_json::from_slice(text)
        .map_err(|error| Error::new("bad-config", format!("the configuration: {error}")))
}

/// The moment at which the question was asked; it stands still during a decision.
pub fn now() -> Timestamp {
    clock::now()
}

/// Writes one line to the plugin's log; at most 64 KiB a decision, the rest is dropped.
pub fn log(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    {
        let mut line = Line;
        // Appending never fails.
        let _ = std::fmt::Write::write_str(&mut line, message);
        line.end(level);
    }
    #[cfg(not(target_arch = "wasm32"))]
    lines::write(level, message);
}

/// Appends to a line as it is formatted, in numbers, so that no plugin needs modules to link text only because it logs or
/// may panic. [`Line::end`] writes the line.
#[cfg(target_arch = "wasm32")]
pub(crate) struct Line;

#[cfg(target_arch = "wasm32")]
impl std::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for bytes in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            lines::append(u64::from_le_bytes(word));
        }
        Ok(())
    }
}

#[cfg(target_arch = "wasm32")]
impl Line {
    pub(crate) fn end(self, level: Level) {
        lines::end(level);
    }
}

/// A value kept for this binding across decisions; none when there is none.
///
/// # Errors
/// `not-granted`; `bad-value` when the stored bytes are not a `T`.
pub fn load<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    match key_value::get(key)? {
        None => Ok(None),
        Some(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Error::new("bad-value", format!("the stored value {key:?}: {error}"))),
    }
}

/// Keeps a value for this binding, together with this decision when it is accepted. At most 64 bytes a key, 16 KiB
/// a value, 1,000 keys a binding.
///
/// # Errors
/// `not-granted`, or a limit; `bad-value` when the value cannot be written as JSON.
pub fn store<T: Serialize>(key: &str, value: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| Error::new("bad-value", format!("the value {key:?}: {error}")))?;
    key_value::set(key, &bytes)
}

/// Takes a kept value away, together with this decision when it is accepted.
///
/// # Errors
/// `not-granted`.
pub fn delete(key: &str) -> Result<(), Error> {
    key_value::delete(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Host;

    #[test]
    fn stored_values_come_back_and_a_wrong_type_is_named() {
        let mut host = Host::new();
        host.run(|| store("count", &7_u32)).unwrap();
        assert_eq!(host.run(|| load::<u32>("count")), Ok(Some(7)));
        assert_eq!(
            host.run(|| load::<String>("count")).unwrap_err().code,
            "bad-value"
        );
        host.run(|| delete("count")).unwrap();
        assert_eq!(host.run(|| load::<u32>("count")), Ok(None));
    }

    #[test]
    fn lines_and_time_are_the_hosts() {
        let mut host = Host {
            now: 5,
            ..Host::new()
        };
        host.run(|| log(Level::Warn, &format!("at {}", now())));
        assert_eq!(host.log, [(Level::Warn, "at 5".to_owned())]);
    }
}
