//! What an error says of the server, and of the connection that it came on. Only what the server owes everybody is its
//! failure; never what a statement asked for.

use std::borrow::Cow;

use nova_guard::Permit;
use sqlx::{
    Error,
    postgres::{PgDatabaseError, PgSeverity},
};

/// What a call that failed counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The server did not do its part.
    Failed,
    /// It answered: with a refusal of what it was asked.
    Answered,
    /// It was late, and the server is well.
    Late,
    /// It says nothing: calls were in each other's way.
    Ignored,
}

impl Verdict {
    /// Tells the breaker.
    pub(crate) fn tell(self, permit: Permit<'_>) {
        match self {
            Self::Failed => permit.failed(),
            Self::Answered => permit.answered(),
            // As one that its caller left.
            Self::Late => drop(permit),
            Self::Ignored => permit.ignored(),
        }
    }
}

fn code(error: &Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code)
}

/// What a call that ended with `error` counts as.
pub(crate) fn verdict(error: &Error) -> Verdict {
    match error {
        Error::Io(_) | Error::Tls(_) => Verdict::Failed,
        _ => match code(error).as_deref() {
            // Too many connections; the server goes down, comes up, or lost us.
            Some("53300" | "57P01" | "57P02" | "57P03" | "57P04" | "57P05") => Verdict::Failed,
            Some(code) if code.starts_with("08") => Verdict::Failed,
            // Serialization failure and deadlock.
            Some("40001" | "40P01") => Verdict::Ignored,
            _ => Verdict::Answered,
        },
    }
}

/// Whether `error`, of an attempt to connect, says that nobody is let in.
pub(super) fn refuses(error: &Error) -> bool {
    matches!(error, Error::Io(_)) || matches!(code(error).as_deref(), Some("57P01" | "57P02" | "57P03"))
}

/// Whether `error` is that we did not wait any longer.
pub(super) fn is_late(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut)
}

/// Whether `error`, of a statement, may be the first sign that the server is going: somebody is to look at once. One
/// session may also have been ended alone.
pub(super) fn is_suspicious(error: &Error) -> bool {
    refuses(error)
}

/// Whether the server is there, though it does not let us in: all its connections are taken.
pub(super) fn is_full(error: &Error) -> bool {
    code(error).as_deref() == Some("53300")
}

/// Whether the connection can be used again after `error`.
pub(super) fn leaves_usable(error: &Error) -> bool {
    let Error::Database(error) = error else { return false };
    // The server has become a replica; its plan, or its statement, is not what we take it for any more: a new connection
    // begins afresh.
    if matches!(error.code().as_deref(), Some("25006" | "0A000" | "26000")) {
        return false;
    }
    let severity = error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
    severity == Some(PgSeverity::Error)
}
