//! The one shape of an answer, whatever message it came in: of a key that was read, and of a write.

use nova_core::ErrorCode;

use crate::v1;

/// What a source says of one key: found, absent (`None`) or failed.
pub type Answer<T> = Result<Option<T>, KeyFailure>;

/// Why a key has no answer, or a write was not done, as the code that a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyFailure(pub ErrorCode);

/// A result message of `nova.v1` as an [`Answer`].
pub trait IntoAnswer {
    /// What `found` holds.
    type Found;

    /// The answer.
    ///
    /// # Errors
    /// The key's failure; INTERNAL for a message without an outcome.
    fn into_answer(self) -> Answer<Self::Found>;

    /// The message that says `answer`.
    fn from_answer(answer: Answer<Self::Found>) -> Self;
}

impl From<v1::FailureCode> for KeyFailure {
    fn from(code: v1::FailureCode) -> Self {
        Self(match code {
            v1::FailureCode::InvalidKey => ErrorCode::InvalidId,
            v1::FailureCode::Unauthenticated => ErrorCode::Unauthenticated,
            v1::FailureCode::Unavailable => ErrorCode::UpstreamUnavailable,
            v1::FailureCode::Timeout => ErrorCode::Timeout,
            v1::FailureCode::NotFound => ErrorCode::NotFound,
            v1::FailureCode::Forbidden => ErrorCode::Forbidden,
            v1::FailureCode::Conflict => ErrorCode::Conflict,
            v1::FailureCode::OutcomeUnknown => ErrorCode::OutcomeUnknown,
            v1::FailureCode::Internal | v1::FailureCode::Unspecified => ErrorCode::Internal,
        })
    }
}

impl From<KeyFailure> for v1::FailureCode {
    fn from(failure: KeyFailure) -> Self {
        match failure.0 {
            ErrorCode::InvalidId | ErrorCode::BadUserInput => Self::InvalidKey,
            ErrorCode::Unauthenticated => Self::Unauthenticated,
            ErrorCode::UpstreamUnavailable => Self::Unavailable,
            ErrorCode::Timeout => Self::Timeout,
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::Forbidden => Self::Forbidden,
            ErrorCode::Conflict => Self::Conflict,
            ErrorCode::OutcomeUnknown => Self::OutcomeUnknown,
            _ => Self::Internal,
        }
    }
}

macro_rules! answers {
    ($($result:ident, $module:ident, $found:ty;)*) => {$(
        impl IntoAnswer for v1::$result {
            type Found = $found;

            fn into_answer(self) -> Answer<$found> {
                match self.outcome {
                    Some(v1::$module::Outcome::Found(found)) => Ok(Some(found)),
                    Some(v1::$module::Outcome::Absent(_)) => Ok(None),
                    Some(v1::$module::Outcome::Failed(failure)) => Err(failure.code().into()),
                    None => Err(KeyFailure(ErrorCode::Internal)),
                }
            }

            fn from_answer(answer: Answer<$found>) -> Self {
                Self {
                    outcome: Some(match answer {
                        Ok(Some(found)) => v1::$module::Outcome::Found(found),
                        Ok(None) => v1::$module::Outcome::Absent(v1::Absent {}),
                        Err(failure) => v1::$module::Outcome::Failed(v1::Failure {
                            code: v1::FailureCode::from(failure).into(),
                        }),
                    }),
                }
            }
        }
    )*};
}

answers! {
    UserResult, user_result, v1::User;
    PostResult, post_result, v1::Post;
    CommentResult, comment_result, v1::Comment;
    PostPageResult, post_page_result, v1::PostPage;
    CommentPageResult, comment_page_result, v1::CommentPage;
    EdgePageResult, edge_page_result, v1::EdgePage;
    FollowCountsResult, follow_counts_result, v1::FollowCounts;
    CountResult, count_result, i64;
    BoolResult, bool_result, bool;
}

/// The response message of a write as a result.
pub trait IntoWritten {
    /// What `written` holds.
    type Written;

    /// What was written.
    ///
    /// # Errors
    /// Why nothing was; `OUTCOME_UNKNOWN` for a message without an outcome.
    fn into_written(self) -> Result<Self::Written, KeyFailure>;

    /// The message that says `outcome`.
    fn from_written(outcome: Result<Self::Written, KeyFailure>) -> Self;
}

macro_rules! writes {
    ($($response:ident, $module:ident, $written:ty;)*) => {$(
        impl IntoWritten for v1::$response {
            type Written = $written;

            fn into_written(self) -> Result<$written, KeyFailure> {
                match self.outcome {
                    Some(v1::$module::Outcome::Written(written)) => Ok(written),
                    Some(v1::$module::Outcome::Failed(failure)) => Err(failure.code().into()),
                    None => Err(KeyFailure(ErrorCode::OutcomeUnknown)),
                }
            }

            fn from_written(outcome: Result<$written, KeyFailure>) -> Self {
                Self {
                    outcome: Some(match outcome {
                        Ok(written) => v1::$module::Outcome::Written(written),
                        Err(failure) => v1::$module::Outcome::Failed(v1::Failure {
                            code: v1::FailureCode::from(failure).into(),
                        }),
                    }),
                }
            }
        }
    )*};
}

writes! {
    UserWriteResponse, user_write_response, v1::User;
    PostWriteResponse, post_write_response, v1::Post;
    CommentWriteResponse, comment_write_response, v1::Comment;
    EdgeResult, edge_result, v1::EdgeWritten;
}
