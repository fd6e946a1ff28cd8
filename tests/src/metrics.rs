//! What a gateway shows of itself, as a number.
#![expect(clippy::unwrap_used, reason = "a test with metrics that nobody can read has nothing to go on with")]

use http::Method;

use crate::client::Client;

/// The metric called `name`, labels and all, of the gateway whose operator connects at `admin_url`; 0 where it is not there
/// yet.
///
/// # Panics
/// When the metrics do not come, or it is no number.
pub async fn metric(admin_url: &str, name: &str) -> f64 {
    value(admin_url, name).await.map_or(0.0, |value| value.parse().unwrap())
}

/// The same, of one that counts.
///
/// # Panics
/// When the metrics do not come, or it is no whole number.
pub async fn count(admin_url: &str, name: &str) -> u64 {
    value(admin_url, name).await.map_or(0, |value| value.trim_end_matches(".0").parse().unwrap())
}

async fn value(admin_url: &str, name: &str) -> Option<String> {
    let reply = Client::new(admin_url).send(Method::GET, "/metrics", "").await;
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned)
}
