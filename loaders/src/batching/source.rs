//! Where values come from.

use std::{fmt::Debug, future::Future, hash::Hash, sync::Arc, time::Duration};

use nova_core::{Credential, ErrorCode};
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
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The viewer's verified token. Sent only by sources whose keys name the viewer: a shared fetch carries no identity
    /// that its key does not.
    pub credential: Option<Credential>,
    /// Counts the calls of the request that started the fetch.
    pub trace: Arc<Trace>,
    /// How the request loads, and what of its policy goes with its calls.
    pub policy: Arc<Policy>,
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

    /// Asks for `keys`, which are distinct. Answers in their order; a missing answer is INTERNAL.
    fn load(&self, keys: &[Self::Key], caller: Caller) -> impl Future<Output = Vec<Answer<Self::Value>>> + Send;
}
