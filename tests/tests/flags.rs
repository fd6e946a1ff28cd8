//! Each flag on both sides, and what callers and operators see of it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use http::Method;
use nova_flags::Caller;
use nova_tests::{
    app::TestApp,
    client::{Client, codes},
    flags::{bootstrap, flag, flag_for, flag_with, set},
    processes::eventually,
    world::WORLD,
};
use serde_json::{Value, json};
use uuid::Uuid;

const FEED: &str = "{ feed(first: 20) { nodes { body author { username followerCount } likeCount } } }";

async fn ops(app: &TestApp) -> Value {
    Client::new(&app.app.admin_url).send(Method::GET, "/ops", "").await.json()
}

async fn metrics(app: &TestApp) -> String {
    let reply = Client::new(&app.app.admin_url).send(Method::GET, "/metrics", "").await;
    String::from_utf8(reply.body.to_vec()).unwrap()
}

/// Statements that wait for a lock on a table.
async fn waiting(app: &TestApp, table: &'static str) -> i64 {
    // The backend's: autovacuum may wait there, too.
    let waits = "select count(*) from pg_locks join pg_stat_activity using (pid)
        where not granted and relation = $1::regclass and application_name = 'nova-backend'";
    sqlx::query_scalar(waits).bind(table).fetch_one(&app.pool).await.unwrap()
}

#[tokio::test]
async fn batching_is_dozens_of_calls_or_a_handful_for_the_same_answer() {
    let app = TestApp::start().await;
    let viewer = app.debugging(1);
    let mut sides = Vec::new();
    for on in [true, false, true] {
        set(&app.app.flags, &[flag("loaders.batching", on)]);
        let answer = viewer.query(FEED).await;
        let debug = &answer["extensions"]["debug"];
        assert_eq!(debug["flags"]["loaders.batching"]["value"], on);
        let calls = debug["upstreamCalls"].as_object().unwrap();
        let calls: u64 = calls.values().map(|count| count["calls"].as_u64().unwrap()).sum();
        assert_eq!(codes(&answer), Vec::<String>::new());
        sides.push((calls, answer["data"].clone()));
    }
    let [(new, data), (old, old_data), (again, again_data)] = &sides[..] else { unreachable!() };
    assert!(*new <= 5 && *old >= 24, "{new} calls, and {old} without batching");
    assert_eq!((again, data, data), (new, old_data, again_data));
}

#[tokio::test]
async fn the_payload_of_batching_says_how_many_keys_go_in_a_call() {
    let app = TestApp::start().await;
    set(&app.app.flags, &[flag_with("loaders.batching", &json!({ "max_batch": 7 }))]);
    let answer = app.debugging(1).query("{ feed(first: 20) { nodes { likeCount } } }").await;
    let likes = &answer["extensions"]["debug"]["upstreamCalls"]["Social/BatchCountLikes"];
    assert_eq!(*likes, json!({ "calls": 3, "keys": 20 }), "{}", answer["extensions"]);
}

#[tokio::test]
async fn shared_flights_are_one_fetch_for_two_requests_or_one_each() {
    let app = TestApp::start().await;
    let name = "{ user(username: \"user3\") { username } }";
    let calls =
        async || ops(&app).await["upstreamCalls"]["Users/BatchGetUsersByUsername"]["calls"].as_u64().unwrap_or(0);
    let ask = || {
        let client = app.anonymous();
        tokio::spawn(async move { client.query(name).await })
    };
    for (on, expected) in [(true, 1), (false, 2)] {
        set(&app.app.flags, &[flag("loaders.shared-flights", on)]);
        let before = calls().await;
        let mut stuck = app.pool.begin().await.unwrap();
        sqlx::raw_sql("lock table users in access exclusive mode").execute(&mut *stuck).await.unwrap();
        let first = ask();
        eventually(|| async { waiting(&app, "users").await == 1 }).await;
        let second = ask();
        if on {
            let joined = "nova_loader_joined_keys_total{rpc_method=\"Users/BatchGetUsersByUsername\"} 1";
            eventually(|| async { metrics(&app).await.contains(joined) }).await;
        } else {
            eventually(|| async { waiting(&app, "users").await == 2 }).await;
        }
        stuck.rollback().await.unwrap();
        assert_eq!(first.await.unwrap(), second.await.unwrap());
        assert_eq!(calls().await - before, expected);
    }
}

#[tokio::test]
async fn the_execution_timeout_is_the_payloads_or_the_ceiling() {
    let app = TestApp::over(&[WORLD], |options| options.gateway.http.execution_timeout_ms = 1_500).await;
    let slow = "{ feed(first: 1) { nodes { viewerHasLiked } } }";
    let mut stuck = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table likes in access exclusive mode").execute(&mut *stuck).await.unwrap();
    let total = async |features: &[Value]| {
        set(&app.app.flags, features);
        let answer = app.debugging(1).query(slow).await;
        assert!(codes(&answer).iter().all(|code| code.ends_with(" TIMEOUT")) && !codes(&answer).is_empty(), "{answer}");
        answer["extensions"]["debug"]["stagesMs"]["total"].as_f64().unwrap()
    };
    let with = |ms: u32| flag_with("limits.execution-timeout", &json!({ "ms": ms }));
    let short = total(&[with(700)]).await;
    // The upstream is given a little less than what is left, so that its word comes in time.
    assert!((600.0..1_500.0).contains(&short), "{short} ms");
    for features in [[with(60_000)], [flag("limits.execution-timeout", false)]] {
        let ceiling = total(&features).await;
        assert!(ceiling >= 1_400.0, "{ceiling} ms");
    }
}

#[tokio::test]
async fn fast_acquire_gives_up_where_the_old_way_still_waits() {
    let app = TestApp::over(&[WORLD], |options| {
        // One for the prober, one for calls.
        options.backend.db_max_connections = Some(2);
        // The statement that holds the connection outlives both waits.
        options.backend.db_statement_timeout_ms = 30_000;
    })
    .await;
    let name = |n: u32| format!("{{ user(username: \"user{n}\") {{ username }} }}");
    let ask = |n: u32| {
        let client = app.anonymous();
        let document = name(n);
        tokio::spawn(async move { client.query(&document).await })
    };
    let mut stuck = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table users in access exclusive mode").execute(&mut *stuck).await.unwrap();
    let holder = ask(3);
    eventually(|| async { waiting(&app, "users").await == 1 }).await;
    set(&app.app.flags, &[flag("guard.fast-acquire", false)]);
    let active = async || ops(&app).await["requests"]["active"].as_u64().unwrap();
    let old = ask(4);
    eventually(|| async { active().await == 2 }).await;
    // It began after the old way did, and is answered while the old way waits.
    set(&app.app.flags, &[flag("guard.fast-acquire", true)]);
    assert_eq!(codes(&ask(5).await.unwrap()), ["user UPSTREAM_UNAVAILABLE"]);
    assert!(!old.is_finished());
    stuck.rollback().await.unwrap();
    assert_eq!(holder.await.unwrap()["data"]["user"]["username"], "user3");
    assert_eq!(old.await.unwrap()["data"]["user"]["username"], "user4");
}

#[tokio::test]
async fn the_sweep_waits_while_it_is_off_and_goes_on_when_it_is_on() {
    let old = "insert into idempotency_keys (user_id, key, fingerprint, result_id, created_at)
        values (id(1), 'old', sha256('old'), id(1001), now() - interval '25 hours');";
    let file = bootstrap(&[flag("jobs.sweep", false)]);
    let app = TestApp::over(&[WORLD, old], |options| options.flags.file = Some(file.path().into())).await;
    let rows = async || {
        sqlx::query_scalar::<_, i64>("select count(*) from idempotency_keys").fetch_one(&app.pool).await.unwrap()
    };
    let due = "nova_backend_sweeps_total{flag=\"off\"} 1";
    eventually(|| async { metrics(&app).await.contains(due) }).await;
    assert_eq!(rows().await, 1);
    set(&app.app.flags, &[flag("jobs.sweep", true)]);
    eventually(|| async { rows().await == 0 }).await;
}

#[tokio::test]
async fn an_anonymous_caller_gets_a_session_while_something_is_in_rollout_and_keeps_its_side() {
    let app = TestApp::start().await;
    let cookie = async |client: &Client| {
        let reply = client.post(json!({ "query": "{ __typename }" }).to_string()).await;
        reply.headers.get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned())
    };
    assert_eq!(cookie(&app.anonymous()).await, None, "nothing is in rollout");
    set(&app.app.flags, &[flag_for("loaders.batching", 50)]);
    assert_eq!(cookie(&app.user(1)).await, None, "a user is known by the token");
    let issued = cookie(&app.anonymous()).await.unwrap();
    assert!(issued.starts_with("nova_session=") && issued.contains("; HttpOnly; SameSite=Lax"), "{issued}");
    let session = issued.split(';').next().unwrap();
    assert_eq!(cookie(&app.anonymous().with("cookie", session)).await, None, "it is known");

    // Without batching each of the five is a call of its own.
    let lists = "{ user(username: \"user3\") { followers(first: 5) { nodes { followerCount } } } }";
    let counted = async || ops(&app).await["upstreamCalls"]["Social/BatchCountFollows"]["calls"].as_u64().unwrap_or(0);
    let mut sides = [false; 2];
    for n in 0..12 {
        let id = Uuid::from_u128(n).to_string();
        let inside = app.app.flags.decide(Caller { user_id: None, session_id: Some(&id) }).loaders_batching().is_some();
        let before = counted().await;
        let client = app.anonymous().with("cookie", format!("nova_session={id}"));
        assert_eq!(codes(&client.query(lists).await), Vec::<String>::new());
        assert_eq!(counted().await - before, if inside { 1 } else { 5 });
        sides[usize::from(inside)] = true;
    }
    assert_eq!(sides, [true; 2], "some are in and some are not");
}
