//! Components are checked and compiled in a process of their own: bombs end there.

use std::path::Path;
use std::time::{Duration, Instant};

use jackfield_sandbox::{
    CompileLimit, CompileLimits, CompilerCommand, InvalidComponent, LoadError, Sandbox, SandboxOptions,
};
use jackfield_testkit::{Server, plugins_dir};
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_jackfield");
const MIB: u64 = 1024 * 1024;

fn sandbox(folder: &Path, compiler: CompilerCommand) -> Sandbox {
    Sandbox::new(SandboxOptions {
        compiler: Some(compiler),
        ..SandboxOptions::new(folder.join("cache"), [7; 32])
    })
    .unwrap()
}

fn compiler() -> CompilerCommand {
    CompilerCommand::new(BINARY, ["compile-plugin"])
}

fn longest_idle() -> Vec<u8> {
    let path = plugins_dir(Path::new(BINARY)).join("longest-idle-0.1.0.wasm");
    std::fs::read(path).unwrap()
}

/// LEB128.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(content.len()), content].concat()
}

/// `longest-idle` of another version with one more module inside, which the compiler compiles as well: `functions`
/// times a long function.
fn with_module(version: &str, functions: usize) -> Vec<u8> {
    with_functions(version, functions, 400)
}

/// The same with functions of so many steps; what a compiler does with one grows faster than its length.
fn with_functions(version: &str, functions: usize, steps: usize) -> Vec<u8> {
    let mut wasm = longest_idle();
    let (old, new) = (b"version = \"0.1.0\"", format!("version = \"{version}\""));
    let at = wasm.windows(old.len()).rposition(|window| window == old).unwrap();
    wasm[at..at + old.len()].copy_from_slice(new.as_bytes());

    // local.get 0, i32.const 77, i32.mul, i32.load, local.set 0; if popcnt(local 0): local 0 = rotl(local 0, 5).
    let step = [
        0x20, 0, 0x41, 0xcd, 0, 0x6c, 0x28, 2, 0, 0x21, 0, 0x20, 0, 0x69, 0x04, 0x40, 0x20, 0, 0x41, 5, 0x77,
        0x21, 0, 0x0b,
    ];
    // No locals; the steps; local.get 0; end.
    let body = [&[0][..], &step.repeat(steps), &[0x20, 0, 0x0b]].concat();
    let code = [leb(body.len()), body].concat().repeat(functions);
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 1, 0x7f, 1, 0x7f]),
        section(3, &[leb(functions), vec![0; functions]].concat()),
        section(5, &[1, 0, 1]),
        section(10, &[leb(functions), code].concat()),
    ];
    // Section 1 of a component is a core module.
    wasm.extend(section(1, &module.concat()));
    wasm
}

fn limited(change: impl FnOnce(&mut CompileLimits)) -> CompilerCommand {
    let mut limits = CompileLimits::default();
    change(&mut limits);
    compiler().limited(limits)
}

fn refusal(compiler: CompilerCommand, wasm: &[u8]) -> LoadError {
    let folder = tempfile::tempdir().unwrap();
    let error = sandbox(folder.path(), compiler).load(wasm).unwrap_err();
    let cached = std::fs::read_dir(folder.path().join("cache")).unwrap().count();
    assert_eq!(cached, 0, "nothing is kept of what was refused");
    error
}

#[test]
fn what_the_process_compiled_is_cached_and_never_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = longest_idle();
    let plugin = sandbox(folder.path(), compiler()).load(&wasm).unwrap();
    assert_eq!(plugin.manifest().id.as_str(), "longest-idle");
    drop(plugin);
    let broken = CompilerCommand::new("/no/such/compiler", ["x"]);
    sandbox(folder.path(), broken.clone()).load(&wasm).unwrap();
    let error = refusal(broken, &wasm);
    assert!(matches!(error, LoadError::Compiler(_)), "{error}");
}

#[test]
fn what_is_no_plugin_is_refused_in_the_words_of_the_check() {
    let mut damaged = longest_idle();
    // A section that no component may have.
    damaged.extend([99, 0]);
    let error = refusal(compiler(), &damaged);
    let LoadError::Invalid(InvalidComponent::Malformed(why)) = &error else {
        panic!("{error}")
    };
    assert!(why.contains("section"), "{why}");
}

#[test]
fn each_limit_ends_the_compiler_and_names_itself() {
    let large = with_module("0.9.9", 2_000);
    let cpu = refusal(limited(|limits| limits.cpu_s = 1), &large);
    assert_eq!(cpu, LoadError::Limit(CompileLimit::Cpu(1)));
    let memory = limited(|limits| limits.memory_bytes = 80 * MIB);
    assert_eq!(
        refusal(memory, &large),
        LoadError::Limit(CompileLimit::Memory(80 * MIB))
    );
    let artifact = limited(|limits| limits.artifact_bytes = 4_096);
    assert_eq!(
        refusal(artifact, &longest_idle()),
        LoadError::Limit(CompileLimit::Artifact(4_096))
    );
    let began = Instant::now();
    let hangs = CompilerCommand::new("/bin/sleep", ["60"]).limited(CompileLimits {
        wall_ms: 50,
        ..CompileLimits::default()
    });
    assert_eq!(
        refusal(hangs, &longest_idle()),
        LoadError::Limit(CompileLimit::Wall(50))
    );
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_compiler_that_dies_takes_nobody_along() {
    let error = refusal(
        CompilerCommand::new("/bin/sh", ["-c", "echo oh no >&2; kill -SEGV $$"]),
        &longest_idle(),
    );
    assert!(
        matches!(&error, LoadError::Compile(why) if why.contains("oh no")),
        "{error}"
    );
}

#[test]
fn a_compile_bomb_is_refused_and_the_server_does_not_notice() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(BINARY), data.path());
    let api = &server.api;
    let bomb = with_functions("0.9.9", 1, 290_000);
    std::thread::scope(|scope| {
        let bombed = scope.spawn(|| api.upload(&bomb));
        let mut took = Vec::new();
        while !bombed.is_finished() {
            let began = Instant::now();
            let (status, _) = api.post(
                "/v1/outbound/checks",
                &json!({"number": "+442079460001", "channel": "voice", "purpose": "service"}),
            );
            assert!(status < 500, "{status}");
            took.push(began.elapsed());
        }
        took.sort_unstable();
        let (status, problem) = bombed.join().unwrap();
        // A single one may meet a disk that other tests keep busy; a server that waits for compilers would hold up all.
        let (asked, usual) = (took.len(), took[took.len() * 19 / 20]);
        println!("{asked} decisions meanwhile, of twenty nineteen within {usual:?}: {problem}");
        assert_eq!(
            (status, problem["code"].as_str()),
            (422, Some("compile-limit")),
            "{problem}"
        );
        assert!(asked > 20 && usual < Duration::from_secs(2));
    });
    let began = Instant::now();
    let (status, answer) = api.upload(&with_module("0.2.0", 1));
    assert_eq!(status, 201, "{answer}");
    let (status, answer) = api.put("/v1/bindings/queue:support", &json!({"plugin": "longest-idle"}));
    assert_eq!(
        (status, answer["version"].as_str()),
        (200, Some("0.2.0")),
        "{answer}"
    );
    println!("from upload to active: {:?}", began.elapsed());
}
