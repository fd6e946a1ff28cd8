//! What one run saw: how many answers of each kind, how late, and what went wrong.

use std::time::Duration;

use hdrhistogram::Histogram;

/// What one run, or a part of it, saw.
pub(crate) struct Outcome {
    /// In microseconds, by kind of request.
    latencies: Vec<Histogram<u64>>,
    /// Right answers.
    pub(crate) answered: u32,
    /// No answer, another status than 200, or errors in it.
    pub(crate) failed: u32,
    /// Answers without errors to something else than what was asked.
    pub(crate) wrong: u32,
    bytes: f64,
    pub(crate) took: Duration,
}

#[expect(clippy::expect_used, reason = "`new` refuses more than five significant digits, and nothing else")]
fn empty() -> Histogram<u64> {
    Histogram::new(3).expect("three significant digits")
}

impl Outcome {
    pub(crate) fn none(kinds: usize) -> Self {
        let latencies = (0..kinds).map(|_| empty()).collect();
        Self { latencies, answered: 0, failed: 0, wrong: 0, bytes: 0.0, took: Duration::ZERO }
    }

    /// A right answer of `bytes` bytes.
    pub(crate) fn answer(&mut self, kind: usize, bytes: usize, took: Duration) {
        self.answered += 1;
        self.bytes += f64::from(u32::try_from(bytes).unwrap_or(u32::MAX));
        if let Some(latencies) = self.latencies.get_mut(kind) {
            // It grows as needed: nothing is too large for it.
            let _ = latencies.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.wrong += other.wrong;
        self.bytes += other.bytes;
        for (all, some) in self.latencies.iter_mut().zip(&other.latencies) {
            // Both resize as needed, so there is nothing that would not fit.
            let _ = all.add(some);
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        f64::from(self.answered) / self.took.as_secs_f64()
    }

    pub(crate) fn mean_bytes(&self) -> f64 {
        self.bytes / f64::from(self.answered.max(1))
    }

    /// How many of a hundred requests have no right answer.
    pub(crate) fn error_percent(&self) -> f64 {
        let bad = self.failed + self.wrong;
        100.0 * f64::from(bad) / f64::from((bad + self.answered).max(1))
    }

    /// Right answers of one kind.
    pub(crate) fn answered_of(&self, kind: usize) -> u64 {
        self.latencies.get(kind).map_or(0, Histogram::len)
    }

    /// Of all right answers.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        let mut all = empty();
        for latencies in &self.latencies {
            let _ = all.add(latencies);
        }
        ms(&all, quantile)
    }

    /// Of the right answers of one kind.
    pub(crate) fn kind_quantile_ms(&self, kind: usize, quantile: f64) -> f64 {
        self.latencies.get(kind).map_or(0.0, |latencies| ms(latencies, quantile))
    }
}

fn ms(latencies: &Histogram<u64>, quantile: f64) -> f64 {
    Duration::from_micros(latencies.value_at_quantile(quantile)).as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_saw_is_what_one_would_have_seen() {
        let (mut one, mut other) = (Outcome::none(2), Outcome::none(2));
        one.answer(0, 100, Duration::from_millis(10));
        other.answer(1, 300, Duration::from_millis(30));
        other.failed = 1;
        other.wrong = 1;
        one.add(&other);
        assert!((one.quantile_ms(1.0) - 30.0).abs() < 0.1 && (one.kind_quantile_ms(0, 1.0) - 10.0).abs() < 0.1);
        assert!((one.mean_bytes() - 200.0).abs() < 1e-9 && (one.error_percent() - 50.0).abs() < 1e-9);
    }
}
