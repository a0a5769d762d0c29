use jackfield_plugin::{
    pacing_strategy::{Activity, BusyAgent, Compliance, Measurements, Plan, Recent},
    testing::Host,
};

use super::{
    Predictive,
    forecast::{agents_soon, answer_rate, most_calls},
};

/// Ten free agents, two of five calls answered, no call abandoned of 1,000.
fn campaign() -> Measurements {
    Measurements {
        free: 10,
        lines: 100,
        callable: 1_000,
        recent: Recent {
            period: 1_800_000,
            attempts: 1_000,
            answered: 400,
            mean_ring: 10_000,
            mean_talk: 120_000,
            mean_wrap_up: 20_000,
        },
        compliance: Compliance {
            answered: 1_000,
            abandoned: 0,
            allowed: 30_000,
        },
        ..Measurements::default()
    }
}

fn pace(now: Measurements) -> Plan {
    let mut host = Host {
        now: 5_000,
        ..Host::new()
    };
    let plan = host.pace::<Predictive>(now).unwrap();
    assert_eq!(plan.look_again_at, Some(6_000));
    plan
}

/// E[(X − a)⁺] summed up as the definition says.
fn lost(n: u32, p: f64, a: u32) -> f64 {
    let mut pmf = (1.0 - p).powi(n as i32);
    let mut sum = 0.0;
    for x in 0..=n {
        sum += pmf * f64::from(x.saturating_sub(a));
        pmf *= f64::from(n - x) / f64::from(x + 1) * p / (1.0 - p);
    }
    sum
}

#[test]
fn the_expected_losses_are_those_of_the_definition() {
    for (p, a) in [(0.05, 1), (0.4, 10), (0.9, 3), (0.3, 200)] {
        most_calls(p, a, a * 4 + 10, |calls, found| {
            let expected = lost(calls as u32, p, a);
            assert!(
                (found - expected).abs() < 1e-9 * expected.max(1.0),
                "{p} {a} {calls}: {found} {expected}"
            );
            true
        });
    }
    // Everybody answers: each call beyond the agents is lost.
    most_calls(1.0, 2, 5, |calls, found| {
        assert!((found - (calls - 2.0)).abs() < 1e-12, "{calls}: {found}");
        true
    });
}

#[test]
fn it_overdials_as_far_as_the_limit_allows_and_no_further() {
    let plan = pace(campaign());
    assert_eq!(plan.reason, "predictive");
    assert!((11..=30).contains(&plan.launch), "{plan:?}");
    let rate = answer_rate(&campaign().recent);
    let share = |calls: u32| lost(calls, rate, 10) / (1_000.0 + f64::from(calls) * rate);
    assert!(share(plan.launch) <= 0.024);

    // The tighter the limit, the fewer the calls; at none, one call per agent.
    let allowed = |allowed| {
        let mut now = campaign();
        now.compliance = Compliance {
            answered: 20,
            abandoned: 0,
            allowed,
        };
        pace(now).launch
    };
    let launches: Vec<_> = [0, 10_000, 30_000, 100_000, 500_000].map(allowed).into();
    assert!(launches.is_sorted(), "{launches:?}");
    assert_eq!(launches[0], 10);
    assert!(launches[4] > launches[1], "{launches:?}");
}

#[test]
fn a_limit_that_is_used_up_leaves_one_call_per_free_agent() {
    let mut now = campaign();
    now.compliance.abandoned = 31;
    (now.ringing, now.waiting) = (3, 1);
    let plan = pace(now);
    assert_eq!((plan.launch, plan.reason.as_str()), (6, "abandonment-limit"));
    assert!(plan.detail.contains("31 of 1000 abandoned"), "{plan:?}");
}

#[test]
fn with_few_measurements_it_is_progressive() {
    let mut now = campaign();
    now.recent.attempts = 49;
    let plan = pace(now);
    assert_eq!((plan.launch, plan.reason.as_str()), (10, "too-few-measurements"));
}

#[test]
fn it_stays_within_lines_and_callable_numbers_and_needs_an_agent() {
    let mut now = campaign();
    now.lines = 4;
    assert_eq!(pace(now.clone()).launch, 4);
    now.callable = 2;
    assert_eq!(pace(now.clone()).launch, 2);
    now.free = 0;
    assert_eq!(pace(now).reason, "no-agent");
}

#[test]
fn agents_who_are_about_to_be_free_count_carefully() {
    let mut now = campaign();
    now.free = 0;
    now.busy = vec![
        BusyAgent {
            activity: Activity::WrappingUp,
            elapsed: 0
        };
        100
    ];
    // 1 − e^(−10/20) of 100 are 39.3, less one standard deviation of 4.9.
    assert_eq!(agents_soon(&now), 34);
    now.busy
        .iter_mut()
        .for_each(|agent| agent.activity = Activity::Talking);
    let talking = agents_soon(&now);
    assert!(talking < 5, "{talking}");
    now.recent.mean_wrap_up = now.recent.mean_talk;
    assert_eq!(agents_soon(&now), 0);
    now.recent = Recent {
        mean_ring: 10_000,
        ..Recent::default()
    };
    assert_eq!(agents_soon(&now), 0);
}
