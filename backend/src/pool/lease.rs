//! A connection to work with. What it is dropped in the middle of is stopped; what is left of a transaction is rolled back.

use sqlx::{
    FromRow, Postgres,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
};

use super::{Place, Pool, connection::Connection, faults};

/// A connection, until it is dropped. It then goes back to the pool, unless a statement is under way on it.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Both are there until it is dropped.
    held: Option<(Connection, Place)>,
    pool: Pool,
    state: State,
    /// Whether a statement on it is never ended by us.
    patient: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is left to be done.
    Clean,
    /// A statement is under way.
    Busy,
    /// Between the statements of a transaction.
    Transaction,
    /// Of no more use.
    Broken,
}

impl Lease {
    pub(super) fn new(connection: Connection, place: Place, pool: Pool) -> Self {
        Self { held: Some((connection, place)), pool, state: State::Clean, patient: false }
    }

    /// All rows of a statement.
    pub(crate) async fn rows<T>(&mut self, query: QueryAs<'_, Postgres, T, PgArguments>) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let connection = connection(&mut self.held)?;
        let before = std::mem::replace(&mut self.state, State::Busy);
        let outcome = query.fetch_all(&mut connection.postgres).await;
        self.settle(before, outcome)
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.command("begin", State::Transaction).await
    }

    /// Ends it. Whoever does not wait for the answer leaves the server alone with it: nothing here takes a commit back.
    pub(crate) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.patient = true;
        let outcome = self.command("commit", State::Clean).await;
        if self.state == State::Transaction {
            // The server refused, and has rolled it back.
            self.state = State::Clean;
        }
        outcome
    }

    async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        self.command("rollback", State::Clean).await
    }

    async fn command(&mut self, command: &'static str, after: State) -> Result<(), sqlx::Error> {
        let connection = connection(&mut self.held)?;
        let before = std::mem::replace(&mut self.state, State::Busy);
        let outcome = sqlx::raw_sql(command).execute(&mut connection.postgres).await;
        self.settle(before, outcome)?;
        self.state = after;
        Ok(())
    }

    fn settle<T>(&mut self, before: State, outcome: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.state = before;
        if outcome.is_ok() {
            self.pool.answered();
        }
        if let Err(error) = &outcome {
            if !faults::leaves_usable(error) {
                self.state = State::Broken;
            }
            if faults::is_suspicious(error) {
                self.pool.suspect();
            }
        }
        outcome
    }
}

fn connection(held: &mut Option<(Connection, Place)>) -> Result<&mut Connection, sqlx::Error> {
    // It is there until the lease is dropped.
    held.as_mut().map(|(connection, _)| connection).ok_or(sqlx::Error::PoolClosed)
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some((connection, place)) = self.held.take() else { return };
        match self.state {
            State::Clean => self.pool.put_back(connection),
            State::Broken => drop(connection),
            State::Busy => return self.pool.abandon(connection, place, self.patient),
            State::Transaction => {
                let pool = self.pool.clone();
                let held = Some((connection, place));
                let rest = Self { held, pool, state: State::Broken, patient: true };
                return self.pool.later(async move {
                    let mut rest = rest;
                    // Whatever it says: it is on the connection that the next one sees whether it can be used.
                    let _ = rest.roll_back().await;
                });
            }
        }
        // After the connection is where the next one looks for it.
        drop(place);
    }
}
