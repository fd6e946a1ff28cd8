//! `nova bench door`: what the door costs, and what it holds.

mod documents;
mod thread_clock;

use nova_cli::failure::Failure;

use crate::report::Report;

#[derive(Debug, clap::Args)]
pub(crate) struct DoorArgs {
    /// Runs of each figure.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(5..))]
    runs: u32,
    #[command(flatten)]
    documents: documents::DocumentsArgs,
}

pub(crate) fn run(args: &DoorArgs) -> Result<Report, Failure> {
    let mut report = Report::new("door");
    documents::measure(&mut report, args.runs, &args.documents)?;
    Ok(report)
}
