//! A voice side with one tenant, and the part of the core that orders.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use jackfield_contact::leg::{ActionId, Cause, LegCommand, LegEvent};
use jackfield_types::{AgentId, LegId, TenantId};
use jackfield_voice::{
    Directory, Ha1, Voice, VoiceEvent, VoiceOptions, VoiceStats,
    softphone::{Softphone, SoftphoneOptions, Transport},
};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};

/// The number of the tenant `demo`.
pub(crate) const NUMBER: &str = "1000";
/// The password of every phone.
pub(crate) const PASSWORD: &str = "geheim";
/// How long anything may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Numbers {
    pub(crate) takes_calls: AtomicBool,
}

impl Directory for Numbers {
    fn tenant_of_number(&self, dialled: &str) -> Option<TenantId> {
        (dialled == NUMBER).then(demo)
    }
    fn phone_secret(&self, tenant: &TenantId, agent: &AgentId) -> Option<Ha1> {
        (*tenant == demo()).then(|| Ha1::new(tenant, agent, PASSWORD))
    }
    fn may_take_call(&self, _: &TenantId) -> bool {
        self.takes_calls.load(Ordering::Relaxed)
    }
}

pub(crate) fn demo() -> TenantId {
    TenantId::new("demo").unwrap()
}

pub(crate) fn agent(name: &str) -> AgentId {
    AgentId::new(name).unwrap()
}

pub(crate) struct House {
    pub(crate) voice: Voice,
    pub(crate) numbers: Arc<Numbers>,
    _dir: TempDir,
    events: mpsc::Receiver<VoiceEvent>,
    /// Events that were passed over while another was waited for.
    passed: Vec<VoiceEvent>,
    actions: AtomicU32,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut VoiceOptions)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = VoiceOptions::loopback(dir.path(), [7; 32]);
        change(&mut options);
        let numbers = Arc::new(Numbers {
            takes_calls: AtomicBool::new(true),
        });
        let (send, events) = mpsc::channel(1_024);
        let voice = Voice::start(options, numbers.clone(), send).await.unwrap();
        Self {
            voice,
            numbers,
            _dir: dir,
            events,
            passed: Vec::new(),
            actions: AtomicU32::new(0),
        }
    }

    /// Orders, each time with a new action.
    pub(crate) fn order(&self, leg: LegId, command: LegCommand) {
        self.voice.command(
            &demo(),
            leg,
            self.actions.fetch_add(1, Ordering::Relaxed),
            command,
        );
    }

    /// The order given last.
    pub(crate) fn last_action(&self) -> ActionId {
        self.actions.load(Ordering::Relaxed) - 1
    }

    /// Waits for the event that the function makes something of.
    pub(crate) async fn event<T>(&mut self, what: &str, mut pick: impl FnMut(&VoiceEvent) -> Option<T>) -> T {
        if let Some((n, found)) = self
            .passed
            .iter()
            .enumerate()
            .find_map(|(n, e)| pick(e).map(|found| (n, found)))
        {
            self.passed.remove(n);
            return found;
        }
        let found = timeout(LIMIT, async {
            loop {
                let event = self.events.recv().await.expect("voice is alive");
                match pick(&event) {
                    Some(found) => return found,
                    None => self.passed.push(event),
                }
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("{what} did not come; instead: {:#?}", self.passed),
        }
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> VoiceEvent {
        self.events.recv().await.expect("voice is alive")
    }

    /// The next event, if there is one.
    pub(crate) fn next_now(&mut self) -> Option<VoiceEvent> {
        self.events.try_recv().ok()
    }

    /// Events that nobody waited for.
    pub(crate) fn passed(&self) -> &[VoiceEvent] {
        &self.passed
    }

    /// The next call that comes in.
    pub(crate) async fn incoming(&mut self) -> LegId {
        self.event("an incoming call", |event| match event {
            VoiceEvent::Incoming { leg, .. } => Some(*leg),
            _ => None,
        })
        .await
    }

    /// Waits for an event of a leg.
    pub(crate) async fn leg(&mut self, leg: LegId, wanted: LegEvent) {
        let what = format!("{wanted:?} of {leg}");
        self.event(&what, |event| match event {
            VoiceEvent::Leg { leg: l, event, .. } if *l == leg && *event == wanted => Some(()),
            _ => None,
        })
        .await;
    }

    /// Waits for the end of a leg.
    pub(crate) async fn ended(&mut self, leg: LegId) -> (Cause, Option<u16>) {
        self.event(&format!("the end of {leg}"), |event| match event {
            VoiceEvent::Leg {
                leg: l,
                event: LegEvent::Ended { cause, sip_status },
                ..
            } if *l == leg => Some((*cause, *sip_status)),
            _ => None,
        })
        .await
    }

    /// A customer's phone.
    pub(crate) async fn customer(&self, transport: Transport) -> Softphone {
        Softphone::start(self.phone_options("+8613800138000", transport))
            .await
            .unwrap()
    }

    /// An agent's phone, registered.
    pub(crate) async fn agent(&self, name: &str, transport: Transport) -> Softphone {
        let mut phone = Softphone::start(SoftphoneOptions {
            password: Some(PASSWORD.to_owned()),
            ..self.phone_options(&format!("{name}.demo"), transport)
        })
        .await
        .unwrap();
        phone.register(Duration::from_secs(600)).await.unwrap();
        phone
    }

    pub(crate) fn phone_options(&self, user: &str, transport: Transport) -> SoftphoneOptions {
        let server = match transport {
            Transport::Udp => self.voice.sip_udp(),
            Transport::Tcp => self.voice.sip_tcp().unwrap(),
        };
        SoftphoneOptions {
            transport,
            ..SoftphoneOptions::loopback(server, user)
        }
    }

    /// Waits until nothing is left of any call, which shows that none leaks.
    pub(crate) async fn is_empty(&self) {
        self.until(|stats| stats.legs + stats.dialogs + stats.media.legs == 0)
            .await;
    }

    /// Ends what still comes in until no leg is left. Peers who never answer a BYE keep its dialog for 32 s.
    pub(crate) async fn ends_calls(&mut self) {
        let end = async {
            loop {
                let stats = self.voice.stats();
                if stats.legs + stats.media.legs == 0 {
                    return;
                }
                while let Some(event) = self.next_now() {
                    if let VoiceEvent::Incoming { leg, .. } = event {
                        self.order(leg, hang_up(Cause::Busy));
                    }
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(LIMIT, end).await.is_err() {
            panic!("left over: {:?}", self.voice.stats());
        }
    }

    async fn until(&self, is_so: impl Fn(&VoiceStats) -> bool) {
        let wait = async {
            while !is_so(&self.voice.stats()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LIMIT, wait)
            .await
            .unwrap_or_else(|_| panic!("left over: {:?}", self.voice.stats()));
    }
}

pub(crate) fn dial(name: &str) -> LegCommand {
    LegCommand::DialAgent {
        agent: agent(name),
        caller: "+8613800138000".into(),
    }
}

/// The leg after the customer's.
pub(crate) fn second(leg: LegId) -> LegId {
    LegId {
        number: leg.number + 1,
        ..leg
    }
}

pub(crate) fn hang_up(cause: Cause) -> LegCommand {
    LegCommand::HangUp { cause }
}
