//! The plugins that come with the host, as `cargo xtask plugins` builds them. The test command names their directory
//! in `JACKFIELD_PLUGINS`; without it there is nothing to load.

use std::{env, fs, sync::Arc};

use jackfield_contact::decision::{Attempt, Consent, Question, TagQuestion};
use jackfield_types::{Channel, E164, PluginKind, Timestamp};

use crate::{finished, fixture, interaction, queue, step};

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
        let question = match plugin.kind() {
            PluginKind::VoiceFlow => step(),
            PluginKind::RoutingStrategy => queue(3, 10),
            PluginKind::OutboundRule => attempt(),
            PluginKind::TagGenerator => tagged(),
            PluginKind::QaScorecard => finished(),
        };
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

fn attempt() -> Arc<Question> {
    Arc::new(Question::Outbound(Box::new(Attempt {
        number: E164::new("+8613800138000").unwrap(),
        channel: Channel::Voice,
        purpose: "sales".into(),
        jurisdiction: "CN".into(),
        local_times: vec![],
        consent: Consent::Unknown,
        attempts: vec![],
    })))
}

fn tagged() -> Arc<Question> {
    Arc::new(Question::Tags(Box::new(TagQuestion {
        interaction: interaction(),
        channel: Channel::Voice,
        started_at: Timestamp(1),
        ended_at: Timestamp(2),
        abandoned: false,
        waited_ms: 1,
        talked_ms: 1,
        attributes: vec![],
        score: None,
    })))
}
