//! `jackfield tag run …`: the tag generators are asked about all customers.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, Sent, path};
use super::failure::Failure;
use super::output::{Column, Output};

const COLUMNS: &[Column] = &[
    ("RUN", "/id"),
    ("STATE", "/state"),
    ("DRY", "/dry_run"),
    ("CUSTOMERS", "/counts/customers"),
    ("CHANGED", "/counts/changed"),
    ("FAILED", "/counts/failed"),
    ("BEGAN", "/started_at"),
];
const FIELDS: &[Column] = &[
    ("run", "/id"),
    ("state", "/state"),
    ("problem", "/problem"),
    ("dry run", "/dry_run"),
    ("by", "/by"),
    ("began", "/started_at"),
    ("ended", "/ended_at"),
    ("batches", "/batches"),
    ("customers", "/counts/customers"),
    ("decisions", "/counts/decisions"),
    ("changed", "/counts/changed"),
    ("tags added", "/counts/added"),
    ("tags removed", "/counts/removed"),
    ("tags refreshed", "/counts/refreshed"),
    ("left out", "/counts/refused"),
    ("failed", "/counts/failed"),
    ("fuel", "/counts/fuel"),
];
const RECEIPTS: &[Column] = &[
    ("BATCH", "/number"),
    ("AT", "/at"),
    ("CUSTOMERS", "/counts/customers"),
    ("CHANGED", "/counts/changed"),
    ("ADDED", "/counts/added"),
    ("REMOVED", "/counts/removed"),
    ("FAILED", "/counts/failed"),
    ("FUEL", "/counts/fuel"),
    ("LAST", "/last"),
];
const SCHEDULE: &[Column] = &[("every hours", "/every_hours"), ("next", "/next_at")];
/// Pause between two looks at how far a run is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs over all customers.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Run {
    /// Begin a run, and watch it to its end. It goes on without being watched, after a restart too.
    #[command(after_help = "Example:\n  jackfield tag run start autumn --dry-run")]
    Start {
        /// Its id: a-z, 0-9, '-' and '_'.
        run: String,
        /// Only say what would come of it.
        #[arg(long)]
        dry_run: bool,
        /// Don't wait for its end.
        #[arg(long)]
        detach: bool,
    },
    /// Watch a run to its end.
    Watch {
        /// The run's id.
        run: String,
    },
    /// List the runs.
    List,
    /// Show how far a run is.
    Show {
        /// The run's id.
        run: String,
    },
    /// Pause a run.
    Pause {
        /// The run's id.
        run: String,
    },
    /// Go on with a paused run.
    Resume {
        /// The run's id.
        run: String,
    },
    /// End a run before it is through; what it changed stays.
    Stop {
        /// The run's id.
        run: String,
    },
    /// List what each batch of a run did and cost.
    Receipts {
        /// The run's id.
        run: String,
    },
    /// Forget a run that has ended.
    Remove {
        /// The run's id.
        run: String,
    },
    /// Show, or say, when runs begin by themselves.
    #[command(after_help = "Example:\n  jackfield tag run schedule --every-hours 24")]
    Schedule {
        /// Hours from one to the next; 0: none begins by itself.
        #[arg(long)]
        every_hours: Option<u32>,
        /// When the next one begins: milliseconds since 1970.
        #[arg(long, requires = "every_hours")]
        next_at: Option<u64>,
    },
}

pub(super) fn run(command: Run, client: &Client, json: bool, out: &mut Output) -> Result<(), Failure> {
    let at = |run: &str, more: &[&str]| path(&[&["tag-runs", run], more].concat());
    let (answer, done) = match command {
        Run::Start { run, dry_run, detach } => {
            let begun = client.put(&at(&run, &[]), json!({ "dry_run": dry_run }))?;
            if !detach {
                return watch(&run, client, json, out);
            }
            (begun, format!("run {run} goes on"))
        }
        Run::Watch { run } => return watch(&run, client, json, out),
        Run::List => return out.list(json, client.all(&["tag-runs"])?, COLUMNS),
        Run::Show { run } => return out.show(json, &client.get(&at(&run, &[]))?, FIELDS),
        Run::Receipts { run } => {
            let all = client.list(&at(&run, &["receipts"]), &[], usize::MAX)?;
            return out.list(json, all, RECEIPTS);
        }
        Run::Pause { run } => (
            client.post(&at(&run, &["pause"]), Sent::Nothing)?,
            format!("run {run} is paused"),
        ),
        Run::Resume { run } => (
            client.post(&at(&run, &["resume"]), Sent::Nothing)?,
            format!("run {run} goes on"),
        ),
        Run::Stop { run } => (
            client.post(&at(&run, &["stop"]), Sent::Nothing)?,
            format!("run {run} is stopped"),
        ),
        Run::Remove { run } => (client.delete(&at(&run, &[]))?, format!("run {run} is forgotten")),
        Run::Schedule { every_hours, next_at } => {
            let schedule = path(&["tag-schedule"]);
            let Some(hours) = every_hours else {
                return out.show(json, &client.get(&schedule)?, SCHEDULE);
            };
            let hours = Some(hours).filter(|hours| *hours > 0);
            let answer = client.put(&schedule, json!({"every_hours": hours, "next_at": next_at}))?;
            (answer, "the schedule is kept".to_owned())
        }
    };
    out.done(json, &answer, &done)
}

/// A line whenever it has moved, until it no longer goes on.
fn watch(run: &str, client: &Client, json: bool, out: &mut Output) -> Result<(), Failure> {
    let mut seen = Value::Null;
    loop {
        let now = client.get(&path(&["tag-runs", run]))?;
        if now["state"] != "running" {
            return out.done(json, &now, &told(&now));
        }
        if !json && now["batches"] != seen {
            out.line(&told(&now))?;
            seen = now["batches"].clone();
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn told(run: &Value) -> String {
    let text = |field: &str| run[field].as_str().unwrap_or_default();
    let would = if run["dry_run"] == true { "would be " } else { "" };
    let counts = &run["counts"];
    let problem = match text("problem") {
        "" => String::new(),
        problem => format!(" ({problem})"),
    };
    format!(
        "run {} {}{problem}: {} customers, {would}changed {}; tags {would}added {}, removed {}, refreshed {}; failed {}",
        text("id"),
        text("state"),
        counts["customers"],
        counts["changed"],
        counts["added"],
        counts["removed"],
        counts["refreshed"],
        counts["failed"]
    )
}
