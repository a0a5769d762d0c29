//! The manual's first page.

use std::fmt::Write as _;

use jackfield_types::{Capability, PluginKind, ceilings::Ceilings};
use wit_parser::WorldItem;

use super::words::{Contract, sentence};

const BEGINNING: &str = "<!-- Rendered from wit/ by `cargo xtask manual`. Do not edit. -->

# Plugin reference

A plugin is a WebAssembly component that decides one thing: the next actions of a call, who gets waiting work, whether a
number may be called now. It is asked, reads through imports what it is granted, and answers; the host checks the answer,
makes it durable, and carries it out. A plugin acts on nothing by itself, and remembers nothing from one decision to the
next but the state that it returns and the values of `cx:host/key-value`.

In ten minutes, with the tools of a language installed:

```sh
jackfield plugin new my-menu --kind voice-flow --lang ts   # or rust, python, go, c
cd my-menu
jackfield plugin test                                      # builds it, asks its cases
jackfield plugin run --case tests/first.json               # one decision, explained
jackfield plugin publish --with publisher.key              # signs and uploads it
jackfield binding set number:+861055550100 my-menu@0.1.0   # it answers the next call
```

";

pub(super) fn page(contract: &Contract<'_>) -> String {
    let mut text = BEGINNING.to_owned();
    text.push_str("## Kinds\n\n| kind | exports | fuel | time | memory | |\n|---|---|---|---|---|---|\n");
    for kind in PluginKind::ALL {
        let world = contract
            .resolve
            .worlds
            .iter()
            .find(|(_, world)| world.name == kind.as_str());
        let Some((_, world)) = world else { continue };
        let mut exports = Vec::new();
        for item in world.exports.values() {
            let WorldItem::Interface { id, .. } = item else {
                continue;
            };
            for name in contract.resolve.interfaces[*id].functions.keys() {
                exports.push(format!("[{name}]({kind}.md#function-{name})"));
            }
        }
        let package = world
            .package
            .map(|package| sentence(&contract.resolve.packages[package].docs));
        let about = package.unwrap_or_default();
        let about = about.split_once(": ").map_or(about.as_str(), |(_, about)| about);
        let Ceilings {
            fuel,
            wall_ms,
            memory_bytes,
            ..
        } = Ceilings::of(kind);
        let _ = writeln!(
            text,
            "| [{kind}]({kind}.md) | {} | {}\u{a0}M | {wall_ms}\u{a0}ms | {}\u{a0}MiB | {about} |",
            exports.join(", "),
            fuel / 1_000_000,
            memory_bytes >> 20
        );
    }
    text.push_str("\nComponents that bring a language's run time (JavaScript, Python) have ten times the fuel, five times the time, and 64 MiB. \
                   What a decision costs in each language is on [its own page](costs.md).\n\n");

    text.push_str("## What a plugin may ask\n\n| interface | page | |\n|---|---|---|\n");
    for (id, interface) in contract.resolve.interfaces.iter() {
        let Some(full) = contract.resolve.id_of(id) else {
            continue;
        };
        let plain = full.split('@').next().unwrap_or_default();
        let package = plain
            .trim_start_matches("cx:")
            .split('/')
            .next()
            .unwrap_or_default();
        let exported = contract.resolve.worlds.iter().any(|(_, world)| {
            world
                .exports
                .values()
                .any(|item| matches!(item, WorldItem::Interface { id: export, .. } if *export == id))
        });
        if interface.functions.is_empty() || exported {
            continue;
        }
        let how = if plain.parse::<Capability>().is_ok() {
            "capability"
        } else {
            "always there"
        };
        let words = sentence(&interface.docs);
        let _ = writeln!(
            text,
            "| `{plain}` | [{package}]({package}.md) | {words} ({how}). |"
        );
    }
    text.push_str(
        "\n## Conventions\n\nMoments are milliseconds since the Unix epoch, durations milliseconds, telephone numbers E.164, languages \
         BCP 47, ids the slugs that the tenant's administrator chose. [types](types.md) has what all packages share; [call](call.md) and \
         [chat](chat.md) the events and actions of flows; [limits](limits.md) what texts and lists may hold; [errors](errors.md) what \
         ends a decision; [case files](../cases.md) how plugins are tested.\n\n\
         A package only grows within its version: functions, interfaces and types are added, none is changed. A new case of a \
         variant or a new field of a record is a new version beside the old one.\n",
    );
    text
}
