//! The backend's connections to the store: how many there are, more calls than connections, and connections that the server
//! ended.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use futures_util::future::join_all;
use nova_tests::{
    backend::{TestBackend, by_id},
    processes::{eventually, refusal},
};
use tonic::Code;

const ADA: &str = "insert into users (id, username, display_name, created_at) values (id(1), 'ada', 'Ada', at(1));";
/// The backend's default.
const MOST: i64 = 30;

async fn connections(backend: &TestBackend) -> i64 {
    let sql = "select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'nova-backend'";
    sqlx::query_scalar(sql).fetch_one(&backend.pool).await.unwrap()
}

#[tokio::test]
async fn many_more_calls_than_connections_are_all_answered() {
    let backend = TestBackend::start(ADA).await;
    for _ in 0..3 {
        let calls = (0..400).map(|_| async { backend.users().batch_get_users(by_id([1])).await });
        for answer in join_all(calls).await {
            assert_eq!(answer.unwrap().into_inner().results.len(), 1);
        }
        let open = connections(&backend).await;
        assert!((1..=MOST).contains(&open), "{open}");
    }
}

#[tokio::test]
async fn half_of_the_connections_are_kept_open_before_anybody_calls() {
    let backend = TestBackend::start(ADA).await;
    eventually(|| async { connections(&backend).await == MOST / 2 }).await;
    assert_eq!(backend.metric("db_client_connection_max"), 30);
}

#[tokio::test]
async fn a_process_that_would_have_too_many_connections_does_not_start() {
    let settings = [("NOVA_SERVICES", "users,social"), ("DB_PROCESSES", "5")];
    let text = refusal("backend", &settings).await;
    let sum = "DB_MAX_CONNECTIONS (18) times DB_PROCESSES (5) is 90, more than DB_CONNECTION_BUDGET (75)";
    assert!(text.contains(sum), "{text}");
    let text = refusal("backend", &[("DB_MAX_CONNECTIONS", "4"), ("DB_MIN_CONNECTIONS", "5")]).await;
    assert!(text.contains("DB_MIN_CONNECTIONS (5) is more than DB_MAX_CONNECTIONS (4)"), "{text}");
}

#[tokio::test]
async fn a_connection_that_the_server_ended_costs_one_call_at_most() {
    let backend = TestBackend::start(ADA).await;
    let ask = || async { backend.users().batch_get_users(by_id([1])).await };
    join_all((0..50).map(|_| ask())).await.into_iter().for_each(|answer| drop(answer.unwrap()));
    let ended: i64 = sqlx::query_scalar(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and application_name = 'nova-backend'",
    )
    .fetch_one(&backend.pool)
    .await
    .unwrap();
    assert!(ended >= 1);
    let mut failed = 0;
    while let Err(status) = ask().await {
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        failed += 1;
        assert!(failed <= 1, "{failed} calls failed");
    }
}
