//! Words that can be pronounced, and sentences of them: few words are frequent and most are rare, as in speech, so that a
//! search finds something to rank. Never a word on purpose: the vocabulary is made from syllables.

use std::{collections::HashSet, ops::RangeInclusive};

use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::SeedError;
use super::random::{Part, Picker, numbers, zipf};

const ONSETS: [&str; 24] = [
    "b", "br", "c", "d", "dr", "f", "g", "gl", "h", "j", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v", "w",
    "z", "",
];
const VOWELS: [&str; 14] = ["a", "a", "a", "e", "e", "e", "i", "i", "o", "o", "u", "ea", "ia", "ou"];
const ENDS: [&str; 14] = ["", "", "", "", "", "", "", "", "n", "n", "r", "l", "s", "m"];

/// Words in the vocabulary.
const VOCABULARY: usize = 4000;

/// A word of `syllables` syllables, appended to `text`.
fn word(rng: &mut ChaCha8Rng, syllables: usize, text: &mut String) {
    for _ in 0..syllables {
        for sounds in [&ONSETS[..], &VOWELS, &ENDS] {
            text.push_str(sounds.choose(rng).copied().unwrap_or_default());
        }
    }
}

/// `count` different words, each of so many `syllables`.
pub(super) fn different(rng: &mut ChaCha8Rng, count: usize, syllables: RangeInclusive<usize>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut words = Vec::with_capacity(count);
    while words.len() < count {
        let mut new = String::new();
        let syllables = rng.random_range(syllables.clone());
        word(rng, syllables, &mut new);
        if seen.insert(new.clone()) {
            words.push(new);
        }
    }
    words
}

/// The words that posts, comments and bios are made of.
pub(super) struct Vocabulary {
    words: Vec<String>,
    by_frequency: Picker,
}

impl Vocabulary {
    pub(super) fn new(seed: u64) -> Result<Self, SeedError> {
        let mut words = different(&mut numbers(seed, Part::Words), VOCABULARY, 1..=3);
        // What is said often is short.
        words.sort_by_key(String::len);
        let by_frequency = Picker::new(zipf(u32::try_from(VOCABULARY).unwrap_or(u32::MAX), 1.0))?;
        Ok(Self { words, by_frequency })
    }

    /// Writes `sentences` sentences of 4 to 12 words into `text`, which is cleared first.
    pub(super) fn write(&self, rng: &mut ChaCha8Rng, sentences: usize, text: &mut String) {
        text.clear();
        for _ in 0..sentences {
            if !text.is_empty() {
                text.push(' ');
            }
            let start = text.len();
            for position in 0..rng.random_range(4..=12) {
                if position > 0 {
                    text.push(' ');
                }
                text.push_str(&self.words[self.by_frequency.one(rng)]);
            }
            if let Some(first) = text.get_mut(start..=start) {
                first.make_ascii_uppercase();
            }
            text.push(if rng.random_range(0..8) == 0 { '!' } else { '.' });
        }
    }
}
