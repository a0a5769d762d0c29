//! One instance that answers again and again. The sandbox offers no such thing, since one decision could then leave
//! something behind for the next; so this is wasmtime itself with the sandbox's settings, to show what freshness costs.

use jackfield_contact::decision::RoutingQuestion;
use wasmtime::{
    Config, Engine, Store,
    component::{Component, HasSelf, Linker},
};

mod bindings {
    #![allow(clippy::all, unreachable_pub)]
    wasmtime::component::bindgen!({
        path: ["../../wit/types", "../../wit/host", "../../wit/scoring", "../../wit/routing-strategy"],
        world: "cx:routing-strategy/routing-strategy",
    });
}

use bindings::{
    RoutingStrategy,
    cx::{
        host::{clock, config, key_value, log},
        routing_strategy::details,
        scoring::outcomes::{self, Measure},
        types::types::{self, Error},
    },
};

/// The SDK's allocator never gives memory back, so an instance is worn out some time.
const CALLS: u32 = 1_000;
const FUEL: u64 = 10_000_000;

struct State(RoutingQuestion);

pub(crate) struct Reused {
    component: Component,
    linker: Linker<State>,
    engine: Engine,
    question: RoutingQuestion,
    live: Option<(Store<State>, RoutingStrategy)>,
    calls: u32,
}

impl Reused {
    pub(crate) fn start(wasm: &[u8], question: &RoutingQuestion) -> Self {
        let mut config = Config::new();
        config
            .consume_fuel(true)
            .epoch_interruption(true)
            .concurrency_support(false)
            .cranelift_nan_canonicalization(true);
        let engine = Engine::new(&config).unwrap();
        let mut linker = Linker::new(&engine);
        RoutingStrategy::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).unwrap();
        Self {
            component: Component::new(&engine, wasm).unwrap(),
            linker,
            engine,
            question: question.clone(),
            live: None,
            calls: 0,
        }
    }

    /// How many pieces of work were assigned. The border is crossed with what the sandbox crosses it with.
    pub(crate) fn ask(&mut self) -> usize {
        if self.calls.is_multiple_of(CALLS) {
            let mut store = Store::new(&self.engine, State(self.question.clone()));
            store.set_fuel(FUEL).unwrap();
            store.set_epoch_deadline(u64::MAX / 2);
            let instance = RoutingStrategy::instantiate(&mut store, &self.component, &self.linker).unwrap();
            self.live = Some((store, instance));
        }
        self.calls += 1;
        let (store, instance) = self.live.as_mut().unwrap();
        store.set_fuel(FUEL).unwrap();
        let snapshot = snapshot(&self.question);
        let strategy = instance.cx_routing_strategy_strategy();
        let plan = strategy.call_assign(store, &snapshot).unwrap().unwrap();
        plan.assignments.len()
    }
}

fn snapshot(question: &RoutingQuestion) -> bindings::exports::cx::routing_strategy::strategy::Snapshot {
    use bindings::cx::routing_strategy::types::{Agent, Snapshot, Work};
    Snapshot {
        work: question
            .work
            .iter()
            .map(|work| Work {
                needs: work.needs,
                waiting: work.waiting_ms as u32,
                priority: work.priority,
                last_agent: work.last_agent,
            })
            .collect(),
        agents: question
            .agents
            .iter()
            .map(|agent| Agent {
                skills: agent.skills,
                idle: agent.idle_ms as u32,
                load: agent.load,
                capacity: agent.capacity,
            })
            .collect(),
    }
}

impl types::Host for State {}
impl bindings::cx::routing_strategy::types::Host for State {}

impl config::Host for State {
    fn get(&mut self) -> String {
        "{}".to_owned()
    }

    fn size(&mut self) -> u32 {
        2
    }

    fn word(&mut self, _: u32) -> u64 {
        u64::from_le_bytes(*b"{}\0\0\0\0\0\0")
    }
}

impl clock::Host for State {
    fn now(&mut self) -> u64 {
        crate::NOW.0
    }
}

impl log::Host for State {
    fn write(&mut self, _: log::Level, _: String) {}

    fn append(&mut self, _: u64) {}

    fn end(&mut self, _: log::Level) {}
}

impl key_value::Host for State {
    fn get(&mut self, _: String) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    fn set(&mut self, _: String, _: Vec<u8>) -> Result<(), Error> {
        Ok(())
    }

    fn delete(&mut self, _: String) -> Result<(), Error> {
        Ok(())
    }
}

impl outcomes::Host for State {
    fn known(&mut self) -> bool {
        false
    }

    fn reason(&mut self, _work: u32) -> u32 {
        0
    }

    fn count(&mut self, _agent: u32, _reason: u32, _by: Measure) -> u32 {
        0
    }

    fn total(&mut self, _agent: u32, _reason: u32, _by: Measure) -> u32 {
        0
    }
}

impl details::Host for State {
    fn queue(&mut self) -> String {
        self.0.queue.to_string()
    }

    fn skills(&mut self) -> Vec<String> {
        self.0.skills.iter().map(ToString::to_string).collect()
    }

    fn needs(&mut self, work: u32) -> Result<Vec<details::Need>, Error> {
        let levels = &self.0.work[work as usize].levels;
        Ok(levels
            .iter()
            .map(|&(skill, level)| details::Need { skill, level })
            .collect())
    }

    fn levels(&mut self, agent: u32) -> Result<Vec<u8>, Error> {
        Ok(self.0.agents[agent as usize].levels.clone())
    }

    fn needed_level(&mut self, work: u32, skill: u8) -> u8 {
        let mut levels = self.0.work[work as usize].levels.iter();
        levels.find(|(asked, _)| *asked == skill).map_or(0, |need| need.1)
    }

    fn level(&mut self, agent: u32, skill: u8) -> u8 {
        self.0.agents[agent as usize].levels[usize::from(skill)]
    }

    fn agent_id(&mut self, agent: u32) -> Result<String, Error> {
        Ok(self.0.agents[agent as usize].agent.to_string())
    }

    fn work(&mut self, work: u32) -> Result<details::WorkDetails, Error> {
        Ok(details::WorkDetails {
            id: self.0.work[work as usize].interaction.to_string(),
            channel: types::Channel::Voice,
            attributes: vec![],
            tags: vec![],
        })
    }
}
