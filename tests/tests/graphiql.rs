//! The page for the browser, as HTTP: who gets it, with which headers, and that nobody does outside development. What a
//! browser makes of it: `browser.rs`.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use http::{HeaderMap, Method, StatusCode};
use nova_core::Environment;
use nova_tests::{
    app::TestApp,
    client::{Client, Reply},
};
use serde_json::json;

/// What Chromium says of itself when an address is opened.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

async fn page(client: &Client) -> Reply {
    client.with("accept", BROWSER).send(Method::GET, "/graphql", "").await
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

/// The addresses of what the page loads.
fn assets(page: &str) -> Vec<String> {
    page.split('"').filter(|part| part.starts_with("/graphql/assets/")).map(String::from).collect()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_page_and_its_files_are_served_under_a_strict_policy() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let page = page(&client).await;
    assert_eq!(page.status, StatusCode::OK);
    let mut replies = vec![];
    for path in assets(&text(&page)) {
        let reply = client.send(Method::GET, &path, "").await;
        assert_eq!(header(&reply.headers, "cache-control"), "public, max-age=31536000, immutable", "{path}");
        replies.push(reply);
    }
    assert_eq!(replies.len(), 3, "a script, a style, the licences");
    assert_eq!(header(&page.headers, "cache-control"), "no-cache");
    replies.push(page);
    for reply in &replies {
        assert_eq!(reply.status, StatusCode::OK);
        let policy = header(&reply.headers, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        for loose in ["unsafe", "*", "http:", "https:"] {
            assert!(!policy.contains(loose), "{policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(header(&reply.headers, name), value, "{name}");
        }
    }
    let types: Vec<_> = replies.iter().map(|reply| header(&reply.headers, "content-type")).collect();
    let utf8 = |kind: &str| format!("text/{kind}; charset=utf-8");
    assert_eq!(types, [utf8("plain"), utf8("css"), utf8("javascript"), utf8("html")]);
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again_and_who_reads_gzip_gets_that() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let page = page(&client).await;
    for path in assets(&text(&page)).into_iter().chain(["/graphql".into()]) {
        let client = client.with("accept", BROWSER);
        let plain = client.send(Method::GET, &path, "").await;
        let gzip = client.with("accept-encoding", "gzip, deflate, br").send(Method::GET, &path, "").await;
        assert_eq!(header(&plain.headers, "content-encoding"), "");
        assert_eq!(header(&gzip.headers, "content-encoding"), "gzip");
        assert!(gzip.body.starts_with(b"\x1f\x8b") && gzip.body.len() < plain.body.len(), "{path}");

        let head = client.send(Method::HEAD, &path, "").await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
        assert_eq!(header(&head.headers, "content-length"), plain.body.len().to_string(), "{path}");

        let tag = header(&plain.headers, "etag").to_owned();
        assert_eq!((header(&gzip.headers, "etag"), header(&head.headers, "etag")), (&*tag, &*tag));
        for known in [tag.clone(), format!("\"other\", {tag}"), "*".into()] {
            let reply = client.with("if-none-match", known).send(Method::GET, &path, "").await;
            assert_eq!((reply.status, reply.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
            assert_eq!(header(&reply.headers, "etag"), tag);
        }
        let other = client.with("if-none-match", "\"other\"").send(Method::GET, &path, "").await;
        assert_eq!(other.body, plain.body, "{path}");
    }
}

#[tokio::test]
async fn operations_and_whoever_wants_no_html_are_answered_as_ever() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    for accept in ["*/*", "application/json", "text/html;q=0.5, application/json", "text/html;q=0", "text/*"] {
        let reply = anonymous.with("accept", accept).send(Method::GET, "/graphql?query={__typename}", "").await;
        if accept.contains("application") || accept == "*/*" {
            assert_eq!(reply.json(), json!({ "data": { "__typename": "Query" } }), "{accept}");
        } else {
            assert_eq!(reply.status, StatusCode::NOT_ACCEPTABLE, "{accept}");
        }
        assert_eq!(header(&reply.headers, "cache-control"), "no-store");
    }
    let html = anonymous.with("accept", "text/html, */*;q=0.1");
    assert_eq!(html.query("{ __typename }").await, json!({ "data": { "__typename": "Query" } }), "a POST stays one");
    for (method, path) in [
        (Method::GET, "/graphql/assets/"),
        (Method::GET, "/graphql/assets/app.js"),
        (Method::GET, "/graphql/assets/../../Cargo.toml"),
        (Method::POST, &*assets(&text(&page(&anonymous).await))[0]),
    ] {
        let reply = html.send(method, path, "").await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "NOT_FOUND", "{path}");
    }
}

#[tokio::test]
async fn outside_development_nothing_of_it_is_there() {
    let development = TestApp::start().await;
    let addresses = assets(&text(&page(&development.anonymous()).await));
    assert!(!addresses.is_empty());
    for environment in ["production", "staging", "", "Development"] {
        let app = TestApp::over(&[], |options| {
            options.gateway.environment = environment.parse::<Environment>().unwrap();
        })
        .await;
        let client = app.anonymous();
        let reply = page(&client).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{environment}: a GET without a query");
        assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
        assert!(!header(&reply.headers, "content-security-policy").contains("self"));
        for path in &addresses {
            assert_eq!(client.send(Method::GET, path, "").await.status, StatusCode::NOT_FOUND, "{environment}");
        }
    }
}
