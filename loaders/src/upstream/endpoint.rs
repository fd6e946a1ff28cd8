//! One place where a service is served, and what is known of it: how many calls are under way there, how the last ones ended,
//! and what it says when it is asked how it is.

use std::{
    error::Error as _,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use nova_core::patiently;
use tokio::time::Instant;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use super::way::Way;

/// Calls in a row that fail before it is left out.
const FAILURES: u32 = 3;
/// Probes in a row without an answer after which nobody is there.
const SILENT: u32 = 2;
/// How long it is left out then, unless it says before that it serves.
const LEFT_OUT: Duration = Duration::from_secs(2);

/// What an endpoint, or an upstream, says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// It serves.
    Serving,
    /// It is there, and can't serve.
    NotServing,
    /// It says nothing, or not in time.
    Unreachable,
}

/// One place where a service is served.
#[derive(Debug)]
pub(super) struct Endpoint {
    address: String,
    way: Way,
    /// Calls under way.
    active: AtomicU32,
    /// Calls in a row that failed.
    failures: AtomicU32,
    born: Instant,
    /// Until when it is left out, in nanoseconds since it was born.
    out_until: AtomicU64,
    /// What the last probe found; 0 while nobody asks.
    probed: AtomicU8,
    /// Probes in a row that had no answer, while no call had one either.
    silent: AtomicU32,
    /// Whether a call was answered since the last probe began.
    heard: AtomicBool,
}

/// A call under way at an endpoint.
#[derive(Debug)]
pub(super) struct Active<'a>(&'a AtomicU32);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Endpoint {
    pub(super) fn new(address: String, way: Way) -> Self {
        Self {
            address,
            way,
            active: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            born: Instant::now(),
            out_until: AtomicU64::new(0),
            probed: AtomicU8::new(0),
            silent: AtomicU32::new(0),
            heard: AtomicBool::new(false),
        }
    }

    pub(super) fn way(&self) -> Way {
        self.way.clone()
    }

    /// Calls under way.
    pub(super) fn active(&self) -> u32 {
        self.active.load(Relaxed)
    }

    /// A call begins.
    pub(super) fn begin(&self) -> Active<'_> {
        self.active.fetch_add(1, Relaxed);
        Active(&self.active)
    }

    /// Whether it is better not to call it now.
    pub(super) fn is_out(&self) -> bool {
        match self.probed() {
            Some(Health::NotServing | Health::Unreachable) => true,
            Some(Health::Serving) | None => self.now() < self.out_until.load(Relaxed),
        }
    }

    /// A call was answered.
    pub(super) fn answered(&self) {
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
        }
        // Read first: it is one word for all processors.
        if !self.heard.load(Relaxed) {
            self.heard.store(true, Relaxed);
        }
    }

    /// A call failed.
    pub(super) fn failed(&self) {
        if self.failures.fetch_add(1, Relaxed) + 1 >= FAILURES {
            let until = self.now() + u64::try_from(LEFT_OUT.as_nanos()).unwrap_or(u64::MAX);
            self.out_until.store(until, Relaxed);
        }
    }

    /// What the last probe found; `None` while nobody asks.
    pub(super) fn probed(&self) -> Option<Health> {
        match self.probed.load(Relaxed) {
            1 => Some(Health::Serving),
            2 => Some(Health::NotServing),
            3 => Some(Health::Unreachable),
            _ => None,
        }
    }

    /// Whether nobody is there, for all that can be known: one probe without an answer may be a busy machine.
    pub(super) fn is_gone(&self) -> bool {
        self.silent.load(Relaxed) >= SILENT
    }

    /// Takes in what a probe found; `None`: nobody asks any more.
    pub(super) fn found(&self, health: Option<Health>) {
        let number = match health {
            None => 0,
            Some(Health::Serving) => 1,
            Some(Health::NotServing) => 2,
            Some(Health::Unreachable) => 3,
        };
        let before = self.probed();
        self.probed.store(number, Relaxed);
        if health == Some(Health::Unreachable) && !self.heard.load(Relaxed) {
            self.silent.fetch_add(1, Relaxed);
        } else {
            self.silent.store(0, Relaxed);
        }
        if health == Some(Health::Serving) && before != health {
            self.failures.store(0, Relaxed);
            self.out_until.store(0, Relaxed);
        }
        if before != health && (before.is_some() || health != Some(Health::Serving)) {
            tracing::info!(endpoint = self.address, ?before, now = ?health, "an endpoint is not as it was");
        }
    }

    /// Asks it how `service` is.
    pub(super) async fn ask(&self, service: &str, patience: Duration) -> Health {
        self.heard.store(false, Relaxed);
        let request = HealthCheckRequest { service: service.to_owned() };
        let mut client = HealthClient::new(self.way());
        match patiently(patience, client.check(request)).await {
            Some(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => Health::Serving,
            Some(Ok(_)) => Health::NotServing,
            // It answers, and not what is asked.
            Some(Err(status)) if status.source().is_none() => Health::NotServing,
            Some(Err(_)) | None => Health::Unreachable,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
