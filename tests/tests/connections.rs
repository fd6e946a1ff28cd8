//! The backend's connections to the store: more calls than connections, and connections that the server ended.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use futures_util::future::join_all;
use nova_tests::backend::{TestBackend, by_id};
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
        assert!(failed <= ended, "{failed} calls failed");
    }
}
