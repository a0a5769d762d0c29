//! Commands against a server of their own over loopback.

use std::io::Write;
use std::sync::{Arc, Mutex};

use clap::{CommandFactory, Parser};
use jackfield_runtime::{Platform, PlatformOptions, PluginOptions, StoreKind};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::failure::Failure;
use super::output::Output;

mod imports;
mod messages;

#[derive(Parser)]
// As the program has it: names that it gives to all subcommands may collide with theirs.
#[command(name = "jackfield", version, propagate_version = true)]
struct CommandLine {
    #[command(subcommand)]
    command: super::Command,
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Server {
    url: String,
    folder: TempDir,
    end: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
    runtime: Runtime,
}

impl Server {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = PlatformOptions {
            data_dir: folder.path().to_owned(),
            store: StoreKind::Memory,
            voice: None,
            plugins: PluginOptions::default(),
        };
        let (end, ended) = oneshot::channel::<()>();
        let (url, served) = runtime.block_on(async {
            let platform = Platform::start(options).await.unwrap();
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let served = tokio::spawn(async move {
                let nobody = jackfield_api::TrustedProxies::default();
                jackfield_api::serve(listener, platform, 100, nobody, async { drop(ended.await) }).await;
            });
            (url, served)
        });
        Self {
            url,
            folder,
            end: Some(end),
            served: Some(served),
            runtime,
        }
    }

    fn operator(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("operator.key")).unwrap()
    }

    /// Runs a command with a key; what it wrote.
    fn run(&self, key: &str, arguments: &[&str]) -> Result<String, Failure> {
        let connection = ["--url", &self.url, "--key", key];
        let line = ["jackfield"].iter().chain(arguments).chain(&connection);
        run(&line.copied().collect::<Vec<_>>())
    }

    /// A tenant and its administrator's key.
    fn tenant(&self) -> String {
        let made = self.run(&self.operator(), &["tenant", "create", "one"]).unwrap();
        made.lines().last().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        self.runtime.block_on(self.served.take().unwrap()).unwrap();
    }
}

fn run(line: &[&str]) -> Result<String, Failure> {
    let written = Written::default();
    let command = CommandLine::try_parse_from(line)
        .unwrap_or_else(|error| panic!("{line:?}: {error}"))
        .command;
    super::execute(command, &mut Output::into(written.clone()))?;
    let bytes = written.0.lock().unwrap().clone();
    Ok(String::from_utf8(bytes).unwrap())
}

#[test]
fn the_command_line_is_sound_and_explains_itself() {
    CommandLine::command().debug_assert();
    let mut root = CommandLine::command();
    for command in root.get_subcommands_mut() {
        let (name, help) = (
            command.get_name().to_owned(),
            command.render_long_help().to_string(),
        );
        assert!(help.contains("Example"), "{name} shows no example");
    }
}

const DEFINE_TIER: [&str; 10] = [
    "customer",
    "attribute",
    "define",
    "tier",
    "--type",
    "enum",
    "--option",
    "gold",
    "--option",
    "silver",
];

#[test]
fn customers_are_made_changed_merged_and_told_of() {
    let server = Server::start();
    let key = server.tenant();
    let run = |arguments: &[&str]| server.run(&key, arguments).unwrap();
    run(&DEFINE_TIER);
    run(&["customer", "settings", "set", "--default-region", "GB"]);
    run(&[
        "customer",
        "create",
        "--identity",
        "tel:020 7946 0100",
        "--name",
        "Ann",
        "--set",
        "tier=gold",
    ]);
    run(&["customer", "create", "--identity", "email:ann@example.com"]);
    run(&["customer", "set", "+442079460100", "--language", "en"]);
    run(&["customer", "note", "+442079460100", "Asked for an offer."]);
    run(&[
        "customer",
        "consent",
        "+442079460100",
        "sales",
        "--granted",
        "--source",
        "call",
    ]);
    run(&[
        "customer",
        "merge",
        "email:ann@example.com",
        "+442079460100",
        "--why",
        "one person",
    ]);
    let shown = run(&["customer", "show", "email:ann@example.com"]);
    for part in ["Ann", "tel:+442079460100", "gold", "sales"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let timeline = run(&["customer", "timeline", "+442079460100", "--kinds", "note,merged"]);
    assert!(
        timeline.contains("Asked for an offer.") && timeline.contains("one person"),
        "{timeline}"
    );
    assert_eq!(timeline.lines().count(), 2);
    let bad = server.run(
        &key,
        &["customer", "set", "+442079460100", "--set", "tier=bronze"],
    );
    assert!(bad.unwrap_err().to_string().contains("one of gold, silver"));
}

#[test]
fn customers_are_imported_from_a_file_and_what_is_wrong_is_written_to_another() {
    let server = Server::start();
    let key = server.tenant();
    let folder = tempfile::tempdir().unwrap();
    let (file, errors) = (
        folder.path().join("customers.csv"),
        folder.path().join("errors.csv"),
    );
    let (file, errors) = (file.to_str().unwrap(), errors.to_str().unwrap());
    let mut table = String::from("id,name,tel\n");
    for n in 0..40_000 {
        table.push_str(&format!("{n},Customer {n},+86138{n:08}\n"));
    }
    table.push_str("x,Broken,12\n");
    std::fs::write(file, &table).unwrap();
    let told = server
        .run(
            &key,
            &["customer", "import", file, "--map", "id=crm", "--errors", errors],
        )
        .unwrap();
    assert!(
        told.ends_with("40001 rows: made 40000, changed 0, refused 1\n"),
        "{told}"
    );
    assert!(told.lines().count() > 2, "progress: {told}");
    let wrong = std::fs::read_to_string(errors).unwrap();
    assert!(wrong.starts_with("row,field,problem\n40001,\"tel\","), "{wrong}");
    // The same again goes on where it stopped: there is nothing left.
    let again = server.run(&key, &["customer", "import", file]).unwrap();
    assert!(
        again.ends_with("40001 rows: made 40000, changed 0, refused 1\n"),
        "{again}"
    );
    // Another file of the same name is another import.
    std::fs::write(file, "id,name,tel\n40000,Customer 40000,+8613800040000\n").unwrap();
    let other = server
        .run(&key, &["customer", "import", file, "--map", "id=crm"])
        .unwrap();
    assert!(
        other.ends_with("1 rows: made 1, changed 0, refused 0\n"),
        "{other}"
    );
    let found = server.run(&key, &["customer", "show", "crm:39999"]).unwrap();
    assert!(
        found.contains("Customer 39999") && found.contains("+8613800039999"),
        "{found}"
    );
}

#[test]
fn settings_are_made_changed_and_listed() {
    let server = Server::start();
    let key = server.tenant();
    let run = |arguments: &[&str]| server.run(&key, arguments).unwrap();
    let made = run(&["queue", "set", "support", "--name", "客服", "--wrap-up", "5s"]);
    assert_eq!(made, "✓ queue support made\n");
    // What isn't given stays.
    let changed = run(&["queue", "set", "support", "--max-wait", "2m"]);
    assert_eq!(changed, "✓ queue support changed\n");
    let queue: serde_json::Value =
        serde_json::from_str(&run(&["queue", "show", "support", "--json"])).unwrap();
    assert_eq!(
        (&queue["name"], &queue["wrap_up_ms"], &queue["max_wait_ms"]),
        (&"客服".into(), &5_000.into(), &120_000.into())
    );

    let made = run(&["agent", "set", "anna", "--skill", "en=5", "--queue", "support"]);
    assert_eq!(made, "✓ agent anna made\n");
    let changed = run(&["agent", "set", "anna", "--name", "Anna"]);
    assert_eq!(changed, "✓ agent anna changed\n");
    assert_eq!(
        run(&["agent", "state", "anna", "break", "--reason", "lunch"]),
        "✓ agent anna is on a break\n"
    );
    let agent: serde_json::Value = serde_json::from_str(&run(&["agent", "show", "anna", "--json"])).unwrap();
    assert_eq!(
        (&agent["name"], &agent["skills"]["en"]),
        (&"Anna".into(), &5.into())
    );
    assert_eq!(agent["state"]["reason"], "lunch");

    run(&[
        "number",
        "set",
        "+442079460100",
        "--language",
        "en",
        "--queue",
        "support",
    ]);
    insta::assert_snapshot!(run(&["number", "list"]), @r"
    NUMBER         NAME           LANGUAGE  DEFAULT QUEUE
    +442079460100  +442079460100  en        support
    ");
    assert_eq!(run(&["calls", "list"]), "none\n");
    run(&["user", "add", "bo", "--role", "agent"]);
    let made = run(&["key", "create", "bo"]);
    let whoami = server.run(made.lines().last().unwrap(), &["whoami"]).unwrap();
    insta::assert_snapshot!(whoami, @r"
    tenant  one
    user    bo
    roles   agent
    ");
    let told = run(&["events", "--type", "queue-set,agent-set"]);
    assert_eq!(
        told.lines().filter(|line| line.contains("support set")).count(),
        2,
        "{told}"
    );
    assert_eq!(
        told.lines().filter(|line| line.contains("anna set")).count(),
        2,
        "{told}"
    );
}

#[test]
fn quotas_are_changed_field_by_field_and_usage_is_told_in_three_forms() {
    let server = Server::start();
    let (key, operator) = (server.tenant(), server.operator());
    let operator = operator.trim();
    let quota = |more: &[&str]| {
        let line = [&["tenant", "quota", "one"], more].concat();
        server.run(operator, &line).unwrap()
    };
    quota(&["--fuel-per-day", "1000", "--storage-bytes", "5"]);
    quota(&["--storage-bytes", "none", "--weight", "3"]);
    insta::assert_snapshot!(quota(&[]), @r"
    decisions per second  unlimited
    fuel per day          1000
    storage bytes         unlimited
    weight                3
    ");
    for who in [operator, &key] {
        assert_eq!(server.run(who, &["usage"]).unwrap(), "none\n");
        let usage: serde_json::Value =
            serde_json::from_str(&server.run(who, &["usage", "--json"]).unwrap()).unwrap();
        assert_eq!(usage, serde_json::json!({"items": [], "quotas": []}));
        let heading = server.run(who, &["usage", "--csv", "--step", "day"]).unwrap();
        assert_eq!(heading.lines().count(), 1);
        assert!(
            heading.starts_with("tenant,since,use,point,kind,plugin,version,decisions"),
            "{heading}"
        );
    }
    let none = [
        "usage",
        "--from",
        "2026-01-02T00:00:00Z",
        "--to",
        "2026-01-01T00:00:00Z",
    ];
    assert_eq!(server.run(&key, &none).unwrap_err().code(), 1);
}

#[test]
fn refusals_say_what_to_do_and_have_their_exit_codes() {
    let server = Server::start();
    let key = server.tenant();
    let refused = server
        .run(&key, &["binding", "set", "tenant:qa-scorecard", "nothing"])
        .unwrap_err();
    insta::assert_snapshot!(refused, @r"
    there is no plugin nothing; upload it first
      field: plugin
      code: unknown-plugin (422)
      hint: `jackfield plugin upload FILE` uploads one, `jackfield plugin list` shows what is there
    ");
    assert_eq!(refused.code(), 1);
    assert_eq!(server.run("jf_no", &["whoami"]).unwrap_err().code(), 1);
    let usage = server.run(&key, &["number", "set", "+442079460100"]).unwrap_err();
    assert_eq!(usage.code(), 2);
    let file = server
        .run(&key, &["plugin", "upload", "/nowhere/x.wasm"])
        .unwrap_err();
    assert_eq!(file.code(), 2);
    let nobody = run(&["jackfield", "whoami", "--url", "http://127.0.0.1:1", "--key", "x"]).unwrap_err();
    assert_eq!(nobody.code(), 3);
    assert!(nobody.to_string().contains("jackfield serve"), "{nobody}");
}

#[test]
fn a_publisher_signs_and_a_tenant_trusts_grants_and_yanks() {
    let server = Server::start();
    let key = server.tenant();
    let run = |arguments: &[&str]| server.run(&key, arguments);
    let built = crate::seed::plugins_dir(None).expect("the plugins are built: cargo xtask plugins");
    let folder = tempfile::tempdir().unwrap();
    let (wasm, secret) = (
        folder.path().join("tags.wasm"),
        folder.path().join("publisher.key"),
    );
    std::fs::copy(built.join("rfm-mood-tags-0.1.0.wasm"), &wasm).unwrap();
    let (wasm, secret) = (wasm.to_str().unwrap(), secret.to_str().unwrap());

    let refused = run(&["plugin", "upload", wasm]).unwrap_err().to_string();
    assert!(refused.contains("code: unsigned"), "{refused}");
    run(&["plugin", "keygen", secret]).unwrap();
    assert!(
        run(&["plugin", "keygen", secret]).is_err(),
        "a key is never overwritten"
    );
    run(&["plugin", "sign", wasm, "--with", secret]).unwrap();
    let refused = run(&["plugin", "upload", wasm]).unwrap_err().to_string();
    assert!(refused.contains("untrusted-key"), "{refused}");
    run(&["plugin", "trust", "add", "acme", &format!("{secret}.pub")]).unwrap();
    let done = run(&["plugin", "upload", wasm]).unwrap();
    assert!(done.contains("signed by acme"), "{done}");
    assert!(run(&["plugin", "trust", "list"]).unwrap().contains("acme"));

    let has = run(&[
        "plugin",
        "grant",
        "rfm-mood-tags",
        "cx:scoring/scores",
        "--why",
        "no names",
    ])
    .unwrap();
    assert!(has.contains("no names"), "{has}");
    let line = has.lines().find(|line| line.starts_with("has")).unwrap();
    assert!(line.ends_with("  cx:scoring/scores"), "{has}");
    let has = run(&["plugin", "grant", "rfm-mood-tags", "--by-policy"]).unwrap();
    assert!(has.contains("cx:profile/customers, cx:scoring/scores"), "{has}");

    let bind = [
        "binding",
        "set",
        "tenant:tag-generator",
        "rfm-mood-tags",
        "--why",
        "first tags",
    ];
    run(&bind).unwrap();
    let history = run(&["binding", "history", "tenant:tag-generator"]).unwrap();
    assert!(history.contains("first tags"), "{history}");
    run(&["plugin", "yank", "rfm-mood-tags@0.1.0", "--why", "too sad"]).unwrap();
    assert!(run(&bind).unwrap_err().to_string().contains("too sad"));
    assert!(run(&["plugin", "list"]).unwrap().contains("yanked"));
    run(&["plugin", "unyank", "rfm-mood-tags@0.1.0"]).unwrap();
    run(&bind).unwrap();
    let policy = run(&["plugin", "policy", "--unsigned", "allowed"]).unwrap();
    assert!(
        policy.contains("allowed") && policy.contains("requested"),
        "{policy}"
    );
    run(&["customer", "create", "--identity", "crm:1"]).unwrap();
    let dry = run(&["tag", "run", "start", "dry", "--dry-run"]).unwrap();
    assert!(
        dry.contains("run dry done: 1 customers, would be changed 1"),
        "{dry}"
    );
    let done = run(&["tag", "run", "start", "all"]).unwrap();
    assert!(done.contains("run all done: 1 customers, changed 1"), "{done}");
    let receipts = run(&["tag", "run", "receipts", "all"]).unwrap();
    assert_eq!(receipts.lines().count(), 2, "{receipts}");
    let shown = run(&["customer", "show", "crm:1"]).unwrap();
    assert!(
        shown.contains("rfm:new") && shown.contains("by rfm-mood-tags@0.1.0"),
        "{shown}"
    );
    run(&["tag", "run", "schedule", "--every-hours", "24"]).unwrap();
    assert!(run(&["tag", "run", "schedule"]).unwrap().contains("24"));
}

#[test]
fn tags_are_defined_and_set_and_segments_counted() {
    let server = Server::start();
    let key = server.tenant();
    let run = |arguments: &[&str]| server.run(&key, arguments);
    run(&["customer", "create", "--identity", "crm:1", "--name", "Li Lei"]).unwrap();
    run(&["customer", "create", "--identity", "crm:2"]).unwrap();
    let define = [
        "tag", "define", "vip", "--kind", "manual", "--zh", "贵宾", "--days", "30",
    ];
    run(&define).unwrap();
    run(&["tag", "define", "vip", "--en", "VIP"]).unwrap();
    let shown = run(&["tag", "show", "vip"]).unwrap();
    assert!(
        shown.contains("贵宾") && shown.contains("VIP") && shown.contains("30"),
        "{shown}"
    );
    assert!(run(&["tag", "list"]).unwrap().contains("manual"));
    run(&["tag", "set", "crm:1", "vip", "--reason", "old friend"]).unwrap();
    assert!(
        run(&["customer", "show", "crm:1"])
            .unwrap()
            .contains("old friend")
    );

    let vip = r#"{"tag": "vip"}"#;
    let slip = run(&["segment", "set", "vips", "--expression", r#"{"tag": "vpi"}"#]).unwrap();
    assert!(slip.contains("the library has no tag \"vpi\""), "{slip}");
    let kept = run(&["segment", "set", "vips", "--expression", vip, "--name", "VIPs"]).unwrap();
    assert_eq!(kept, "✓ segment vips is kept\n");
    let count = run(&["segment", "count", "vips"]).unwrap();
    assert!(count.contains("segment vips: 1 of 2 customers"), "{count}");
    assert!(run(&["segment", "customers", "vips"]).unwrap().contains("Li Lei"));
    assert!(run(&["segment", "of", "crm:1"]).unwrap().contains("VIPs"));
    let preview = run(&["segment", "preview", "--expression", r#"{"not": {"tag": "vip"}}"#]).unwrap();
    assert!(preview.contains("1 of all 2 customers"), "{preview}");
    let wrong = ["segment", "set", "x", "--expression", r#"{"any": [{"tag": 5}]}"#];
    let wrong = run(&wrong).unwrap_err().to_string();
    assert!(wrong.contains("expression.any[0].tag"), "{wrong}");
    run(&["campaign", "set", "spring", "--segment", "vips"]).unwrap();
    run(&["campaign", "set", "spring", "--name", "Spring"]).unwrap();
    assert!(
        run(&["campaign", "customers", "spring"])
            .unwrap()
            .contains("Li Lei")
    );
    run(&["tag", "take", "crm:1", "vip"]).unwrap();
    assert_eq!(run(&["campaign", "customers", "spring"]).unwrap(), "none\n");
    assert!(
        run(&["segment", "remove", "vips"]).is_err(),
        "the campaign is for it"
    );
}

#[test]
fn cases_are_opened_handed_over_looked_at_and_resolved() {
    let server = Server::start();
    let key = server.tenant();
    let run = |line: &[&str]| server.run(&key, line).unwrap();
    run(&["outlet", "set", "west-lake", "--name", "西湖营业厅"]);
    assert!(run(&["outlet", "list"]).contains("西湖营业厅"));
    let set = [
        "case",
        "category-set",
        "repair",
        "--title-zh",
        "报修",
        "--hours",
        "48",
    ];
    let set: Vec<_> = set
        .into_iter()
        .chain(["--owner", "outlet:west-lake", "--escalate", "24=outlet:west-lake"])
        .collect();
    run(&set);
    assert!(run(&["case", "categories"]).contains("48:00:00"));
    run(&["customer", "create", "--identity", "email:ann@example.com"]);
    let open = [
        "case",
        "open",
        "repair",
        "Router",
        "--customer",
        "email:ann@example.com",
    ];
    assert!(run(&open).contains("case 1 is open"));
    // A number alone is its customer, here as elsewhere.
    run(&["customer", "create", "--identity", "+442079460100"]);
    let by_number = ["--customer", "+442079460100"];
    run(&[&["case", "open", "repair", "Telephone"], &by_number[..]].concat());
    let of_number = run(&[&["case", "list"], &by_number[..]].concat());
    assert!(
        of_number.contains("Telephone") && !of_number.contains("Router"),
        "{of_number}"
    );
    assert!(run(&[&["calls", "list"], &by_number[..]].concat()).contains("none"));
    run(&["outlet", "set", "east"]);
    run(&["case", "hand-over", "1", "outlet:east", "--why", "nearer"]);
    run(&["case", "note", "1", "Comes on Monday", "--visible"]);
    assert!(run(&["case", "list", "--owner", "outlet:east"]).contains("Router"));
    let shown = run(&["case", "show", "1"]);
    assert!(
        shown.contains("nearer") && shown.contains("Comes on Monday"),
        "{shown}"
    );
    let link = run(&["case", "link", "1"]);
    assert!(link.starts_with(&format!("{}/case/one/", server.url)), "{link}");
    run(&["case", "unlink", "1"]);
    run(&["case", "links", "--host", "help.example"]);
    assert!(run(&["case", "resolve", "1"]).contains("case 1 is resolved"));
    assert!(!run(&["case", "list", "--status", "open"]).contains("Router"));
    run(&["case", "reopen", "1"]);
    let told = server
        .run(&key, &["case", "hand-over", "1", "outlet:nowhere"])
        .unwrap_err();
    assert!(told.to_string().contains("outlet:nowhere"), "{told}");
}

#[test]
fn a_folder_of_markdown_becomes_articles_that_are_found() {
    let server = Server::start();
    let key = server.tenant();
    let run = |arguments: &[&str]| server.run(&key, arguments).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("billing")).unwrap();
    write("billing/Refunds.md", "# Getting money back\n\nWithin three days.");
    write(
        "退款.md",
        "---\nlanguage: zh-CN\n---\n# 退款流程\n\n三个工作日内到账。",
    );
    write("notes.txt", "no article");
    let at = folder.path().to_str().unwrap();
    let told = run(&["knowledge", "import", at, "--approve"]);
    assert!(told.contains("2 articles are written, 0 were the same"), "{told}");
    let told = run(&["knowledge", "import", at, "--approve"]);
    assert!(told.contains("0 articles are written, 2 were the same"), "{told}");
    let found = run(&["knowledge", "search", "mony back"]);
    assert!(
        found.starts_with("billing-refunds  Getting [money] [back]"),
        "{found}"
    );
    let found = run(&["knowledge", "search", "怎么退款"]);
    assert!(found.contains("[退款]流程"), "{found}");

    write("billing/Refunds.md", "# Getting money back\n\nAt once.");
    run(&["knowledge", "import", at]);
    let versions = run(&["knowledge", "versions", "billing-refunds"]);
    assert!(
        versions.contains("draft") && versions.contains("approved"),
        "{versions}"
    );
    run(&["knowledge", "review", "billing-refunds"]);
    run(&["knowledge", "approve", "billing-refunds"]);
    assert!(run(&["knowledge", "show", "billing-refunds"]).contains("At once."));
    run(&["knowledge", "withdraw", "billing-refunds"]);
    assert!(run(&["knowledge", "search", "money"]).contains("nothing fits"));
    run(&["knowledge", "remove", "billing-refunds"]);
    assert!(!run(&["knowledge", "list"]).contains("billing-refunds"));
    assert!(run(&["knowledge", "settings", "--four-eyes", "true"]).contains("yes"));

    run(&[
        "template",
        "set",
        "sent",
        "--text",
        "Order {{order}} is sent.",
        "--shortcut",
        "/sent",
    ]);
    run(&["template", "set", "hi", "--own", "--text", "Hi"]);
    assert!(run(&["template", "list"]).contains("/sent"));
    assert!(run(&["template", "list", "--own"]).contains("hi"));
    run(&["template", "remove", "sent"]);
    let broken = server.run(&key, &["template", "set", "x", "--text", "{{"]);
    assert!(broken.unwrap_err().to_string().contains("without '}}'"));
}

#[test]
fn slips_are_answered_with_what_to_write() {
    let server = Server::start();
    let key = server.tenant();
    let told = |arguments: &[&str]| {
        let failure = server.run(&key, arguments).unwrap_err();
        (failure.code(), failure.to_string())
    };
    let (code, why) = told(&["agent", "state", "anna", "break"]);
    assert_eq!(code, 2);
    assert!(
        why.ends_with("jackfield agent state anna break --reason lunch"),
        "{why}"
    );

    let (code, why) = told(&["outbound", "check", "+33612345678", "--purpose", "sale"]);
    assert_eq!(code, 1);
    for known in [
        "\"sale\"",
        "sales, arrears, survey, requested-callback, service",
        "--purpose",
    ] {
        assert!(why.contains(known), "{why}");
    }
    let report = [
        "outbound",
        "report",
        "+33612345678",
        "--outcome",
        "unanswered",
        "--purpose",
        "invitation",
    ];
    assert_eq!(told(&report).0, 1);
    server
        .run(&key, &["customer", "settings", "set", "--purpose", "invitation"])
        .unwrap();
    server.run(&key, &report).unwrap();

    let file = server.folder.path().join("README.md");
    std::fs::write(&file, "# A plugin\nIt routes.").unwrap();
    let (code, why) = told(&["plugin", "upload", file.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(
        why.starts_with(
            "not a WebAssembly component: it begins with \"# A plugin\\nIt routes.\"; `jackfield plugin build` makes one"
        ),
        "{why}"
    );

    let keys = |text: &str| {
        let file = server.folder.path().join("a.key");
        std::fs::write(&file, text).unwrap();
        let line = [
            "jackfield",
            "queue",
            "list",
            "--url",
            &server.url,
            "--key-file",
            file.to_str().unwrap(),
        ];
        run(&line).map_err(|failure| (failure.code(), failure.to_string()))
    };
    assert!(keys(&format!("\n{key}\r\n")).is_ok());
    for (text, problem) in [
        ("", "there is no key in it"),
        (" \n\n", "there is no key in it"),
        ("key: jf_1", "expected one key and nothing else"),
    ] {
        let (code, why) = keys(text).unwrap_err();
        assert!(
            code == 2 && why.contains("a.key") && why.contains(problem),
            "{code} {why}"
        );
    }
}

#[test]
fn a_time_says_of_which_zone_it_is() {
    let told = super::output::time(1_767_225_600_000);
    let (moment, zone) = told.rsplit_once(' ').unwrap();
    assert_eq!(moment.len(), "2026-01-01 00:00:00".len(), "{told}");
    assert!(zone.starts_with(['+', '-']) && zone.len() == 6, "{told}");
    let read: jiff::Timestamp = told.replacen(' ', "T", 1).replace(' ', "").parse().unwrap();
    assert_eq!(read.as_millisecond(), 1_767_225_600_000);
}
