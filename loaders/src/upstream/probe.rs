//! Asks every endpoint how it is, again and again, while the flag `guard.health-probes` is on. A connection that is open
//! proves nothing: only an answer does.

use std::{convert::Infallible, future::pending, time::Duration};

use futures_util::future::join_all;
use nova_flags::Flags;
use nova_guard::Trip;
use tokio::{sync::watch, time::sleep};

use super::{Upstream, Upstreams, endpoint::Endpoint};

impl Upstreams {
    /// Asks, until it is dropped.
    pub async fn watch(&self, flags: &Flags) -> Infallible {
        let endpoints = self.all().map(|upstream| {
            let endpoints = upstream.0.endpoints.all().iter();
            join_all(endpoints.map(move |endpoint| upstream.watch(endpoint, flags)))
        });
        join_all(endpoints).await;
        // None of them ends.
        pending().await
    }
}

impl Upstream {
    async fn watch(&self, endpoint: &Endpoint, flags: &Flags) -> Infallible {
        let mut news = flags.subscribe();
        loop {
            let Some(probes) = flags.process().guard_health_probes() else {
                endpoint.found(None);
                changed(&mut news).await;
                continue;
            };
            let health = endpoint.ask(self.0.service, Duration::from_millis(probes.timeout_ms.into())).await;
            self.0.attempts.probed(health);
            endpoint.found(Some(health));
            if self.0.endpoints.all().iter().all(Endpoint::is_gone) {
                // Nobody there: whoever calls would wait for nothing.
                self.0.breaker.trip(Trip::Probe);
            }
            tokio::select! {
                () = sleep(Duration::from_millis(probes.interval_ms.into())) => {}
                () = changed(&mut news) => {}
            }
        }
    }
}

async fn changed(news: &mut watch::Receiver<()>) {
    if news.changed().await.is_err() {
        // Nobody is there to change a flag any more.
        pending::<()>().await;
    }
}
