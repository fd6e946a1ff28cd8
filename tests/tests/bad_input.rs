//! Input that can't be answered: each gets a status, a code, and costs nobody else anything.

use std::fmt::Write as _;

use http::{Method, StatusCode};
use insta::assert_snapshot;
use nova_core::{CommentId, PostId, UserId, token::TokenType};
use nova_tests::{
    app::{TestApp, token},
    backend::{id, now, secret},
    client::{Client, codes},
};
use serde_json::{Value, json};

#[tokio::test]
async fn ids_cursors_and_page_sizes() {
    let app = TestApp::start().await;
    let viewer = app.user(1);
    let page = viewer
        .query("{ feed(first: 1) { pageInfo { endCursor } } viewer { posts(first: 1) { pageInfo { endCursor } } } }")
        .await;
    let feed_cursor = page["data"]["feed"]["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
    let posts_cursor = page["data"]["viewer"]["posts"]["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
    let tampered = format!("B{}", &feed_cursor[1..]);
    let other = app.user(2).query("{ feed(first: 1) { pageInfo { endCursor } } }").await;
    let others_cursor = other["data"]["feed"]["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
    let (user, post) = (UserId(id(3)).to_global(), PostId(id(1008)).to_global());
    let unknown = [UserId(id(999)).to_global(), PostId(id(999)).to_global(), CommentId(id(999)).to_global()];

    let many = vec![format!("{user:?}"); 101].join(", ");
    let cases = [
        (
            "unknown ids",
            format!(
                "{{ a: node(id: {:?}) {{ id }} b: node(id: {:?}) {{ id }} c: node(id: {:?}) {{ id }} d: post(id: {:?}) {{ id }} }}",
                unknown[0], unknown[1], unknown[2], unknown[1]
            ),
        ),
        ("an unknown name", "{ user(username: \"nobody\") { id } }".to_owned()),
        (
            "names that nobody has",
            format!(
                "{{ a: user(username: \"\") {{ id }} b: user(username: \"a\\u0000b\") {{ id }} c: user(username: \"{}\") {{ id }} }}",
                "x".repeat(10_000)
            ),
        ),
        ("a malformed id", "{ node(id: \"1\") { id } }".to_owned()),
        ("an empty id", "{ node(id: \"\") { id } }".to_owned()),
        ("an id of another type", format!("{{ post(id: {user:?}) {{ id }} }}")),
        ("one bad id of three", format!("{{ nodes(ids: [{post:?}, \"bad\", {user:?}]) {{ __typename }} }}")),
        ("101 ids", format!("{{ nodes(ids: [{many}]) {{ id }} }}")),
        ("first: 0", "{ feed(first: 0) { nodes { id } } }".to_owned()),
        ("first: -1", "{ feed(first: -1) { nodes { id } } }".to_owned()),
        ("first: 101", "{ feed(first: 101) { nodes { id } } }".to_owned()),
        ("first beyond Int", "{ feed(first: 3000000000) { nodes { id } } }".to_owned()),
        ("last: 0", "{ feed(last: 0) { nodes { id } } }".to_owned()),
        ("first and last", "{ feed(first: 1, last: 1) { nodes { id } } }".to_owned()),
        ("first and before", format!("{{ feed(first: 1, before: {feed_cursor:?}) {{ nodes {{ id }} }} }}")),
        ("last and after", format!("{{ feed(last: 1, after: {feed_cursor:?}) {{ nodes {{ id }} }} }}")),
        ("a tampered cursor", format!("{{ feed(after: {tampered:?}) {{ nodes {{ id }} }} }}")),
        ("a cursor of another field", format!("{{ feed(after: {posts_cursor:?}) {{ nodes {{ id }} }} }}")),
        ("another viewer's cursor", format!("{{ feed(after: {others_cursor:?}) {{ nodes {{ id }} }} }}")),
        ("text for a cursor", "{ feed(after: \"MTA=\") { nodes { id } } }".to_owned()),
        (
            "a bad page beside a good one",
            "{ bad: feed(first: 0) { nodes { id } } good: viewer { username } }".to_owned(),
        ),
        ("no field of this name", "{ feeds { id } }".to_owned()),
        ("a missing argument", "{ node { id } }".to_owned()),
        ("an argument of the wrong type", "{ feed(first: \"one\") { nodes { id } } }".to_owned()),
        ("not GraphQL", "{ feed( }".to_owned()),
        ("an empty document", String::new()),
    ];
    let mut report = String::new();
    for (name, document) in cases {
        let reply = viewer.post(json!({ "query": document }).to_string()).await;
        let answer = reply.json();
        let argument = &answer["errors"][0]["extensions"]["argument"];
        let argument = if argument.is_null() { String::new() } else { format!(" argument {argument}") };
        let data = answer.get("data").map_or_else(|| "none".to_owned(), Value::to_string);
        writeln!(report, "{name}: {} {:?}{argument} data {data}", reply.status.as_u16(), codes(&answer)).unwrap();
    }
    assert_snapshot!(report);
}

#[tokio::test]
async fn tokens_that_open_nothing() {
    let app = TestApp::start().await;
    let claims = |change: &dyn Fn(&mut Value)| {
        let now = now().timestamp();
        let mut claims = json!({ "iss": "nova", "aud": "nova-gateway", "sub": id(1), "iat": now, "exp": now + 60,
            "token_type": "access" });
        change(&mut claims);
        secret().sign(&serde_json::from_value(claims).unwrap()).unwrap()
    };
    let good = token(1, TokenType::Access, "");
    let (payload, signature) = good.split_once('.').and_then(|(_, rest)| rest.split_once('.')).unwrap();
    let tokens = [
        ("expired", claims(&|claims| claims["exp"] = json!(now().timestamp() - 30))),
        ("for another audience", claims(&|claims| claims["aud"] = json!("other"))),
        ("of another issuer", claims(&|claims| claims["iss"] = json!("other"))),
        ("a refresh token", token(1, TokenType::Refresh, "")),
        ("alg none", format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.")),
        ("alg none, signed", format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.{signature}")),
        ("changed", good.replace('.', ".A")),
        ("not a token", "letmein".to_owned()),
        ("nothing", String::new()),
        ("of nobody", token(999, TokenType::Access, "")),
    ];
    let mut report = String::new();
    for (name, token) in tokens {
        let reply = app.anonymous().bearing(&token).post(r#"{"query":"{ viewer { username } }"}"#).await;
        let answer = reply.json();
        let challenge = reply.headers["www-authenticate"].to_str().unwrap().to_owned();
        assert!(answer.get("data").is_none_or(Value::is_null), "{name}: {answer}");
        writeln!(report, "{name}: {} {:?} {challenge}", reply.status.as_u16(), codes(&answer)).unwrap();
    }
    let reply = app.anonymous().with("authorization", "Basic dXNlcjpwYXNz").post(r#"{"query":"{ __typename }"}"#).await;
    writeln!(report, "another scheme: {} {:?}", reply.status.as_u16(), codes(&reply.json())).unwrap();
    assert_snapshot!(report);
}

#[tokio::test]
async fn a_token_ends_with_its_user() {
    let app = TestApp::start().await;
    app.sql("update users set deleted_at = at(400000) where id = id(9)").await;
    // Even a document that reads nothing of the viewer's.
    let reply = app.user(9).post(r#"{"query":"{ __typename }"}"#).await;
    assert_eq!((reply.status, codes(&reply.json())), (StatusCode::UNAUTHORIZED, vec!["UNAUTHENTICATED".to_owned()]));
}

#[tokio::test]
async fn bodies_that_are_no_request() {
    let app = TestApp::start().await;
    let client = app.user(1);
    let json = |client: &Client| client.with("content-type", "application/json");
    let mut report = String::new();
    let bodies: [(&str, Vec<u8>); 11] = [
        ("empty", Vec::new()),
        ("not UTF-8", b"{\"query\":\"{ \xff }\"}".to_vec()),
        ("not JSON", b"{ viewer { id } }".to_vec()),
        ("cut off", b"{\"query\":\"{ viewer".to_vec()),
        ("a list", b"[{\"query\":\"{ __typename }\"}]".to_vec()),
        ("no query", b"{}".to_vec()),
        ("a number for a query", b"{\"query\":1}".to_vec()),
        ("text for variables", b"{\"query\":\"{ __typename }\",\"variables\":\"x\"}".to_vec()),
        ("an unknown operation", b"{\"query\":\"query A { __typename }\",\"operationName\":\"B\"}".to_vec()),
        ("two operations and no name", b"{\"query\":\"query A { __typename } query B { __typename }\"}".to_vec()),
        ("5 MB", format!("{{\"query\":\"{}\"}}", "#".repeat(5_000_000)).into_bytes()),
    ];
    for (name, body) in bodies {
        let reply = json(&client).send(Method::POST, "/graphql", body).await;
        writeln!(report, "{name}: {} {:?}", reply.status.as_u16(), codes(&reply.json())).unwrap();
    }
    let query = r#"{"query":"{ __typename }"}"#;
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let reply = client.with("content-type", content_type).send(Method::POST, "/graphql", query).await;
        writeln!(report, "{content_type}: {} {:?}", reply.status.as_u16(), codes(&reply.json())).unwrap();
    }
    for (method, path) in
        [(Method::GET, "/graphql?query={__typename}"), (Method::PUT, "/graphql"), (Method::GET, "/nowhere")]
    {
        let reply = client.send(method.clone(), path, "").await;
        writeln!(report, "{method} {path}: {}", reply.status.as_u16()).unwrap();
    }
    assert_snapshot!(report);
    assert_eq!(client.query("{ viewer { username } }").await["data"]["viewer"]["username"], "user1", "nobody is hurt");
}
