//! The data directory of a PostgreSQL server: made once, whole or not at all, and open to its own password only.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::timeout;

use super::Binaries;
use crate::servers::{
    Account, Job, ServerError, StopSignal,
    account::{private_directory, private_file},
};

/// The superuser of every server that nova starts.
pub(super) const SUPERUSER: &str = "nova";
/// How long `initdb` may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where one server keeps what it has, below a directory of nova's.
#[derive(Debug)]
pub(super) struct Cluster {
    /// PostgreSQL's data directory.
    pub(super) data: PathBuf,
    /// The superuser's password; not the server's to read.
    pub(super) password: PathBuf,
    /// What the server writes.
    pub(super) log: PathBuf,
}

impl Cluster {
    pub(super) fn below(home: &Path) -> Self {
        Self { data: home.join("postgres"), password: home.join("postgres.password"), log: home.join("postgres.log") }
    }

    /// The major version that made the data; `None` when there are none.
    pub(super) fn version(&self) -> Option<u32> {
        fs::read_to_string(self.data.join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// Makes the data directory, unless there is one; answers the superuser's password.
    pub(super) async fn ensure(
        &self,
        nova: &Path,
        binaries: &Binaries,
        account: Option<&Account>,
        password: &str,
    ) -> Result<String, ServerError> {
        if self.version().is_some() {
            return fs::read_to_string(&self.password).map_err(ServerError::io("read", &self.password));
        }
        private_file(&self.password, password, None).map_err(ServerError::io("write", &self.password))?;
        let unfinished = self.data.with_extension("new");
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ServerError::io("remove", &unfinished)(error));
            }
            _ => {}
        }
        private_directory(&unfinished, account).map_err(ServerError::io("create", &unfinished))?;
        // initdb reads the password as the server's account, so it gets a copy of its own.
        let copy = self.data.with_extension("pwfile");
        private_file(&copy, password, account).map_err(ServerError::io("write", &copy))?;
        let made = self.initdb(nova, binaries, account, &unfinished, &copy).await;
        let _ = fs::remove_file(&copy);
        made?;
        fs::rename(&unfinished, &self.data).map_err(ServerError::io("finish", &self.data))?;
        Ok(password.to_owned())
    }

    async fn initdb(
        &self,
        nova: &Path,
        binaries: &Binaries,
        account: Option<&Account>,
        into: &Path,
        password: &Path,
    ) -> Result<(), ServerError> {
        // By code point, and with the letters of all scripts, where the C library has that.
        let locale = if cfg!(target_os = "linux") { "--locale=C.UTF-8" } else { "--no-locale" };
        let mut command: Vec<OsString> = vec![binaries.dir.join("initdb").into(), "-D".into(), into.into()];
        command.extend(["-U", SUPERUSER, "-E", "UTF8", locale, "--auth=scram-sha-256"].map(OsString::from));
        command.extend(["--pwfile".into(), password.into()]);
        let job = Job {
            command,
            account: account.cloned(),
            dir: into.to_owned(),
            log: self.log.clone(),
            stop: StopSignal::Term,
            environment: Vec::new(),
            pid_file: None,
            remove: None,
        };
        let mut initdb = job.spawn(nova).map_err(ServerError::io("start", nova))?;
        match timeout(PATIENCE, initdb.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(ServerError::failed("initdb", &status, &self.log)),
            Ok(Err(error)) => Err(ServerError::failed("initdb", &error, &self.log)),
            Err(_) => {
                Err(ServerError::Silent { program: "initdb", seconds: PATIENCE.as_secs(), log: self.log.clone() })
            }
        }
    }
}
