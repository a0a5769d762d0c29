//! The state that a flow keeps between steps, as JSON.

use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

pub(crate) fn read<T: DeserializeOwned + Default>(state: &[u8]) -> Result<T, Error> {
    if state.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(state)
        .map_err(|error| Error::new("bad-state", format!("the state of the flow: {error}")))
}

pub(crate) fn write<T: Serialize>(state: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(state)
        .map_err(|error| Error::new("bad-state", format!("the new state of the flow: {error}")))
}
