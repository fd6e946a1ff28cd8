//! Names of people: a username that nobody else has in any case, and the name they show.

use std::collections::HashSet;

use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::{random::chance, words};

/// Gives out names.
pub(super) struct Names {
    first: Vec<String>,
    last: Vec<String>,
    taken: HashSet<String>,
}

impl Names {
    pub(super) fn new(rng: &mut ChaCha8Rng) -> Self {
        Self {
            first: words::different(rng, 600, 2..=2),
            last: words::different(rng, 2500, 2..=3),
            taken: HashSet::new(),
        }
    }

    /// A username such as `mara_velin42` and a display name such as `Mara Velin`.
    pub(super) fn next(&mut self, rng: &mut ChaCha8Rng) -> (String, String) {
        loop {
            let first = self.first.choose(rng).map_or("", String::as_str);
            let last = self.last.choose(rng).map_or("", String::as_str);
            let joint = if chance(rng, 70) { "_" } else { "" };
            let number = if chance(rng, 60) { rng.random_range(1..1000).to_string() } else { String::new() };
            let username = format!("{first}{joint}{last}{number}");
            if self.taken.insert(username.clone()) {
                return (username, format!("{} {}", capitalised(first), capitalised(last)));
            }
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut word = word.to_owned();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    word
}
