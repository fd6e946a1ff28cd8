//! Random lives of a breaker, compared with the [`Model`] after every step.

use std::sync::atomic::Ordering::Relaxed;

use proptest::prelude::*;
use tokio::{runtime::Builder, time::advance};

use super::{
    super::{Breaker, Permit, Phase, Probes, Thresholds, Trip},
    Duration, SECOND,
    model::{End, Model},
};

#[derive(Debug, Clone)]
enum Step {
    /// A call begins, under the rule of these thresholds, or under none.
    Enter(Option<usize>),
    /// One of the calls under way ends.
    End(usize, End),
    /// A call from its beginning to its end.
    Call(Option<usize>, Duration, End),
    Wait(Duration),
    Trip,
    Isolate,
    Reset,
    /// The prober asks.
    Probe,
}

const MS: Duration = Duration::from_millis(1);

/// So low that a hundred steps meet each of them. The last window is longer than the longest that there is.
const THRESHOLDS: [Thresholds; 4] = [
    Thresholds {
        failures: 3,
        window: Duration::from_secs(5),
        failure_percent: 50,
        consecutive: 9,
        slow: Duration::from_millis(300),
        slow_percent: 60,
        pause: Duration::from_millis(700),
    },
    Thresholds {
        failures: 2,
        window: Duration::from_secs(1),
        failure_percent: 34,
        consecutive: 4,
        slow: SECOND,
        slow_percent: 100,
        pause: Duration::from_secs(2),
    },
    Thresholds {
        failures: 50,
        window: Duration::from_mins(2),
        failure_percent: 1,
        consecutive: 3,
        slow: Duration::from_millis(200),
        slow_percent: 1,
        pause: Duration::ZERO,
    },
    Thresholds {
        failures: 4,
        window: Duration::from_secs(200),
        failure_percent: 30,
        consecutive: 100,
        slow: Duration::from_millis(500),
        slow_percent: 30,
        pause: SECOND,
    },
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let thresholds = || proptest::option::weighted(0.7, 0..THRESHOLDS.len());
    let end = || {
        prop_oneof![
            3 => Just(End::Answered),
            4 => Just(End::Failed),
            1 => Just(End::Ignored),
            2 => Just(End::Dropped),
        ]
    };
    // Whole hundreds: so that times fall on the edges of thresholds and seconds, too.
    let short = || (0_u32..15).prop_map(|hundreds| MS * 100 * hundreds);
    let step = prop_oneof![
        6 => thresholds().prop_map(Step::Enter),
        5 => (any::<usize>(), end()).prop_map(|(which, end)| Step::End(which, end)),
        8 => (thresholds(), short(), end()).prop_map(|(thresholds, took, end)| Step::Call(thresholds, took, end)),
        4 => short().prop_map(Step::Wait),
        1 => (0_u32..150).prop_map(|seconds| Step::Wait(SECOND * seconds)),
        1 => Just(Step::Trip),
        1 => Just(Step::Isolate),
        1 => Just(Step::Reset),
        3 => Just(Step::Probe),
    ];
    proptest::collection::vec(step, 0..120)
}

/// A breaker and its model, with the calls under way.
struct Pair<'a> {
    breaker: &'a Breaker,
    model: Model,
    under_way: Vec<(Permit<'a>, usize)>,
}

impl<'a> Pair<'a> {
    fn enter(&mut self, thresholds: Option<usize>) -> Option<(Permit<'a>, usize)> {
        let thresholds = thresholds.map(|index| THRESHOLDS[index]);
        match (self.breaker.enter(thresholds.as_ref()), self.model.enter(thresholds)) {
            (Ok(permit), Ok(number)) => {
                assert_eq!(permit.is_probe(), self.model.is_probe(number), "whether it tries");
                Some((permit, number))
            }
            (Err(refusal), Err(wanted)) => {
                assert_eq!(refusal, wanted);
                None
            }
            (is, wanted) => panic!("{is:?}, but the model says {wanted:?}"),
        }
    }

    fn end(&mut self, (permit, number): (Permit<'a>, usize), end: End) {
        self.model.end(number, end);
        match end {
            End::Answered => permit.answered(),
            End::Failed => permit.failed(),
            End::Ignored => permit.ignored(),
            End::Dropped => drop(permit),
        }
    }

    async fn wait(&mut self, time: Duration) {
        advance(time).await;
        self.model.now += time;
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Enter(thresholds) => {
                let call = self.enter(thresholds);
                self.under_way.extend(call);
            }
            Step::End(which, end) if !self.under_way.is_empty() => {
                let call = self.under_way.swap_remove(which % self.under_way.len());
                self.end(call, end);
            }
            Step::End(..) => {}
            Step::Call(thresholds, took, end) => {
                let call = self.enter(thresholds);
                self.wait(took).await;
                if let Some(call) = call {
                    self.end(call, end);
                }
            }
            Step::Wait(time) => self.wait(time).await,
            Step::Trip => {
                self.model.trip();
                self.breaker.trip(Trip::Refused);
            }
            Step::Isolate => {
                self.model.isolate();
                self.breaker.isolate();
            }
            Step::Reset => {
                self.model.reset();
                self.breaker.reset();
            }
            Step::Probe => match (self.breaker.probe(), self.model.probe()) {
                (Some(permit), Some(number)) => self.under_way.push((permit, number)),
                (None, None) => {}
                (is, wanted) => panic!("{is:?}, but the model says {wanted:?}"),
            },
        }
    }

    fn compare(&self) {
        let Self { breaker, model, .. } = self;
        assert_eq!(breaker.phase(), model.phase);
        assert_eq!(*breaker.changes().borrow(), model.phase, "what is told");
        assert_eq!(breaker.counts(), model.counts(), "calls, failures, slow ones in the window");
        let tallies = &breaker.tallies;
        let ended = [&tallies.ok, &tallies.failures, &tallies.slow, &tallies.ignored].map(|tally| tally.load(Relaxed));
        assert_eq!(ended, model.tallies(), "good, bad, slow, nothing");
        assert_eq!(tallies.refused.load(Relaxed), model.refused, "refused");
        for (phase, tally) in [
            (Phase::Closed, &tallies.closed),
            (Phase::Open, &tallies.opened),
            (Phase::HalfOpen, &tallies.half_opened),
            (Phase::Isolated, &tallies.isolated),
        ] {
            assert_eq!(tally.load(Relaxed), model.turns_to(phase), "turns to {phase:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn it_does_what_the_model_does(
        steps in steps(),
        probes in prop_oneof![Just(Probes::Calls), Just(Probes::Prober)],
        thresholds in 0..THRESHOLDS.len(),
    ) {
        Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
            let breaker = Breaker::new("users", probes, THRESHOLDS[thresholds]);
            let model = Model::new(probes, THRESHOLDS[thresholds]);
            let mut pair = Pair { breaker: &breaker, model, under_way: Vec::new() };
            for step in &steps {
                pair.step(step).await;
                pair.compare();
            }
        });
    }
}
