//! The steps from nothing to a gateway that answers. Each finds out what is there already.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use nova_core::{
    UserId,
    token::{TokenSecret, TokenType},
};
use sqlx::{Connection as _, PgConnection};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{UpArgs, this_binary};
use crate::{
    app::{App, AppOptions},
    clock::SystemClock,
    commands::{migrate, seed},
    failure::Failure,
    random, say,
    servers::postgres::{Server, ServerOptions},
    token,
    world::{RunFile, World},
};

/// Where the operator's listener is, unless somebody else is there.
const ADMIN_PORT: u16 = 9180;
/// How long the tokens of the run file are valid: longer than anybody leaves it running.
const TOKEN_TTL: Duration = Duration::from_hours(30 * 24);
/// The database's name in a server of our own.
const DATABASE: &str = "nova";

/// All that runs.
pub(super) struct All {
    pub(super) run_file: RunFile,
    app: App,
    server: Option<Server>,
}

impl All {
    /// Waits until something breaks, and says what.
    pub(super) async fn broken(&mut self) -> Failure {
        let Self { app, server, .. } = self;
        let database = async {
            match server {
                Some(server) => server.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = database => error.into(),
            failure = app.ended() => failure,
        }
    }

    /// Ends all of it: first who asks, then who is asked.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        let stopped = self.app.stop().await;
        if let Some(server) = self.server {
            server.stop().await?;
        }
        stopped
    }
}

pub(super) async fn start(world: &World, args: &UpArgs) -> Result<All, Failure> {
    // The port first: it is what most often is not as wished, and nothing has been done for nothing yet.
    let public = listen(args.port).await.map_err(|error| port_failure(args.port, &error))?;
    let admin = match listen(ADMIN_PORT).await {
        Ok(admin) => admin,
        Err(_) => listen(0).await.map_err(Failure::io("find a free port"))?,
    };
    let server = match &args.database_url {
        Some(_) => None,
        None => Some(database_server(world, args).await?),
    };
    let own = server.as_ref().map(|server| server.url(DATABASE));
    let database_url = own.or_else(|| args.database_url.clone()).unwrap_or_default();
    migrate::migrate(&database_url).await?;
    let mut database = PgConnection::connect(&database_url).await?;
    let populated: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM users)").fetch_one(&mut database).await?;
    if !populated {
        seed::fill(&database_url, &args.seed, &args.edges).await?;
    }
    let user = somebody(&mut database).await?;
    database.close().await?;

    let secret = world.token_secret()?;
    let app = App::start_on(AppOptions::from_environment(&database_url, secret.clone(), args.commit())?, public, admin)
        .await?;
    let mut pids = BTreeMap::from([("nova".to_owned(), std::process::id())]);
    pids.extend(server.as_ref().and_then(Server::pid).map(|pid| ("postgres".to_owned(), pid)));
    let (user, token, debug_token) = match user {
        Some((id, name)) => (name, mint(&secret, id, "")?, mint(&secret, id, "debug")?),
        None => Default::default(),
    };
    let run_file = RunFile {
        url: app.url.clone(),
        admin_url: app.admin_url.clone(),
        database_url,
        user,
        token,
        debug_token,
        pids,
        commit: args.commit(),
    };
    Ok(All { run_file, app, server })
}

async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

fn port_failure(port: u16, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            Failure::Unavailable(format!("port {port} is taken; choose another with --port PORT (0: any free one)"))
        }
        _ => Failure::Unavailable(format!("port {port}: {error}; choose another with --port PORT (0: any free one)")),
    }
}

async fn database_server(world: &World, args: &UpArgs) -> Result<Server, Failure> {
    let nova = this_binary()?;
    say::step("starting PostgreSQL");
    let server = Server::start(ServerOptions {
        nova: &nova,
        home: &world.home,
        fetch_home: &world.home,
        binaries: args.postgres.binaries(world.account.as_ref()).await?,
        account: world.account.clone(),
        new_password: &random::hex(16)?,
        settings: &["max_connections=100"],
        remove_home: false,
    })
    .await?;
    server.ensure_database(DATABASE).await?;
    say::step(format_args!("PostgreSQL {} answers", server.version()));
    Ok(server)
}

/// The first user whose feed has something in it.
async fn somebody(database: &mut PgConnection) -> Result<Option<(Uuid, String)>, Failure> {
    let found = sqlx::query_as(
        "SELECT id, username FROM users AS viewer
         WHERE deleted_at IS NULL AND EXISTS (
             SELECT FROM follows JOIN posts ON posts.author_id = followee_id
             WHERE follower_id = viewer.id AND posts.deleted_at IS NULL)
         ORDER BY created_at, id LIMIT 1",
    );
    Ok(found.fetch_optional(database).await?)
}

fn mint(secret: &TokenSecret, user: Uuid, scope: &str) -> Result<String, Failure> {
    token::mint(secret, &SystemClock, UserId(user), TokenType::Access, scope, TOKEN_TTL)
        .map_err(|error| Failure::Internal(error.to_string()))
}
