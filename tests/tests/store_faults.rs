//! A store that is dead, stands still, is full, or is kept from answering: calls fail at once, and are whole again when it is
//! back, without a restart.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use futures_util::future::join_all;
use nova_backend::{Config, ServiceName};
use nova_cli::app::{App, AppOptions};
use nova_core::token::TokenType;
use nova_tests::{
    app::{clock, token},
    backend::{TestBackend, by_id, id, secret, signed},
    client::{Client, codes},
    flags::{flag, set},
    postgres::OwnPostgres,
    processes::eventually,
    world::WORLD,
};
use sqlx::{Connection as _, PgConnection, error::DatabaseError};
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

const ADA: &str = "insert into users (id, username, display_name, created_at) values (id(1), 'ada', 'Ada', at(1));";
/// What a call that fails at once may take on a machine that is busy. What it takes for other reasons is longer.
const AT_ONCE: Duration = Duration::from_secs(2);

async fn ask(backend: &TestBackend) -> Result<(), Status> {
    let answer = backend.users().batch_get_users(by_id([1])).await?;
    assert_eq!(answer.into_inner().results.len(), 1);
    Ok(())
}

/// Whether the status says that the store was not asked.
fn is_refused(status: &Status) -> bool {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    status.metadata().get("nova-refused").is_some_and(|value| value == "store")
}

fn state(backend: &TestBackend) -> &'static str {
    backend.board.view().breakers["postgres"].state
}

async fn health(backend: &TestBackend, service: &str) -> ServingStatus {
    let mut health = HealthClient::new(backend.channel.clone());
    health.check(HealthCheckRequest { service: service.into() }).await.unwrap().into_inner().status()
}

async fn until_whole(backend: &TestBackend) {
    eventually(|| async { ask(backend).await.is_ok() && state(backend) == "closed" }).await;
    let calls = join_all((0..50).map(|_| ask(backend))).await;
    assert!(calls.iter().all(Result::is_ok), "{calls:?}");
    assert_eq!(state(backend), "closed");
}

#[tokio::test]
async fn a_store_that_is_killed_costs_every_call_no_time_and_comes_back() {
    let mut postgres = OwnPostgres::start(ADA, &[]).await;
    let backend = TestBackend::at(&Config::for_url(postgres.url())).await;
    until_whole(&backend).await;
    eventually(|| async { health(&backend, "nova.v1.Users").await == ServingStatus::Serving }).await;

    postgres.kill().await;
    // The first ones included.
    for _ in 0..100 {
        let begun = Instant::now();
        let status = ask(&backend).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    }
    eventually(|| async { is_refused(&ask(&backend).await.unwrap_err()) }).await;
    assert!(backend.metric("nova_store_refused_total{reason=\"breaker\"}") > 0);
    let changes = nova_proto::v1::UpdateProfileRequest { display_name: Some("Eve".into()), ..Default::default() };
    let written = backend.users().update_profile(signed(id(1), changes)).await.unwrap().into_inner();
    let failure = nova_proto::IntoWritten::into_written(written).unwrap_err();
    assert_eq!(failure.0, nova_core::ErrorCode::UpstreamUnavailable, "a write was not made, and says so");
    eventually(|| async { health(&backend, "nova.v1.Users").await == ServingStatus::NotServing }).await;
    assert_eq!(health(&backend, "").await, ServingStatus::Serving, "the process is well");
    set(&backend.flags, &[flag("guard.health-probes", false)]);
    eventually(|| async { health(&backend, "nova.v1.Users").await == ServingStatus::Serving }).await;
    set(&backend.flags, &[flag("guard.health-probes", true)]);
    eventually(|| async { health(&backend, "nova.v1.Users").await == ServingStatus::NotServing }).await;

    postgres.start_again().await;
    until_whole(&backend).await;
    eventually(|| async { health(&backend, "nova.v1.Users").await == ServingStatus::Serving }).await;
}

#[tokio::test]
async fn behind_a_gateway_every_request_is_answered_while_it_is_dead() {
    const DOCUMENT: &str = "{ feed(first: 3) { nodes { body author { username } likeCount } } }";
    let mut postgres = OwnPostgres::start(WORLD, &[]).await;
    let mut options = AppOptions::new(&postgres.url(), secret());
    options.gateway.clock = clock();
    let app = App::start(options).await.unwrap();
    let viewer = Client::new(&app.url).bearing(&token(1, TokenType::Access, ""));
    let whole = viewer.query(DOCUMENT).await;
    assert_eq!(codes(&whole), Vec::<String>::new());

    postgres.kill().await;
    for _ in 0..30 {
        let begun = Instant::now();
        let answer = viewer.query(DOCUMENT).await;
        assert_eq!(codes(&answer), ["feed UPSTREAM_UNAVAILABLE"], "{answer}");
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    }
    postgres.start_again().await;
    eventually(|| async { viewer.query(DOCUMENT).await == whole }).await;
}

#[tokio::test]
async fn a_store_that_stands_still_is_found_and_left_alone() {
    let mut postgres = OwnPostgres::start(ADA, &[]).await;
    let backend = TestBackend::at(&Config::for_url(postgres.url())).await;
    until_whole(&backend).await;

    postgres.freeze();
    let frozen = Instant::now();
    eventually(|| async { state(&backend) != "closed" }).await;
    assert!(frozen.elapsed() < 2 * AT_ONCE, "{:?}", frozen.elapsed());
    for _ in 0..100 {
        let begun = Instant::now();
        assert!(is_refused(&ask(&backend).await.unwrap_err()));
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    }
    assert_eq!(health(&backend, "nova.v1.Social").await, ServingStatus::NotServing);
    postgres.thaw();
    until_whole(&backend).await;
}

#[tokio::test]
async fn a_store_without_a_connection_left_refuses_and_then_is_not_asked() {
    let postgres = OwnPostgres::start(ADA, &["max_connections=12"]).await;
    let mut eaten = Vec::new();
    let full = loop {
        match PgConnection::connect(&postgres.url()).await {
            Ok(connection) => eaten.push(connection),
            Err(error) => break error,
        }
    };
    assert_eq!(full.as_database_error().and_then(DatabaseError::code).as_deref(), Some("53300"), "{full}");
    let backend = TestBackend::at(&Config::for_url(postgres.url())).await;
    let first = ask(&backend).await.unwrap_err();
    assert!(!is_refused(&first), "the server was asked");
    eventually(|| async { is_refused(&ask(&backend).await.unwrap_err()) }).await;
    for connection in eaten {
        connection.close().await.unwrap();
    }
    eventually(|| async { ask(&backend).await.is_ok() }).await;
}

#[tokio::test]
async fn without_the_breaker_each_call_asks_the_store_and_counts_all_the_same() {
    let mut postgres = OwnPostgres::start(ADA, &[]).await;
    let backend = TestBackend::at(&Config::for_url(postgres.url())).await;
    set(&backend.flags, &[flag("guard.db-breaker", false)]);
    until_whole(&backend).await;
    postgres.kill().await;
    for _ in 0..50 {
        assert!(!is_refused(&ask(&backend).await.unwrap_err()));
    }
    eventually(|| async { state(&backend) != "closed" }).await;
    assert_eq!(backend.metric("nova_store_refused_total{reason=\"breaker\"}"), 0);
    set(&backend.flags, &[flag("guard.db-breaker", true)]);
    assert!(is_refused(&ask(&backend).await.unwrap_err()));
    set(&backend.flags, &[flag("guard.db-breaker", false)]);
    postgres.start_again().await;
    until_whole(&backend).await;
}

#[tokio::test]
async fn an_operator_takes_the_store_out_and_puts_it_back() {
    let backend = TestBackend::start(ADA).await;
    ask(&backend).await.unwrap();
    let breaker = backend.board.breaker("postgres").unwrap();
    breaker.isolate();
    for _ in 0..10 {
        assert!(is_refused(&ask(&backend).await.unwrap_err()));
    }
    eventually(|| async { health(&backend, "nova.v1.Users").await == ServingStatus::NotServing }).await;
    set(&backend.flags, &[flag("guard.db-breaker", false)]);
    ask(&backend).await.unwrap();
    set(&backend.flags, &[flag("guard.db-breaker", true)]);
    breaker.reset();
    ask(&backend).await.unwrap();
}

#[tokio::test]
async fn with_all_connections_taken_a_call_waits_a_little_or_until_the_breaker_opens() {
    let backend = TestBackend::with(&[ServiceName::Users], ADA, |config| {
        config.db_max_connections = Some(2);
        config.db_statement_timeout_ms = 60_000;
    })
    .await;
    let mut stuck = backend.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table users in access exclusive mode").execute(&mut *stuck).await.unwrap();
    let ask_later = || {
        let mut users = backend.users();
        tokio::spawn(async move { users.batch_get_users(by_id([1])).await.map(drop) })
    };
    let holder = ask_later();
    eventually(|| async {
        let waits = "select count(*) from pg_locks where not granted and relation = 'users'::regclass";
        sqlx::query_scalar::<_, i64>(waits).fetch_one(&backend.pool).await.unwrap() == 1
    })
    .await;

    // A second, and no longer.
    assert!(is_refused(&ask(&backend).await.unwrap_err()));
    assert!(backend.metric("nova_store_refused_total{reason=\"saturated\"}") >= 1);
    assert!(backend.metric("db_client_connection_timeouts_total") >= 1);

    // The old way waits, unless the breaker opens.
    set(&backend.flags, &[flag("guard.fast-acquire", false)]);
    let waiter = ask_later();
    eventually(|| async { backend.metric("db_client_connection_pending_requests") == 1 }).await;
    assert!(!waiter.is_finished());
    let begun = Instant::now();
    backend.board.breaker("postgres").unwrap().isolate();
    assert!(is_refused(&waiter.await.unwrap().unwrap_err()));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    stuck.rollback().await.unwrap();
    drop(holder.await.unwrap());
}

#[tokio::test]
async fn a_service_that_is_stuck_leaves_connections_for_the_others_of_its_process() {
    // Seven, one of which is the prober's: each of the three services may have two.
    let backend = TestBackend::with(ServiceName::ALL, ADA, |config| {
        config.db_max_connections = Some(7);
        config.db_statement_timeout_ms = 60_000;
    })
    .await;
    let mut stuck = backend.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table posts in access exclusive mode").execute(&mut *stuck).await.unwrap();
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let mut content = backend.content();
            tokio::spawn(async move { content.batch_get_posts(by_id([1])).await.map(drop) })
        })
        .collect();
    let at_the_lock = || async {
        let waits = "select count(*) from pg_locks join pg_stat_activity using (pid)
            where not granted and relation = 'posts'::regclass and application_name = 'nova-backend'";
        sqlx::query_scalar::<_, i64>(waits).fetch_one(&backend.pool).await.unwrap()
    };
    eventually(|| async { at_the_lock().await == 2 }).await;
    // Likes are counted of posts that are there: these calls wait, too.
    let mut social = backend.social();
    let counting = tokio::spawn(async move { social.batch_count_likes(by_id([1])).await.map(drop) });
    eventually(|| async { at_the_lock().await == 3 }).await;
    for _ in 0..20 {
        ask(&backend).await.unwrap();
        backend.social().batch_count_follows(by_id([1])).await.unwrap();
    }
    assert_eq!(state(&backend), "closed");
    stuck.rollback().await.unwrap();
    let (served, refused): (Vec<_>, Vec<_>) =
        join_all(waiting).await.into_iter().map(Result::unwrap).partition(Result::is_ok);
    assert!(served.len() <= 20 && refused.into_iter().all(|refusal| is_refused(&refusal.unwrap_err())));
    drop(counting.await.unwrap());
}
