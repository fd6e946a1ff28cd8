//! The store of automatic documents: what clients registered, by hash, within a bound of bytes. Two functions, `get` and
//! `put`: a second tier behind it changes nothing for anybody else. It takes a text's word for nothing: who puts has checked.
//!
//! Whoever sends documents can put. What keeps them from putting out everybody else's is moka's admission (`TinyLFU`): when it
//! is full, a newcomer takes a place only from what was asked for less often than itself, and a flood of documents that are asked
//! for once each has nothing to show. What is put out all the same costs its next caller one more round trip.

use std::sync::Arc;

use moka::sync::Cache;

use super::hash::DocumentHash;

/// Longest text that is kept, in bytes. Whoever sends longer documents sends them each time.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// What an entry takes beside its text: key, counts, links of the cache's lists. Measured: 370 to 440, for 100,000 of them.
const ENTRY_BYTES: usize = 440;

/// Texts by their hash.
pub(super) struct AutomaticDocuments {
    texts: Cache<DocumentHash, Arc<str>>,
    capacity: u64,
}

impl AutomaticDocuments {
    /// A store of at most about `capacity` bytes.
    pub(super) fn new(capacity: u64) -> Self {
        let weigh = |_: &DocumentHash, text: &Arc<str>| u32::try_from(text.len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        Self { texts: Cache::builder().max_capacity(capacity).weigher(weigh).build(), capacity }
    }

    /// The text with this hash.
    pub(super) fn get(&self, hash: DocumentHash) -> Option<Arc<str>> {
        self.texts.get(&hash)
    }

    /// Keeps `text`, whose hash this is. Says whether that is news.
    pub(super) fn put(&self, hash: DocumentHash, text: &str) -> bool {
        if text.len() > MAX_TEXT_BYTES || self.texts.contains_key(&hash) {
            return false;
        }
        self.texts.insert(hash, text.into());
        true
    }

    /// Texts that are kept, and their bytes.
    pub(super) fn size(&self) -> (u64, u64) {
        self.texts.run_pending_tasks();
        (self.texts.entry_count(), self.texts.weighted_size())
    }

    /// Keeps nothing of what it has.
    pub(super) fn clear(&self) {
        self.texts.invalidate_all();
        // Now, not with the next request: there may be none for a while.
        self.texts.run_pending_tasks();
    }

    /// The most it may keep, in bytes.
    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &AutomaticDocuments, text: &str) -> bool {
        store.put(DocumentHash::of(text), text)
    }

    fn has(store: &AutomaticDocuments, text: &str) -> bool {
        store.get(DocumentHash::of(text)).is_some_and(|kept| *kept == *text)
    }

    #[test]
    fn what_was_put_is_there_and_is_put_once() {
        let store = AutomaticDocuments::new(1 << 20);
        assert!(!has(&store, "{ a }"));
        assert!(put(&store, "{ a }") && !put(&store, "{ a }"));
        assert!(has(&store, "{ a }") && !has(&store, "{ b }"));
        assert_eq!(store.size(), (1, 5 + ENTRY_BYTES as u64));
    }

    #[test]
    fn it_stays_within_its_bytes_and_takes_no_giant() {
        let store = AutomaticDocuments::new(100_000);
        for n in 0..2_000 {
            put(&store, &format!("{{ a{n} {} }}", "b ".repeat(n % 50)));
        }
        let (entries, bytes) = store.size();
        assert!(entries > 10 && bytes <= store.capacity(), "{entries} entries, {bytes} bytes");
        store.clear();
        assert_eq!(store.texts.weighted_size(), 0);
        let giant = "x".repeat(MAX_TEXT_BYTES + 1);
        assert!(!put(&store, &giant) && !has(&store, &giant));
        let none = AutomaticDocuments::new(0);
        put(&none, "{ a }");
        assert_eq!(none.size(), (0, 0));
    }

    #[test]
    fn a_flood_does_not_put_out_what_is_asked_for() {
        let store = AutomaticDocuments::new(100 * (ENTRY_BYTES as u64 + 10));
        let popular: Vec<_> = (0..50).map(|n| format!("{{ pop{n:03} }}")).collect();
        assert!(popular.iter().all(|text| put(&store, text)));
        for n in 0..20_000 {
            put(&store, &format!("{{ j{n:05} }}"));
            if n % 20 == 0 {
                assert!(popular.iter().filter(|text| has(&store, text)).count() > 40);
            }
        }
        let left = popular.iter().filter(|text| has(&store, text)).count();
        assert!(left >= 45, "{left} of 50 are left after 20,000 others");
    }
}
