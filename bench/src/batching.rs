//! `nova bench batching`: what a level of loads costs over resolvers that have their values at hand, on a source in
//! memory: register the keys, find the stall, one call on a task of its own, wake everybody. And what a load costs whose
//! value is already there.

use std::{future::Future, sync::Arc, time::Duration};

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Request, Schema};
use nova_cli::failure::Failure;
use nova_core::Deadline;
use nova_loaders::batching::{Answer, Caller, Drive, Flights, Queue, Queues, Scope, Source};
use tokio::time::Instant;

use crate::report::{Goal, Report};

/// What a level may cost over plain resolvers, in microseconds.
const GOAL: f64 = 100.0;
/// How long one request may take.
const BUDGET: Duration = Duration::from_secs(5);
const WIDTHS: [u64; 2] = [20, 100];
const LEVELS: [u32; 4] = [1, 2, 3, 4];

#[derive(Debug, clap::Args)]
pub(crate) struct BatchingArgs {
    /// Runs of each figure.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(5..))]
    runs: u32,
    /// Requests of a run.
    #[arg(long, default_value_t = 500)]
    requests: u32,
}

/// The sum of a key and one, of many keys a call.
struct Successors;

impl Source for Successors {
    type Key = u64;
    type Value = u64;

    fn max_batch(&self) -> usize {
        usize::MAX
    }

    fn cap(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn load(&self, keys: &[u64], _caller: Caller, _deadline: Deadline) -> Vec<Answer<u64>> {
        keys.iter().map(|key| Ok(Some(successor(*key)))).collect()
    }
}

/// Keys of one level are not keys of the next.
fn successor(key: u64) -> u64 {
    key + 1_000_000
}

/// How an item gets at its child.
#[derive(Clone)]
enum Way {
    /// The value is at hand.
    Plain,
    /// A load.
    Load(Arc<Queue<Successors>>),
}

struct Item {
    key: u64,
    way: Way,
}

#[Object]
impl Item {
    async fn key(&self) -> u64 {
        self.key
    }

    async fn child(&self) -> Option<Self> {
        let key = match &self.way {
            Way::Plain => successor(self.key),
            Way::Load(queue) => queue.load(self.key).await.ok()??,
        };
        Some(Self { key, way: self.way.clone() })
    }
}

struct Query;

#[Object]
impl Query {
    async fn items(&self, context: &Context<'_>, n: u64) -> Vec<Item> {
        let way = context.data_unchecked::<Way>();
        (0..n).map(|key| Item { key, way: way.clone() }).collect()
    }
}

type BenchSchema = Schema<Query, EmptyMutation, EmptySubscription>;

struct OneQueue(Arc<Queue<Successors>>);

impl Queues for OneQueue {
    fn flush(&self) {
        self.0.flush();
    }

    fn expire(&self) {
        self.0.expire();
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Plain,
    Batched,
    /// Every value is in the memo before the clock starts.
    Memo,
}

/// One shape of request.
#[derive(Clone, Copy)]
struct Shape {
    width: u64,
    levels: u32,
}

impl Shape {
    fn document(self) -> String {
        let nested = (0..self.levels).fold("key".to_owned(), |inner, _| format!("child {{ {inner} }}"));
        format!("{{ items(n: {}) {{ {nested} }} }}", self.width)
    }
}

pub(crate) async fn run(args: BatchingArgs) -> Result<Report, Failure> {
    // As in a server: on the runtime's own threads, not on the one that waits for it.
    let measured = tokio::spawn(async move { measure(&args).await });
    measured.await.map_err(|error| Failure::Internal(error.to_string()))?
}

async fn measure(args: &BatchingArgs) -> Result<Report, Failure> {
    let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
    let flights = Flights::new(Successors);
    let mut report = Report::new("batching");
    let mut wrong = 0;
    for shape in WIDTHS.into_iter().flat_map(|width| LEVELS.map(|levels| Shape { width, levels })) {
        let document = shape.document();
        let mut expected = None;
        let (mut batched, mut memo, mut plain) = (Vec::new(), Vec::new(), Vec::new());
        for run in 0..=args.runs {
            // The three in turn, so that what the machine does meanwhile hits all of them.
            let mut times: [Vec<f64>; 3] = Default::default();
            for _ in 0..args.requests {
                for (kind, times) in [Kind::Plain, Kind::Batched, Kind::Memo].into_iter().zip(&mut times) {
                    let (answer, time) = request(&schema, &flights, shape, &document, kind).await;
                    times.push(time.as_secs_f64() * 1e6);
                    wrong += u32::from(*expected.get_or_insert_with(|| answer.clone()) != answer);
                }
            }
            let took = times.map(median);
            // The first run warms up.
            if run > 0 {
                let levels = f64::from(shape.levels);
                plain.push(took[0]);
                batched.push((took[1] - took[0]) / levels);
                memo.push((took[2] - took[0]) / levels);
            }
        }
        let name = format!("list_{}_levels_{}", shape.width, shape.levels);
        report.add(format!("{name}_plain"), "us/request", None, plain);
        report.add(format!("{name}_batched"), "us/level", Some(Goal::Below(GOAL)), batched);
        report.add(format!("{name}_memo"), "us/level", None, memo);
    }
    report.add("wrong_answers", "answers", Some(Goal::Exactly(0.0)), vec![f64::from(wrong)]);
    Ok(report)
}

/// The upper one of the two in the middle; 0 for none.
pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// One request, as JSON text, and how long it took.
async fn request(
    schema: &BenchSchema,
    flights: &Arc<Flights<Successors>>,
    shape: Shape,
    document: &str,
    kind: Kind,
) -> (String, Duration) {
    let prepared = matches!(kind, Kind::Memo).then(|| {
        let (scope, queue) = new_queue(flights);
        for level in 0..u64::from(shape.levels) {
            (0..shape.width)
                .for_each(|item| queue.prime(item + level * successor(0), item + (level + 1) * successor(0)));
        }
        (scope, queue)
    });
    let start = Instant::now();
    let response = match (kind, prepared) {
        (Kind::Plain, _) => execute(schema, document, Way::Plain).await,
        (_, prepared) => {
            let (scope, queue) = prepared.unwrap_or_else(|| new_queue(flights));
            let execution = execute(schema, document, Way::Load(Arc::clone(&queue)));
            Drive::run(execution, OneQueue(queue), scope, Deadline::after(BUDGET)).await
        }
    };
    let took = start.elapsed();
    (serde_json::to_string(&response).unwrap_or_default(), took)
}

fn new_queue(flights: &Arc<Flights<Successors>>) -> (Arc<Scope>, Arc<Queue<Successors>>) {
    let scope = Arc::default();
    let queue = Queue::new(flights, &scope, Caller::anonymous(Arc::default(), Deadline::after(BUDGET)));
    (scope, queue)
}

#[expect(clippy::disallowed_methods, reason = "what is measured stands below the executor")]
fn execute(schema: &BenchSchema, document: &str, way: Way) -> impl Future<Output = async_graphql::Response> + use<> {
    let (schema, request) = (schema.clone(), Request::new(document).data(way));
    async move { schema.execute(request).await }
}
