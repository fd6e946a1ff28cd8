//! The only way to Postgres: a pool with a breaker before it. Who wants a connection gets a [`Lease`], is told within a bounded
//! time that there is none, or is refused at once. A connection itself never leaves this folder, and nobody else makes one.
//!
//! Connections that exist, those of abandoned statements and the prober's own among them, are never more than
//! [`Limits::connections`] (`docs/decisions/store-pool.md`).

mod closing;
mod connection;
mod faults;
mod idle;
mod lease;
mod limits;
mod maintenance;
mod metrics;
mod prober;
mod rule;

pub(crate) use self::{
    faults::{Verdict, verdict},
    lease::Lease,
    limits::Limits,
    metrics::PoolMetrics,
};

use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use nova_flags::Policy;
use nova_guard::{Breaker, Permit, Probes};
use sqlx::postgres::PgConnectOptions;
use tokio::{
    sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

use self::{closing::HardCloses, connection::Connection, idle::Idle, metrics::Tallies};

/// What operators call the store.
const NAME: &str = "postgres";
/// Connections that are made at a time for calls: in a burst the others wait for one of those, or for one that comes free.
const DOORS: usize = 4;
/// How long a connection that has rested may take to show that it lives.
const PING: Duration = Duration::from_millis(500);
/// How long a call waited for a connection before it was told at once.
const OLD_PATIENCE: Duration = Duration::from_secs(10);

/// A pool of connections to Postgres. Cheap to clone; clones are the same pool. It connects when somebody needs it.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    options: PgConnectOptions,
    limits: Limits,
    breaker: Arc<Breaker>,
    /// The right to have one of the connections at work. One fewer than connections may exist: the prober has its own.
    places: Arc<Semaphore>,
    /// The right to make a connection now.
    doors: Semaphore,
    /// Callers who wait for a place.
    waiting: AtomicUsize,
    idle: Idle,
    /// How often connections from before became of no use.
    epoch: AtomicU64,
    /// Something broke: the prober is to look now.
    suspicion: Notify,
    /// Whether the prober had its answer.
    alive: watch::Sender<bool>,
    /// Whether a call had its answer since the prober last looked.
    answered: AtomicBool,
    /// Whether the server was asked how many connections it takes.
    weighed: AtomicBool,
    closes: HardCloses,
    tallies: Tallies,
}

/// The right to have one of the connections at work, of the pool's and of the share's.
#[derive(Debug)]
struct Place {
    _of_pool: OwnedSemaphorePermit,
    _of_share: OwnedSemaphorePermit,
}

/// How much of the pool one service may have at a time. What is stuck in one service, at a locked table, then leaves
/// connections for the others. Cheap to clone; clones are the same share.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    places: Arc<Semaphore>,
    /// Callers who wait for a place of it.
    waiting: Arc<AtomicUsize>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoConnection {
    #[error("refused: {0}")]
    Refused(Refused),
    #[error(transparent)]
    Failed(#[from] sqlx::Error),
}

/// Why a call was refused before anything was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the breaker is not closed")]
    Breaker,
    #[error("pool saturated")]
    Saturated,
}

/// Somebody waits for a place, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Pool {
    /// A pool that connects as `options` say.
    pub(crate) fn new(options: PgConnectOptions, limits: Limits) -> Self {
        Self(Arc::new(Inner {
            options,
            breaker: Arc::new(Breaker::new(NAME, Probes::Prober, rule::DEFAULTS)),
            places: Arc::new(Semaphore::new(limits.places())),
            doors: Semaphore::new(DOORS),
            waiting: AtomicUsize::new(0),
            idle: Idle::new(),
            epoch: AtomicU64::new(0),
            suspicion: Notify::new(),
            alive: watch::Sender::new(true),
            answered: AtomicBool::new(false),
            weighed: AtomicBool::new(false),
            closes: HardCloses::default(),
            tallies: Tallies::default(),
            limits,
        }))
    }

    /// The breaker before the store.
    pub(crate) fn breaker(&self) -> &Arc<Breaker> {
        &self.0.breaker
    }

    /// What has to be done beside calls, until it is dropped: without it nothing closes the breaker.
    pub(crate) async fn work(&self) -> Infallible {
        // Boxed: what it takes to connect is many kilobytes.
        let (maintaining, probing) = (Box::pin(self.maintain()), Box::pin(self.probe()));
        tokio::select! {
            never = maintaining => never,
            never = probing => never,
        }
    }

    /// Whether the store answers its prober.
    pub(crate) fn alive(&self) -> watch::Receiver<bool> {
        self.0.alive.subscribe()
    }

    /// The share of one of `services` that use this pool.
    pub(crate) fn share(&self, services: usize) -> Share {
        let places = share_of(self.0.limits.places(), services);
        Share { places: Arc::new(Semaphore::new(places)), waiting: Arc::default() }
    }

    /// A connection out of `share`, for a call under `policy`. From the moment that it has a place, the call is counted: `permit` is set, and
    /// the caller says what became of it.
    ///
    /// # Errors
    /// [`NoConnection`]: refused, or the server does not take us.
    pub(crate) async fn acquire<'a>(
        &'a self,
        policy: &Policy,
        share: &Share,
        permit: &mut Option<Permit<'a>>,
    ) -> Result<Lease, NoConnection> {
        let Inner { breaker, idle, .. } = &*self.0;
        let rule = rule::of(policy);
        let place = match self.place_now(share) {
            Some(place) => place,
            None => Box::pin(self.wait(policy, share, rule.is_some())).await?,
        };
        let refused = |_| self.refuse(Refused::Breaker);
        *permit = Some(breaker.enter(rule.as_ref()).map_err(refused)?);
        if let Some(connection) = idle.trusted() {
            return Ok(Lease::new(connection, place, self.clone()));
        }
        // Boxed: what it takes to connect is many kilobytes, which every future around this one would carry.
        let connection = Box::pin(async {
            tokio::select! {
                biased;
                found = self.find() => found,
                // Nothing of the call was sent yet.
                () = breaker.opened(), if rule.is_some() => Err(self.refuse(Refused::Breaker)),
            }
        });
        let lease = Lease::new(connection.await?, place, self.clone());
        // The time that it took to connect, which is ours as well, says nothing of how fast the store answers.
        if let Some(permit) = permit.take() {
            permit.ignored();
        }
        *permit = Some(breaker.enter(rule.as_ref()).map_err(refused)?);
        Ok(lease)
    }

    /// A place, if there is one now.
    fn place_now(&self, share: &Share) -> Option<Place> {
        let of_share = Arc::clone(&share.places).try_acquire_owned().ok()?;
        let of_pool = Arc::clone(&self.0.places).try_acquire_owned().ok()?;
        Some(Place { _of_pool: of_pool, _of_share: of_share })
    }

    /// Waits for a place: as long as `policy` says, and no longer than the breaker is closed.
    async fn wait(&self, policy: &Policy, share: &Share, ruled: bool) -> Result<Place, NoConnection> {
        let Inner { places, breaker, waiting, limits, .. } = &*self.0;
        let (_waiting, _of_share) = (Waiting::begin(waiting), Waiting::begin(&share.waiting));
        if share.waiting.load(Relaxed) > limits.waiting() {
            return Err(self.refuse(Refused::Saturated));
        }
        let patience = if policy.guard_fast_acquire() { limits.acquire } else { limits.acquire.max(OLD_PATIENCE) };
        // The share's first: who waits for that takes nothing from others.
        let place = async {
            let of_share = Arc::clone(&share.places).acquire_owned().await?;
            let of_pool = Arc::clone(places).acquire_owned().await?;
            Ok::<_, AcquireError>(Place { _of_pool: of_pool, _of_share: of_share })
        };
        tokio::select! {
            biased;
            () = breaker.opened(), if ruled => {
                // Counted as a call that the breaker refused, unless it closed this very moment.
                drop(breaker.enter(Some(&breaker.thresholds())));
                Err(self.refuse(Refused::Breaker))
            }
            place = timeout(patience, place) => match place {
                Ok(Ok(place)) => Ok(place),
                // Nobody closes the semaphore.
                Ok(Err(_)) => Err(self.refuse(Refused::Saturated)),
                Err(_) => {
                    self.0.tallies.timeouts.fetch_add(1, Relaxed);
                    Err(self.refuse(Refused::Saturated))
                }
            },
        }
    }

    fn refuse(&self, why: Refused) -> NoConnection {
        let tallies = &self.0.tallies;
        let tally = match why {
            Refused::Breaker => &tallies.refused_breaker,
            Refused::Saturated => &tallies.refused_saturated,
        };
        tally.fetch_add(1, Relaxed);
        NoConnection::Refused(why)
    }

    /// A connection that nobody works with and that still answers, or a new one. The caller has a place.
    async fn find(&self) -> Result<Connection, NoConnection> {
        let mut door = None;
        loop {
            match self.0.idle.take(door.is_some()) {
                Ok(mut connection) => match timeout(PING.min(self.0.limits.connect), connection.ping()).await {
                    Ok(Ok(())) => return Ok(connection),
                    Ok(Err(_)) | Err(_) => self.suspect(),
                },
                Err(Some(slot)) => return Ok(self.connect(slot).await?),
                // Nobody closes it. When it is our turn, a connection may have come free.
                Err(None) => door = Some(self.0.doors.acquire().await),
            }
        }
    }

    /// Something broke that the whole server may have to do with: the prober looks now, and who finds a connection that
    /// nobody has used since asks whether it lives.
    pub(crate) fn suspect(&self) {
        self.0.idle.distrust();
        self.0.suspicion.notify_one();
    }

    /// Whether a call, or the prober, had its answer since the prober last looked.
    pub(crate) fn has_answered(&self) -> bool {
        self.0.answered.load(Relaxed)
    }

    /// A call had its answer.
    fn answered(&self) {
        // Read first: it is one word for all processors.
        if !self.0.answered.load(Relaxed) {
            self.0.answered.store(true, Relaxed);
        }
    }

    /// Takes a connection back that nothing is left to be done on.
    fn put_back(&self, connection: Connection) {
        if connection.is_of(self.0.epoch.load(Relaxed)) && !connection.is_old() {
            self.0.idle.push(connection);
        }
    }
}

/// How many of `places` one of `services` may have: when all but one are stuck, the last one has a sixth left.
fn share_of(places: usize, services: usize) -> usize {
    match services {
        0 | 1 => places,
        _ => (places.saturating_sub((places / 6).max(1)) / (services - 1)).max(1),
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options hold a password.
        f.debug_struct("Pool").field("limits", &self.0.limits).field("breaker", &self.0.breaker).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_service_has_places_when_all_others_are_stuck() {
        assert_eq!((share_of(29, 1), share_of(29, 2), share_of(29, 3)), (29, 25, 12));
        for (places, services) in (3..60).flat_map(|places| [2, 3].map(|services| (places, services))) {
            assert!(share_of(places, services) * (services - 1) < places, "{places} {services}");
        }
        assert_eq!(share_of(1, 3), 1, "there is nothing to divide");
    }
}
