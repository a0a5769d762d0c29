use std::collections::BTreeMap;

use jackfield_plugin::{
    routing_strategy::{Agent, Assignment, LevelNeed, Measure, Outcomes, Snapshot, Work},
    testing::Host,
};

use super::PredictiveRouting;

/// In how many of 100 conversations each agent makes each kind of customer content.
const TRUTH: [[u32; 2]; 4] = [[30, 85], [80, 40], [55, 50], [50, 60]];

/// A customer's answer, the same in every run.
struct Customers(u64);

impl Customers {
    fn is_content(&mut self, chance: u32) -> bool {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % 100) < u64::from(chance)
    }
}

fn snapshot(work: usize, agents: usize) -> Snapshot {
    Snapshot {
        work: vec![Work::default(); work],
        agents: vec![Agent::default(); agents],
    }
}

fn told(outcomes: &[(u32, u32, u32, u32)]) -> Option<BTreeMap<(u32, u32, Measure), Outcomes>> {
    let told = outcomes
        .iter()
        .map(|&(agent, reason, count, total)| ((agent, reason, Measure::Survey), Outcomes { count, total }));
    Some(told.collect())
}

fn chosen(host: &mut Host, snapshot: Snapshot) -> Vec<u32> {
    let plan = host.assign::<PredictiveRouting>(snapshot).unwrap();
    plan.assignments.iter().map(|pair| pair.agent).collect()
}

/// One call at a time while all four agents are free, and whoever took it is then the one who has been idle for least.
fn content(seed: u64, choose: impl Fn(&mut Host, u32) -> u32) -> u32 {
    let (mut host, mut customers) = (Host::new(), Customers(seed));
    host.outcomes = Some(BTreeMap::new());
    let (mut idle, mut content) = (vec![0usize, 1, 2, 3], 0);
    for call in 0..400 {
        let reason = call % 2;
        host.reasons = vec![reason];
        // The snapshot lists who has been idle longest first, so its indices are not the agents'.
        let truth = host.outcomes.take().unwrap();
        let seen = truth.iter().map(|((agent, reason, by), of)| {
            let at = idle.iter().position(|known| *known == *agent as usize).unwrap();
            ((at as u32, *reason, *by), *of)
        });
        host.outcomes = Some(seen.collect());
        let at = choose(&mut host, reason) as usize;
        host.outcomes = Some(truth);
        let agent = idle.remove(at);
        idle.push(agent);
        let is_content = customers.is_content(TRUTH[agent][reason as usize]);
        content += u32::from(is_content);
        let known = host.outcomes.as_mut().unwrap();
        let of = known.entry((agent as u32, reason, Measure::Survey)).or_default();
        of.count += 1;
        of.total += 100 * u32::from(is_content);
    }
    content
}

#[test]
fn it_beats_longest_idle() {
    let mean_of_20 =
        |choose: fn(&mut Host, u32) -> u32| (0..20).map(|seed| content(seed, choose)).sum::<u32>() / 20;
    let predicted = mean_of_20(|host, _| chosen(host, snapshot(1, 4))[0]);
    let longest_idle = mean_of_20(|_, _| 0);
    assert!(
        longest_idle < 240,
        "the mean of all is 56 of 100: {longest_idle} of 400"
    );
    assert!(
        predicted > 300,
        "the best of all is 82 of 100: {predicted} of 400"
    );
}

#[test]
fn who_is_new_to_something_is_tried_before_one_who_is_known_to_be_average() {
    let mut host = Host::new();
    host.outcomes = told(&[(0, 0, 100, 6_000), (1, 0, 100, 5_900)]);
    assert_eq!(chosen(&mut host, snapshot(1, 3)), [2]);
    // Without exploring, the mean of all does not beat the better one.
    host.config = r#"{"explore": 0}"#.to_owned();
    assert_eq!(chosen(&mut host, snapshot(1, 3)), [0]);
    // One bad outcome says little, many do.
    host.config.clear();
    host.outcomes = told(&[(0, 0, 100, 6_000), (1, 0, 1, 0), (2, 0, 30, 300)]);
    assert_eq!(chosen(&mut host, snapshot(3, 3)), [0, 1, 2]);
}

#[test]
fn what_is_learnt_of_one_thing_says_nothing_of_another() {
    let mut host = Host::new();
    host.reasons = vec![1, 0];
    host.outcomes = told(&[
        (0, 0, 50, 4_500),
        (1, 0, 50, 500),
        (0, 1, 50, 500),
        (1, 1, 50, 4_500),
    ]);
    let plan = host.assign::<PredictiveRouting>(snapshot(2, 2)).unwrap();
    assert_eq!(
        plan.assignments,
        [Assignment { work: 0, agent: 1 }, Assignment { work: 1, agent: 0 }]
    );
}

#[test]
fn the_longest_idle_decides_where_nothing_is_known_and_where_somebody_waits_too_long() {
    let mut host = Host::new();
    assert_eq!(chosen(&mut host, snapshot(2, 3)), [0, 1]);
    assert!(host.log[0].1.contains("can't be seen"));
    host.outcomes = told(&[(0, 0, 100, 5_000), (1, 0, 100, 9_900)]);
    let mut bored = snapshot(1, 2);
    assert_eq!(chosen(&mut host, bored.clone()), [1]);
    bored.agents[0].idle = 600_000;
    assert_eq!(chosen(&mut host, bored), [0]);
}

#[test]
fn levels_are_met_and_full_agents_passed_over() {
    let mut host = Host::new();
    host.outcomes = told(&[(0, 0, 100, 9_000), (1, 0, 100, 5_000), (2, 0, 100, 100)]);
    host.needs = vec![vec![LevelNeed { skill: 0, level: 5 }]];
    host.levels = vec![vec![4], vec![9], vec![9]];
    let mut asked = snapshot(1, 3);
    asked.work[0].needs = 1;
    for agent in &mut asked.agents {
        agent.skills = 1;
    }
    assert_eq!(chosen(&mut host, asked.clone()), [1]);
    asked.agents[1].load = 1;
    assert_eq!(chosen(&mut host, asked), [2]);
}
