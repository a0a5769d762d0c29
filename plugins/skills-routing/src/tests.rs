use jackfield_plugin::{
    routing_strategy::{Agent, Assignment, LevelNeed, Snapshot, Work},
    testing::Host,
};

use super::SkillsRouting;

const ZH: u64 = 0b01;
const BILLING: u64 = 0b10;

fn work(needs: u64, waiting: u32) -> Work {
    Work {
        needs,
        waiting,
        ..Work::default()
    }
}

fn agent(skills: u64) -> Agent {
    Agent {
        skills,
        ..Agent::default()
    }
}

fn pairs(host: &mut Host, snapshot: Snapshot) -> Vec<(u32, u32)> {
    let plan = host.assign::<SkillsRouting>(snapshot).unwrap();
    plan.assignments
        .iter()
        .map(|&Assignment { work, agent }| (work, agent))
        .collect()
}

/// A host whose only work asks for zh at this level, with these levels of the agents in zh.
fn zh_at(level: u8, levels: &[u8]) -> Host {
    let mut host = Host::new();
    host.now = 1_000_000;
    host.needs = vec![vec![LevelNeed { skill: 0, level }]];
    host.levels = levels.iter().map(|&level| vec![level, 0]).collect();
    host
}

#[test]
fn only_agents_with_every_skill_fit_and_the_longest_idle_of_them_is_taken() {
    let mut host = zh_at(1, &[]);
    let agents = vec![agent(BILLING), agent(ZH), agent(ZH | BILLING)];
    assert_eq!(
        pairs(
            &mut host,
            Snapshot {
                work: vec![work(ZH, 0)],
                agents: agents.clone()
            }
        ),
        [(0, 1)]
    );
    host.needs[0].push(LevelNeed { skill: 1, level: 1 });
    assert_eq!(
        pairs(
            &mut host,
            Snapshot {
                work: vec![work(ZH | BILLING, 0)],
                agents
            }
        ),
        [(0, 2)]
    );
}

#[test]
fn priority_goes_before_waiting_and_capacity_is_kept() {
    let urgent = Work {
        priority: 10,
        ..Work::default()
    };
    let chat = Agent {
        load: 1,
        capacity: 3,
        ..Agent::default()
    };
    let snapshot = Snapshot {
        work: vec![work(0, 9_000), work(0, 8_000), urgent],
        agents: vec![chat],
    };
    assert_eq!(pairs(&mut Host::new(), snapshot), [(2, 0), (0, 0)]);
}

#[test]
fn levels_are_lowered_with_the_wait_and_the_next_step_is_named() {
    let ask = |waiting| {
        let snapshot = Snapshot {
            work: vec![work(ZH, waiting)],
            agents: vec![agent(ZH)],
        };
        zh_at(7, &[5]).assign::<SkillsRouting>(snapshot).unwrap()
    };
    let early = ask(10_000);
    assert!(early.assignments.is_empty());
    assert_eq!(early.look_again_at, Some(1_020_000));
    let later = ask(30_000);
    assert_eq!(later.assignments, [Assignment { work: 0, agent: 0 }]);
    assert_eq!(later.look_again_at, None);
}

#[test]
fn skills_are_ignored_only_where_the_configuration_says_so() {
    let snapshot = || Snapshot {
        work: vec![work(ZH, 300_000)],
        agents: vec![agent(BILLING)],
    };
    let plan = zh_at(1, &[0]).assign::<SkillsRouting>(snapshot()).unwrap();
    assert!(plan.assignments.is_empty());
    assert_eq!(plan.look_again_at, None);

    let mut kind =
        zh_at(1, &[0]).with_config(r#"{"relaxation": [{"after-seconds": 120, "ignore-skills": true}]}"#);
    assert_eq!(pairs(&mut kind, snapshot()), [(0, 0)]);
}

#[test]
fn the_most_skilled_is_taken_where_that_is_preferred() {
    let snapshot = Snapshot {
        work: vec![work(ZH, 0)],
        agents: vec![agent(ZH); 3],
    };
    let mut host = zh_at(2, &[3, 9, 9]).with_config(r#"{"prefer": "most-skilled"}"#);
    assert_eq!(pairs(&mut host, snapshot), [(0, 1)]);
}

#[test]
fn a_bad_configuration_names_the_field() {
    let mut host = Host::new().with_config(r#"{"relax": 1}"#);
    let error = host
        .assign::<SkillsRouting>(Snapshot {
            work: vec![],
            agents: vec![],
        })
        .unwrap_err();
    assert_eq!(error.code, "bad-config");
    assert!(error.message.contains("relax"), "{}", error.message);
}
