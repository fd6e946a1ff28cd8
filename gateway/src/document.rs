//! The document cache: a document that was seen lately is neither parsed nor measured again. Keyed by the document's whole text,
//! so that two documents never share an entry. What goes no further is remembered too.

use std::sync::Arc;

use moka::sync::Cache;

use crate::{
    guard::{Guard, Prepared, Unfit},
    metrics::Metrics,
};

/// Longest text that is kept, in bytes: whoever sends longer documents pays for the parse.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// What a parsed document weighs at most, per byte of its text. Measured: 20 for an operation that is laid out for people,
/// 46 for the same without its spaces, 255 for one that is nothing but nested one-letter fields, and this must hold for
/// whatever somebody sends.
const WEIGHT_PER_BYTE: usize = 256;
/// What an entry weighs before its first byte.
const WEIGHT_PER_ENTRY: usize = 1024;

/// A document that can be executed, or why it can't.
pub(crate) type Looked = Result<Prepared, Unfit>;

/// Documents by their text.
pub(crate) struct DocumentCache {
    guard: Guard,
    entries: Cache<Arc<str>, Arc<Looked>>,
    capacity: u64,
}

impl DocumentCache {
    /// A cache of at most about `capacity` bytes, of documents that `guard` prepares.
    pub(crate) fn new(guard: Guard, capacity: u64) -> Self {
        let weigh = |text: &Arc<str>, _: &Arc<Looked>| {
            u32::try_from(text.len() * WEIGHT_PER_BYTE + WEIGHT_PER_ENTRY).unwrap_or(u32::MAX)
        };
        Self { guard, entries: Cache::builder().max_capacity(capacity).weigher(weigh).build(), capacity }
    }

    /// The document that `text` is.
    pub(crate) fn look_up(&self, text: &str, metrics: &Metrics) -> Arc<Looked> {
        if let Some(found) = self.entries.get(text) {
            metrics.document_hits.inc();
            return found;
        }
        metrics.document_misses.inc();
        let found = Arc::new(self.guard.prepare(text));
        if text.len() <= MAX_TEXT_BYTES {
            self.entries.insert(text.into(), Arc::clone(&found));
        }
        found
    }

    /// Documents that are kept, and their estimated bytes. For an operator who looks, not for the way of a request.
    pub(crate) fn size(&self) -> (u64, u64) {
        self.entries.run_pending_tasks();
        (self.entries.entry_count(), self.entries.weighted_size())
    }

    /// Keeps nothing of what it has.
    pub(crate) fn clear(&self) {
        self.entries.invalidate_all();
        // Now, not with the next look-up: there may be none for a while.
        self.entries.run_pending_tasks();
    }

    /// The most it may keep, in estimated bytes.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;

    fn guard() -> Guard {
        Guard::new(&nova_resolvers::sdl()).unwrap()
    }

    #[test]
    fn a_document_is_parsed_once_and_so_is_one_that_is_none() {
        let metrics = Metrics::register(&mut Registry::default());
        let cache = DocumentCache::new(guard(), 1 << 20);
        for text in ["{ a }", "{ a"] {
            let first = cache.look_up(text, &metrics);
            assert!(Arc::ptr_eq(&first, &cache.look_up(text, &metrics)), "{text}");
        }
        assert!(cache.look_up("{ a }", &metrics).is_ok() && cache.look_up("{ a", &metrics).is_err());
        assert_eq!((metrics.document_hits.get(), metrics.document_misses.get()), (4, 2));
    }

    #[test]
    fn it_stays_within_its_bytes() {
        let metrics = Metrics::register(&mut Registry::default());
        let cache = DocumentCache::new(guard(), 100_000);
        for n in 0..1_000 {
            cache.look_up(&format!("{{ a{n} }}"), &metrics);
        }
        cache.look_up(&format!("{{ {} }}", "a ".repeat(MAX_TEXT_BYTES)), &metrics);
        let (entries, bytes) = cache.size();
        assert!(entries > 10 && bytes <= cache.capacity(), "{entries} entries, {bytes} bytes");
        cache.clear();
        assert_eq!(cache.entries.weighted_size(), 0);
    }
}
