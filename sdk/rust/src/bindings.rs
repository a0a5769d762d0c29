//! Generated from `wit/`; public only because the `register!` macros expand in the plugin's crate.
#![allow(missing_docs, unreachable_pub, clippy::all)]

/// What plugins of any kind may import, once, so that all kinds share these types.
pub mod host {
    wit_bindgen::generate!({
        inline: "
            package jackfield:sdk;
            world capabilities {
                import cx:types/types@0.1.0;
                import cx:host/config@0.1.0;
                import cx:host/clock@0.1.0;
                import cx:host/log@0.1.0;
                import cx:host/key-value@0.1.0;
                import cx:call/types@0.1.0;
                import cx:call/calls@0.1.0;
                import cx:chat/types@0.1.0;
                import cx:chat/messages@0.1.0;
                import cx:chat/conversation@0.1.0;
                import cx:chat/chats@0.1.0;
                import cx:knowledge/entries@0.1.0;
                import cx:profile/customers@0.1.0;
                import cx:scoring/scores@0.1.0;
                import cx:scoring/outcomes@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/host", "../../wit/call", "../../wit/chat", "../../wit/profile", "../../wit/scoring", "../../wit/knowledge"],
        generate_all,
        additional_derives: [PartialEq],
        generate_unused_types: true,
        pub_export_macro: true,
    });
}

/// A world, whose types that other worlds have too are those of [`host`].
macro_rules! world {
    ($world:literal, [$($package:literal),*], {$($shared:literal: $path:path),* $(,)?}) => {
        wit_bindgen::generate!({
            world: $world,
            path: ["../../wit/types", "../../wit/host", $($package),*],
            with: {
                "cx:types/types@0.1.0": crate::bindings::host::cx::types::types,
                "cx:host/config@0.1.0": crate::bindings::host::cx::host::config,
                "cx:host/clock@0.1.0": crate::bindings::host::cx::host::clock,
                "cx:host/log@0.1.0": crate::bindings::host::cx::host::log,
                "cx:host/key-value@0.1.0": crate::bindings::host::cx::host::key_value,
                $($shared: $path),*
            },
            generate_all,
            additional_derives: [PartialEq],
            pub_export_macro: true,
        });
    };
}

/// The world `voice-flow`.
pub mod voice_flow {
    world!("cx:voice-flow/voice-flow@0.1.0", ["../../wit/call", "../../wit/profile", "../../wit/scoring", "../../wit/voice-flow"], {
        "cx:call/types@0.1.0": crate::bindings::host::cx::call::types,
        "cx:call/calls@0.1.0": crate::bindings::host::cx::call::calls,
        "cx:profile/customers@0.1.0": crate::bindings::host::cx::profile::customers,
        "cx:scoring/scores@0.1.0": crate::bindings::host::cx::scoring::scores,
    });
}

/// The world `routing-strategy`.
pub mod routing_strategy {
    world!(
        "cx:routing-strategy/routing-strategy@0.1.0",
        ["../../wit/scoring", "../../wit/routing-strategy"],
        {"cx:scoring/outcomes@0.1.0": crate::bindings::host::cx::scoring::outcomes}
    );
}

/// The world `outbound-rule`.
pub mod outbound_rule {
    world!("cx:outbound-rule/outbound-rule@0.1.0", ["../../wit/profile", "../../wit/outbound-rule"], {
        "cx:profile/customers@0.1.0": crate::bindings::host::cx::profile::customers,
    });
}

/// The world `tag-generator`.
pub mod tag_generator {
    world!("cx:tag-generator/tag-generator@0.1.0", ["../../wit/chat", "../../wit/profile", "../../wit/scoring", "../../wit/tag-generator"], {
        "cx:chat/types@0.1.0": crate::bindings::host::cx::chat::types,
        "cx:chat/messages@0.1.0": crate::bindings::host::cx::chat::messages,
        "cx:profile/customers@0.1.0": crate::bindings::host::cx::profile::customers,
        "cx:scoring/scores@0.1.0": crate::bindings::host::cx::scoring::scores,
    });
}

/// The world `qa-scorecard`.
pub mod qa_scorecard {
    world!("cx:qa-scorecard/qa-scorecard@0.1.0", ["../../wit/chat", "../../wit/profile", "../../wit/scoring", "../../wit/qa-scorecard"], {
        "cx:chat/types@0.1.0": crate::bindings::host::cx::chat::types,
        "cx:chat/messages@0.1.0": crate::bindings::host::cx::chat::messages,
        "cx:profile/customers@0.1.0": crate::bindings::host::cx::profile::customers,
        "cx:scoring/scores@0.1.0": crate::bindings::host::cx::scoring::scores,
    });
}

/// The world `chat-flow`.
pub mod chat_flow {
    world!("cx:chat-flow/chat-flow@0.1.0", ["../../wit/chat", "../../wit/profile", "../../wit/scoring", "../../wit/knowledge", "../../wit/chat-flow"], {
        "cx:chat/types@0.1.0": crate::bindings::host::cx::chat::types,
        "cx:chat/messages@0.1.0": crate::bindings::host::cx::chat::messages,
        "cx:chat/conversation@0.1.0": crate::bindings::host::cx::chat::conversation,
        "cx:chat/chats@0.1.0": crate::bindings::host::cx::chat::chats,
        "cx:profile/customers@0.1.0": crate::bindings::host::cx::profile::customers,
        "cx:scoring/scores@0.1.0": crate::bindings::host::cx::scoring::scores,
        "cx:knowledge/entries@0.1.0": crate::bindings::host::cx::knowledge::entries,
    });
}

/// The world `pacing-strategy`.
pub mod pacing_strategy {
    world!(
        "cx:pacing-strategy/pacing-strategy@0.1.0",
        ["../../wit/pacing-strategy"],
        {}
    );
}

/// The world `channel-connector`.
pub mod channel_connector {
    world!(
        "cx:channel-connector/channel-connector@0.1.0",
        ["../../wit/channel-connector"],
        {}
    );
}

/// The world `agent-assist`.
pub mod agent_assist {
    world!("cx:agent-assist/agent-assist@0.1.0", ["../../wit/chat", "../../wit/profile", "../../wit/scoring", "../../wit/knowledge", "../../wit/agent-assist"], {
        "cx:chat/types@0.1.0": crate::bindings::host::cx::chat::types,
        "cx:chat/messages@0.1.0": crate::bindings::host::cx::chat::messages,
        "cx:profile/customers@0.1.0": crate::bindings::host::cx::profile::customers,
        "cx:scoring/scores@0.1.0": crate::bindings::host::cx::scoring::scores,
        "cx:knowledge/entries@0.1.0": crate::bindings::host::cx::knowledge::entries,
    });
}
