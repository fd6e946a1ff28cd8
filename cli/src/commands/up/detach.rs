//! `nova up --detach`: starts the same command in the background, and waits until it answers.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{process::Command, time::sleep};

use super::{UpArgs, running, this_binary};
use crate::{
    failure::Failure,
    http, say,
    servers::job,
    signals::Stop,
    world::{RunFile, World},
};

pub(super) async fn run(world: &World, args: &UpArgs) -> Result<(), Failure> {
    let mut stop = Stop::listen(false)?;
    RunFile::remove(&world.data);
    let log = world.log();
    let _ = fs::remove_file(&log);
    let output = File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&log)
        .map_err(Failure::io(format_args!("write {}", log.display())))?;
    let mut command = Command::new(this_binary()?);
    command.args(["up", "--background"]).arg("--data").arg(&world.data).arg("--port").arg(args.port.to_string());
    command.args(["--seed", &args.seed.seed.to_string(), "--log", &args.log]);
    match &args.edges.edges {
        Some(path) => command.arg("--edges").arg(path),
        None => command.args(["--users", &args.seed.users.to_string()]),
    };
    if args.edges.directed {
        command.arg("--directed");
    }
    if let Some(dir) = &args.postgres.dir {
        command.arg("--postgres").arg(dir);
    }
    if args.full {
        command.arg("--full");
    }
    if let Some(dir) = &args.unleash.dir {
        command.arg("--unleash").arg(dir);
    }
    if let Some(commit) = &args.commit {
        command.arg("--commit").arg(commit);
    }
    if let Some(url) = &args.database_url {
        command.env("DATABASE_URL", url); // not as an argument: every user of the machine sees those
    }
    let errors = output.try_clone().map_err(Failure::io("write the log"))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .map_err(Failure::io("start in the background"))?;
    let pid = child.id();
    let mut progress = File::open(&log).map_err(Failure::io("read the log"))?;
    loop {
        tokio::select! {
            status = child.wait() => {
                tell(&mut progress);
                let status = status.map_err(Failure::io("wait for the background process"))?;
                return match job::exit_code(status) {
                    0 => running::report(world, None, args.full).await,
                    code => Err(Failure::Exit(code)),
                };
            }
            () = stop.asked() => {
                if let Some(pid) = pid.and_then(|id| Pid::from_raw(id.cast_signed())) {
                    let _ = kill_process(pid, Signal::TERM);
                }
                let _ = child.wait().await;
                return Err(Failure::Interrupted);
            }
            () = sleep(Duration::from_millis(100)) => tell(&mut progress),
        }
        if let Some(run_file) = RunFile::read(&world.data)?
            && run_file.pids.get("nova").copied() == pid
            && http::answers(&run_file.url).await
        {
            tell(&mut progress);
            say::step(format_args!("in the background; its log is {}", log.display()));
            running::show(&run_file, "nova down");
            return Ok(());
        }
    }
}

/// Passes on what the background process has said since the last time.
fn tell(progress: &mut File) {
    let mut text = Vec::new();
    if progress.read_to_end(&mut text).is_ok() {
        let _ = std::io::stderr().write_all(&text);
    }
}
