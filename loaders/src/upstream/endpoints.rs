//! Which of a service's endpoints the next attempt goes to: the one with the fewest calls under way, of those that are not
//! left out.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::endpoint::Endpoint;

/// The endpoints of one service; at least one.
#[derive(Debug)]
pub(super) struct Endpoints {
    all: Box<[Endpoint]>,
    /// Where to begin to look, so that those which are equal take turns.
    turn: AtomicUsize,
}

impl Endpoints {
    pub(super) fn new(all: Vec<Endpoint>) -> Self {
        Self { all: all.into(), turn: AtomicUsize::new(0) }
    }

    pub(super) fn all(&self) -> &[Endpoint] {
        &self.all
    }

    /// The place of the endpoint for the next attempt: of those that are well preferably not `failed`.
    ///
    /// If more than half of them would be left out, none is: what looks like many broken endpoints is more likely one fault
    /// that they share, and the rest could not bear the load.
    pub(super) fn choose(&self, failed: Option<usize>) -> usize {
        let count = self.all.len();
        if count == 1 {
            return 0;
        }
        let out = self.all.iter().filter(|endpoint| endpoint.is_out()).count();
        let may_leave_out = out <= count / 2;
        let turn = self.turn.fetch_add(1, Relaxed);
        let burden = |at: &usize| {
            let endpoint = &self.all[*at];
            (may_leave_out && endpoint.is_out(), Some(*at) == failed, endpoint.active())
        };
        (0..count).map(|step| (turn + step) % count).min_by_key(burden).unwrap_or(0)
    }

    /// Another endpoint than `first` that is not left out.
    pub(super) fn other_than(&self, first: usize) -> Option<usize> {
        let other = self.choose(Some(first));
        (other != first && !self.all[other].is_out()).then_some(other)
    }
}

#[cfg(test)]
mod tests {
    use tonic::service::Routes;

    use super::*;
    use crate::upstream::{Health, way::Way};

    fn endpoints(count: usize) -> Endpoints {
        let nowhere = || Way::new(Routes::default());
        Endpoints::new((0..count).map(|at| Endpoint::new(format!("{at}"), nowhere())).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn they_take_turns_and_the_least_busy_is_next() {
        let endpoints = endpoints(3);
        let mut chosen: Vec<_> = (0..3).map(|_| endpoints.choose(None)).collect();
        chosen.sort_unstable();
        assert_eq!(chosen, [0, 1, 2]);
        let _busy: Vec<_> = [0, 2].map(|at| endpoints.all[at].begin()).into();
        assert!((0..10).all(|_| endpoints.choose(None) == 1));
        assert!((0..10).all(|_| endpoints.choose(Some(1)) != 1), "not where it just failed");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_fails_is_left_out_for_a_while_and_never_more_than_half() {
        let endpoints = endpoints(2);
        let fail = |at: usize| (0..3).for_each(|_| endpoints.all[at].failed());
        fail(0);
        assert!((0..10).all(|_| endpoints.choose(None) == 1));
        assert_eq!(endpoints.other_than(1), None);
        assert_eq!(endpoints.choose(Some(1)), 1, "not to one that is known to be broken, for one failure");
        fail(1);
        let mut chosen: Vec<_> = (0..2).map(|_| endpoints.choose(None)).collect();
        chosen.sort_unstable();
        assert_eq!(chosen, [0, 1], "both are out, so neither is");
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        assert_eq!(endpoints.other_than(1), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_probe_says_counts_until_the_next_one() {
        let endpoints = endpoints(2);
        endpoints.all[0].found(Some(Health::NotServing));
        assert!((0..10).all(|_| endpoints.choose(None) == 1));
        endpoints.all[0].found(Some(Health::Serving));
        assert_eq!(endpoints.other_than(1), Some(0));
        (0..3).for_each(|_| endpoints.all[0].failed());
        endpoints.all[0].found(Some(Health::Unreachable));
        endpoints.all[0].found(Some(Health::Serving));
        assert_eq!(endpoints.other_than(1), Some(0), "it is back, whatever failed before");
        endpoints.all[0].found(Some(Health::NotServing));
        endpoints.all[0].found(None);
        assert_eq!(endpoints.other_than(1), Some(0), "nobody asks any more");
    }
}
