//! `jackfield channel …`

use serde_json::{Map, Value, json};

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::output::{Column, Output};
use super::settings::{known, put_in};

const CHANNELS: &[Column] = &[
    ("CHANNEL", "/id"),
    ("NAME", "/name"),
    ("ENABLED", "/enabled"),
    ("ENTRY", "/entry"),
    ("VERIFICATION", "/verification/scheme"),
    ("HOSTS", "/hosts"),
    ("WAITING", "/waiting"),
];

/// Channels: accounts with providers through which customers write.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield channel list
  jackfield channel set sms --entry sms --account +18005551212 --identity tel --host api.twilio.com \\
      --verification '{\"scheme\":\"twilio\",\"secret\":\"auth-token\"}' \\
      --public-url https://contact.example/channels/acme/sms --secret auth-token=TOKEN
  jackfield binding set connector:sms sms-connector@0.1.0 --config '{\"account-sid\":\"AC…\"}'
  jackfield channel set sms --host api.twilio.com --host mms.twiliocdn.com --secret basic=BASE64 \\
      --media '{\"api.twilio.com\":{\"secret\":\"basic\",\"prefix\":\"Basic \"}}'   # and fetch what comes with messages
The provider calls /channels/TENANT/CHANNEL of the server.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the channels.
    List,
    /// Show one channel; of its secrets the names.
    Show {
        /// The channel's id.
        channel: String,
    },
    /// Make a channel, or change what is given; the rest stays as it is.
    Set(Box<Settings>),
    /// Remove a channel without a connector and without waiting messages.
    Remove {
        /// The channel's id.
        channel: String,
    },
}

#[derive(Debug, clap::Args)]
struct Settings {
    /// The channel's id.
    channel: String,
    /// The name for people; by default the id.
    #[arg(long)]
    name: Option<String>,
    /// The chat entry that it feeds.
    #[arg(long)]
    entry: Option<String>,
    /// The firm's address on the channel.
    #[arg(long)]
    account: Option<String>,
    /// The scheme of customers' addresses: tel, email, wechat or one of one's own.
    #[arg(long)]
    identity: Option<String>,
    /// How a request is known to be the provider's, as JSON.
    #[arg(long, value_name = "JSON", value_parser = json_of)]
    verification: Option<Value>,
    /// The address by which the provider calls the channel.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A host to which requests may be made; may be repeated.
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Tokens that the server fetches, as JSON.
    #[arg(long, value_name = "JSON", value_parser = json_of)]
    tokens: Option<Value>,
    /// With which credential attachments are fetched, by host, as JSON.
    #[arg(long, value_name = "JSON", value_parser = json_of)]
    media: Option<Value>,
    /// A secret; may be repeated. Without =VALUE it is removed.
    #[arg(long = "secret", value_name = "NAME=VALUE")]
    secrets: Vec<String>,
    /// Take requests and send messages, or stop both.
    #[arg(long, value_name = "BOOL")]
    enabled: Option<bool>,
    /// Make customers of people who are not known.
    #[arg(long, value_name = "BOOL")]
    create_customers: Option<bool>,
    /// Tries of one message.
    #[arg(long, value_name = "N")]
    attempts: Option<u32>,
    /// Requests to the provider at once.
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
}

fn json_of(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("expected JSON: {error}"))
}

pub(crate) fn run(arguments: Arguments, out: &mut Output) -> Result<(), Failure> {
    let json = arguments.connection.json;
    let client = Client::new(&arguments.connection)?;
    match arguments.command {
        Command::List => out.list(json, client.all(&["channels"])?, CHANNELS),
        Command::Show { channel } => out.show(json, &client.get(&path(&["channels", &channel]))?, CHANNELS),
        Command::Set(settings) => {
            let Settings {
                channel,
                name,
                entry,
                account,
                identity,
                verification,
                public_url,
                hosts,
                tokens,
                media,
                secrets,
                enabled,
                create_customers,
                attempts,
                concurrency,
            } = *settings;
            let at = path(&["channels", &channel]);
            let told = ["id", "created_at", "waiting", "secrets"];
            let new = json!({"name": channel, "verification": null});
            let mut body = known(&client, &at, &told, new)?;
            let given = [
                ("name", name.map(Value::from)),
                ("entry", entry.map(Value::from)),
                ("account", account.map(Value::from)),
                ("identity", identity.map(Value::from)),
                ("verification", verification),
                ("public_url", public_url.map(Value::from)),
                ("hosts", (!hosts.is_empty()).then(|| hosts.into())),
                ("tokens", tokens),
                ("media", media),
                ("enabled", enabled.map(Value::from)),
                ("create_customers", create_customers.map(Value::from)),
                ("attempts", attempts.map(Value::from)),
                ("concurrency", concurrency.map(Value::from)),
            ];
            put_in(&mut body, given);
            if body["entry"].is_null() || body["verification"].is_null() {
                return Err(Failure::Usage(
                    "a new channel needs --entry ENTRY and --verification JSON, for example '{\"scheme\":\"none\"}'"
                        .into(),
                ));
            }
            let secrets = secrets.iter().map(|secret| match secret.split_once('=') {
                Some((name, value)) => (name.to_owned(), Value::from(value)),
                None => (secret.clone(), Value::Null),
            });
            body["secrets"] = Value::Object(secrets.collect::<Map<_, _>>());
            let answer = client.put(&at, body)?;
            out.done(json, &answer, &format!("channel {channel} set"))
        }
        Command::Remove { channel } => {
            client.delete(&path(&["channels", &channel]))?;
            out.done(json, &Value::Null, &format!("channel {channel} removed"))
        }
    }
}
