use std::net::SocketAddr;
use std::process::{Command, Output};

/// Runs a sipp scenario once as a caller, to its end, over UDP or TCP. `TONE_FILE` in the scenario becomes a file of µ-law sound: one
/// second of 500 Hz as a square wave, which needs no encoder.
pub fn sipp(server: SocketAddr, tcp: bool, number: &str, scenario: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let wave: Vec<u8> = (0..8_000)
        .map(|n| if n / 8 % 2 == 0 { 0x90 } else { 0x10 })
        .collect();
    let tone = dir.path().join("tone.ul");
    std::fs::write(&tone, wave).unwrap();
    let file = dir.path().join("scenario.xml");
    std::fs::write(&file, scenario.replace("TONE_FILE", tone.to_str().unwrap())).unwrap();
    let mut command = Command::new("sipp");
    command
        .current_dir(dir.path())
        .arg(server.to_string())
        .args([
            "-s",
            number,
            "-t",
            if tcp { "t1" } else { "u1" },
            "-m",
            "1",
            "-sf",
        ])
        .arg(&file);
    command.args([
        "-i",
        "127.0.0.1",
        "-mi",
        "127.0.0.1",
        "-nostdin",
        "-timeout",
        "90s",
        "-timeout_error",
    ]);
    command.args(["-trace_err", "-error_file", "errors.log"]);
    let output = command
        .output()
        .expect("sipp is installed (Debian package sip-tester)");
    let errors = std::fs::read_to_string(dir.path().join("errors.log")).unwrap_or_default();
    assert!(
        output.status.success(),
        "{errors}\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
    output
}
