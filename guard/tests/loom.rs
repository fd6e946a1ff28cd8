//! The breaker with all the ways in which threads can take turns, and with all that their reads may see: the same files as in
//! the crate, over loom's atomics and lock. No flag is needed, it runs with every other test. Of two threads all is tried, of
//! three what needs at most two preemptions.

#[path = "../src/breaker/machine.rs"]
#[expect(unreachable_pub, reason = "they are public in the crate")]
mod machine;
#[path = "../src/breaker/shared.rs"]
mod shared;
#[path = "../src/breaker/window.rs"]
mod window;

mod sync {
    use std::sync::PoisonError;

    pub(super) use loom::sync::atomic::{AtomicU64, Ordering};

    /// Loom's lock, with the interface of `parking_lot`.
    #[derive(Debug)]
    pub(super) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(super) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(super) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use loom::{
    model::Builder,
    sync::Arc,
    thread::{self, JoinHandle},
};
use machine::{Machine, Outcome, Phase, Thresholds, Ticket, Verdict};
use shared::{Admission, Shared, Turn};

const START: Duration = Duration::ZERO;
const PAUSE: Duration = Duration::from_secs(1);
/// In the middle of a pause.
const BETWEEN: Duration = Duration::from_millis(500);
/// Not slow.
const QUICK: Duration = Duration::ZERO;

/// The first failure opens it.
const STRICT: Thresholds = Thresholds {
    failures: 1,
    window: Duration::from_secs(5),
    failure_percent: 1,
    consecutive: 1,
    slow: PAUSE,
    slow_percent: 1,
    pause: PAUSE,
};

/// All that two threads can do.
fn two(test: impl Fn() + Send + Sync + 'static) {
    Builder::new().check(test);
}

/// What three threads can do, but for what needs more than two preemptions: it would take minutes.
fn three(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(test);
}

/// A breaker that opened at [`START`], and may be tried at [`PAUSE`].
fn open() -> Arc<Shared> {
    let shared = Arc::new(Shared::new());
    trip(&shared, START);
    shared
}

fn spawn<T: 'static>(shared: &Arc<Shared>, run: impl FnOnce(&Shared) -> T + 'static) -> JoinHandle<T> {
    let shared = Arc::clone(shared);
    thread::spawn(move || run(&shared))
}

fn trip(shared: &Shared, now: Duration) -> Option<Turn> {
    shared.change(|machine| machine.trip(now, &STRICT)).1
}

/// The ticket of a call under the rule, if it passes.
fn enter(shared: &Shared, now: Duration) -> Option<Ticket> {
    match shared.admit(now, true).0 {
        Admission::Passes(ticket) => Some(ticket),
        Admission::Refused { .. } => None,
    }
}

fn finish(shared: &Shared, ticket: Ticket, outcome: Outcome, now: Duration) -> Option<Turn> {
    shared.finish(ticket, outcome, QUICK, now, &STRICT).1
}

/// The phase when all is done, which everybody must see alike.
fn settled(shared: &Shared) -> Phase {
    let ((phase, generation, due), _) = shared.change(|machine| (machine.phase(), machine.generation(), machine.due()));
    assert_eq!(shared.phase(), phase, "what readers see is what the machine is");
    assert_eq!(shared.pass(), Ticket { generation, probe: false });
    match shared.admit(START, false).0 {
        Admission::Passes(ticket) => assert_eq!((phase, ticket.generation), (Phase::Closed, generation)),
        refused @ Admission::Refused { .. } => assert_eq!(refused, Admission::Refused { phase, due }),
    }
    phase
}

#[test]
fn of_many_that_come_when_the_pause_is_over_exactly_one_tries() {
    three(|| {
        let shared = open();
        let others: Vec<_> = (0..2).map(|_| spawn(&shared, |shared| enter(shared, PAUSE))).collect();
        let mine = enter(&shared, PAUSE);
        let passed: Vec<_> = others.into_iter().map(|other| other.join().unwrap()).chain([mine]).flatten().collect();
        assert!(matches!(passed[..], [Ticket { probe: true, .. }]), "{passed:?}");
        assert_eq!(settled(&shared), Phase::HalfOpen);
    });
}

#[test]
fn one_that_tries_and_is_dropped_leaves_its_place_to_the_next_never_to_two() {
    three(|| {
        let shared = open();
        let trying = std::sync::Arc::new(AtomicU32::new(0));
        let caller = |outcome| {
            let trying = std::sync::Arc::clone(&trying);
            move |shared: &Shared| {
                let Some(ticket) = enter(shared, PAUSE) else { return };
                assert!(ticket.probe);
                assert_eq!(trying.fetch_add(1, Relaxed), 0, "two at a time");
                trying.fetch_sub(1, Relaxed);
                assert_eq!(finish(shared, ticket, outcome, PAUSE), None);
            }
        };
        let others = [Outcome::Left, Outcome::Ignored].map(|outcome| spawn(&shared, caller(outcome)));
        caller(Outcome::Left)(&shared);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(settled(&shared), Phase::HalfOpen);
        assert!(enter(&shared, PAUSE).is_some_and(|ticket| ticket.probe), "the place is free");
    });
}

#[test]
fn of_many_failures_at_a_time_one_opens_it() {
    three(|| {
        let shared = Arc::new(Shared::new());
        let call = |shared: &Shared| {
            let ticket = enter(shared, START)?;
            assert!(!ticket.probe);
            finish(shared, ticket, Outcome::Failed, START)
        };
        let others: Vec<_> = (0..2).map(|_| spawn(&shared, call)).collect();
        let mine = call(&shared);
        let turns: Vec<_> = others.into_iter().map(|other| other.join().unwrap()).chain([mine]).flatten().collect();
        assert_eq!(turns, [Turn { from: Phase::Closed, to: Phase::Open }]);
        assert_eq!(settled(&shared), Phase::Open);
    });
}

#[test]
fn what_became_of_a_call_of_before_neither_opens_nor_closes_it() {
    for (late, probe, phase) in
        [(Outcome::Failed, Outcome::Answered, Phase::Closed), (Outcome::Answered, Outcome::Failed, Phase::Open)]
    {
        two(move || {
            let shared = Arc::new(Shared::new());
            let ticket = enter(&shared, START).unwrap();
            trip(&shared, START);
            let other = spawn(&shared, move |shared| finish(shared, ticket, late, PAUSE));
            let mine = enter(&shared, PAUSE).unwrap();
            finish(&shared, mine, probe, PAUSE);
            assert_eq!(other.join().unwrap(), None);
            assert_eq!(settled(&shared), phase);
        });
    }
}

#[test]
fn nothing_is_left_of_a_call_when_it_is_reset_meanwhile() {
    two(|| {
        let shared = Arc::new(Shared::new());
        let ticket = enter(&shared, START).unwrap();
        let other = spawn(&shared, move |shared| finish(shared, ticket, Outcome::Failed, START));
        shared.change(Machine::reset);
        other.join().unwrap();
        assert_eq!(settled(&shared), Phase::Closed);
        assert_eq!(shared.change(|machine| machine.counts(START, STRICT.window).calls).0, 0);
    });
}

#[test]
fn a_breaker_that_is_tripped_lets_nobody_in_before_the_pause_is_over_whoever_tries_meanwhile() {
    for outcome in [Outcome::Answered, Outcome::Recovered, Outcome::Left] {
        two(move || {
            let shared = open();
            let other = spawn(&shared, move |shared| {
                // In time for the first pause, but not for the second one.
                let Some(ticket) = enter(shared, PAUSE) else { return };
                finish(shared, ticket, outcome, PAUSE);
            });
            trip(&shared, BETWEEN);
            let refused = shared.admit(PAUSE, true);
            assert_eq!(refused, (Admission::Refused { phase: Phase::Open, due: BETWEEN + PAUSE }, None));
            other.join().unwrap();
            assert_eq!(settled(&shared), Phase::Open);
            assert!(enter(&shared, BETWEEN + PAUSE).is_some());
        });
    }
}

#[test]
fn who_sees_that_it_opened_again_hears_of_the_new_pause() {
    two(|| {
        let shared = open();
        let generation = shared.pass().generation;
        let other = spawn(&shared, |shared| (shared.pass().generation, shared.admit(BETWEEN, false).0));
        shared.change(Machine::reset);
        trip(&shared, BETWEEN);
        let (seen, admission) = other.join().unwrap();
        if seen == generation + 2 {
            assert_eq!(admission, Admission::Refused { phase: Phase::Open, due: BETWEEN + PAUSE });
        }
    });
}

#[test]
fn who_comes_too_late_to_try_hears_when_to_come_again() {
    two(|| {
        let shared = open();
        let other = spawn(&shared, |shared| shared.admit(PAUSE, true).0);
        trip(&shared, BETWEEN);
        match other.join().unwrap() {
            Admission::Passes(ticket) => assert!(ticket.probe),
            refused @ Admission::Refused { .. } => {
                assert_eq!(refused, Admission::Refused { phase: Phase::Open, due: BETWEEN + PAUSE });
            }
        }
    });
}

#[test]
fn a_trip_beats_the_answer_of_the_one_that_tries() {
    two(|| {
        let shared = open();
        let ticket = enter(&shared, PAUSE).unwrap();
        let other = spawn(&shared, move |shared| shared.finish(ticket, Outcome::Answered, QUICK, PAUSE, &STRICT));
        let tripped = trip(&shared, PAUSE);
        let (verdict, answered) = other.join().unwrap();
        assert_eq!(verdict, Verdict::Ok);
        let trip_from = |from| Some(Turn { from, to: Phase::Open });
        match answered {
            Some(turn) => {
                assert_eq!(turn, Turn { from: Phase::HalfOpen, to: Phase::Closed });
                assert_eq!(tripped, trip_from(Phase::Closed));
            }
            None => assert_eq!(tripped, trip_from(Phase::HalfOpen)),
        }
        assert_eq!(settled(&shared), Phase::Open);
        assert_eq!(enter(&shared, PAUSE), None);
    });
}

#[test]
fn nothing_but_an_operator_ends_what_an_operator_began() {
    three(|| {
        let shared = open();
        let others = [
            spawn(&shared, |shared| {
                let Some(ticket) = enter(shared, PAUSE) else { return };
                finish(shared, ticket, Outcome::Answered, PAUSE);
            }),
            spawn(&shared, |shared| {
                trip(shared, PAUSE);
            }),
        ];
        shared.change(Machine::isolate);
        assert_eq!(shared.phase(), Phase::Isolated);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(settled(&shared), Phase::Isolated);
    });
}
