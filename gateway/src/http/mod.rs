//! The public door: `/graphql` by POST and GET, the health of the gateway, and in development a page for the browser.
//! [`stages`] is the way of a request, top to bottom; each stage has its file. [`context`] is the way of one operation of it.
//! Nothing here reads a store or decides what a field answers.

pub(crate) mod around;
mod batch;
pub(crate) mod batch_metrics;
mod body;
mod compression;
mod context;
mod cors;
mod csrf;
mod graphiql;
mod head;
mod host;
pub(crate) mod negotiate;
mod operation;
pub(crate) mod refusal;
pub(crate) mod respond;
mod url;

pub use cors::{NotAnOrigin, Origins};

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    middleware,
    response::Response,
    routing::{any, get},
};
use bytes::Bytes;
use http::{
    HeaderValue,
    header::{SET_COOKIE, VARY},
    request::Parts,
};
use nova_core::{Deadline, Viewer};
use nova_flags::{Caller, Policy, State as FlagStates};
use uuid::Uuid;

use self::{batch::Operations, context::Context, head::Carrier, negotiate::MediaType, refusal::Refusal};
use crate::{auth, client_address::ClientAddress, connection::Peer, debug, gateway::Gateway, health, session::Session};

/// The routes of the public port.
pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    let development = gateway.environment.is_development();
    let origins = &gateway.config.cors_origins;
    let graphql = any(graphql);
    let graphql = if origins.is_empty() { graphql } else { graphql.layer(cors::layer(origins)) };
    let router = Router::new()
        .route("/graphql", graphql)
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(nothing)
        .with_state(gateway);
    if development { router.layer(middleware::from_fn(graphiql::before)) } else { router }
}

async fn graphql(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let accepted = negotiate::accepted(request.headers());
    // A panic, too, is told in the media type that was asked for, and to pages of other origins. What is caught around all of
    // it is the last net.
    let mut response = match around::caught(stages(&gateway, accepted, request)).await {
        Ok(response) => response,
        Err(refusal) => respond::refusal(&refusal, accepted.unwrap_or(MediaType::Json), Some(&gateway.metrics)),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    response
}

/// The stages, cheapest first: what can be refused without the body is refused before it is read.
async fn stages(gateway: &Gateway, accepted: Option<MediaType>, request: Request) -> Result<Response, Refusal> {
    // Before anything is looked at: what is short must not be spent on saying no.
    let shedding = gateway.flags.process().limits_shedding().is_some();
    gateway.shed.look(shedding)?;
    let (head, body) = request.into_parts();
    let carrier = head::check(&head, gateway)?;
    let media = accepted.ok_or(Refusal::NotAcceptable)?;
    let identity = auth::viewer(&head.headers, &gateway.verifier).await;
    let viewer = identity.as_ref().ok().and_then(Option::as_ref);
    let state = gateway.flags.state();
    let session = match viewer {
        Some(_) => None,
        None => Session::of(&head.headers, state.has_rollout(), &gateway.session_ids),
    };
    let policy = decide(gateway, &state, viewer, session.as_ref());
    let address = address(gateway, &head);
    // A token that is refused counts, too: who guesses is held back by the address.
    gateway.rates.request(policy.limits_rate(), address, viewer.map(|viewer| viewer.user_id))?;
    let viewer = identity?;
    let config = &gateway.config;
    let (bytes, _room) = match carrier {
        Carrier::Url => (Bytes::new(), None),
        Carrier::Body => {
            let room = gateway.shed.room(shedding, &head)?;
            let read = body::read(&head.headers, body, config.max_body(), config.body_timeout(), room).await?;
            (read.0, Some(read.1))
        }
    };
    let _in_work = gateway.shed.admit()?;
    let deadline = deadline(gateway, &policy);
    let debug = debug::wanted(&head.headers, viewer.as_ref());
    let read_only = carrier == Carrier::Url;
    let context = Context { gateway, viewer, address, policy, state, deadline, debug, read_only };
    let mut response = match operations(&context, carrier, &head, &bytes, media).await {
        Ok(response) => response,
        Err(refusal) => respond::refusal(&refusal, media, Some(&gateway.metrics)),
    };
    // Who is refused for the side that a flag put them on stays on it, too.
    if let Some(cookie) = session.and_then(|session| session.cookie(&gateway.environment)) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    // As long as it is in work.
    Ok(compression::apply(&head.headers, response).await)
}

/// Reads what is asked, and runs it.
async fn operations(
    context: &Context<'_>,
    carrier: Carrier,
    head: &Parts,
    body: &[u8],
    media: MediaType,
) -> Result<Response, Refusal> {
    let metrics = &context.gateway.metrics;
    let operations = match carrier {
        Carrier::Url => Operations::One(url::parse(head.uri.query().unwrap_or_default())?),
        Carrier::Body => {
            let parsed = Operations::parse(body, context.policy.http_batching());
            parsed.inspect_err(|refusal| metrics.batches.refused(refusal))?
        }
    };
    match operations {
        Operations::One(parameters) => Ok(respond::outcome(&context.operate(parameters).await?, media, metrics)),
        Operations::Batch(operations) => Ok(batch::run(context, operations).await?.end(media)),
    }
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

/// When the answer must be there.
fn deadline(gateway: &Gateway, policy: &Policy) -> Deadline {
    let ceiling = gateway.config.execution_timeout();
    let timeout = policy.limits_execution_timeout().map(|limit| Duration::from_millis(limit.ms.into()));
    Deadline::after(timeout.map_or(ceiling, |timeout| timeout.min(ceiling)))
}

async fn nothing(State(gateway): State<Arc<Gateway>>) -> Response {
    respond::refusal(&Refusal::NotFound, MediaType::Json, Some(&gateway.metrics))
}

#[cfg(test)]
mod tests;
