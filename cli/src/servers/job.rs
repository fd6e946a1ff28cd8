//! The outside of `nova supervise`: a program that ends with us.

use std::{
    ffi::OsString,
    io,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use super::{Account, supervisor::GRACE};

/// The signal that asks a program to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StopSignal {
    /// SIGTERM: the usual way.
    Term,
    /// SIGINT: what PostgreSQL calls a fast shutdown.
    Int,
}

impl StopSignal {
    fn as_str(self) -> &'static str {
        match self {
            Self::Term => "term",
            Self::Int => "int",
        }
    }
}

impl From<StopSignal> for rustix::process::Signal {
    fn from(signal: StopSignal) -> Self {
        match signal {
            StopSignal::Term => Self::TERM,
            StopSignal::Int => Self::INT,
        }
    }
}

/// A program to run under a supervisor.
#[derive(Debug)]
pub struct Job {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Whom it runs as; `None` is ourselves.
    pub account: Option<Account>,
    /// Where it runs.
    pub dir: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
    /// How it is asked to stop.
    pub stop: StopSignal,
    /// Variables that it gets beside a search path and a locale. They are not arguments: every user of the machine sees those.
    pub environment: Vec<(&'static str, String)>,
    /// Where its process number is kept while it runs.
    pub pid_file: Option<PathBuf>,
    /// What is removed when it has ended.
    pub remove: Option<PathBuf>,
}

/// A program under its supervisor. Dropping this stops the program, without waiting for it.
#[derive(Debug)]
pub struct Supervised {
    child: Child,
    line: ChildStdin,
}

impl Job {
    /// Starts the program under a supervisor; `nova` is the path of the `nova` binary.
    ///
    /// # Errors
    /// The operating system's, when the supervisor can't be started.
    pub fn spawn(self, nova: &Path) -> io::Result<Supervised> {
        let mut command = Command::new(nova);
        command.arg("supervise").arg("--dir").arg(self.dir).arg("--log").arg(self.log);
        command.args(["--stop", self.stop.as_str()]);
        if let Some(account) = self.account {
            command.args(["--uid", &account.uid.to_string(), "--gid", &account.gid.to_string()]);
        }
        for (name, value) in self.environment {
            command.args(["--env", name]).env(name, value);
        }
        if let Some(path) = self.pid_file {
            command.arg("--pid-file").arg(path);
        }
        if let Some(directory) = self.remove {
            command.arg("--remove").arg(directory);
        }
        command.arg("--").args(self.command);
        // Nothing of ours is held open by a supervisor that takes its time; what it has to say is in the log.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn()?;
        let line = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Supervised { child, line })
    }
}

impl Supervised {
    /// Waits for the program to end by itself.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Stops the program and waits until it has ended.
    ///
    /// # Errors
    /// The operating system's, or `TimedOut` when not even the supervisor could end it.
    pub async fn stop(self) -> io::Result<ExitStatus> {
        let Self { mut child, line } = self;
        drop(line);
        timeout(GRACE + Duration::from_secs(5), child.wait()).await?
    }
}

/// The exit code of a program as a shell gives it: 128 and the signal's number for one that was killed.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
