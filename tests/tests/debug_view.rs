//! The debug view: for whom it is, and what it says.

use nova_core::token::TokenType;
use nova_flags::CATALOGUE;
use nova_tests::app::{TestApp, token};
use serde_json::{Value, json};

const DOCUMENT: &str = "{ feed(first: 3) { nodes { author { username } } } }";

#[tokio::test]
async fn a_caller_with_the_scope_who_asks_sees_what_the_operation_cost() {
    let app = TestApp::start().await;
    let answer = app.debugging(1).query(DOCUMENT).await;
    let debug = &answer["extensions"]["debug"];
    assert_eq!(debug["upstreamCalls"]["Content/BatchListFeed"], json!({ "calls": 1, "keys": 1 }));
    assert_eq!(debug["upstreamCalls"]["Users/BatchGetUsers"]["calls"], 1);
    assert_eq!(debug["statements"], 2);
    let batching =
        json!({ "value": true, "reason": "catalogue default", "scope": "request", "payload": { "max_batch": 1000 } });
    assert_eq!(debug["flags"]["loaders.batching"], batching);
    assert_eq!(debug["flags"].as_object().map(serde_json::Map::len), Some(CATALOGUE.len()));
    let total = debug["stagesMs"]["total"].as_f64().unwrap();
    for stage in ["parse", "limits", "execute"] {
        assert!((0.0..=total).contains(&debug["stagesMs"][stage].as_f64().unwrap()), "{debug}");
    }
    let overhead = debug["overheadMs"].as_f64().unwrap();
    assert!(total > 0.0 && overhead >= 0.0 && overhead <= total, "{debug}");
}

#[tokio::test]
async fn nobody_else_ever_does() {
    let app = TestApp::start().await;
    let asking = [
        app.anonymous().with("x-nova-debug", "1"),
        app.user(1).with("x-nova-debug", "1"),
        app.anonymous().bearing(&token(1, TokenType::Access, "ops")).with("x-nova-debug", "1"),
        app.anonymous().bearing(&token(1, TokenType::Access, "debug")),
        app.anonymous().bearing(&token(1, TokenType::Access, "debug")).with("x-nova-debug", "0"),
    ];
    for client in asking {
        assert_eq!(client.query(DOCUMENT).await.get("extensions"), None::<&Value>);
    }
}
