//! The manifest as text: the same documents make the same bytes.

use nova_gateway::DocumentHash;
use serde_json::{Map, Value, json};

use super::assemble::Document;

/// Which tool's format a manifest has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Apollo's persisted query manifest.
    Apollo,
    /// Relay's map from ids to documents.
    Relay,
}

/// The manifest of `documents`, which are in the order of their names. Every id is the SHA-256 of its text.
pub(super) fn manifest(documents: &[Document], format: Format) -> String {
    let id = |document: &Document| DocumentHash::of(&document.text).to_string();
    let value = match format {
        Format::Apollo => {
            let operation = |it: &Document| json!({"id": id(it), "name": it.name, "type": it.kind, "body": it.text});
            let operations: Vec<_> = documents.iter().map(operation).collect();
            json!({"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations})
        }
        Format::Relay => {
            documents.iter().map(|it| (id(it), Value::from(it.text.as_str()))).collect::<Map<_, _>>().into()
        }
    };
    format!("{value:#}\n")
}
