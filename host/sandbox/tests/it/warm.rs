//! Instances that answer more than once: for one tenant, and only where the manifest asks for it.

use jackfield_contact::decision::Answer;
use jackfield_sandbox::{Env, Plugin};
use jackfield_types::TenantId;

use crate::{
    env, fixture,
    guest::{DATA, Module, bare, contract, manifest, plan, with_manifest},
    queue,
};

/// Answers how often it was asked, in `look-again-at`; traps when nobody works and nothing waits.
fn counter(manifest: &str) -> Vec<u8> {
    let module = Module {
        items: "(global $n (mut i64) (i64.const 0))",
        data: plan(&[], &[]),
        ..Module::default()
    };
    let body = format!(
        "(if (i32.eqz (local.get 1)) (then (unreachable)))
        (global.set $n (i64.add (global.get $n) (i64.const 1)))
        (i32.store8 (i32.const {}) (i32.const 1))
        (i64.store (i32.const {}) (global.get $n))
        (i32.const {DATA})",
        DATA + 24,
        DATA + 32
    );
    let wasm = bare(&contract(&[]), "routing-strategy", &module.routing_wat(&body));
    with_manifest(wasm, manifest)
}

fn count(plugin: &Plugin, tenant: Option<&TenantId>) -> u64 {
    let decision = match tenant {
        Some(tenant) => plugin.decide_for(tenant, queue(1, 1), env()),
        None => plugin.decide(queue(1, 1), env()),
    };
    let Ok(Answer::Routing(plan)) = decision.result else {
        panic!("{decision:?}")
    };
    assert!(decision.receipt.fuel > 0 && decision.receipt.peak_memory_bytes == 2 * 65_536);
    plan.look_again_at.unwrap().0
}

fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

#[test]
fn an_instance_is_used_again_for_its_tenant_alone() {
    let fixture = fixture();
    let text = format!("reuse-instances = true\n{}", manifest("routing-strategy"));
    let plugin = fixture.sandbox.load(&counter(&text)).unwrap();
    let (one, other) = (tenant("one"), tenant("other"));
    assert_eq!(count(&plugin, Some(&one)), 1);
    assert_eq!(count(&plugin, Some(&one)), 2);
    assert_eq!(count(&plugin, Some(&other)), 1, "nothing of another tenant");
    assert_eq!(count(&plugin, Some(&one)), 3);
    assert_eq!(count(&plugin, None), 1, "a replay begins anew");
    let failed = plugin.decide_for(&one, queue(0, 0), env());
    assert!(failed.result.is_err());
    assert_eq!(count(&plugin, Some(&one)), 1, "who failed never answers again");

    // With more tenants than instances are kept, the one that waited longest has gone.
    for n in 0..16 {
        assert_eq!(count(&plugin, Some(&tenant(&format!("t{n}")))), 1);
    }
    assert_eq!(count(&plugin, Some(&other)), 1);
    assert_eq!(count(&plugin, Some(&tenant("t15"))), 2);

    // The ceilings hold for each decision by itself.
    let little = Env {
        budget: Some(jackfield_sandbox::Ceilings {
            fuel: 1,
            ..jackfield_sandbox::Ceilings::of(plugin.kind())
        }),
        ..env()
    };
    let failed = plugin.decide_for(&tenant("t15"), queue(1, 1), little);
    assert_eq!(&*failed.result.unwrap_err().code, "fuel");
}

#[test]
fn who_does_not_ask_for_it_begins_anew_each_time() {
    let fixture = fixture();
    let plugin = fixture
        .sandbox
        .load(&counter(&manifest("routing-strategy")))
        .unwrap();
    for _ in 0..3 {
        assert_eq!(count(&plugin, Some(&tenant("one"))), 1);
    }
}
