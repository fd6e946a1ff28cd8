//! What can go wrong with a source.

use std::time::Duration;

use http::StatusCode;

use super::{answer::Place, transport::MAX_BODY_BYTES};
use crate::Refused;

/// Why Unleash's answer is of no use. What was in use before stays.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// No connection, or it broke.
    #[error("Unleash does not answer: {0}")]
    Unreachable(String),
    /// The answer was not there in time, to its last byte.
    #[error("no answer of Unleash within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The token opens nothing there.
    #[error("UNLEASH_TOKEN was refused by Unleash ({}): it takes a client (backend) token that still exists", .0.as_u16())]
    Denied(StatusCode),
    /// The answer is no success. Redirects are not followed: `UNLEASH_URL` is to be the right one.
    #[error("Unleash answers {0}")]
    Status(StatusCode),
    /// More than anybody's flags take.
    #[error("the answer of Unleash has more than {} MiB", MAX_BODY_BYTES >> 20)]
    TooLarge,
    /// It is no list of flags. Nothing of it is repeated here.
    #[error("the answer of Unleash is no list of flags ({0})")]
    Garbage(#[from] Place),
    /// A list of flags that was not taken in.
    #[error("the answer of Unleash was refused: {0}")]
    Refused(#[from] Refused),
}

impl SyncError {
    /// In a word, for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Timeout(_) => "timeout",
            Self::Denied(_) | Self::Status(_) => "status",
            Self::TooLarge => "too_large",
            Self::Garbage(_) | Self::Refused(Refused::Engine(_)) => "garbage",
            Self::Refused(Refused::Foreign(_)) => "foreign",
        }
    }
}

impl From<anyhow::Error> for SyncError {
    /// What Unleash's client makes of an error of the transport, or of an answer that it can't read.
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(error) => match error.downcast::<serde_json::Error>() {
                Ok(error) => Self::Garbage(error.into()),
                Err(error) => Self::Unreachable(error.to_string()),
            },
        }
    }
}

/// Unleash says that nothing has changed since the answer that was accepted last. That is no failure.
#[derive(Debug, thiserror::Error)]
#[error("not modified")]
pub struct NotModified;

/// Something that an operator has set is wrong. The message names the variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);
