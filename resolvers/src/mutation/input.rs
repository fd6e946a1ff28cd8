//! What all mutations do with what they are given, and with what becomes of it.

use async_graphql::{Context, Error, ErrorExtensions as _};
use nova_core::{Body, ErrorCode, IdempotencyKey, TextError, UserId};
use nova_loaders::Written;

use crate::{
    error::{Field, bad_input, caught, error},
    node::loaders,
};

/// A mutation of the viewer's: `write` checks its input and writes. Needs a viewer.
pub(super) async fn mutate<T, W>(ctx: &Context<'_>, write: impl FnOnce(UserId) -> W) -> Field<T>
where
    W: Future<Output = Result<T, Error>>,
{
    let Some(viewer) = loaders(ctx).viewer() else { return Some(Err(error(ErrorCode::Unauthenticated))) };
    caught(async { Some(write(viewer.user_id).await) }).await
}

/// What became of a write. Of one that may have happened the client is told which key to send again.
pub(super) fn written<T>(outcome: Written<T>, key: Option<&str>) -> Result<T, Error> {
    outcome.map_err(|failure| match (failure.code, key) {
        (ErrorCode::OutcomeUnknown, Some(key)) => {
            error(failure.code).extend_with(|_, extensions| extensions.set("idempotencyKey", key))
        }
        (code, _) => error(code),
    })
}

/// A field of the input as the text it must be.
pub(super) fn text<T>(
    field: &'static str,
    text: String,
    check: impl FnOnce(String) -> Result<T, TextError>,
) -> Result<T, Error> {
    check(text).map_err(|problem| bad_input(field, &problem.to_string()))
}

/// `input.body`.
pub(super) fn body(body: String) -> Result<Body, Error> {
    text("input.body", body, Body::new)
}

/// `input.idempotencyKey`.
pub(super) fn key(key: Option<String>) -> Result<Option<IdempotencyKey>, Error> {
    key.map(|key| text("input.idempotencyKey", key, IdempotencyKey::new)).transpose()
}
