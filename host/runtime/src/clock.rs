use std::time::{SystemTime, UNIX_EPOCH};

use jackfield_types::Timestamp;

/// The wall clock; the only place in the runtime that reads it.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(since_epoch.as_millis() as u64)
}
