//! Why a call has no answer, and what that says: of the upstream, to the next attempt, to the client.

use std::error::Error as _;

use nova_core::ErrorCode;
use nova_proto::metadata;
use tonic::{Code, ConnectError, Status};

/// A call without an answer.
#[derive(Debug)]
pub enum CallError {
    /// The breaker is open; nothing was sent.
    Broken,
    /// As many calls are under way as there may be; nothing was sent.
    Full,
    /// There was no answer by the deadline.
    Late,
    /// The upstream, or the way to it, said this.
    Said(Status),
}

/// What the end of an attempt says of the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It did its part.
    Answered,
    /// It did not, and somebody else may.
    Failed,
    /// It says nothing.
    Ignored,
}

impl CallError {
    /// Only what is wrong with the service or the way to it counts against it: never what it says of a request.
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Broken | Self::Full => Verdict::Ignored,
            Self::Late => Verdict::Failed,
            Self::Said(status) => match status.code() {
                // It is well itself, and says at once that its store is not.
                _ if is_refusal(status) => Verdict::Ignored,
                Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted => {
                    Verdict::Failed
                }
                // The stream broke; as a word of the service's own it would have no cause.
                Code::Internal | Code::Unknown if broke(status) => Verdict::Failed,
                // An answer that is too large, or a fault that one request provokes, must not close the way for all.
                Code::Internal | Code::Unknown | Code::OutOfRange | Code::DataLoss => Verdict::Ignored,
                _ => Verdict::Answered,
            },
        }
    }

    /// Whether another attempt may be answered: what was refused here stays refused, and what came too late leaves no time.
    pub(super) fn may_retry(&self) -> bool {
        match self {
            Self::Broken | Self::Full | Self::Late => false,
            Self::Said(status) => {
                // A connection that ended because of too many cancelled calls says RESOURCE_EXHAUSTED; so may a service.
                let exhausted = status.code() == Code::ResourceExhausted && !broke(status);
                self.verdict() == Verdict::Failed && status.code() != Code::DeadlineExceeded && !exhausted
            }
        }
    }

    /// Whether the endpoint refused by a guard of its own, before it did anything.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Said(status) if is_refusal(status))
    }

    /// What a client is told of a read.
    pub(crate) fn of_read(&self) -> ErrorCode {
        match self {
            Self::Broken | Self::Full => ErrorCode::UpstreamUnavailable,
            Self::Late => ErrorCode::Timeout,
            Self::Said(status) => match status.code() {
                Code::DeadlineExceeded => ErrorCode::Timeout,
                Code::Unauthenticated => ErrorCode::Unauthenticated,
                Code::PermissionDenied => ErrorCode::Forbidden,
                _ => ErrorCode::UpstreamUnavailable,
            },
        }
    }

    /// What a client is told of a write: that nothing was done, only where that is known. It is when the write never left, or
    /// was refused before it began.
    pub(crate) fn of_write(&self) -> ErrorCode {
        match self {
            Self::Broken | Self::Full => ErrorCode::UpstreamUnavailable,
            Self::Late => ErrorCode::OutcomeUnknown,
            Self::Said(status) => match status.code() {
                Code::Unauthenticated => ErrorCode::Unauthenticated,
                Code::InvalidArgument => ErrorCode::BadUserInput,
                // The service has no such call, or can't check tokens yet.
                Code::Unimplemented | Code::FailedPrecondition => ErrorCode::UpstreamUnavailable,
                _ if never_left(status) => ErrorCode::UpstreamUnavailable,
                _ => ErrorCode::OutcomeUnknown,
            },
        }
    }
}

/// Whether the service refused by a guard of its own, before it did anything.
fn is_refusal(status: &Status) -> bool {
    status.metadata().contains_key(metadata::REFUSED)
}

/// Whether it is a word of the transport's, not of the service's.
fn broke(status: &Status) -> bool {
    status.source().is_some()
}

/// Whether there was no connection to send it on.
fn never_left(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: Code) -> CallError {
        CallError::Said(Status::new(code, ""))
    }

    #[test]
    fn what_a_service_says_of_a_request_never_counts_against_it() {
        for code in
            [Code::NotFound, Code::InvalidArgument, Code::Unauthenticated, Code::PermissionDenied, Code::Aborted]
        {
            assert_eq!(said(code).verdict(), Verdict::Answered, "{code:?}");
            assert!(!said(code).may_retry());
        }
        for code in [Code::Internal, Code::Unknown, Code::OutOfRange] {
            assert_eq!(said(code).verdict(), Verdict::Ignored, "{code:?}");
        }
        assert_eq!(said(Code::Unavailable).verdict(), Verdict::Failed);
        let mut refusal = Status::unavailable("");
        refusal.metadata_mut().insert(metadata::REFUSED, "store".parse().unwrap());
        let refusal = CallError::Said(refusal);
        assert_eq!((refusal.verdict(), refusal.may_retry()), (Verdict::Ignored, false));
        assert_eq!(refusal.of_read(), ErrorCode::UpstreamUnavailable);
    }

    #[test]
    fn a_guards_refusal_is_never_tried_again() {
        for refused in [CallError::Broken, CallError::Full, CallError::Late] {
            assert!(!refused.may_retry());
        }
        assert!(said(Code::Unavailable).may_retry());
    }

    #[test]
    fn what_was_sent_without_an_answer_is_not_known() {
        for code in [Code::Unavailable, Code::Cancelled, Code::DeadlineExceeded, Code::Internal, Code::Unknown] {
            assert_eq!(said(code).of_write(), ErrorCode::OutcomeUnknown, "{code:?}");
        }
        assert_eq!(CallError::Late.of_write(), ErrorCode::OutcomeUnknown);
        assert_eq!(said(Code::Unauthenticated).of_write(), ErrorCode::Unauthenticated);
        assert_eq!(said(Code::FailedPrecondition).of_write(), ErrorCode::UpstreamUnavailable);
    }

    #[test]
    fn what_never_left_was_not_done() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let status = Status::from_error(Box::new(ConnectError(Box::new(refused))));
        assert_eq!(CallError::Said(status).of_write(), ErrorCode::UpstreamUnavailable);
        assert_eq!(CallError::Broken.of_write(), ErrorCode::UpstreamUnavailable);
    }
}
