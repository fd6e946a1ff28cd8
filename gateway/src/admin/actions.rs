//! What operators do: isolate what is behind a breaker, and let it have calls again. Doing it once more changes nothing more.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use nova_guard::{Breaker, BreakerView};

use super::{access, operators::Operators, refused};
use crate::http::{refusal::Refusal, respond};

/// `POST /ops/breakers/{name}/isolate`: refuses calls until it is reset.
pub(super) async fn isolate(
    State(operators): State<Arc<Operators>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    act(&operators, &name, &headers, "isolate", Breaker::isolate).await
}

/// `POST /ops/breakers/{name}/reset`: lets calls through, whatever was counted.
pub(super) async fn reset(
    State(operators): State<Arc<Operators>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    act(&operators, &name, &headers, "reset", Breaker::reset).await
}

async fn act(
    operators: &Operators,
    name: &str,
    headers: &HeaderMap,
    action: &'static str,
    run: fn(&Breaker),
) -> Response {
    let viewer = match access::may_act(headers, &operators.verifier).await {
        Ok(viewer) => viewer,
        Err(refusal) => return refused(&refusal),
    };
    let Ok(breaker) = operators.board.breaker(name) else {
        let names: Vec<_> = operators.board.view().breakers.into_keys().collect();
        return refused(&Refusal::UnknownBreaker(names.join(", ")));
    };
    let before = BreakerView::of(&breaker);
    run(&breaker);
    let after = BreakerView::of(&breaker);
    tracing::warn!(
        user_id = %viewer.user_id.0,
        action,
        breaker = breaker.name(),
        before = before.state,
        after = after.state,
        "an operator acted",
    );
    respond::json(StatusCode::OK, &after)
}
