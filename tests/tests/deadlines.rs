//! One budget for a request: what is ready when it ends is answered, what is late is null with TIMEOUT.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use http::Method;
use nova_tests::{app::TestApp, client::codes, world::WORLD};
use serde_json::Value;

const DOCUMENT: &str = "{ feed(first: 2) { nodes { body author { username } likeCount viewerHasLiked } } }";

#[tokio::test]
async fn a_store_that_is_stuck_costs_the_fields_that_need_it() {
    let app = TestApp::over(&[WORLD], |options| options.gateway.http.execution_timeout_ms = 1_000).await;
    let viewer = app.user(1);
    let whole = viewer.query(DOCUMENT).await;
    assert_eq!(codes(&whole), Vec::<String>::new());

    let mut stuck = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table likes in access exclusive mode").execute(&mut *stuck).await.unwrap();
    let answer = viewer.query(DOCUMENT).await;
    assert_eq!(
        codes(&answer),
        ["feed.nodes.0.viewerHasLiked TIMEOUT", "feed.nodes.1.viewerHasLiked TIMEOUT"],
        "{answer}"
    );
    for (late, there) in answer["data"]["feed"]["nodes"].as_array().unwrap().iter().zip(posts(&whole)) {
        assert_eq!(late["viewerHasLiked"], Value::Null);
        assert!(["body", "author", "likeCount"].iter().all(|field| late[field] == there[field]), "{late}");
    }
    stuck.rollback().await.unwrap();
    assert_eq!(viewer.query(DOCUMENT).await, whole, "and it is whole again");
}

fn posts(answer: &Value) -> &[Value] {
    answer["data"]["feed"]["nodes"].as_array().unwrap()
}

#[tokio::test]
async fn a_request_in_work_ends_before_the_gateway_does() {
    let app = TestApp::start().await;
    let viewer = app.user(1);
    let whole = viewer.query(DOCUMENT).await;
    let mut stuck = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table likes in access exclusive mode").execute(&mut *stuck).await.unwrap();
    let waiting = {
        let viewer = viewer.clone();
        tokio::spawn(async move { viewer.query(DOCUMENT).await })
    };
    // The request is at the lock: its statement waits there.
    nova_tests::processes::eventually(|| async {
        let waits = "select count(*) from pg_locks where not granted and relation = 'likes'::regclass";
        sqlx::query_scalar::<_, i64>(waits).fetch_one(&app.pool).await.unwrap() > 0
    })
    .await;
    let TestApp { app: running, pool: _pool, database: _database } = app;
    let stopping = tokio::spawn(running.stop());
    stuck.rollback().await.unwrap();
    assert_eq!(waiting.await.unwrap(), whole);
    stopping.await.unwrap().unwrap();
    let refused = tokio::spawn(async move { viewer.send(Method::GET, "/health/live", "").await }).await;
    assert!(refused.is_err(), "nobody listens any more");
}
