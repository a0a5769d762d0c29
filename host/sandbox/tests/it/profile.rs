//! Where fuel goes.

use crate::{
    env, fixture,
    guest::{Module, answer_data, plan},
    queue,
};

/// A function that goes round so often.
fn rounds(name: &str, times: u32) -> String {
    format!(
        "(func ${name} (local i32)
            (local.set 0 (i32.const {times}))
            (loop $again
                (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                (br_if $again (local.get 0))))"
    )
}

#[test]
fn a_profile_tells_the_functions_that_burn_the_fuel_and_is_the_same_each_time() {
    let items = format!("{} {}", rounds("busy", 9_000), rounds("lazy", 1_000));
    let module = Module {
        items: &items,
        data: plan(&[], &[]),
        ..Module::default()
    };
    let wasm = module.routing(&format!("(call $busy) (call $lazy) {}", answer_data()));
    let fixture = fixture();
    let plugin = fixture.sandbox.load(&wasm).unwrap();
    let profile = plugin.fuel_profile(&queue(1, 1), &env(), 200).unwrap();
    assert_eq!(profile.stacks.values().sum::<u64>(), profile.fuel);
    let share = |name: &str| {
        let own = profile
            .stacks
            .iter()
            .filter(|(stack, _)| stack.last().is_some_and(|last| last == name));
        own.map(|(_, fuel)| fuel).sum::<u64>() * 100 / profile.fuel
    };
    assert!(
        (85..=95).contains(&share("busy")) && (5..=15).contains(&share("lazy")),
        "{profile:?}"
    );
    assert!(
        profile
            .stacks
            .keys()
            .all(|stack| stack.first().is_none_or(|first| first == "decide")),
        "{profile:?}"
    );
    assert_eq!(plugin.fuel_profile(&queue(1, 1), &env(), 200).unwrap(), profile);

    let trap = fixture
        .sandbox
        .load(&Module::default().routing("(unreachable)"))
        .unwrap();
    assert_eq!(
        &*trap.fuel_profile(&queue(1, 1), &env(), 9).unwrap_err().code,
        "trap"
    );
}
