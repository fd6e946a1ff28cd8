//! A PostgreSQL server of our own: on 127.0.0.1 and a free port, with a password, ending with us.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep, timeout};

use super::{Binaries, cluster::Cluster, cluster::SUPERUSER, find_or_fetch};
use crate::servers::{Account, Job, ServerError, StopSignal, Supervised, free_port, leftover};

/// How long a server may take until it answers: after a crash it has a log to replay.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often another port is tried when somebody was faster.
pub(super) const PORT_TRIES: u8 = 4;

/// What a server needs to be told.
#[derive(Debug)]
pub struct ServerOptions<'a> {
    /// The `nova` binary, for the supervisor.
    pub nova: &'a Path,
    /// Directory below which everything of the server is kept.
    pub home: &'a Path,
    /// Directory below which fetched binaries are kept.
    pub fetch_home: &'a Path,
    /// Use exactly these binaries; `None` finds or fetches some.
    pub binaries: Option<Binaries>,
    /// Whom it runs as; `None` is ourselves.
    pub account: Option<Account>,
    /// The superuser's password, for data that are made now.
    pub new_password: &'a str,
    /// Settings (`name=value`) beside those that every server of ours gets.
    pub settings: &'a [&'a str],
    /// The port; `None` finds a free one.
    pub port: Option<u16>,
    /// Remove `home` when the server has ended, however that comes about.
    pub remove_home: bool,
}

/// A server that answers. Dropping it stops it, without waiting.
#[derive(Debug)]
pub struct Server {
    process: Supervised,
    port: u16,
    password: String,
    log: PathBuf,
    data: PathBuf,
    version: u32,
}

impl Server {
    /// Starts a server on the data below `home`, made now if there are none, and waits until it answers.
    ///
    /// # Errors
    /// [`ServerError`] says which step failed; the next start takes up where this one stopped.
    pub async fn start(options: ServerOptions<'_>) -> Result<Self, ServerError> {
        let cluster = Cluster::below(options.home);
        let account = options.account.as_ref();
        let binaries = match options.binaries {
            Some(binaries) => binaries,
            None => find_or_fetch(options.fetch_home, account, cluster.version()).await?,
        };
        wait_until_gone(&cluster.data).await?;
        let password = cluster.ensure(options.nova, &binaries, account, options.new_password).await?;
        let mut tries = PORT_TRIES;
        loop {
            tries -= 1;
            let _ = fs::remove_file(&cluster.log);
            let free = || free_port().map_err(ServerError::io("find a free port for", &cluster.data));
            let port = options.port.map_or_else(free, Ok)?;
            let job = Job {
                command: command(&binaries, &cluster.data, port, options.settings),
                account: options.account.clone(),
                dir: cluster.data.clone(),
                log: cluster.log.clone(),
                stop: StopSignal::Int,
                environment: Vec::new(),
                pid_file: None,
                remove: options.remove_home.then(|| options.home.to_owned()),
            };
            let mut process = job.spawn(options.nova).map_err(ServerError::io("start", options.nova))?;
            match until_ready(&mut process, &connect_options(port, &password, "postgres"), &cluster.log).await {
                Ok(()) => {
                    let Cluster { data, log, .. } = cluster;
                    return Ok(Self { process, port, password, log, data, version: binaries.version });
                }
                // With its home removed there is nothing to try again with.
                Err(error) if tries > 0 && error.is_taken_port() && !options.remove_home => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The URL of a database of this server, with its password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// The server's major version.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The server's process, not its supervisor's.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    /// Makes `database`, unless it is there.
    ///
    /// # Errors
    /// [`ServerError::Database`].
    pub async fn ensure_database(&self, database: &str) -> Result<(), ServerError> {
        let mut connection =
            PgConnection::connect_with(&connect_options(self.port, &self.password, "postgres")).await?;
        let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(database)
            .fetch_one(&mut connection)
            .await?;
        if !there {
            let quoted = database.replace('"', "\"\"");
            let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE \"{quoted}\""));
            sqlx::raw_sql(statement).execute(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }

    /// Waits for the server to end by itself, and says how it did.
    pub async fn ended(&mut self) -> ServerError {
        let status = self.process.wait().await;
        let status = status.map_or_else(|error| error.to_string(), |status: ExitStatus| status.to_string());
        ServerError::failed("postgres", &status, &self.log)
    }

    /// Stops the server and waits until it has ended.
    ///
    /// # Errors
    /// [`ServerError::Io`] when it can't be waited for.
    pub async fn stop(self) -> Result<(), ServerError> {
        self.process.stop().await.map(|_| ()).map_err(ServerError::io("stop the server of", &self.data))
    }
}

/// Waits until no server uses `data`, PostgreSQL's data directory, any more.
///
/// # Errors
/// [`ServerError::Silent`] for a server that will not end.
pub async fn wait_until_gone(data: &Path) -> Result<(), ServerError> {
    let pid_file = data.join("postmaster.pid");
    leftover::wait_until_gone("an earlier PostgreSQL server", &pid_file, data, StopSignal::Int).await
}

fn command(binaries: &Binaries, data: &Path, port: u16, settings: &[&str]) -> Vec<OsString> {
    let mut command: Vec<OsString> = vec![binaries.dir.join("postgres").into(), "-D".into(), data.into()];
    let port = format!("port={port}");
    // No Unix socket: its path could be too long, or not ours to write. A client that is gone is noticed within 250 ms.
    let ours =
        ["listen_addresses=127.0.0.1", "unix_socket_directories=", "client_connection_check_interval=250ms", &port];
    for setting in ours.iter().chain(settings) {
        command.extend(["-c".into(), (*setting).into()]);
    }
    command
}

fn connect_options(port: u16, password: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(port)
        .username(SUPERUSER)
        .password(password)
        .database(database)
}

async fn until_ready(process: &mut Supervised, options: &PgConnectOptions, log: &Path) -> Result<(), ServerError> {
    let started = Instant::now();
    loop {
        tokio::select! {
            status = process.wait() => {
                let status = status.map_err(ServerError::io("wait for the server that writes", log))?;
                return Err(ServerError::failed("postgres", &status, log));
            }
            connected = timeout(Duration::from_secs(2), PgConnection::connect_with(options)) => match connected {
                Ok(Ok(connection)) => return Ok(connection.close().await?),
                // A server that answers with a wrong password will not learn it.
                Ok(Err(sqlx::Error::Database(error))) if error.code().as_deref() == Some("28P01") => {
                    return Err(ServerError::Database(sqlx::Error::Database(error)));
                }
                _ if started.elapsed() > PATIENCE => {
                    return Err(ServerError::Silent { program: "postgres", seconds: PATIENCE.as_secs(), log: log.to_owned() });
                }
                _ => sleep(Duration::from_millis(30)).await,
            },
        }
    }
}
