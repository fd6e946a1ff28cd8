//! What is too much at a time is refused at once with 503, a code and a reason, while the operator is served, and what was
//! begun goes on.

use std::time::Duration;

use http::{Method, StatusCode};
use nova_gateway::DocumentHash;
use nova_tests::{
    app::TestApp,
    client::{Client, Reply, codes},
    flags::{flag, set},
    metrics::metric,
    processes::eventually,
    world::WORLD,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const QUERY: &str = r#"{"query":"{ viewer { username } }"}"#;

async fn start(change: impl FnOnce(&mut nova_gateway::Config)) -> TestApp {
    TestApp::over(&[WORLD], |options| change(&mut options.gateway.http)).await
}

fn is_shed(reply: &Reply) -> bool {
    if reply.status == StatusCode::OK {
        return false;
    }
    assert_eq!(
        (reply.status, codes(&reply.json())),
        (StatusCode::SERVICE_UNAVAILABLE, vec!["LIMIT_EXCEEDED".to_owned()])
    );
    assert_eq!(reply.headers["retry-after"], "1");
    true
}

async fn shed(app: &TestApp, reason: &str) -> f64 {
    metric(&app.app.admin_url, &format!("nova_gateway_shed_total{{reason=\"{reason}\"}}")).await
}

#[tokio::test]
async fn while_memory_is_short_operations_are_refused_and_the_operator_is_served() {
    // Everything is more than that.
    let app = start(|http| http.max_memory_bytes = Some(1)).await;
    let client = app.user(1);
    eventually(async || is_shed(&client.post(QUERY).await)).await;
    let get = "/graphql?query=%7B%20viewer%20%7B%20username%20%7D%20%7D";
    let by_get = async || client.with("x-nova-csrf", "1").send(Method::GET, get, "").await;
    assert!(is_shed(&by_get().await) && is_shed(&client.post(format!("[{QUERY},{QUERY}]")).await));
    assert!(shed(&app, "process_memory").await >= 1.0);
    for url in [&app.app.url, &app.app.admin_url] {
        for path in ["/health/live", "/health/ready"] {
            assert_eq!(Client::new(url).send(Method::GET, path, "").await.status, StatusCode::OK, "{url}{path}");
        }
    }
    let operator = Client::new(&app.app.admin_url);
    let ops = operator.send(Method::GET, "/ops", "").await.json();
    assert_eq!((&ops["memory"]["short"], &ops["memory"]["max"]), (&Value::from(true), &1.into()), "{ops}");
    assert!(ops["memory"]["resident"].as_u64().unwrap() > 1 << 20 && ops["shed"]["process_memory"].as_u64() >= Some(1));

    set(&app.app.flags, &[flag("limits.shedding", false)]);
    assert!(!is_shed(&client.post(QUERY).await), "without the flag nobody is refused for it");
    assert!(!is_shed(&by_get().await));
    let hash = DocumentHash::of("{ __typename }");
    let registers = format!(
        r#"{{"query":"{{ __typename }}","extensions":{{"persistedQuery":{{"version":1,"sha256Hash":"{hash}"}}}}}}"#
    );
    assert!(!is_shed(&client.post(registers).await));
    let kept = async || {
        let ops = operator.send(Method::GET, "/ops", "").await.json();
        [&ops["documentCache"]["entries"], &ops["persistedDocuments"]["automaticEntries"]].map(|n| n.as_u64().unwrap())
    };
    assert_eq!(kept().await, [2, 1]);
    set(&app.app.flags, &[flag("limits.shedding", true)]);
    // Nothing is asked meanwhile: what is in work keeps its document.
    eventually(async || kept().await == [0, 0]).await;
    assert!(is_shed(&client.post(QUERY).await));
}

#[tokio::test]
async fn with_memory_to_spare_nobody_is_refused() {
    let app = start(|_| {}).await;
    assert!(!is_shed(&app.user(1).post(QUERY).await));
    eventually(async || metric(&app.app.admin_url, "process_resident_memory_bytes").await > 1e6).await;
    let max = metric(&app.app.admin_url, "nova_gateway_memory_max_bytes").await;
    assert!(
        max > metric(&app.app.admin_url, "process_resident_memory_bytes").await,
        "of the control group, or the machine"
    );
    assert!(!is_shed(&app.user(1).post(QUERY).await));
}

#[tokio::test]
async fn bodies_that_arrive_slowly_give_way_to_those_that_are_there() {
    let app = start(|http| http.max_body_memory_bytes = 64 * 1024).await;
    let taken = async || metric(&app.app.admin_url, "nova_gateway_body_memory_bytes").await;
    let head =
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n";
    let slow = async || {
        let mut slow = TcpStream::connect(app.app.url.strip_prefix("http://").unwrap()).await.unwrap();
        slow.write_all(format!("{head}{}", " ".repeat(50_000)).as_bytes()).await.unwrap();
        eventually(async || taken().await > 50_000.0).await;
        slow
    };
    drop(slow().await);
    eventually(async || taken().await < 0.1).await;

    let mut slow = slow().await;

    assert!(!is_shed(&app.user(1).post(QUERY).await));
    let mut answer = [0; 12];
    timeout(Duration::from_secs(30), slow.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
    assert!((shed(&app, "body_memory").await - 1.0).abs() < 0.1);
    eventually(async || taken().await < 0.1).await;
}

#[tokio::test]
async fn a_body_for_which_there_is_no_room_is_refused_where_the_flag_says_so() {
    let app = start(|http| http.max_body_memory_bytes = 16 * 1024).await;
    let large = format!("{{\"query\":\"{{ viewer {{ username }} }} #{}\"}}", "x".repeat(10_000));
    assert!(is_shed(&app.user(1).post(large.clone()).await));
    assert!(!is_shed(&app.user(1).post(QUERY).await), "a small one has room");
    set(&app.app.flags, &[flag("limits.shedding", false)]);
    assert!(!is_shed(&app.user(1).post(large).await), "without the flag it is counted only");
}

#[tokio::test]
async fn a_body_of_too_many_values_is_refused_for_good_and_nobody_gives_way_for_it() {
    let app = start(|_| {}).await;
    let values = |count| format!(r#"{{"query":"{{ __typename }}","extensions":{{"x":[{}1]}}}}"#, "1,".repeat(count));
    assert_eq!(app.user(1).post(values(30_000)).await.status, StatusCode::OK);
    let many = values(40_000);
    let reply = app.user(1).post(many.clone()).await;
    let json = reply.json();
    assert_eq!((reply.status, codes(&json)), (StatusCode::PAYLOAD_TOO_LARGE, vec!["LIMIT_EXCEEDED".to_owned()]));
    assert_eq!(json["errors"][0]["message"], "too many values in the body");
    assert!(shed(&app, "body_memory").await < 0.1);
    set(&app.app.flags, &[flag("limits.shedding", false)]);
    assert_eq!(app.user(1).post(many).await.status, StatusCode::OK, "without the flag it is counted only");
}

#[tokio::test]
async fn above_the_requests_in_work_one_more_is_refused_and_those_in_work_are_answered() {
    let app = start(|http| http.max_requests = 1).await;
    let mut stuck = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table users in access exclusive mode").execute(&mut *stuck).await.unwrap();
    let first = tokio::spawn({
        let client = app.user(1);
        async move { client.post(QUERY).await }
    });
    let active = async || metric(&app.app.admin_url, "http_server_active_requests").await;
    eventually(async || (active().await - 1.0).abs() < 0.1).await;
    assert!(is_shed(&app.user(1).post(QUERY).await));
    assert!(is_shed(&app.user(1).post(format!("[{QUERY},{QUERY}]")).await));
    assert!((shed(&app, "in_flight").await - 2.0).abs() < 0.1);
    let most = metric(&app.app.admin_url, "nova_gateway_requests_max").await;
    assert!((most - 1.0).abs() < 0.1);
    stuck.rollback().await.unwrap();
    assert!(!is_shed(&first.await.unwrap()));
    eventually(async || active().await < 0.1).await;
    assert!(!is_shed(&app.user(1).post(QUERY).await));
}
