//! What the gRPC health service says: of each service whether its store answers, and of the process, by the empty name, that
//! it runs. Whoever asks causes no question to the store: the prober's last answer holds, while `guard.health-probes` is on.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use nova_flags::Flags;
use tokio::sync::watch;
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

/// The health of a process and its services. Cheap to clone; clones say the same.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    reporter: HealthReporter,
    ended: Arc<AtomicBool>,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self { reporter: HealthReporter::new(), ended: Arc::default() }
    }

    /// What is asked over gRPC.
    pub(crate) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// All of `names`, and the process, serve.
    pub(crate) async fn begin(&self, names: &[&str]) {
        self.report(names.iter().chain(&[""]), true).await;
    }

    /// None serves any more.
    pub(crate) async fn end(&self, names: &[&str]) {
        self.ended.store(true, Relaxed);
        self.report(names.iter().chain(&[""]), false).await;
    }

    /// Keeps `names` in step with whether the store is `alive`, until it is dropped. After the [`end`](Self::end) nothing is said.
    pub(crate) async fn follow(&self, names: &[&str], mut alive: watch::Receiver<bool>, flags: &Flags) -> Infallible {
        let mut news = flags.subscribe();
        loop {
            let answers = *alive.borrow_and_update();
            let serving = answers || flags.process().guard_health_probes().is_none();
            if !self.ended.load(Relaxed) {
                self.report(names.iter(), serving).await;
            }
            // Their senders live as long as the backend does.
            tokio::select! {
                _ = alive.changed() => {}
                _ = news.changed() => {}
            }
        }
    }

    async fn report<'a>(&self, names: impl Iterator<Item = &'a &'a str>, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in names {
            self.reporter.set_service_status(*name, status).await;
        }
    }
}
