//! The demo tenant: two numbers, two queues, three agents, every bundled plugin bound. A start that was interrupted is
//! made up for: the next one makes what is not there. Once all has been made, the tenant is its users': what they have
//! changed stays as it is, and what they have removed is gone. The administrator is made last, and tells that all was.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jackfield_contact::config::{AgentConfig, ChatEntryConfig, NumberConfig, QueueConfig};
use jackfield_contact::input::{Input, WantedState};
use jackfield_registry::BindRequest;
use jackfield_runtime::{Platform, Tenant, TenantRecord, UserRecord};
use jackfield_types::{
    Actor, AgentId, Channel, ChatEntryId, E164, ExtensionPoint, OpContext, PluginId, PluginKind, QueueId,
    Role, SkillId, TenantId, Timestamp, TraceId, UserId,
};
use serde_json::json;

/// Larger components bring the run time of a language along, and compiling it would delay the start by seconds: whoever
/// wants them uploads them.
const LARGEST_BYTES: u64 = 1024 * 1024;

/// A number of the demo tenant.
pub(crate) struct DemoNumber {
    pub(crate) number: &'static str,
    pub(crate) language: &'static str,
    name: &'static str,
}

/// The numbers of the demo tenant; the British one is out of Ofcom's range for drama.
pub(crate) static NUMBERS: [DemoNumber; 2] = [
    DemoNumber {
        number: "+861055550100",
        language: "zh-CN",
        name: "客户服务",
    },
    DemoNumber {
        number: "+442079460100",
        language: "en",
        name: "Customer service",
    },
];

/// Id, name, language.
pub(crate) const CHAT_ENTRIES: [(&str, &str, &str); 2] =
    [("web", "Support", "en"), ("web-zh", "在线客服", "zh-CN")];

/// Id, name, level of English, level of Chinese.
const AGENTS: [(&str, &str, u8, u8); 3] = [
    ("anna", "Anna Weber", 9, 3),
    ("bo", "王博", 4, 10),
    ("chen", "陈晨", 7, 7),
];

/// How long things take in the demo tenant.
pub(crate) struct Timing {
    pub(crate) offer_timeout_ms: u64,
    pub(crate) wrap_up_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            offer_timeout_ms: 15_000,
            wrap_up_ms: 15_000,
        }
    }
}

/// The demo tenant, ready to be called, with what is there still of what was made.
pub(crate) struct Demo {
    pub(crate) tenant: Tenant,
    /// SIP user and first password of each agent's phone.
    pub(crate) phones: Vec<(String, String)>,
    pub(crate) numbers: Vec<&'static DemoNumber>,
    /// Id, name, language.
    pub(crate) chat_entries: Vec<(&'static str, &'static str, &'static str)>,
    /// The administrator's key, when it was made just now.
    key: Option<String>,
}

impl Demo {
    /// Whether it was made, or made whole, just now.
    pub(crate) fn is_new(&self) -> bool {
        self.key.is_some()
    }

    /// Writes the administrator's key beside the operator's, readable by the owner only.
    pub(crate) fn write_key(&self, data: &Path) -> anyhow::Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let path = data.join("demo-admin.key");
        jackfield_runtime::write_secret(&path, format!("{key}\n").as_bytes())
            .with_context(|| path.display().to_string())
    }
}

/// Where the built plugins lie: as told, else beside the binary.
pub(crate) fn plugins_dir(told: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(told) = told {
        return Ok(told.to_owned());
    }
    let binary = std::env::current_exe()?;
    let beside = binary
        .ancestors()
        .skip(1)
        .take(3)
        .map(|folder| folder.join("plugins"));
    match beside.into_iter().find(|folder| folder.is_dir()) {
        Some(folder) => Ok(folder),
        None => bail!(
            "no built plugins beside {}: run `cargo xtask plugins`, or name their folder with --plugins",
            binary.display()
        ),
    }
}

/// Makes the demo tenant, or what is missing of it.
pub(crate) async fn demo_tenant(platform: &Platform, plugins: &Path, timing: Timing) -> anyhow::Result<Demo> {
    let now = now();
    let id = TenantId::new("demo")?;
    let tenant = match platform.tenant(&id) {
        Some(tenant) => tenant,
        None => {
            platform
                .create_tenant(TenantRecord {
                    id: id.clone(),
                    name: "Demo".into(),
                    created_at: now,
                })
                .await?
        }
    };
    let ctx = OpContext {
        tenant: id,
        actor: Actor::System("demo".into()),
        roles: vec![Role::Admin],
        trace: TraceId::default(),
        deadline: None,
    };
    upload_bundled(platform, &ctx, plugins, now).await?;
    let key = if platform.accounts().user(&ctx, &admin()?).await?.is_some() {
        None
    } else {
        make_missing(platform, &ctx, &tenant, timing, now).await?;
        Some(make_admin(platform, &ctx, now).await?)
    };
    let there = There::of(&tenant).await?;
    let mut phones = Vec::new();
    for (id, ..) in AGENTS {
        let id = AgentId::new(id)?;
        if there.agents.contains(&id) {
            phones.push((jackfield_voice::phone_user(&ctx.tenant, &id), first_password(&id)));
        }
    }
    let numbers = NUMBERS.iter().filter(|told| there.has_number(told.number));
    let entries = CHAT_ENTRIES
        .into_iter()
        .filter(|(entry, ..)| there.has_entry(entry));
    Ok(Demo {
        phones,
        numbers: numbers.collect(),
        chat_entries: entries.collect(),
        tenant,
        key,
    })
}

/// What the tenant has of the kinds of things that are made.
struct There {
    queues: BTreeSet<QueueId>,
    numbers: BTreeSet<E164>,
    chat_entries: BTreeSet<ChatEntryId>,
    agents: BTreeSet<AgentId>,
}

impl There {
    async fn of(tenant: &Tenant) -> anyhow::Result<Self> {
        let seen = tenant.read(|centre| Self {
            queues: centre.queues().map(|queue| queue.config.id.clone()).collect(),
            numbers: centre.numbers().map(|number| number.number.clone()).collect(),
            chat_entries: centre.chat_entries().map(|entry| entry.id.clone()).collect(),
            agents: centre.agents().map(|agent| agent.config.id.clone()).collect(),
        });
        Ok(seen.await?)
    }

    fn has_number(&self, number: &str) -> bool {
        self.numbers.iter().any(|there| there.as_str() == number)
    }

    fn has_entry(&self, entry: &str) -> bool {
        self.chat_entries.iter().any(|there| there.as_str() == entry)
    }
}

async fn make_missing(
    platform: &Platform,
    ctx: &OpContext,
    tenant: &Tenant,
    timing: Timing,
    now: Timestamp,
) -> anyhow::Result<()> {
    let there = There::of(tenant).await?;
    let queues = [QueueId::new("sales")?, QueueId::new("support")?];
    for (queue, name) in queues.iter().zip(["Sales · 销售", "Support · 支持"]) {
        let config = QueueConfig {
            offer_timeout_ms: timing.offer_timeout_ms,
            wrap_up_ms: timing.wrap_up_ms,
            ..QueueConfig::new(queue.clone(), name)
        };
        if !there.queues.contains(queue) {
            tenant.submit(Input::SetQueue(config)).await?;
        }
    }
    // Before there is anything to call: who calls meanwhile would find nothing bound.
    bind_bundled(platform, ctx, tenant, &queues, now).await?;
    for number in NUMBERS.iter().filter(|told| !there.has_number(told.number)) {
        tenant
            .submit(Input::SetNumber(NumberConfig {
                number: E164::new(number.number)?,
                name: number.name.into(),
                language: number.language.into(),
                default_queue: queues[1].clone(),
            }))
            .await?;
    }
    for (entry, name, language) in CHAT_ENTRIES {
        let config = ChatEntryConfig {
            language: language.into(),
            ..ChatEntryConfig::new(ChatEntryId::new(entry)?, name, queues[1].clone())
        };
        if !there.has_entry(entry) {
            tenant.submit(Input::SetChatEntry(config)).await?;
        }
    }
    for (id, name, english, chinese) in AGENTS {
        let id = AgentId::new(id)?;
        let config = AgentConfig {
            id: id.clone(),
            name: name.into(),
            skills: [(SkillId::new("en")?, english), (SkillId::new("zh")?, chinese)].into(),
            queues: queues.iter().cloned().collect(),
            capacity: [
                (Channel::Voice, 1),
                (Channel::Chat, 3),
                (Channel::Sms, 3),
                (Channel::Email, 5),
                (Channel::Social, 3),
            ]
            .into(),
            blended: true,
        };
        if !there.agents.contains(&id) {
            tenant.submit(Input::SetAgent(config)).await?;
        }
        // These two may have been missed by the start that made the agent.
        tenant.set_phone_secret(ctx, &id, &first_password(&id)).await?;
        tenant
            .submit(Input::RequestState {
                agent: id,
                wanted: WantedState::Available,
            })
            .await?;
    }
    Ok(())
}

fn first_password(agent: &AgentId) -> String {
    format!("demo-{agent}-phone")
}

/// Takes in the bundled plugins; a later Jackfield may bring newer ones.
async fn upload_bundled(
    platform: &Platform,
    ctx: &OpContext,
    plugins: &Path,
    now: Timestamp,
) -> anyhow::Result<()> {
    let registry = platform.registry();
    let entries = std::fs::read_dir(plugins).with_context(|| format!("plugins in {}", plugins.display()))?;
    let mut components: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    components.retain(|path| {
        let small = path.metadata().is_ok_and(|file| file.len() <= LARGEST_BYTES);
        small && path.extension().is_some_and(|ending| ending == "wasm")
    });
    components.sort();
    for path in &components {
        let wasm = std::fs::read(path).with_context(|| path.display().to_string())?;
        registry
            .upload(ctx, wasm, None, now)
            .await
            .with_context(|| path.display().to_string())?;
    }
    Ok(())
}

async fn bind_bundled(
    platform: &Platform,
    ctx: &OpContext,
    tenant: &Tenant,
    queues: &[QueueId],
    now: Timestamp,
) -> anyhow::Result<()> {
    let registry = platform.registry();
    let bound: Vec<_> = registry
        .bindings(ctx)
        .await?
        .into_iter()
        .map(|binding| binding.point)
        .collect();
    let mut wanted = vec![
        (
            ExtensionPoint::Tenant(PluginKind::OutboundRule),
            "quiet-hours",
            json!({}),
        ),
        (
            ExtensionPoint::Tenant(PluginKind::TagGenerator),
            "rfm-mood-tags",
            json!({}),
        ),
        (
            ExtensionPoint::Tenant(PluginKind::QaScorecard),
            "etiquette-scorecard",
            json!({}),
        ),
    ];
    for number in &NUMBERS {
        wanted.push((
            ExtensionPoint::Number(E164::new(number.number)?),
            "ivr-menu",
            json!({ "language-skill": true }),
        ));
    }
    for (entry, ..) in CHAT_ENTRIES {
        let point = ExtensionPoint::Chat(ChatEntryId::new(entry)?);
        wanted.push((point, "chat-menu", json!({})));
    }
    for queue in queues {
        wanted.push((ExtensionPoint::Queue(queue.clone()), "skills-routing", json!({})));
    }
    for (point, plugin, config) in wanted {
        // What an administrator has swapped stays swapped.
        if !bound.contains(&point) {
            let request = BindRequest {
                point: point.clone(),
                plugin: PluginId::new(plugin)?,
                version: None,
                config,
                why: None,
                record_percent: None,
            };
            registry
                .bind(ctx, request, now)
                .await
                .with_context(|| format!("{plugin} at {point}; run `cargo xtask plugins` first"))?;
            tenant.submit(Input::BindingChanged(point)).await?;
        }
    }
    Ok(())
}

fn admin() -> anyhow::Result<UserId> {
    Ok(UserId::new("admin")?)
}

/// Makes the administrator, and gives the key.
async fn make_admin(platform: &Platform, ctx: &OpContext, now: Timestamp) -> anyhow::Result<String> {
    let accounts = platform.accounts();
    let id = admin()?;
    let user = UserRecord {
        id: id.clone(),
        name: "Demo administrator".into(),
        roles: vec![Role::Admin],
        created_at: now,
    };
    accounts.create_user(ctx, user).await?;
    let key = accounts
        .create_key(ctx, &id, "made with the demo tenant", now)
        .await?;
    Ok(key.secret)
}

pub(crate) fn now() -> Timestamp {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(since_epoch.as_millis() as u64)
}
