//! A migrated Postgres database for one test, gone when the test is over.
//!
//! The server is a real one that whoever starts the tests provides; this module never starts or stops it. Databases are
//! copies of a template that is migrated once per set of migrations.
#![expect(clippy::unwrap_used, reason = "a test that can't have its database has nothing to go on with")]

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    str::FromStr as _,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, PgPool, postgres::PgConnectOptions};

/// Names the server: an address of a database whose user may create others.
const VARIABLE: &str = "NOVA_TEST_DATABASE_URL";
/// Held while the template is made.
const TEMPLATE_LOCK: i64 = 0x6e6f_7661_7465_7374;

/// A database of its own for one test.
#[derive(Debug)]
pub struct TestDatabase {
    server: PgConnectOptions,
    name: String,
    url: String,
}

impl TestDatabase {
    /// Creates a migrated, otherwise empty database.
    ///
    /// # Panics
    /// Without a server in `NOVA_TEST_DATABASE_URL`, or when it refuses.
    pub async fn new() -> Self {
        let server = server();
        let mut connection = PgConnection::connect_with(&server).await.unwrap();
        let template = template(&server, &mut connection).await;
        let database = Self::create(server, &mut connection, &format!("template {template}")).await;
        connection.close().await.unwrap();
        database
    }

    /// Creates a database without anything in it.
    ///
    /// # Panics
    /// As [`TestDatabase::new`].
    pub async fn empty() -> Self {
        let server = server();
        let mut connection = PgConnection::connect_with(&server).await.unwrap();
        let database = Self::create(server, &mut connection, "").await;
        connection.close().await.unwrap();
        database
    }

    async fn create(server: PgConnectOptions, connection: &mut PgConnection, options: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("nova_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        // An earlier process with this number may have died before it could clean up.
        execute(connection, format!("drop database if exists {name} with (force)")).await;
        execute(connection, format!("create database {name} {options}")).await;
        let url = server.clone().database(&name).to_url_lossy().to_string();
        Self { server, name, url }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A pool of its own connections, apart from those of what is tested.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn pool(&self) -> PgPool {
        PgPool::connect(&self.url).await.unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A runtime of its own: this one may be the one that is going down.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                // A connection that the test left half made holds the server up until its log-in times out, a minute
                // later: its socket closes only with the runtime that waits for this.
                let bounded = server.options([("statement_timeout", "2s")]);
                let mut connection = PgConnection::connect_with(&bounded).await?;
                let sql = format!("drop database if exists {name} with (force)");
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.map(drop)
            })
        });
        // What is left behind goes with the server, or is found by the next process of that number.
        let _ = dropping.join();
    }
}

/// A connection to the server that holds the advisory lock `key` until it is dropped; waits for it.
pub(crate) async fn lock(key: i64) -> PgConnection {
    let mut connection = PgConnection::connect_with(&server()).await.unwrap();
    execute(&mut connection, format!("select pg_advisory_lock({key})")).await;
    connection
}

fn server() -> PgConnectOptions {
    #[expect(clippy::disallowed_methods, reason = "the tests' composition root")]
    let url = std::env::var(VARIABLE);
    let Ok(url) = url else {
        panic!(
            "{VARIABLE} names no server. Run `./nova test`, which starts one, or set it to the address of a Postgres"
        )
    };
    PgConnectOptions::from_str(&url).unwrap().disable_statement_logging()
}

/// The name of the migrated template; makes it when nobody has.
async fn template(server: &PgConnectOptions, connection: &mut PgConnection) -> String {
    let mut hasher = DefaultHasher::new();
    for migration in nova_migrations::ALL {
        (migration.version, migration.sql).hash(&mut hasher);
    }
    let name = format!("nova_template_{:016x}", hasher.finish());

    execute(connection, format!("select pg_advisory_lock({TEMPLATE_LOCK})")).await;
    // Being marked as a template is the sign that it was finished.
    let finished: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = $1 and datistemplate)")
            .bind(&name)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
    if !finished {
        execute(connection, format!("drop database if exists {name} with (force)")).await;
        execute(connection, format!("create database {name}")).await;
        let url = server.clone().database(&name).to_url_lossy().to_string();
        nova_migrations::run(&url, |_| {}).await.unwrap();
        execute(connection, format!("alter database {name} is_template true")).await;
    }
    execute(connection, format!("select pg_advisory_unlock({TEMPLATE_LOCK})")).await;
    name
}

async fn execute(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}
