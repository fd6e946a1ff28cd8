//! How often somebody may ask: by user, by address, on both sides of the flag, and what a client is told. Quotas here are a few,
//! and one more a minute: no test takes as long as that.

use http::{Method, StatusCode};
use nova_core::token::TokenType;
use nova_tests::{
    app::{TestApp, token},
    client::{Client, Reply, codes},
    flags::{flag, flag_with, set},
    world::WORLD,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The flag with so many requests for a user, and for an address.
fn rate(user: u32, address: u32, mode: &str) -> [Value; 1] {
    [flag_with(
        "limits.rate",
        &json!({ "per_minute": 1, "burst": user, "address_per_minute": 10, "address_burst": address, "mode": mode }),
    )]
}

async fn ask(client: &Client) -> Reply {
    client.post(r#"{"query":"{ __typename }"}"#).await
}

/// The statuses of so many requests, one after the other.
async fn statuses(client: &Client, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(ask(client).await.status.as_u16());
    }
    statuses
}

/// Checks by limit and outcome, as an operator sees them.
async fn checks(app: &TestApp) -> Value {
    let reply = Client::new(&app.app.admin_url).send(Method::GET, "/ops", "").await;
    reply.json()["rates"]["checks"].clone()
}

#[tokio::test]
async fn one_request_too_many_is_refused_and_told_when_to_come_back() {
    let app = TestApp::start().await;
    set(&app.app.flags, &rate(2, 100, "enforce"));
    assert_eq!(statuses(&app.user(1), 2).await, [200, 200]);
    for accept in ["application/json", "application/graphql-response+json"] {
        let reply = ask(&app.user(1).with("accept", accept)).await;
        assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
        let seconds: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
        let answer = reply.json();
        let millis = answer["errors"][0]["extensions"]["retryAfterMs"].as_u64().unwrap();
        assert!((1..=60).contains(&seconds) && millis.div_ceil(1_000) == seconds, "{seconds} s, {millis} ms");
        assert_eq!(codes(&answer), ["RATE_LIMITED"]);
        assert!(answer.get("data").is_none(), "{answer}");
        assert!(reply.headers["content-type"].to_str().unwrap().starts_with(accept));
    }
    assert_eq!(statuses(&app.user(2), 3).await, [200, 200, 429], "another user has a rate of its own");
    assert_eq!(checks(&app).await["user"], json!({ "allowed": 4, "limited": 3, "would_limit": 0 }));
}

#[tokio::test]
async fn off_counts_nothing_measuring_counts_and_refuses_nothing() {
    let app = TestApp::start().await;
    for features in [rate(1, 1, "measure"), [flag("limits.rate", false)]] {
        set(&app.app.flags, &features);
        assert_eq!(statuses(&app.user(1), 5).await, [200; 5]);
        let expected = json!({ "allowed": 1, "limited": 0, "would_limit": 4 });
        let checks = checks(&app).await;
        assert_eq!((&checks["user"], &checks["address"]), (&expected, &expected));
    }
    set(&app.app.flags, &rate(1, 100, "enforce"));
    assert_eq!(statuses(&app.user(1), 1).await, [429], "what was measured counts");
    set(&app.app.flags, &rate(3, 100, "enforce"));
    assert_eq!(statuses(&app.user(1), 4).await, [200, 200, 200, 429], "another quota begins anew");
}

#[tokio::test]
async fn as_it_comes_nobody_is_refused() {
    let app = TestApp::start().await;
    assert_eq!(statuses(&app.anonymous(), 20).await, [200; 20]);
    assert_eq!(checks(&app).await["address"]["allowed"], 20);
}

#[tokio::test]
async fn who_has_no_token_or_a_bad_one_is_held_back_by_the_address() {
    let app = TestApp::start().await;
    set(&app.app.flags, &rate(100, 3, "enforce"));
    let guess = app.anonymous().bearing("a.b.c");
    assert_eq!(statuses(&guess, 4).await, [401, 401, 401, 429], "guessing ends");
    assert_eq!(statuses(&app.anonymous(), 1).await, [429]);
    assert_eq!(statuses(&app.user(1), 1).await, [429], "the address is everybody's who comes from it");
}

#[tokio::test]
async fn what_a_client_says_of_its_address_counts_only_when_a_trusted_proxy_says_it() {
    let app = TestApp::start().await;
    set(&app.app.flags, &rate(100, 2, "enforce"));
    let from = |app: &TestApp, address: &str| app.anonymous().with("x-forwarded-for", address);
    assert_eq!(statuses(&from(&app, "198.51.100.1"), 2).await, [200, 200]);
    assert_eq!(statuses(&from(&app, "198.51.100.2"), 1).await, [429], "nobody vouches for it");

    let app = TestApp::over(&[WORLD], |options| {
        options.gateway.http.trusted_proxies = "127.0.0.0/8, 10.0.0.0/8".parse().unwrap();
    })
    .await;
    set(&app.app.flags, &rate(100, 2, "enforce"));
    assert_eq!(statuses(&from(&app, "198.51.100.1"), 3).await, [200, 200, 429]);
    assert_eq!(
        statuses(&from(&app, "1.1.1.1, 198.51.100.1, 10.0.0.9"), 1).await,
        [429],
        "what it added is not believed"
    );
    assert_eq!(statuses(&from(&app, "198.51.100.2"), 1).await, [200]);
    assert_eq!(statuses(&from(&app, "2001:db8::1"), 2).await, [200, 200]);
    assert_eq!(statuses(&from(&app, "2001:db8::ffff"), 1).await, [429], "a network of IPv6 is one client");
    for nonsense in ["", "unknown", "1.1.1.1,,", "\"", "999.1.1.1"] {
        assert_ne!(ask(&from(&app, nonsense)).await.status, StatusCode::INTERNAL_SERVER_ERROR, "{nonsense}");
    }
    let other = app.anonymous().with("forwarded", "for=198.51.100.7");
    assert_eq!(
        statuses(&other, 1).await,
        [429],
        "the header that is not the operator's is not read: it is the proxy's own"
    );
}

/// The flag with a budget of so many points, and ten more a minute.
fn budget(points: u64, mode: &str) -> [Value; 1] {
    [flag_with("limits.cost-budget", &json!({ "per_minute": 10, "burst": points, "mode": mode }))]
}

const FEED: &str = r#"{"query":"{ feed(first: 10) { nodes { likeCount author { username } } } }"}"#;

#[tokio::test]
async fn operations_spend_what_they_cost_from_a_budget() {
    let app = TestApp::start().await;
    let cost = app.debugging(9).post(FEED).await.json()["extensions"]["debug"]["cost"]["complexity"].as_u64().unwrap();
    assert!((10..90).contains(&cost), "{cost}");
    set(&app.app.flags, &budget(100, "enforce"));
    let affordable = 100 / cost;
    for _ in 0..affordable {
        assert_eq!(app.user(1).post(FEED).await.status, StatusCode::OK);
    }
    for accept in ["application/json", "application/graphql-response+json"] {
        let reply = app.user(1).with("accept", accept).post(FEED).await;
        let answer = reply.json();
        assert_eq!((reply.status, codes(&answer)), (StatusCode::TOO_MANY_REQUESTS, vec!["RATE_LIMITED".to_owned()]));
        let seconds: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
        let millis = answer["errors"][0]["extensions"]["retryAfterMs"].as_u64().unwrap();
        assert!((1..=cost * 6).contains(&seconds) && millis.div_ceil(1_000) == seconds, "{seconds} s, {millis} ms");
        assert!(answer.get("data").is_none(), "{answer}");
    }
    assert_eq!(statuses(&app.user(1), 1).await, [200], "what costs nothing is still served");
    assert_eq!(app.user(2).post(FEED).await.status, StatusCode::OK, "another user has a budget of their own");
    assert_eq!(
        app.anonymous().with("accept", "application/json").query("{ post(id: \"x\") { id } }").await["data"],
        json!({ "post": null })
    );

    set(&app.app.flags, &budget(cost - 1, "enforce"));
    let never = app.user(1).post(FEED).await;
    assert_eq!(codes(&never.json()), ["LIMIT_EXCEEDED"], "waiting does not help");
    assert!(never.headers.get("retry-after").is_none());
}

#[tokio::test]
async fn a_budget_that_measures_or_is_off_refuses_nothing() {
    let app = TestApp::start().await;
    for features in [budget(1, "measure"), [flag("limits.cost-budget", false)]] {
        set(&app.app.flags, &features);
        for _ in 0..3 {
            assert_eq!(app.user(1).post(FEED).await.status, StatusCode::OK);
        }
        assert_eq!(checks(&app).await["cost"], json!({ "allowed": 0, "limited": 0, "would_limit": 3 }));
    }
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_the_body() {
    let app = TestApp::start().await;
    set(&app.app.flags, &rate(1, 100, "enforce"));
    assert_eq!(statuses(&app.user(1), 1).await, [200]);
    // A head that announces a body, and then nothing.
    let address = app.app.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let token = token(1, TokenType::Access, "");
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
        content-type: application/json\r\ncontent-length: 100\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    connection.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 429");
}

#[tokio::test]
async fn health_and_the_operator_are_never_held_back() {
    let app = TestApp::start().await;
    set(&app.app.flags, &rate(1, 1, "enforce"));
    let token = token(1, TokenType::Access, "ops");
    assert_eq!(statuses(&app.anonymous(), 2).await, [200, 429]);
    for (url, path) in [
        (&app.app.url, "/health/live"),
        (&app.app.url, "/health/ready"),
        (&app.app.admin_url, "/metrics"),
        (&app.app.admin_url, "/ops"),
    ] {
        for _ in 0..5 {
            let reply = Client::new(url).bearing(&token).send(Method::GET, path, "").await;
            assert_eq!(reply.status, StatusCode::OK, "{path}");
        }
    }
    assert_eq!(checks(&app).await["address"], json!({ "allowed": 1, "limited": 1, "would_limit": 0 }));
}
