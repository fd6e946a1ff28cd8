//! Who calls, by the token that came with the call.

use nova_core::{
    UserId, Viewer,
    token::{TokenError, TokenVerifier},
};
use tonic::{Status, metadata::MetadataMap};

/// The viewer of a call; `None` when it brings no token.
///
/// # Errors
/// UNAUTHENTICATED for a token that does not verify: a bad token is never taken for none. `FAILED_PRECONDITION` when nobody
/// can say.
pub(crate) async fn viewer(metadata: &MetadataMap, verifier: &TokenVerifier) -> Result<Option<Viewer>, Status> {
    let Some(value) = metadata.get(nova_proto::metadata::AUTHORIZATION) else { return Ok(None) };
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim_start())
        .ok_or_else(|| Status::unauthenticated("not a bearer token"))?;
    verifier.verify(token).await.map(Some).map_err(|error| match error {
        // Not UNAVAILABLE: whoever writes is to know that nothing has begun.
        TokenError::Unavailable => Status::failed_precondition(error.to_string()),
        _ => Status::unauthenticated(error.to_string()),
    })
}

/// The user for whom a write acts.
///
/// # Errors
/// UNAUTHENTICATED without a token that verifies, `FAILED_PRECONDITION` when nobody can say.
pub(crate) async fn writer(metadata: &MetadataMap, verifier: &TokenVerifier) -> Result<UserId, Status> {
    match viewer(metadata, verifier).await? {
        Some(viewer) => Ok(viewer.user_id),
        None => Err(Status::unauthenticated("a token is needed")),
    }
}
