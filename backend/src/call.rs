//! One call: how long it may take, under which policy, and how many statements it ran.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use nova_core::Deadline;
use nova_flags::Policy;
use tonic::{Request, Response, metadata::MetadataMap};

/// The budget of a call that brings no `grpc-timeout`.
const DEFAULT_BUDGET: Duration = Duration::from_secs(10);
/// By how much a call ends before the caller's own timer: a tenth of the budget, at most this. The server's timer would
/// answer CANCELLED; ending first, we say `DEADLINE_EXCEEDED`. It runs from the arrival of the head, ours from that of the
/// message, hence not a mere tick.
const LONGEST_MARGIN: Duration = Duration::from_millis(25);

/// What a call carries from its start to its answer.
#[derive(Debug)]
pub(crate) struct Call {
    deadline: Deadline,
    policy: Arc<Policy>,
    statements: AtomicU32,
}

impl Call {
    pub(crate) fn of<T>(request: &Request<T>) -> Self {
        let policy = request.extensions().get().map(Arc::clone).unwrap_or_default();
        Self::within(budget(request.metadata()), policy)
    }

    pub(crate) fn within(budget: Duration, policy: Arc<Policy>) -> Self {
        Self { deadline: Deadline::after(budget), policy, statements: AtomicU32::new(0) }
    }

    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn count_statement(&self) {
        self.statements.fetch_add(1, Relaxed);
    }

    /// The response, with the number of statements beside it.
    pub(crate) fn answer<T>(&self, message: T) -> Response<T> {
        let mut response = Response::new(message);
        response.metadata_mut().insert(nova_proto::metadata::STATEMENTS, self.statements.load(Relaxed).into());
        response
    }
}

fn budget(metadata: &MetadataMap) -> Duration {
    metadata
        .get("grpc-timeout")
        .and_then(|value| parse_timeout(value.to_str().ok()?))
        .map_or(DEFAULT_BUDGET, |timeout| {
            timeout.saturating_sub((timeout / 10).min(LONGEST_MARGIN)).min(DEFAULT_BUDGET)
        })
}

/// `TimeoutValue TimeoutUnit` of the gRPC protocol: at most eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_hours(value)),
        "M" => Some(Duration::from_mins(value)),
        "S" => Some(Duration::from_secs(value)),
        "m" => Some(Duration::from_millis(value)),
        "u" => Some(Duration::from_micros(value)),
        "n" => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout("99999999H"), Some(Duration::from_hours(99_999_999)));
        for text in ["", "m", "+1S", "123456789S", "1", "1x", "1é"] {
            assert_eq!(parse_timeout(text), None, "{text}");
        }
    }
}
