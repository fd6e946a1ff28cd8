//! Whether the user of a valid token is still there: a token outlives its user by up to its own lifetime.
//!
//! The check runs beside the execution, so that it costs no time, and its answer is kept for a second, so that a busy viewer
//! costs at most one check a second. Only a query may run beside it: what writes must wait for it. When the users service
//! does not say, the request goes on as the token says: a dead dependency costs a field, never the response.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use nova_core::{Deadline, UserId};
use nova_flags::Policy;
use nova_loaders::Loaders;
use tokio::time::timeout;

use crate::metrics::{CheckResult, Metrics};

/// How long an answer is believed, and how long a users service that does not say is not asked again.
const BELIEVED: Duration = Duration::from_secs(1);
/// How long the check may hold back an answer that is there.
const CAP: Duration = Duration::from_secs(1);
/// Viewers whose answers are kept at a time.
const VIEWERS: u64 = 100_000;

/// The answers of the last second.
pub(crate) struct ViewerCheck {
    gone: Cache<UserId, bool>,
}

impl ViewerCheck {
    pub(crate) fn new() -> Self {
        Self { gone: Cache::builder().max_capacity(VIEWERS).time_to_live(BELIEVED).build() }
    }

    /// Whether the user is unknown or deleted.
    pub(crate) async fn is_gone(
        &self,
        id: UserId,
        loaders: &Loaders,
        policy: Arc<Policy>,
        deadline: Deadline,
        metrics: &Metrics,
    ) -> bool {
        if let Some(gone) = self.gone.get(&id) {
            return gone;
        }
        // Loaders of its own: it is the gateway that asks, not the operation. In the operation's trace the call would come
        // and go with the second, and one operation would not count the same calls every time.
        let request = loaders.request(None, policy, deadline);
        // The fetch has the time of the request, for those who join it; the check waits less.
        let result = match timeout(CAP, request.drive(request.user(id))).await {
            Ok(Ok(Some(user))) if !user.deleted => CheckResult::Found,
            Ok(Ok(_)) => CheckResult::Gone,
            Ok(Err(_)) | Err(_) => CheckResult::Unanswered,
        };
        metrics.viewer_check(result);
        if result == CheckResult::Unanswered {
            // No answer never outweighs one that another request got meanwhile.
            return self.gone.entry(id).or_insert(false).into_value();
        }
        let gone = result == CheckResult::Gone;
        self.gone.insert(id, gone);
        gone
    }
}
