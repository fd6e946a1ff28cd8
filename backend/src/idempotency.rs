//! Writes that are sent twice and happen once: the client's key, claimed in the transaction of the first write. A second one
//! waits for the first to commit or to go away, and then knows.

use nova_core::{ErrorCode, IdempotencyKey, UserId};
use nova_proto::KeyFailure;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::write::{Refusal, Write};

/// $1: user, $2: key, $3: fingerprint, $4: what the write will make. No row: the key is taken, or the user is gone. A key past
/// its 24 hours is as good as none.
const CLAIM: &str = "
    insert into idempotency_keys as k (user_id, key, fingerprint, result_id)
    select id, $2, $3, $4 from users where id = $1 and deleted_at is null
    on conflict (user_id, key) do update
        set fingerprint = excluded.fingerprint, result_id = excluded.result_id, created_at = excluded.created_at
        where k.created_at < now() - interval '24 hours'
    returning true";

/// $1: user, $2: key.
const TAKEN: &str = "select fingerprint, result_id from idempotency_keys where user_id = $1 and key = $2";

/// What a write is: its name and its input, as far as two of them can differ.
pub(crate) struct Fingerprint(Sha256);

impl Fingerprint {
    pub(crate) fn of(operation: &'static str) -> Self {
        Self(Sha256::new()).with(Some(operation.as_bytes()))
    }

    /// One more field. Its length goes in too, so that no two inputs run together alike.
    #[must_use]
    pub(crate) fn with(mut self, field: Option<&[u8]>) -> Self {
        self.0.update([u8::from(field.is_some())]);
        let field = field.unwrap_or_default();
        self.0.update(field.len().to_be_bytes());
        self.0.update(field);
        self
    }
}

/// What is known of a key.
pub(crate) enum Claim {
    /// Nobody used it: the write is to be done.
    New,
    /// The same write was done, and made this.
    Done(Uuid),
}

/// Claims `key` for a write that will make `result`.
///
/// # Errors
/// CONFLICT when another write has it; UNAUTHENTICATED when the user is gone.
pub(crate) async fn claim(
    write: &mut Write<'_>,
    user: UserId,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
    result: Uuid,
) -> Result<Claim, Refusal> {
    let fingerprint = fingerprint.0.finalize().to_vec();
    let query = sqlx::query_as::<_, (bool,)>(CLAIM).bind(user.0).bind(key.as_str()).bind(&fingerprint).bind(result);
    if write.row(query).await?.is_some() {
        return Ok(Claim::New);
    }
    let taken = sqlx::query_as::<_, (Vec<u8>, Uuid)>(TAKEN).bind(user.0).bind(key.as_str());
    match write.row(taken).await? {
        Some((known, result)) if known == fingerprint => Ok(Claim::Done(result)),
        Some(_) => Err(KeyFailure(ErrorCode::Conflict)),
        None => Err(KeyFailure(ErrorCode::Unauthenticated)),
    }
}
