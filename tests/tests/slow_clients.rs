//! Clients that send slowly, or nothing, or do not read: each costs itself, and nobody else waits for it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use nova_cli::app::AppOptions;
use nova_tests::{
    app::TestApp,
    client::codes,
    metrics::metric,
    processes::{Process, eventually},
    world::WORLD,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const LONG: Duration = Duration::from_secs(30);
const QUERY: &str = r#"{"query":"{ viewer { username } }"}"#;

async fn start(change: impl FnOnce(&mut nova_gateway::Config)) -> TestApp {
    TestApp::over(&[WORLD], |options: &mut AppOptions| change(&mut options.gateway.http)).await
}

/// A connection that has said this much.
async fn client(app: &TestApp, says: &str) -> TcpStream {
    let mut client = TcpStream::connect(app.app.url.strip_prefix("http://").unwrap()).await.unwrap();
    client.write_all(says.as_bytes()).await.unwrap();
    client
}

/// The head of a POST whose body is so long.
fn head(length: usize) -> String {
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// What comes until the connection ends.
async fn rest(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(LONG, client.read_to_end(&mut bytes)).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn is_served(app: &TestApp) {
    let answer = timeout(LONG, app.user(1).query("{ viewer { username } }")).await.unwrap();
    assert_eq!((codes(&answer), &answer["data"]["viewer"]["username"]), (vec![], &"user1".into()));
}

async fn closed(app: &TestApp, reason: &str) -> f64 {
    metric(&app.app.admin_url, &format!("nova_gateway_connections_closed_total{{reason=\"{reason}\"}}")).await
}

#[tokio::test]
async fn many_who_never_end_their_head_lock_nobody_out() {
    let app = start(|http| (http.max_connections, http.header_timeout_ms) = (4, 60_000)).await;
    let mut slow = Vec::new();
    for _ in 0..12 {
        slow.push(client(&app, "POST /graphql HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await);
    }
    for _ in 0..3 {
        is_served(&app).await;
    }
    for early in &mut slow[..8] {
        assert_eq!(rest(early).await, "");
    }
    assert!(closed(&app, "evicted").await >= 9.0, "each newcomer took the place of one");
}

#[tokio::test]
async fn a_head_has_its_time() {
    let app = start(|http| http.header_timeout_ms = 1_000).await;
    for says in ["", "POST /graphql HTTP/1.1\r\nhost: localhost\r\nx-slow: "] {
        assert_eq!(rest(&mut client(&app, says).await).await, "");
    }
    eventually(async || closed(&app, "header_timeout").await >= 2.0).await;
    is_served(&app).await;
}

#[tokio::test]
async fn a_body_has_its_time() {
    let app = start(|http| http.body_timeout_ms = 1_000).await;
    let mut silent = client(&app, &(head(QUERY.len()) + &QUERY[..10])).await;
    let answer = rest(&mut silent).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"TIMEOUT\""), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    is_served(&app).await;
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_no_request() {
    let app = start(|_| {}).await;
    let mut cut = client(&app, &(head(QUERY.len()) + &QUERY[..10])).await;
    cut.shutdown().await.unwrap();
    let answer = rest(&mut cut).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    is_served(&app).await;
}

#[tokio::test]
async fn who_sends_slowly_takes_no_place_from_who_asks() {
    let app = start(|http| http.max_requests = 1).await;
    let mut slow = client(&app, &(head(QUERY.len()) + &QUERY[..10])).await;
    is_served(&app).await;
    slow.write_all(&QUERY.as_bytes()[10..]).await.unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200", "and is answered in the end");
}

#[tokio::test]
async fn who_never_reads_is_not_answered_for_ever() {
    let app = start(|http| http.write_timeout_ms = 200).await;
    let schema = r#"{"query":"{ __schema { types { name description fields { name description } } } }"}"#;
    let greedy = client(&app, &(head(schema.len()) + schema).repeat(2_000)).await;
    eventually(async || closed(&app, "write_stalled").await >= 1.0).await;
    let answered = "http_server_request_duration_seconds_count{http_route=\"/graphql\",status_class=\"2xx\"}";
    assert!(metric(&app.app.admin_url, answered).await < 1_900.0, "the kernel's buffers took the first, and no more");
    drop(greedy);
    is_served(&app).await;
}

/// What `/proc` says of a process's open files.
fn open_files(process: &Process) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.pid())).unwrap();
    limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap().trim().to_owned()
}

#[tokio::test]
async fn the_limit_of_open_files_is_raised_as_far_as_needed_and_connections_fit_into_it() {
    let nowhere = ["http://127.0.0.1:1"; 3];
    let settings = [("NOVA_MAX_CONNECTIONS", "1000")];
    let raised = Process::gateway_under("ulimit -Sn 256", nowhere, &settings).await;
    assert!(open_files(&raised).starts_with("1512 "), "{}", open_files(&raised));
    let most = "nova_gateway_connections_max";
    assert!((metric(&raised.admin_url(), most).await - 1_000.0).abs() < 0.1);

    let low = Process::gateway_under("ulimit -Sn 256 && ulimit -Hn 400", nowhere, &settings).await;
    assert!(open_files(&low).starts_with("400 "), "{}", open_files(&low));
    assert!((metric(&low.admin_url(), most).await - 300.0).abs() < 0.1, "it starts all the same, with fewer");
}
