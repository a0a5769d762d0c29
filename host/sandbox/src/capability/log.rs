use jackfield_types::limits::MAX_PLUGIN_LOG_BYTES;

use crate::{
    LogLevel, LogLine,
    bindings::cx::host::log::{Host, Level},
    state::State,
};

impl State {
    fn keep_appended(&mut self, level: LogLevel) {
        let line = std::mem::take(&mut self.log_line);
        self.keep_line(level, String::from_utf8_lossy(&line).into_owned());
    }

    /// Every line written, also those that were not ended: a plugin that is stopped in the middle of one has said
    /// something.
    pub(crate) fn take_log(&mut self) -> Vec<LogLine> {
        if !self.log_line.is_empty() {
            self.keep_appended(LogLevel::Error);
        }
        self.end_lines();
        std::mem::take(&mut self.log)
    }
}

impl Host for State {
    fn write(&mut self, level: Level, message: String) {
        self.keep_line(level.into(), message);
    }

    fn append(&mut self, text: u64) {
        if self.log_bytes + self.log_line.len() < MAX_PLUGIN_LOG_BYTES {
            let bytes = text.to_le_bytes();
            self.log_line.extend(bytes.into_iter().filter(|byte| *byte != 0));
        }
    }

    fn end(&mut self, level: Level) {
        self.keep_appended(level.into());
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}
