//! Connections, from hand to hand. The library's pool asks the server whether a connection lives each time it comes back:
//! a round trip, a task and its wake-ups after a statement that has just had its answer. So a connection whose statement
//! ended well goes to whoever is next, and at most a second after it left the pool it is given back to it. The pool makes
//! connections, asks after them, and ends them; how many there are at a time is counted here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use nova_flags::Policy;
use parking_lot::Mutex;
use sqlx::{PgConnection, PgPool, Postgres, Transaction, pool::PoolConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use crate::pool::Pool;

/// How long a connection stays out of the pool's hands, unless somebody works with it.
const OUT: Duration = Duration::from_secs(1);

/// All connections of the process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: Pool,
    /// As many as the pool has connections at most: who has a place never waits for the pool longer than it takes to
    /// connect, or to take one back.
    places: Arc<Semaphore>,
    /// Connections that nobody works with, the last used last.
    kept: Mutex<Vec<Kept>>,
    /// Callers who look for a connection, here or in the pool. While there is one, connections go to the pool: a place is
    /// free a little before the connection of an abandoned statement is, and whoever took that place would wait there
    /// beside connections that are handed on here.
    looking: AtomicUsize,
}

/// Somebody looks for a connection, until it is dropped.
struct Looking<'a>(&'a AtomicUsize);

impl<'a> Looking<'a> {
    fn begin(looking: &'a AtomicUsize) -> Self {
        looking.fetch_add(1, SeqCst);
        Self(looking)
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[derive(Debug)]
struct Kept {
    connection: PoolConnection<Postgres>,
    /// When it left the pool.
    since: Instant,
}

impl Kept {
    fn is_due(&self) -> bool {
        self.since.elapsed() >= OUT
    }
}

/// The right to have one of the connections.
pub(crate) type Place = OwnedSemaphorePermit;

/// A connection to work with. Dropped, it goes back to the pool, which waits for what is left of
/// a statement on it.
#[derive(Debug)]
pub(crate) struct Lease {
    kept: Kept,
    place: Place,
    connections: Connections,
}

impl Connections {
    pub(crate) fn new(pool: Pool) -> Self {
        let places = Arc::new(Semaphore::new(pool.connections.options().get_max_connections() as usize));
        Self(Arc::new(Inner { pool, places, kept: Mutex::default(), looking: AtomicUsize::new(0) }))
    }

    /// A connection, or `PoolTimedOut` after as long as `policy` has a call wait.
    pub(crate) async fn acquire(&self, policy: &Policy) -> Result<Lease, sqlx::Error> {
        let Inner { pool, places, looking, .. } = &*self.0;
        let acquire = async {
            let place = Arc::clone(places).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
            // Before the look at what is kept: who keeps a connection after that look sees that somebody waits at the pool.
            let _looking = Looking::begin(looking);
            let kept = match self.next() {
                Some(kept) => kept,
                // Boxed: what it takes to connect is many kilobytes, which every future around this one would carry.
                None => Kept { connection: Box::pin(pool.connections.acquire()).await?, since: Instant::now() },
            };
            Ok(Lease { kept, place, connections: self.clone() })
        };
        timeout(pool.patience(policy), acquire).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// The connection that was used last, unless it is due.
    fn next(&self) -> Option<Kept> {
        let kept = self.0.kept.lock().pop()?;
        (!kept.is_due()).then_some(kept)
    }

    /// Gives back to the pool what is due. Needed when nobody comes: who comes takes what is there.
    pub(crate) fn tidy(&self) {
        let due: Vec<Kept> = self.0.kept.lock().extract_if(.., |kept| kept.is_due()).collect();
        drop(due);
    }

    /// How many nobody works with.
    pub(crate) fn idle(&self) -> usize {
        self.0.pool.connections.num_idle() + self.0.kept.lock().len()
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.0.pool.connections
    }
}

impl Lease {
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.kept.connection
    }

    /// Begins a transaction, whose connection goes back to the pool when it ends. The place is to be held until then.
    pub(crate) async fn begin(self) -> Result<(Transaction<'static, Postgres>, Place), sqlx::Error> {
        let Self { kept, place, .. } = self;
        // A task of its own, as for the commit: a BEGIN that was sent and not waited for would leave a transaction open on a
        // connection that the library takes for a free one. One that nobody waits for any more is rolled back here.
        let begin = async move { Ok((Transaction::begin(kept.connection, None).await?, place)) };
        tokio::spawn(begin).await.unwrap_or(Err(sqlx::Error::PoolClosed))
    }

    /// The work ended well, and nothing of it is left on the connection: whoever is next may have it.
    pub(crate) fn keep(self) {
        let Self { kept, place, connections } = self;
        let mut all = connections.0.kept.lock();
        if kept.is_due() || connections.0.looking.load(SeqCst) > 0 {
            drop(all);
            drop(kept);
        } else {
            all.push(kept);
            drop(all);
        }
        // After the connection is where the next one looks for it.
        drop(place);
    }
}
