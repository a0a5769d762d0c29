//! `jackfield channel …`

use serde_json::{Map, Value, json};

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::output::{Column, Output};
use super::settings::{known, put_in};

const CHANNELS: &[Column] = &[
    ("CHANNEL", "/id"),
    ("NAME", "/name"),
    ("KIND", "/kind"),
    ("ENABLED", "/enabled"),
    ("ENTRY", "/entry"),
    ("ACCOUNT", "/account"),
    ("VERIFICATION", "/verification/scheme"),
    ("HOSTS", "/hosts"),
    ("WAITING", "/waiting"),
];

/// Channels: accounts with providers, and mailboxes, through which customers write.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jackfield channel list
  jackfield channel set sms --entry sms --account +18005551212 --identity tel --host api.twilio.com \\
      --verification '{\"scheme\":\"twilio\",\"secret\":\"auth-token\"}' \\
      --public-url https://contact.example/channels/acme/sms --secret auth-token=TOKEN
  jackfield binding set connector:sms sms-connector@0.1.0 --config '{\"account-sid\":\"AC…\"}'
  jackfield channel set sms --host api.twilio.com --host mms.twiliocdn.com --secret basic=BASE64 \\
      --media '{\"api.twilio.com\":{\"secret\":\"basic\",\"prefix\":\"Basic \"}}'   # and fetch what comes with messages
The provider calls /channels/TENANT/CHANNEL of the server. E-mail has no provider and no connector:
  jackfield chat entry-set mail --channel email --queue support
  jackfield channel set mail --kind email --entry mail --account support@shop.example --from-name 'The shop' \\
      --relay smtp.shop.example:587 --relay-security starttls --relay-user shop --secret relay-password=SECRET
The server takes mail when it was started with --smtp.")]
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
    /// What a new channel is: connector, or email.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
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
    /// Of e-mail: the server that carries its mails on.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    relay: Option<(String, u16)>,
    /// Of e-mail: tls, starttls, or none for a relay on the server's machine; by default tls on port 465, else starttls.
    #[arg(long, value_name = "HOW", value_parser = ["tls", "starttls", "none"])]
    relay_security: Option<String>,
    /// Of e-mail: the user to log in as at the relay, with the secret relay-password.
    #[arg(long, value_name = "USER")]
    relay_user: Option<String>,
    /// Of e-mail: a file with a certificate authority in PEM that is trusted beside the public ones.
    #[arg(long, value_name = "FILE")]
    relay_authority: Option<std::path::PathBuf>,
    /// Of e-mail: a further address whose mail is taken; may be repeated.
    #[arg(long = "alias", value_name = "ADDRESS")]
    aliases: Vec<String>,
    /// Of e-mail: what customers see as the sender's name.
    #[arg(long, value_name = "NAME")]
    from_name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Connector,
    Email,
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let parsed = text
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    parsed.ok_or_else(|| "expected HOST:PORT, for example smtp.example.com:587".into())
}

/// What is given about e-mail, put into what is known; nothing of a channel that has nothing to do with it.
fn email_of(settings: &Settings, known: &Value) -> Result<Option<Value>, Failure> {
    let given = settings.relay.is_some()
        || settings.relay_security.is_some()
        || settings.relay_user.is_some()
        || settings.relay_authority.is_some()
        || settings.from_name.is_some()
        || !settings.aliases.is_empty();
    if known.is_null() && settings.kind != Some(Kind::Email) {
        return match given {
            true => Err(Failure::Usage(
                "--relay and the like are for a channel made with --kind email".into(),
            )),
            false => Ok(None),
        };
    }
    let mut email = match known {
        Value::Null => json!({"relay": {}}),
        known => known.clone(),
    };
    if let Some((host, port)) = &settings.relay {
        let usual = if *port == 465 { "tls" } else { "starttls" };
        email["relay"]["host"] = host.as_str().into();
        email["relay"]["port"] = (*port).into();
        email["relay"]["security"] = usual.into();
    }
    let authority = settings.relay_authority.as_ref().map(|file| {
        std::fs::read_to_string(file)
            .map_err(|error| Failure::Usage(format!("--relay-authority {}: {error}", file.display())))
    });
    let relay = [
        ("security", settings.relay_security.clone().map(Value::from)),
        ("user", settings.relay_user.clone().map(Value::from)),
        ("authority", authority.transpose()?.map(Value::from)),
    ];
    put_in(&mut email["relay"], relay);
    let aliases = (!settings.aliases.is_empty()).then(|| settings.aliases.clone().into());
    put_in(
        &mut email,
        [
            ("aliases", aliases),
            ("from_name", settings.from_name.clone().map(Value::from)),
        ],
    );
    if email["relay"]["host"].is_null() {
        return Err(Failure::Usage(
            "a new channel of e-mail needs --relay HOST:PORT, the server that carries its mails on".into(),
        ));
    }
    Ok(Some(email))
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
            let at = path(&["channels", &settings.channel]);
            let told = ["id", "kind", "created_at", "waiting", "secrets"];
            let new = json!({"name": settings.channel, "verification": null});
            let (mut body, done) = known(&client, &at, &told, new)?;
            let email = email_of(&settings, &body["email"])?;
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
                ..
            } = *settings;
            let given = [
                ("name", name.map(Value::from)),
                ("entry", entry.map(Value::from)),
                ("account", account.map(Value::from)),
                ("identity", identity.map(Value::from)),
                ("verification", verification),
                ("email", email),
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
            let is_known = !body["verification"].is_null() || !body["email"].is_null();
            if body["entry"].is_null() || !is_known {
                return Err(Failure::Usage(
                    "a new channel needs --entry ENTRY, and --verification JSON, for example '{\"scheme\":\"none\"}', or --kind email"
                        .into(),
                ));
            }
            if let Some(fields) = body.as_object_mut() {
                fields.retain(|_, value| !value.is_null());
            }
            let secrets = secrets.iter().map(|secret| match secret.split_once('=') {
                Some((name, value)) => (name.to_owned(), Value::from(value)),
                None => (secret.clone(), Value::Null),
            });
            body["secrets"] = Value::Object(secrets.collect::<Map<_, _>>());
            let answer = client.put(&at, body)?;
            out.done(json, &answer, &format!("channel {channel} {done}"))
        }
        Command::Remove { channel } => {
            client.delete(&path(&["channels", &channel]))?;
            out.done(json, &Value::Null, &format!("channel {channel} removed"))
        }
    }
}
