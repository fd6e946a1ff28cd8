//! A Postgres server of one test's own, which can be killed, stopped and started again where it was.
#![expect(clippy::unwrap_used, reason = "a test without its server has nothing to go on with")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use nova_cli::servers::{
    Account, free_port,
    postgres::{Server, ServerOptions},
};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::time::{Duration, sleep};

use crate::backend::HELPERS;

/// Starts that may fail because something of the server before is still there.
const TRIES: u32 = 100;

/// A migrated server with data of its own, at one address for good.
#[derive(Debug)]
pub struct OwnPostgres {
    server: Option<Server>,
    port: u16,
    settings: &'static [&'static str],
    /// Its processes that stand still.
    stopped: Vec<Pid>,
    home: TempDir,
}

impl OwnPostgres {
    /// Starts one that holds what `rows` (SQL) puts there, with settings (`name=value`) beside the usual.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(rows: &'static str, settings: &'static [&'static str]) -> Self {
        // The server runs under an account that has to get in.
        let home = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let mut own = Self { server: None, port: free_port().unwrap(), settings, stopped: Vec::new(), home };
        own.start_again().await;
        nova_migrations::run(&own.url(), |_| {}).await.unwrap();
        let pool = PgPool::connect(&own.url()).await.unwrap();
        for sql in [HELPERS, rows] {
            sqlx::raw_sql(sql).execute(&pool).await.unwrap();
        }
        pool.close().await;
        own
    }

    /// Where it is.
    ///
    /// # Panics
    /// While it does not run.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.as_ref().unwrap().url("postgres")
    }

    /// Starts it again, with its data.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "the tests' composition root")]
        let nova = PathBuf::from(std::env::var("NOVA_BIN").unwrap());
        let mut tries = 0;
        loop {
            let started = Server::start(ServerOptions {
                nova: &nova,
                home: self.home.path(),
                fetch_home: self.home.path(),
                binaries: None,
                account: Account::for_servers().unwrap(),
                new_password: "of a test",
                settings: self.settings,
                port: Some(self.port),
                remove_home: false,
            });
            match started.await {
                Ok(server) => {
                    self.server = Some(server);
                    return;
                }
                // What is left of one that was killed goes soon.
                Err(error) => {
                    tries += 1;
                    assert!(tries < TRIES, "{error}");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// SIGKILL to all of its processes, the first one first.
    ///
    /// # Panics
    /// While it does not run.
    pub async fn kill(&mut self) {
        signal(Signal::KILL, &self.processes());
        self.server.take().unwrap().ended().await;
    }

    /// All of its processes stand still: it takes connections, and says nothing.
    ///
    /// # Panics
    /// While it does not run.
    pub fn freeze(&mut self) {
        self.stopped = self.processes();
        signal(Signal::STOP, &self.stopped);
    }

    /// They go on.
    pub fn thaw(&mut self) {
        signal(Signal::CONT, &std::mem::take(&mut self.stopped));
    }

    /// The first one first.
    fn processes(&self) -> Vec<Pid> {
        let first = self.server.as_ref().unwrap().pid().unwrap().to_string();
        let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let is_child = |pid: &String| {
            // One that has ended meanwhile has no parent.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(')').is_some_and(|(_, rest)| rest.split_whitespace().nth(1) == Some(&first))
        };
        let children: Vec<_> = all.filter(is_child).collect();
        std::iter::once(&first).chain(&children).filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        self.thaw();
    }
}

/// One that has ended meanwhile needs no signal.
fn signal(signal: Signal, processes: &[Pid]) {
    for pid in processes {
        let _ = kill_process(*pid, signal);
    }
}
