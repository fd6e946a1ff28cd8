//! What operators see of the sources: which one is in use, when Unleash was last asked with success, and what went wrong.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::time::Instant;

use super::{error::SyncError, metrics::Metrics};
use crate::Source;

/// How the sources are. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Status(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metrics: Metrics,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    source: Source,
    synced: Option<Instant>,
    /// Failures since then.
    failures: u64,
    sync_error: Option<Seen>,
    disk_error: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    reason: &'static str,
    message: String,
    at: Instant,
}

/// How the sources were at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncStatus {
    /// Where the states in use are from.
    pub source: Source,
    /// Seconds since Unleash was asked with success; `None`: never in this process.
    pub sync_age_seconds: Option<f64>,
    /// Failures since then, or since the start.
    pub failures: u64,
    /// What went wrong with Unleash last, also when it is over.
    pub last_error: Option<Problem>,
    /// What is wrong with the disk copy.
    pub disk_error: Option<Problem>,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// In a word, as in the metrics.
    pub reason: &'static str,
    /// In a sentence. It has nothing in it that Unleash sent, and no secret.
    pub message: String,
    /// Seconds since it happened.
    pub age_seconds: f64,
}

impl Status {
    /// The catalogue's defaults are in use, and nothing was asked yet. Its metrics join those in `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Metrics::register(registry);
        metrics.uses(Source::Catalogue);
        let now = Now { source: Source::Catalogue, synced: None, failures: 0, sync_error: None, disk_error: None };
        Self(Arc::new(Inner { metrics, now: Mutex::new(now) }))
    }

    /// How things are now.
    #[must_use]
    pub fn snapshot(&self) -> SyncStatus {
        let now = self.0.now.lock();
        SyncStatus {
            source: now.source,
            sync_age_seconds: now.synced.map(|at| at.elapsed().as_secs_f64()),
            failures: now.failures,
            last_error: now.sync_error.as_ref().map(Seen::problem),
            disk_error: now.disk_error.as_ref().map(Seen::problem),
        }
    }

    pub(super) fn uses(&self, source: Source) {
        self.0.metrics.uses(source);
        self.0.now.lock().source = source;
    }

    /// Unleash's answer holds, or what it said last still does.
    pub(super) fn synced(&self) {
        self.uses(Source::Unleash);
        self.0.metrics.synced();
        let mut now = self.0.now.lock();
        let outage = now.failures;
        (now.synced, now.failures) = (Some(Instant::now()), 0);
        drop(now);
        if outage > 0 {
            tracing::info!(failures = outage, "the flags are in step with Unleash again");
        }
    }

    /// Says so when it is new, and counts it. An outage is one line in the log for each thing that goes wrong, not one for each poll.
    pub(super) fn failed(&self, error: &SyncError) {
        self.0.metrics.failed(error.label());
        let message = error.to_string();
        let mut now = self.0.now.lock();
        now.failures += 1;
        let known = now.failures > 1 && now.sync_error.as_ref().is_some_and(|seen| seen.message == message);
        if !known {
            tracing::warn!(error = message, source = %now.source, "the flags stay as they are");
        }
        now.sync_error = Some(Seen { reason: error.label(), message, at: Instant::now() });
    }

    /// The disk copy can't be used, or written. Says so when it is new.
    pub(super) fn disk_failed(&self, reason: &'static str, message: String) {
        self.0.metrics.disk_error();
        let mut now = self.0.now.lock();
        let known = now.disk_error.as_ref().is_some_and(|seen| seen.message == message);
        if !known {
            tracing::warn!(error = message, "flags go on without a good copy on disk");
        }
        now.disk_error = Some(Seen { reason, message, at: Instant::now() });
    }

    /// The disk copy is what it should be.
    pub(super) fn disk_works(&self) {
        self.0.now.lock().disk_error = None;
    }
}

impl Seen {
    fn problem(&self) -> Problem {
        Problem { reason: self.reason, message: self.message.clone(), age_seconds: self.at.elapsed().as_secs_f64() }
    }
}
