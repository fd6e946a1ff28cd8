//! Answers are compressed for who asks for it, when there is something to gain; requests never are.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use http::{HeaderMap, Method, StatusCode};
use nova_tests::{app::TestApp, client::codes};
use serde_json::json;

const FEED: &str = "{ feed(first: 20) { nodes { id body createdAt author { id username displayName } likeCount } } }";

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_client_decides_and_the_answer_is_the_same() {
    let app = TestApp::start().await;
    let client = app.user(1);
    let body = json!({ "query": FEED }).to_string();
    let plain = client.post(body.clone()).await;
    assert!(plain.body.len() > 2_048);
    assert_eq!(header(&plain.headers, "content-encoding"), "");
    for accept in ["gzip", "gzip, deflate, br, zstd", "br;q=1, gzip;q=0.5", "identity;q=0.1, gzip"] {
        let reply = client.with("accept-encoding", accept).post(body.clone()).await;
        assert_eq!(header(&reply.headers, "content-encoding"), "gzip", "{accept}");
        assert_eq!(header(&reply.headers, "vary"), "accept, accept-encoding");
        assert_eq!(header(&reply.headers, "content-length"), reply.body.len().to_string());
        let mut text = Vec::new();
        GzDecoder::new(&reply.body[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text, plain.body);
        assert!(reply.body.len() * 2 < plain.body.len(), "{} of {}", reply.body.len(), plain.body.len());
    }
    for accept in ["", "identity", "gzip;q=0", "br", "gzip;q=0.1, identity;q=0.9"] {
        let reply = client.with("accept-encoding", accept).post(body.clone()).await;
        assert_eq!((header(&reply.headers, "content-encoding"), &reply.body), ("", &plain.body), "{accept}");
        assert_eq!(header(&reply.headers, "vary"), "accept, accept-encoding", "{accept}");
    }
    let short = client.with("accept-encoding", "gzip").post(r#"{"query":"{ __typename }"}"#).await;
    assert_eq!(header(&short.headers, "content-encoding"), "", "nothing to gain");
}

#[tokio::test]
async fn who_reads_nothing_that_is_written_is_answered_all_the_same_and_what_was_done_is_told() {
    let app = TestApp::start().await;
    let long = "x".repeat(2_000);
    for accept in ["br, *;q=0", "identity;q=0", "gzip;q=0, identity;q=0"] {
        let mutation = json!({
            "query": "mutation($input: CreatePostInput!) { createPost(input: $input) { post { body } } }",
            "variables": { "input": { "body": long, "idempotencyKey": accept } },
        });
        let reply = app.user(1).with("accept-encoding", accept).post(mutation.to_string()).await;
        assert_eq!((reply.status, header(&reply.headers, "content-encoding")), (StatusCode::OK, ""), "{accept}");
        assert_eq!(reply.json()["data"]["createPost"]["post"]["body"], long);
    }
}

#[tokio::test]
async fn a_compressed_request_is_refused_unread() {
    let app = TestApp::start().await;
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 16 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    for coding in ["gzip", "GZIP", "deflate", "br", "identity, gzip", ""] {
        let client = app.anonymous().with("content-type", "application/json").with("content-encoding", coding);
        let reply = client.send(Method::POST, "/graphql", bomb.clone()).await;
        assert_eq!(
            (reply.status, codes(&reply.json())),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, vec!["BAD_USER_INPUT".into()])
        );
        assert_eq!(header(&reply.headers, "accept-encoding"), "identity");
    }
    let identity = app.anonymous().with("content-encoding", "identity");
    assert_eq!(identity.query("{ __typename }").await["data"]["__typename"], "Query");
}
