//! `nova up` in a process of its own, in a directory that goes with it.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nova_cli::{failure::Failure, world::RunFile};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// How long seeding and starting may take.
const PATIENCE: Duration = Duration::from_mins(15);

/// A directory that goes with its name.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct Up {
    pub(crate) run_file: RunFile,
    pub(crate) pid: u32,
    nova: PathBuf,
    home: Temporary,
    child: Child,
}

impl Up {
    /// Starts `nova` on a database that has, or gets, so many people, with these variables beside our own.
    pub(crate) async fn start(
        nova: &Path,
        database_url: &str,
        users: u32,
        environment: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let home = Temporary(env::temp_dir().join(format!("nova-bench-{}", std::process::id())));
        let mut child = Command::new(nova)
            .args(["up", "--port", "0", "--users", &users.to_string(), "--data"])
            .arg(&home.0)
            .env("DATABASE_URL", database_url)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::io(format_args!("start {}", nova.display())))?;
        let run_file = run_file(&home.0, &mut child).await?;
        let gone = || Failure::Unavailable("nova up ended as soon as it had started".into());
        Ok(Self { run_file, pid: child.id().ok_or_else(gone)?, nova: nova.to_owned(), home, child })
    }

    /// The directory that it works in.
    pub(crate) fn home(&self) -> &Path {
        &self.home.0
    }

    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        let down = Command::new(&self.nova).arg("down").arg("--data").arg(&self.home.0).stdout(Stdio::null()).status();
        down.await.map_err(Failure::io("run nova down"))?;
        // What does not end by itself is killed with its handle.
        let _ = timeout(Duration::from_secs(30), self.child.wait()).await;
        Ok(())
    }
}

/// Waits for what `nova up` writes when it answers.
async fn run_file(home: &Path, up: &mut Child) -> Result<RunFile, Failure> {
    let start = Instant::now();
    loop {
        if let Some(run_file) = RunFile::read(home).ok().flatten() {
            return Ok(run_file);
        }
        if start.elapsed() > PATIENCE || up.try_wait().map_err(Failure::io("wait for nova"))?.is_some() {
            return Err(Failure::Unavailable("nova up did not start".into()));
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// The address in `http://ADDRESS`.
pub(crate) fn address(url: &str) -> Result<SocketAddr, Failure> {
    let address = url.strip_prefix("http://").and_then(|rest| rest.parse().ok());
    address.ok_or_else(|| Failure::Internal(format!("not an address: {url}")))
}
