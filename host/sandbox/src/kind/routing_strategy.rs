use jackfield_contact::decision::{Assignment, Failure, Plan, RoutingQuestion};
use jackfield_types::{
    Timestamp,
    limits::{MAX_SNAPSHOT_AGENTS, MAX_SNAPSHOT_WORK},
};
use wasmtime::{Store, component::Instance};

use crate::{
    answer::invalid,
    bindings::{cx::routing_strategy::types as wit, exports::cx::routing_strategy::strategy::GuestIndices},
    fault::{Fault, failure},
    state::State,
};

pub(super) fn ask(
    guest: &GuestIndices,
    store: &mut Store<State>,
    instance: &Instance,
    question: &RoutingQuestion,
) -> Result<Plan, Fault> {
    let snapshot = snapshot(question)?;
    let plan = guest
        .load(&mut *store, instance)?
        .call_assign(store, &snapshot)??;
    Ok(checked(plan, question)?)
}

fn snapshot(question: &RoutingQuestion) -> Result<wit::Snapshot, Failure> {
    let (work, agents) = (question.work.len(), question.agents.len());
    if work > MAX_SNAPSHOT_WORK || agents > MAX_SNAPSHOT_AGENTS {
        let message = format_args!(
            "the question has {work} pieces of work and {agents} agents: \
             expected at most {MAX_SNAPSHOT_WORK} and {MAX_SNAPSHOT_AGENTS}"
        );
        return Err(failure("oversize", message));
    }
    let millis = |ms: u64| u32::try_from(ms).unwrap_or(u32::MAX);
    Ok(wit::Snapshot {
        work: question
            .work
            .iter()
            .map(|work| wit::Work {
                needs: work.needs,
                waiting: millis(work.waiting_ms),
                priority: work.priority,
                last_agent: work.last_agent,
            })
            .collect(),
        agents: question
            .agents
            .iter()
            .map(|agent| wit::Agent {
                skills: agent.skills,
                idle: millis(agent.idle_ms),
                load: agent.load,
                capacity: agent.capacity,
            })
            .collect(),
    })
}

fn checked(plan: wit::Plan, question: &RoutingQuestion) -> Result<Plan, Failure> {
    let (work, agents) = (question.work.len(), question.agents.len());
    // Each piece of work is named at most once, so longer lists cannot be valid; said before walking them.
    for (field, len) in [
        ("assignments", plan.assignments.len()),
        ("overflows", plan.overflows.len()),
    ] {
        if len > work {
            return Err(invalid(
                field,
                format_args!("{len} entries"),
                format_args!("at most {work}, one for each work"),
            ));
        }
    }
    let mut taken = [false; MAX_SNAPSHOT_WORK];
    let mut offers = [0u16; MAX_SNAPSHOT_AGENTS];
    let mut take = |field: &str, n: usize, index: u32| match taken[..work].get_mut(index as usize) {
        None => Err(invalid(
            format_args!("{field}[{n}]"),
            format_args!("work {index}"),
            format_args!("below {work}"),
        )),
        Some(true) => Err(invalid(
            format_args!("{field}[{n}]"),
            format_args!("work {index} again"),
            "each work at most once",
        )),
        Some(free) => {
            *free = true;
            Ok(())
        }
    };
    for (n, pair) in plan.assignments.iter().enumerate() {
        take("assignments", n, pair.work)?;
        let Some(agent) = question.agents.get(pair.agent as usize) else {
            let found = format_args!("agent {}", pair.agent);
            return Err(invalid(
                format_args!("assignments[{n}]"),
                found,
                format_args!("below {agents}"),
            ));
        };
        let offers = &mut offers[pair.agent as usize];
        *offers += 1;
        let room = agent.capacity.saturating_sub(agent.load);
        if *offers > room {
            let found = format_args!("agent {} for the {offers}. time", pair.agent);
            return Err(invalid(
                format_args!("assignments[{n}]"),
                found,
                format_args!("at most {room} times"),
            ));
        }
    }
    for (n, &index) in plan.overflows.iter().enumerate() {
        take("overflows", n, index)?;
    }
    Ok(Plan {
        assignments: plan
            .assignments
            .iter()
            .map(|pair| Assignment {
                work: pair.work,
                agent: pair.agent,
            })
            .collect(),
        overflows: plan.overflows,
        look_again_at: plan.look_again_at.map(Timestamp),
    })
}
