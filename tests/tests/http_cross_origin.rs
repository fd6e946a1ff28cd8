//! Pages of other origins: closed by default, open for those that the operator names. And the headers that every answer has.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use http::{HeaderMap, Method, StatusCode};
use nova_core::Environment;
use nova_tests::{
    app::TestApp,
    client::{Client, codes},
};

const FRIEND: &str = "https://app.example";
const QUERY: &str = r#"{"query":"{ __typename }"}"#;

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn preflight(client: &Client, origin: &str, method: &str) -> HeaderMap {
    let client = client.with("origin", origin).with("access-control-request-method", method);
    let client = client.with("access-control-request-headers", "authorization,content-type");
    client.send(Method::OPTIONS, "/graphql", "").await.headers
}

#[tokio::test]
async fn nobody_is_let_in_by_default() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    for origin in [FRIEND, "null", &app.app.url] {
        let headers = preflight(&client, origin, "POST").await;
        assert!(headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{headers:?}");
        let reply = client.with("origin", origin).post(QUERY).await;
        assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{:?}", reply.headers);
    }
}

#[tokio::test]
async fn named_origins_are_let_in_to_the_letter_and_nobody_else() {
    let app = TestApp::over(&[], |options| {
        options.gateway.http.cors_origins = format!("{FRIEND},http://localhost:3000").parse().unwrap();
    })
    .await;
    let client = app.anonymous();
    for origin in [FRIEND, "http://localhost:3000"] {
        let headers = preflight(&client, origin, "POST").await;
        assert_eq!(header(&headers, "access-control-allow-origin"), origin);
        assert_eq!(header(&headers, "access-control-allow-methods"), "GET,POST");
        let allowed = header(&headers, "access-control-allow-headers");
        for name in ["authorization", "content-type", "x-nova-csrf", "apollo-require-preflight", "x-request-id"] {
            assert!(allowed.contains(name), "{name} in {allowed}");
        }
        assert!(header(&headers, "vary").contains("origin"));

        let page = client.with("origin", origin).with("sec-fetch-site", "cross-site");
        for reply in [page.post(QUERY).await, page.send(Method::GET, "/graphql?query=%7B__typename%7D", "").await] {
            assert_eq!(reply.status, StatusCode::OK);
            assert_eq!(header(&reply.headers, "access-control-allow-origin"), origin);
            assert_eq!(header(&reply.headers, "access-control-allow-credentials"), "true", "for the session's cookie");
            assert_eq!(header(&reply.headers, "access-control-expose-headers"), "x-request-id,retry-after");
            let vary: Vec<_> = reply.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
            assert!(vary.join(",").contains("origin") && vary.join(",").contains("accept"), "{vary:?}");
        }
        // A refusal can be read, too.
        let refused = page.post("{").await;
        assert_eq!(
            (refused.status, header(&refused.headers, "access-control-allow-origin")),
            (StatusCode::BAD_REQUEST, origin)
        );
    }
    for origin in ["https://app.example.evil.example", "http://app.example", "https://app.example:8443", "null", "*"] {
        assert_eq!(header(&preflight(&client, origin, "POST").await, "access-control-allow-origin"), "", "{origin}");
        let reply = client.with("origin", origin).post(QUERY).await;
        assert_eq!(header(&reply.headers, "access-control-allow-origin"), "", "{origin}");
        let reply = client.with("origin", origin).send(Method::GET, "/graphql?query=%7B__typename%7D", "").await;
        assert_eq!((reply.status, codes(&reply.json())), (StatusCode::FORBIDDEN, vec!["CROSS_SITE_REFUSED".into()]));
    }
}

#[tokio::test]
async fn on_a_developers_loopback_only_names_of_this_machine_are_answered() {
    let get = "/graphql?query=%7B__typename%7D";
    let app = TestApp::start().await;
    for host in ["localhost:8080", "app.localhost", "[::1]:8080"] {
        let client = app.anonymous().with("host", host);
        assert_eq!(client.post(QUERY).await.status, StatusCode::OK, "{host}");
    }
    // A name of somebody's that was made to lead here: for the browser all of this is of one origin.
    for host in ["evil.example", "localhost.evil.example:8080", "10.0.0.1"] {
        let page = app.anonymous().with("host", host).with("sec-fetch-site", "same-origin");
        for reply in [page.post(QUERY).await, page.send(Method::GET, get, "").await] {
            assert_eq!(
                (reply.status, codes(&reply.json())),
                (StatusCode::MISDIRECTED_REQUEST, vec!["CROSS_SITE_REFUSED".into()]),
                "{host}"
            );
            assert_eq!(reply.json().get("data"), None);
        }
    }
    // Elsewhere the name is the business of whoever ends TLS.
    let everywhere = TestApp::over(&[], |options| options.gateway.http.listen = ([0, 0, 0, 0], 0).into()).await;
    let in_production = TestApp::over(&[], |options| options.gateway.environment = Environment::production()).await;
    for app in [everywhere, in_production] {
        let client = app.anonymous().with("host", "nova.example");
        assert_eq!(client.post(QUERY).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_it_to_itself() {
    let app = TestApp::start().await;
    let client = app.anonymous().with("content-type", "application/json").with("x-request-id", "mine");
    for (method, path, body) in [
        (Method::POST, "/graphql", QUERY),
        (Method::POST, "/graphql", "{"),
        (Method::GET, "/graphql?query=%7B__typename%7D", ""),
        (Method::PUT, "/graphql", ""),
        (Method::GET, "/health/ready", ""),
        (Method::GET, "/nowhere", ""),
    ] {
        let reply = client.send(method, path, body).await;
        for (name, value) in [
            ("x-request-id", "mine"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(header(&reply.headers, name), value, "{name} of {path}");
        }
    }
}
