//! The background job that forgets what is past its time: idempotency keys, and events that every sink has had.

use std::{convert::Infallible, sync::Arc, time::Duration};

use nova_flags::{Flags, Policy};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    call::Call,
    store::{Store, StoreError},
};

const EVERY: Duration = Duration::from_mins(1);
/// Rows of one statement.
const BATCH: i64 = 5_000;
const BUDGET: Duration = Duration::from_secs(5);

/// Each takes the size of a batch as `$1`. Whatever another process is just forgetting is left to it.
const SWEEPS: [(&str, &str); 2] = [
    (
        "sweep_idempotency_keys",
        "with old as (
            select user_id, key from idempotency_keys where created_at < now() - interval '24 hours'
            order by created_at limit $1 for update skip locked
        ), gone as (
            delete from idempotency_keys k using old where (k.user_id, k.key) = (old.user_id, old.key) returning 1
        ) select count(*) from gone",
    ),
    (
        "sweep_outbox_events",
        "with old as (
            select id from outbox_events e where created_at < now() - interval '24 hours'
                and not exists (select from outbox_deliveries d where d.event_id = e.id)
            order by created_at limit $1 for update skip locked
        ), gone as (
            delete from outbox_events e using old where e.id = old.id returning 1
        ) select count(*) from gone",
    ),
];

/// Sweeps every minute while the flag `jobs.sweep` is on, until it is dropped. Any number of processes may do so at once. A failure is left for next time.
pub(crate) async fn run(store: &Store, flags: &Flags) -> Infallible {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut news = flags.subscribe();
    loop {
        ticks.tick().await;
        let mut policy = flags.process();
        store.metrics().swept(policy.jobs_sweep());
        while !policy.jobs_sweep() {
            // The sender is in `flags`, which is here.
            let _ = news.changed().await;
            policy = flags.process();
        }
        for (operation, sql) in SWEEPS {
            // A switch is obeyed before each batch: after days off there are many.
            while flags.process().jobs_sweep() && matches!(sweep(store, &policy, operation, sql).await, Ok(true)) {}
        }
    }
}

/// Sweeps one batch; `true` when there may be more.
async fn sweep(
    store: &Store,
    policy: &Arc<Policy>,
    operation: &'static str,
    sql: &'static str,
) -> Result<bool, StoreError> {
    let query = sqlx::query_as::<_, (i64,)>(sql).bind(BATCH);
    let rows = store.rows(&Call::within(BUDGET, Arc::clone(policy)), operation, query).await?;
    Ok(rows.first().is_some_and(|(swept,)| *swept >= BATCH))
}
