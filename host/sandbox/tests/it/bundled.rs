//! The plugins that come with the host, as `cargo xtask plugins` builds them. The test command names their directory
//! in `JACKFIELD_PLUGINS`; without it there is nothing to load.

use std::{env, fs};

use jackfield_sandbox::Env;

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
        // An example that is broken on purpose, one that can't judge without messages, which nobody has here, and those
        // that read what their own providers write.
        if [
            "off-by-one",
            "word-scorecard",
            "sms-connector",
            "wechat-connector",
        ]
        .contains(&plugin.manifest().id.as_str())
        {
            continue;
        }
        // The one that can't do anything without being told where to.
        let config = match plugin.manifest().id.as_str() {
            "webhook-connector" => r#"{"url": "https://gateway.example/messages"}"#,
            _ => "{}",
        };
        for question in questions(plugin.kind()) {
            let env = Env {
                config: config.into(),
                ..crate::env()
            };
            let decision = plugin.decide(question, env);
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
