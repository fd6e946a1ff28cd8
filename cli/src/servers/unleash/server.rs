//! An Unleash server of our own: on 127.0.0.1, with tokens of its own, asking nobody outside, ending with us.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::{Tokens, UnleashAccess};
use crate::{
    http::status,
    servers::{Account, Job, ServerError, StopSignal, Supervised, free_port, leftover, npm::Installed},
};

/// How long a server may take until it answers. The first start makes its tables, in about 8 s on a machine without other
/// work; the machine may be building meanwhile.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often another port is tried when somebody was faster.
const PORT_TRIES: u8 = 4;
/// What Node says of a port that somebody else has. Unleash logs it, and goes on without listening.
const PORT_TAKEN: &str = "EADDRINUSE";

/// What a server needs to be told.
#[derive(Debug, Clone)]
pub struct UnleashOptions<'a> {
    /// The `nova` binary, for the supervisor.
    pub nova: &'a Path,
    /// What is run.
    pub installed: Installed,
    /// Whom it runs as; `None` is ourselves.
    pub account: Option<Account>,
    /// The directory that it works in.
    pub home: &'a Path,
    /// Remove `home` when the server has ended, however that comes about.
    pub remove_home: bool,
    /// What it writes goes there.
    pub log: PathBuf,
    /// Its database, which it makes its tables in.
    pub database_url: &'a str,
    /// What it lets in. A database knows the tokens of its first start.
    pub tokens: Tokens,
}

/// A server, started. Dropping it stops it, without waiting.
#[derive(Debug)]
pub struct Unleash {
    process: Supervised,
    access: UnleashAccess,
    port: u16,
    log: PathBuf,
    pid_file: PathBuf,
}

impl Unleash {
    /// Starts a server on a free port, and waits until it answers and knows its tokens.
    ///
    /// # Errors
    /// [`ServerError`] says what went wrong.
    pub async fn start(options: UnleashOptions<'_>) -> Result<Self, ServerError> {
        let mut tries = PORT_TRIES;
        loop {
            tries -= 1;
            let mut unleash = Self::spawn(options.clone()).await?;
            match unleash.ready().await {
                Ok(()) => return Ok(unleash),
                Err(error) if tries > 0 && error.is_taken_port() => unleash.stop().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts a server that does not answer yet; [`Unleash::ready`] waits for that.
    ///
    /// # Errors
    /// [`ServerError`] when an earlier one does not end, or the program can't be started.
    pub async fn spawn(options: UnleashOptions<'_>) -> Result<Self, ServerError> {
        let UnleashOptions { nova, installed, account, home, remove_home, log, database_url, tokens } = options;
        wait_until_gone(home).await?;
        let pid_file = pid_file(home);
        let _ = fs::remove_file(&log);
        let port = free_port().map_err(ServerError::io("find a free port for", &installed.dir))?;
        let url = format!("http://127.0.0.1:{port}");
        let job = Job {
            command: vec![installed.node.program.into(), installed.main.into()],
            account,
            dir: home.to_owned(),
            log: log.clone(),
            stop: StopSignal::Term,
            environment: environment(port, &url, database_url, &tokens),
            pid_file: Some(pid_file.clone()),
            remove: remove_home.then(|| home.to_owned()),
        };
        let process = job.spawn(nova).map_err(ServerError::io("start", nova))?;
        let access = UnleashAccess { url, client_token: tokens.client, admin_token: tokens.admin };
        Ok(Self { process, access, port, log, pid_file })
    }

    /// How to reach it.
    #[must_use]
    pub fn access(&self) -> &UnleashAccess {
        &self.access
    }

    /// The server's process, not its supervisor's.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()
    }

    /// Waits until it answers and knows its tokens.
    ///
    /// # Errors
    /// [`ServerError`] says what it did instead.
    pub async fn ready(&mut self) -> Result<(), ServerError> {
        let health = format!("{}/health", self.access.url);
        let started = Instant::now();
        loop {
            tokio::select! {
                status = self.process.wait() => {
                    let status = status.map_err(ServerError::io("wait for the server that writes", &self.log))?;
                    return Err(ServerError::failed("Unleash", &status, &self.log));
                }
                status = status(&health, None) => if status == Some(StatusCode::OK) { break },
            }
            if fs::read_to_string(&self.log).is_ok_and(|text| text.contains(PORT_TAKEN)) {
                return Err(ServerError::PortTaken { program: "Unleash", port: self.port });
            }
            if started.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                return Err(ServerError::Silent { program: "Unleash", seconds, log: self.log.clone() });
            }
            sleep(Duration::from_millis(100)).await;
        }
        let flags = format!("{}/api/client/features", self.access.url);
        match status(&flags, Some(&self.access.client_token)).await {
            Some(StatusCode::OK) => Ok(()),
            status => Err(ServerError::Refused(format!(
                "Unleash does not know its token ({}): its database was made with another one; `nova clean` makes both anew",
                status.map_or_else(|| "no answer".to_owned(), |status| status.to_string())
            ))),
        }
    }

    /// Waits for the server to end by itself, and says how it did.
    pub async fn ended(&mut self) -> ServerError {
        let status = self.process.wait().await;
        let status = status.map_or_else(|error| error.to_string(), |status: ExitStatus| status.to_string());
        ServerError::failed("Unleash", &status, &self.log)
    }

    /// Stops the server and waits until it has ended.
    ///
    /// # Errors
    /// [`ServerError::Io`] when it can't be waited for.
    pub async fn stop(self) -> Result<(), ServerError> {
        self.process.stop().await.map(|_| ()).map_err(ServerError::io("stop the server that writes", &self.log))
    }
}

/// Waits until no server works in `home` any more.
///
/// # Errors
/// [`ServerError::Silent`] for a server that will not end.
pub async fn wait_until_gone(home: &Path) -> Result<(), ServerError> {
    leftover::wait_until_gone("an earlier Unleash server", &pid_file(home), home, StopSignal::Term).await
}

fn pid_file(home: &Path) -> PathBuf {
    home.join("unleash.pid")
}

/// All that Unleash is told. It asks nobody whether there is a newer one, and tells nobody how it is used.
fn environment(port: u16, url: &str, database_url: &str, tokens: &Tokens) -> Vec<(&'static str, String)> {
    vec![
        ("NODE_ENV", "production".into()),
        ("LOG_LEVEL", "warn".into()),
        ("HTTP_HOST", "127.0.0.1".into()),
        ("HTTP_PORT", port.to_string()),
        ("UNLEASH_URL", url.into()),
        ("DATABASE_URL", database_url.into()),
        ("DATABASE_SSL", "false".into()),
        ("UNLEASH_SECRET", tokens.session.clone()),
        ("INIT_ADMIN_API_TOKENS", tokens.admin.clone()),
        ("INIT_BACKEND_API_TOKENS", tokens.client.clone()),
        ("CHECK_VERSION", "false".into()),
        ("SEND_TELEMETRY", "false".into()),
    ]
}
