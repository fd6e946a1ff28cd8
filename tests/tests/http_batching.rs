//! Several operations in one body: refused unless the flag says otherwise; then one after the other, each to its own outcome.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fmt::Write as _;

use http::{Method, StatusCode};
use insta::assert_snapshot;
use nova_core::UserId;
use nova_tests::{
    app::TestApp,
    backend::id,
    client::{Client, codes},
    flags::{flag, flag_with, set},
};
use serde_json::{Value, json};

async fn follows(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from follows").fetch_one(&app.pool).await.unwrap()
}

async fn metrics(app: &TestApp) -> String {
    let reply = Client::new(&app.app.admin_url).send(Method::GET, "/metrics", "").await;
    String::from_utf8(reply.body.to_vec()).unwrap()
}

fn post(key: &str) -> Value {
    json!({
        "query": "mutation($input: CreatePostInput!) { createPost(input: $input) { post { body author { postCount } } } }",
        "variables": { "input": { "body": key, "idempotencyKey": key } },
    })
}

fn query(document: &str) -> Value {
    json!({ "query": document })
}

#[tokio::test]
async fn the_flag_says_whether_an_array_is_refused_or_answered() {
    let app = TestApp::start().await;
    let batch = json!([query("{ __typename }"), query("{ viewer { username } }")]).to_string();
    for on in [false, true, false] {
        set(&app.app.flags, &[flag("http.batching", on)]);
        let reply = app.user(1).post(batch.clone()).await;
        let answer = reply.json();
        if on {
            assert_eq!(reply.status, StatusCode::OK);
            let viewer = json!({ "data": { "viewer": { "username": "user1" } } });
            assert_eq!(answer, json!([{ "data": { "__typename": "Query" } }, viewer]));
        } else {
            let refused = (StatusCode::BAD_REQUEST, vec!["BATCHING_NOT_SUPPORTED".to_owned()]);
            assert_eq!((reply.status, codes(&answer)), refused);
            assert_eq!(answer.get("data"), None);
        }
        assert_eq!(app.user(1).query("{ __typename }").await, json!({ "data": { "__typename": "Query" } }));
    }
    let metrics = metrics(&app).await;
    for line in [
        r#"nova_http_batches_total{result="off"} 2"#,
        r#"nova_http_batches_total{result="taken"} 1"#,
        "nova_http_batch_operations_total 2",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}

#[tokio::test]
async fn operations_run_in_their_order_and_what_fails_fails_alone() {
    let app = TestApp::start().await;
    set(&app.app.flags, &[flag("http.batching", true)]);
    let newest = "{ viewer { posts(first: 1) { nodes { body } } } }";
    let batch = json!([
        post("first"),
        query(newest),
        query("{"),
        {},
        query("{ node(id: \"nonsense\") { id } }"),
        post("second"),
        { "query": "query A { __typename } query B { b: __typename }", "operationName": "B" },
        query("query A { __typename } query B { b: __typename }"),
        query(newest),
    ]);
    for accept in ["application/json", "application/graphql-response+json"] {
        let reply = app.user(1).with("accept", accept).post(batch.to_string()).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert!(reply.headers["content-type"].to_str().unwrap().starts_with(accept));
        let answers = reply.json();
        let body = |n: usize| &answers[n]["data"]["viewer"]["posts"]["nodes"][0]["body"];
        assert_eq!((body(1), body(8)), (&json!("first"), &json!("second")), "a query sees what was written before it");
        let of = |n: usize| (codes(&answers[n]).join(" "), answers[n].get("data").is_some());
        assert_eq!(of(2), ("GRAPHQL_PARSE_FAILED".into(), false));
        assert_eq!(of(3), ("BAD_USER_INPUT".into(), false));
        assert_eq!(of(4), ("node INVALID_ID".into(), true));
        assert_eq!(answers[6]["data"], json!({ "b": "Query" }));
        assert_eq!(of(7), ("BAD_USER_INPUT".into(), false));
        assert_eq!(answers.as_array().map(Vec::len), Some(9));
        // Both are made anew in the second round.
        app.sql("delete from idempotency_keys").await;
    }
}

#[tokio::test]
async fn a_batch_above_the_cap_is_refused_before_anything_of_it_runs() {
    let app = TestApp::start().await;
    let posts = async || sqlx::query_scalar::<_, i64>("select count(*) from posts").fetch_one(&app.pool).await.unwrap();
    let before = posts().await;
    for (cap, size, status) in [(2, 3, 413), (50, 51, 413), (50, 5_000, 413), (2, 2, 200), (50, 50, 200)] {
        set(&app.app.flags, &[flag_with("http.batching", &json!({ "max_operations": cap }))]);
        let mut batch = vec![query("{ __typename }"); size];
        if status == 413 {
            batch[0] = post("x");
        }
        let reply = app.user(1).post(Value::from(batch).to_string()).await;
        assert_eq!(reply.status.as_u16(), status, "{size} of {cap}");
        if status == 413 {
            assert_eq!(codes(&reply.json()), ["LIMIT_EXCEEDED"]);
        } else {
            assert_eq!(reply.json().as_array().map(Vec::len), Some(size));
        }
    }
    assert_eq!(posts().await, before);
}

#[tokio::test]
async fn there_is_one_deadline_and_what_is_not_begun_by_then_is_not_done() {
    let app = TestApp::start().await;
    // What is not begun does not count: there is a place left for one more request.
    let rate = json!({ "per_minute": 1, "burst": 2, "mode": "enforce" });
    let timeout = flag_with("limits.execution-timeout", &json!({ "ms": 2000 }));
    set(&app.app.flags, &[flag("http.batching", true), timeout, flag_with("limits.rate", &rate)]);
    let before = follows(&app).await;
    let follow = json!({
        "query": "mutation($input: FollowUserInput!) { followUser(input: $input) { user { id } } }",
        "variables": { "input": { "userId": UserId(id(9)).to_global() } },
    });
    let mut stuck = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table posts in access exclusive mode").execute(&mut *stuck).await.unwrap();
    // Side by side, the second would be done long before the first gives up.
    let batch = json!([query("{ feed(first: 1) { nodes { body } } }"), follow, query("{ __typename }")]);
    let reply = app.user(1).post(batch.to_string()).await;
    stuck.rollback().await.unwrap();
    let answers = reply.json();
    assert_eq!((reply.status, codes(&answers[0])), (StatusCode::OK, vec!["feed TIMEOUT".to_owned()]));
    for n in [1, 2] {
        assert_eq!((codes(&answers[n]), answers[n].get("data")), (vec!["TIMEOUT".to_owned()], None), "{answers:#}");
    }
    assert_eq!(app.user(1).post(query("{ __typename }").to_string()).await.status, StatusCode::OK);
    assert_eq!(follows(&app).await, before);
}

#[tokio::test]
async fn each_operation_counts_against_the_rate() {
    let app = TestApp::start().await;
    let rate = json!({ "per_minute": 1, "burst": 4, "mode": "enforce" });
    set(&app.app.flags, &[flag("http.batching", true), flag_with("limits.rate", &rate)]);
    let answers = app.user(1).post(Value::from(vec![query("{ __typename }"); 6]).to_string()).await.json();
    let codes: Vec<_> = answers.as_array().unwrap().iter().map(|answer| codes(answer).join("")).collect();
    assert_eq!(codes, ["", "", "", "", "RATE_LIMITED", "RATE_LIMITED"]);
    assert!(answers[5]["errors"][0]["extensions"]["retryAfterMs"].is_u64(), "{answers}");
    assert_eq!(app.user(1).post("[]").await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_viewer_who_is_gone_ends_it_before_it_begins_and_the_debug_view_is_each_ones_own() {
    let app = TestApp::start().await;
    set(&app.app.flags, &[flag("http.batching", true)]);
    app.sql("update users set deleted_at = at(400000) where id = id(9)").await;
    let batch = json!([query("{ __typename }"), query("{ feed(first: 2) { nodes { author { username } } } }")]);
    let reply = app.user(9).post(batch.to_string()).await;
    assert_eq!((reply.status, codes(&reply.json())), (StatusCode::UNAUTHORIZED, vec!["UNAUTHENTICATED".to_owned()]));
    assert!(!metrics(&app).await.contains(r#"nova_http_batches_total{result="taken"}"#), "nothing was run");
    let answers = app.debugging(1).post(batch.to_string()).await.json();
    let calls = |n: usize| answers[n]["extensions"]["debug"]["upstreamCalls"].as_object().unwrap().len();
    assert_eq!(calls(0), 0);
    assert!(calls(1) >= 2, "{answers:#}");
}

#[tokio::test]
async fn bodies_that_are_no_batch() {
    let app = TestApp::start().await;
    set(&app.app.flags, &[flag("http.batching", true)]);
    let deep = format!(r#"[{{"query":"{{ __typename }}","variables":{{"a":{}}}}}]"#, "[".repeat(20_000));
    let large = format!("[{}1]", "1,".repeat(700_000));
    let cases = [
        ("an empty batch", "[]"),
        ("a batch in a batch", r#"[[{"query":"{ __typename }"}]]"#),
        ("texts", r#"["{ __typename }"]"#),
        ("a list that reads like a request", r#"[["{ __typename }"]]"#),
        ("nothing", "[null]"),
        ("cut off", r#"[{"query":"{ __typename }"},"#),
        ("more behind it", r#"[{"query":"{ __typename }"}][]"#),
        ("a number for a query", r#"[{"query":"{ __typename }"},{"query":1}]"#),
        ("a query twice", r#"[{"query":"{ __typename }","query":"{ __typename }"}]"#),
        ("deep variables", &deep),
        ("1.4 MB", &large),
    ];
    let mut report = String::new();
    for (name, body) in cases {
        let reply = app.user(1).post(body.to_owned()).await;
        writeln!(report, "{name}: {} {:?}", reply.status.as_u16(), codes(&reply.json())).unwrap();
    }
    assert_snapshot!(report);
}
