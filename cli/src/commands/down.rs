//! `nova down`: ends what `nova up` started, politely first.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::{
    failure::Failure,
    say,
    servers::{postgres, unleash},
    world::{DataArg, Lock, Locked, RunFile, World},
};

/// How long a graceful end may take: the gateway's drain, then the database.
const GRACE: Duration = Duration::from_secs(45);

pub(super) async fn run(args: &DataArg) -> Result<(), Failure> {
    match World::find(&args.data)? {
        None => say::result(format_args!("nothing runs: {} has no world", args.data.display())),
        Some(world) => {
            let runs = matches!(world.lock()?, Locked::Theirs(_));
            drop(end(&world).await?);
            say::result(if runs { "stopped" } else { "nothing runs" });
        }
    }
    Ok(())
}

/// Ends whatever runs in `world`; the lock is the proof that nothing does any more.
pub(super) async fn end(world: &World) -> Result<Lock, Failure> {
    let started = Instant::now();
    let mut asked = None;
    loop {
        match world.lock()? {
            Locked::Ours(lock) => {
                unleash::wait_until_gone(&world.home).await?;
                postgres::wait_until_gone(&world.cluster()).await?;
                RunFile::remove(&world.data);
                return Ok(lock);
            }
            Locked::Theirs(holder) => {
                let signal = if started.elapsed() < GRACE { Signal::TERM } else { Signal::KILL };
                if let Some(pid) = holder.and_then(Pid::from_raw)
                    && asked != Some((pid, signal))
                {
                    say::step(format_args!("stopping process {}", pid.as_raw_nonzero()));
                    kill_process(pid, signal)
                        .map_err(|error| Failure::Unavailable(format!("cannot stop it: {error}")))?;
                    asked = Some((pid, signal));
                }
                if started.elapsed() > GRACE * 2 {
                    return Err(Failure::Unavailable(format!("{} is still in use", world.data.display())));
                }
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
}
