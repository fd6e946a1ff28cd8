//! `nova bench feed`: a closed loop of random viewers who each ask for their feed, against the release binary, and next to
//! it the same statements and the same bytes from a hand-written handler. What the first costs over the second is the
//! executor's price.

mod guard;
mod plain;
mod statements;
mod watch;

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use nova_cli::{failure::Failure, say};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

pub(crate) use plain::{PlainArgs, serve as serve_plain};

use self::{plain::PlainHandler, watch::Watch};
use crate::{
    client::{Ask, Client, bearers},
    load::{Load, Scenario},
    report::{Goal, Report},
    side::Side,
    world::{World, WorldArgs},
};

/// What every viewer asks for.
const QUERY: &str = "{ feed(first: 20) { nodes { id body contentType category createdAt author { id username displayName avatarUrl isVerified } likeCount commentCount viewerHasLiked } pageInfo { hasNextPage } } }";
/// Viewers whose answers are compared byte by byte.
const COMPARED: usize = 200;
/// How long each side runs before anything counts.
const WARM_UP: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(crate) struct FeedArgs {
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Runs of each side.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(5..))]
    runs: u32,
    /// Seconds of a run.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    #[command(flatten)]
    world: WorldArgs,
}

/// Feeds of random viewers.
pub(crate) struct Feeds {
    viewers: Vec<HeaderValue>,
    body: Bytes,
}

impl Feeds {
    pub(crate) fn new(viewers: Vec<HeaderValue>) -> Self {
        Self { viewers, body: serde_json::json!({ "query": QUERY }).to_string().into() }
    }

    fn of(&self, viewer: &HeaderValue) -> Ask {
        Ask {
            kind: 0,
            authorization: viewer.clone(),
            body: self.body.clone(),
            begins: Bytes::from_static(br#"{"data":{"feed":{"nodes":["#),
            debug: false,
        }
    }
}

impl Scenario for Feeds {
    const KINDS: &'static [&'static str] = &["feed"];

    fn next(&self, rng: &mut ChaCha8Rng) -> Ask {
        self.of(&self.viewers[rng.random_range(0..self.viewers.len())])
    }
}

pub(crate) async fn run(args: FeedArgs) -> Result<Report, Failure> {
    let world = World::start(&args.world).await?;
    let handler = PlainHandler::start(&world).await?;
    let feeds = Feeds::new(bearers(&world.tokens)?);
    let load = Load::Closed { connections: args.connections };
    let (nova, plain) = (Client::new("nova", world.address)?, Client::new("plain", handler.address)?);
    let mut sides = [
        Side::new("nova", &nova, &feeds, load, (world.pid, world.postgres_pid)),
        Side::new("plain", &plain, &feeds, load, (handler.pid, world.postgres_pid)),
    ];

    let mut report = Report::new("feed");
    let mut differing = 0_u32;
    for viewer in feeds.viewers.iter().take(COMPARED) {
        let ask = feeds.of(viewer);
        let (left, right) = (sides[0].ask_once(&ask).await?, sides[1].ask_once(&ask).await?);
        if left != right || !ask.is_answered_by(&left) {
            if differing == 0 {
                say::step(format_args!("nova:  {}\nplain: {}", shown(&left), shown(&right)));
            }
            differing += 1;
        }
    }
    report.add("differing_answers", "answers", Some(Goal::Exactly(0.0)), vec![f64::from(differing)]);

    for side in &sides {
        side.warm_up(WARM_UP).await;
    }
    let watch = Watch::start(world.pool.clone());
    for run in 1..=args.runs {
        for side in &mut sides {
            side.measure(run, Duration::from_secs(args.seconds)).await;
        }
    }
    if let Some(differing) = watch.differing().await {
        report.add("differing_statements", "statements", Some(Goal::Exactly(0.0)), vec![f64::from(differing)]);
    }
    let door = guard::measure(&world, &nova, &feeds, args.runs).await?;
    let [nova, plain] = &sides;
    // Of the processor time that a request takes.
    let share = door.iter().zip(nova.per_core_second()).map(|(micros, per_second)| micros * per_second / 1e4).collect();
    report.add("door", "µs", None, door);
    report.add("door_share", "%", Some(Goal::Below(5.0)), share);
    let price = plain.per_core_second().zip(nova.per_core_second()).map(|(plain, nova)| plain / nova).collect();
    report.add("executor_price", "x plain", None, price);
    for side in &sides {
        side.report(&mut report);
        side.add(&mut report, "failed", "requests", Some(Goal::Exactly(0.0)), |outcome| f64::from(outcome.failed));
        side.add(&mut report, "p99", "ms", None, |outcome| outcome.quantile_ms(0.99));
    }
    world.stop().await?;
    Ok(report)
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(2000)]).into_owned()
}
