//! Finding articles: a knowledge base is filled, half Chinese and half English, and searched by words, by several words and
//! with slips of the pen. `JACKFIELD_ARTICLES` says how many in place of 2,000; the goal is for 100,000.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod shared;

use std::time::{Duration, Instant};

use jackfield_runtime::{ArticleText, Audience, KnowledgeSearch, Tenant};
use jackfield_types::{ArticleId, OpContext, Timestamp};
use shared::{Site, how_many, is_asked, quantile};
use tokio::task::JoinSet;

const USUAL: u64 = 2_000;
const SEARCHES: u64 = 2_000;
/// Articles that are approved at once, so that the index takes them together.
const AT_ONCE: usize = 512;

const ENGLISH: [&str; 24] = [
    "refund",
    "parcel",
    "invoice",
    "password",
    "account",
    "delivery",
    "warranty",
    "contract",
    "payment",
    "discount",
    "customer",
    "service",
    "network",
    "router",
    "signal",
    "roaming",
    "upgrade",
    "cancel",
    "transfer",
    "balance",
    "statement",
    "insurance",
    "complaint",
    "subscription",
];
const CHINESE: [&str; 24] = [
    "退款",
    "包裹",
    "发票",
    "密码",
    "账户",
    "配送",
    "保修",
    "合同",
    "付款",
    "折扣",
    "客户",
    "服务",
    "网络",
    "路由器",
    "信号",
    "漫游",
    "升级",
    "取消",
    "转账",
    "余额",
    "账单",
    "保险",
    "投诉",
    "订阅",
];

/// Chance that is the same each time.
fn scattered(n: u64, of: u64) -> usize {
    (n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) % of) as usize
}

fn main() {
    if is_asked("knowledge") {
        shared::run(measure());
    }
}

/// Some 120 words of one language, with a word and a number of its own.
fn article(n: u64) -> ArticleText {
    let chinese = n % 2 == 1;
    let words = if chinese { CHINESE } else { ENGLISH };
    let word = |at: u64| words[scattered(n * 131 + at, 24)];
    let body: Vec<&str> = (0..120).map(word).collect();
    let (join, title) = if chinese {
        ("，", format!("{}{}第{n}条", word(500), word(501)))
    } else {
        (" ", format!("{} {} rule {n}", word(500), word(501)))
    };
    ArticleText {
        title: title.into(),
        body: body.join(join).into(),
        language: if chinese { "zh-CN" } else { "en" }.into(),
        category: None,
        keywords: Vec::new(),
        audience: vec![Audience::Agents],
        queues: Vec::new(),
        valid_from: None,
        valid_until: None,
    }
}

async fn published(tenant: Tenant, ctx: OpContext, n: u64) {
    let id = ArticleId::new(&format!("a{n}")).unwrap();
    tenant.write_article(&ctx, id.clone(), article(n)).await.unwrap();
    tenant.review_article(&ctx, &id, 1).await.unwrap();
    tenant.approve_article(&ctx, &id, 1).await.unwrap();
}

async fn measure() {
    let articles = how_many("JACKFIELD_ARTICLES", USUAL);
    let site = Site::start(None).await;
    let (tenant, ctx) = (&site.tenant, &site.ctx);
    let began = Instant::now();
    let mut writing = JoinSet::new();
    for n in 0..articles {
        if writing.len() >= AT_ONCE {
            writing.join_next().await.unwrap().unwrap();
        }
        writing.spawn(published(tenant.clone(), ctx.clone(), n));
    }
    while let Some(done) = writing.join_next().await {
        done.unwrap();
    }
    let rate = articles as f64 / began.elapsed().as_secs_f64();
    println!("bench\tknowledge/written, approved and indexed\t{rate:.0}\t/s");

    let search = async |n: u64| {
        let (en, zh) = (ENGLISH[scattered(n, 24)], CHINESE[scattered(n + 7, 24)]);
        let text = match n % 5 {
            0 => format!("{en} {}", ENGLISH[scattered(n + 3, 24)]),
            1 => format!("怎么办理{zh}和{}", CHINESE[scattered(n + 11, 24)]),
            // Two letters swapped.
            2 => format!(
                "how do I get a {}{}{}{}",
                &en[..2],
                &en[3..4],
                &en[2..3],
                &en[4..]
            ),
            3 => format!("{zh} {en}"),
            _ => format!("rule {}", scattered(n, articles)),
        };
        let search = KnowledgeSearch {
            text: text.into(),
            audience: Audience::Agents,
            queues: None,
            language: None,
            category: None,
            kind: None,
            at: Timestamp(1_800_000_000_000),
            limit: 10,
        };
        let began = Instant::now();
        let found = tenant.search_knowledge(ctx, &search).await.unwrap();
        let took = began.elapsed();
        assert!(!found.is_empty(), "{}", search.text);
        took
    };
    for n in 0..SEARCHES / 10 {
        search(n + SEARCHES).await;
    }
    let mut times: Vec<Duration> = Vec::with_capacity(SEARCHES as usize);
    for n in 0..SEARCHES {
        times.push(search(n).await);
    }
    let mut at = |share: f64| quantile(&mut times, share).as_secs_f64() * 1_000.0;
    println!("bench\tknowledge/search p50 of {articles}\t{:.2}\tms", at(0.5));
    println!(
        "bench\tknowledge/search p99 of {articles}\t{:.2}\tms\t<= 20",
        at(0.99)
    );
    site.platform.shutdown().await;
}
