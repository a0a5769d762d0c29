//! Small components for the tests: core modules in text form, wrapped for the world of their kind.

use std::{fmt::Write as _, path::Path};

use jackfield_types::Capability;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Today's contract, and after it the packages of `more`.
pub(crate) fn contract(more: &[&str]) -> Resolve {
    let mut resolve = packages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit"));
    for (n, text) in more.iter().enumerate() {
        resolve.push_str(format!("{n}.wit"), text).unwrap();
    }
    resolve
}

/// The packages of a folder, one folder each.
pub(crate) fn packages(wit: &Path) -> Resolve {
    let mut resolve = Resolve::default();
    for package in [
        "types",
        "host",
        "call",
        "chat",
        "profile",
        "scoring",
        "knowledge",
        "voice-flow",
        "chat-flow",
        "routing-strategy",
        "outbound-rule",
        "pacing-strategy",
        "tag-generator",
        "qa-scorecard",
        "channel-connector",
        "agent-assist",
    ] {
        resolve.push_dir(wit.join(package)).unwrap();
    }
    resolve
}

/// A component of a world without manifest.
pub(crate) fn bare(resolve: &Resolve, world: &str, wat: &str) -> Vec<u8> {
    bare_encoded(resolve, world, wat, StringEncoding::UTF8)
}

fn bare_encoded(resolve: &Resolve, world: &str, wat: &str, encoding: StringEncoding) -> Vec<u8> {
    let mut module = wat::parse_str(wat).unwrap();
    let (world, _) = resolve
        .worlds
        .iter()
        .find(|(_, found)| found.name == world)
        .unwrap();
    embed_component_metadata(&mut module, resolve, world, encoding, false).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap()
}

/// Appends a manifest.
pub(crate) fn with_manifest(mut component: Vec<u8>, manifest: &str) -> Vec<u8> {
    let name = "jackfield:manifest";
    let mut section = leb(name.len());
    section.extend_from_slice(name.as_bytes());
    section.extend_from_slice(manifest.as_bytes());
    component.push(0);
    component.extend(leb(section.len()));
    component.extend(section);
    component
}

pub(crate) fn manifest(kind: &str) -> String {
    let mut text = format!("id = \"test-{kind}\"\nversion = \"0.1.0\"\nkind = \"{kind}@0.1.0\"\n");
    for capability in Capability::ALL {
        let _ = write!(
            text,
            "[[capabilities]]\nname = \"{capability}\"\nreason = \"a test\"\n"
        );
    }
    text
}

/// A whole plugin of a kind out of one core module.
pub(crate) fn plugin(kind: &str, wat: &str) -> Vec<u8> {
    with_manifest(bare(&contract(&[]), kind, wat), &manifest(kind))
}

/// The same with another encoding of its strings.
pub(crate) fn encoded(kind: &str, wat: &str, encoding: StringEncoding) -> Vec<u8> {
    with_manifest(bare_encoded(&contract(&[]), kind, wat, encoding), &manifest(kind))
}

pub(crate) fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A core module: `items` (imports first), one page of memory (`data` from 1024 on), an allocator that never frees.
pub(crate) struct Module<'a> {
    pub(crate) imports: &'a str,
    pub(crate) items: &'a str,
    pub(crate) data: Vec<u8>,
    pub(crate) pages: u32,
    pub(crate) realloc: &'a str,
}

impl Default for Module<'_> {
    fn default() -> Self {
        Self {
            imports: "",
            items: "",
            data: Vec::new(),
            pages: 2,
            realloc: "",
        }
    }
}

/// Where `Module::data` lies.
pub(crate) const DATA: u32 = 1024;

impl Module<'_> {
    fn wat(&self, export: &str, params: &str, body: &str) -> String {
        let Self {
            imports,
            items,
            pages,
            realloc,
            ..
        } = self;
        let data = self.data.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "\\{byte:02x}");
            text
        });
        format!(
            r#"(module
            {imports}
            (memory (export "memory") {pages})
            (data (i32.const {DATA}) "{data}")
            (global $heap (mut i32) (i32.const 65536))
            (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                {realloc}
                (global.set $heap (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
                (global.get $heap)
                (global.set $heap (i32.add (global.get $heap) (local.get 3))))
            {items}
            (func $decide (export "{export}") (param {params}) (result i32) {body}))"#
        )
    }

    /// `assign`; `body` leaves the address of a `result<plan, error>`.
    pub(crate) fn routing(&self, body: &str) -> Vec<u8> {
        plugin("routing-strategy", &self.routing_wat(body))
    }

    /// The core module of [`Module::routing`].
    pub(crate) fn routing_wat(&self, body: &str) -> String {
        self.wat(
            "cx:routing-strategy/strategy@0.1.0#assign",
            "i32 i32 i32 i32",
            body,
        )
    }

    /// The same with all of WASI to import.
    pub(crate) fn routing_with_wasi(&self, body: &str) -> Vec<u8> {
        let mut resolve = contract(&[]);
        resolve
            .push_str("wasi.wit", include_str!("hostile/wasi.wit"))
            .unwrap();
        let bare = bare(&resolve, "routing-with-wasi", &self.routing_wat(body));
        with_manifest(bare, &manifest("routing-strategy"))
    }

    /// `step`; `body` leaves the address of a `result<next, error>`.
    pub(crate) fn flow(&self, body: &str) -> Vec<u8> {
        let wat = self.wat(
            "cx:voice-flow/flow@0.1.0#step",
            "i32 i32 i32 i32 i32 i64 i64 i32 i64",
            body,
        );
        plugin("voice-flow", &wat)
    }

    /// `evaluate`; `body` leaves the address of a `result<evaluation, error>`.
    pub(crate) fn scorecard(&self, body: &str) -> Vec<u8> {
        let wat = self.wat("cx:qa-scorecard/scorecard@0.1.0#evaluate", "i32", body);
        plugin("qa-scorecard", &wat)
    }

    /// `tags`; `body` leaves the address of a `result<list<tag-change>, error>`.
    pub(crate) fn tags(&self, body: &str) -> Vec<u8> {
        let wat = self.wat(
            "cx:tag-generator/tagger@0.1.0#tags",
            "i32 i32 i32 i64 i64 i32 i64 i64 i32 i32 i32 f64",
            body,
        );
        plugin("tag-generator", &wat)
    }

    /// `check`; `body` leaves the address of a `result<ruling, error>`.
    pub(crate) fn outbound(&self, body: &str) -> Vec<u8> {
        let params = ["i32"; 12].join(" ");
        let wat = self.wat("cx:outbound-rule/rule@0.1.0#check", &params, body);
        plugin("outbound-rule", &wat)
    }
}

/// `ok(plan)` for [`Module::data`]: pairs of work and agent, and work to overflow.
pub(crate) fn plan(pairs: &[(u32, u32)], overflows: &[u32]) -> Vec<u8> {
    let pairs_at = DATA + 40;
    let overflows_at = pairs_at + pairs.len() as u32 * 8;
    let mut words = vec![
        0,
        0,
        pairs_at,
        pairs.len() as u32,
        overflows_at,
        overflows.len() as u32,
        0,
        0,
        0,
        0,
    ];
    words.extend(pairs.iter().flat_map(|&(work, agent)| [work, agent]));
    words.extend(overflows);
    bytes(&words)
}

/// `err(error)` of a result whose payload begins at `payload`.
pub(crate) fn error(payload: u32, code: &[u8], message: &[u8]) -> Vec<u8> {
    let texts = DATA + payload + 24;
    let mut words = vec![1];
    words.resize(payload as usize / 4, 0);
    words.extend([
        texts,
        code.len() as u32,
        texts + code.len() as u32,
        message.len() as u32,
        0,
        0,
    ]);
    let mut data = bytes(&words);
    data.extend(code);
    data.extend(message);
    data
}

pub(crate) fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The body that answers with `Module::data`.
pub(crate) fn answer_data() -> String {
    format!("(i32.const {DATA})")
}

/// A routing strategy that offers the first work to the first agent.
pub(crate) fn good() -> Vec<u8> {
    Module {
        data: plan(&[(0, 0)], &[]),
        ..Module::default()
    }
    .routing(&answer_data())
}
