//! The public door: `POST /graphql` and the health of the gateway, and in development a page for the browser. [`stages`] is the way of a request, top to bottom; each
//! stage has its file. Nothing here reads a store or decides what a field answers.

pub(crate) mod around;
mod body;
mod graphiql;
pub(crate) mod negotiate;
mod operation;
pub(crate) mod refusal;
pub(crate) mod respond;

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    middleware,
    response::Response,
    routing::{any, get},
};
use http::{Method, header::SET_COOKIE, request::Parts};
use nova_core::{Deadline, Viewer};
use nova_flags::{Caller, FlagView, Policy, State as FlagStates};
use uuid::Uuid;

use self::{negotiate::MediaType, operation::Parameters, refusal::Refusal};
use crate::{
    auth,
    client_address::ClientAddress,
    connection::Peer,
    debug,
    executor::{Answer, Operation},
    gateway::Gateway,
    health,
    session::Session,
};

/// The routes of the public port.
pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    let development = gateway.environment.is_development();
    let router = Router::new()
        .route("/graphql", any(graphql))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(nothing)
        .with_state(gateway);
    if development { router.layer(middleware::from_fn(graphiql::before)) } else { router }
}

async fn graphql(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let accepted = negotiate::accepted(request.headers());
    match stages(&gateway, accepted, request).await {
        Ok(response) => response,
        Err(refusal) => respond::refusal(&refusal, accepted.unwrap_or(MediaType::Json), Some(&gateway.metrics)),
    }
}

/// The stages, cheapest first: what can be refused without the body is refused before it is read.
async fn stages(gateway: &Gateway, accepted: Option<MediaType>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(Refusal::Method);
    }
    let media = accepted.ok_or(Refusal::NotAcceptable)?;
    let _in_work = gateway.admit().ok_or(Refusal::Overloaded)?;
    if !negotiate::sends_json(&head.headers) {
        return Err(Refusal::ContentType);
    }
    let identity = auth::viewer(&head.headers, &gateway.verifier).await;
    let viewer = identity.as_ref().ok().and_then(Option::as_ref);
    let state = gateway.flags.state();
    let session = match viewer {
        Some(_) => None,
        None => Session::of(&head.headers, state.has_rollout(), &gateway.session_ids),
    };
    let policy = decide(gateway, &state, viewer, session.as_ref());
    // A token that is refused counts, too: who guesses is held back by the address.
    gateway.rates.request(policy.limits_rate(), address(gateway, &head), viewer.map(|viewer| viewer.user_id))?;
    let viewer = identity?;
    let debug = debug::wanted(&head.headers, viewer.as_ref());
    let config = &gateway.config;
    let bytes = body::read(&head.headers, body, config.max_body(), config.body_timeout()).await?;
    let parameters = Parameters::parse(&bytes)?;
    let mut response = match execute(gateway, parameters, viewer, Arc::clone(&policy), debug).await {
        Ok(answer) => answered(gateway, &answer, media, debug.then(|| state.explain(&policy))),
        Err(refusal) => respond::refusal(&refusal, media, Some(&gateway.metrics)),
    };
    // Who is refused for the side that a flag put them on stays on it, too.
    if let Some(cookie) = session.and_then(|session| session.cookie(&gateway.environment)) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The response to what was answered, with the debug view where `flags` are given for it.
fn answered(
    gateway: &Gateway,
    answer: &Answer,
    media: MediaType,
    flags: Option<BTreeMap<&'static str, FlagView>>,
) -> Response {
    let waited = answer.loaders.as_ref().map(|loaders| loaders.upstream_time()).unwrap_or_default();
    let overhead = answer.stages.total.saturating_sub(waited);
    gateway.metrics.overhead(overhead);
    let trace = || answer.loaders.as_ref().map(|loaders| loaders.trace()).unwrap_or_default();
    let view = flags.map(|flags| debug::DebugView::new(trace(), answer.stages, overhead, flags));
    respond::answer(answer, media, view, &gateway.metrics)
}

/// From where a request comes.
fn address(gateway: &Gateway, head: &Parts) -> ClientAddress {
    // Every connection says who is at its other end; without one, all would be the same.
    let peer = head.extensions.get::<Peer>().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0.ip());
    let config = &gateway.config;
    config.trusted_proxies.client(peer, config.forwarded_header, &head.headers)
}

/// The policy of a request: a rollout sticks to the viewer, or to the session of an anonymous caller.
fn decide(gateway: &Gateway, state: &FlagStates, viewer: Option<&Viewer>, session: Option<&Session>) -> Arc<Policy> {
    let mut buffer = Uuid::encode_buffer();
    let user_id = viewer.map(|viewer| &*viewer.user_id.0.hyphenated().encode_lower(&mut buffer));
    gateway.flags.decide_by(state, Caller { user_id, session_id: session.map(|session| session.id.as_str()) })
}

/// Execution, with the check of the viewer. A viewer who is gone ends it.
async fn execute(
    gateway: &Gateway,
    parameters: Parameters<'_>,
    viewer: Option<Viewer>,
    policy: Arc<Policy>,
    debug: bool,
) -> Result<Answer, Refusal> {
    let ceiling = gateway.config.execution_timeout();
    let timeout = policy.limits_execution_timeout().map(|limit| Duration::from_millis(limit.ms.into()));
    let deadline = Deadline::after(timeout.map_or(ceiling, |timeout| timeout.min(ceiling)));
    let viewer_id = viewer.as_ref().map(|viewer| viewer.user_id);
    let found = gateway.persisted.find(parameters.asked, &policy);
    let check_policy = Arc::clone(&policy);
    let check = async {
        let Some(id) = viewer_id else { return Ok(()) };
        let gone = gateway.viewers.is_gone(id, &gateway.loaders, check_policy, deadline, &gateway.metrics).await;
        if gone { Err(Refusal::UnknownUser) } else { Ok(()) }
    };
    let found = match found {
        Ok(found) => found,
        Err(refused) => {
            check.await?;
            return Err(Refusal::Document(refused));
        }
    };
    let operation = Operation {
        document: found.text(),
        name: parameters.operation_name,
        variables: parameters.variables,
        viewer,
        policy,
        deadline,
        // An operation that reads the viewer too would join the check's fetch now and then, and the debug view would not
        // count the same calls every time.
        check_first: debug,
    };
    let answer = gateway.executor.run(operation, check, &gateway.loaders, &gateway.metrics).await?;
    if answer.executed {
        gateway.persisted.keep(&found);
    }
    Ok(answer)
}

async fn nothing(State(gateway): State<Arc<Gateway>>) -> Response {
    respond::refusal(&Refusal::NotFound, MediaType::Json, Some(&gateway.metrics))
}

#[cfg(test)]
mod tests;
