//! `nova seed` fills a fresh database with a network that is the same each time, whole, and in the shape of a social one.
#![expect(clippy::unwrap_used, reason = "a test's helpers have nothing to go on with either")]

use chrono::{DateTime, Utc};
use futures_util::future::{Either, join, select};
use nova_cli::seed::{self, Progress, SeedArgs, SeedError, Summary, Table};
use nova_tests::{
    database::TestDatabase,
    rows::{self, count, fingerprint},
};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::oneshot;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

async fn seeded(users: u32, seed: u64) -> (TestDatabase, PgPool, Summary) {
    let database = TestDatabase::new().await;
    let summary = seed::run(database.url(), &SeedArgs { users, seed }, now(), |_| {}).await.unwrap();
    let pool = database.pool().await;
    (database, pool, summary)
}

#[tokio::test]
async fn the_same_arguments_give_the_same_rows() {
    let ((_a, one, _), (_b, same, _)) = join(seeded(300, 7), seeded(300, 7)).await;
    let (_c, other, _) = seeded(300, 8).await;
    let first = fingerprint(&one).await;
    assert!(first.iter().all(Option::is_some));
    assert_eq!(first, fingerprint(&same).await);
    assert!(first.iter().zip(fingerprint(&other).await).all(|(one, other)| *one != other));
}

#[tokio::test]
async fn a_network_has_the_rows_it_promises() {
    let (_database, pool, summary) = seeded(1000, 1).await;
    assert_eq!(Table::ALL.map(|table| summary.rows(table)), [1000, 10_000, 3000, 6000, 18_000]);
    for table in Table::ALL {
        let statement = AssertSqlSafe(format!("select count(*) from {}", table.name()));
        let rows: i64 = sqlx::query_scalar(statement).fetch_one(&pool).await.unwrap();
        assert_eq!(u64::try_from(rows).unwrap(), summary.rows(table), "{}", table.name());
    }
}

#[tokio::test]
async fn nothing_happens_before_what_it_is_about_nor_in_the_future() {
    let (_database, pool, _) = seeded(500, 1).await;
    for early in [
        "select count(*) from follows f join users a on a.id = f.follower_id join users b on b.id = f.followee_id
         where f.created_at <= greatest(a.created_at, b.created_at)",
        "select count(*) from posts p join users u on u.id = p.author_id
         where p.created_at <= u.created_at or p.updated_at < p.created_at",
        "select count(*) from comments c join posts p on p.id = c.post_id join users u on u.id = c.author_id
         where c.created_at <= greatest(p.created_at, u.created_at)",
        "select count(*) from likes l join posts p on p.id = l.post_id join users u on u.id = l.user_id
         where l.created_at <= greatest(p.created_at, u.created_at)",
    ] {
        assert_eq!(count(&pool, early).await, 0, "{early}");
    }
    let (first, last): (DateTime<Utc>, DateTime<Utc>) =
        sqlx::query_as("select min(created_at), max(created_at) from posts").fetch_one(&pool).await.unwrap();
    assert!(now() - first <= chrono::TimeDelta::days(90) && last < now());
    for table in ["users", "follows", "comments", "likes"] {
        let latest = AssertSqlSafe(format!("select max(created_at) from {table}"));
        assert!(sqlx::query_scalar::<_, DateTime<Utc>>(latest).fetch_one(&pool).await.unwrap() < now(), "{table}");
    }
    let odd_ids = "select count(*) from posts
        where ('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint <> floor(extract(epoch from created_at) * 1000)
            or substr(id::text, 15, 1) <> '7'";
    assert_eq!(count(&pool, odd_ids).await, 0, "ids are of the time of their rows");
}

#[tokio::test]
async fn few_are_popular_and_few_words_are_frequent() {
    let (_database, pool, _) = seeded(2000, 1).await;
    for (what, most) in [
        ("select max(n) from (select count(*) n from follows group by followee_id) x", 10),
        ("select max(n) from (select count(*) n from follows group by follower_id) x", 10),
        ("select max(n) from (select count(*) n from posts group by author_id) x", 3),
        ("select max(n) from (select count(*) n from comments group by post_id) x", 2),
        ("select max(n) from (select count(*) n from likes group by post_id) x", 6),
        ("select max(n) from (select count(*) n from posts group by category) x", 6000 / 13),
        (
            "select max(n) from (select count(*) n from posts, regexp_split_to_table(lower(body), '\\W+') word group by word) x",
            20,
        ),
    ] {
        let top = count(&pool, what).await;
        assert!(top > most * 3, "{what}: {top} is not far above the mean {most}");
    }
    assert_eq!(count(&pool, "select count(*) from users where is_verified").await, 20);
    assert!(count(&pool, "select count(*) from posts where category is null").await > 0);
    assert!(count(&pool, "select count(*) from users where bio is null").await > 0);
    assert_eq!(count(&pool, "select count(distinct content_type) from posts").await, 3);
}

#[tokio::test]
async fn counters_are_rolled_up() {
    let (_database, pool, _) = seeded(300, 1).await;
    assert_eq!(rows::wrong_counters(&pool).await, 0);
    assert_eq!(count(&pool, "select count(*) from counter_deltas").await, 0);
}

/// Every index, key and trigger, with its definition.
async fn definitions(pool: &PgPool) -> Vec<String> {
    let all = sqlx::query_scalar(
        "select pg_get_indexdef(indexrelid) || ' valid: ' || indisvalid from pg_index
            where indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
        union all
        select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || ' valid: ' || convalidated
            from pg_constraint where connamespace = 'public'::regnamespace
        union all
        select pg_get_triggerdef(oid) || ' enabled: ' || tgenabled::text from pg_trigger where not tgisinternal
        order by 1",
    );
    all.fetch_all(pool).await.unwrap()
}

#[tokio::test]
async fn indexes_keys_and_triggers_are_as_before() {
    let (_database, pool, _) = seeded(50, 1).await;
    let fresh = TestDatabase::new().await;
    assert_eq!(definitions(&pool).await, definitions(&fresh.pool().await).await);
    // And they work: a new edge is counted.
    let counted = "with edge as (
            insert into follows (follower_id, followee_id)
            select a.id, b.id from users a, users b
            where a.id <> b.id and not exists (select from follows where follower_id = a.id and followee_id = b.id)
            limit 1
        ) select count(*) from counter_deltas";
    count(&pool, counted).await;
    assert_eq!(count(&pool, "select count(*) from counter_deltas").await, 2);
}

#[tokio::test]
async fn tables_that_hold_anything_are_left_alone() {
    let (database, pool, _) = seeded(50, 1).await;
    let before = fingerprint(&pool).await;
    let refusal = seed::run(database.url(), &SeedArgs { users: 50, seed: 2 }, now(), |_| {}).await.unwrap_err();
    assert!(matches!(refusal, SeedError::NotEmpty(Table::Users)), "{refusal}");
    assert_eq!(fingerprint(&pool).await, before);
}

#[tokio::test]
async fn a_database_without_the_tables_is_told_from_one_that_fails() {
    let database = TestDatabase::empty().await;
    let refusal = seed::run(database.url(), &SeedArgs { users: 50, seed: 1 }, now(), |_| {}).await.unwrap_err();
    assert!(matches!(refusal, SeedError::NotMigrated), "{refusal}");
}

#[tokio::test]
async fn interrupted_it_has_loaded_nothing_and_can_begin_again() {
    let database = TestDatabase::new().await;
    let arguments = SeedArgs { users: 2000, seed: 1 };
    // Stops when the posts are there: two tables are full then.
    let (reached, stop) = oneshot::channel();
    let mut reached = Some(reached);
    let progress = |progress| {
        if let Progress::Loaded { table: Table::Posts, .. } = progress
            && let Some(reached) = reached.take()
        {
            reached.send(()).unwrap();
        }
    };
    let load = Box::pin(seed::run(database.url(), &arguments, now(), progress));
    // Dropped on its way, as by Ctrl-C.
    let Either::Left(_) = select(stop, load).await else { panic!("it ended before it was stopped") };

    let pool = database.pool().await;
    for table in Table::ALL {
        let statement = AssertSqlSafe(format!("select count(*) from {}", table.name()));
        assert_eq!(sqlx::query_scalar::<_, i64>(statement).fetch_one(&pool).await.unwrap(), 0, "{}", table.name());
    }
    let fresh = TestDatabase::new().await;
    assert_eq!(definitions(&pool).await, definitions(&fresh.pool().await).await);
    seed::run(database.url(), &arguments, now(), |_| {}).await.unwrap();
    let (_whole, whole, _) = seeded(2000, 1).await;
    assert_eq!(fingerprint(&pool).await, fingerprint(&whole).await);
}
