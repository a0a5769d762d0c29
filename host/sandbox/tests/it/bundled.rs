//! The plugins that come with the host, as `cargo xtask plugins` builds them. The test command names their directory
//! in `JACKFIELD_PLUGINS`; without it there is nothing to load.

use std::{env, fs};

use crate::{fixture, questions::questions};

#[test]
fn every_bundled_plugin_answers_within_its_ceilings() {
    let Some(built) = env::var_os("JACKFIELD_PLUGINS") else {
        return println!("JACKFIELD_PLUGINS is not set");
    };
    let fixture = fixture();
    for entry in fs::read_dir(built).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let plugin = fixture.sandbox.load(&fs::read(&path).unwrap()).unwrap();
        for question in questions(plugin.kind()) {
            let decision = plugin.decide(question, crate::env());
            println!("{}: {:?}", plugin.manifest().id, decision.receipt);
            assert!(
                decision.result.is_ok(),
                "{}: {:?}, log {:?}",
                path.display(),
                decision.result,
                decision.log
            );
        }
    }
}
