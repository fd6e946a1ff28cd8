//! What the guards do while nothing is wrong: how many connections the backend takes at most, and whether a breaker opens.

use std::time::Duration;

use nova_tests::metrics;
use sqlx::PgPool;
use tokio::{sync::oneshot, task::JoinHandle, time::interval};

use crate::report::{Goal, Report};

const EVERY: Duration = Duration::from_millis(50);
/// Of the budget of 75.
const CONNECTIONS: f64 = 31.0;
const BREAKERS: [&str; 4] = ["users", "content", "social", "postgres"];

/// Counts connections until it is asked how many there were.
pub(super) struct Guarded {
    enough: oneshot::Sender<()>,
    most: JoinHandle<i64>,
}

impl Guarded {
    pub(super) fn start(pool: PgPool) -> Self {
        let (enough, mut asked) = oneshot::channel();
        let look = async move {
            let connections = "select count(*) from pg_stat_activity
                where datname = current_database() and application_name = 'nova-backend'";
            let (mut most, mut ticks) = (0, interval(EVERY));
            loop {
                tokio::select! {
                    _ = &mut asked => return most,
                    _ = ticks.tick() => {
                        let now = sqlx::query_scalar::<_, i64>(connections).fetch_one(&pool).await;
                        most = most.max(now.unwrap_or_default());
                    }
                }
            }
        };
        Self { enough, most: tokio::spawn(look) }
    }

    pub(super) async fn report(self, report: &mut Report, admin_url: &str) {
        let _ = self.enough.send(());
        let most = self.most.await.ok().and_then(|most| u32::try_from(most).ok()).unwrap_or_default();
        report.add("connections_peak", "connections", Some(Goal::Below(CONNECTIONS)), vec![f64::from(most)]);
        let mut opened = 0;
        for upstream in BREAKERS {
            let turns = format!("nova_breaker_transitions_total{{upstream=\"{upstream}\",state=\"open\"}}");
            opened += metrics::count(admin_url, &turns).await;
        }
        let opened = f64::from(u32::try_from(opened).unwrap_or(u32::MAX));
        report.add("breakers_opened", "times", Some(Goal::Exactly(0.0)), vec![opened]);
    }
}
