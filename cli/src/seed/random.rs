//! Random numbers with a seed, and the shapes the network is drawn in: shares of a total, distinct picks, moments.
//!
//! Never draws from anything but the seed it was given: the same seed gives the same network.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{
    Distribution, Exp1, StandardNormal,
    weighted::{Error as WeightError, WeightedAliasIndex},
};
use uuid::{Builder, Uuid};

/// Microseconds since the Unix epoch, as Postgres keeps time.
pub(super) type Micros = i64;

pub(super) const MINUTE: Micros = 60_000_000;
pub(super) const HOUR: Micros = 60 * MINUTE;
pub(super) const DAY: Micros = 24 * HOUR;

/// What a stream of random numbers is for. Each has its own, so that a change in one part leaves the others alone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Shape = 1,
    Words,
    Users,
    Follows,
    Posts,
    Comments,
    Likes,
}

/// The random numbers of one part.
pub(super) fn numbers(seed: u64, part: Part) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(part as u64);
    rng
}

/// An id of the shape of a `UUIDv7`: the time in milliseconds, then random bits.
pub(super) fn id(rng: &mut ChaCha8Rng, at: Micros) -> Uuid {
    let mut bits = [0; 10];
    rng.fill_bytes(&mut bits);
    Builder::from_unix_timestamp_millis(u64::try_from(at / 1000).unwrap_or_default(), &bits).into_uuid()
}

/// A moment after `start` and before `end`.
pub(super) fn between(rng: &mut ChaCha8Rng, start: Micros, end: Micros) -> Micros {
    if end - start < 2 { start } else { rng.random_range(start + 1..end) }
}

/// A moment after `start` and before `end`: soon after `start`, by `mean` microseconds on average.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a delay of days, in microseconds")]
pub(super) fn soon(rng: &mut ChaCha8Rng, start: Micros, mean: Micros, end: Micros) -> Micros {
    let delay: f64 = Exp1.sample(rng);
    let at = start + 1 + (delay * mean as f64) as Micros;
    if at < end { at } else { between(rng, start, end) }
}

/// Whether something happens that happens to `percent` of a hundred.
pub(super) fn chance(rng: &mut ChaCha8Rng, percent: u32) -> bool {
    rng.random_range(0..100) < percent
}

/// Weights by Zipf's law: the item of rank `r`, from 1, weighs `1 / r^exponent`.
pub(super) fn zipf(items: u32, exponent: f64) -> Vec<f64> {
    (1..=items).map(|rank| f64::from(rank).powf(-exponent)).collect()
}

/// A weight with a long tail: most are near 1, few are hundreds.
pub(super) fn long_tail(rng: &mut ChaCha8Rng, spread: f64) -> f64 {
    let normal: f64 = StandardNormal.sample(rng);
    (normal * spread).exp()
}

/// Splits `total` in proportion to `weights`, at most `cap` each: the shares add up to `total`, or to what the caps hold.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "totals are far below 2^53, and rounding is what a share is"
)]
pub(super) fn shares(weights: &[f64], total: u64, cap: u32) -> Vec<u32> {
    let total = total.min(weights.len() as u64 * u64::from(cap));
    let per_weight = total as f64 / weights.iter().sum::<f64>();
    let (mut weighed, mut due, mut given) = (0.0, 0, 0);
    let mut shares: Vec<u32> = weights
        .iter()
        .map(|weight| {
            weighed += weight;
            let share = ((weighed * per_weight).round() as u64).min(total) - due;
            due += share;
            let share = share.min(u64::from(cap));
            given += share;
            share as u32
        })
        .collect();
    while given < total {
        for share in shares.iter_mut().filter(|share| **share < cap).take((total - given) as usize) {
            *share += 1;
            given += 1;
        }
    }
    shares
}

/// Picks indexes by weight.
pub(super) struct Picker {
    by_weight: WeightedAliasIndex<f64>,
    /// The round in which an index was last picked: a set that is emptied by counting up.
    picked: Vec<u32>,
    round: u32,
}

impl Picker {
    /// # Errors
    /// When there is nothing to pick from.
    pub(super) fn new(weights: Vec<f64>) -> Result<Self, WeightError> {
        Ok(Self { picked: vec![0; weights.len()], round: 0, by_weight: WeightedAliasIndex::new(weights)? })
    }

    /// One index.
    pub(super) fn one(&self, rng: &mut ChaCha8Rng) -> usize {
        self.by_weight.sample(rng)
    }

    /// `count` different indexes, none of them `except`, in ascending order; fewer when there are no more.
    pub(super) fn distinct(&mut self, rng: &mut ChaCha8Rng, count: u32, except: Option<usize>, into: &mut Vec<usize>) {
        into.clear();
        self.round += 1;
        if let Some(except) = except {
            self.picked[except] = self.round;
        }
        let count = count as usize;
        // By weight while that finds somebody new; a row of failures means that the popular ones are used up.
        let mut attempts = 8 * count + 64;
        while into.len() < count && attempts > 0 {
            attempts -= 1;
            let index = self.one(rng);
            self.take(index, into);
        }
        let start = rng.random_range(0..self.picked.len());
        for index in (start..self.picked.len()).chain(0..start) {
            if into.len() == count {
                break;
            }
            self.take(index, into);
        }
        into.sort_unstable();
    }

    fn take(&mut self, index: usize, into: &mut Vec<usize>) {
        if self.picked[index] != self.round {
            self.picked[index] = self.round;
            into.push(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_respect_the_cap() {
        for (total, cap, sum) in [(1000, 1000, 1000), (1000, 30, 1000), (1000, 5, 500), (0, 5, 0)] {
            let shares = shares(&zipf(100, 0.9), total, cap);
            assert_eq!(shares.iter().map(|share| u64::from(*share)).sum::<u64>(), sum);
            assert!(shares.iter().all(|share| *share <= cap));
        }
    }

    #[test]
    fn distinct_picks_are_distinct_down_to_the_last() {
        let mut rng = numbers(1, Part::Follows);
        let mut picker = Picker::new(zipf(200, 1.5)).unwrap();
        let mut picks = Vec::new();
        for count in [0, 1, 50, 199, 300] {
            picker.distinct(&mut rng, count, Some(7), &mut picks);
            assert_eq!(picks.len(), count.min(199) as usize);
            assert!(picks.is_sorted_by(|a, b| a < b) && !picks.contains(&7));
        }
    }

    #[test]
    fn ids_are_of_version_7_and_tell_their_time() {
        let id = id(&mut numbers(1, Part::Users), 1_800_000_000_123_456);
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.as_u128() >> 80, 1_800_000_000_123);
    }

    #[test]
    fn moments_lie_inside() {
        let mut rng = numbers(1, Part::Likes);
        for _ in 0..1000 {
            assert!((11..20).contains(&between(&mut rng, 10, 20)));
            assert!((11..20).contains(&soon(&mut rng, 10, 5, 20)));
        }
    }
}
