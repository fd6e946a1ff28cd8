//! `nova bench guards`: what the guards cost a call, in time and in memory.

mod primitives;
mod timed;

use nova_cli::failure::Failure;

use crate::report::Report;

#[derive(Debug, clap::Args)]
pub(crate) struct GuardsArgs {
    /// Runs of each figure.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(5..))]
    runs: u32,
}

pub(crate) fn run(args: &GuardsArgs) -> Result<Report, Failure> {
    if !densa_alloc::is_active() {
        return Err(Failure::Internal("allocations are not counted".into()));
    }
    let mut report = Report::new("guards");
    timed::measure(&mut report, args.runs, primitives::cases());
    Ok(report)
}
