//! What a server can do wrong, and what becomes of it. Over real TCP.

use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tokio::time::Instant;
use unleash_api_client::http::Http;

use super::*;
use crate::source::liar::{Liar, Reply, nowhere};

const SECRET: &str = "default:development.very-secret";

/// For whoever never answers.
const SHORT: Duration = Duration::from_millis(300);
/// For whoever answers, on a machine that has much else to do.
const LONG: Duration = Duration::from_secs(30);

struct Caller {
    http: Http<Arc<HttpTransport<HttpConnector>>>,
    tags: Tags,
}

fn caller(timeout: Duration) -> Caller {
    let transport = Arc::new(HttpTransport::new(HttpConnector::new(), timeout));
    let tags = transport.tags();
    let [app, instance, connection] = ["nova-gateway", "one", "two"].map(str::to_owned);
    Caller { http: Http::new(transport, app, instance, connection, Some(SECRET.into())), tags }
}

impl Caller {
    async fn get(&self, url: &str) -> Result<serde_json::Value> {
        self.http.get_json(url, Some(2_000)).await
    }

    /// What goes wrong: its label and its message.
    async fn refusal(&self, url: &str) -> (&'static str, String) {
        let error = SyncError::from(self.get(url).await.unwrap_err());
        let text = format!("{error} {error:?}");
        assert!(!text.contains("secret"), "{text}");
        (error.label(), error.to_string())
    }
}

fn says(status: u16, headers: &'static str, body: &str) -> Reply {
    Reply::Says(status, headers, body.into())
}

#[tokio::test]
async fn requests_carry_the_token_and_share_a_connection() {
    let liar = Liar::start(says(200, "", "{}")).await;
    let caller = caller(LONG);
    for _ in 0..3 {
        assert_eq!(caller.get(&liar.url).await.unwrap(), json!({}));
    }
    assert!(caller.http.post_json(&liar.url, json!({"a": 1}), None).await.unwrap());
    let requests = liar.requests();
    assert!(requests[0].starts_with("get / http/1.1") && requests[3].starts_with("post / http/1.1"), "{requests:?}");
    assert!(requests[3].ends_with("\r\n\r\n{\"a\":1}") && requests[3].contains("content-type: application/json"));
    for request in &requests {
        for part in [&format!("authorization: {SECRET}"), "unleash-appname: nova-gateway", "unleash-instanceid: one"] {
            assert!(request.contains(part), "{part} in {request}");
        }
    }
    assert_eq!((requests.len(), liar.connections()), (4, 1));
}

#[tokio::test]
async fn an_accepted_answer_is_not_sent_again() {
    let liar = Liar::start(says(200, "etag: \"1\"\r\n", "{}")).await;
    let caller = caller(LONG);
    caller.get(&liar.url).await.unwrap();
    caller.get(&liar.url).await.unwrap();
    assert!(!liar.requests()[1].contains("if-none-match"), "nobody has accepted it yet");
    caller.tags.accept(&liar.url);
    liar.set(says(304, "", ""));
    assert!(caller.get(&liar.url).await.unwrap_err().is::<NotModified>());
    assert!(liar.requests()[2].contains("if-none-match: \"1\""), "{:?}", liar.requests());
    // Another one comes, and is refused: it is asked for again, as a whole.
    liar.set(says(200, "etag: \"2\"\r\n", "{}"));
    caller.get(&liar.url).await.unwrap();
    caller.get(&liar.url).await.unwrap();
    assert!(!liar.requests()[4].contains("if-none-match"));
    // One without a tag takes the last one away.
    caller.tags.accept(&liar.url);
    liar.set(says(200, "", "{}"));
    caller.get(&liar.url).await.unwrap();
    caller.get(&liar.url).await.unwrap();
    assert!(liar.requests()[5].contains("if-none-match: \"2\"") && !liar.requests()[6].contains("if-none-match"));
    assert_eq!(liar.connections(), 1);
}

#[tokio::test]
async fn nothing_has_changed_only_where_something_was() {
    let liar = Liar::start(says(304, "", "")).await;
    assert_eq!(caller(LONG).refusal(&liar.url).await, ("status", "Unleash answers 304 Not Modified".into()));
}

#[tokio::test]
async fn whoever_does_not_answer_well_is_an_error() {
    let liar = Liar::start(Reply::Closes).await;
    let (short, long) = (caller(SHORT), caller(LONG));
    for (reply, label, part) in [
        (Reply::Closes, "unreachable", "Unleash does not answer: "),
        (Reply::Hangs, "timeout", "no answer of Unleash within 300 ms"),
        (Reply::Drips, "timeout", "no answer of Unleash within 300 ms"),
        (says(401, "", "very-secret"), "status", "UNLEASH_TOKEN was refused by Unleash (401)"),
        (says(403, "", ""), "status", "UNLEASH_TOKEN was refused by Unleash (403)"),
        (says(500, "", "{}"), "status", "Unleash answers 500 Internal Server Error"),
        (says(302, "location: /elsewhere\r\n", ""), "status", "Unleash answers 302 Found"),
        (says(200, "", "<html>very-secret"), "garbage", "no list of flags (line 1, column 1)"),
        (says(200, "", ""), "garbage", "no list of flags"),
        (Reply::Announces(50 << 20), "too_large", "more than 8 MiB"),
        (Reply::Floods, "too_large", "more than 8 MiB"),
    ] {
        liar.set(reply);
        let before = Instant::now();
        let caller = if label == "timeout" { &short } else { &long };
        let (found, message) = caller.refusal(&liar.url).await;
        assert!(found == label && message.contains(part), "{label}, {part}: {found}, {message}");
        assert!(before.elapsed() < LONG, "{message}");
    }
    assert!(liar.requests().iter().all(|request| request.starts_with("get / ")), "redirects are not followed");
    let (label, message) = long.refusal(&nowhere().await).await;
    assert!(label == "unreachable" && message.contains("refused"), "{message}");
}

#[tokio::test]
async fn a_report_is_taken_or_it_is_an_error() {
    let liar = Liar::start(says(202, "", "")).await;
    assert!(caller(LONG).http.post_json(&liar.url, json!({}), None).await.unwrap());
    liar.set(says(401, "", ""));
    let error = caller(LONG).http.post_json(&liar.url, json!({}), None).await.unwrap_err();
    assert_eq!(SyncError::from(error).label(), "status");
}

#[tokio::test]
async fn a_token_that_cannot_be_sent_does_not_show_itself() {
    let transport = HttpTransport::new(HttpConnector::new(), LONG);
    let headers = vec![("authorization".to_owned(), "very-secret\n".to_owned())];
    let request = Request { method: Method::Get, url: "http://127.0.0.1:1/".into(), headers, body: None };
    let error = transport.execute(request).await.unwrap_err();
    assert_eq!(error.to_string(), "Unleash does not answer: authorization can't be sent");
    assert!(!format!("{error:?} {transport:?}").contains("secret"));
}
