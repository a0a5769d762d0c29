//! From the upload of a version never seen before to the first decision by it: checked, compiled, stored, bound.

use std::{sync::Arc, time::Instant};

use jackfield_contact::decision::Question;
use jackfield_sandbox::CompilerCommand;
use jackfield_store::Store;

use crate::{COMPILE, Fixture, env_of, point, quantile, report, rule::queue, tenant, version};

const UPLOADS: usize = 11;

pub(crate) fn measure(wasm: &[u8]) {
    let itself = CompilerCommand::new("/proc/self/exe", [COMPILE]);
    for (name, compiler, goal) in [
        ("upload-to-active/compiled-in-process", None, None),
        ("upload-to-active/compiler-process", Some(itself), Some("<= 300")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let fixture = Fixture::with(Store::open(dir.path()).unwrap(), compiler);
        let ctx = tenant(0);
        let question = Arc::new(Question::Routing(Box::new(queue(1, 10))));
        let mut took: Vec<f64> = (0..UPLOADS)
            .map(|n| {
                let wasm = version(wasm, n);
                let began = Instant::now();
                fixture.take_in(&ctx, wasm);
                let bound = fixture.registry.bound(&ctx.tenant, &point()).unwrap();
                let decision = bound.plugin.decide(question.clone(), env_of("{}"));
                assert!(decision.result.is_ok());
                began.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        report(name, quantile(&mut took, 0.5), "ms", goal);
    }
}
