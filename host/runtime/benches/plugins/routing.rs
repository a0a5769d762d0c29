//! One table: the same routing rule decided by whatever could decide it.

use std::{hint::black_box, sync::Arc, time::Duration};

use jackfield_contact::decision::{Answer, Question};
use jackfield_sandbox::{Sandbox, SandboxOptions};

use crate::{
    env_of, quantile,
    quickjs::QuickJs,
    report,
    reused::Reused,
    rule::{native, queue},
    turn,
    webhook::{Bare, Webhook},
};

/// One of them has its turn so often, and so long.
const TURNS: usize = 101;
const TURN: Duration = Duration::from_millis(4);
/// How many times dearer than a fresh instance the others should be at least.
const DEARER: &str = ">= 20";

pub(crate) fn measure(wasm: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(SandboxOptions::new(dir.path().to_owned(), [1; 32])).unwrap();
    let plugin = sandbox.load(wasm).unwrap();
    let webhook = Webhook::start().unwrap();
    let mut bare = Bare::start().unwrap();
    let quickjs = QuickJs::start().unwrap();
    for (name, work, agents, goal) in [
        ("routing-10-agents", 1, 10, "<= 8000"),
        ("routing-100x100", 100, 100, "<= 60000"),
    ] {
        let question = queue(work, agents);
        let shared = Arc::new(Question::Routing(Box::new(question.clone())));
        let env = env_of("{}");
        let mut reused = Reused::start(wasm, &question);

        let expected = native(&question);
        assert_eq!(expected.assignments.len(), work as usize);
        let fresh = plugin.decide(shared.clone(), env.clone());
        assert_eq!(fresh.result.unwrap(), Answer::Routing(expected.clone()));
        assert_eq!(reused.ask(), work as usize);
        assert_eq!(webhook.ask(&question).unwrap(), expected);
        assert_eq!(bare.ask(&question).unwrap(), expected);
        assert_eq!(quickjs.fresh(&question).unwrap(), expected);
        assert_eq!(quickjs.reused(&question).unwrap(), expected);

        let mut figures = [const { Vec::new() }; 7];
        for _ in 0..TURNS {
            figures[0].push(turn(TURN, || _ = black_box(native(&question))));
            figures[1].push(turn(TURN, || _ = black_box(reused.ask())));
            figures[2].push(turn(TURN, || {
                _ = black_box(plugin.decide(shared.clone(), env.clone()));
            }));
            figures[3].push(turn(TURN, || _ = black_box(quickjs.reused(&question).unwrap())));
            figures[4].push(turn(TURN, || _ = black_box(quickjs.fresh(&question).unwrap())));
            figures[5].push(turn(TURN, || _ = black_box(webhook.ask(&question).unwrap())));
            figures[6].push(turn(TURN, || _ = black_box(bare.ask(&question).unwrap())));
        }
        let best = quantile(&mut figures[2].clone(), 0.1);
        let [native, reused, fresh, js_reused, js_fresh, webhook, bare] =
            figures.map(|mut turns| quantile(&mut turns, 0.5));
        report(&format!("{name}/native"), native, "ns", None);
        report(&format!("{name}/reused-instance"), reused, "ns", None);
        report(&format!("{name}/fresh-instance"), fresh, "ns", Some(goal));
        report(&format!("{name}/fresh-instance-best-tenth"), best, "ns", None);
        report(&format!("{name}/quickjs-reused-context"), js_reused, "ns", None);
        report(&format!("{name}/quickjs-fresh-context"), js_fresh, "ns", None);
        report(&format!("{name}/webhook"), webhook, "ns", None);
        report(&format!("{name}/webhook-bare-sockets"), bare, "ns", None);
        let goal = (work == 1).then_some(DEARER);
        let times = |name: String, dear: f64| report(&name, dear / fresh, "times", goal);
        times(format!("{name}/webhook-over-fresh"), webhook);
        report(
            &format!("{name}/bare-webhook-over-fresh"),
            bare / fresh,
            "times",
            None,
        );
        times(format!("{name}/quickjs-fresh-over-fresh"), js_fresh);
        report(
            &format!("{name}/fresh-over-native"),
            fresh / native,
            "times",
            None,
        );
    }
}
