//! Who asks: users and sessions, inside the rollout and outside.

use nova_flags::Caller;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

/// How many there are of each kind, so that no answer is one that was just given.
const CALLERS: usize = 256;

/// How a rollout knows a caller.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    User,
    Session,
}

impl By {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Session => "session",
        }
    }

    /// The caller whose id it is.
    pub(super) const fn caller(self, id: &str) -> Caller<'_> {
        match self {
            Self::User => Caller { user_id: Some(id), session_id: None },
            Self::Session => Caller { user_id: None, session_id: Some(id) },
        }
    }
}

/// Callers whom `wanted` takes; the same at each call.
pub(super) fn callers(by: By, wanted: impl Fn(Caller<'_>) -> bool) -> Vec<String> {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let ids = std::iter::repeat_with(|| Uuid::from_u128(random.random()).to_string());
    ids.filter(|id| wanted(by.caller(id))).take(CALLERS).collect()
}
