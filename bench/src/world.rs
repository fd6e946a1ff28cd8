//! What is measured: a database, `nova up` on it, and viewers with a token each. All of it ends with the bench.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use nova_cli::{
    clock::SystemClock,
    failure::Failure,
    say,
    servers::postgres::{ScratchOptions, Server, scratch},
    token::mint,
    world::{DataArg, World as Home},
};
use nova_core::{
    UserId,
    token::{TokenSecret, TokenType},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::up::{Up, address};

pub(crate) const TOKEN_TTL: Duration = Duration::from_hours(24);

#[derive(Debug, clap::Args)]
pub(crate) struct WorldArgs {
    /// People in the network.
    #[arg(long, default_value_t = 100_000)]
    users: u32,
    /// Different viewers.
    #[arg(long, default_value_t = 20_000)]
    viewers: u32,
    /// An empty or seeded database; left out, a server of our own is started.
    #[arg(long)]
    database_url: Option<String>,
    #[command(flatten)]
    nova: NovaArgs,
}

/// What is run.
#[derive(Debug, clap::Args)]
pub(crate) struct NovaArgs {
    /// The `nova` binary; left out, the one beside this binary.
    #[arg(long, env = "NOVA_BIN")]
    nova: Option<PathBuf>,
    /// Only fetched binaries are kept there.
    #[command(flatten)]
    data: DataArg,
}

impl NovaArgs {
    /// The `nova` binary.
    pub(crate) fn binary(&self) -> Result<PathBuf, Failure> {
        let this = env::current_exe().map_err(Failure::io("find this program"))?;
        Ok(self.nova.clone().unwrap_or_else(|| this.with_file_name("nova")))
    }

    /// Where fetched binaries are kept.
    pub(crate) fn home(&self) -> Result<Home, Failure> {
        Home::open(&self.data.data)
    }
}

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    /// Where its operator connects.
    pub(crate) admin_url: String,
    pub(crate) pid: u32,
    /// The database server, when it runs here and tells us.
    pub(crate) postgres_pid: Option<u32>,
    /// People who ask.
    pub(crate) viewers: Vec<UserId>,
    /// One for each of them.
    pub(crate) tokens: Vec<String>,
    pub(crate) pool: PgPool,
    pub(crate) database_url: String,
    /// What tokens are signed with.
    pub(crate) secret: TokenSecret,
    up: Up,
    server: Option<Server>,
}

impl World {
    pub(crate) async fn start(args: &WorldArgs) -> Result<Self, Failure> {
        Self::start_with(args, &[]).await
    }

    /// [`start`](Self::start) with these variables beside our own.
    pub(crate) async fn start_with(args: &WorldArgs, environment: &[(&str, &str)]) -> Result<Self, Failure> {
        let nova = args.nova.binary()?;
        let server =
            if args.database_url.is_none() { Some(database(&nova, &args.nova.home()?.home).await?) } else { None };
        let database_url = server.as_ref().map(|server| server.url("nova")).or_else(|| args.database_url.clone());
        let database_url = database_url.unwrap_or_default();
        let up = Up::start(&nova, &database_url, args.users, environment).await?;

        let pool = PgPool::connect(&database_url).await?;
        let home_of_secret = Home::find(up.home())?.ok_or_else(|| Failure::Internal("nova up left no world".into()))?;
        let secret = home_of_secret.token_secret()?;
        let viewers: Vec<Uuid> =
            sqlx::query_scalar("select id from users where deleted_at is null order by md5(id::text) limit $1")
                .bind(i64::from(args.viewers))
                .fetch_all(&pool)
                .await?;
        let viewers: Vec<UserId> = viewers.into_iter().map(UserId).collect();
        let tokens = viewers
            .iter()
            .map(|id| mint(&secret, &SystemClock, *id, TokenType::Access, "", TOKEN_TTL))
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::Internal(error.to_string()))?;
        // Only a superuser may look; then the figures of the database are left out.
        let postgres_pid =
            sqlx::query_scalar::<_, String>("select pg_read_file('postmaster.pid')").fetch_one(&pool).await;
        let postgres_pid = postgres_pid.ok().and_then(|text| text.lines().next()?.trim().parse().ok());
        Ok(Self {
            address: address(&up.run_file.url)?,
            admin_url: up.run_file.admin_url.clone(),
            pid: up.pid,
            postgres_pid,
            viewers,
            tokens,
            pool,
            database_url,
            secret,
            up,
            server,
        })
    }

    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.pool.close().await;
        self.up.stop().await?;
        match self.server {
            Some(server) => Ok(server.stop().await?),
            None => Ok(()),
        }
    }
}

/// A server of our own, whose binaries are kept in `fetch_home`, with an empty database `nova`.
pub(crate) async fn database(nova: &Path, fetch_home: &Path) -> Result<Server, Failure> {
    say::step("starting PostgreSQL");
    let server = scratch(ScratchOptions {
        nova,
        fetch_home,
        binaries: None,
        durable: false,
        settings: &["shared_buffers=512MB", "compute_query_id=on"],
    })
    .await?;
    server.ensure_database("nova").await?;
    Ok(server)
}
