//! Compiled components on disk: used when they are authentic, dropped when not.

use std::{fs, path::PathBuf};

use jackfield_sandbox::{Sandbox, SandboxOptions};

use crate::{Fixture, env, fixture, guest::good, options, queue};

/// The one artifact in the cache.
fn artifact(fixture: &Fixture) -> PathBuf {
    let entries = fs::read_dir(fixture.dir.path().join("cache")).unwrap();
    let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    file.clone()
}

fn decides(sandbox: &Sandbox) {
    let decision = sandbox.load(&good()).unwrap().decide(queue(1, 1), env());
    assert!(decision.result.is_ok(), "{:?}", decision.result);
}

#[test]
fn a_tampered_or_truncated_artifact_is_dropped_and_compiled_anew() {
    let fixture = fixture();
    decides(&fixture.sandbox);
    let file = artifact(&fixture);
    let intact = fs::read(&file).unwrap();
    let mut flipped = intact.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let mut wrong_tag = intact.clone();
    wrong_tag[0] ^= 1;
    for damaged in [
        &flipped[..],
        &wrong_tag,
        &intact[..intact.len() - 1],
        &intact[..32],
        &intact[..7],
        b"",
    ] {
        fs::write(&file, damaged).unwrap();
        decides(&Sandbox::new(options(&fixture.dir)).unwrap());
        assert_eq!(fs::read(&file).unwrap().len(), intact.len(), "written anew");
    }
}

#[test]
fn an_artifact_under_another_key_or_another_name_is_not_trusted() {
    let fixture = fixture();
    decides(&fixture.sandbox);
    let file = artifact(&fixture);
    let intact = fs::read(&file).unwrap();
    let foreign = SandboxOptions {
        cache_key: [8; 32],
        ..options(&fixture.dir)
    };
    decides(&Sandbox::new(foreign).unwrap());
    assert_ne!(
        fs::read(&file).unwrap()[..32],
        intact[..32],
        "authenticated with the other key"
    );

    // An authentic artifact of one component put in the place of another's.
    let other = crate::guest::Module::default().routing("(unreachable)");
    let sandbox = Sandbox::new(options(&fixture.dir)).unwrap();
    decides(&sandbox);
    let authentic = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    sandbox.load(&other).unwrap();
    let place = artifact(&fixture);
    fs::write(&place, authentic).unwrap();
    let again = Sandbox::new(options(&fixture.dir)).unwrap().load(&other).unwrap();
    assert_eq!(
        &*again.decide(queue(1, 1), env()).result.unwrap_err().code,
        "trap",
        "the other one runs"
    );
}

#[test]
fn an_intact_artifact_is_not_written_again() {
    let fixture = fixture();
    decides(&fixture.sandbox);
    let written = fs::metadata(artifact(&fixture)).unwrap().modified().unwrap();
    decides(&Sandbox::new(options(&fixture.dir)).unwrap());
    assert_eq!(
        fs::metadata(artifact(&fixture)).unwrap().modified().unwrap(),
        written
    );
}

#[test]
fn a_component_that_is_loaded_twice_is_compiled_once() {
    let fixture = fixture();
    let first = fixture.sandbox.load(&good()).unwrap();
    fs::remove_file(artifact(&fixture)).unwrap();
    let second = fixture.sandbox.load(&good()).unwrap();
    assert_eq!(first.digest(), second.digest());
    assert_eq!(fs::read_dir(fixture.dir.path().join("cache")).unwrap().count(), 0);
}
