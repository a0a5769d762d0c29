//! Types generated from `wit/`. They never leave this crate.
#![allow(missing_docs, clippy::all, unreachable_pub, unused)]

// One world that includes those of all kinds, so that they share their types; each kind links and loads only its own part.
wasmtime::component::bindgen!({
    path: [
        "../../wit/types",
        "../../wit/host",
        "../../wit/call",
        "../../wit/chat",
        "../../wit/profile",
        "../../wit/scoring",
        "../../wit/knowledge",
        "../../wit/voice-flow",
        "../../wit/routing-strategy",
        "../../wit/outbound-rule",
        "../../wit/tag-generator",
        "../../wit/qa-scorecard",
        "../../wit/chat-flow",
        "../../wit/pacing-strategy",
        "../../wit/channel-connector",
        "../../wit/agent-assist",
    ],
    inline: "
        package jackfield:sandbox;
        world all {
            include cx:voice-flow/voice-flow@0.1.0;
            include cx:routing-strategy/routing-strategy@0.1.0;
            include cx:outbound-rule/outbound-rule@0.1.0;
            include cx:tag-generator/tag-generator@0.1.0;
            include cx:qa-scorecard/qa-scorecard@0.1.0;
            include cx:chat-flow/chat-flow@0.1.0;
            include cx:pacing-strategy/pacing-strategy@0.1.0;
            include cx:channel-connector/channel-connector@0.1.0;
            include cx:agent-assist/agent-assist@0.1.0;
        }
    ",
    world: "jackfield:sandbox/all",
});
