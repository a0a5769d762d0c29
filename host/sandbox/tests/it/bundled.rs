//! The plugins that come with the host, as `cargo xtask plugins` builds them. The test command names their directory
//! in `JACKFIELD_PLUGINS`; without it there is nothing to load.

use std::{env, fs, path::Path, sync::Arc};

use jackfield_contact::decision::{KnowledgeHit, KnowledgeQuery};
use jackfield_sandbox::{Env, ReadError, Reads};
use jackfield_types::{Grants, PluginKind};

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

/// Can't search just now.
struct Busy;

impl Reads for Busy {
    fn knowledge_search(&self, _: &KnowledgeQuery) -> Result<Vec<KnowledgeHit>, ReadError> {
        Err(ReadError::unavailable("try again"))
    }
}

#[test]
fn what_the_host_could_not_read_is_no_failure_of_the_plugin() {
    let Some(built) = env::var_os("JACKFIELD_PLUGINS") else {
        return println!("JACKFIELD_PLUGINS is not set");
    };
    let fixture = fixture();
    let wasm = fs::read(Path::new(&built).join("knowledge-assist-0.1.0.wasm")).unwrap();
    let plugin = fixture.sandbox.load(&wasm).unwrap();
    let failure = |env: Env| {
        let question = questions(PluginKind::AgentAssist).remove(0);
        plugin.decide(question, env).result.unwrap_err()
    };
    let busy = Env {
        reads: Arc::new(Busy),
        ..crate::env()
    };
    let failed = failure(busy.clone());
    assert_eq!(&*failed.code, "host-busy");
    assert!(failed.message.ends_with(": try again"), "{failed:?}");
    let not_granted = Env {
        grants: Grants::NONE,
        ..busy
    };
    assert_eq!(&*failure(not_granted).code, "plugin-error");
}
