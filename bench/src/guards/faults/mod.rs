//! Faults on running servers: what they do to whoever does not need what is broken, and how fast the answer is that something
//! is. Client, gateway, backends and database share the machine; every pair of phases is a healthy one and a faulty one.

mod load;
mod store;
mod upstream;

use nova_cli::failure::Failure;

use crate::report::Report;

/// Needs every service.
const ALL: &str = "{ feed(first: 10) { nodes { body author { username } commentCount likeCount } } }";
/// Needs no social service.
const OTHERS: &str = "{ feed(first: 10) { nodes { body author { username } commentCount } } }";

#[derive(Debug, clap::Args)]
pub(crate) struct FaultsArgs {
    /// Pairs of a healthy and a faulty phase.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(5..))]
    pairs: u32,
    /// Seconds of each phase.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    phase_seconds: u64,
    /// Requests a second of each kind.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
}

pub(super) async fn measure(report: &mut Report, args: &FaultsArgs) -> Result<(), Failure> {
    upstream::measure(report, args).await?;
    store::measure(report, args).await
}
