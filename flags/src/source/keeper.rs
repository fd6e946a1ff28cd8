//! Keeps the flags in step with their sources: the local ones at start, then Unleash, for as long as the process runs.
//!
//! Three tasks, so that nothing waits for what it has no use for: one asks Unleash, one writes the disk copy, one reports usage.
//! A start waits a moment for Unleash's first answer, and goes on without it.

use std::{sync::Arc, time::Duration};

use nova_core::clock::SharedClock;
use serde_json::value::RawValue;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    config::{Settings, Unleash},
    error::ConfigError,
    local::{take_bootstrap, take_copy, write_copies},
    reporter::Reporter,
    status::Status,
    transport::Tags,
    upstream::Upstream,
};
use crate::{Flags, Source};

/// How long a start waits for Unleash's first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(1);
/// The longest pause while Unleash is away, unless more is set.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a stop waits for the last report and the last copy.
const STOP: Duration = Duration::from_secs(2);

/// What the keeper does not have by itself.
#[derive(Debug, Clone)]
pub struct Means {
    /// For the time of usage reports.
    pub clock: SharedClock,
    /// A random number from 0 to 1: a fleet does not ask all at once.
    pub random: fn() -> f64,
    /// Of the transport that the flags' client has.
    pub tags: Tags,
    /// What operators see.
    pub status: Status,
}

/// The tasks that keep the flags. They end with it.
#[derive(Debug)]
pub struct Keeper {
    tasks: JoinSet<()>,
    stopping: watch::Sender<bool>,
}

/// When to ask.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    poll: Duration,
    random: fn() -> f64,
}

impl Schedule {
    /// The pause after this many failures in a row: a fifth more or less than it is on average.
    fn pause(&self, failures: u32) -> Duration {
        let longest = LONGEST_PAUSE.max(self.poll);
        let pause = self.poll.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(longest);
        pause.mul_f64(0.8 + 0.4 * (self.random)())
    }
}

impl Keeper {
    /// Has `flags` take in what is there, from the first source on that has something, and keeps it up to date from then on.
    ///
    /// # Errors
    /// [`ConfigError`] when the bootstrap file is of no use. Unleash and the disk copy never stop a start.
    pub async fn start(flags: Flags, settings: &Settings, means: Means) -> Result<Self, ConfigError> {
        let mut keeper = Self { tasks: JoinSet::new(), stopping: watch::Sender::new(false) };
        if let Some(path) = settings.file.clone() {
            take_bootstrap(&flags, path).await?;
            means.status.uses(Source::Bootstrap);
        }
        if let Some(unleash) = &settings.unleash {
            keeper.follow(flags, unleash, settings, means).await;
        } else {
            tracing::info!(source = %flags.state().source(), "no Unleash: the flags stay as they are");
        }
        Ok(keeper)
    }

    /// Sends what is left to send, and ends. Takes two seconds at most.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(STOP, ended).await.is_err() {
            tracing::warn!("Unleash did not take the last report of how flags were used");
        }
    }

    async fn follow(&mut self, flags: Flags, unleash: &Unleash, settings: &Settings, means: Means) {
        let (answers, news) = watch::channel(None);
        if let Some(copy) = unleash.copy() {
            let copy = Arc::new(copy);
            let known = take_copy(&flags, &copy, &means.status).await;
            self.tasks.spawn(write_copies(copy, known, news, means.status.clone()));
        }
        let upstream = Upstream {
            flags: flags.clone(),
            features_url: format!("{}/client/features", unleash.api_url),
            tags: means.tags,
            interval_ms: u64::try_from(settings.poll.as_millis()).unwrap_or(u64::MAX),
        };
        let (asked, mut first) = watch::channel(false);
        let schedule = Schedule { poll: settings.poll, random: means.random };
        let poller = Poller { upstream, schedule, status: means.status, answers, asked };
        self.tasks.spawn(poller.run(self.stopping.subscribe()));
        let reporter = Reporter::new(flags, &unleash.api_url, means.clock);
        self.tasks.spawn(report(reporter, settings.usage, self.stopping.subscribe()));
        let _ = timeout(FIRST_ANSWER, first.wait_for(|asked| *asked)).await;
    }
}

struct Poller {
    upstream: Upstream,
    schedule: Schedule,
    status: Status,
    answers: watch::Sender<Option<Arc<RawValue>>>,
    asked: watch::Sender<bool>,
}

impl Poller {
    async fn run(self, mut stopping: watch::Receiver<bool>) {
        tokio::select! {
            () = self.poll() => {}
            () = told(&mut stopping) => {}
        }
    }

    async fn poll(&self) {
        let mut failures = 0_u32;
        loop {
            match self.upstream.sync().await {
                Ok(answer) => {
                    failures = 0;
                    self.status.synced();
                    if let Some(text) = answer {
                        self.answers.send_replace(Some(text.into()));
                    }
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    self.status.failed(&error);
                }
            }
            self.asked.send_replace(true);
            sleep(self.schedule.pause(failures)).await;
        }
    }
}

/// Waits until the keeper is to stop.
async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn report(mut reporter: Reporter, every: Duration, mut stopping: watch::Receiver<bool>) {
    loop {
        reporter.register().await;
        tokio::select! {
            () = sleep(every) => reporter.send().await,
            () = told(&mut stopping) => break,
        }
    }
    reporter.send().await;
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
