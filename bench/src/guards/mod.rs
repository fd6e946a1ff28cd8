//! `nova bench guards`: what the guards cost a call, in time and in memory, and what they save when something is broken.

mod faults;
mod primitives;
mod stack;
mod timed;

use nova_cli::failure::Failure;

use crate::report::Report;

#[derive(Debug, clap::Args)]
pub(crate) struct GuardsArgs {
    /// Only this part; left out, all.
    #[arg(long, value_enum)]
    part: Option<Part>,
    /// Runs of each figure of what a call costs.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(5..))]
    runs: u32,
    #[command(flatten)]
    faults: faults::FaultsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// What each guard costs, and all of them.
    Calls,
    /// Services and a store that are broken under load. Needs `NOVA_BIN`, the binary that is measured.
    Faults,
}

pub(crate) async fn run(args: GuardsArgs) -> Result<Report, Failure> {
    let mut report = Report::new("guards");
    let wanted = |part| args.part.is_none_or(|only| only == part);
    if wanted(Part::Calls) {
        if !densa_alloc::is_active() {
            return Err(Failure::Internal("allocations are not counted".into()));
        }
        timed::measure(&mut report, args.runs, primitives::cases().into_iter().chain(stack::cases()).collect());
    }
    if wanted(Part::Faults) {
        faults::measure(&mut report, &args.faults).await?;
    }
    Ok(report)
}
