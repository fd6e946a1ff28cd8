//! Rows as a whole: what a load must give, whatever way it took.
#![expect(clippy::unwrap_used, reason = "a test that can't read its rows has nothing to go on with")]

use sqlx::{AssertSqlSafe, PgPool};

/// The tables that a load fills.
const TABLES: [&str; 6] = ["users", "follows", "posts", "comments", "likes", "counters"];

/// A hash of every row of every table; none where a table is empty.
///
/// # Panics
/// When a statement fails.
pub async fn fingerprint(pool: &PgPool) -> Vec<Option<String>> {
    let mut hashes = Vec::new();
    for table in TABLES {
        let statement = format!("select md5(string_agg(t::text, e'\n' order by t::text)) from {table} t");
        hashes.push(sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(pool).await.unwrap());
    }
    hashes
}

/// What a statement counts.
///
/// # Panics
/// When it fails.
pub async fn count(pool: &PgPool, what: &'static str) -> i64 {
    sqlx::query_scalar(what).fetch_one(pool).await.unwrap()
}

/// How many rolled-up counters differ from a count of what they count.
///
/// # Panics
/// When the statement fails.
pub async fn wrong_counters(pool: &PgPool) -> i64 {
    let wrong = "select count(*) from counters full join (
            select subject_id, kind, count(*) as value from counted_edges group by subject_id, kind
        ) as counted using (subject_id, kind)
        where counters.value is distinct from counted.value";
    count(pool, wrong).await
}
