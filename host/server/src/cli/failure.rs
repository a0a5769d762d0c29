//! Why a command came to nothing. The message says what to do; the exit code says whose turn it is.

use std::fmt::Write as _;

use jackfield_api::Problem;

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server refused.
    #[error("{}", told(.0))]
    Refused(Box<Problem>),
    /// The command line is wrong in a way that only shows when it runs.
    #[error("{0}")]
    Usage(String),
    /// The server can't be reached.
    #[error(
        "{url} can't be reached: {why}\n  Is `jackfield serve` running there? Say where it is with --url or JACKFIELD_URL."
    )]
    Unreachable { url: String, why: String },
    /// The server's answer makes no sense.
    #[error("{0}")]
    Answer(String),
    /// Work on this machine came to nothing: a plugin that does not build, a case that fails.
    #[error("{0}")]
    Work(String),
    /// The output can't be written.
    #[error("output: {0}")]
    Output(#[from] std::io::Error),
}

fn told(problem: &Problem) -> String {
    let mut text = problem.detail.to_string();
    if let Some(field) = problem.field.as_deref().filter(|field| !text.starts_with(*field)) {
        let _ = write!(text, "\n  field: {field}");
    }
    let _ = write!(text, "\n  code: {} ({})", problem.code, problem.status);
    let hint = match &*problem.code {
        "no-key" | "unknown-key" => {
            Some("give a key with --key, --key-file, JACKFIELD_KEY or JACKFIELD_KEY_FILE")
        }
        "forbidden" => Some("`jackfield whoami` shows the roles of your key"),
        "overloaded" | "unavailable" => Some("try again in a few seconds"),
        "unknown-plugin" => {
            Some("`jackfield plugin upload FILE` uploads one, `jackfield plugin list` shows what is there")
        }
        "unknown-rollout" => Some(
            "`jackfield plugin rollout --binding POINT --history` shows what became of earlier ones, `jackfield plugin shadow` starts one",
        ),
        "unknown-queue" => Some("`jackfield queue list` shows what is there"),
        "unknown-campaign" => Some("`jackfield campaign list` shows what is there"),
        "unknown-agent" => Some("`jackfield agent list` shows who is there"),
        "internal" => Some("the server's log has the cause under this instance"),
        _ => None,
    };
    if let Some(hint) = hint {
        let _ = write!(text, "\n  hint: {hint}");
    }
    if let Some(instance) = problem.instance.as_deref().filter(|_| problem.status >= 500) {
        let _ = write!(text, "\n  instance: {instance}");
    }
    text
}

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Answer(_) | Self::Work(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } => 3,
            // A reader that has seen enough, as `head` has, is no error.
            Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 1,
        }
    }

    /// Tells it on the terminal.
    pub(crate) fn explain(&self) {
        if self.code() != 0 {
            eprintln!("jackfield: {self}");
        }
    }
}
