//! The rule of the conformance suite, in Rust, and what can go wrong in it.

use std::cmp::Reverse;

use jackfield_plugin::{
    host,
    routing_strategy::{Assignment, Error, Plan, RoutingStrategy, Snapshot},
};
use serde::Deserialize;

struct Rule;

/// How the suite wants it to fail; the rule when it is empty.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    fail: String,
}

#[inline(never)]
fn inner(numbers: &[u32]) -> u32 {
    numbers[numbers.len()]
}

impl RoutingStrategy for Rule {
    type Config = Config;

    fn assign(config: &Config, snapshot: &Snapshot) -> Result<Plan, Error> {
        match config.fail.as_str() {
            "error" => {
                return Err(Error {
                    code: "busy".into(),
                    message: "ask again".into(),
                    retryable: true,
                });
            }
            "exception" => {
                let zero = inner(&[1]);
                return Err(Error {
                    code: zero.to_string(),
                    message: String::new(),
                    retryable: false,
                });
            }
            "text" => {
                return Err(Error {
                    code: "half".into(),
                    // A text of Rust cannot be anything but UTF-8.
                    message: String::from_utf8_lossy(&[0xed, 0xa0, 0x80]).into_owned(),
                    retryable: false,
                });
            }
            "log" => host::log(host::Level::Info, "line"),
            _ => {}
        }
        let mut order: Vec<u32> = (0..).take(snapshot.work.len()).collect();
        order.sort_by_key(|&work| Reverse(snapshot.work[work as usize].priority));
        let mut room: Vec<u16> = snapshot
            .agents
            .iter()
            .map(|agent| agent.capacity.saturating_sub(agent.load))
            .collect();
        let mut assignments = Vec::new();
        for work in order {
            let needs = snapshot.work[work as usize].needs;
            let mut agents = snapshot.agents.iter().zip(&mut room).zip(0..);
            let found = agents.find(|((agent, room), _)| **room > 0 && agent.skills & needs == needs);
            let Some(((_, room), agent)) = found else {
                continue;
            };
            *room -= 1;
            assignments.push(Assignment { work, agent });
        }
        Ok(Plan {
            assignments,
            ..Plan::default()
        })
    }
}

jackfield_plugin::routing_strategy::register!(Rule);
