//! Migrations apply once, whoever runs them and how often; counters stay exact while everybody writes.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use futures_util::future::{join_all, try_join_all};
use nova_migrations::{ALL, MigrateError, Step};
use nova_tests::database::TestDatabase;
use sqlx::PgPool;

#[tokio::test]
async fn a_second_run_finds_nothing_to_do() {
    let database = TestDatabase::empty().await;
    let before = nova_migrations::status(database.url()).await.unwrap();
    assert!(before.iter().all(|entry| !entry.applied));

    let mut steps = Vec::new();
    let first = nova_migrations::run(database.url(), |step| steps.push(*step)).await.unwrap();
    assert_eq!(first.applied, ALL.iter().map(|migration| migration.version).collect::<Vec<_>>());
    assert_eq!(steps.len(), ALL.len() * 2);
    assert!(matches!(steps[..], [Step::Started(started), Step::Applied(applied, _), ..] if started == applied));

    let second = nova_migrations::run(database.url(), |_| panic!("nothing is left")).await.unwrap();
    assert_eq!((second.applied, second.already_applied), (vec![], ALL.len()));
    let after = nova_migrations::status(database.url()).await.unwrap();
    assert!(after.iter().all(|entry| entry.applied));
}

#[tokio::test]
async fn of_several_that_start_together_each_step_is_done_by_one() {
    let database = TestDatabase::empty().await;
    let runs = try_join_all((0..4).map(|_| nova_migrations::run(database.url(), |_| {}))).await.unwrap();
    let mut applied: Vec<_> = runs.into_iter().flat_map(|report| report.applied).collect();
    applied.sort_unstable();
    assert_eq!(applied, ALL.iter().map(|migration| migration.version).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_ran_is_refused() {
    let database = TestDatabase::new().await;
    let pool = database.pool().await;
    sqlx::query("update nova_migrations set checksum = 'another' where version = 2").execute(&pool).await.unwrap();
    let refusal = nova_migrations::run(database.url(), |_| {}).await.unwrap_err();
    assert!(matches!(refusal, MigrateError::Changed { version: 2, .. }), "{refusal}");
}

#[tokio::test]
async fn outbox_health_is_told_per_sink_and_ages_are_of_undelivered_events() {
    let database = TestDatabase::new().await;
    let pool = database.pool().await;
    assert_eq!(health(&pool).await, []);
    sqlx::raw_sql(
        "insert into outbox_leases (sink, partition) values ('analytics', 0);
         insert into outbox_events (id, aggregate, kind, payload, created_at) values
             (1, 'post:1', 'liked', '{}', now() - interval '1 day'),  -- delivered everywhere
             (2, 'post:1', 'liked', '{}', now() - interval '2 minutes'),
             (3, 'post:2', 'liked', '{}', now() - interval '10 minutes'),
             (4, 'post:3', 'liked', '{}', now());
         insert into outbox_deliveries (sink, partition, event_id, attempts, set_aside_at) values
             ('cache', 0, 4, 0, null), ('search', 0, 2, 0, null), ('graph', 0, 3, 7, null),
             ('graph', 0, 4, 0, null), ('subscriptions', 0, 4, 9, now());",
    )
    .execute(&pool)
    .await
    .unwrap();
    let expected = [
        ("analytics", "healthy", 0, 0),
        ("cache", "healthy", 1, 0),
        ("graph", "stalled", 2, 0),
        ("search", "delayed", 1, 0),
        ("subscriptions", "stalled", 0, 1),
    ];
    assert_eq!(health(&pool).await, expected.map(|(sink, status, p, a)| (sink.to_owned(), status.to_owned(), p, a)));
}

async fn health(pool: &PgPool) -> Vec<(String, String, i64, i64)> {
    sqlx::query_as("select sink, status, pending, set_aside from check_outbox_health()").fetch_all(pool).await.unwrap()
}

const USERS: i32 = 12;
const POSTS: i32 = 6;

/// What one writer does next, by a number that looks random. Users and posts are few, so that writers meet.
fn statement(n: i32) -> &'static str {
    match n % 10 {
        0..=2 => "insert into likes values (id($2), id($1)) on conflict do nothing",
        3 => "delete from likes where post_id = id($2) and user_id = id($1)",
        4 => "insert into follows select id($1), id($2) where $1 <> $2 on conflict do nothing",
        5 => "delete from follows where follower_id = id($1) and followee_id = id($2)",
        6 => "insert into comments (id, post_id, author_id, body) values (gen_random_uuid(), id($2), id($1), 'x')",
        7 => "update comments set deleted_at = now() where post_id = id($2) and author_id = id($1)",
        8 => "update posts set deleted_at = case when deleted_at is null then now() end where id = id($2) and $1 > 0",
        _ => "update users set deleted_at = case when deleted_at is null then now() end where id = id($1) and $2 > 0",
    }
}

/// Counts that differ from what is there, in one snapshot.
const WRONG: &str = "
    with told as (
        select subject_id, kind, sum(n)::bigint as n from (
            select subject_id, kind, value as n from counters
            union all select subject_id, kind, delta from counter_deltas
        ) all_of_it group by subject_id, kind
    ), counted as (select subject_id, kind, count(*) as n from counted_edges group by subject_id, kind)
    select count(*) from told full join counted using (subject_id, kind)
    where coalesce(told.n, 0) <> coalesce(counted.n, 0)";

#[tokio::test(flavor = "multi_thread")]
async fn counters_are_exact_at_every_moment_while_writers_meet_and_folding_goes_on() {
    let database = TestDatabase::new().await;
    let pool = database.pool().await;
    sqlx::raw_sql(
        "create function id(n int) returns uuid language sql immutable as $$ select lpad(to_hex(n), 32, '0')::uuid $$;
         insert into users (id, username, display_name) select id(n), 'u' || n, 'U' from generate_series(1, 12) n;
         insert into posts (id, author_id, body) select id(n), id(n), 'x' from generate_series(1, 6) n;",
    )
    .execute(&pool)
    .await
    .unwrap();

    let writers = (0..6).map(|writer: i32| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut state: i32 = writer * 7919 + 1;
            let mut next = |below: i32| {
                state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                (state >> 8).rem_euclid(below)
            };
            for _ in 0..300 {
                let sql = statement(next(1000));
                let (user, post) = (next(USERS) + 1, next(POSTS) + 1);
                sqlx::query(sql).bind(user).bind(post).execute(&pool).await.unwrap();
            }
        })
    });
    let writers = join_all(writers);
    tokio::pin!(writers);
    let mut looks = 0;
    loop {
        tokio::select! {
            biased;
            done = &mut writers => {
                done.into_iter().for_each(Result::unwrap);
                break;
            }
            wrong = sqlx::query_scalar::<_, i64>(WRONG).fetch_one(&pool) => {
                assert_eq!(wrong.unwrap(), 0, "at look {looks}");
                looks += 1;
                // Two at once: neither waits for the other, and no change is folded twice.
                let fold = || sqlx::query("select fold_counter_deltas(50)").execute(&pool);
                try_join_all([fold(), fold()]).await.unwrap();
            }
        }
    }
    assert!(looks > 3, "nobody looked while it happened");

    let moved: Vec<i32> =
        try_join_all((0..3).map(|_| sqlx::query_scalar("select fold_counter_deltas(1000000)").fetch_one(&pool)))
            .await
            .unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from counter_deltas").fetch_one(&pool).await.unwrap();
    let wrong: i64 = sqlx::query_scalar(WRONG).fetch_one(&pool).await.unwrap();
    assert_eq!((left, wrong), (0, 0), "after folding {moved:?}");

    sqlx::query("select rebuild_counters()").execute(&pool).await.unwrap();
    let wrong: i64 = sqlx::query_scalar(WRONG).fetch_one(&pool).await.unwrap();
    assert_eq!(wrong, 0, "after counting anew");
}

/// Whether somebody in this database waits for a lock.
const BLOCKED: &str = "select exists (
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";

/// Whoever waits for the other's lock must see what the other did: each edge is counted once, and once only.
#[tokio::test]
async fn an_edge_that_changes_while_its_person_goes_or_returns_is_counted_once() {
    let database = TestDatabase::new().await;
    let pool = database.pool().await;
    sqlx::raw_sql(
        "create function id(n int) returns uuid language sql immutable as $$ select lpad(to_hex(n), 32, '0')::uuid $$;
         insert into users (id, username, display_name) select id(n), 'u' || n, 'U' from generate_series(1, 2000) n;
         analyze users; -- a network of some size, for the plans that it gets
         insert into posts (id, author_id, body) select id(n), id(n), 'x' from generate_series(1, 3) n;",
    )
    .execute(&pool)
    .await
    .unwrap();
    let changes = [
        "delete from follows where follower_id = id(1) and followee_id = id(2)",
        "delete from follows where follower_id = id(2) and followee_id = id(1)",
        "delete from follows where id(3) in (follower_id, followee_id)",
        "delete from likes where post_id = id(3)",
        "insert into follows values (id(1), id(4)), (id(4), id(1)), (id(3), id(2))",
        "insert into likes select id(2), id(n) from generate_series(1, 4) n",
    ];
    for (change, person, returns) in changes
        .into_iter()
        .flat_map(|change| (1..=3).flat_map(move |person| [false, true].map(|returns| (change, person, returns))))
    {
        sqlx::raw_sql(
            "update users set deleted_at = null where deleted_at is not null;
             delete from follows where id(4) in (follower_id, followee_id) or (follower_id, followee_id) = (id(3), id(2));
             delete from likes where post_id = id(2);
             insert into follows values (id(1), id(2)), (id(2), id(1)), (id(1), id(3)), (id(3), id(1)), (id(2), id(3))
                 on conflict do nothing;
             insert into likes select id(3), id(n) from generate_series(1, 4) n on conflict do nothing;",
        )
        .execute(&pool)
        .await
        .unwrap();
        let set = "update users set deleted_at = case when $2 then now() end where id = id($1)";
        if returns {
            sqlx::query(set).bind(person).bind(true).execute(&pool).await.unwrap();
        }
        let mut deletion = pool.begin().await.unwrap();
        sqlx::query(set).bind(person).bind(!returns).execute(&mut *deletion).await.unwrap();
        let changing = sqlx::query(change).execute(&pool);
        tokio::pin!(changing);
        // The deletion commits once the change waits for it; some pairs do not meet, and nobody waits.
        let mut done = false;
        while !done {
            tokio::select! {
                biased;
                outcome = &mut changing => { outcome.unwrap(); done = true; }
                blocked = sqlx::query_scalar(BLOCKED).fetch_one(&pool) => {
                    if blocked.unwrap() { break; }
                }
            }
        }
        deletion.commit().await.unwrap();
        if !done {
            changing.await.unwrap();
        }
        let wrong: i64 = sqlx::query_scalar(WRONG).fetch_one(&pool).await.unwrap();
        assert_eq!(wrong, 0, "{change}, while user {person} goes (or returns: {returns})");
    }
}

#[tokio::test]
async fn people_are_deleted_only_where_no_like_can_be_missed() {
    let database = TestDatabase::new().await;
    let pool = database.pool().await;
    sqlx::query("insert into users (id, username, display_name) values (gen_random_uuid(), 'ada', 'Ada')")
        .execute(&pool)
        .await
        .unwrap();
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("set transaction isolation level repeatable read").execute(&mut *transaction).await.unwrap();
    let outcome = sqlx::query("update users set deleted_at = now()").execute(&mut *transaction).await;
    assert!(outcome.unwrap_err().to_string().contains("READ COMMITTED"));
}
