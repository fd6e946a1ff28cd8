//! Finds out whether the store answers, on a connection of its own, so that full places are in nobody's way. What it finds
//! opens and closes the breaker, and is what the services' health says. No call of a client ever tries.

use std::{convert::Infallible, sync::Arc, sync::atomic::Ordering::Relaxed, time::Duration};

use nova_core::patiently;
use nova_guard::{Permit, Phase, Trip};
use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, sleep};

use super::{
    Pool,
    connection::{Connection, Slot},
    faults,
};

/// How often it asks while the breaker is closed. While it is open, the breaker's pause says when.
const EVERY: Duration = Duration::from_secs(1);
/// How long the store has to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How exactly the end of the pause is met.
const TICK: Duration = Duration::from_millis(20);

/// Connections that the server has for those who are no superusers.
const ROOM: &str = "select current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0)";

/// The prober's own connection.
struct Own {
    connection: PgConnection,
    born: Instant,
}

impl Pool {
    /// Asks, until it is dropped.
    pub(super) async fn probe(&self) -> Infallible {
        let breaker = self.breaker();
        let mut own = None;
        loop {
            let phase = breaker.phase();
            match phase {
                Phase::Closed | Phase::Isolated => {
                    let alive = self.look(&mut own).await;
                    self.tell(alive && breaker.phase() != Phase::Isolated);
                    tokio::select! {
                        () = sleep(EVERY) => {}
                        () = self.0.suspicion.notified() => {}
                        () = breaker.opened(), if phase == Phase::Closed => {}
                    }
                }
                Phase::Open | Phase::HalfOpen => match breaker.probe() {
                    Some(permit) => {
                        let alive = self.try_again(permit, &mut own).await;
                        self.tell(alive);
                    }
                    None => sleep(TICK).await,
                },
            }
        }
    }

    /// Whether the store answers. When it does not, the breaker opens.
    async fn look(&self, own: &mut Option<Own>) -> bool {
        self.0.answered.store(false, Relaxed);
        let lifetime = self.0.limits.lifetime;
        let why = match own.take().filter(|own| own.born.elapsed() < lifetime) {
            Some(mut young) => match patiently(PATIENCE, young.connection.ping()).await {
                Some(Ok(())) => {
                    self.answered();
                    *own = Some(young);
                    return true;
                }
                // It may be this connection alone that was ended.
                Some(Err(_)) => self.reach_anew(own).await,
                None => Some(Trip::Probe),
            },
            None => self.reach_anew(own).await,
        };
        match why {
            None => true,
            // Calls were answered while the prober waited: what is slow is this process.
            Some(Trip::Probe) if self.0.answered.load(Relaxed) => true,
            Some(why) => {
                self.breaker().trip(why);
                false
            }
        }
    }

    /// Makes the prober's own connection; why that says that the store is away, if it does.
    async fn reach_anew(&self, own: &mut Option<Own>) -> Option<Trip> {
        match self.reach().await {
            Ok(new) => {
                *own = Some(new);
                None
            }
            // It answers, and who has a connection is served.
            Err(error) if faults::is_full(&error) => None,
            Err(error) => {
                tracing::warn!(%error, "the store does not answer its prober");
                let refused = faults::refuses(&error) && !faults::is_late(&error);
                Some(if refused { Trip::Refused } else { Trip::Probe })
            }
        }
    }

    /// Whether the store takes a new connection. When it does, the breaker closes, and what there was before is gone. The
    /// prober has its own by then, so that nobody's rush is in its way.
    async fn try_again(&self, permit: Permit<'_>, own: &mut Option<Own>) -> bool {
        self.0.epoch.fetch_add(1, Relaxed);
        let lives = match own {
            Some(own) => matches!(patiently(PATIENCE, own.connection.ping()).await, Some(Ok(()))),
            None => false,
        };
        let place = Arc::clone(&self.0.places).try_acquire_owned().ok();
        let slot = place.as_ref().and_then(|_| self.0.idle.reserve_below(self.0.limits.places()));
        let made = match slot {
            // The one that it has may be the last that the server gave.
            Some(slot) if lives => match patiently(PATIENCE, self.connect_and_ask(slot)).await {
                Some(Ok(connection)) => Some(Some(connection)),
                Some(Err(error)) if faults::is_full(&error) => {
                    // It answers, and takes nobody more: what there was before is all that there will be.
                    self.0.epoch.fetch_sub(1, Relaxed);
                    permit.recovered();
                    return true;
                }
                Some(Err(_)) | None => None,
            },
            slot => {
                drop(slot);
                self.renew(own).await.then_some(None)
            }
        };
        let Some(connection) = made else {
            permit.failed();
            return false;
        };
        drop(self.0.idle.take_all());
        if let Some(connection) = connection {
            self.0.idle.push(connection);
        }
        // To connect takes time that is ours as well.
        permit.recovered();
        true
    }

    async fn connect_and_ask(&self, slot: Slot) -> Result<Connection, sqlx::Error> {
        let mut connection = self.connect(slot).await?;
        ask(&mut connection.postgres).await?;
        Ok(connection)
    }

    /// Makes the prober's own connection anew.
    async fn renew(&self, own: &mut Option<Own>) -> bool {
        *own = None;
        *own = self.reach().await.ok();
        own.is_some()
    }

    /// A connection of the prober's, over which the store has answered.
    async fn reach(&self) -> Result<Own, sqlx::Error> {
        let reach = async {
            let mut connection = PgConnection::connect_with(&self.0.options).await?;
            ask(&mut connection).await?;
            if !self.0.weighed.swap(true, Relaxed) {
                self.weigh(&mut connection).await?;
            }
            Ok(Own { connection, born: Instant::now() })
        };
        patiently(PATIENCE, reach).await.unwrap_or_else(|| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
    }

    /// Says in the log when all processes may want more connections than the server has.
    async fn weigh(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let room: i32 = sqlx::query_scalar(ROOM).fetch_one(connection).await?;
        let budget = self.0.limits.budget;
        if i64::from(room) < i64::from(budget) {
            tracing::warn!(budget, room, "DB_CONNECTION_BUDGET is more than the server has connections for");
        }
        Ok(())
    }

    fn tell(&self, alive: bool) {
        self.0.alive.send_if_modified(|known| std::mem::replace(known, alive) != alive);
    }
}

async fn ask(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("select 1").execute(connection).await.map(drop)
}
