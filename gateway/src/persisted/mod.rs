//! Persisted documents: a request names a document instead of bringing it. *Trusted* ones come from the operator's manifest
//! and are there from the start; *automatic* ones are what clients registered, in a bounded store. Here a request's document
//! is found; nothing here parses or runs it, and HTTP is not known.

mod asked;
mod check;
mod hash;
mod manifest;
mod metrics;
mod store;

use std::{borrow::Cow, sync::Arc};

use nova_core::ErrorCode;
use nova_flags::Policy;
use prometheus_client::registry::Registry;

use self::asked::Reference;
pub(crate) use self::asked::{Asked, Ids};
pub use self::{
    check::{DocumentChecker, Finding},
    hash::DocumentHash,
    manifest::{Entry, MAX_MANIFEST_BYTES, Manifest, ManifestError},
};
use self::{
    metrics::{Outcome, PersistedMetrics},
    store::AutomaticDocuments,
};
use crate::guard::SchemaError;

/// The persisted documents of the process.
pub(crate) struct PersistedDocuments {
    manifest: Option<Manifest>,
    /// How many documents of the manifest the schema can't run.
    unfit: usize,
    automatic: AutomaticDocuments,
    metrics: PersistedMetrics,
}

/// A request's document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// The request brought it.
    Brought(Cow<'a, str>),
    /// The request brought it, with its hash: it is kept when it turns out to be a good one.
    ToKeep(Cow<'a, str>, DocumentHash),
    /// It was here.
    Kept(Arc<str>),
}

/// Why there is no document to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Nobody has registered this one, or it is not kept any more. The words are what Apollo's and urql's clients look for.
    #[error("PersistedQueryNotFound")]
    NotFound,
    /// Only whole documents are taken. The words are what clients look for.
    #[error("PersistedQueryNotSupported")]
    NotSupported,
    /// The hash is that of another document.
    #[error("extensions.persistedQuery.sha256Hash is not the SHA-256 of the document")]
    Mismatch,
    /// Only documents of the manifest run, and the request names none.
    #[error("only trusted documents run here: ask for one by its id, without sending a document")]
    NoId,
    /// Only documents of the manifest run, and this is none of them.
    #[error("only trusted documents run here, and none has this id")]
    NotTrusted,
}

impl Refused {
    pub(crate) fn code(self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::PersistedQueryNotFound,
            Self::NotSupported => ErrorCode::PersistedQueryNotSupported,
            Self::Mismatch => ErrorCode::BadUserInput,
            Self::NoId | Self::NotTrusted => ErrorCode::Forbidden,
        }
    }
}

impl Found<'_> {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Brought(text) | Self::ToKeep(text, _) => text,
            Self::Kept(text) => text,
        }
    }
}

impl PersistedDocuments {
    /// The documents of `manifest`, and a store of at most `automatic_bytes` for others. What the manifest has that the schema
    /// can't run is logged: it costs its own callers an error, and nobody else anything.
    ///
    /// # Errors
    /// When the schema can't be read.
    pub(crate) fn new(
        manifest: Option<Manifest>,
        automatic_bytes: u64,
        registry: &mut Registry,
    ) -> Result<Self, SchemaError> {
        let metrics = PersistedMetrics::register(registry);
        let mut unfit = 0;
        if let Some(manifest) = &manifest {
            let checker = DocumentChecker::new(false)?;
            for entry in manifest.entries() {
                if let Some(finding) = checker.check(&entry.text).into_iter().next() {
                    tracing::warn!(document = %entry, why = %finding.message, "a trusted document can't run");
                    unfit += 1;
                }
            }
            metrics.trusted(manifest.entries().len(), unfit);
        }
        Ok(Self { manifest, unfit, automatic: AutomaticDocuments::new(automatic_bytes), metrics })
    }

    /// Forgets the automatic ones.
    pub(crate) fn clear(&self) {
        self.automatic.clear();
    }

    /// The document that a request asks for.
    pub(crate) fn find<'a>(&self, asked: Asked<'a>, policy: &Policy) -> Result<Found<'a>, Refused> {
        let (outcome, found) = self.look(asked, policy);
        if let Some(outcome) = outcome {
            self.metrics.count(outcome);
        }
        found
    }

    fn look<'a>(&self, asked: Asked<'a>, policy: &Policy) -> (Option<Outcome>, Result<Found<'a>, Refused>) {
        let trusted_only = policy.documents_trusted_only();
        let Some(reference) = asked.reference() else {
            return match asked.into_text() {
                _ if trusted_only => (Some(Outcome::Untrusted), Err(Refused::NoId)),
                // What the flag would refuse: an operator looks here before it is switched on.
                text => (self.manifest.is_some().then_some(Outcome::Free), Ok(Found::Brought(text))),
            };
        };
        if let Some(text) = self.manifest.as_ref().and_then(|manifest| manifest.find(reference)) {
            return match asked.text() {
                Some(brought) if *brought != **text => (Some(Outcome::Mismatch), Err(Refused::Mismatch)),
                _ => (Some(Outcome::Trusted), Ok(Found::Kept(Arc::clone(text)))),
            };
        }
        let automatic = policy.documents_automatic();
        match reference {
            _ if trusted_only => (Some(Outcome::Untrusted), Err(Refused::NotTrusted)),
            Reference::Hash(hash) if automatic => self.look_automatic(*hash, asked),
            // With a manifest an unknown id is a mistake. Without one, and for a hash, there is nothing to ask for at all.
            Reference::Id(_) if self.manifest.is_some() => (Some(Outcome::Missing), Err(Refused::NotFound)),
            Reference::Id(_) | Reference::Hash(_) if asked.text().is_none() => {
                (Some(Outcome::Unsupported), Err(Refused::NotSupported))
            }
            Reference::Id(_) | Reference::Hash(_) => (None, Ok(Found::Brought(asked.into_text()))),
        }
    }

    fn look_automatic<'a>(
        &self,
        hash: DocumentHash,
        asked: Asked<'a>,
    ) -> (Option<Outcome>, Result<Found<'a>, Refused>) {
        match asked.text() {
            None => match self.automatic.get(hash) {
                Some(text) => (Some(Outcome::Found), Ok(Found::Kept(text))),
                None => (Some(Outcome::Missing), Err(Refused::NotFound)),
            },
            Some(text) if DocumentHash::of(text) != hash => (Some(Outcome::Mismatch), Err(Refused::Mismatch)),
            Some(_) => (None, Ok(Found::ToKeep(asked.into_text(), hash))),
        }
    }

    /// Keeps a document that came with its hash, now that it was accepted: what does not parse, is too large or does not fit
    /// the schema never gets here, so that junk takes nobody's place.
    pub(crate) fn keep(&self, found: &Found<'_>) {
        if let Found::ToKeep(text, hash) = found
            && self.automatic.put(*hash, text)
        {
            self.metrics.count(Outcome::Registered);
        }
    }

    /// How much of it there is. For an operator who looks, not for the way of a request.
    pub(crate) fn sizes(&self) -> Sizes {
        let (entries, bytes) = self.automatic.size();
        Sizes {
            trusted: self.manifest.as_ref().map(|manifest| manifest.entries().len()),
            unfit: self.unfit,
            automatic_entries: entries,
            automatic_bytes: bytes,
            automatic_max_bytes: self.automatic.capacity(),
        }
    }
}

/// How many documents are kept, and in how many bytes.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sizes {
    /// Documents of the manifest; none when there is no manifest.
    trusted: Option<usize>,
    /// How many of them the schema can't run.
    unfit: usize,
    automatic_entries: u64,
    automatic_bytes: u64,
    automatic_max_bytes: u64,
}

#[cfg(test)]
mod tests;
