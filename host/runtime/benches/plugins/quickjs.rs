//! The rule in QuickJS in this process: question and plan as JSON, no limits set.

use jackfield_contact::decision::{Plan, RoutingQuestion};
use rquickjs::{Context, Function, Runtime};

const RULE: &str = include_str!("rule.js");

pub(crate) struct QuickJs {
    runtime: Runtime,
    reused: Context,
}

impl QuickJs {
    pub(crate) fn start() -> rquickjs::Result<Self> {
        let runtime = Runtime::new()?;
        let reused = Context::full(&runtime)?;
        reused.with(|ctx| ctx.eval::<(), _>(RULE))?;
        Ok(Self { runtime, reused })
    }

    /// In a context of its own, as a decision must be that leaves nothing behind for the next.
    pub(crate) fn fresh(&self, question: &RoutingQuestion) -> rquickjs::Result<Plan> {
        let context = Context::full(&self.runtime)?;
        context.with(|ctx| ctx.eval::<(), _>(RULE))?;
        ask(&context, question)
    }

    pub(crate) fn reused(&self, question: &RoutingQuestion) -> rquickjs::Result<Plan> {
        ask(&self.reused, question)
    }
}

fn ask(context: &Context, question: &RoutingQuestion) -> rquickjs::Result<Plan> {
    let question = serde_json::to_string(question).unwrap();
    let plan: String = context.with(|ctx| {
        let assign: Function<'_> = ctx.globals().get("assign")?;
        assign.call((question,))
    })?;
    Ok(serde_json::from_str(&plan).unwrap())
}
