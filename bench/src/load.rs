//! How requests come: each connection asks again when it has its answer (closed), or they come at their own times, whether
//! or not the server keeps up (open).
//!
//! In an open loop the latency counts from the moment at which the request was meant to be sent: one that waits for a free
//! connection behind a slow answer is late, and is counted so (no coordinated omission).

use std::{cell::RefCell, time::Duration};

use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep_until};

use crate::{
    client::{Ask, Client, Connection},
    outcome::Outcome,
};

/// What is asked.
pub(crate) trait Scenario {
    /// The kinds of its requests.
    const KINDS: &'static [&'static str];

    /// The next request.
    fn next(&self, rng: &mut ChaCha8Rng) -> Ask;
}

/// How requests come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Load {
    /// So many connections, each with one request at a time.
    Closed { connections: usize },
    /// So many requests a second, at random and independent of each other (a Poisson process), over at most so many
    /// connections.
    Open { rate: f64, connections: usize },
}

impl Load {
    /// Asks for as long as `time`, and waits for the last answer.
    pub(crate) async fn run<S: Scenario>(self, client: &Client, scenario: &S, time: Duration, seed: u64) -> Outcome {
        let start = Instant::now();
        let (connections, rate) = match self {
            Self::Closed { connections } => (connections, None),
            Self::Open { rate, connections } => (connections, Some(rate)),
        };
        let arrivals = RefCell::new(Arrivals { next: start, end: start + time, rate, rng: rng(seed, u64::MAX) });
        let each = (0_u64..).take(connections).map(|connection| {
            let arrivals = &arrivals;
            let mut rng = rng(seed, connection);
            async move {
                let mut outcome = Outcome::none(S::KINDS.len());
                let mut connection = client.connect().await;
                loop {
                    let Some(intended) = arrivals.borrow_mut().take() else { return outcome };
                    if rate.is_some() {
                        sleep_until(intended).await;
                    }
                    ask(client, &mut connection, &scenario.next(&mut rng), intended, &mut outcome).await;
                }
            }
        });
        let mut all = Outcome::none(S::KINDS.len());
        for outcome in join_all(each).await {
            all.add(&outcome);
        }
        all.took = start.elapsed();
        all
    }
}

fn rng(seed: u64, connection: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(connection);
    rng
}

async fn ask(client: &Client, connection: &mut Connection, ask: &Ask, intended: Instant, outcome: &mut Outcome) {
    match client.ask(connection, ask).await {
        Some(body) if ask.is_answered_by(&body) => outcome.answer(ask.kind, body.len(), intended.elapsed()),
        Some(body) if body.starts_with(br#"{"data":"#) => outcome.wrong += 1,
        _ => {
            outcome.failed += 1;
            *connection = client.connect().await;
        }
    }
}

/// The moments at which requests are meant to be sent. Whoever is free takes the next.
struct Arrivals {
    next: Instant,
    end: Instant,
    /// A second; none in a closed loop, in which the next moment is now.
    rate: Option<f64>,
    rng: ChaCha8Rng,
}

impl Arrivals {
    fn take(&mut self) -> Option<Instant> {
        let arrival = match self.rate {
            None => Instant::now(),
            Some(rate) => {
                let uniform: f64 = self.rng.random();
                let gap = Duration::from_secs_f64(-(1.0 - uniform).ln() / rate);
                let next = self.next + gap;
                std::mem::replace(&mut self.next, next)
            }
        };
        (arrival < self.end).then_some(arrival)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_come_at_their_rate_whoever_takes_them() {
        let start = Instant::now();
        let end = start + Duration::from_secs(100);
        let mut arrivals = Arrivals { next: start, end, rate: Some(200.0), rng: rng(1, 2) };
        let all: Vec<_> = std::iter::from_fn(|| arrivals.take()).collect();
        assert!((19_000..21_000).contains(&all.len()), "{}", all.len());
        assert!(all.is_sorted());
    }
}
