//! `nova bench flags`: what it costs to decide a policy for each request, and to take in an answer of Unleash; and how long a
//! toggle on a real Unleash takes until a gateway shows it.

mod callers;
mod decide;
mod features;
mod follow;
mod http;
mod sync;

use nova_cli::{failure::Failure, servers::unleash::UnleashArg};
use nova_flags::Instance;

use crate::{report::Report, world::NovaArgs};

#[derive(Debug, clap::Args)]
pub(crate) struct FlagsArgs {
    /// Runs of each figure.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(5..))]
    runs: u32,
    /// Toggles on a real Unleash, each a few seconds; 0 starts no server.
    #[arg(long, default_value_t = 60)]
    toggles: u32,
    #[command(flatten)]
    nova: NovaArgs,
    #[command(flatten)]
    unleash: UnleashArg,
}

pub(crate) async fn run(args: FlagsArgs) -> Result<Report, Failure> {
    let mut report = Report::new("flags");
    decide::measure(&mut report, args.runs)?;
    sync::measure(&mut report, args.runs)?;
    follow::measure(&mut report, &args).await?;
    Ok(report)
}

/// What a gateway says of itself.
fn instance() -> Instance {
    Instance {
        app_name: "nova-gateway".into(),
        instance_id: "5f0c0de5f0c0de00".into(),
        environment: "production".into(),
        app_version: env!("CARGO_PKG_VERSION").into(),
        region: Some("eu-central".into()),
    }
}

fn refused(error: impl std::fmt::Display) -> Failure {
    Failure::Internal(format!("the engine: {error}"))
}
