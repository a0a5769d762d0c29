use jackfield_types::limits::MAX_PLUGIN_LOG_BYTES;

use crate::{
    LogLevel, LogLine,
    bindings::cx::host::log::{Host, Level},
    fault::cut,
    state::State,
};

/// What a line costs beside its text, so that a flood of empty lines ends too.
const LINE_BYTES: usize = 32;

impl Host for State {
    /// Keeps the line as far as there is room; the rest of the log is dropped.
    fn write(&mut self, level: Level, message: String) {
        let room = MAX_PLUGIN_LOG_BYTES.saturating_sub(self.log_bytes + LINE_BYTES);
        if room == 0 {
            return;
        }
        let message = if message.len() > room {
            cut(&message, room).to_owned()
        } else {
            message
        };
        self.log_bytes += LINE_BYTES + message.len();
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.log.push(LogLine { level, message });
    }
}
