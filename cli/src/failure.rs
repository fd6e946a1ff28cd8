//! How a command ends when it does not succeed: what is said on stderr, and the exit code of sysexits.h that goes with it.

use std::{fmt::Display, io};

use crate::servers::ServerError;

/// Why a command gave up. The text says what to do about it where that is known.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for something that can't be (64).
    #[error("{0}")]
    Usage(String),
    /// A file that was named holds something else than it should (65).
    #[error("{0}")]
    Data(String),
    /// A file that was named is not there, or is not for us to read (66).
    #[error("{0}")]
    NoInput(String),
    /// The user that was named does not exist (67).
    #[error("{0}")]
    NoUser(String),
    /// Something that is needed is not there or does not answer (69).
    #[error("{0}")]
    Unavailable(String),
    /// A fault of the program's own (70).
    #[error("{0}")]
    Internal(String),
    /// A file could not be read or written (74).
    #[error("{0}")]
    Io(String),
    /// A setting has a wrong value (78).
    #[error("{0}")]
    Config(String),
    /// Ctrl-C came first (130).
    #[error("interrupted")]
    Interrupted,
    /// Another program has said what is wrong; its exit code is passed on.
    #[error("exit code {0}")]
    Exit(u8),
}

impl Failure {
    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::Data(_) => 65,
            Self::NoInput(_) => 66,
            Self::NoUser(_) => 67,
            Self::Unavailable(_) => 69,
            Self::Internal(_) => 70,
            Self::Io(_) => 74,
            Self::Config(_) => 78,
            Self::Interrupted => 130,
            Self::Exit(code) => *code,
        }
    }

    /// For `map_err` on file operations: `cannot <action>: <error>`.
    pub fn io(action: impl Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io(format!("cannot {action}: {error}"))
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Io { .. } => Self::Io(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(format!("the database: {error}"))
    }
}
