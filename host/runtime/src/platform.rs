//! The running system of all tenants.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jackfield_contact::Centre;
use jackfield_contact::input::Input;
use jackfield_contact::leg::{Cause, LegCommand, LegEvent};
use jackfield_registry::Registry;
use jackfield_sandbox::{CompilerCommand, Sandbox, SandboxOptions};
use jackfield_store::{Engine, Error as StoreError, Scan, Space, Store, Tx};
use jackfield_types::{
    AgentId, CustomerId, E164, Grants, LegId, NAME_EXPECTED, OpContext, Role, TenantId, Timestamp, UserId,
    is_name, limits,
};
use jackfield_voice::{Ha1, Voice, VoiceEvent, VoiceOptions};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, broadcast, mpsc, oneshot};

use crate::accounts::{Accounts, UserRecord};
use crate::admission::Admission;
use crate::assist::Assist;
use crate::attachments::{self, AttachmentState};
use crate::breaker::Breakers;
use crate::cases::{self, CaseState};
use crate::ceilings::Lowered;
use crate::centre_loop::{BROADCAST, CentreLoop, Message, Reply, Report};
use crate::channels::{Channels, Mailboxes, ProviderAccess, Providers};
use crate::chats::Listeners;
use crate::customers::{self, CustomerState, Region};
use crate::directory::{self, Directory};
use crate::greetings::Greetings;
use crate::history::JournalEntry;
use crate::knowledge::{Knowledge, keep_counted};
use crate::metering::{Meter, keep_flushing};
use crate::metrics::Metrics;
use crate::records::{Recorder, keep_swept};
use crate::rollout_watch::{keep_all, keep_watched};
use crate::tenant::{Inner, PHONE_SECRETS, Tenant};
use crate::typing::Typing;
use crate::visitors::Visitors;
use crate::{StartError, SubmitError, clock, recordings, tags};

const TENANTS: Space = Space::new("tenants");
/// Events that voice may be ahead of the tenants' loops.
const VOICE_EVENTS: usize = 8_192;
/// Entries of all tenants that a follower of the platform may fall behind.
const FOLLOWED: usize = 16_384;

/// How the platform is set up.
#[derive(Debug, Clone)]
pub struct PlatformOptions {
    /// Where things lie that are not in the store: the compiled plugins, the keys of this deployment.
    pub data_dir: PathBuf,
    /// The store.
    pub store: StoreKind,
    /// The voice side; `None`: no calls, for tests.
    pub voice: Option<VoiceOptions>,
    /// How plugins are compiled and what they may have at most.
    pub plugins: PluginOptions,
}

/// What the deployment says about plugins.
#[derive(Debug, Clone)]
pub struct PluginOptions {
    /// The process that checks and compiles components; `None`: this process, for tests.
    pub compiler: Option<CompilerCommand>,
    /// What any plugin of any tenant may have at most.
    pub ceiling: Grants,
    /// Where requests of connectors may go.
    pub providers: ProviderAccess,
}

impl Default for PluginOptions {
    /// Compiles in this process and allows everything.
    fn default() -> Self {
        Self {
            compiler: None,
            ceiling: Grants::ALL,
            providers: ProviderAccess::Public,
        }
    }
}

/// Which store.
#[derive(Debug, Clone)]
pub enum StoreKind {
    /// In memory: gone with the process.
    Memory,
    /// The embedded store in a folder, kept by this engine; by default by the one whose database is there, or by fjall.
    Folder(PathBuf, Option<Engine>),
    /// One that is open already.
    Opened(Store),
}

/// A tenant as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRecord {
    /// The tenant.
    pub id: TenantId,
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why a tenant was not made.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// It is there already.
    #[error("there is a tenant {0} already; choose another id")]
    Exists(TenantId),
    /// A field is wrong.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What was expected.
        problem: &'static str,
    },
    /// A limit is reached.
    #[error("a deployment can have {0} tenants at most")]
    TooMany(usize),
    /// The store refuses, or the loop did not start.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl From<StoreError> for TenantError {
    fn from(error: StoreError) -> Self {
        Self::Start(error.into())
    }
}

/// The running tenants.
#[derive(Default)]
pub(crate) struct Tenants {
    running: RwLock<BTreeMap<TenantId, (Tenant, TenantRecord)>>,
}

impl Tenants {
    pub(crate) fn get(&self, tenant: &TenantId) -> Option<Tenant> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.get(tenant).map(|(tenant, _)| tenant.clone())
    }

    fn insert(&self, tenant: Tenant, record: TenantRecord) {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        running.insert(record.id.clone(), (tenant, record));
    }

    fn records(&self) -> Vec<TenantRecord> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.values().map(|(_, record)| record.clone()).collect()
    }

    pub(crate) fn ids(&self) -> Vec<TenantId> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.keys().cloned().collect()
    }

    pub(crate) fn meters(&self) -> Vec<Arc<Meter>> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running
            .values()
            .map(|(tenant, _)| tenant.inner.meter.clone())
            .collect()
    }

    fn take_all(&self) -> Vec<Tenant> {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *running)
            .into_values()
            .map(|(tenant, _)| tenant)
            .collect()
    }
}

/// Every tenant's journal as it becomes durable.
pub type Following = broadcast::Receiver<(TenantId, Arc<JournalEntry>)>;

/// What all loops share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) directory: Arc<Directory>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) recorder: Recorder,
    pub(crate) admission: Admission,
    /// A candidate failed: what was seen of it is to be kept at once.
    pub(crate) rollout_failed: Arc<Notify>,
    /// Where the keys of tenants' customers lie.
    customer_keys: PathBuf,
    /// Where the full-text indexes of tenants lie.
    knowledge: PathBuf,
    pub(crate) followers: broadcast::Sender<(TenantId, Arc<JournalEntry>)>,
    /// Has heard everything since the start; goes to the first who follows.
    first_follower: Mutex<Option<Following>>,
    pub(crate) providers: Providers,
    /// Whose mail goes where.
    pub(crate) mailboxes: Mailboxes,
    voice: Mutex<Option<Voice>>,
}

impl Shared {
    pub(crate) fn voice(&self) -> Option<Voice> {
        self.voice.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The running system of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    shared: Arc<Shared>,
    accounts: Accounts,
    visitors: Visitors,
    /// Where voice records to.
    recordings_dir: Option<PathBuf>,
}

impl Platform {
    /// Opens the store, loads the tenants, rebuilds their centres, and begins to take calls.
    ///
    /// At the first start a user `operator` is made, whose key is written to `operator.key` in the data folder,
    /// readable by the owner only.
    pub async fn start(options: PlatformOptions) -> Result<Self, StartError> {
        std::fs::create_dir_all(&options.data_dir).map_err(|error| file(&options.data_dir, error))?;
        let store = match &options.store {
            StoreKind::Memory => Store::memory()?,
            StoreKind::Folder(folder, None) => Store::open(folder)?,
            StoreKind::Folder(folder, Some(engine)) => Store::open_with(folder, *engine)?,
            StoreKind::Opened(store) => store.clone(),
        };
        let cache_key = secret_file(&options.data_dir.join("artifact.key"))?;
        let visitors = Visitors::new(secret_file(&options.data_dir.join("visitor.key"))?);
        let sandbox = Sandbox::new(SandboxOptions {
            compiler: options.plugins.compiler.clone(),
            ..SandboxOptions::new(options.data_dir.join("compiled"), cache_key)
        })?;
        let (followers, first_follower) = broadcast::channel(FOLLOWED);
        let metrics = Arc::<Metrics>::default();
        let shared = Arc::new(Shared {
            followers,
            customer_keys: options.data_dir.join("customer-keys"),
            knowledge: options.data_dir.join("knowledge"),
            first_follower: Mutex::new(Some(first_follower)),
            registry: Registry::new(store.clone(), sandbox, options.plugins.ceiling),
            directory: Arc::default(),
            admission: Admission::new(std::thread::available_parallelism().map_or(1, usize::from)),
            rollout_failed: Arc::default(),
            recorder: Recorder::start(store.clone(), metrics.clone()),
            metrics,
            providers: Providers::new(options.plugins.providers),
            mailboxes: Mailboxes::default(),
            voice: Mutex::default(),
            store: store.clone(),
        });
        let platform = Self {
            shared,
            accounts: Accounts::new(store),
            visitors,
            recordings_dir: options.voice.as_ref().map(|voice| voice.recordings_dir.clone()),
        };
        platform.first_operator(&options.data_dir).await?;
        for record in platform.stored_tenants().await? {
            platform.start_tenant(record).await?;
        }
        keep_flushing(Arc::downgrade(&platform.shared));
        keep_counted(Arc::downgrade(&platform.shared));
        keep_swept(Arc::downgrade(&platform.shared));
        keep_watched(Arc::downgrade(&platform.shared));
        attachments::keep_unsent_swept(Arc::downgrade(&platform.shared));
        customers::keep_retained(Arc::downgrade(&platform.shared));
        tags::keep_expired(Arc::downgrade(&platform.shared));
        if let Some(voice) = options.voice {
            platform.start_voice(voice).await?;
        }
        Ok(platform)
    }

    async fn start_voice(&self, options: VoiceOptions) -> Result<(), StartError> {
        let (events, mut heard) = mpsc::channel(VOICE_EVENTS);
        let voice = Voice::start(options, self.shared.directory.clone(), events).await?;
        *self.shared.voice.lock().unwrap_or_else(PoisonError::into_inner) = Some(voice);
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            while let Some(event) = heard.recv().await {
                let Some(shared) = shared.upgrade() else { return };
                take_voice_event(&shared, event).await;
            }
        });
        Ok(())
    }

    async fn first_operator(&self, data_dir: &Path) -> Result<(), StartError> {
        let ctx = directory::platform();
        let Ok(id) = UserId::new("operator") else {
            return Ok(());
        };
        let users = self.accounts.users(&ctx).await?;
        // A start that was killed half-way left the user without a key.
        if users.iter().any(|user| user.id != id) || !self.accounts.keys(&ctx, &id).await?.is_empty() {
            return Ok(());
        }
        let now = clock::now();
        if users.is_empty() {
            let (name, roles) = ("Operator".to_owned(), vec![Role::Operator]);
            self.accounts
                .create_user(
                    &ctx,
                    UserRecord {
                        id: id.clone(),
                        name,
                        roles,
                        created_at: now,
                    },
                )
                .await?;
        }
        let path = data_dir.join("operator.key");
        let key = self
            .accounts
            .create_key(&ctx, &id, "made at the first start", now)
            .await?;
        write_secret(&path, format!("{}\n", key.secret).as_bytes()).map_err(|error| file(&path, error))
    }

    async fn stored_tenants(&self) -> Result<Vec<TenantRecord>, StartError> {
        let ctx = directory::platform();
        let (mut records, mut cursor) = (Vec::new(), None);
        loop {
            let page = self
                .shared
                .store
                .scan(&ctx, TENANTS, Scan::all().after(cursor))
                .await?;
            for row in &page.rows {
                let record = serde_json::from_slice(&row.value);
                records.push(record.map_err(|error| StartError::Record {
                    what: "tenant".into(),
                    error,
                })?);
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(records);
            }
        }
    }

    async fn start_tenant(&self, record: TenantRecord) -> Result<Tenant, StartError> {
        let (inbox, messages) = mpsc::channel(limits::MAX_INBOX);
        let (reports, reported) = mpsc::unbounded_channel();
        let entries = broadcast::Sender::new(BROADCAST);
        let id = record.id.clone();
        let ctx = OpContext::system(id.clone(), "runtime");
        let meter = Meter::load(&self.shared.store, &ctx, clock::now()).await?;
        self.shared
            .admission
            .set_weight(&ctx.tenant, meter.quota().weight());
        let customers = CustomerState::load(&self.shared.store, &id, &self.shared.customer_keys).await?;
        let tenant = Tenant {
            inner: Arc::new(Inner {
                id: id.clone(),
                shared: self.shared.clone(),
                inbox,
                reports,
                entries,
                meter: Arc::new(meter),
                breakers: Breakers::default(),
                ceilings: Lowered::load(&self.shared.store, &id).await?,
                listeners: Listeners::default(),
                assist: Assist::default(),
                typing: Typing::default(),
                cases: CaseState::default(),
                channels: Channels::load(&self.shared.store, &ctx, &customers).await?,
                customers,
                knowledge: Knowledge::new(&self.shared.knowledge, &id),
                attachments: AttachmentState::default(),
                calling: tokio::sync::Mutex::default(),
                greetings: Greetings::default(),
                replaying: tokio::sync::Mutex::default(),
            }),
        };
        self.shared.registry.load_tenant(&ctx, clock::now()).await?;
        self.load_secrets(&ctx).await?;
        let (left_behind, files) = match &self.recordings_dir {
            Some(folder) => recordings::salvaged(&self.shared.store, &ctx, folder).await,
            None => (Vec::new(), Vec::new()),
        };
        let centre = CentreLoop::rebuild(tenant.clone(), messages, reported, left_behind).await?;
        for number in centre.numbers() {
            self.shared.directory.add_number(&number, &id);
        }
        tokio::spawn(centre.run());
        recordings::remove_when_journaled(tenant.clone(), files);
        tenant.resume_erasures().await?;
        tags::keep_asked(&tenant);
        tenant.resume_tag_runs().await?;
        cases::keep_due(tenant.clone());
        tenant.begin_deliveries();
        self.shared.directory.tenants.insert(tenant.clone(), record);
        Ok(tenant)
    }

    async fn load_secrets(&self, ctx: &OpContext) -> Result<(), StartError> {
        let mut cursor = None;
        loop {
            let page = self
                .shared
                .store
                .scan(ctx, PHONE_SECRETS, Scan::all().after(cursor))
                .await?;
            for row in page.rows {
                let agent = String::from_utf8(row.key)
                    .ok()
                    .and_then(|agent| AgentId::new(&agent).ok());
                let secret = std::str::from_utf8(&row.value)
                    .ok()
                    .and_then(|secret| Ha1::from_str(secret).ok());
                if let (Some(agent), Some(secret)) = (agent, secret) {
                    self.shared.directory.set_secret(&ctx.tenant, &agent, secret);
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// Makes a tenant and starts its loop.
    pub async fn create_tenant(&self, record: TenantRecord) -> Result<Tenant, TenantError> {
        if !is_name(&record.name) {
            return Err(TenantError::Invalid {
                field: "name",
                problem: NAME_EXPECTED,
            });
        }
        if self.tenants().len() >= limits::MAX_TENANTS {
            return Err(TenantError::TooMany(limits::MAX_TENANTS));
        }
        let row = serde_json::to_vec(&record).map_err(|error| StartError::Record {
            what: "tenant".into(),
            error,
        })?;
        let tx = Tx::new()
            .check_absent(TENANTS, record.id.as_str())
            .put(TENANTS, record.id.as_str(), row);
        match self.shared.store.commit(&directory::platform(), tx).await {
            Ok(_) => Ok(self.start_tenant(record).await?),
            Err(StoreError::Conflict { .. }) => Err(TenantError::Exists(record.id)),
            Err(error) => Err(error.into()),
        }
    }

    /// The handle to a tenant's loop.
    pub fn tenant(&self, tenant: &TenantId) -> Option<Tenant> {
        self.shared.directory.tenants.get(tenant)
    }

    /// All tenants, by id.
    pub fn tenants(&self) -> Vec<TenantRecord> {
        self.shared.directory.tenants.records()
    }

    /// Users and keys.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Visitors of chat windows.
    pub fn visitors(&self) -> &Visitors {
        &self.visitors
    }

    /// Plugins and bindings.
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The voice side, when there is one.
    pub fn voice(&self) -> Option<Voice> {
        self.shared.voice()
    }

    /// What becomes durable in all tenants. The first call also gets what became durable since the start, so that
    /// what a restart has ended is not missed; without any call 16,384 entries are kept for it. A receiver that falls
    /// further behind is told so and goes on.
    pub fn follow(&self) -> Following {
        let first = self
            .shared
            .first_follower
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        first.unwrap_or_else(|| self.shared.followers.subscribe())
    }

    /// Counters of the process.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Whether every tenant's loop answers; the error says which does not.
    pub async fn ready(&self) -> Result<(), String> {
        for record in self.tenants() {
            let Some(tenant) = self.tenant(&record.id) else {
                continue;
            };
            if tenant.inner.inbox.is_closed() {
                return Err(format!(
                    "the loop of tenant {} has stopped; see the log",
                    record.id
                ));
            }
        }
        Ok(())
    }

    /// Lets go of all tenants without a word to them, as a process does that is killed: for tests, of which a process runs
    /// hundreds, each with the address space of a plugin pool.
    pub fn abandon(&self) {
        self.shared.directory.tenants.take_all();
    }

    /// Ends calls and loops, in this order, so that how each call ended is in the journal, and writes the last
    /// receipts.
    pub async fn shutdown(self) {
        if let Some(voice) = self.shared.voice() {
            voice.shutdown().await;
        }
        keep_all(&self.shared).await;
        for tenant in self.shared.directory.tenants.take_all() {
            let (done, stopped) = oneshot::channel();
            if tenant.inner.inbox.send(Message::Stop(done)).await.is_ok() {
                let _ = stopped.await;
            }
            if let Err(error) = tenant.inner.meter.flush(&self.shared.store).await {
                tracing::error!(tenant = %tenant.id(), %error, "the last receipts could not be written");
            }
            if let Err(error) = tenant.flush_article_uses().await {
                tracing::error!(tenant = %tenant.id(), %error, "the last uses of articles could not be written");
            }
        }
        self.shared.recorder.flush().await;
        *self.shared.voice.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Hands what voice reports to the tenant's loop.
async fn take_voice_event(shared: &Arc<Shared>, event: VoiceEvent) {
    match event {
        VoiceEvent::Incoming {
            tenant,
            leg,
            from,
            from_name,
            to,
            ..
        } => {
            let refuse = |cause| {
                if let Some(voice) = shared.voice() {
                    voice.command(&tenant, leg, 1, LegCommand::HangUp { cause });
                }
            };
            let found = shared.directory.tenants.get(&tenant).zip(directory::dialled(&to));
            let Some((handle, number)) = found else {
                return refuse(Cause::UnknownNumber);
            };
            // A network may give numbers as its own people write them.
            let caller =
                customers::number(&from, Region::of(&number)).map_or(from, |number| number.as_str().into());
            let customer = customer_of(&caller);
            let last_agent = match &customer {
                Some(customer) => {
                    let ctx = OpContext::system(tenant.clone(), "runtime");
                    handle
                        .customer(&ctx, customer)
                        .await
                        .ok()
                        .flatten()
                        .and_then(|row| row.last_agent)
                }
                None => None,
            };
            let (reply, answer) = oneshot::channel();
            let reply: Reply = Box::new(move |done: Result<&Centre, SubmitError>| {
                let _ = reply.send(done.map(|_| ()));
            });
            let input = Input::CallArrived {
                interaction: leg.interaction,
                caller,
                caller_name: from_name,
                number,
                customer,
                last_agent,
            };
            if handle
                .try_send(Message::Input {
                    input: Box::new(input),
                    reply: Some(reply),
                })
                .is_err()
            {
                return refuse(Cause::Overloaded);
            }
            let (voice, tenant) = (shared.voice(), tenant.clone());
            tokio::spawn(async move {
                if let (Ok(Err(error)), Some(voice)) = (answer.await, voice) {
                    tracing::warn!(%tenant, interaction = %leg.interaction, %error, "call refused");
                    voice.command(
                        &tenant,
                        leg,
                        1,
                        LegCommand::HangUp {
                            cause: Cause::Overloaded,
                        },
                    );
                }
            });
        }
        VoiceEvent::Leg {
            tenant, leg, event, ..
        } => {
            let Some(handle) = shared.directory.tenants.get(&tenant) else {
                return;
            };
            leg_event(&handle, leg, event);
        }
        VoiceEvent::PhoneRegistered { tenant, agent, .. } => phone(shared, &tenant, agent, true),
        VoiceEvent::PhoneUnregistered { tenant, agent, .. } => phone(shared, &tenant, agent, false),
    }
}

fn leg_event(tenant: &Tenant, leg: LegId, event: LegEvent) {
    match event {
        LegEvent::Recorded(recording) => recordings::store(tenant.clone(), leg.interaction, recording),
        LegEvent::RecordingFailed(problem) => tenant.report(Report::Input(Input::RecordingFailed {
            interaction: leg.interaction,
            problem,
        })),
        event => tenant.report(Report::Input(Input::Leg { leg, event })),
    }
}

fn phone(shared: &Shared, tenant: &TenantId, agent: AgentId, registered: bool) {
    if let Some(tenant) = shared.directory.tenants.get(tenant) {
        tenant.report(Report::Input(Input::Phone { agent, registered }));
    }
}

/// Who calls: by E.164 number, else by whatever the network gave; nobody when the number is withheld.
fn customer_of(caller: &str) -> Option<CustomerId> {
    if let Ok(number) = E164::new(caller) {
        return CustomerId::new(&format!("tel:{number}")).ok();
    }
    let withheld = caller.is_empty()
        || caller.eq_ignore_ascii_case("anonymous")
        || caller.eq_ignore_ascii_case("unknown");
    if withheld {
        None
    } else {
        CustomerId::new(&format!("sip:{caller}")).ok()
    }
}

/// 32 random bytes of this deployment, read from a file that is made at the first start.
pub fn secret_file(path: &Path) -> Result<[u8; 32], StartError> {
    match std::fs::read(path) {
        Ok(bytes) => bytes.try_into().map_err(|_| {
            file(
                path,
                std::io::Error::other(
                    "expected 32 bytes; restore the file, or remove it to have a new one made",
                ),
            )
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret)
                .map_err(|error| file(path, std::io::Error::other(error.to_string())))?;
            write_secret(path, &secret).map_err(|error| file(path, error))?;
            Ok(secret)
        }
        Err(error) => Err(file(path, error)),
    }
}

/// Writes a file that is readable by the owner only.
pub fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn file(path: &Path, error: std::io::Error) -> StartError {
    StartError::File {
        path: path.to_owned(),
        error,
    }
}
