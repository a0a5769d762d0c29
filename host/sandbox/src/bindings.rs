//! Types generated from `wit/`. They never leave this crate.
#![allow(missing_docs, clippy::all, unreachable_pub, unused)]

// One world that includes all five, so that they share their types; each kind links and loads only its own part.
wasmtime::component::bindgen!({
    path: [
        "../../wit/types",
        "../../wit/host",
        "../../wit/call",
        "../../wit/chat",
        "../../wit/profile",
        "../../wit/scoring",
        "../../wit/voice-flow",
        "../../wit/routing-strategy",
        "../../wit/outbound-rule",
        "../../wit/tag-generator",
        "../../wit/qa-scorecard",
    ],
    inline: "
        package jackfield:sandbox;
        world all {
            include cx:voice-flow/voice-flow@0.1.0;
            include cx:routing-strategy/routing-strategy@0.1.0;
            include cx:outbound-rule/outbound-rule@0.1.0;
            include cx:tag-generator/tag-generator@0.1.0;
            include cx:qa-scorecard/qa-scorecard@0.1.0;
        }
    ",
    world: "jackfield:sandbox/all",
});
