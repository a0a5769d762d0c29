//! Small plugins: core modules in text form, wrapped for the world of their kind.

use std::path::Path;

/// A routing strategy that never assigns anything.
pub fn idle_strategy(version: &str) -> Vec<u8> {
    routing("idle", version, "Assigns nothing", "(i32.const 1024)", "")
}

/// A routing strategy that gives the work that waits longest to the agent who is idle longest.
pub fn first_come_strategy(version: &str) -> Vec<u8> {
    // One assignment, of work 0 to agent 0, whose pair of zeros lies at 2048.
    let data = r#"(data (i32.const 1032) "\00\08\00\00\01\00\00\00")"#;
    routing("first-come", version, "In order", "(i32.const 1024)", data)
}

/// A routing strategy `slow` that gives the work that waits longest to an agent once it has waited so many milliseconds.
pub fn slow_strategy(version: &str, wait_ms: u32) -> Vec<u8> {
    let import = r#"(import "cx:host/clock@0.1.0" "now" (func $now (result i64)))"#;
    // As `first-come`; or nothing, and to be asked again 50 ms later.
    let export = format!(
        r#"(data (i32.const 1032) "\00\08\00\00\01\00\00\00") (data (i32.const 1176) "\01")
        (func (export "cx:routing-strategy/strategy@0.1.0#assign") (param i32 i32 i32 i32) (result i32)
        (if (result i32) (i32.eqz (local.get 1)) (then (i32.const 1088))
        (else (if (result i32) (i32.ge_u (i32.load offset=8 (local.get 0)) (i32.const {wait_ms}))
            (then (i32.const 1024))
            (else (i64.store (i32.const 1184) (i64.add (call $now) (i64.const 50))) (i32.const 1152))))))"#
    );
    importing(
        "routing-strategy",
        ["slow", version, "Lets everybody wait"],
        import,
        &export,
        "",
    )
}

/// A routing strategy that traps.
pub fn broken_strategy(version: &str) -> Vec<u8> {
    routing("broken", version, "Traps", "(unreachable)", "")
}

/// A routing strategy that never assigns anything, with more in its manifest.
pub fn strategy(id: &str, version: &str, more: &str) -> Vec<u8> {
    let export = assign("(i32.const 1024)", "");
    component("routing-strategy", id, version, "Assigns nothing", &export, more)
}

fn routing(id: &str, version: &str, description: &str, body: &str, data: &str) -> Vec<u8> {
    component(
        "routing-strategy",
        id,
        version,
        description,
        &assign(body, data),
        "",
    )
}

fn assign(body: &str, data: &str) -> String {
    format!(
        r#"{data} (func (export "cx:routing-strategy/strategy@0.1.0#assign") (param i32 i32 i32 i32) (result i32)
        {body})"#
    )
}

/// A voice flow `menu` that puts the call into `support` when it begins, keeps a state of one byte, and does nothing
/// later.
pub fn queueing_flow(version: &str, state_schema: u32) -> Vec<u8> {
    // Two answers: with one action, case 2, `enqueue`, whose queue's name lies at 2000; and with none.
    let data = r#"(data (i32.const 2000) "support")
        (data (i32.const 1028) "\d0\07\00\00\01\00\00\00\20\04\00\00\01\00\00\00")
        (data (i32.const 1056) "\02") (data (i32.const 1064) "\d0\07\00\00\07\00\00\00")
        (data (i32.const 1156) "\d0\07\00\00\01\00\00\00")"#;
    let begins = "(i32.eqz (local.get 2))";
    let body = format!("(select (i32.const 1024) (i32.const 1152) {begins})");
    menu(version, state_schema, &body, data)
}

/// A version of the voice flow `menu` that answers every event with an error.
pub fn refusing_flow(version: &str, state_schema: u32) -> Vec<u8> {
    let data = r#"(data (i32.const 2000) "no-state")
        (data (i32.const 1024) "\01\00\00\00\d0\07\00\00\08\00\00\00\d0\07\00\00\08\00\00\00")"#;
    menu(version, state_schema, "(i32.const 1024)", data)
}

fn menu(version: &str, state_schema: u32, body: &str, data: &str) -> Vec<u8> {
    let export = format!(
        r#"{data} (func (export "cx:voice-flow/flow@0.1.0#step")
        (param i32 i32 i32 i32 i32 i64 i64 i32 i64) (result i32) {body})"#
    );
    let more = format!("state-schema = {state_schema}");
    component("voice-flow", "menu", version, "Into the queue", &export, &more)
}

/// A chat flow `chatter` that keeps a state of one byte and does nothing; it takes over what other versions have written.
pub fn keeping_chat(version: &str, state_schema: u32) -> Vec<u8> {
    let data = r#"(data (i32.const 1028) "\d0\07\00\00\01\00\00\00") (data (i32.const 2000) "s")"#;
    chatter(version, state_schema, data)
}

/// A version of the chat flow `chatter` that answers every event with an error.
pub fn refusing_chat(version: &str, state_schema: u32) -> Vec<u8> {
    let data = r#"(data (i32.const 2000) "no-state")
        (data (i32.const 1024) "\01\00\00\00\d0\07\00\00\08\00\00\00\d0\07\00\00\08\00\00\00")"#;
    chatter(version, state_schema, data)
}

fn chatter(version: &str, state_schema: u32, data: &str) -> Vec<u8> {
    let export = format!(
        r#"{data} (func (export "cx:chat-flow/flow@0.1.0#step")
        (param i32 i32 i32 i32 i64 i64 i64 i32 i64 i32 i32 i32 i32) (result i32) (i32.const 1024))"#
    );
    let more = format!("state-schema = {state_schema}");
    component("chat-flow", "chatter", version, "Listens", &export, &more)
}

/// An outbound rule that allows everything, for the reason `ok`.
pub fn lenient_rule(version: &str) -> Vec<u8> {
    rule("lenient", version, r"\00", "(i32.const 1024)")
}

/// An outbound rule that denies everything, for the reason `ok`.
pub fn stern_rule(version: &str) -> Vec<u8> {
    rule("stern", version, r"\03", "(i32.const 1024)")
}

/// An outbound rule that traps.
pub fn broken_rule(version: &str) -> Vec<u8> {
    rule("broken-rule", version, r"\00", "(unreachable)")
}

/// An outbound rule `busy` that allows everything after so many rounds of a loop, about seven fuel each.
pub fn busy_rule(version: &str, rounds: u32) -> Vec<u8> {
    let body = format!(
        "(local $n i32) (loop $again (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const {rounds})))) (i32.const 1024)"
    );
    rule("busy", version, r"\00", &body)
}

/// An outbound rule `asker` that reads a key and allows everything.
pub fn asking_rule(version: &str) -> Vec<u8> {
    let import = r#"(import "cx:host/key-value@0.1.0" "get" (func $get (param i32 i32 i32)))"#;
    let body = "(call $get (i32.const 2000) (i32.const 2) (i32.const 4096)) (i32.const 1024)";
    let more = "[[capabilities]]\nname = \"cx:host/key-value\"\nreason = \"to count\"\n";
    let parts = ["asker", version, "Asks and allows"];
    importing("outbound-rule", parts, import, &ruling(r"\00", body), more)
}

fn rule(id: &str, version: &str, verdict: &str, body: &str) -> Vec<u8> {
    component(
        "outbound-rule",
        id,
        version,
        "Says always the same",
        &ruling(verdict, body),
        "",
    )
}

/// What `check` answers from memory.
fn ruling(verdict: &str, body: &str) -> String {
    let params = ["i32"; 12].join(" ");
    format!(
        r#"(data (i32.const 1032) "{verdict}")
        (data (i32.const 1048) "\d0\07\00\00\02\00\00\00") (data (i32.const 2000) "ok")
        (func (export "cx:outbound-rule/rule@0.1.0#check") (param {params}) (result i32) {body})"#
    )
}

/// A voice flow `reader` that asks for its customer at each event, and does nothing.
pub fn reading_flow(version: &str, more: &str) -> Vec<u8> {
    let import = r#"(import "cx:profile/customers@0.1.0" "current" (func $current (param i32)))"#;
    let export = r#"(func (export "cx:voice-flow/flow@0.1.0#step")
        (param i32 i32 i32 i32 i32 i64 i64 i32 i64) (result i32) (call $current (i32.const 4096)) (i32.const 1024))"#;
    let more =
        format!("[[capabilities]]\nname = \"cx:profile/customers\"\nreason = \"to know who calls\"\n{more}");
    importing("voice-flow", ["reader", version, "Reads"], import, export, &more)
}

/// An occasion, laid flat.
const OCCASION: &str = "(param i32 i32 i32 i64 i64 i32 i64 i64 i32 i32 i32 f64)";

/// A tag generator `tagger` that adds a tag each time, with this confidence, for the reason `why`.
pub fn tagger(version: &str, tag: &str, confidence: u8) -> Vec<u8> {
    let export = format!(
        r#"(data (i32.const 1028) "\20\04\00\00\01\00\00\00")
        (data (i32.const 1064) "\d0\07\00\00\{:02x}\00\00\00\{confidence:02x}\00\00\00\34\08\00\00\03\00\00\00")
        (data (i32.const 2000) "{tag}") (data (i32.const 2100) "why")
        (func (export "cx:tag-generator/tagger@0.1.0#tags") {OCCASION} (result i32) (i32.const 1024))"#,
        tag.len()
    );
    component("tag-generator", "tagger", version, "Adds one tag", &export, "")
}

/// A tag generator `broken-tagger` that traps.
pub fn broken_tagger(version: &str) -> Vec<u8> {
    let export = format!(
        r#"(func (export "cx:tag-generator/tagger@0.1.0#tags") {OCCASION} (result i32) (unreachable))"#
    );
    component("tag-generator", "broken-tagger", version, "Traps", &export, "")
}

/// A core module in text form, wrapped for the world of its kind, with more in its manifest.
pub fn component(
    kind: &str,
    id: &str,
    version: &str,
    description: &str,
    export: &str,
    more: &str,
) -> Vec<u8> {
    importing(kind, [id, version, description], "", export, more)
}

fn importing(
    kind: &str,
    [id, version, description]: [&str; 3],
    imports: &str,
    export: &str,
    more: &str,
) -> Vec<u8> {
    use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
    let mut resolve = wit_parser::Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    for package in [
        "types",
        "host",
        "call",
        "chat",
        "profile",
        "scoring",
        "knowledge",
        kind,
    ] {
        resolve.push_dir(wit.join(package)).unwrap();
    }
    let (world, _) = resolve
        .worlds
        .iter()
        .find(|(_, world)| world.name == kind)
        .unwrap();
    let text = format!(
        r#"(module
        {imports}
        (memory (export "memory") 2)
        (global $heap (mut i32) (i32.const 65536))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (global.set $heap (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
            (global.get $heap)
            (global.set $heap (i32.add (global.get $heap) (local.get 3))))
        {export})"#
    );
    let mut module = wat::parse_str(text).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let mut component = ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap();
    let name = "jackfield:manifest";
    let manifest = format!(
        "id = \"{id}\"\nversion = \"{version}\"\nkind = \"{kind}@0.1.0\"\ndescription = \"{description}.\"\n{more}"
    );
    let mut section = vec![u8::try_from(name.len()).unwrap()];
    section.extend_from_slice(name.as_bytes());
    section.extend_from_slice(manifest.as_bytes());
    component.push(0);
    // LEB128.
    let mut length = section.len();
    while length > 0x7f {
        component.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    component.push(length as u8);
    component.extend(section);
    component
}
