//! A panic costs its request and nothing else: a 500 with a code, and the process lives.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use nova_core::clock::Clock;
use nova_tests::{
    app::TestApp,
    backend::now,
    client::codes,
    flags::{flag, set},
};

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
    let app =
        TestApp::over(&[nova_tests::world::WORLD], |options| options.gateway.clock = Arc::clone(&bomb) as _).await;
    set(&app.app.flags, &[flag("http.batching", true)]);
    let viewer = app.user(1).with("content-type", "application/json").with("x-request-id", "mine");
    let anonymous = app.anonymous();
    for (method, path, body) in [
        (Method::POST, "/graphql", r#"{"query":"{ __typename }"}"#),
        (Method::POST, "/graphql", r#"[{"query":"{ __typename }"}]"#),
        (Method::GET, "/graphql?query=%7B__typename%7D", ""),
    ] {
        bomb.0.store(true, Ordering::Relaxed);
        for _ in 0..3 {
            // Who has a token needs the clock.
            let reply = viewer.send(method.clone(), path, body).await;
            assert_eq!(
                (reply.status, codes(&reply.json())),
                (StatusCode::INTERNAL_SERVER_ERROR, vec!["INTERNAL".into()])
            );
            assert!(!String::from_utf8_lossy(&reply.body).contains("hunter2"));
            assert_eq!(
                (&reply.headers["x-request-id"], &reply.headers["x-content-type-options"]),
                (&"mine".parse().unwrap(), &"nosniff".parse().unwrap())
            );
            assert_eq!(anonymous.query("{ __typename }").await["data"]["__typename"], "Query");
        }
        bomb.0.store(false, Ordering::Relaxed);
        assert_eq!(viewer.send(method, path, body).await.status, StatusCode::OK);
    }
}
