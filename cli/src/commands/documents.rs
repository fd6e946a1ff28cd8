//! `nova documents`: the manifest of trusted documents, made and checked.

use std::path::PathBuf;

use crate::{
    documents::{self, Format},
    failure::Failure,
};

#[derive(Debug, clap::Args)]
pub(super) struct DocumentsArgs {
    #[command(subcommand)]
    command: DocumentsCommand,
}

#[derive(Debug, clap::Subcommand)]
enum DocumentsCommand {
    /// Make a manifest of the documents of clients: one for each operation, with the fragments that it needs from whatever file.
    /// Every problem is said with file and line, and then no manifest is written (exit code 65). Nothing is added to a document,
    /// `__typename` neither.
    Build {
        /// Directories with `.graphql` and `.gql` files, and files.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// The manifest's format; a gateway takes both.
        #[arg(long, value_enum, default_value_t = Format::Apollo)]
        format: Format,
        /// Write it to this file; left out, it is printed.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Hold a manifest against the schema of this build: a line for each thing that keeps a document from running, and exit code
    /// 1. A wrong hash, or an id that is there twice, makes it no manifest (exit code 65).
    Check {
        /// The manifest.
        manifest: PathBuf,
    },
}

pub(super) fn run(args: &DocumentsArgs) -> Result<(), Failure> {
    match &args.command {
        DocumentsCommand::Build { paths, format, output } => documents::build(paths, *format, output.as_deref()),
        DocumentsCommand::Check { manifest } => documents::check(manifest),
    }
}
