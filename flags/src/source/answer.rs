//! An answer in the format of Unleash's `/api/client/features`, as text and as what it says.

use serde::Deserialize as _;
use serde_json::value::RawValue;
use unleash_types::client_features::ClientFeatures;

/// The text is kept because the types don't write everything that they read: an operator of a constraint that this build
/// does not know would come back as something that can't be read at all.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: Box<RawValue>,
    pub(super) features: ClientFeatures,
}

impl Answer {
    pub(super) fn new(text: Box<RawValue>) -> Result<Self, Place> {
        let features = ClientFeatures::deserialize(&*text)?;
        Ok(Self { text, features })
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Place> {
        Self::new(serde_json::from_slice(bytes)?)
    }
}

/// Where a text stops being what it should be. The text of a JSON error repeats what was read, however long that is and
/// whoever sent it: the place has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}")]
pub struct Place {
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for Place {
    fn from(error: serde_json::Error) -> Self {
        Self { line: error.line(), column: error.column() }
    }
}
