//! The keys of a call that asks by id.

use std::collections::HashMap;

use nova_core::{ErrorCode, TextError, Viewer};
use nova_proto::{IntoAnswer, KeyFailure, id_from_bytes};
use tonic::Status;
use uuid::Uuid;

/// Keys of one call at most; a call with more is refused with `INVALID_ARGUMENT`.
pub const MAX_KEYS: usize = 5_000;

pub(crate) const INVALID_KEY: KeyFailure = KeyFailure(ErrorCode::InvalidId);
pub(crate) const UNAUTHENTICATED: KeyFailure = KeyFailure(ErrorCode::Unauthenticated);

pub(crate) fn check_number(keys: usize) -> Result<(), Status> {
    if keys > MAX_KEYS {
        return Err(Status::invalid_argument(format!("at most {MAX_KEYS} keys a call")));
    }
    Ok(())
}

/// The id of what a write is about.
pub(crate) fn decode_id(id: &[u8]) -> Result<Uuid, Status> {
    id_from_bytes(id).ok_or_else(|| Status::invalid_argument("not an id"))
}

/// A text that no store takes.
pub(crate) fn invalid_text(error: TextError) -> Status {
    Status::invalid_argument(error.to_string())
}

/// The ids of a call, in their order, each good or a failure of its own.
pub(crate) struct Ids(Vec<Result<Uuid, KeyFailure>>);

impl Ids {
    pub(crate) fn decode<B: AsRef<[u8]>>(ids: &[B]) -> Result<Self, Status> {
        check_number(ids.len())?;
        Ok(Self(ids.iter().map(|id| id_from_bytes(id.as_ref()).ok_or(INVALID_KEY)).collect()))
    }

    /// The ids, as far as `viewer` may ask for `viewer_id`.
    pub(crate) fn of_viewer<B: AsRef<[u8]>>(
        ids: &[B],
        viewer_id: &[u8],
        viewer: Option<&Viewer>,
    ) -> Result<Self, Status> {
        let mut keys = Self::decode(ids)?;
        let refusal = match id_from_bytes(viewer_id) {
            None => Some(INVALID_KEY),
            Some(id) => (viewer.map(|viewer| viewer.user_id.0) != Some(id)).then_some(UNAUTHENTICATED),
        };
        if let Some(refusal) = refusal {
            for key in keys.0.iter_mut().filter(|key| key.is_ok()) {
                *key = Err(refusal);
            }
        }
        Ok(keys)
    }

    /// The good ones, once each: empty when no statement is needed.
    pub(crate) fn wanted(&self) -> Vec<Uuid> {
        let mut wanted: Vec<_> = self.0.iter().filter_map(|key| key.ok()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// An answer for each key, out of what was found.
    pub(crate) fn answers<R>(&self, found: &HashMap<Uuid, R::Found>) -> Vec<R>
    where
        R: IntoAnswer<Found: Clone>,
    {
        self.0.iter().map(|key| R::from_answer(key.map(|id| found.get(&id).cloned()))).collect()
    }
}
