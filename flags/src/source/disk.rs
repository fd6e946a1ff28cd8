//! The last good copy on disk, which a process starts with while Unleash is away.
//!
//! A copy is there as a whole or not at all, whoever writes at the same time: it is written beside its place and moved there.
//! It says where it is from, and serves nobody else. Whatever goes wrong here costs a warning and is counted: flags go on
//! without a copy.

use std::{
    fmt, fs,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tempfile::NamedTempFile;

use super::{
    answer::{Answer, Place},
    file,
};
use crate::Refused;

/// The format that is written and read.
const FORMAT: u32 = 1;

/// Where a copy is, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct DiskCopy {
    path: PathBuf,
    origin: Origin,
}

/// Where flags are from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) url: String,
    pub(super) environment: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment {:.100} at {:.200}", self.environment, self.url)
    }
}

/// Why a copy is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it can't be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it can't be read in time")]
    Hanging,
    #[error("it is damaged, or something else ({0})")]
    Corrupt(#[from] Place),
    #[error("its format is {0}, and this build reads format {FORMAT}")]
    Format(u32),
    #[error(
        "it is of {found}, and the flags are to be of {expected}: two environments can't share one NOVA_FLAGS_CACHE"
    )]
    Foreign { found: Box<Origin>, expected: Box<Origin> },
    #[error(transparent)]
    Refused(#[from] Refused),
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    origin: &'a Origin,
    features: &'a RawValue,
}

#[derive(Deserialize)]
struct Read {
    origin: Origin,
    features: Box<RawValue>,
}

impl DiskCopy {
    pub(super) fn new(path: PathBuf, origin: Origin) -> Self {
        Self { path, origin }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it; `None` when there is none yet. Blocks.
    pub(super) fn read(&self) -> Result<Option<Answer>, Unusable> {
        let bytes = match file::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Head { format } = serde_json::from_slice(&bytes)?;
        if format != FORMAT {
            return Err(Unusable::Format(format));
        }
        let Read { origin, features } = serde_json::from_slice(&bytes)?;
        if origin != self.origin {
            return Err(Unusable::Foreign { found: Box::new(origin), expected: Box::new(self.origin.clone()) });
        }
        Ok(Some(Answer::new(features)?))
    }

    /// Writes it, for its owner's eyes only. Blocks.
    pub(super) fn write(&self, features: &RawValue) -> io::Result<()> {
        // A temporary file names itself in its errors, by another name each time: one cause is to be one message.
        self.put(features).map_err(|error| if error.raw_os_error().is_some() { error } else { error.kind().into() })
    }

    fn put(&self, features: &RawValue) -> io::Result<()> {
        let directory = match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        // A name of its own, mode 600, and gone again if it does not get to its place.
        let mut beside = NamedTempFile::with_prefix_in(".nova-flags-", directory)?;
        let text = serde_json::to_vec(&Written { format: FORMAT, origin: &self.origin, features })?;
        beside.write_all(&text)?;
        beside.as_file().sync_all()?;
        beside.persist(&self.path).map_err(|error| error.error)?;
        // The move is kept, too.
        fs::File::open(directory)?.sync_all()
    }
}

impl From<serde_json::Error> for Unusable {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.into())
    }
}

#[cfg(test)]
mod tests;
