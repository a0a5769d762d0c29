//! Health, figures, and the page that shows the interface.

use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::{NUMBER, TestApp};

#[tokio::test]
async fn the_service_tells_how_it_is() {
    let app = TestApp::start().await;
    app.tenant("one", NUMBER).await;
    app.call("one", NUMBER).await;
    assert_json_snapshot!(app.get("/healthz", "").await, {".body.version" => "[version]"}, @r##"
    {
      "status": 200,
      "content_type": "application/json",
      "body": {
        "status": "ok",
        "version": "[version]"
      }
    }
    "##);
    assert_eq!(app.get("/readyz", "").await.status, 200);
    let metrics = app.get("/metrics", "").await.ok();
    let text = String::from_utf8(metrics.bytes.to_vec()).unwrap();
    for line in [
        "jackfield_tenants 1",
        "jackfield_interactions_total 1",
        "# TYPE jackfield_http_requests_total counter",
        "jackfield_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
    }
    // Totals only: nothing tells of a tenant.
    assert!(!text.contains("tenant=") && !text.contains(NUMBER), "{text}");
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let app = TestApp::start().await;
    let page = app.get("/docs", "").await.ok();
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    for asset in ["docs.js", "docs.css"] {
        let found = app.get(&format!("/docs/{asset}"), "").await.ok();
        assert!(
            std::str::from_utf8(&page.bytes)
                .unwrap()
                .contains(&format!("/docs/{asset}"))
        );
        let text = std::str::from_utf8(&found.bytes).unwrap();
        assert!(
            !text.contains("http://") && !text.contains("https://"),
            "{asset} reaches elsewhere"
        );
    }
    assert_eq!(
        app.get("/docs/other", "").await.problem(),
        (404, "unknown-asset", "")
    );
}

#[tokio::test]
async fn the_plugin_manual_is_browsable() {
    let app = TestApp::start().await;
    let index = app.get("/docs/manual-index.json", "").await.ok();
    let index: Vec<(String, String, String, String)> = serde_json::from_slice(&index.bytes).unwrap();
    assert!(index.iter().any(|(text, ..)| text == "variant call-action"));
    let mut pages: Vec<_> = index.iter().map(|(_, _, page, _)| page.clone()).collect();
    pages.dedup();
    assert!(pages.len() > 20, "{pages:?}");
    let mut anchors = Vec::new();
    let mut links = Vec::new();
    for page in pages {
        let found = app.get(&page, "").await.ok();
        assert!(
            found
                .header("content-security-policy")
                .starts_with("default-src 'none'")
        );
        let html = String::from_utf8(found.bytes.to_vec()).unwrap();
        assert!(!html.contains("{{"), "{page}");
        anchors.push(page.clone());
        anchors.extend(
            html.split(" id=\"")
                .skip(1)
                .map(|part| format!("{page}#{}", part.split('"').next().unwrap())),
        );
        for link in html
            .split("<a href=\"")
            .skip(1)
            .map(|part| part.split('"').next().unwrap())
        {
            links.push(if link.starts_with('#') {
                format!("{page}{link}")
            } else {
                link.to_owned()
            });
        }
    }
    for link in links.iter().filter(|link| link.starts_with("/docs/plugins")) {
        assert!(anchors.contains(link), "{link} leads nowhere");
    }
    assert_eq!(
        app.get("/docs/plugins/fax", "").await.problem(),
        (404, "unknown-page", "")
    );
    for (path, to) in [("/docs/plugins/", "/docs/plugins"), ("/docs/", "/docs")] {
        let moved = app.get(path, "").await;
        assert_eq!((moved.status, moved.header("location")), (308, to));
    }
}

#[tokio::test]
async fn what_a_client_began_is_done_to_its_end_without_it() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let mut put = Box::pin(app.put("/v1/queues/sales", &admin, json!({"name": "Sales"})));
    tokio::select! {
        biased;
        _ = &mut put => panic!("a commit takes longer than one look"),
        () = std::future::ready(()) => drop(put),
    }
    let there = async {
        while app.get("/v1/queues/sales", &admin).await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), there)
        .await
        .unwrap();
}
