//! A write that is sent twice happens once: `idempotencyKey`, per viewer, for 24 hours.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use futures_util::future::join_all;
use nova_core::PostId;
use nova_tests::{app::TestApp, backend::id, client::codes};
use serde_json::{Value, json};

const CREATE: &str =
    "mutation Create($input: CreatePostInput!) { createPost(input: $input) { post { id body } postEdge { cursor } } }";
const COMMENT: &str = "mutation Comment($input: AddCommentInput!) { addComment(input: $input) { comment { id } } }";

async fn create(app: &TestApp, user: u128, input: Value) -> Value {
    app.user(user).run(CREATE, json!({ "input": input })).await
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&app.pool).await.unwrap()
}

#[tokio::test]
async fn the_same_input_answers_the_first_result() {
    let app = TestApp::start().await;
    let input = json!({ "body": "once", "category": "tech", "idempotencyKey": "k1" });
    let first = create(&app, 1, input.clone()).await;
    assert_eq!(codes(&first), Vec::<String>::new(), "{first}");
    assert_eq!(create(&app, 1, input.clone()).await, first);
    assert_eq!(count(&app, "select count(*) from posts where body = 'once'").await, 1);
    assert_eq!(count(&app, "select count(*) from outbox_events").await, 1);
    let other = create(&app, 2, input).await;
    assert_ne!(
        other["data"]["createPost"]["post"]["id"], first["data"]["createPost"]["post"]["id"],
        "a key is one viewer's"
    );
}

#[tokio::test]
async fn another_input_is_in_conflict_and_changes_nothing() {
    let app = TestApp::start().await;
    create(&app, 1, json!({ "body": "once", "idempotencyKey": "k1" })).await;
    for input in [
        json!({ "body": "twice", "idempotencyKey": "k1" }),
        json!({ "body": "once", "contentType": "VIDEO", "idempotencyKey": "k1" }),
        json!({ "body": "once", "category": "tech", "idempotencyKey": "k1" }),
    ] {
        assert_eq!(codes(&create(&app, 1, input).await), ["createPost CONFLICT"]);
    }
    let post = PostId(id(1040)).to_global();
    let comment = json!({ "input": { "postId": post, "body": "once", "idempotencyKey": "k1" } });
    assert_eq!(codes(&app.user(1).run(COMMENT, comment).await), ["addComment CONFLICT"], "a key is of one mutation");
    assert_eq!(count(&app, "select count(*) from outbox_events").await, 1);
}

#[tokio::test]
async fn a_double_submit_makes_one_comment() {
    let app = TestApp::start().await;
    let input = json!({ "input": { "postId": PostId(id(1040)).to_global(), "body": "once", "idempotencyKey": "k1" } });
    let viewer = app.user(2);
    let answers = join_all((0..8).map(|_| viewer.run(COMMENT, input.clone()))).await;
    for answer in &answers {
        assert_eq!(codes(answer), Vec::<String>::new(), "{answer}");
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!(count(&app, "select count(*) from comments where body = 'once'").await, 1);
    assert_eq!(count(&app, "select count(*) from engagement_events").await, 1);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let app = TestApp::start().await;
    let input = json!({ "body": "daily", "idempotencyKey": "k1" });
    let first = create(&app, 1, input.clone()).await;
    app.sql("update idempotency_keys set created_at = created_at - interval '23 hours 59 minutes'").await;
    assert_eq!(create(&app, 1, input.clone()).await, first);
    app.sql("update idempotency_keys set created_at = created_at - interval '1 minute'").await;
    let second = create(&app, 1, input).await;
    assert_eq!(codes(&second), Vec::<String>::new());
    assert_ne!(second, first);
}

#[tokio::test]
async fn what_was_made_and_is_gone_is_not_made_again() {
    let app = TestApp::start().await;
    let input = json!({ "body": "once", "idempotencyKey": "k1" });
    create(&app, 1, input.clone()).await;
    app.sql("update posts set deleted_at = now() where body = 'once'").await;
    assert_eq!(codes(&create(&app, 1, input).await), ["createPost NOT_FOUND"]);
}
