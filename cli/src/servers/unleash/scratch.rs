//! A throw-away Unleash server for tests and figures: nothing of it outlives it but its log.

use std::path::{Path, PathBuf};

use super::{DATABASE, Tokens, Unleash, UnleashOptions};
use crate::{
    failure::Failure,
    random,
    servers::{Account, npm::Installed, postgres::Server, scratch},
};

/// Starts a server over a database of `postgres`, in a new directory of the system's temporary one, with new tokens. It does
/// not answer yet: [`Unleash::ready`] waits for that. It ends with its handle or with this process, and its directory with it.
///
/// # Errors
/// [`Failure`] says which step failed.
pub async fn scratch(nova: &Path, installed: Installed, postgres: &Server, log: PathBuf) -> Result<Unleash, Failure> {
    let account = Account::for_servers()?;
    postgres.ensure_database(DATABASE).await?;
    let secret = random::hex(Tokens::SECRET_BYTES)?;
    let tokens = Tokens::from_secret(&secret).ok_or_else(|| Failure::Internal("no tokens".into()))?;
    let home = scratch::directory(account.as_ref())?;
    let unleash = Unleash::spawn(UnleashOptions {
        nova,
        installed,
        home: &home,
        remove_home: true,
        account,
        log,
        database_url: &postgres.url(DATABASE),
        tokens,
    })
    .await?;
    Ok(unleash)
}
