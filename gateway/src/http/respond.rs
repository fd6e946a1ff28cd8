//! Writes answers and refusals: status, media type and body. One serialisation, straight to the bytes that are sent.

use async_graphql::{ServerError, Value};
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use nova_core::ErrorCode;
use serde::Serialize;

use super::{context::Outcome, negotiate::MediaType, refusal::Refusal};
use crate::{debug::DebugView, errors, metrics::Metrics};

/// What a response has room for at first, in bytes.
const BODY_BYTES: usize = 4096;

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    /// Left out when nothing was executed; null when what was executed failed as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Extensions<'a>>,
}

#[derive(Serialize)]
struct Extensions<'a> {
    debug: &'a DebugView,
}

impl<'a> Payload<'a> {
    fn of(Outcome { answer, debug }: &'a Outcome) -> Self {
        Self {
            errors: &answer.response.errors,
            data: answer.executed.then_some(&answer.response.data),
            extensions: debug.as_ref().map(|debug| Extensions { debug }),
        }
    }
}

/// The response that carries what became of an operation.
pub(crate) fn outcome(outcome: &Outcome, media: MediaType, metrics: &Metrics) -> Response {
    let answer = &outcome.answer;
    count(&answer.response.errors, metrics);
    // A well-formed request whose document is refused: 400 by the new media type, 200 by the old one, whose clients look for
    // GraphQL's errors in a 200 only (GraphQL over HTTP, "Responses").
    let status = if answer.executed || media == MediaType::Json { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    write(status, media.header(), &Payload::of(outcome))
}

/// The response that carries what became of the operations of a batch, in their order. Each is written when it is known, so that
/// nothing else of it is kept until all are.
pub(crate) struct Batch<'a> {
    bytes: Vec<u8>,
    written: serde_json::Result<()>,
    metrics: &'a Metrics,
}

impl<'a> Batch<'a> {
    pub(crate) fn begin(metrics: &'a Metrics) -> Self {
        let mut bytes = Vec::with_capacity(BODY_BYTES);
        bytes.push(b'[');
        Self { bytes, written: Ok(()), metrics }
    }

    /// One more operation.
    pub(crate) fn push(&mut self, outcome: &Outcome) {
        count(&outcome.answer.response.errors, self.metrics);
        if self.written.is_ok() {
            if self.bytes.len() > 1 {
                self.bytes.push(b',');
            }
            self.written = serde_json::to_writer(&mut self.bytes, &Payload::of(outcome));
        }
    }

    /// All of them. Each says for itself what is wrong with it; together they are a 200.
    pub(crate) fn end(mut self, media: MediaType) -> Response {
        self.bytes.push(b']');
        response(StatusCode::OK, media.header(), self.bytes, self.written)
    }
}

/// The response that turns a request away.
pub(crate) fn refusal(refusal: &Refusal, media: MediaType, metrics: Option<&Metrics>) -> Response {
    let error = refusal.error();
    if let Some(metrics) = metrics {
        count(std::slice::from_ref(&error), metrics);
    }
    let payload = Payload { errors: &[error], data: None, extensions: None };
    let status = if refusal.is_graphql() && media == MediaType::Json { StatusCode::OK } else { refusal.status() };
    let mut response = write(status, media.header(), &payload);
    if let Some((name, value)) = refusal.header() {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Any JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    write(status, HeaderValue::from_static("application/json"), body)
}

fn write(status: StatusCode, content_type: HeaderValue, body: &impl Serialize) -> Response {
    let mut bytes = Vec::with_capacity(BODY_BYTES);
    let written = serde_json::to_writer(&mut bytes, body);
    response(status, content_type, bytes, written)
}

fn response(
    status: StatusCode,
    content_type: HeaderValue,
    bytes: Vec<u8>,
    written: serde_json::Result<()>,
) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    if let Err(error) = written {
        tracing::error!(%error, "a response could not be written");
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        *response.body_mut() = Body::empty();
    }
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn count(errors: &[ServerError], metrics: &Metrics) {
    for error in errors {
        metrics.error(errors::code_of(error).unwrap_or(ErrorCode::Internal));
    }
}
