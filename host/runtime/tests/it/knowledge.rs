//! The full-text index is a copy: whatever becomes of it, what the store says is found.

use std::path::{Path, PathBuf};

use jackfield_runtime::{ArticleText, Audience, KnowledgeSearch, Tenant};
use jackfield_types::{ArticleId, Timestamp};

use crate::faults::{Site, ctx, id};

fn text(title: &str) -> ArticleText {
    ArticleText {
        title: title.into(),
        body: "办理需要三天".into(),
        language: "zh-CN".into(),
        category: None,
        keywords: Vec::new(),
        audience: vec![Audience::Agents],
        queues: Vec::new(),
        valid_from: None,
        valid_until: None,
    }
}

async fn publish(tenant: &Tenant, article: &str, title: &str) {
    let article = ArticleId::new(article).unwrap();
    let (_, version) = tenant
        .write_article(&ctx(), article.clone(), text(title))
        .await
        .unwrap();
    tenant
        .review_article(&ctx(), &article, version.number)
        .await
        .unwrap();
    tenant
        .approve_article(&ctx(), &article, version.number)
        .await
        .unwrap();
}

async fn found(tenant: &Tenant, words: &str) -> Vec<String> {
    let search = KnowledgeSearch {
        text: words.into(),
        audience: Audience::Agents,
        queues: None,
        language: None,
        category: None,
        kind: None,
        at: Timestamp(1_800_000_000_000),
        limit: 20,
    };
    let found = tenant.search_knowledge(&ctx(), &search).await.unwrap();
    let mut ids: Vec<String> = found.iter().map(|hit| hit.entry.id.to_string()).collect();
    ids.sort_unstable();
    ids
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[tokio::test]
async fn an_index_that_is_lost_damaged_or_behind_is_brought_up_to_date_from_the_store() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    publish(&tenant, "refunds", "退款流程").await;
    publish(&tenant, "parcels", "包裹查询").await;
    assert_eq!(found(&tenant, "退款").await, ["refunds"]);
    platform.shutdown().await;

    // As it was left.
    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&id()).unwrap();
    assert_eq!(found(&tenant, "办理").await, ["parcels", "refunds"]);
    let behind = tempfile::tempdir().unwrap();
    for file in files(&site.indexes()) {
        let name = file.strip_prefix(site.indexes()).unwrap();
        std::fs::create_dir_all(behind.path().join(name).parent().unwrap()).unwrap();
        std::fs::copy(&file, behind.path().join(name)).unwrap();
    }
    publish(&tenant, "roaming", "漫游资费").await;
    tenant
        .withdraw_article(&ctx(), &ArticleId::new("parcels").unwrap())
        .await
        .unwrap();
    assert_eq!(found(&tenant, "办理").await, ["refunds", "roaming"]);
    platform.shutdown().await;

    // One of before: what has changed since is not found by its old words, nor missed.
    std::fs::remove_dir_all(site.indexes()).unwrap();
    for file in files(behind.path()) {
        let to = site.indexes().join(file.strip_prefix(behind.path()).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&file, to).unwrap();
    }
    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&id()).unwrap();
    assert_eq!(found(&tenant, "办理").await, ["refunds", "roaming"]);
    publish(&tenant, "invoices", "发票").await;
    platform.shutdown().await;

    // Lost.
    std::fs::remove_dir_all(site.indexes()).unwrap();
    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&id()).unwrap();
    assert_eq!(found(&tenant, "办理").await, ["invoices", "refunds", "roaming"]);
    platform.shutdown().await;

    // Damaged, each file in turn.
    let names = files(&site.indexes());
    for file in names
        .iter()
        .filter(|file| file.extension().is_some_and(|kind| kind != "lock"))
    {
        let Ok(bytes) = std::fs::read(file) else { continue };
        let broken: Vec<u8> = bytes.iter().map(|byte| byte ^ 0x55).collect();
        std::fs::write(file, broken).unwrap();
        let platform = site.start().await.unwrap();
        let tenant = platform.tenant(&id()).unwrap();
        let found = found(&tenant, "办理").await;
        assert_eq!(found, ["invoices", "refunds", "roaming"], "{}", file.display());
        platform.shutdown().await;
    }
}

/// Who finds something once it is approved, however many write at once.
#[tokio::test]
async fn many_who_write_at_once_are_all_found() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let mut writing = tokio::task::JoinSet::new();
    for n in 0..20 {
        let tenant = tenant.clone();
        writing.spawn(async move {
            let title = format!("退款 number{n}");
            publish(&tenant, &format!("a{n:02}"), &title).await;
            assert_eq!(found(&tenant, &format!("number{n}")).await, [format!("a{n:02}")]);
        });
    }
    while let Some(done) = writing.join_next().await {
        done.unwrap();
    }
    assert_eq!(found(&tenant, "退款").await.len(), 20);
    platform.shutdown().await;
}
