//! A statement that nobody waits for is stopped on the server, soon after its deadline; not too many at a time.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use futures_util::future::join_all;
use nova_backend::ServiceName;
use nova_tests::{
    backend::{TestBackend, by_id, id, signed},
    processes::eventually,
};
use sqlx::{Postgres, Transaction};
use tokio::time::Instant;
use tonic::{Code, Request};

const ADA: &str = "insert into users (id, username, display_name, created_at) values (id(1), 'ada', 'Ada', at(1));";
/// Far beyond what a test takes: it is not the server that ends a statement.
const NEVER_MS: u64 = 60_000;
/// What ends it: the server looks every 250 ms whether the connection is there. The rest is for a machine that is busy.
const STOPPED: Duration = Duration::from_secs(3);

/// A backend whose statements the server does not end, and somebody who holds the lock of `users`.
async fn stuck() -> (TestBackend, Transaction<'static, Postgres>) {
    let backend =
        TestBackend::with(&[ServiceName::Users], ADA, |config| config.db_statement_timeout_ms = NEVER_MS).await;
    let mut stuck = backend.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table users in access exclusive mode").execute(&mut *stuck).await.unwrap();
    (backend, stuck)
}

/// How many of the backend's statements wait for the lock.
async fn at_the_lock(backend: &TestBackend) -> i64 {
    let sql = "select count(*) from pg_stat_activity where datname = current_database()
        and application_name = 'nova-backend' and state <> 'idle' and wait_event_type = 'Lock'";
    sqlx::query_scalar(sql).fetch_one(&backend.pool).await.unwrap()
}

async fn ask(backend: &TestBackend, timeout: Duration) -> Code {
    let mut request = Request::new(by_id([1]));
    request.set_timeout(timeout);
    backend.users().batch_get_users(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn a_statement_is_gone_from_the_server_soon_after_its_deadline() {
    let (backend, stuck) = stuck().await;
    let timeout = Duration::from_secs(2);
    let begun = Instant::now();
    let asking = async {
        assert!(matches!(ask(&backend, timeout).await, Code::DeadlineExceeded | Code::Cancelled));
    };
    tokio::join!(asking, eventually(|| async { at_the_lock(&backend).await == 1 }));
    eventually(|| async { at_the_lock(&backend).await == 0 }).await;
    let late = begun.elapsed().saturating_sub(timeout);
    assert!(late < STOPPED, "{late:?}");
    println!("gone {late:?} after the deadline");
    assert_eq!(backend.metric("nova_store_abandoned_total{outcome=\"closed\"}"), 1);
    stuck.rollback().await.unwrap();
    assert_eq!(ask(&backend, Duration::from_secs(5)).await, Code::Ok);
}

#[tokio::test]
async fn a_statement_is_gone_soon_after_its_caller() {
    let (backend, stuck) = stuck().await;
    let mut users = backend.users();
    let asking = tokio::spawn(async move { users.batch_get_users(by_id([1])).await });
    eventually(|| async { at_the_lock(&backend).await == 1 }).await;
    let left = Instant::now();
    asking.abort();
    eventually(|| async { at_the_lock(&backend).await == 0 }).await;
    assert!(left.elapsed() < STOPPED, "{:?}", left.elapsed());
    assert_eq!(backend.metric("nova_store_abandoned_total{outcome=\"closed\"}"), 1);
    stuck.rollback().await.unwrap();
}

#[tokio::test]
async fn a_write_is_stopped_and_undone_as_well() {
    let backend =
        TestBackend::with(&[ServiceName::Users], ADA, |config| config.db_statement_timeout_ms = NEVER_MS).await;
    let mut stuck = backend.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table users in access exclusive mode").execute(&mut *stuck).await.unwrap();
    let changes = nova_proto::v1::UpdateProfileRequest { display_name: Some("Eve".into()), ..Default::default() };
    let mut users = backend.users();
    let writing = tokio::spawn(async move { users.update_profile(signed(id(1), changes)).await });
    eventually(|| async { at_the_lock(&backend).await == 1 }).await;
    writing.abort();
    eventually(|| async { at_the_lock(&backend).await == 0 }).await;
    stuck.rollback().await.unwrap();
    let name: String = sqlx::query_scalar("select display_name from users").fetch_one(&backend.pool).await.unwrap();
    assert_eq!(name, "Ada");
}

#[tokio::test]
async fn the_sixth_in_a_second_is_left_to_end_by_itself() {
    let backend = TestBackend::with(&[ServiceName::Users], ADA, |config| {
        config.db_max_connections = Some(10);
        config.db_statement_timeout_ms = 10_000;
    })
    .await;
    let mut stuck = backend.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table users in access exclusive mode").execute(&mut *stuck).await.unwrap();
    let calls = join_all((0..8).map(|_| ask(&backend, Duration::from_secs(5))));
    let (codes, ()) = tokio::join!(calls, eventually(|| async { at_the_lock(&backend).await == 8 }));
    assert!(codes.iter().all(|code| matches!(code, Code::DeadlineExceeded | Code::Cancelled)), "{codes:?}");
    let abandoned = |outcome: &str| backend.metric(&format!("nova_store_abandoned_total{{outcome=\"{outcome}\"}}"));
    eventually(|| async { abandoned("closed") + abandoned("spared") == 8 }).await;
    assert!(abandoned("closed") >= 5 && abandoned("spared") <= 3, "five in a second, of calls that end in one or two");
    // The server ends the others: their places are free again.
    eventually(|| async { at_the_lock(&backend).await == 0 }).await;
    eventually(|| async { backend.metric("db_client_connection_count{state=\"used\"}") == 0 }).await;
    stuck.rollback().await.unwrap();
    assert_eq!(ask(&backend, Duration::from_secs(5)).await, Code::Ok);
}
