//! `nova bench door`: what the door costs, and what it holds.

mod documents;
mod load;
mod rate;
mod thread_clock;

use nova_cli::failure::Failure;
use nova_tests::flags::{bootstrap, flag};

use crate::{
    report::Report,
    world::{World, WorldArgs},
};

#[derive(Debug, clap::Args)]
pub(crate) struct DoorArgs {
    /// Only this part; left out, all.
    #[arg(long, value_enum)]
    part: Option<Part>,
    /// Runs of each figure of documents and rates.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(5..))]
    runs: u32,
    #[command(flatten)]
    documents: documents::DocumentsArgs,
    #[command(flatten)]
    load: load::LoadArgs,
    #[command(flatten)]
    world: WorldArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The CPU that documents cost before they run.
    Documents,
    /// What the rate limit takes of a request.
    Rate,
    /// Attacks on a running gateway.
    Load,
}

pub(crate) async fn run(args: DoorArgs) -> Result<Report, Failure> {
    let mut report = Report::new("door");
    let wanted = |part| args.part.is_none_or(|only| only == part);
    if wanted(Part::Documents) {
        documents::measure(&mut report, args.runs, &args.documents)?;
    }
    if wanted(Part::Rate) {
        rate::measure(&mut report, args.runs);
    }
    if wanted(Part::Load) {
        // As the flag's payload has it, ten operations are a batch.
        let flags = bootstrap(&[flag("http.batching", true)]);
        let path = flags.path().to_string_lossy();
        let world = World::start_with(&args.world, &[("NOVA_FLAGS_FILE", &path)]).await?;
        load::measure(&mut report, &args.load, &world).await?;
        world.stop().await?;
    }
    Ok(report)
}
