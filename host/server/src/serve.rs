//! `jackfield serve`: composes the platform and the HTTP interface, runs until it is told to end.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use jackfield_api::Network;
use jackfield_mail::{Networks, SmtpListener, SmtpOptions};
use jackfield_runtime::{Platform, PlatformOptions, PluginOptions, ProviderAccess, StartError, StoreKind};
use jackfield_store::Engine;
use jackfield_types::limits::MAX_HTTP_CONNECTIONS;
use jackfield_types::{Capability, Grants};
use jackfield_voice::{Trunk, VoiceError, VoiceOptions};

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::{compile, seed, telemetry};

/// What `serve` takes.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  jackfield serve --demo                                  try it: everything on this machine
  jackfield serve --data /var/lib/jackfield --http 0.0.0.0:8080 --sip 0.0.0.0:5060 --external-ip 203.0.113.7
  jackfield serve --trusted-proxy 127.0.0.1,::1           behind a proxy on this machine
  jackfield serve --smtp 10.0.0.5:2525 --smtp-from 10.0.0.25 --smtp-name mail.shop.example

Telemetry goes out by OTLP when OTEL_EXPORTER_OTLP_ENDPOINT is set. The log follows RUST_LOG, by default `info`.")]
pub(crate) struct Arguments {
    /// Folder of the store, recordings, prompts and keys; made when missing.
    #[arg(
        long,
        env = "JACKFIELD_DATA",
        default_value = "jackfield-data",
        value_name = "DIR"
    )]
    data: PathBuf,
    /// Keep everything in memory; gone at the end.
    #[arg(long)]
    memory: bool,
    /// What keeps the database of a new data folder: fjall, by default, or sled.
    /// `jackfield store convert` changes it later.
    #[arg(
        long,
        env = "JACKFIELD_ENGINE",
        value_name = "ENGINE",
        conflicts_with = "memory"
    )]
    engine: Option<Engine>,
    /// Where the HTTP interface listens; port 0 takes a free one.
    #[arg(
        long,
        env = "JACKFIELD_HTTP",
        default_value = "127.0.0.1:8080",
        value_name = "ADDR"
    )]
    http: SocketAddr,
    /// Where SIP listens, UDP and TCP; port 0 takes a free one.
    #[arg(
        long,
        env = "JACKFIELD_SIP",
        default_value = "127.0.0.1:5060",
        value_name = "ADDR"
    )]
    sip: SocketAddr,
    /// Local address of media sockets; by default that of SIP.
    #[arg(long, env = "JACKFIELD_MEDIA_IP", value_name = "IP")]
    media_ip: Option<IpAddr>,
    /// Address at which phones and trunks reach this machine, when it differs (NAT, or listening on 0.0.0.0).
    #[arg(long, env = "JACKFIELD_EXTERNAL_IP", value_name = "IP")]
    external_ip: Option<IpAddr>,
    /// SIP peer that connects agents' calls to the outside: IP:PORT (UDP) or tcp:IP:PORT; without one nobody can be called.
    #[arg(long, env = "JACKFIELD_SIP_TRUNK", value_name = "PEER")]
    sip_trunk: Option<Trunk>,
    /// Ports of media: FIRST-LAST, or 0-0 to let the system choose.
    #[arg(long, env = "JACKFIELD_RTP_PORTS", default_value = "20000-29999", value_parser = port_range, value_name = "RANGE")]
    rtp_ports: (u16, u16),
    /// Addresses of reverse proxies, for example 10.0.0.0/8,fd00::/8: what these say in `Forwarded` or `X-Forwarded-For` about
    /// whose a request is counts for limits per address and in the log, and what they say in `X-Forwarded-Proto` for links
    /// of a tenant that names no public address. By default nobody is believed.
    #[arg(
        long = "trusted-proxy",
        env = "JACKFIELD_TRUSTED_PROXY",
        value_delimiter = ',',
        value_name = "CIDR"
    )]
    trusted_proxies: Vec<Network>,
    /// Capabilities that any plugin of any tenant may have at most, for example
    /// cx:profile/customers,cx:host/key-value; by default all.
    #[arg(
        long,
        env = "JACKFIELD_CAPABILITIES",
        value_delimiter = ',',
        value_name = "NAMES"
    )]
    capabilities: Option<Vec<Capability>>,
    /// Let connectors send to any address; by default to public ones alone.
    #[arg(long, env = "JACKFIELD_PROVIDERS_ANYWHERE")]
    providers_anywhere: bool,
    /// Send all that connectors send to this address, in the clear: a stand-in for providers, to try channels out.
    #[arg(
        long,
        env = "JACKFIELD_PROVIDERS_AT",
        value_name = "ADDR",
        conflicts_with = "providers_anywhere"
    )]
    providers_at: Option<SocketAddr>,
    /// Where mail for e-mail channels is taken by SMTP; nowhere by default. Put it behind the mail gateway, which keeps out
    /// forgeries and spam.
    #[arg(long, env = "JACKFIELD_SMTP", value_name = "ADDR")]
    smtp: Option<SocketAddr>,
    /// Addresses and networks from which mail is taken: the mail gateway's. By default this machine and private networks.
    #[arg(long, env = "JACKFIELD_SMTP_FROM", value_name = "NETWORKS", requires = "smtp")]
    smtp_from: Option<Networks>,
    /// What the SMTP listener calls itself; by default its address.
    #[arg(long, env = "JACKFIELD_SMTP_NAME", value_name = "HOST", requires = "smtp")]
    smtp_name: Option<String>,
    /// A certificate in PEM, with which the SMTP listener offers STARTTLS.
    #[arg(long, env = "JACKFIELD_SMTP_CERT", value_name = "FILE", requires = "smtp_key")]
    smtp_cert: Option<PathBuf>,
    /// Its private key in PEM.
    #[arg(long, env = "JACKFIELD_SMTP_KEY", value_name = "FILE", requires = "smtp_cert")]
    smtp_key: Option<PathBuf>,
    /// Make a demo tenant that is ready to be called; one that is there stays as it is.
    #[arg(long)]
    demo: bool,
    /// Folder of the built plugins for --demo; by default beside the binary.
    #[arg(long, value_name = "DIR", requires = "demo")]
    plugins: Option<PathBuf>,
}

fn port_range(text: &str) -> Result<(u16, u16), String> {
    let parsed = text
        .split_once('-')
        .and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match parsed {
        Some((first, last)) if first <= last => Ok((first, last)),
        _ => Err("expected FIRST-LAST, for example 20000-29999".into()),
    }
}

impl Arguments {
    fn voice(&self, nonce_secret: [u8; 32]) -> anyhow::Result<VoiceOptions> {
        let media_ip = self.media_ip.unwrap_or(self.sip.ip());
        if media_ip.is_unspecified() && self.external_ip.is_none() {
            bail!(
                "--sip {} listens everywhere: say with --external-ip at which address phones reach this machine",
                self.sip
            );
        }
        let base = VoiceOptions::loopback(&self.data, nonce_secret);
        Ok(VoiceOptions {
            sip_udp: self.sip,
            sip_tcp: self.sip,
            media_ip,
            external_ip: self.external_ip,
            trunk: self.sip_trunk,
            rtp_ports: self.rtp_ports.0..=self.rtp_ports.1,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            ..base
        })
    }
}

/// Runs the server.
pub(crate) fn main(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let telemetry = telemetry::start("info")?;
        let done = run(arguments).await;
        telemetry.shutdown();
        done
    })
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    std::fs::create_dir_all(&arguments.data)
        .with_context(|| format!("--data {}", arguments.data.display()))?;
    let nonce_secret = jackfield_runtime::secret_file(&arguments.data.join("nonce.key"))?;
    let voice = arguments.voice(nonce_secret)?;
    let store = match arguments.memory {
        true => StoreKind::Memory,
        false => StoreKind::Folder(arguments.data.join("store"), arguments.engine),
    };
    let options = PlatformOptions {
        data_dir: arguments.data.clone(),
        store,
        voice: Some(voice),
        plugins: PluginOptions {
            compiler: Some(compile::command()),
            ceiling: match &arguments.capabilities {
                Some(allowed) => allowed.iter().copied().collect(),
                None => Grants::ALL,
            },
            providers: match arguments.providers_at {
                Some(address) => ProviderAccess::StandIn(address),
                None if arguments.providers_anywhere => ProviderAccess::Any,
                None => ProviderAccess::Public,
            },
        },
    };
    let platform = Platform::start(options).await.map_err(|error| match error {
        StartError::Voice(VoiceError::Listen { addr, reason, .. }) => anyhow!(
            "--sip {addr} can't be opened: {reason}. End the program that has the port, or choose another: --sip {}:5070",
            addr.ip()
        ),
        other => other.into(),
    })?;
    telemetry::observe(&platform);
    let demo = if arguments.demo {
        let plugins = seed::plugins_dir(arguments.plugins.as_deref())?;
        eprintln!("making the demo tenant ready; the first time its plugins are compiled, up to a minute");
        let demo = seed::demo_tenant(&platform, &plugins, seed::Timing::default()).await?;
        demo.write_key(&arguments.data)?;
        Some(demo)
    } else {
        None
    };
    let listener = tokio::net::TcpListener::bind(arguments.http).await;
    let listener = listener.with_context(|| {
        format!(
            "--http {} can't be opened; end the program that has the port, or choose another",
            arguments.http
        )
    })?;
    let http = listener.local_addr()?;
    let smtp = open_smtp(&arguments).await?;
    if let Some(voice) = platform.voice() {
        println!("sip   {} (udp and tcp)", voice.sip_udp());
    }
    if let Some(smtp) = &smtp {
        println!("smtp  {}", smtp.address());
    }
    println!("http  http://{http}   reference: http://{http}/docs");
    println!("keys  {}", arguments.data.display());
    if let Some(demo) = &demo {
        announce_demo(&platform, demo, &format!("http://{http}"));
    }
    println!("ready");
    let store = platform.store().clone();
    let watched = store.clone();
    let ended = async move {
        tokio::select! {
            () = asked_to_end() => {}
            error = watched.failure() => tracing::error!(%error, "the store has stopped, so the server ends"),
        }
    };
    if let Some(smtp) = smtp {
        let house = std::sync::Arc::new(platform.mail_house());
        tokio::spawn(smtp.serve(house, std::future::pending()));
    }
    let proxies = arguments.trusted_proxies.into();
    jackfield_api::serve(listener, platform.clone(), connections(), proxies, ended).await;
    tracing::info!("ending: calls are hung up, the journal is closed");
    platform.shutdown().await;
    // An exit code by which whoever watches over the server starts it again.
    tokio::select! {
        biased;
        error = store.failure() => anyhow::bail!("{error}; all that was acknowledged is there after the next start"),
        () = std::future::ready(()) => Ok(()),
    }
}

/// The SMTP listener, when there is to be one.
async fn open_smtp(arguments: &Arguments) -> anyhow::Result<Option<SmtpListener>> {
    let Some(listen) = arguments.smtp else {
        return Ok(None);
    };
    let tls = match (&arguments.smtp_cert, &arguments.smtp_key) {
        (Some(certificate), Some(key)) => {
            Some(jackfield_mail::tls_from_pem(certificate, key).context("--smtp-cert, --smtp-key")?)
        }
        _ => None,
    };
    let options = SmtpOptions {
        listen,
        name: arguments
            .smtp_name
            .clone()
            .unwrap_or_else(|| format!("[{}]", listen.ip())),
        from: arguments.smtp_from.clone().unwrap_or_default(),
        tls,
    };
    let opened = SmtpListener::open(options).await;
    Ok(Some(opened.context(
        "--smtp; end the program that has the port, or choose another",
    )?))
}

/// Takes all the descriptors that the system allows, and leaves half of them for calls and the store.
fn connections() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the limit of descriptors stays as it is");
        }
    }
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(allowed / 2).map_or(MAX_HTTP_CONNECTIONS, |half| half.min(MAX_HTTP_CONNECTIONS))
}

fn announce_demo(platform: &Platform, demo: &seed::Demo, http: &str) {
    let sip = platform
        .voice()
        .map(|voice| voice.sip_udp().to_string())
        .unwrap_or_default();
    println!(
        "demo  tenant `{}`; register phones at {sip} and call a number:",
        demo.tenant.id()
    );
    let unless = if demo.is_new() {
        ""
    } else {
        ", unless it was changed"
    };
    for (user, password) in &demo.phones {
        println!("        agent   {user}  password {password}{unless}");
    }
    for number in &demo.numbers {
        println!("        number  {} ({})", number.number, number.language);
    }
    for (entry, _, language) in &demo.chat_entries {
        println!(
            "        chat    {http}/chat/{}/{entry} ({language})",
            demo.tenant.id()
        );
    }
}

async fn asked_to_end() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        done = tokio::signal::ctrl_c() => if done.is_err() { std::future::pending::<()>().await },
    }
}
