//! A throw-away server for tests and figures: nothing of it outlives it.

use std::{fs, path::Path};

use super::{Binaries, Server, ServerOptions, server::PORT_TRIES};
use crate::{
    failure::Failure,
    random,
    servers::{Account, scratch},
};

/// What a throw-away server needs to be told.
#[derive(Debug)]
pub struct ScratchOptions<'a> {
    /// The `nova` binary, for the supervisor.
    pub nova: &'a Path,
    /// Directory below which fetched binaries are kept.
    pub fetch_home: &'a Path,
    /// Use exactly these binaries; `None` finds or fetches some.
    pub binaries: Option<Binaries>,
    /// Whether data must survive a crash of the machine: figures need the cost of that, tests do not.
    pub durable: bool,
    /// Settings (`name=value`) beside the usual.
    pub settings: &'a [&'a str],
}

/// Starts a server in a new directory of the system's temporary one. It ends with its handle or with this process, and
/// its directory with it.
///
/// # Errors
/// [`Failure`] says which step failed.
pub async fn scratch(options: ScratchOptions<'_>) -> Result<Server, Failure> {
    let account = Account::for_servers()?;
    let password = random::hex(16)?;
    let mut settings: Vec<&str> = vec!["max_connections=300"];
    if !options.durable {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"]);
    }
    settings.extend(options.settings);
    let mut tries = PORT_TRIES;
    loop {
        tries -= 1;
        let home = scratch::directory(account.as_ref())?;
        let started = Server::start(ServerOptions {
            nova: options.nova,
            home: &home,
            fetch_home: options.fetch_home,
            binaries: options.binaries.clone(),
            account: account.clone(),
            new_password: &password,
            settings: &settings,
            port: None,
            remove_home: true,
        });
        match started.await {
            Ok(server) => return Ok(server),
            Err(error) => {
                let _ = fs::remove_dir_all(&home);
                if tries == 0 || !error.is_taken_port() {
                    return Err(error.into());
                }
            }
        }
    }
}
