//! Where a decision's fuel goes.
//!
//! Fuel is deterministic: a decision that gets less of it is the same decision up to where it runs out, and the trap
//! tells the functions it was in. So the same question is asked again with rising budgets, and each trap is a sample.
//! No code is instrumented, and the same plugin on the same question has the same profile on every machine. The engine
//! looks at the fuel where functions and rounds of loops begin, so a sample is counted at the next such place.

use std::{collections::BTreeMap, sync::Arc};

use jackfield_contact::decision::{Failure, Question};
use wasmtime::{Store, WasmBacktrace};

use crate::{
    Ceilings, Env, Plugin,
    fault::{Fault, bounded, failure},
    plugin::PATIENCE,
    state::State,
};

/// Where the fuel of one decision went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FuelProfile {
    /// Fuel of the whole decision.
    pub fuel: u64,
    /// Fuel by call stack, outermost function first.
    pub stacks: BTreeMap<Vec<String>, u64>,
}

impl Plugin {
    /// Finds out where a decision's fuel goes, by at most `samples` decisions on the calling thread.
    ///
    /// # Errors
    /// Why the plugin gives no answer to this question: such a decision has no profile.
    pub fn fuel_profile(
        &self,
        question: &Arc<Question>,
        env: &Env,
        samples: u32,
    ) -> Result<FuelProfile, Failure> {
        let whole = self.decide(question.clone(), env.clone());
        whole.result?;
        let fuel = whole.receipt.fuel;
        let samples = u64::from(samples.max(1)).min(fuel);
        let mut stacks = BTreeMap::new();
        for n in 0..samples {
            // The middle of each of `samples` equal parts.
            let until = (fuel * (2 * n + 1)) / (2 * samples);
            let part = fuel * (n + 1) / samples - fuel * n / samples;
            *stacks.entry(self.stack_at(until, question, env)?).or_default() += part;
        }
        Ok(FuelProfile { fuel, stacks })
    }

    /// The functions in which a decision runs out of so much fuel; none when it does not.
    fn stack_at(&self, fuel: u64, question: &Arc<Question>, env: &Env) -> Result<Vec<String>, Failure> {
        let plugin = &*self.0;
        let Some(_place) = plugin.sandbox.0.places.take(PATIENCE) else {
            return Err(failure("overloaded", "no place in the plugin pool"));
        };
        let ceilings = Ceilings {
            fuel,
            ..plugin.ceilings.lowered(env.budget)
        };
        let grants = env.grants.and(plugin.requires);
        let state = State::new(
            plugin.digest,
            question.clone(),
            Env {
                grants,
                reads: self.projected(env.reads.clone()),
                ..env.clone()
            },
            &ceilings,
        );
        let mut store = Store::new(&plugin.sandbox.0.engine, state);
        let stopped = plugin.run(&mut store, &mut None, question, &ceilings);
        Ok(match &stopped {
            Err(Fault::Start(error) | Fault::Engine(error)) => error
                .downcast_ref::<WasmBacktrace>()
                .map_or_else(Vec::new, functions),
            Err(Fault::Plugin(_) | Fault::Rule(_)) | Ok(_) => Vec::new(),
        })
    }
}

/// Names, outermost first. They are the plugin's: of any length.
fn functions(trace: &WasmBacktrace) -> Vec<String> {
    let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
        Some(name) => bounded(format_args!("{:#}", rustc_demangle::demangle(name))),
        None => format!("function {}", frame.func_index()),
    };
    trace.frames().iter().rev().map(name).collect()
}
