//! `nova schema`: the contract, as the code has it, and how it differs from one that clients build on.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::{
    failure::Failure,
    input, say,
    schema::{Change, Class, compare},
};

/// Bytes that a schema may have.
const MAX_SCHEMA: u64 = 16 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct SchemaArgs {
    #[command(subcommand)]
    command: Option<SchemaCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum SchemaCommand {
    /// Compare it with a schema that clients build on: a line for each change, the worst first. Exit code 1 when something
    /// breaks clients.
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// The schema that clients build on, as `nova schema` printed it then.
    #[arg(long, value_name = "FILE")]
    against: PathBuf,
    /// One line of JSON: how many changes of each class, and all of them.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &SchemaArgs) -> Result<(), Failure> {
    match &args.command {
        None => {
            say::result(nova_resolvers::sdl().trim_end());
            Ok(())
        }
        Some(SchemaCommand::Check(args)) => check(args),
    }
}

fn check(args: &CheckArgs) -> Result<(), Failure> {
    let name = args.against.display();
    let changes = compare(&read(&args.against)?, &nova_resolvers::sdl())
        .map_err(|error| Failure::Data(format!("schema: {name}: {error}")))?;
    let count = |class| changes.iter().filter(|change| change.class == class).count();
    let [breaking, dangerous, safe] = [Class::Breaking, Class::Dangerous, Class::Safe].map(count);
    if args.json {
        say::result(json!({ "breaking": breaking, "dangerous": dangerous, "safe": safe, "changes": changes }));
    } else {
        for Change { class, path, change } in &changes {
            say::result(format_args!("{:<9}  {path}: {change}", class.as_str()));
        }
        say::step(format_args!("against {name}: {breaking} breaking, {dangerous} dangerous, {safe} safe"));
    }
    if breaking == 0 { Ok(()) } else { Err(Failure::Exit(1)) }
}

fn read(path: &Path) -> Result<String, Failure> {
    String::from_utf8(input::read("schema", path, MAX_SCHEMA)?)
        .map_err(|_| Failure::Data(format!("schema: {}: not a GraphQL schema: it is not text", path.display())))
}
