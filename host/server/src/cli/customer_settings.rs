//! `jackfield customer attribute …` and `jackfield customer settings …`

use serde_json::{Value, json};

use super::client::{Client, path};
use super::failure::Failure;
use super::output::{Column, Output};

const ATTRIBUTES: &[Column] = &[
    ("ATTRIBUTE", "/id"),
    ("LABEL", "/label"),
    ("TYPE", "/type"),
    ("CLASS", "/class"),
    ("OPTIONS", "/options"),
];
const SETTINGS: &[Column] = &[
    ("default region", "/default_region"),
    ("sensitive kept", "/sensitive_days"),
    ("customers kept", "/personal_days"),
    ("undefined tags", "/undefined_tags"),
    ("own purposes", "/purposes"),
];

/// Attributes that customers can have.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Attribute {
    /// List the attributes.
    List,
    /// Define an attribute, or change its label, class or options.
    #[command(
        after_help = "Example:\n  jackfield customer attribute define tier --type enum --class none --option gold --option silver"
    )]
    Define {
        /// Its id: a-z, 0-9, '-' and '_'; it never changes.
        attribute: String,
        /// text, number, bool, date or enum; it never changes.
        #[arg(long = "type", default_value = "text")]
        kind: String,
        /// none, pseudonymous, personal or sensitive.
        #[arg(long, default_value = "personal")]
        class: String,
        /// Its name for people; by default the id.
        #[arg(long)]
        label: Option<String>,
        /// Of an enum: what can be chosen; may be repeated.
        #[arg(long = "option")]
        options: Vec<String>,
    },
    /// Take a definition away; values that customers have stay.
    Remove {
        /// The attribute's id.
        attribute: String,
    },
}

/// How customers are treated.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Settings {
    /// Show the settings.
    Show,
    /// Change the settings.
    #[command(after_help = "Example:\n  jackfield customer settings set --default-region CN")]
    Set {
        /// Where numbers that are written without their country are at home: ISO 3166-1 alpha-2.
        #[arg(long)]
        default_region: Option<String>,
        /// Days after the last contact at which sensitive attributes are taken away; 0: they are kept.
        #[arg(long)]
        sensitive_days: Option<u32>,
        /// Days after the last contact at which a customer is erased; 0: customers are kept.
        #[arg(long)]
        personal_days: Option<u32>,
        /// Tags of plugins that the library does not know: keep, or refuse.
        #[arg(long)]
        undefined_tags: Option<String>,
        /// A purpose for which customers are contacted, beside sales, arrears, survey, requested-callback and service; may be
        /// repeated. They are replaced as a whole.
        #[arg(long = "purpose", value_name = "PURPOSE")]
        purposes: Vec<String>,
    },
}

pub(super) fn attribute(
    command: Attribute,
    client: &Client,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    match command {
        Attribute::List => {
            let all = client.all(&["customer-attributes"])?;
            out.list(json, all, ATTRIBUTES)
        }
        Attribute::Define {
            attribute,
            kind,
            class,
            label,
            options,
        } => {
            let label = label.unwrap_or_else(|| attribute.clone());
            let body = json!({"label": label, "type": kind, "class": class, "options": options});
            let answer = client.put(&path(&["customer-attributes", &attribute]), body)?;
            out.done(json, &answer, &format!("attribute {attribute} is defined"))
        }
        Attribute::Remove { attribute } => {
            let answer = client.delete(&path(&["customer-attributes", &attribute]))?;
            out.done(
                json,
                &answer,
                &format!("attribute {attribute} is no longer defined"),
            )
        }
    }
}

pub(super) fn settings(
    command: Settings,
    client: &Client,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let at = path(&["customer-settings"]);
    match command {
        Settings::Show => out.show(json, &client.get(&at)?, SETTINGS),
        Settings::Set {
            default_region,
            sensitive_days,
            personal_days,
            undefined_tags,
            purposes,
        } => {
            let mut settings = client.get(&at)?;
            if let Some(region) = default_region {
                settings["default_region"] = region.into();
            }
            for (field, days) in [
                ("sensitive_days", sensitive_days),
                ("personal_days", personal_days),
            ] {
                if let Some(days) = days {
                    settings[field] = if days == 0 { Value::Null } else { days.into() };
                }
            }
            if let Some(undefined) = undefined_tags {
                settings["undefined_tags"] = undefined.into();
            }
            if !purposes.is_empty() {
                settings["purposes"] = purposes.into();
            }
            let answer = client.put(&at, settings)?;
            out.done(json, &answer, "the settings are kept")
        }
    }
}
