//! Files of customers that are not as they should be.

use std::io::{Read, Write};
use std::net::TcpListener;

use clap::CommandFactory;
use serde_json::json;

use super::{CommandLine, DEFINE_TIER, Server, run};

#[test]
fn a_row_that_is_too_long_is_named_with_the_limit() {
    let server = Server::start();
    let key = server.tenant();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("customers.csv");
    let table = format!(
        "crm,name\n1,Li\n2,Han\n3,{}\n4,Mei\n",
        "x".repeat(5 * 1024 * 1024)
    );
    std::fs::write(&file, table).unwrap();
    let failed = server
        .run(&key, &["customer", "import", file.to_str().unwrap()])
        .unwrap_err();
    let told = failed.to_string();
    for part in ["row 3", "4194304 bytes", "the 2 rows before it are done"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(failed.code(), 1);
    let found = server.run(&key, &["customer", "show", "crm:2"]).unwrap();
    assert!(found.contains("Han"), "{found}");

    // A row that fits alone goes alone.
    let table = format!(
        "crm,name\n5,{}\n6,{}\n",
        "x".repeat(1024 * 1024 - 100),
        "y".repeat(4 * 1024 * 1024 - 10)
    );
    std::fs::write(&file, table).unwrap();
    let told = server
        .run(&key, &["customer", "import", file.to_str().unwrap()])
        .unwrap();
    assert!(told.ends_with("2 rows: made 0, changed 0, refused 2\n"), "{told}");
}

#[test]
fn a_quote_that_is_never_closed_is_told_of_its_row_and_the_others_go_on() {
    let server = Server::start();
    let key = server.tenant();
    let folder = tempfile::tempdir().unwrap();
    let (file, errors) = (folder.path().join("c.csv"), folder.path().join("errors.csv"));
    std::fs::write(&file, "crm,name\n1,Li\n2,\"Han\n3,Mei\n4,Wei\n").unwrap();
    let (file, errors) = (file.to_str().unwrap(), errors.to_str().unwrap());
    let told = server
        .run(&key, &["customer", "import", file, "--errors", errors])
        .unwrap();
    assert!(told.ends_with("4 rows: made 3, changed 0, refused 1\n"), "{told}");
    let wrong = std::fs::read_to_string(errors).unwrap();
    assert!(
        wrong.starts_with(
            "row,field,problem\n2,\"name\",\"a quote (\"\") is opened here and never closed: close it"
        ),
        "{wrong}"
    );
    let again = server.run(&key, &["customer", "import", file]).unwrap();
    assert!(again.contains("4 rows: made 3"), "nothing is left: {again}");
}

#[test]
fn an_answer_that_comes_before_the_body_was_sent_is_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let problem = json!({"type": "urn:x", "status": 413, "code": "too-large", "title": "x", "detail": "expected at most 7 bytes"});
        let problem = problem.to_string();
        let answer = format!(
            "HTTP/1.1 413 Payload Too Large\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{problem}",
            problem.len()
        );
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.wasm");
    std::fs::write(&file, vec![0; 16 * 1024 * 1024]).unwrap();
    let line = [
        "jackfield",
        "plugin",
        "upload",
        file.to_str().unwrap(),
        "--url",
        &url,
        "--key",
        "k",
    ];
    let failed = run(&line).unwrap_err().to_string();
    assert!(failed.starts_with("expected at most 7 bytes"), "{failed}");
    server.join().unwrap();
}

#[test]
fn the_line_of_json_that_the_help_shows_is_imported() {
    let mut root = CommandLine::command();
    let customer = root.find_subcommand_mut("customer").unwrap();
    let help = customer.find_subcommand_mut("import").unwrap().render_long_help();
    let help = help.to_string();
    let line = help.lines().find(|line| line.starts_with('{')).unwrap();
    let server = Server::start();
    let key = server.tenant();
    server.run(&key, &DEFINE_TIER).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("customers.ndjson");
    std::fs::write(&file, format!("{line}\n")).unwrap();
    let told = server
        .run(&key, &["customer", "import", file.to_str().unwrap()])
        .unwrap();
    assert!(told.ends_with("1 rows: made 1, changed 0, refused 0\n"), "{told}");
}
