//! What operators do to a process: on its admin listener, with a token that says that they may. Whatever lacks one changes
//! nothing, wherever it comes from.

use std::{sync::Arc, time::Duration};

use http::{Method, StatusCode};
use nova_cli::{clock::SystemClock, token::mint};
use nova_core::{
    UserId,
    token::{TokenSecret, TokenType},
};
use nova_guard::{Breaker, Phase, Probes, Thresholds};
use nova_tests::{
    app::{TestApp, database, token},
    backend::id,
    client::{Client, codes},
    metrics::metric,
    processes::{Process, TOKEN_SECRET},
    world::WORLD,
};
use serde_json::json;

const THRESHOLDS: Thresholds = Thresholds {
    failures: 20,
    window: Duration::from_mins(1),
    failure_percent: 50,
    consecutive: 20,
    slow: Duration::from_secs(1),
    slow_percent: 80,
    pause: Duration::from_secs(1),
};

/// A breaker that nothing but operators opens.
fn put_up(app: &TestApp) -> Arc<Breaker> {
    let breaker = Arc::new(Breaker::new("printer", Probes::Prober, THRESHOLDS));
    app.app.board.add_breaker(&breaker);
    breaker
}

#[tokio::test]
async fn an_operator_isolates_and_resets_a_breaker_as_often_as_they_like() {
    let app = TestApp::start().await;
    let breaker = put_up(&app);
    let reader = Client::new(&app.app.admin_url);
    let operator = reader.bearing(&token(1, TokenType::Access, "ops"));
    for (action, state, enters) in [("isolate", "isolated", false), ("reset", "closed", true)] {
        for _ in 0..2 {
            let reply = operator.send(Method::POST, &format!("/ops/breakers/printer/{action}"), "").await;
            assert_eq!((reply.status, reply.json()["state"].as_str()), (StatusCode::OK, Some(state)), "{action}");
        }
        assert_eq!(breaker.enter(Some(&THRESHOLDS)).is_ok(), enters);
        let ops = reader.send(Method::GET, "/ops", "").await.json();
        assert_eq!(ops["guards"]["breakers"]["printer"]["state"], state);
        for name in ["nova_breaker_state", "nova_breaker_transitions_total"] {
            let name = format!("{name}{{upstream=\"printer\",state=\"{state}\"}}");
            let once = metric(&app.app.admin_url, &name).await;
            assert!((once - 1.0).abs() < f64::EPSILON, "{name}: {once}; the second time changes nothing");
        }
    }
}

#[tokio::test]
async fn an_upstream_that_is_isolated_costs_its_fields_until_it_is_reset() {
    let app = TestApp::start().await;
    let operator = Client::new(&app.app.admin_url).bearing(&token(1, TokenType::Access, "ops"));
    let feed = async || app.user(1).query("{ feed(first: 3) { nodes { body author { username } likeCount } } }").await;
    let whole = feed().await;
    assert_eq!(codes(&whole), Vec::<String>::new());

    operator.send(Method::POST, "/ops/breakers/social/isolate", "").await;
    let answer = feed().await;
    let failed = codes(&answer);
    assert_eq!(failed, [0, 1, 2].map(|n| format!("feed.nodes.{n}.likeCount UPSTREAM_UNAVAILABLE")));
    for (node, before) in (0..3).map(|n| (&answer["data"]["feed"]["nodes"][n], &whole["data"]["feed"]["nodes"][n])) {
        assert!(node["likeCount"].is_null() && node["author"] == before["author"] && node["body"] == before["body"]);
    }

    operator.send(Method::POST, "/ops/breakers/social/reset", "").await;
    assert_eq!(feed().await, whole);
}

#[tokio::test]
async fn who_has_no_token_with_the_scope_changes_nothing_not_even_from_the_same_machine() {
    let app = TestApp::start().await;
    let breaker = put_up(&app);
    let nobody = Client::new(&app.app.admin_url);
    // What a page makes a browser send without asking first, and what it would have to ask for.
    let page = nobody.with("origin", "https://evil.example").with("content-type", "text/plain");
    let asked = page.with("x-nova-csrf", "1").with("content-type", "application/json");
    let with = |scope| nobody.bearing(&token(1, TokenType::Access, scope));
    for (client, status, code) in [
        (&nobody, StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        (&page, StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        (&asked, StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        (&nobody.bearing("nonsense"), StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        (&nobody.bearing(&token(1, TokenType::Refresh, "ops")), StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        (&with("debug"), StatusCode::FORBIDDEN, "FORBIDDEN"),
    ] {
        for path in ["/ops/breakers/printer/isolate", "/ops/breakers/printer/reset", "/ops/breakers/nothing/isolate"] {
            let reply = client.send(Method::POST, path, "").await;
            assert_eq!(reply.status, status, "{path}");
            assert_eq!(reply.json()["errors"][0]["extensions"]["code"], code, "{path}");
        }
    }
    let operator = with("ops");
    let get = operator.send(Method::GET, "/ops/breakers/printer/isolate", "").await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    let public = app.anonymous().bearing(&token(1, TokenType::Access, "ops"));
    let public = public.send(Method::POST, "/ops/breakers/printer/isolate", "").await;
    assert_eq!(public.status, StatusCode::NOT_FOUND);
    assert_eq!(breaker.phase(), Phase::Closed);
}

#[tokio::test]
async fn a_breaker_that_is_not_there_is_answered_with_those_that_are() {
    let app = TestApp::start().await;
    put_up(&app);
    let operator = Client::new(&app.app.admin_url).bearing(&token(1, TokenType::Access, "ops"));
    for path in ["/ops/breakers/print/isolate", "/ops/breakers/%3Cscript%3E/reset"] {
        let reply = operator.send(Method::POST, path, "").await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        let message = reply.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("printer") && !message.contains("script"), "{message}");
    }
}

#[tokio::test]
async fn a_backend_by_itself_has_operators_too() {
    let (database, _pool) = database(&[WORLD]).await;
    let backend = Process::backend("users", database.url(), None).await;
    let reader = Client::new(&backend.admin_url());
    let get = async |path: &str| reader.send(Method::GET, path, "").await;

    let metrics = String::from_utf8(get("/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains("nova_build_info{") && metrics.contains("db_client_"), "{metrics}");
    assert_eq!(get("/health/live").await.status, StatusCode::OK);
    assert_eq!(get("/health/ready").await.json()["status"], "ready");
    let ops = get("/ops").await.json();
    assert_eq!(ops["draining"], false);
    assert!(ops["build"]["version"].is_string() && ops["guards"]["breakers"].is_object(), "{ops}");
    assert!(ops["flags"]["flags"]["loaders.batching"].is_object(), "{ops}");

    let act = async |client: &Client, path: &str| client.send(Method::POST, path, "").await.status;
    assert_eq!(act(&reader, "/ops/breakers/postgres/isolate").await, StatusCode::UNAUTHORIZED);
    let secret = TokenSecret::new(TOKEN_SECRET).unwrap();
    let ops = mint(&secret, &SystemClock, UserId(id(1)), TokenType::Access, "ops", Duration::from_mins(5)).unwrap();
    let operator = reader.bearing(&ops);
    assert_eq!(act(&operator, "/ops/breakers/nothing/isolate").await, StatusCode::NOT_FOUND);
    for (action, status, ready) in [("isolate", 503, "isolated"), ("reset", 200, "closed")] {
        assert_eq!(act(&operator, &format!("/ops/breakers/postgres/{action}")).await, StatusCode::OK);
        let reply = get("/health/ready").await;
        assert_eq!((reply.status.as_u16(), &reply.json()["needs"]), (status, &json!({ "postgres": ready })));
    }
}
