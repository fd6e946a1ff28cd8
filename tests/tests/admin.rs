//! The admin listener: what an operator reads.

use http::{Method, StatusCode};
use nova_tests::{app::TestApp, client::Client};

#[tokio::test]
async fn health_answers_on_both_listeners() {
    let app = TestApp::start().await;
    for url in [&app.app.url, &app.app.admin_url] {
        let client = Client::new(url);
        assert_eq!(client.send(Method::GET, "/health/live", "").await.status, StatusCode::OK);
        assert_eq!(client.send(Method::GET, "/health/ready", "").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn metrics_and_ops_are_not_public() {
    let app = TestApp::start().await;
    for path in ["/metrics", "/ops"] {
        assert_eq!(app.anonymous().send(Method::GET, path, "").await.status, StatusCode::NOT_FOUND);
        assert_eq!(Client::new(&app.app.admin_url).send(Method::GET, path, "").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn every_metric_is_described_and_none_has_a_label_without_bounds() {
    let app = TestApp::start().await;
    app.user(1).query("{ viewer { username } feed(first: 2) { nodes { author { username } likeCount } } }").await;
    app.user(1).query("{ nonsense }").await;
    app.anonymous().post("nonsense").await;
    let reply = Client::new(&app.app.admin_url).send(Method::GET, "/metrics", "").await;
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let of = |kind: &str| -> Vec<&str> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("# ")?.strip_prefix(kind)?.strip_prefix(' '));
        lines.filter_map(|line| line.split(' ').next()).collect()
    };
    let (described, typed) = (of("HELP"), of("TYPE"));
    assert!(described.len() > 10);
    assert_eq!(described, typed, "each metric has a description");
    // What can be a label is compiled in: names of RPCs, codes, statements. Nothing a client sends gets there.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let labels = line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(labels, _)| labels);
        assert!(!labels.contains("nonsense") && !labels.contains("user1") && labels.len() < 200, "{line}");
    }
    assert!(text.contains("rpc_client_call_duration_seconds_count{rpc_method=\"Users/BatchGetUsers\"}"), "{text}");
    assert!(text.contains("nova_loader_forced_flushes_total 0"), "{text}");
}
