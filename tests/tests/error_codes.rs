//! Every code of the catalogue is one that a client can meet, and none of them brings an upstream's words along.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;

use http::Method;
use nova_core::{ErrorCode, PostId};
use nova_tests::{
    app::TestApp,
    backend::id,
    client::Client,
    flags::{flag, flag_with, set},
    world::WORLD,
};
use serde_json::{Value, json};

/// The codes of an answer, which must each have a message of ours.
fn codes(answer: &Value) -> BTreeSet<String> {
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    let code = |error: &Value| {
        let message = error["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains("hunter2"), "{answer}");
        error["extensions"]["code"].as_str().unwrap().to_owned()
    };
    errors.iter().map(code).collect()
}

async fn posted(client: &Client, body: Value) -> Value {
    client.post(body.to_string()).await.json()
}

#[tokio::test]
async fn every_code_is_met() {
    let app = TestApp::over(&[WORLD], |options| options.gateway.http.execution_timeout_ms = 1_000).await;
    app.sql(
        "create function leak() returns trigger language plpgsql as $$ begin raise exception 'password hunter2'; end $$;
         create trigger leak before insert on follows for each row execute function leak();
         create function die() returns trigger language plpgsql as $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
         create constraint trigger die after insert on comments deferrable initially deferred for each row execute function die();",
    )
    .await;
    let viewer = app.user(1);
    let own = PostId(id(1040)).to_global();
    let mut met = BTreeSet::new();
    for document in [
        // INVALID_ID, INVALID_CURSOR, BAD_USER_INPUT
        r#"{ node(id: "x") { id } a: feed(after: "x") { nodes { id } } b: feed(first: 0) { nodes { id } } }"#
            .to_owned(),
        "{ nonsense }".to_owned(),
        "{".to_owned(),
        r#"mutation { a: createPost(input: { body: "a", idempotencyKey: "k" }) { post { id } }
            b: createPost(input: { body: "b", idempotencyKey: "k" }) { post { id } } }"#
            .to_owned(), // CONFLICT
        format!(
            r#"mutation {{ deletePost(input: {{ postId: "{}" }}) {{ deletedPostId }} }}"#,
            PostId(id(1041)).to_global()
        ), // FORBIDDEN
        format!(r#"mutation {{ likePost(input: {{ postId: "{}" }}) {{ post {{ id }} }} }}"#, PostId(id(9)).to_global()), // NOT_FOUND
        format!(r#"mutation {{ addComment(input: {{ postId: "{own}", body: "x" }}) {{ post {{ id }} }} }}"#), // OUTCOME_UNKNOWN
        format!(
            r#"mutation {{ followUser(input: {{ userId: "{}" }}) {{ user {{ id }} }} }}"#,
            nova_core::UserId(id(2)).to_global()
        ), // INTERNAL
    ] {
        met.extend(codes(&viewer.query(&document).await));
    }
    met.extend(codes(&app.anonymous().query("{ feed { nodes { id } } }").await));
    for automatic in [true, false] {
        set(&app.app.flags, &[flag("documents.automatic", automatic)]);
        let hash = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "0".repeat(64) } } });
        met.extend(codes(&posted(&viewer, hash).await));
    }
    met.extend(codes(&posted(&viewer, json!({ "query": " ".repeat(2 << 20) })).await)); // LIMIT_EXCEEDED
    met.extend(codes(&posted(&viewer, json!([])).await)); // BATCHING_NOT_SUPPORTED
    let foreign = app.anonymous().with("sec-fetch-site", "cross-site");
    met.extend(codes(&foreign.send(Method::GET, "/graphql?query=%7B__typename%7D", "").await.json())); // CROSS_SITE_REFUSED

    let mut stuck = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table likes in access exclusive mode").execute(&mut *stuck).await.unwrap();
    met.extend(codes(&viewer.query("{ feed(first: 1) { nodes { viewerHasLiked } } }").await)); // TIMEOUT
    stuck.rollback().await.unwrap();

    // RATE_LIMITED
    let payload = json!({ "address_per_minute": 1, "address_burst": 1, "mode": "enforce" });
    set(&app.app.flags, &[flag_with("limits.rate", &payload)]);
    for _ in 0..2 {
        met.extend(codes(&app.anonymous().query("{ nonsense }").await));
    }

    let nowhere = |options: &mut nova_cli::app::AppOptions| {
        options.backend.database_url = nova_backend::DatabaseUrl("postgres://u:hunter2@127.0.0.1:1/x".into());
    };
    let dead = TestApp::over(&[], nowhere).await;
    met.extend(codes(&dead.anonymous().query(r#"{ user(username: "a") { id } }"#).await));

    let all: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(met, all);
}
