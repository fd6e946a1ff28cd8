//! Gateway and backend in one process, with a database of their own.
#![expect(clippy::unwrap_used, reason = "a test without its gateway has nothing to go on with")]

use std::{sync::Arc, time::Duration};

use nova_cli::app::{App, AppOptions};
use nova_core::{
    UserId,
    clock::{FixedClock, SharedClock},
    token::TokenType,
};
use sqlx::PgPool;

use crate::{
    backend::{HELPERS, id, now, secret},
    client::Client,
    database::TestDatabase,
    world::WORLD,
};

/// A running gateway with its backend.
#[derive(Debug)]
pub struct TestApp {
    /// For the test's own statements.
    pub pool: PgPool,
    /// What runs.
    pub app: App,
    /// Where its data is.
    pub database: TestDatabase,
}

impl TestApp {
    /// Starts over the rows of [`WORLD`].
    ///
    /// # Panics
    /// When something does not start.
    pub async fn start() -> Self {
        Self::over(&[WORLD], |_| {}).await
    }

    /// Starts over the rows that `sql` makes, with changed options.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn over(sql: &[&'static str], change: impl FnOnce(&mut AppOptions)) -> Self {
        let (database, pool) = database(sql).await;
        let mut options = AppOptions::new(database.url(), secret());
        options.gateway.clock = clock();
        change(&mut options);
        Self { pool, app: App::start(options).await.unwrap(), database }
    }

    /// An anonymous client.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        Client::new(&self.app.url)
    }

    /// A client of user `n`.
    #[must_use]
    pub fn user(&self, n: u128) -> Client {
        self.anonymous().bearing(&token(n, TokenType::Access, ""))
    }

    /// A client of user `n` that sees the debug view.
    #[must_use]
    pub fn debugging(&self, n: u128) -> Client {
        self.anonymous().bearing(&token(n, TokenType::Access, "debug")).with("x-nova-debug", "1")
    }

    /// Runs statements on the store, beside the backend.
    ///
    /// # Panics
    /// When one fails.
    pub async fn sql(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.pool).await.unwrap();
    }
}

/// A database with the rows that `sql` makes.
///
/// # Panics
/// When a statement fails.
pub async fn database(sql: &[&'static str]) -> (TestDatabase, PgPool) {
    let database = TestDatabase::new().await;
    let pool = database.pool().await;
    for sql in [HELPERS].iter().chain(sql) {
        sqlx::raw_sql(*sql).execute(&pool).await.unwrap();
    }
    (database, pool)
}

/// The clock of every test: it stands still.
#[must_use]
pub fn clock() -> SharedClock {
    Arc::new(FixedClock(now()))
}

/// A token of user `n`.
///
/// # Panics
/// Never, in practice: the claims are plain.
#[must_use]
pub fn token(n: u128, token_type: TokenType, scope: &str) -> String {
    let ttl = Duration::from_mins(1);
    nova_cli::token::mint(&secret(), &FixedClock(now()), UserId(id(n)), token_type, scope, ttl).unwrap()
}
