//! What Unleash is told: that this process exists, and how often its flags were on and off.
//!
//! What could not be sent is kept and sent later; it takes no more room for that, because it is one pair of counts for each flag.
//! A report whose answer was lost is sent again, and counts twice: these are figures for people, not accounts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use nova_core::clock::SharedClock;
use serde::Serialize;

use super::error::SyncError;
use crate::{Flags, Usage};

pub(super) struct Reporter {
    flags: Flags,
    metrics_url: String,
    clock: SharedClock,
    /// Counted, and not sent yet.
    pending: Usage,
    /// Since when.
    since: DateTime<Utc>,
    registered: bool,
    /// What was said last about a report that failed.
    said: Option<String>,
}

/// What `POST /api/client/metrics` takes. The client's own type can't be made outside it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    app_name: &'a str,
    instance_id: &'a str,
    bucket: Bucket,
}

#[derive(Serialize)]
struct Bucket {
    start: DateTime<Utc>,
    stop: DateTime<Utc>,
    toggles: BTreeMap<&'static str, Toggle>,
}

#[derive(Serialize)]
struct Toggle {
    yes: u64,
    no: u64,
}

impl Reporter {
    pub(super) fn new(flags: Flags, api_url: &str, clock: SharedClock) -> Self {
        let since = clock.now();
        Self {
            flags,
            metrics_url: format!("{api_url}/client/metrics"),
            clock,
            pending: Usage::default(),
            since,
            registered: false,
            said: None,
        }
    }

    /// Makes this process known, once; when that fails, the next time.
    pub(super) async fn register(&mut self) {
        if self.registered {
            return;
        }
        match self.flags.client().register().await {
            Ok(()) => self.registered = true,
            Err(error) => self.failed(&error.to_string()),
        }
    }

    /// Sends what was counted since it was last sent.
    pub(super) async fn send(&mut self) {
        self.pending.merge(&self.flags.take_usage());
        let stop = self.clock.now();
        let count =
            |(id, count): (crate::FlagId, crate::Count)| (id.flag().name, Toggle { yes: count.yes, no: count.no });
        let toggles: BTreeMap<_, _> = self.pending.counts().map(count).collect();
        if toggles.is_empty() {
            self.since = stop;
            return;
        }
        let instance = self.flags.instance();
        let report = Report {
            app_name: &instance.app_name,
            instance_id: &instance.instance_id,
            bucket: Bucket { start: self.since, stop, toggles },
        };
        match self.flags.client().http.post_json(&self.metrics_url, report, None).await {
            // The transport makes an error of any other status.
            Ok(_) => {
                self.pending = Usage::default();
                self.since = stop;
                self.said = None;
            }
            Err(error) => self.failed(&SyncError::from(error).to_string()),
        }
    }

    /// Says so when it is new: while Unleash is away, all reports fail alike.
    fn failed(&mut self, error: &str) {
        if self.said.as_deref() != Some(error) {
            tracing::warn!(error, "Unleash was not told how flags are used; it is told later");
            self.said = Some(error.to_owned());
        }
    }
}
