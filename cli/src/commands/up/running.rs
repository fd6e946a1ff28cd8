//! What `nova up` says of a world that runs, be it ours or somebody else's.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    failure::Failure,
    http, say,
    world::{Locked, RunFile, UnleashLogin, World},
};

/// How long a start by somebody else is waited for.
const PATIENCE: Duration = Duration::from_mins(2);

/// A second `nova up`: waits until the first one answers, and says how to reach it, and whether it lacks what `--full` has.
pub(super) async fn report(world: &World, holder: Option<i32>, full: bool) -> Result<(), Failure> {
    let holder = holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
    let started = Instant::now();
    let mut said = false;
    loop {
        if let Some(run_file) = RunFile::read(&world.data)?
            && http::answers(&run_file.url).await
        {
            say::step(format_args!("{holder} runs already"));
            show(&run_file, "nova down");
            if full && run_file.unleash.is_none() {
                say::step("it runs without Unleash; for `--full`, end it first");
            }
            return Ok(());
        }
        if let Locked::Ours(_) = world.lock()? {
            return Err(Failure::Unavailable(format!("{holder} was starting, and gave up; try again")));
        }
        if started.elapsed() > PATIENCE {
            return Err(Failure::Unavailable(format!("{holder} runs, but does not answer; end it with `nova down`")));
        }
        if !said {
            said = true;
            say::step(format_args!("{holder} is starting; waiting for it"));
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// How to reach what runs.
pub(super) fn show(run_file: &RunFile, end: &str) {
    say::result(format_args!("answers at  {}/graphql", run_file.url));
    say::result(format_args!("in browser  {}", run_file.browser()));
    say::result(format_args!("operator    {}", run_file.admin_url));
    if let Some(UnleashLogin { url, user, password }) = &run_file.unleash {
        say::result(format_args!("unleash     {url}  (user {user}, password {password})"));
    }
    if run_file.token.is_empty() {
        say::result(
            "no user     the database is empty of users who follow somebody; `nova token --user NAME` for others",
        );
    } else {
        say::result(format_args!("user        {}", run_file.user));
        say::result(format_args!("token       {}", run_file.token));
        say::result(format_args!("try         {}", run_file.curl()));
    }
    say::result(format_args!("end         {end}"));
}
