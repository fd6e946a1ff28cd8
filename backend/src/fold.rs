//! The background job that folds the changes of counters into their roll-ups.

use std::{convert::Infallible, time::Duration};

use nova_flags::Flags;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    call::Call,
    store::{Store, StoreError},
};

const EVERY: Duration = Duration::from_secs(1);
/// Changes of one statement: short enough to end well before a statement is stopped.
const BATCH: i32 = 5_000;
const BUDGET: Duration = Duration::from_secs(5);

const FOLD: &str = "select fold_counter_deltas($1)";

/// Folds every second, until it is dropped. Any number of processes may do so at once. A failure is left for next time:
/// counts stay right, they only cost more to read.
pub(crate) async fn run(store: &Store, flags: &Flags) -> Infallible {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        while let Ok(true) = fold(store, flags).await {}
    }
}

/// Folds one batch; `true` when there may be more.
async fn fold(store: &Store, flags: &Flags) -> Result<bool, StoreError> {
    let call = Call::within(BUDGET, flags.process());
    let query = sqlx::query_as::<_, (i32,)>(FOLD).bind(BATCH);
    let folded = store.rows(&call, "fold_counter_deltas", query).await?.first().map_or(0, |row| row.0);
    store.metrics().folded(folded.unsigned_abs().into());
    Ok(folded >= BATCH)
}
