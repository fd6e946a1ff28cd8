//! Whether the gateway is alive, and whether it should get traffic.
//!
//! Ready means: not draining, and at least one upstream answers. One that is missing is named and costs its own fields, not
//! the gateway: taking every gateway out because one service is down would turn missing fields into an outage. With none that
//! answers there is nothing to serve. What is asked here goes to the upstreams at most once a second, however many ask.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{extract::State, response::Response};
use futures_util::future::join_all;
use http::StatusCode;
use nova_flags::{Source, SyncStatus};
use nova_loaders::Way;
use serde::Serialize;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{gateway::Gateway, http::respond};

/// How long an upstream may take to say how it is.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long its word is good.
const BELIEVED: Duration = Duration::from_secs(1);

/// A service that the gateway reads from.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// What operators call it.
    pub name: &'static str,
    /// Its name in the gRPC health protocol, such as `nova.v1.Users`.
    pub service: &'static str,
    /// The way to it.
    pub way: Way,
}

impl Upstream {
    async fn ask(&self) -> UpstreamState {
        let request = HealthCheckRequest { service: self.service.to_owned() };
        let mut client = HealthClient::new(self.way.clone());
        match timeout(PATIENCE, client.check(request)).await {
            Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => UpstreamState::Serving,
            Ok(Ok(_)) => UpstreamState::NotServing,
            Ok(Err(_)) | Err(_) => UpstreamState::Unreachable,
        }
    }
}

/// What an upstream says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum UpstreamState {
    Serving,
    NotServing,
    /// It says nothing, or not in time.
    Unreachable,
}

/// What all of them say.
pub(crate) type UpstreamStates = BTreeMap<&'static str, UpstreamState>;

#[derive(Serialize)]
struct Report {
    status: &'static str,
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
    upstreams: Vec<Upstream>,
    last: Mutex<Option<(Instant, UpstreamStates)>>,
}

impl Readiness {
    pub(crate) fn new(upstreams: Vec<Upstream>) -> Self {
        Self { draining: AtomicBool::new(false), upstreams, last: Mutex::new(None) }
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
        let asked = self.upstreams.iter().map(|upstream| async move { (upstream.name, upstream.ask().await) });
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
    respond::json(code, &Report { status, upstreams, flags: gateway.flag_status.snapshot().into() })
}

fn verdict(draining: bool, upstreams: &UpstreamStates) -> (StatusCode, &'static str) {
    if draining {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if upstreams.values().any(|state| *state == UpstreamState::Serving) {
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
        use UpstreamState::{NotServing, Serving, Unreachable};
        let with = |states: &[UpstreamState]| {
            let upstreams = ["users", "content", "social"].into_iter().zip(states.iter().copied()).collect();
            (verdict(false, &upstreams).1, verdict(true, &upstreams).1)
        };
        assert_eq!(with(&[Serving, Serving, Serving]), ("ready", "draining"));
        assert_eq!(with(&[Unreachable, NotServing, Serving]), ("ready", "draining"));
        assert_eq!(with(&[Unreachable, NotServing, Unreachable]), ("unready", "draining"));
    }

    #[tokio::test]
    async fn an_upstream_that_is_not_there_is_named() {
        let way = tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy().into();
        let readiness = Readiness::new(vec![Upstream { name: "users", service: "nova.v1.Users", way }]);
        assert_eq!(readiness.upstreams().await, BTreeMap::from([("users", UpstreamState::Unreachable)]));
    }
}
