//! Plugins that mean harm or are broken, as tables: a name, a component, how it ends. Every one of them is asked beside
//! a good plugin of the same sandbox and must leave nothing behind.

mod attack;
pub(crate) mod compile;
mod effects;
mod entry;
mod host;
mod loops;
mod malformed;
mod memory;
mod next_door;
mod probes;
mod refused;
mod replay;
mod texts;
mod told;
mod values;
mod wasi;
mod whole;

use attack::Attack;

/// All families that are decided, for the tests that run them together.
fn all() -> impl Iterator<Item = &'static Attack> {
    [
        loops::ATTACKS,
        memory::ATTACKS,
        values::ATTACKS,
        texts::ATTACKS,
        effects::ATTACKS,
        host::ATTACKS,
        entry::ATTACKS,
    ]
    .into_iter()
    .flatten()
}

#[test]
fn the_suite_is_as_large_as_promised_and_no_attack_stands_in_it_twice() {
    let names: std::collections::BTreeSet<_> = all().map(|attack| attack.name).collect();
    assert_eq!(names.len(), all().count());
    assert!(names.len() + refused::count() >= 40, "{}", names.len());
}
