use jackfield_types::{
    Capability,
    limits::{MAX_PLUGIN_KEY_BYTES, MAX_PLUGIN_KEY_WRITES, MAX_PLUGIN_VALUE_BYTES},
};

use crate::{
    bindings::cx::{host::key_value::Host, types::types::Error},
    lower::{Lower, refuse},
    state::State,
};

impl Host for State {
    fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, Error> {
        self.granted(Capability::KeyValue)?;
        check(&key)?;
        let value = match self.kv_writes.iter().find(|(written, _)| *written == key) {
            Some((_, value)) => value.clone(),
            None => self.told(self.env.reads.kv_get(&key))?,
        };
        let mut lower = Lower::reply();
        lower.takes(value.as_ref().map_or(0, Vec::len));
        lower.replied(value)
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), Error> {
        self.granted(Capability::KeyValue)?;
        if value.len() > MAX_PLUGIN_VALUE_BYTES {
            let found = value.len();
            let message =
                format!("value of {key:.64}: found {found} bytes, expected at most {MAX_PLUGIN_VALUE_BYTES}");
            return Err(refuse("too-large", message));
        }
        write(self, key, Some(value))
    }

    fn delete(&mut self, key: String) -> Result<(), Error> {
        self.granted(Capability::KeyValue)?;
        write(self, key, None)
    }
}

fn check(key: &str) -> Result<(), Error> {
    if (1..=MAX_PLUGIN_KEY_BYTES).contains(&key.len()) {
        Ok(())
    } else {
        let message = format!(
            "key: found {} bytes, expected 1 to {MAX_PLUGIN_KEY_BYTES}",
            key.len()
        );
        Err(refuse("bad-key", message))
    }
}

fn write(state: &mut State, key: String, value: Option<Vec<u8>>) -> Result<(), Error> {
    check(&key)?;
    let writes = &mut state.kv_writes;
    if let Some((_, written)) = writes.iter_mut().find(|(written, _)| *written == key) {
        *written = value;
    } else if writes.len() < MAX_PLUGIN_KEY_WRITES {
        writes.push((key, value));
    } else {
        let message = format!("a decision may write at most {MAX_PLUGIN_KEY_WRITES} keys");
        return Err(refuse("too-many", message));
    }
    Ok(())
}
