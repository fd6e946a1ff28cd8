//! A write happens as a whole or not at all, and nobody is told that it failed when it may have happened.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use nova_core::{CommentId, PostId, UserId, token::TokenType};
use nova_tests::{
    app::{TestApp, database},
    backend::id,
    client::{Client, codes},
    processes::{Process, TOKEN_SECRET, eventually},
    world::WORLD,
};
use serde_json::{Value, json};

/// All that writes touch, as one text.
const STATE: &str = "select concat_ws(' ',
    (select md5(string_agg(u::text, ',' order by id)) from users u),
    (select md5(string_agg(p::text, ',' order by id)) from posts p),
    (select md5(string_agg(c::text, ',' order by id)) from comments c),
    (select md5(string_agg(l::text, ',' order by post_id, user_id)) from likes l),
    (select md5(string_agg(f::text, ',' order by follower_id, followee_id)) from follows f),
    (select count(*) from engagement_events), (select count(*) from idempotency_keys), (select count(*) from outbox_events),
    (select sum(value) from (select value from counters union all select delta from counter_deltas) c))";

async fn state(app: &TestApp) -> String {
    sqlx::query_scalar(STATE).fetch_one(&app.pool).await.unwrap()
}

/// Every mutation, of user 1, each of which would change something.
fn mutations() -> Vec<(&'static str, Value)> {
    let own = PostId(id(1040)).to_global();
    let other = PostId(id(1007)).to_global();
    // Comment 100,039 is on post 1040.
    let comment = CommentId(id(100_039)).to_global();
    vec![
        ("createPost(input: $i) { post { id } }", json!({ "body": "new", "idempotencyKey": "k1" })),
        ("updatePost(input: $i) { post { id } }", json!({ "postId": own, "body": "changed" })),
        ("deletePost(input: $i) { deletedPostId }", json!({ "postId": own })),
        ("addComment(input: $i) { comment { id } }", json!({ "postId": other, "body": "new", "idempotencyKey": "k2" })),
        ("deleteComment(input: $i) { deletedCommentId }", json!({ "commentId": comment })),
        ("likePost(input: $i) { post { id } }", json!({ "postId": other })),
        ("unlikePost(input: $i) { post { id } }", json!({ "postId": PostId(id(1001)).to_global() })),
        ("followUser(input: $i) { user { id } }", json!({ "userId": UserId(id(2)).to_global() })),
        ("unfollowUser(input: $i) { user { id } }", json!({ "userId": UserId(id(3)).to_global() })),
        ("updateProfile(input: $i) { viewer { id } }", json!({ "bio": "new" })),
    ]
}

async fn mutate(client: &Client, field: &str, input: &Value) -> Value {
    let name = field.split('(').next().unwrap();
    let kind = format!("{}{}Input!", name[..1].to_uppercase(), &name[1..]);
    client.run(&format!("mutation M($i: {kind}) {{ {field} }}"), json!({ "i": input })).await
}

#[tokio::test]
async fn a_second_step_that_fails_undoes_the_first() {
    let app = TestApp::start().await;
    app.sql(
        "delete from follows where follower_id = id(1) and followee_id = id(2);
         insert into follows (follower_id, followee_id) values (id(1), id(3)) on conflict do nothing;
         insert into likes (post_id, user_id) values (id(1001), id(1)) on conflict do nothing;
         delete from likes where post_id = id(1007) and user_id = id(1);
         create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no outbox today'; end $$;
         create trigger refuse before insert on outbox_events for each row execute function refuse();",
    )
    .await;
    let viewer = app.user(1);
    let before = state(&app).await;
    for (field, input) in mutations() {
        let answer = mutate(&viewer, field, &input).await;
        let name = field.split('(').next().unwrap();
        assert_eq!(codes(&answer), [format!("{name} INTERNAL")], "{answer}");
        assert!(!answer.to_string().contains("outbox"), "the store's own words stay in the house: {answer}");
        assert_eq!(state(&app).await, before, "{field}");
    }
    // And each of them was one that changes something.
    app.sql("drop trigger refuse on outbox_events").await;
    let order = [0, 1, 3, 4, 5, 6, 7, 8, 9, 2];
    let mut before = before;
    for n in order {
        let (field, input) = &mutations()[n];
        let answer = mutate(&viewer, field, input).await;
        assert_eq!(codes(&answer), Vec::<String>::new(), "{answer}");
        let after = state(&app).await;
        assert_ne!(after, before, "{field}");
        before = after;
    }
}

/// Holds every commit that has an event in it, while somebody holds the lock 7.
const HELD_COMMITS: &str = "
    create function hold() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(7); return null; end $$;
    create constraint trigger hold after insert on outbox_events deferrable initially deferred
        for each row execute function hold();";

#[tokio::test]
async fn a_commit_without_an_answer_is_not_called_a_failure() {
    let app = TestApp::over(&[WORLD, HELD_COMMITS], |options| {
        options.gateway.http.execution_timeout_ms = 500;
        // Not what ends the commit.
        options.backend.db_statement_timeout_ms = 30_000;
    })
    .await;
    let viewer = app.user(1);
    let mut held = app.pool.begin().await.unwrap();
    sqlx::raw_sql("select pg_advisory_xact_lock(7)").execute(&mut *held).await.unwrap();
    let (create, input) = &mutations()[0];
    let answer = mutate(&viewer, create, input).await;
    assert_eq!(codes(&answer), ["createPost OUTCOME_UNKNOWN"]);
    assert_eq!(answer["errors"][0]["extensions"]["idempotencyKey"], "k1", "what to send again");

    held.rollback().await.unwrap();
    eventually(|| async {
        let made = "select count(*) from posts where body = 'new'";
        sqlx::query_scalar::<_, i64>(made).fetch_one(&app.pool).await.unwrap() == 1
    })
    .await;
    let again = mutate(&viewer, create, input).await;
    assert_eq!(codes(&again), Vec::<String>::new(), "{again}");
    let posts: i64 =
        sqlx::query_scalar("select count(*) from posts where body = 'new'").fetch_one(&app.pool).await.unwrap();
    assert_eq!(posts, 1, "it had happened, and did not happen again");
}

#[tokio::test]
async fn a_store_that_dies_at_the_commit_leaves_it_open() {
    let app = TestApp::start().await;
    app.sql(
        "create function die() returns trigger language plpgsql as $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
         create constraint trigger die after insert on outbox_events deferrable initially deferred
            for each row execute function die();",
    )
    .await;
    let (create, input) = &mutations()[0];
    let answer = mutate(&app.user(1), create, input).await;
    assert_eq!(codes(&answer), ["createPost OUTCOME_UNKNOWN"], "{answer}");
    app.sql("drop trigger die on outbox_events").await;
    assert_eq!(codes(&mutate(&app.user(1), create, input).await), Vec::<String>::new());
}

#[tokio::test]
async fn a_write_that_waits_at_a_lock_until_its_budget_ends_was_not_made() {
    let app = TestApp::over(&[WORLD], |options| options.gateway.http.execution_timeout_ms = 500).await;
    let mut held = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table posts in access exclusive mode").execute(&mut *held).await.unwrap();
    let (create, input) = &mutations()[0];
    let outcome = codes(&mutate(&app.user(1), create, input).await);
    // The service ends its wait a little before the gateway does; on a machine that stands still for that long, they tie.
    assert!(outcome == ["createPost TIMEOUT"] || outcome == ["createPost OUTCOME_UNKNOWN"], "{outcome:?}");
    held.rollback().await.unwrap();
    eventually(|| async {
        let busy = "select count(*) from pg_stat_activity
            where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()";
        sqlx::query_scalar::<_, i64>(busy).fetch_one(&app.pool).await.unwrap() == 0
    })
    .await;
    let posts: i64 =
        sqlx::query_scalar("select count(*) from posts where body = 'new'").fetch_one(&app.pool).await.unwrap();
    assert_eq!(posts, 0);
}

#[tokio::test]
async fn a_service_that_is_killed_in_a_write_leaves_it_open_and_one_that_is_away_does_not() {
    let (data, pool) = database(&[WORLD, HELD_COMMITS]).await;
    let users = Process::backend("users", data.url(), None).await;
    let mut content = Process::backend("content", data.url(), None).await;
    let social = Process::backend("social", data.url(), None).await;
    let gateway = Process::gateway(&users, &content, &social).await;
    let secret = nova_core::token::TokenSecret::new(TOKEN_SECRET).unwrap();
    let ttl = std::time::Duration::from_mins(1);
    let token =
        nova_cli::token::mint(&secret, &nova_cli::clock::SystemClock, UserId(id(1)), TokenType::Access, "", ttl)
            .unwrap();
    let viewer = Client::new(&gateway.url()).bearing(&token);

    let mut held = pool.begin().await.unwrap();
    sqlx::raw_sql("select pg_advisory_xact_lock(7)").execute(&mut *held).await.unwrap();
    let writing = {
        let viewer = viewer.clone();
        tokio::spawn(async move {
            let (create, input) = &mutations()[0];
            mutate(&viewer, create, input).await
        })
    };
    eventually(|| async {
        let waits = "select count(*) from pg_locks where not granted and locktype = 'advisory'";
        sqlx::query_scalar::<_, i64>(waits).fetch_one(&pool).await.unwrap() > 0
    })
    .await;
    content.kill().await;
    assert_eq!(codes(&writing.await.unwrap()), ["createPost OUTCOME_UNKNOWN"]);
    held.rollback().await.unwrap();

    let (create, input) = &mutations()[0];
    assert_eq!(codes(&mutate(&viewer, create, input).await), ["createPost UPSTREAM_UNAVAILABLE"], "it never left");
}
