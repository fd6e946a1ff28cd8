//! The public door against the real schema, with upstreams that are not there.

use axum::body::Body;
use http::{Request, StatusCode, header::HeaderName};
use http_body_util::BodyExt;
use nova_core::{
    clock::FixedClock,
    token::{AUDIENCE, Claims, ISSUER, TokenSecret, TokenType, TokenVerifier},
};
use nova_guard::Board;
use nova_loaders::{Loaders, Means, UpstreamMetrics, Upstreams, Way, Ways};
use nova_resolvers::SchemaConfig;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use super::*;
use crate::{Build, Config, GatewayParts};

const NOW: i64 = 1_800_000_000;
const SECRET: [u8; 32] = [7; 32];

/// Nobody is given a session here: no flag is in rollout.
#[derive(Debug)]
struct NoIds;

impl nova_core::IdSource for NoIds {
    fn next_id(&self) -> Result<Uuid, nova_core::NoRandomness> {
        Err(nova_core::NoRandomness)
    }
}

pub(super) fn gateway(config: Config) -> Arc<Gateway> {
    let nowhere = Way::from(tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy());
    let way = || vec![("nowhere".to_owned(), nowhere.clone())];
    let means =
        Means { board: &Board::default(), metrics: &UpstreamMetrics::default(), random: || 0.5, max_response: 1_024 };
    let upstreams = Upstreams::new(Ways { users: way(), content: way(), social: way() }, &means);
    let mut registry = Registry::default();
    let clock: nova_core::clock::SharedClock = Arc::new(FixedClock(std::time::UNIX_EPOCH.into()));
    let parts = GatewayParts {
        schema: nova_resolvers::schema(&SchemaConfig {
            cursor_secret: TokenSecret::new(SECRET).unwrap(),
            suggestions: false,
        }),
        loaders: Loaders::new(upstreams.clone(), &nova_loaders::Config::default(), &mut registry),
        flags: nova_flags::Flags::defaults(),
        flag_status: nova_flags::Status::register(&mut registry),
        ids: Arc::new(NoIds),
        verifier: Arc::new(TokenVerifier::new(&TokenSecret::new(SECRET).unwrap(), Arc::clone(&clock))),
        clock,
        manifest: None,
        config,
        board: Board::register(&mut registry),
        registry,
        upstreams,
        environment: nova_core::Environment::production(),
        build: Build { version: "0", commit: "none" },
    };
    Arc::new(Gateway::new(parts).unwrap())
}

fn token(scope: &str) -> String {
    let claims = Claims {
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        sub: serde_json::from_value(json!("00000000-0000-7000-8000-000000000007")).unwrap(),
        exp: NOW,
        iat: 0,
        token_type: TokenType::Access,
        scope: scope.into(),
    };
    format!("Bearer {}", TokenSecret::new(SECRET).unwrap().sign(&claims).unwrap())
}

struct Reply {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Value,
}

impl Reply {
    fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or("-")
    }
}

async fn send(gateway: &Arc<Gateway>, request: Request<Body>) -> Reply {
    let router = router(Arc::clone(gateway));
    let response = around::answer(router, &gateway.ids, Some(&gateway.metrics), request).await;
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply { status: head.status, headers: head.headers, body: serde_json::from_slice(&body).unwrap() }
}

fn post(headers: &[(&'static str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post("/graphql").body(body.into()).unwrap();
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
    }
    request
}

fn get(query: &str) -> Request<Body> {
    Request::get(format!("/graphql?{query}")).body(Body::empty()).unwrap()
}

fn query(document: &str) -> Body {
    Body::from(json!({ "query": document }).to_string())
}

#[tokio::test]
async fn an_operation_is_answered_in_the_media_type_that_was_asked_for() {
    let gateway = gateway(Config::default());
    for (accept, answered) in [
        ("*/*", "application/json; charset=utf-8"),
        ("application/graphql-response+json", "application/graphql-response+json; charset=utf-8"),
    ] {
        let reply =
            send(&gateway, post(&[("accept", accept), ("x-request-id", "mine")], query("{ __typename }"))).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.body, json!({"data": {"__typename": "Query"}}));
        assert_eq!(reply.headers["content-type"], answered);
        assert_eq!(reply.headers["x-request-id"], "mine");
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn a_query_may_come_by_get_and_a_mutation_may_not() {
    let gateway = gateway(Config::default());
    let reply = send(&gateway, get("query=query+A{__typename}query+B{b:__typename}&operationName=B")).await;
    assert_eq!((reply.status.as_u16(), reply.body), (200, json!({"data": {"b": "Query"}})));
    let reply = send(&gateway, get("query=mutation{__typename}")).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (405, "BAD_USER_INPUT"));
    assert_eq!(reply.headers["allow"], "POST");
    assert!(reply.body.get("data").is_none());
}

#[tokio::test]
async fn a_document_that_is_refused_has_no_data_and_a_status_by_media_type() {
    let gateway = gateway(Config::default());
    for (document, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ nonsense }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($id: ID!) { node(id: $id) { id } }", "BAD_USER_INPUT"),
        ("query A { __typename } query B { __typename }", "BAD_USER_INPUT"),
    ] {
        for (accept, status) in [("application/graphql-response+json", 400), ("application/json", 200)] {
            let reply = send(&gateway, post(&[("accept", accept)], query(document))).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (status, code), "{document} {accept}");
            assert!(reply.body.get("data").is_none(), "{document}");
        }
    }
}

#[tokio::test]
async fn whatever_is_no_graphql_request_is_turned_away_with_a_code() {
    let gateway = gateway(Config { max_body_bytes: 100, ..Config::default() });
    let elsewhere = Request::post("/nowhere").body(Body::empty()).unwrap();
    for (request, status, code) in [
        (get("query={__typename}&query={__typename}"), 400, "BAD_USER_INPUT"),
        (get(&format!("query={}", "x".repeat(head::MAX_URL_BYTES))), 414, "LIMIT_EXCEEDED"),
        (Request::put("/graphql").body(Body::empty()).unwrap(), 405, "BAD_USER_INPUT"),
        (post(&[("content-encoding", "gzip")], query("{ __typename }")), 415, "BAD_USER_INPUT"),
        (elsewhere, 404, "NOT_FOUND"),
        (post(&[("accept", "text/html")], query("{ __typename }")), 406, "BAD_USER_INPUT"),
        (post(&[("content-type", "text/plain")], query("{ __typename }")), 415, "BAD_USER_INPUT"),
        (post(&[], Body::from("x".repeat(101))), 413, "LIMIT_EXCEEDED"),
        (post(&[], Body::empty()), 400, "BAD_USER_INPUT"),
        (post(&[], Body::from(&b"\xff"[..])), 400, "BAD_USER_INPUT"),
        (post(&[], Body::from("[]")), 400, "BATCHING_NOT_SUPPORTED"),
        (post(&[], Body::from("{")), 400, "BAD_USER_INPUT"),
    ] {
        let what = format!("{request:?}");
        let reply = send(&gateway, request).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (status, code), "{what}");
        assert!(reply.headers.contains_key("x-request-id"), "{what}");
    }
}

#[tokio::test]
async fn a_token_is_good_or_refused_and_never_ignored() {
    let gateway = gateway(Config::default());
    for authorization in ["Bearer nonsense", "Basic dTpw", ""] {
        let reply = send(&gateway, post(&[("authorization", authorization)], query("{ __typename }"))).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (401, "UNAUTHENTICATED"), "{authorization}");
        assert_eq!(reply.headers["www-authenticate"], r#"Bearer error="invalid_token""#);
    }
}

#[tokio::test]
async fn a_users_service_that_does_not_answer_does_not_hold_up_who_has_a_token() {
    let gateway = gateway(Config::default());
    for _ in 0..3 {
        let reply = send(&gateway, post(&[("authorization", &token(""))], query("{ __typename }"))).await;
        assert_eq!((reply.status.as_u16(), &reply.body), (200, &json!({"data": {"__typename": "Query"}})));
    }
    let mut metrics = String::new();
    prometheus_client::encoding::text::encode(&mut metrics, &gateway.operators.registry).unwrap();
    let line = r#"nova_gateway_viewer_checks_total{result="unanswered"} 1"#;
    assert!(metrics.contains(line), "one check for three requests:\n{metrics}");
}

#[tokio::test]
async fn the_debug_view_is_for_who_may_and_asks() {
    let gateway = gateway(Config::default());
    for (scope, asked, shown) in [("debug", "1", true), ("debug", "0", false), ("", "1", false), ("ops", "1", false)] {
        let headers = [("authorization", &*token(scope)), ("x-nova-debug", asked)];
        let reply = send(&gateway, post(&headers, query("{ __typename }"))).await;
        let debug = &reply.body["extensions"]["debug"];
        assert_eq!(debug.is_object(), shown, "{scope} {asked}");
        if shown {
            assert_eq!(
                (&debug["upstreamCalls"], &debug["statements"]),
                (&json!({}), &json!(0)),
                "the check is not in it"
            );
            assert!(debug["stagesMs"]["total"].is_f64() && debug["overheadMs"].is_f64(), "{debug}");
        }
    }
    let anonymous = send(&gateway, post(&[("x-nova-debug", "1")], query("{ __typename }"))).await;
    assert!(anonymous.body.get("extensions").is_none());
}

#[tokio::test]
async fn a_panic_is_told_as_every_refusal_is() {
    let origin = "https://app.example";
    let gateway = gateway(Config { max_requests: 1, cors_origins: origin.parse().unwrap(), ..Config::default() });
    for media in ["application/json", "application/graphql-response+json"] {
        let body = Body::from_stream(futures_util::stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, _>>> {
            if true { panic!("secret: hunter2") } else { std::task::Poll::Ready(Some(Err("never"))) }
        }));
        let reply = send(&gateway, post(&[("accept", media), ("origin", origin)], body)).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (500, "INTERNAL"));
        assert_eq!(reply.headers["content-type"], format!("{media}; charset=utf-8"));
        assert_eq!(reply.headers["access-control-allow-origin"], origin);
        assert!(!reply.body.to_string().contains("hunter2"));
    }
    let next = send(&gateway, post(&[], query("{ __typename }"))).await;
    assert_eq!(next.status, StatusCode::OK, "its place is free again");
}

#[tokio::test]
async fn above_the_bound_a_request_is_refused_at_once() {
    let gateway = gateway(Config { max_requests: 1, ..Config::default() });
    let busy = gateway.shed.admit().unwrap();
    let reply = send(&gateway, post(&[], query("{ __typename }"))).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (503, "LIMIT_EXCEEDED"));
    assert_eq!(reply.headers["retry-after"], "1");
    drop(busy);
    assert_eq!(send(&gateway, post(&[], query("{ __typename }"))).await.status, StatusCode::OK);
}
