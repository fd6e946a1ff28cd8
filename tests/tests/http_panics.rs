//! A panic costs its request and nothing else: a 500 with a code, and the process lives. Here it is the clock that panics, which
//! tokens are read by; the gateway's own tests have a body (http/tests.rs), an operation of a batch (http/batch.rs), and a
//! route (http/around.rs).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use nova_core::clock::Clock;
use nova_tests::{app::TestApp, backend::now, client::codes};

/// The clock of every test, until it is told to panic.
#[derive(Debug, Default)]
struct Bomb(AtomicBool);

impl Clock for Bomb {
    fn now(&self) -> DateTime<Utc> {
        assert!(!self.0.load(Ordering::Relaxed), "secret: hunter2");
        now()
    }
}

#[tokio::test]
async fn a_panic_is_a_500_with_a_code_and_the_next_request_is_answered() {
    let bomb = Arc::new(Bomb::default());
    let page = "https://app.example";
    let app = TestApp::over(&[nova_tests::world::WORLD], |options| {
        options.gateway.clock = Arc::clone(&bomb) as _;
        options.gateway.http.cors_origins = page.parse().unwrap();
    })
    .await;
    // Who has a token needs the clock.
    let viewer = app.user(1).with("content-type", "application/json").with("x-request-id", "mine");
    let anonymous = app.anonymous();
    for (method, path, body, media) in [
        (Method::POST, "/graphql", r#"{"query":"{ __typename }"}"#, "application/json"),
        (Method::GET, "/graphql?query=%7B__typename%7D", "", "application/graphql-response+json"),
    ] {
        let viewer = viewer.with("accept", media).with("origin", page);
        bomb.0.store(true, Ordering::Relaxed);
        for _ in 0..3 {
            let reply = viewer.send(method.clone(), path, body).await;
            assert_eq!(
                (reply.status, codes(&reply.json())),
                (StatusCode::INTERNAL_SERVER_ERROR, vec!["INTERNAL".into()])
            );
            assert!(!String::from_utf8_lossy(&reply.body).contains("hunter2"));
            for (name, value) in [
                ("x-request-id", "mine"),
                ("x-content-type-options", "nosniff"),
                ("content-type", &format!("{media}; charset=utf-8")),
                ("access-control-allow-origin", page),
            ] {
                assert_eq!(reply.headers[name], value, "{name}");
            }
            assert_eq!(anonymous.query("{ __typename }").await["data"]["__typename"], "Query");
        }
        bomb.0.store(false, Ordering::Relaxed);
        assert_eq!(viewer.send(method, path, body).await.status, StatusCode::OK);
    }
}
