//! Whether the gateway is alive, and whether it should get traffic.
//!
//! Ready means: not draining, and at least one upstream answers. One that is missing is named and costs its own fields, not
//! the gateway: taking every gateway out because one service is down would turn missing fields into an outage. With none that
//! answers there is nothing to serve. What is asked here goes to the upstreams at most once a second, however many ask.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{extract::State, response::Response};
use futures_util::future::join_all;
use http::StatusCode;
use nova_flags::{Flags, Source, SyncStatus};
use nova_loaders::{Health, Upstreams};
use serde::Serialize;
use tokio::{sync::Mutex, time::Instant};

use crate::{gateway::Gateway, http::respond};

/// How long an upstream may take to say how it is.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long its word is good.
const BELIEVED: Duration = Duration::from_secs(1);

/// What all of them say.
pub(crate) type UpstreamStates = BTreeMap<&'static str, Health>;

#[derive(Serialize)]
struct Report {
    status: &'static str,
    /// Upstreams that do not serve; their fields are null meanwhile.
    missing: Vec<&'static str>,
    upstreams: UpstreamStates,
    flags: FlagSources,
}

/// How the sources of flags are. It decides nothing: a gateway without Unleash goes on with what it has. What went wrong in so
/// many words is at `/ops`: readiness is public.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FlagSources {
    source: Source,
    sync_age_seconds: Option<f64>,
    failures: u64,
    last_error: Option<&'static str>,
}

impl From<SyncStatus> for FlagSources {
    fn from(status: SyncStatus) -> Self {
        let SyncStatus { source, sync_age_seconds, failures, last_error, .. } = status;
        Self { source, sync_age_seconds, failures, last_error: last_error.map(|problem| problem.reason) }
    }
}

/// Whether traffic should come here.
pub(crate) struct Readiness {
    draining: AtomicBool,
    upstreams: Upstreams,
    last: Mutex<Option<(Instant, UpstreamStates)>>,
}

impl Readiness {
    pub(crate) fn new(upstreams: Upstreams) -> Self {
        Self { draining: AtomicBool::new(false), upstreams, last: Mutex::new(None) }
    }

    /// Asks every endpoint how it is, as long as the flag says so, until it is dropped.
    pub(crate) async fn watch(&self, flags: &Flags) -> Infallible {
        self.upstreams.watch(flags).await
    }

    /// From now on it is not ready, so that balancers stop sending.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// How the upstreams are, as of at most a second ago. Who comes while they are being asked waits for that answer.
    pub(crate) async fn upstreams(&self) -> UpstreamStates {
        let mut last = self.last.lock().await;
        if let Some((at, states)) = last.as_ref()
            && at.elapsed() < BELIEVED
        {
            return states.clone();
        }
        if let Some((at, _)) = last.as_mut() {
            // Also for who hangs up before the answer.
            *at = Instant::now();
        }
        let asked = self.upstreams.all().map(|upstream| async move { (upstream.name(), upstream.ask(PATIENCE).await) });
        let states: UpstreamStates = join_all(asked).await.into_iter().collect();
        *last = Some((Instant::now(), states.clone()));
        states
    }
}

/// `GET /health/live`: the process answers.
pub(crate) async fn live() -> Response {
    respond::json(StatusCode::OK, &BTreeMap::from([("status", "live")]))
}

/// `GET /health/ready`: 200 or 503, and how the upstreams are.
pub(crate) async fn ready(State(gateway): State<Arc<Gateway>>) -> Response {
    let upstreams = gateway.readiness.upstreams().await;
    let (code, status) = verdict(gateway.readiness.is_draining(), &upstreams);
    let missing = upstreams.iter().filter(|(_, health)| **health != Health::Serving).map(|(name, _)| *name).collect();
    respond::json(code, &Report { status, missing, upstreams, flags: gateway.flag_status.snapshot().into() })
}

fn verdict(draining: bool, upstreams: &UpstreamStates) -> (StatusCode, &'static str) {
    if draining {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if upstreams.values().any(|state| *state == Health::Serving) {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unready")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_answers_is_enough_and_none_while_draining() {
        use Health::{NotServing, Serving, Unreachable};
        let with = |states: &[Health]| {
            let upstreams = ["users", "content", "social"].into_iter().zip(states.iter().copied()).collect();
            (verdict(false, &upstreams).1, verdict(true, &upstreams).1)
        };
        assert_eq!(with(&[Serving, Serving, Serving]), ("ready", "draining"));
        assert_eq!(with(&[Unreachable, NotServing, Serving]), ("ready", "draining"));
        assert_eq!(with(&[Unreachable, NotServing, Unreachable]), ("unready", "draining"));
    }
}
