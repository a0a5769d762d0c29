//! `cargo xtask run`: from a fresh machine to a server that can be called.

use std::{
    ffi::OsString,
    io::ErrorKind,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{apt, plugins, process, workspace};

/// Set up what is missing, build host and plugins, start the server with a demo tenant
#[derive(clap::Args)]
#[command(
    after_help = "The server listens for HTTP on 127.0.0.1:8080 (--http) and for SIP on 127.0.0.1:5060, UDP and TCP \
                  (--sip).\n\nExamples:\n  cargo xtask run\n  cargo xtask run --release --data /tmp/demo\n  \
                  cargo xtask run -- --http 0.0.0.0:8080 --data /tmp/demo\n  \
                  cargo xtask run -- --sip 192.0.2.10:5060     phones elsewhere in the network reach it"
)]
pub(crate) struct Arguments {
    /// Build optimised, as for real traffic
    #[arg(long)]
    release: bool,
    /// Folder of the demo's store; by default in the target folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Further arguments of `jackfield serve`, behind `--`; `jackfield serve --help` has them all
    #[arg(last = true)]
    serve: Vec<String>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    check_ports(&arguments.serve)?;
    apt::prepare(&[apt::SPEECH], "so that prompts are spoken");
    plugins::build_shipped()?;
    let binary = build_host(arguments.release)?;
    let mut serve = Command::new(&binary);
    serve.arg("serve").args(serve_arguments(arguments));
    // The server takes this process's place, so that signals and the exit code are its own.
    Err(serve.exec()).with_context(|| format!("cannot start {}", binary.display()))
}

/// What the server is started with; what stands behind `--` takes the place of ours.
fn serve_arguments(arguments: &Arguments) -> Vec<OsString> {
    let data = arguments.data.clone();
    let data = data.unwrap_or_else(|| workspace::target().join("demo"));
    let ours = [
        ("--demo", None),
        ("--data", Some(data)),
        ("--plugins", Some(workspace::plugins())),
    ];
    let mut all = Vec::new();
    for (option, value) in ours {
        let is_own = |own: &String| {
            let rest = own.strip_prefix(option);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        };
        if !arguments.serve.iter().any(is_own) {
            all.push(option.into());
            all.extend(value.map(OsString::from));
        }
    }
    all.extend(arguments.serve.iter().map(OsString::from));
    all
}

/// Says before the build, which takes minutes, that a port is in use.
fn check_ports(serve: &[String]) -> Result<()> {
    for (option, default) in [("--sip", "127.0.0.1:5060"), ("--http", "127.0.0.1:8080")] {
        let address = given(serve, option).unwrap_or(default);
        let Ok(address) = address.parse::<SocketAddr>() else {
            continue; // The server says what is wrong with it.
        };
        let opened = TcpListener::bind(address).and(UdpSocket::bind(address).map(drop));
        if opened.is_err_and(|error| error.kind() == ErrorKind::AddrInUse) {
            bail!(
                "{address} is in use: end the program that has it, or choose another, for example \
                 `cargo xtask run -- {option} {}:{}`",
                address.ip(),
                address.port() + 10
            );
        }
    }
    Ok(())
}

/// The value of an option, as `--option value` or `--option=value`.
fn given<'a>(arguments: &'a [String], option: &str) -> Option<&'a str> {
    let mut arguments = arguments.iter();
    arguments
        .find_map(|argument| match argument.strip_prefix(option)? {
            "" => Some(None),
            value => value.strip_prefix('=').map(Some),
        })?
        .or_else(|| arguments.next().map(String::as_str))
}

/// Builds the binary `jackfield` and gives its path.
pub(crate) fn build_host(release: bool) -> Result<PathBuf> {
    let mut build = process::cargo();
    build
        .args(["build", "--package", "jackfield"])
        .current_dir(workspace::root());
    if release {
        build.arg("--release");
    }
    let profile = if release { "release" } else { "debug" };
    let binary = workspace::target().join(profile).join("jackfield");
    if !binary.is_file() {
        process::say("building the host; the first time takes 5 to 15 minutes");
    }
    process::run(&mut build)?;
    Ok(binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_seen_in_both_forms() {
        let sip = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            given(&words, "--sip").map(str::to_owned)
        };
        assert_eq!(sip(&["--sip", "[::1]:5060"]).as_deref(), Some("[::1]:5060"));
        assert_eq!(sip(&["--http=a", "--sip=b"]).as_deref(), Some("b"));
        assert_eq!(sip(&["--sip-tls", "c", "--sip", "d"]).as_deref(), Some("d"));
        assert_eq!(sip(&["--sip"]), None);
        assert_eq!(sip(&["--http", "e"]), None);
    }

    #[test]
    fn what_stands_behind_the_dashes_takes_the_place_of_ours() {
        let started = |data: Option<&str>, serve: &[&str]| {
            let all = serve_arguments(&Arguments {
                release: false,
                data: data.map(PathBuf::from),
                serve: serve.iter().map(|word| (*word).to_owned()).collect(),
            });
            let words: Vec<_> = all.iter().map(|word| word.to_str().unwrap().to_owned()).collect();
            words
        };
        let plugins = workspace::plugins().to_str().unwrap().to_owned();
        let with = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            started(Some("a"), &["--http", "b"]),
            with(&["--demo", "--data", "a", "--plugins", &plugins, "--http", "b"])
        );
        assert_eq!(
            started(None, &["--data", "a", "--demo"]),
            with(&["--plugins", &plugins, "--data", "a", "--demo"])
        );
        assert_eq!(
            started(Some("a"), &["--data=b", "--plugins=c"]),
            with(&["--demo", "--data=b", "--plugins=c"])
        );
    }

    #[test]
    fn a_port_in_use_is_told_before_the_build() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let refused = check_ports(&[format!("--sip={address}"), "--http=127.0.0.1:0".into()]);
        assert!(refused.unwrap_err().to_string().contains("--sip"), "{address}");
    }
}
