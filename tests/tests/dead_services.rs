//! A dead service costs the fields that are read from it, and nothing else. Each service is a process, and is killed.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use nova_tests::{
    app::database,
    client::codes,
    processes::{Process, eventually},
    world::WORLD,
};
use serde_json::{Value, json};

const DOCUMENT: &str = "{
    viewer { username followerCount }
    feed(first: 3) { edges { node { body author { username } likeCount commentCount viewerHasLiked } } }
}";

/// The errors of an answer, with the places of a list made one.
fn failures(answer: &Value) -> Vec<String> {
    let mut failures: Vec<_> =
        codes(answer).into_iter().map(|code| code.replace(|c: char| c.is_ascii_digit(), "*")).collect();
    failures.sort();
    failures.dedup();
    failures
}

/// What the field of each post is: `null` in all of them, or a value in all of them.
fn posts_have(answer: &Value, field: &str) -> bool {
    let edges = answer["data"]["feed"]["edges"].as_array().unwrap();
    assert_eq!(edges.len(), 3);
    let has = edges.iter().filter(|edge| !edge["node"][field].is_null()).count();
    assert!(has == 0 || has == 3, "{answer}");
    has == 3
}

#[tokio::test]
async fn each_service_in_turn_is_killed_and_the_feed_keeps_its_other_fields() {
    let (database, _pool) = database(&[WORLD]).await;
    let mut users = Process::backend("users", database.url(), None).await;
    let mut content = Process::backend("content", database.url(), None).await;
    let mut social = Process::backend("social", database.url(), None).await;
    let gateway = Process::gateway(&users, &content, &social).await;
    let client = gateway.viewer();

    let whole = client.query(DOCUMENT).await;
    assert_eq!(failures(&whole), Vec::<String>::new());
    let again_whole = || async { client.query(DOCUMENT).await == whole };

    social.kill().await;
    let answer = client.query(DOCUMENT).await;
    assert_eq!(
        failures(&answer),
        [
            "feed.edges.*.node.likeCount UPSTREAM_UNAVAILABLE",
            "feed.edges.*.node.viewerHasLiked UPSTREAM_UNAVAILABLE",
            "viewer.followerCount UPSTREAM_UNAVAILABLE",
        ]
    );
    assert!(!posts_have(&answer, "likeCount"));
    assert!(["body", "author", "commentCount"].iter().all(|field| posts_have(&answer, field)), "{answer}");
    social = Process::backend("social", database.url(), Some(social.port)).await;
    eventually(again_whole).await;

    users.kill().await;
    let answer = client.query(DOCUMENT).await;
    assert_eq!(failures(&answer), ["feed.edges.*.node.author UPSTREAM_UNAVAILABLE", "viewer UPSTREAM_UNAVAILABLE"]);
    assert!(!posts_have(&answer, "author"));
    let kept = ["body", "likeCount", "commentCount", "viewerHasLiked"];
    assert!(kept.iter().all(|field| posts_have(&answer, field)), "{answer}");
    users = Process::backend("users", database.url(), Some(users.port)).await;
    eventually(again_whole).await;

    content.kill().await;
    let answer = client.query(DOCUMENT).await;
    assert_eq!(failures(&answer), ["feed UPSTREAM_UNAVAILABLE"]);
    assert_eq!(answer["data"], json!({ "viewer": whole["data"]["viewer"], "feed": null }));
    content = Process::backend("content", database.url(), Some(content.port)).await;
    eventually(again_whole).await;
    drop((users, content, social));
}
