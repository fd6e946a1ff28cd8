//! Requests at a fixed rate, whatever becomes of those before.

use std::{sync::Arc, time::Duration};

use nova_tests::client::{Client, codes};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

/// What became of the requests of a phase.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// In milliseconds, sorted.
    latencies: Vec<f64>,
    /// Answers with errors.
    pub(super) errors: u32,
}

impl Seen {
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a few thousand"
        )]
        let at = (last as f64 * share).round() as usize;
        self.latencies.get(at).copied().unwrap_or_default()
    }

    pub(super) fn max(&self) -> f64 {
        self.latencies.last().copied().unwrap_or_default()
    }
}

/// Asks for `document`, `rate` times a second for `time`, and waits for the last answer.
pub(super) async fn paced(client: &Client, document: &'static str, rate: u32, time: Duration) -> Seen {
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (client, start) = (Arc::new(client.clone()), Instant::now());
    let mut asked = JoinSet::new();
    while start.elapsed() < time {
        ticks.tick().await;
        let client = Arc::clone(&client);
        asked.spawn(async move {
            let begin = Instant::now();
            let answer = client.query(document).await;
            (begin.elapsed().as_secs_f64() * 1_000.0, codes(&answer).is_empty())
        });
    }
    let mut seen = Seen::default();
    for (took, whole) in asked.join_all().await {
        seen.latencies.push(took);
        seen.errors += u32::from(!whole);
    }
    seen.latencies.sort_by(f64::total_cmp);
    seen
}
