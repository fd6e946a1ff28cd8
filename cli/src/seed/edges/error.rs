//! What is wrong with an edge list, in words that say where.

use std::{io, path::PathBuf};

use super::line::Malformed;

/// Bytes of a malformed line that are shown.
const SHOWN: usize = 60;

/// Why an edge list is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct EdgeError {
    pub(super) path: PathBuf,
    pub(super) fault: Fault,
}

impl EdgeError {
    /// There is no such file, or it is not for us to read.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.fault, Fault::Open(_))
    }

    /// The file is there, and reading it failed.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self.fault, Fault::Read(_))
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("cannot open it: {0}")]
    Open(io::Error),
    #[error("cannot read it: {0}")]
    Read(io::Error),
    #[error("the gzip data are damaged or end too early: {0}")]
    Gzip(io::Error),
    #[error("line {0} is not text: an edge list is text, plain or compressed with gzip")]
    Binary(u64),
    #[error("line {number} is longer than {most} bytes")]
    LongLine { number: u64, most: u64 },
    #[error("line {number} is not an edge, {malformed}: {text}")]
    Malformed { number: u64, malformed: Malformed, text: String },
    #[error("there is no edge in it ({lines} lines)")]
    NoEdge { lines: u64 },
    #[error("more than {0} lines")]
    ManyLines(u64),
    #[error("more than {0} different numbers")]
    ManyUsers(u32),
    #[error("interrupted")]
    Stopped,
}

impl Fault {
    /// What is wrong with line `number`. Its text comes escaped, and cut where it is long.
    pub(super) fn malformed(number: u64, text: &[u8], malformed: Malformed) -> Self {
        let strange = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
        if text.iter().any(strange) || std::str::from_utf8(text).is_err() {
            return Self::Binary(number);
        }
        let text = text.trim_ascii_end();
        let shown = &text[..text.len().min(SHOWN)];
        let more = if shown.len() < text.len() { " ..." } else { "" };
        Self::Malformed { number, malformed, text: format!("\"{}\"{more}", shown.escape_ascii()) }
    }
}
