//! `nova bench feed`: a closed loop of random viewers who each ask for their feed, against the release binary, and next to
//! it the same statements and the same bytes from a hand-written handler. What the first costs over the second is the
//! executor's price.

mod client;
mod load;
mod plain;
mod statements;
mod watch;
mod world;

use std::{path::PathBuf, time::Duration};

use nova_cli::{failure::Failure, say, world::DataArg};

pub(crate) use plain::{PlainArgs, serve as serve_plain};

use self::{client::Client, load::Side, world::World};
use crate::report::{Goal, Report};

/// What every viewer asks for.
const QUERY: &str = "{ feed(first: 20) { nodes { id body contentType category createdAt author { id username displayName avatarUrl isVerified } likeCount commentCount viewerHasLiked } pageInfo { hasNextPage } } }";
/// Viewers whose answers are compared byte by byte.
const COMPARED: usize = 200;
/// How long each side runs before anything counts.
const WARM_UP: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(crate) struct FeedArgs {
    /// People in the network.
    #[arg(long, default_value_t = 100_000)]
    users: u32,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Different viewers.
    #[arg(long, default_value_t = 20_000)]
    viewers: u32,
    /// Runs of each side.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(5..))]
    runs: u32,
    /// Seconds of a run.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// An empty or seeded database; left out, a server of our own is started.
    #[arg(long)]
    database_url: Option<String>,
    /// The `nova` binary; left out, the one beside this binary.
    #[arg(long, env = "NOVA_BIN")]
    nova: Option<PathBuf>,
    /// Only fetched binaries are kept there.
    #[command(flatten)]
    data: DataArg,
}

pub(crate) async fn run(args: FeedArgs) -> Result<Report, Failure> {
    let world = World::start(&args).await?;
    let nova = Client::new("nova", world.nova_address, &world.tokens)?;
    let plain = Client::new("plain", world.plain_address, &world.tokens)?;

    let mut report = Report::new("feed");
    let mut differing = 0_u32;
    for viewer in 0..COMPARED.min(world.tokens.len()) {
        let (left, right) = (nova.ask_once(viewer).await?, plain.ask_once(viewer).await?);
        if left != right || !client::is_feed(&left) {
            if differing == 0 {
                say::step(format_args!("nova:  {}\nplain: {}", shown(&left), shown(&right)));
            }
            differing += 1;
        }
    }
    report.add("differing_answers", "answers", Some(Goal::Exactly(0.0)), vec![f64::from(differing)]);

    let mut sides = [Side::new(nova, world.nova_pid), Side::new(plain, world.plain_pid)];
    for side in &sides {
        side.client.run(args.connections, WARM_UP, 0).await;
    }
    let watch = world.watch_statements();
    for run in 1..=args.runs {
        for side in &mut sides {
            side.measure(&args, run, world.postgres_pid).await;
        }
    }
    if let Some(differing) = watch.differing().await {
        report.add("differing_statements", "statements", Some(Goal::Exactly(0.0)), vec![f64::from(differing)]);
    }
    let [nova, plain] = sides;
    let price = plain.per_core_second().zip(nova.per_core_second()).map(|(plain, nova)| plain / nova).collect();
    report.add("executor_price", "x plain", None, price);
    for side in [nova, plain] {
        side.report(&mut report);
    }
    world.stop().await?;
    Ok(report)
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(2000)]).into_owned()
}
