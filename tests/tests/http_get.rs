//! Queries by GET: what the URL says, that nothing is written, and that no page of another site can use a browser for it.

use std::fmt::Write as _;

use http::{Method, StatusCode};
use insta::assert_snapshot;
use nova_tests::{
    app::TestApp,
    client::{Client, Reply, codes},
};
use serde_json::{Value, json};

async fn get(client: &Client, query: &str) -> Reply {
    client.send(Method::GET, &format!("/graphql?{query}"), "").await
}

#[tokio::test]
async fn a_query_in_the_url_answers_what_the_same_query_in_a_body_does() {
    let app = TestApp::start().await;
    let viewer = app.user(1);
    let document = "query One($first:Int){feed(first:$first){nodes{id author{username}}}}query Two{__typename}";
    let body = json!({ "query": document, "operationName": "One", "variables": { "first": 2 } });
    let url = "query=query+One(%24first:Int)%7Bfeed(first:%24first)%7Bnodes%7Bid%20author%7Busername%7D%7D%7D%7D\
               query%20Two%7B__typename%7D&operationName=One&variables=%7B%22first%22:2%7D&extensions=%7B%7D";
    let (by_get, by_post) = (get(&viewer, url).await, viewer.post(body.to_string()).await);
    assert_eq!(by_get.status, StatusCode::OK);
    assert_eq!(by_get.body, by_post.body);
    assert_eq!(by_get.json()["data"]["feed"]["nodes"].as_array().map(Vec::len), Some(2));
    let two = get(&viewer, &url.replace("operationName=One", "operationName=Two")).await;
    assert_eq!(two.json(), json!({ "data": { "__typename": "Query" } }));
}

#[tokio::test]
async fn a_document_may_be_asked_for_by_its_hash() {
    let app = TestApp::start().await;
    let hash = "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38";
    let url = format!("extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%22{hash}%22%7D%7D");
    let unknown = get(&app.anonymous(), &url).await;
    assert_eq!((unknown.status, codes(&unknown.json())), (StatusCode::OK, vec!["PERSISTED_QUERY_NOT_FOUND".into()]));
    let both = get(&app.anonymous(), &format!("query=%7B__typename%7D&{url}")).await;
    let known = get(&app.anonymous(), &url).await;
    for reply in [both, known] {
        assert_eq!(reply.json(), json!({ "data": { "__typename": "Query" } }));
    }
}

#[tokio::test]
async fn nothing_is_written_by_get() {
    let app = TestApp::start().await;
    let posts =
        || async { sqlx::query_scalar::<_, i64>("select count(*) from posts").fetch_one(&app.pool).await.unwrap() };
    let before = posts().await;
    let viewer = app.user(1);
    let mutation = "mutation%7BcreatePost(input:%7Bbody:%22x%22,idempotencyKey:%22k%22%7D)%7Bpost%7Bid%7D%7D%7D";
    for query in [
        format!("query={mutation}"),
        format!("query=query+Q%7B__typename%7D{}&operationName=M", mutation.replacen("mutation", "mutation+M", 1)),
    ] {
        for accept in ["application/json", "application/graphql-response+json", "*/*"] {
            let reply = get(&viewer.with("accept", accept), &query).await;
            assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{query}");
            assert_eq!(
                (&reply.headers["allow"], codes(&reply.json())),
                (&"POST".parse().unwrap(), vec!["BAD_USER_INPUT".into()])
            );
            assert_eq!(reply.json().get("data"), None);
        }
    }
    let read = get(
        &viewer,
        &format!("query=query+Q%7B__typename%7D{}&operationName=Q", mutation.replacen("mutation", "mutation+M", 1)),
    )
    .await;
    assert_eq!(read.json(), json!({ "data": { "__typename": "Query" } }), "the query beside it may be asked for");
    assert_eq!(posts().await, before);
}

#[tokio::test]
async fn a_page_of_another_site_gets_nothing_without_a_preflight() {
    let app = TestApp::start().await;
    let query = "query=%7B__typename%7D";
    // An image, a script, a link, a fetch; a browser from before the header says less.
    for headers in [
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")],
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
        [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        [("accept", "application/graphql-response+json"), ("origin", "https://evil.example")],
        // An image over plain HTTP: no browser says there from where.
        [("accept", "image/avif,image/webp,*/*;q=0.8"), ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0)")],
    ] {
        let browser = headers.into_iter().fold(app.anonymous(), |client, (name, value)| client.with(name, value));
        let reply = get(&browser, query).await;
        assert_eq!((reply.status, codes(&reply.json())), (StatusCode::FORBIDDEN, vec!["CROSS_SITE_REFUSED".into()]));
        assert_eq!(reply.json().get("data"), None, "{headers:?}");
        for (name, value) in [("x-nova-csrf", "1"), ("apollo-require-preflight", "1"), ("x-apollo-operation-name", "A")]
        {
            let reply = get(&browser.with(name, value), query).await;
            assert_eq!(reply.status, StatusCode::OK, "{name}: no browser sends it without asking first");
        }
        // Asking first is in vain.
        let preflight = browser.with("access-control-request-method", "GET");
        let preflight = preflight.with("access-control-request-headers", "x-nova-csrf");
        let reply = preflight.send(Method::OPTIONS, "/graphql", "").await;
        assert!(!reply.headers.contains_key("access-control-allow-origin"), "{headers:?}");
        // Nor can a form post: what forms send is no JSON.
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let form = browser.with("content-type", content_type);
            let reply = form.send(Method::POST, "/graphql", r#"{"query":"{ __typename }"}"#).await;
            assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
        }
    }
    let own = app.anonymous().with("sec-fetch-site", "same-origin").with("user-agent", "Mozilla/5.0");
    assert_eq!(get(&own, query).await.status, StatusCode::OK);
    let by_hand = app.anonymous().with("sec-fetch-site", "none").with("user-agent", "Mozilla/5.0");
    assert_eq!(get(&by_hand, query).await.status, StatusCode::OK);
    for agent in ["curl/8.14.1", "node", "Apache-HttpClient/5.5 (Java/25)", ""] {
        assert_eq!(get(&app.anonymous().with("user-agent", agent), query).await.status, StatusCode::OK, "{agent}");
    }
}

#[tokio::test]
async fn what_is_too_long_is_told_so_over_both_versions_of_http() {
    let app = TestApp::start().await;
    let http2 = Client::over_http2(&app.app.url);
    for client in [&app.anonymous(), &http2] {
        for (length, status) in
            [(16_000, StatusCode::OK), (17_000, StatusCode::URI_TOO_LONG), (30_000, StatusCode::URI_TOO_LONG)]
        {
            let reply = get(client, &format!("query=%7B__typename%7D&x={}", "x".repeat(length))).await;
            assert_eq!(reply.status, status, "{length}");
            let told = if status == StatusCode::OK { vec![] } else { vec!["LIMIT_EXCEEDED".to_owned()] };
            assert_eq!(codes(&reply.json()), told);
        }
    }
    // A head as large as that is not read to its end.
    for length in [33_000, 70_000] {
        let reply = get(&http2.with("x-large", "x".repeat(length)), "query=%7B__typename%7D").await;
        assert_eq!((reply.status, reply.body.len()), (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, 0), "{length}");
    }
}

#[tokio::test]
async fn urls_that_are_no_request() {
    let app = TestApp::start().await;
    let long = format!("query=%7B__typename%7D%23{}", "x".repeat(20_000));
    let cases = [
        ("nothing", ""),
        ("no query", "operationName=A"),
        ("an empty query", "query="),
        ("a query twice", "query=%7B__typename%7D&query=%7B__typename%7D"),
        ("half a percent sign", "query=%7B__typename%7"),
        ("not UTF-8", "query=%7B__typename%7D%FF"),
        ("not GraphQL", "query=%7B"),
        ("no such field", "query=%7Bnonsense%7D"),
        ("broken variables", "query=%7B__typename%7D&variables=%7B"),
        ("a list for variables", "query=%7B__typename%7D&variables=%5B%5D"),
        ("variables twice", "query=%7B__typename%7D&variables=%7B%7D&variables=%7B%7D"),
        ("text for extensions", "query=%7B__typename%7D&extensions=x"),
        (
            "a variable of the wrong type",
            "query=query($n:Int!)%7Bfeed(first:$n)%7Bnodes%7Bid%7D%7D%7D&variables=%7B%22n%22:%22x%22%7D",
        ),
        ("a variable that is missing", "query=query($n:Int!)%7Bfeed(first:$n)%7Bnodes%7Bid%7D%7D%7D"),
        ("an unknown operation", "query=query+A%7B__typename%7D&operationName=B"),
        ("two operations and no name", "query=query+A%7B__typename%7Dquery+B%7B__typename%7D"),
        ("a subscription", "query=subscription%7B__typename%7D"),
        (
            "a hash",
            "extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%2271f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b%22%7D%7D",
        ),
        ("no hash", "extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%22x%22%7D%7D"),
        ("20 kB", long.as_str()),
    ];
    let mut report = String::new();
    for (name, query) in cases {
        for accept in ["application/graphql-response+json", "application/json"] {
            let reply = get(&app.user(1).with("accept", accept), query).await;
            let answer = reply.json();
            let data = answer.get("data").map_or_else(|| "none".to_owned(), Value::to_string);
            writeln!(report, "{name}, {accept}: {} {:?} data {data}", reply.status.as_u16(), codes(&answer)).unwrap();
        }
    }
    assert_snapshot!(report);
}
