//! Where values come from.

use std::{fmt::Debug, future::Future, hash::Hash, sync::Arc, time::Duration};

use nova_core::{Credential, Deadline, ErrorCode};
use nova_flags::Policy;

use crate::trace::Trace;

/// Why a key has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct LoadError {
    /// What the client is told.
    pub code: ErrorCode,
}

impl From<ErrorCode> for LoadError {
    fn from(code: ErrorCode) -> Self {
        Self { code }
    }
}

/// What is said of one key: found, absent (`None`) or failed.
pub type Answer<V> = Result<Option<V>, LoadError>;

/// On whose behalf a call is made, and who counts it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The viewer's verified token. Sent only by sources whose keys name the viewer: a shared fetch carries no identity
    /// that its key does not.
    pub credential: Option<Credential>,
    /// Counts the calls of the request that started the fetch.
    pub trace: Arc<Trace>,
    /// How the request loads, and what of its policy goes with its calls.
    pub policy: Arc<Policy>,
    /// When the request must have its answer.
    pub deadline: Deadline,
}

impl Caller {
    /// Nobody in particular, under `policy`, who must have the answer by `deadline`.
    #[must_use]
    pub fn anonymous(policy: Arc<Policy>, deadline: Deadline) -> Self {
        Self { credential: None, trace: Arc::default(), policy, deadline }
    }
}

/// A source of values that answers many keys in one call.
pub trait Source: Send + Sync + 'static {
    /// What is asked. Where the value depends on the viewer, the key names the viewer.
    type Key: Clone + Eq + Hash + Debug + Send + Sync + 'static;
    /// What is answered; cheap to clone.
    type Value: Clone + Send + Sync + 'static;

    /// Most keys of one call. A larger flush is split into calls that run at the same time.
    fn max_batch(&self) -> usize;

    /// How long one call may take, whoever waits for it.
    fn cap(&self) -> Duration;

    /// So many keys of one flush came with fetches of other requests.
    fn joined(&self, keys: usize) {
        let _ = keys;
    }

    /// Whether a key that came to nothing with a fetch of another request may be fetched again, by a request under `policy`
    /// that has time left. What is allowed here is taken from a budget.
    fn may_fetch_again(&self, policy: &Policy) -> bool {
        let _ = policy;
        false
    }

    /// A call was given up: nobody waited for it any more.
    fn abandoned(&self) {}

    /// Asks for `keys`, which are distinct, until `deadline`. Answers in their order; a missing answer is INTERNAL.
    fn load(
        &self,
        keys: &[Self::Key],
        caller: Caller,
        deadline: Deadline,
    ) -> impl Future<Output = Vec<Answer<Self::Value>>> + Send;
}
