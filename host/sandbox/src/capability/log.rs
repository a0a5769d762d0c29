use jackfield_types::limits::MAX_PLUGIN_LOG_BYTES;

use crate::{
    LogLevel, LogLine,
    bindings::cx::host::log::{Host, Level},
    fault::cut,
    state::State,
};

/// What a line costs beside its text, so that a flood of empty lines ends too.
const LINE_BYTES: usize = 32;

impl State {
    /// Keeps the line as far as there is room; the rest of the log is dropped.
    fn keep(&mut self, level: LogLevel, mut message: String) {
        let room = MAX_PLUGIN_LOG_BYTES.saturating_sub(self.log_bytes + LINE_BYTES);
        if room == 0 {
            return;
        }
        if message.len() > room {
            message = cut(&message, room).to_owned();
        }
        self.log_bytes += LINE_BYTES + message.len();
        self.log.push(LogLine { level, message });
    }

    fn keep_appended(&mut self, level: LogLevel) {
        let line = std::mem::take(&mut self.log_line);
        self.keep(level, String::from_utf8_lossy(&line).into_owned());
    }

    /// Every line written, and the one that was not ended: a plugin that is stopped in the middle of it has said
    /// something.
    pub(crate) fn take_log(&mut self) -> Vec<LogLine> {
        if !self.log_line.is_empty() {
            self.keep_appended(LogLevel::Error);
        }
        std::mem::take(&mut self.log)
    }
}

impl Host for State {
    fn write(&mut self, level: Level, message: String) {
        self.keep(level.into(), message);
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
