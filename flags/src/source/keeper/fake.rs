//! An Unleash in memory, and a process that keeps its flags from it. Time is paused: it moves when everybody waits.

use std::path::PathBuf;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use nova_core::clock::Clock;
use parking_lot::Mutex;
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;
use unleash_api_client::http::{Method, Request, Response, Transport};

use super::*;
use crate::{
    Access, Instance,
    source::{NotModified, SyncError, Token},
};

/// What Unleash answers when it is asked for the flags.
#[derive(Clone, Copy)]
pub(super) enum Answers {
    /// A list of flags that are all off.
    Off(&'static [&'static str]),
    /// This text.
    Says(&'static str),
    Same,
    Fails(fn() -> SyncError),
    Hangs,
}

pub(super) struct Fake {
    answers: Mutex<Answers>,
    takes_reports: Mutex<bool>,
    requests: Mutex<Vec<(Instant, String, Option<Value>)>>,
}

impl Fake {
    pub(super) fn new(answers: Answers) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers), takes_reports: Mutex::new(true), requests: Mutex::default() })
    }

    pub(super) fn set(&self, answers: Answers) {
        *self.answers.lock() = answers;
    }

    pub(super) fn takes_reports(&self, takes: bool) {
        *self.takes_reports.lock() = takes;
    }

    /// When it was asked for `path`, and what was sent there.
    pub(super) fn asked(&self, path: &str) -> Vec<(Instant, Option<Value>)> {
        let requests = self.requests.lock();
        let there = requests.iter().filter(|(_, url, _)| url.ends_with(path));
        there.map(|(at, _, body)| (*at, body.clone())).collect()
    }
}

/// The text of a list of flags that are all off.
pub(super) fn off(names: &[&str]) -> String {
    let features: Vec<_> = names.iter().map(|name| json!({"name": name, "enabled": false, "strategies": []})).collect();
    json!({"version": 2, "features": features}).to_string()
}

#[async_trait]
impl Transport for Fake {
    async fn execute(&self, request: Request) -> Result<Response, anyhow::Error> {
        let body = request.body.map(|body| serde_json::from_slice(&body).unwrap());
        self.requests.lock().push((Instant::now(), request.url, body));
        let ok = |body: String| Ok(Response { status: 200, body: body.into() });
        if matches!(request.method, Method::Post) {
            let takes = *self.takes_reports.lock();
            return if takes { ok(String::new()) } else { Err(SyncError::Unreachable("gone".into()).into()) };
        }
        let answers = *self.answers.lock();
        match answers {
            Answers::Off(names) => ok(off(names)),
            Answers::Says(text) => ok(text.into()),
            Answers::Same => Err(NotModified.into()),
            Answers::Fails(error) => Err(error().into()),
            Answers::Hangs => std::future::pending().await,
        }
    }
}

/// Tells paused time.
#[derive(Debug)]
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::from_std(self.0.elapsed()).unwrap()
    }
}

/// A process, and what it was started with.
pub(super) struct Process {
    pub(super) flags: Flags,
    pub(super) status: Status,
    pub(super) keeper: Keeper,
    registry: Registry,
}

impl Process {
    pub(super) fn metrics(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        text
    }

    /// What holds, and what operators see.
    pub(super) fn is_at(&self, source: Source, batching: bool) -> bool {
        let agreed = self.flags.state().source() == source && self.status.snapshot().source == source;
        agreed
            && self.flags.process().loaders_batching().is_some() == batching
            && self.metrics().contains(&format!("nova_flags_source{{source=\"{source}\"}} 1"))
    }
}

/// Files that outlive processes.
pub(super) struct Place {
    pub(super) directory: TempDir,
    pub(super) file: Option<PathBuf>,
    pub(super) cache: Option<PathBuf>,
    pub(super) environment: &'static str,
}

impl Place {
    pub(super) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let cache = Some(directory.path().join("copy.json"));
        Self { directory, file: None, cache, environment: "production" }
    }

    pub(super) fn with_file(mut self, text: &str) -> Self {
        let path = self.directory.path().join("bootstrap.json");
        std::fs::write(&path, text).unwrap();
        self.file = Some(path);
        self
    }

    pub(super) async fn start(&self, unleash: &Arc<Fake>) -> Process {
        self.try_start(Some(unleash)).await.unwrap()
    }

    pub(super) async fn try_start(&self, fake: Option<&Arc<Fake>>) -> Result<Process, ConfigError> {
        let instance = Instance {
            app_name: "nova-gateway".into(),
            instance_id: "one".into(),
            environment: self.environment.into(),
            app_version: "1".into(),
            region: None,
        };
        let unleash = fake.map(|_| Unleash {
            api_url: "https://unleash.example/api".into(),
            token: "very-secret".parse::<Token>().unwrap(),
            environment: self.environment.into(),
            ca: None,
            cache: self.cache.clone(),
        });
        let access = match (fake, &unleash) {
            (Some(fake), Some(unleash)) => Access {
                api_url: unleash.api_url.clone(),
                token: Some(unleash.token.expose().into()),
                transport: Arc::clone(fake) as _,
            },
            _ => Access::none(),
        };
        let mut registry = Registry::default();
        let flags = Flags::new(access, instance.clone(), &mut registry).unwrap();
        let status = Status::register(&mut registry);
        let (poll, usage) = (Duration::from_secs(2), Duration::from_mins(1));
        let settings = Settings { unleash, file: self.file.clone(), instance, poll, usage };
        let means = Means {
            clock: Arc::new(Paused(Instant::now())),
            random: || 0.5,
            tags: Tags::default(),
            status: status.clone(),
        };
        let keeper = Keeper::start(flags.clone(), &settings, means).await?;
        Ok(Process { flags, status, keeper, registry })
    }
}
