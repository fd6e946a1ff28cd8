//! What can go wrong between wanting a server and having one.

use std::{fs, io, path::Path, path::PathBuf};

/// Why there is no server. The text says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No usable binaries, and none could be fetched.
    #[error("{0}")]
    Missing(String),
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A program ended that should not have, or not so.
    #[error("{program} failed ({status}); the end of {log}:\n{tail}", log = log.display())]
    Failed {
        /// Which program.
        program: &'static str,
        /// How it ended.
        status: String,
        /// Where it wrote.
        log: PathBuf,
        /// The last lines it wrote.
        tail: String,
    },
    /// It runs, but does not answer.
    #[error("{program} did not answer within {seconds} s; its log is {log}", log = log.display())]
    Silent {
        /// Which program.
        program: &'static str,
        /// How long was waited.
        seconds: u64,
        /// Where it writes.
        log: PathBuf,
    },
    /// Somebody else was faster to take its port.
    #[error("{program}: port {port} of 127.0.0.1 is taken")]
    PortTaken {
        /// Which program.
        program: &'static str,
        /// Which port.
        port: u16,
    },
    /// It answers, but not to us.
    #[error("{0}")]
    Refused(String),
    /// It answers, but not as it should.
    #[error("the database server: {0}")]
    Database(#[from] sqlx::Error),
}

impl ServerError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn failed(program: &'static str, status: &impl ToString, log: &Path) -> Self {
        Self::Failed { program, status: status.to_string(), log: log.to_owned(), tail: tail(log, 12) }
    }

    /// Whether somebody else was faster to take the port.
    pub(crate) fn is_taken_port(&self) -> bool {
        match self {
            Self::PortTaken { .. } => true,
            Self::Failed { tail, .. } => tail.contains("Address already in use"),
            _ => false,
        }
    }
}

/// The last `lines` lines of a log.
pub(crate) fn tail(log: &Path, lines: usize) -> String {
    let text = fs::read(log).map(|raw| String::from_utf8_lossy(&raw).into_owned()).unwrap_or_default();
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
