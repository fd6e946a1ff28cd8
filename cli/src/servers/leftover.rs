//! A server of an earlier run that is still there: one whose asker was killed is given the time to stop, one whose
//! supervisor was killed too is told to.

use std::{fs, io::ErrorKind, path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::time::{Instant, sleep};

use super::{ServerError, StopSignal, supervisor::GRACE};

/// Waits until the server called `program` that `pid_file` names does not work in `dir` any more; `stop` is how it is asked
/// to end.
///
/// # Errors
/// [`ServerError::Silent`] for a server that will not end.
pub(super) async fn wait_until_gone(
    program: &'static str,
    pid_file: &Path,
    dir: &Path,
    stop: StopSignal,
) -> Result<(), ServerError> {
    let started = Instant::now();
    let mut asked = 0;
    while let Some(pid) = running(pid_file, dir) {
        // A supervisor needs a moment to notice; then we ask ourselves, politely, and in the end not.
        let waited = started.elapsed();
        if waited > GRACE * 2 {
            return Err(ServerError::Silent { program, seconds: waited.as_secs(), log: pid_file.to_owned() });
        }
        if asked == 0 && waited > Duration::from_secs(2) {
            asked = 1;
            let _ = kill_process(pid, stop.into());
        } else if asked == 1 && waited > GRACE {
            asked = 2;
            let _ = kill_process(pid, Signal::KILL);
        }
        sleep(Duration::from_millis(50)).await;
    }
    // Its number may belong to somebody else by now, whom PostgreSQL, say, would take for a server of its data.
    let _ = fs::remove_file(pid_file);
    Ok(())
}

/// The process of the server that `pid_file` names, if it lives and really is that server.
fn running(pid_file: &Path, dir: &Path) -> Option<Pid> {
    let text = fs::read_to_string(pid_file).ok()?;
    let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
    test_kill_process(pid).ok()?;
    // A server works in a directory of ours. Where /proc does not tell, the number has to be enough.
    match fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero())) {
        Ok(works_in) => (works_in == dir).then_some(pid),
        // It has ended, and waits for its parent to take note.
        Err(error) if error.kind() == ErrorKind::NotFound && Path::new("/proc/self").exists() => None,
        Err(_) => Some(pid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_number_that_somebody_else_has_now_is_no_server() {
        let data = std::env::temp_dir().join(format!("nova-leftover-{}", std::process::id()));
        fs::create_dir_all(&data).unwrap();
        // This very process lives, but works elsewhere.
        let pid_file = data.join("server.pid");
        fs::write(&pid_file, format!("{}\n", std::process::id())).unwrap();
        wait_until_gone("a server", &pid_file, &data, StopSignal::Term).await.unwrap();
        assert!(!pid_file.exists());
        fs::remove_dir_all(data).unwrap();
    }
}
