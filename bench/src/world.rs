//! What is measured: a database, `nova up` on it, and viewers with a token each. All of it ends with the bench.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nova_cli::{
    clock::SystemClock,
    failure::Failure,
    say,
    servers::postgres::{ScratchOptions, Server, scratch},
    token::mint,
    world::{DataArg, RunFile, World as Home},
};
use nova_core::{
    UserId,
    token::{TokenSecret, TokenType},
};
use sqlx::PgPool;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

/// How long seeding and starting may take.
const PATIENCE: Duration = Duration::from_mins(15);
const TOKEN_TTL: Duration = Duration::from_hours(24);

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
    /// The `nova` binary; left out, the one beside this binary.
    #[arg(long, env = "NOVA_BIN")]
    nova: Option<PathBuf>,
    /// Only fetched binaries are kept there.
    #[command(flatten)]
    data: DataArg,
}

/// A directory that goes with its name.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct World {
    pub(crate) address: SocketAddr,
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
    nova: PathBuf,
    home: Temporary,
    up: Child,
    server: Option<Server>,
}

impl World {
    pub(crate) async fn start(args: &WorldArgs) -> Result<Self, Failure> {
        let this = env::current_exe().map_err(Failure::io("find this program"))?;
        let nova = args.nova.clone().unwrap_or_else(|| this.with_file_name("nova"));
        let home = Temporary(env::temp_dir().join(format!("nova-bench-{}", std::process::id())));
        let server = if args.database_url.is_none() { Some(database(&nova, &args.data.data).await?) } else { None };
        let database_url = server.as_ref().map(|server| server.url("nova")).or_else(|| args.database_url.clone());
        let database_url = database_url.unwrap_or_default();
        let mut up = Command::new(&nova)
            .args(["up", "--port", "0", "--users", &args.users.to_string(), "--data"])
            .arg(&home.0)
            .env("DATABASE_URL", &database_url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::io(format_args!("start {}", nova.display())))?;
        let run_file = run_file(&home.0, &mut up).await?;

        let pool = PgPool::connect(&database_url).await?;
        let home_of_secret = Home::find(&home.0)?.ok_or_else(|| Failure::Internal("nova up left no world".into()))?;
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
        let gone = || Failure::Unavailable("nova up ended as soon as it had started".into());
        Ok(Self {
            address: address(&run_file.url)?,
            pid: up.id().ok_or_else(gone)?,
            postgres_pid,
            viewers,
            tokens,
            pool,
            database_url,
            secret,
            nova,
            home,
            up,
            server,
        })
    }

    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.pool.close().await;
        let down = Command::new(&self.nova).arg("down").arg("--data").arg(&self.home.0).stdout(Stdio::null()).status();
        down.await.map_err(Failure::io("run nova down"))?;
        // What does not end by itself is killed with its handle.
        let _ = timeout(Duration::from_secs(30), self.up.wait()).await;
        match self.server {
            Some(server) => Ok(server.stop().await?),
            None => Ok(()),
        }
    }
}

async fn database(nova: &Path, data: &Path) -> Result<Server, Failure> {
    say::step("starting PostgreSQL");
    let kept = Home::open(data)?;
    let server = scratch(ScratchOptions {
        nova,
        fetch_home: &kept.home,
        binaries: None,
        durable: false,
        settings: &["shared_buffers=512MB", "compute_query_id=on"],
    })
    .await?;
    server.ensure_database("nova").await?;
    Ok(server)
}

/// Waits for what `nova up` writes when it answers.
async fn run_file(home: &Path, up: &mut Child) -> Result<RunFile, Failure> {
    let start = Instant::now();
    loop {
        if let Some(run_file) = RunFile::read(home).ok().flatten() {
            return Ok(run_file);
        }
        if start.elapsed() > PATIENCE || up.try_wait().map_err(Failure::io("wait for nova"))?.is_some() {
            return Err(Failure::Unavailable("nova up did not start".into()));
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn address(url: &str) -> Result<SocketAddr, Failure> {
    let address = url.strip_prefix("http://").and_then(|rest| rest.parse().ok());
    address.ok_or_else(|| Failure::Internal(format!("not an address: {url}")))
}
