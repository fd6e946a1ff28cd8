//! Both sides of a flag are equal: whatever the flags that promise so are set to, `data` is the same to the byte, and the same
//! errors stand at the same paths. On quiet data one state after the other, and while flags flip under load.
//!
//! Random numbers can be had again: `PROPTEST_RNG_SEED=<seed>` with the seed that a failure names.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use nova_tests::{
    app::TestApp,
    client::Client,
    equal::{
        answer::Answer,
        corpus,
        generate::{Operation, queries},
        scene::Scene,
        schema::Schema,
        states::State,
        values::Values,
    },
};
use proptest::{
    prelude::*,
    prop_assert_eq,
    strategy::ValueTree as _,
    test_runner::{Config, RngSeed, TestRunner},
};
use tokio::{
    runtime::Runtime,
    time::{Instant, MissedTickBehavior, interval},
};

/// How long flags flip.
const LOAD: Duration = Duration::from_secs(30);
/// How often.
const FLIP: Duration = Duration::from_millis(20);
/// Made queries that are asked meanwhile, beside the corpus.
const MADE: usize = 40;

/// What is asked, and the clients that ask.
struct Asked {
    reads: Vec<(Client, String, Operation)>,
    schema: Arc<Schema>,
    values: Arc<Values>,
    callers: Vec<Client>,
}

impl Asked {
    /// The corpus, read by a user and by nobody.
    async fn of(app: &TestApp) -> Self {
        let callers = vec![app.user(1), app.anonymous(), app.user(5)];
        let values = Arc::new(Values::of(&callers[0]).await);
        let examples = corpus::reads(&values);
        let by = |caller: &Client| {
            let caller = caller.clone();
            examples.clone().into_iter().map(move |example| (caller.clone(), example.name, example.operation))
        };
        Self { reads: callers[..2].iter().flat_map(by).collect(), schema: Arc::new(Schema::pinned()), values, callers }
    }

    /// Made queries, each with the number of its caller.
    fn made(&self) -> impl Strategy<Value = (usize, Operation)> + use<> {
        (0..self.callers.len(), queries(Arc::clone(&self.schema), Arc::clone(&self.values)))
    }
}

/// Sends the writes of the corpus in a scene of their own.
async fn written(app: &TestApp, number: u32) -> Vec<(String, Answer)> {
    let scene = Scene::set(app, number).await;
    let actor = scene.actor(app);
    let mut answers = Vec::new();
    for example in corpus::writes(&scene) {
        answers.push((example.name, Answer::of(&actor, &example.operation).await.masked()));
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_corpus_is_answered_alike_on_both_sides_of_every_flag() {
    let app = TestApp::start().await;
    let asked = Asked::of(&app).await;
    State::old_way().hold(&app.app.flags);
    let mut first = Vec::new();
    for (caller, _, operation) in &asked.reads {
        first.push(Answer::of(caller, operation).await);
    }
    let first_written = written(&app, 0).await;
    for (number, state) in (1..).zip(State::one_by_one()) {
        state.hold(&app.app.flags);
        for ((caller, name, operation), first) in asked.reads.iter().zip(&first) {
            assert_eq!(Answer::of(caller, operation).await, *first, "{name} under {state:?}");
        }
        assert_eq!(written(&app, number).await, first_written, "under {state:?}");
    }
}

#[test]
fn made_queries_are_answered_alike_on_both_sides_of_every_flag() {
    let runtime = Runtime::new().unwrap();
    let _entered = runtime.enter();
    let app = runtime.block_on(TestApp::start());
    let asked = runtime.block_on(Asked::of(&app));
    let runner = |cases| TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let compare = |(caller, query): &(usize, Operation), state: &State| {
        let caller = &asked.callers[*caller];
        State::old_way().hold(&app.app.flags);
        let first = runtime.block_on(Answer::of(caller, query));
        state.hold(&app.app.flags);
        prop_assert_eq!(runtime.block_on(Answer::of(caller, query)), first, "under {:?}", state);
        Ok(())
    };
    let states = State::one_by_one();
    let each = u32::try_from(100 / states.len()).unwrap().max(2);
    for state in states {
        runner(each).run(&asked.made(), |query| compare(&query, &state)).unwrap();
    }
    runner(60).run(&(asked.made(), State::any()), |(query, state)| compare(&query, &state)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_flip_under_load_and_nobody_notices() {
    let app = TestApp::start().await;
    let asked = Asked::of(&app).await;
    let config = Config::default();
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one(()),
    };
    println!("PROPTEST_RNG_SEED={seed}");
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), ..config });

    State::old_way().hold(&app.app.flags);
    let mut reads = asked.reads.clone();
    for _ in 0..MADE {
        let (caller, query) = asked.made().new_tree(&mut runner).unwrap().current();
        reads.push((asked.callers[caller].clone(), query.document.clone(), query));
    }
    let mut first = Vec::new();
    for (caller, _, operation) in &reads {
        let answer = Answer::of(caller, operation).await;
        assert!(answer.status.is_success(), "{answer:?}");
        first.push(answer);
    }
    let first_written = written(&app, 0).await;

    let end = Instant::now() + LOAD;
    let read = async |start: usize| {
        let mut count = 0;
        for ((caller, name, operation), first) in reads.iter().zip(&first).cycle().skip(start) {
            if Instant::now() >= end {
                break;
            }
            let answer = Answer::of(caller, operation).await;
            assert_eq!(answer, *first, "{name} with {:?}, seed {seed}", operation.variables);
            count += 1;
        }
        count
    };
    let write = async {
        let mut count = 0;
        while Instant::now() < end {
            count += 1;
            assert_eq!(written(&app, count).await, first_written, "seed {seed}");
        }
        count
    };
    let flip = async {
        let (states, mut ticks, mut count) = (State::any(), interval(FLIP), 0);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < end {
            ticks.tick().await;
            states.new_tree(&mut runner).unwrap().current().hold(&app.app.flags);
            count += 1;
        }
        count
    };
    let third = reads.len() / 3;
    let (one, two, three, scenes, flips) = tokio::join!(read(0), read(third), read(2 * third), write, flip);
    println!("{} reads, {scenes} scenes written, {flips} flips", one + two + three);
    assert!([one, two, three].iter().all(|count| *count > 0) && scenes > 0 && flips > 10, "that was no load");
}
