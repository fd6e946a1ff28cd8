//! The operator's door of a process that is no gateway: what all have, whether it should get calls, and its state as JSON.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Extension, Router, extract::State, response::Response, routing::get};
use http::{HeaderMap, StatusCode};
use nova_core::{clock::SharedClock, token::TokenVerifier};
use nova_flags::{Flags, Status};
use nova_guard::Board;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::net::TcpListener;

use super::{
    operators::{self, Operators},
    refused,
};
use crate::{
    config::Config,
    connection::Peer,
    gateway::Build,
    http::{around::RequestIds, respond},
};

/// What a process that is no gateway shows its operators.
pub struct ProcessParts {
    /// Reads access tokens.
    pub verifier: Arc<TokenVerifier>,
    /// What holds now.
    pub flags: Flags,
    /// How the sources of flags are.
    pub flag_status: Status,
    /// Tells the wall time.
    pub clock: SharedClock,
    /// The guards of the process, in its metrics already.
    pub board: Board,
    /// Without what it can do nothing: it is ready while the breakers before these are closed, and on the board.
    pub needs: &'static [&'static str],
    /// All metrics of the process.
    pub registry: Registry,
    /// What `/ops` says about the binary.
    pub build: Build,
}

struct Process {
    operators: Arc<Operators>,
    needs: &'static [&'static str],
    draining: AtomicBool,
}

/// Serves the operators of a process until `ended`. Once `draining` has come, it is not ready any more.
pub async fn serve_operators(
    parts: ProcessParts,
    listener: TcpListener,
    draining: impl Future<Output = ()>,
    ended: impl Future<Output = ()>,
) {
    let ProcessParts { verifier, flags, flag_status, clock, board, needs, registry, build } = parts;
    let operators = Arc::new(Operators::new((verifier, board), (flags, flag_status), build, &clock, registry));
    let process = Arc::new(Process { operators: Arc::clone(&operators), needs, draining: AtomicBool::new(false) });
    let ours = Router::new().route("/ops", get(ops)).route("/health/ready", get(ready));
    let router = ours.with_state(Arc::clone(&process)).merge(operators::routes(operators));
    let ids = Arc::new(RequestIds::new(clock.now().timestamp_millis()));
    let served = operators::serve(listener, Config::default().patience(), ids, router, ended);
    let drains = async {
        draining.await;
        process.draining.store(true, Ordering::Relaxed);
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        () = served => {}
        never = drains => match never {},
    }
}

async fn ops(State(process): State<Arc<Process>>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    match process.operators.may_read(peer, &headers).await {
        Ok(()) => respond::json(StatusCode::OK, &process.operators.view(process.draining.load(Ordering::Relaxed))),
        Err(refusal) => refused(&refusal),
    }
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    /// What it needs, by the state of the breaker before it.
    needs: BTreeMap<&'static str, &'static str>,
}

/// `GET /health/ready`: 200 or 503, and how that is what it needs.
async fn ready(State(process): State<Arc<Process>>) -> Response {
    let guards = process.operators.board.view();
    let state = |name: &str| guards.breakers.get(name).map_or("unknown", |breaker| breaker.state);
    let needs: BTreeMap<_, _> = process.needs.iter().map(|name| (*name, state(name))).collect();
    let (code, status) = verdict(process.draining.load(Ordering::Relaxed), needs.values().copied());
    respond::json(code, &Report { status, needs })
}

fn verdict(draining: bool, mut needs: impl Iterator<Item = &'static str>) -> (StatusCode, &'static str) {
    if draining {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if needs.all(|state| state == nova_guard::Phase::Closed.as_str()) {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unready")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_while_all_that_it_needs_answers() {
        let verdict = |draining, needs: &[&'static str]| verdict(draining, needs.iter().copied()).1;
        assert_eq!(verdict(false, &[]), "ready");
        assert_eq!(verdict(false, &["closed", "closed"]), "ready");
        for state in ["open", "half-open", "isolated", "unknown"] {
            assert_eq!(verdict(false, &["closed", state]), "unready", "{state}");
        }
        assert_eq!(verdict(true, &["closed"]), "draining");
    }
}
