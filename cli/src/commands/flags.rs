//! `nova flags`: the catalogue of flags for the operator, and Unleash brought together with it.

use std::path::PathBuf;

use nova_core::clock::Clock as _;

use crate::{
    clock::SystemClock,
    failure::Failure,
    flags::{self, FlagsFile, UnleashArgs},
    say,
};

#[derive(Debug, clap::Args)]
pub(super) struct FlagsArgs {
    #[command(subcommand)]
    command: FlagsCommand,
}

#[derive(Debug, clap::Subcommand)]
enum FlagsCommand {
    /// Create in Unleash the flags that are missing there, in the state that they have now. Changes nothing that is there.
    Sync {
        #[command(flatten)]
        unleash: UnleashArgs,
        /// Change nothing, and say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// List the flags, and what they are in Unleash where its admin token is set.
    List {
        #[command(flatten)]
        unleash: UnleashArgs,
        /// A list with an object for each flag.
        #[arg(long)]
        json: bool,
    },
    /// Print the page on flags.
    Doc,
    /// Look through a checkout for names of flags that don't exist, flags that nothing reads, and flags past their end: a line
    /// for each, and exit code 1.
    Lint {
        /// The workspace.
        #[arg(env = "NOVA_CHECKOUT", default_value = ".", value_name = "DIR")]
        checkout: PathBuf,
    },
    /// Print the flags of an environment in a form that `restore` puts back, and that a gateway takes as `NOVA_FLAGS_FILE`.
    Snapshot {
        #[command(flatten)]
        unleash: UnleashArgs,
        /// Write it to this file.
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// Say what in Unleash is not as FILE has it: a line for each setting, and exit code 1.
    Diff {
        #[command(flatten)]
        unleash: UnleashArgs,
        /// What `snapshot` wrote.
        file: PathBuf,
    },
    /// Put the flags of an environment back to what FILE says.
    Restore {
        #[command(flatten)]
        unleash: UnleashArgs,
        /// What `snapshot` wrote.
        file: PathBuf,
        /// Change nothing, and say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) async fn run(args: FlagsArgs) -> Result<(), Failure> {
    match args.command {
        FlagsCommand::Sync { unleash, dry_run } => flags::sync(&unleash.admin()?, dry_run).await,
        FlagsCommand::List { unleash, json } => {
            if unleash.lacks_token() {
                say::step("UNLEASH_ADMIN_TOKEN is not set: what flags are in Unleash is not shown");
            }
            flags::list(unleash.admin_if_set()?.as_ref(), json).await
        }
        FlagsCommand::Doc => {
            say::result(flags::page().trim_end());
            Ok(())
        }
        FlagsCommand::Lint { checkout } => flags::lint_checkout(&checkout, SystemClock.now().date_naive()),
        FlagsCommand::Snapshot { unleash, file } => flags::snapshot(&unleash.admin()?, file.as_deref()).await,
        // The file first: a wrong one is no reason to ask Unleash.
        FlagsCommand::Diff { unleash, file } => {
            let file = FlagsFile::read(&file)?;
            flags::diff(&unleash.admin()?, &file).await
        }
        FlagsCommand::Restore { unleash, file, dry_run } => {
            let file = FlagsFile::read(&file)?;
            flags::restore(&unleash.admin()?, &file, dry_run).await
        }
    }
}
