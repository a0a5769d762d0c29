use std::fmt;

use jackfield_contact::decision::Failure;
use jackfield_types::limits::{MAX_CODE_BYTES, MAX_TEXT_BYTES};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, WasmBacktrace};

use crate::{ReadError, bindings::cx::types::types::Error as PluginError, state::State};

/// Functions of a guest's backtrace that go into a failure's message.
const BACKTRACE_FUNCTIONS: usize = 8;

/// Why a call brought no valid answer.
pub(crate) enum Fault {
    /// No instance could be made, or it was stopped while it started.
    Start(wasmtime::Error),
    /// wasmtime stopped the call, or could not read what it returned.
    Engine(wasmtime::Error),
    /// It answered "error".
    Plugin(PluginError),
    /// The question or the answer broke a rule of the contract.
    Rule(Failure),
}

impl From<wasmtime::Error> for Fault {
    fn from(error: wasmtime::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<PluginError> for Fault {
    fn from(error: PluginError) -> Self {
        Self::Plugin(error)
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Rule(failure)
    }
}

/// A failure with its code.
pub(crate) fn failure(code: &str, message: impl fmt::Display) -> Failure {
    Failure {
        code: code.into(),
        message: bounded(message).into(),
    }
}

/// The beginning of a text, at most [`MAX_TEXT_BYTES`]. What comes after is not even written: the names in it are the
/// plugin's, of any length, and a mangled one can mean a gigabyte.
pub(crate) fn bounded(message: impl fmt::Display) -> String {
    struct Bounded(String);
    impl fmt::Write for Bounded {
        fn write_str(&mut self, more: &str) -> fmt::Result {
            let fits = cut(more, MAX_TEXT_BYTES - self.0.len());
            self.0.push_str(fits);
            if fits.len() == more.len() {
                Ok(())
            } else {
                Err(fmt::Error)
            }
        }
    }
    let mut text = Bounded(String::new());
    // An error says that it was cut.
    let _ = fmt::Write::write_fmt(&mut text, format_args!("{message}"));
    text.0
}

impl Fault {
    /// Puts the fault into the words of the fail policies. Answers whether the plugin was stopped, so that the whole
    /// reservation is billed.
    pub(crate) fn classify(self, store: &Store<State>) -> (Failure, bool) {
        match self {
            Self::Rule(failure) => (failure, false),
            // The plugin has handed on what the host told it: that is not its own failure.
            Self::Plugin(error) if error.code == ReadError::UNAVAILABLE && store.data().has_unread() => (
                failure(
                    "host-busy",
                    format_args!(
                        "what the plugin asks of the host could not be read now: {}",
                        error.message
                    ),
                ),
                false,
            ),
            Self::Plugin(error) => {
                let code = cut(&error.code, MAX_CODE_BYTES);
                (
                    failure("plugin-error", format_args!("{code}: {}", error.message)),
                    false,
                )
            }
            Self::Start(error) if error.is::<PoolConcurrencyLimitError>() => {
                (failure("overloaded", error), false)
            }
            Self::Start(error) => (
                stopped(&error, store, "unavailable", "could not be started"),
                true,
            ),
            Self::Engine(error) => (
                stopped(&error, store, "invalid-answer", "returned what cannot be read"),
                true,
            ),
        }
    }
}

/// `otherwise` and `what` are for errors that are not the doing of running guest code.
fn stopped(error: &wasmtime::Error, store: &Store<State>, otherwise: &str, what: &str) -> Failure {
    let trap = error.downcast_ref::<Trap>().copied();
    let cause = error.root_cause().to_string();
    let (code, did) = match trap {
        Some(Trap::OutOfFuel) => ("fuel", "used all its fuel".to_owned()),
        Some(Trap::Interrupt) => ("timeout", "did not answer in time".to_owned()),
        _ if store.data().meter.refused() => ("memory", "asked for more memory than its ceiling".to_owned()),
        Some(trap) => ("trap", format!("trapped: {trap}")),
        // wasmtime's error for host-call data has no public type.
        None if cause.contains("hostcalls has been exhausted") => (
            "oversize",
            "handed more data to the host at once than one call may carry".to_owned(),
        ),
        None if error.downcast_ref::<WasmBacktrace>().is_some() => ("trap", format!("trapped: {cause}")),
        None => (otherwise, format!("{what}: {cause}")),
    };
    failure(
        code,
        format_args!("the plugin {did}{}", Functions(error.downcast_ref())),
    )
}

/// ` in a < b < c`, innermost first.
struct Functions<'a>(Option<&'a WasmBacktrace>);

impl fmt::Display for Functions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames = self.0.map_or(&[][..], WasmBacktrace::frames);
        for (n, frame) in frames.iter().take(BACKTRACE_FUNCTIONS).enumerate() {
            f.write_str(if n == 0 { ", in " } else { " < " })?;
            match frame.func_name() {
                Some(name) => write!(f, "{:#}", rustc_demangle::demangle(name))?,
                None => write!(f, "function {}", frame.func_index())?,
            }
        }
        Ok(())
    }
}

/// At most `most` bytes of a text, cut between characters.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("abc", 2), "ab");
        assert_eq!(cut("呼叫", 4), "呼");
        assert_eq!(cut("呼叫", 2), "");
        assert_eq!(cut("a", 9), "a");
        assert_eq!(bounded("呼".repeat(1_000)).len(), 2_046);
        assert_eq!(bounded(format_args!("{} {}", 1, "b")), "1 b");
    }
}
