//! What a change of the contract does to the clients that build on it.
//!
//! `graphql-schema-diff` finds the changes; what it does not look at (`values`, `directives`) is found here, and each
//! change is judged here (docs/decisions/schema-changes.md).

mod changes;
mod directives;
mod document;
mod types;
mod values;

#[cfg(test)]
mod tests;

use serde::Serialize;

pub use document::SchemaError;

/// What a change does to clients. The worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Every operation is valid as before and means the same.
    Safe,
    /// Every operation is valid as before, and an answer may hold what the client does not know, or mean something else.
    Dangerous,
    /// An operation that was valid is not any more, or its answer lacks what was promised.
    Breaking,
}

impl Class {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Dangerous => "dangerous",
            Self::Breaking => "breaking",
        }
    }
}

/// A difference between two contracts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it does to clients.
    pub class: Class,
    /// What is changed: `Type.field(argument)`, `Enum.VALUE`, `@directive(argument)`, `schema.mutation`.
    pub path: String,
    /// How.
    pub change: String,
}

impl Change {
    fn new(class: Class, path: impl Into<String>, change: impl Into<String>) -> Self {
        Self { class, path: path.into(), change: change.into() }
    }
}

/// How contract `new` differs from contract `old`, the worst first.
///
/// # Errors
/// When one of them is not a schema.
pub fn compare(old: &str, new: &str) -> Result<Vec<Change>, SchemaError> {
    changes::changes(old, new)
}
