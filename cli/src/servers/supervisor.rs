//! The inside of `nova supervise`: runs one program, and ends it when whoever asked for it is gone.
//!
//! The asker holds the other end of our standard input. However it ends, by SIGKILL too, the system closes that end, and
//! the program is stopped. Whatever the program left is removed if that was asked for.

use std::{
    ffi::OsString,
    fs, io,
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    time::Duration,
};

use rustix::process::{Pid, kill_process};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    time::timeout,
};

use super::StopSignal;

/// How long a program may take to stop before it is killed.
pub const GRACE: Duration = Duration::from_secs(10);

/// What to run, and how.
#[derive(Debug, clap::Args)]
pub struct SuperviseArgs {
    /// User id that the program runs as.
    #[arg(long, requires = "gid")]
    pub uid: Option<u32>,
    /// Group id that the program runs as.
    #[arg(long, requires = "uid")]
    pub gid: Option<u32>,
    /// Directory that the program runs in.
    #[arg(long)]
    pub dir: PathBuf,
    /// File that the program's output is appended to.
    #[arg(long)]
    pub log: PathBuf,
    /// Signal that asks the program to stop.
    #[arg(long, value_enum, default_value_t = StopSignal::Term)]
    pub stop: StopSignal,
    /// Variable of ours that the program gets, too.
    #[arg(long = "env", value_name = "NAME")]
    pub environment: Vec<String>,
    /// File that holds the program's process number while it runs.
    #[arg(long)]
    pub pid_file: Option<PathBuf>,
    /// Directory to remove once the program has ended.
    #[arg(long)]
    pub remove: Option<PathBuf>,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

/// Runs the program to its end; the exit code is the program's, or 128 and the signal's number.
///
/// # Errors
/// The operating system's, when the program can't be started or watched.
pub async fn run(args: &SuperviseArgs) -> io::Result<u8> {
    // Signals for the terminal's foreground group are for the asker: it decides when its servers end.
    let _interrupt = signal(SignalKind::interrupt())?;
    let _hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let asker_gone = asker_gone();
    let mut child = start(args)?;
    if let (Some(path), Some(pid)) = (&args.pid_file, child.id()) {
        fs::write(path, format!("{pid}\n"))?;
    }
    let status = tokio::select! {
        status = child.wait() => status?,
        _ = terminate.recv() => stop(&mut child, args.stop).await?,
        _ = asker_gone => stop(&mut child, args.stop).await?,
    };
    if let Some(path) = &args.pid_file {
        let _ = fs::remove_file(path);
    }
    if let Some(directory) = &args.remove {
        fs::remove_dir_all(directory)?;
    }
    Ok(super::job::exit_code(status))
}

fn start(args: &SuperviseArgs) -> io::Result<Child> {
    let log = fs::File::options().create(true).append(true).mode(0o600).open(&args.log)?;
    let mut report = log.try_clone()?;
    let [program, rest @ ..] = args.command.as_slice() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let mut command = Command::new(program);
    // Should we fail, it does not go on without us.
    command.kill_on_drop(true);
    // A clean environment: neither our secrets nor the user's PG* variables are the server's business, unless we are told so.
    command
        .args(rest)
        .current_dir(&args.dir)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C");
    for name in &args.environment {
        #[expect(clippy::disallowed_methods, reason = "they are somebody else's settings, passed on unread")]
        let value = std::env::var_os(name).unwrap_or_default();
        command.env(name, value);
    }
    command.stdin(std::process::Stdio::null()).stdout(log.try_clone()?).stderr(log);
    if let (Some(uid), Some(gid)) = (args.uid, args.gid) {
        command.uid(uid).gid(gid);
    }
    command.spawn().inspect_err(|error| {
        let _ = writeln!(report, "cannot start {}: {error}", program.display());
    })
}

/// Ends when standard input does. A thread, because a read of standard input can't be cancelled.
fn asker_gone() -> oneshot::Receiver<()> {
    let (gone, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while !matches!(io::stdin().read(&mut buffer), Ok(0) | Err(_)) {}
        let _ = gone.send(());
    });
    receiver
}

async fn stop(child: &mut Child, signal: StopSignal) -> io::Result<std::process::ExitStatus> {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        let _ = kill_process(pid, signal.into());
    }
    if let Ok(status) = timeout(GRACE, child.wait()).await {
        return status;
    }
    child.start_kill()?;
    child.wait().await
}
