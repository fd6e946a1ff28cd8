//! The steps from nothing to a gateway that answers. Each finds out what is there already.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use nova_core::{
    Environment, UserId,
    token::{TokenSecret, TokenType},
};
use nova_flags::Token;
use sqlx::{Connection as _, PgConnection};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{UpArgs, this_binary};
use crate::{
    app::{App, AppOptions, bind, settings},
    clock::SystemClock,
    commands::{migrate, seed},
    descriptors,
    failure::Failure,
    flags::{self, UnleashArgs},
    random, say,
    servers::{
        postgres::{Server, ServerOptions},
        unleash::{self, ADMIN_PASSWORD, ADMIN_USER, Unleash, UnleashAccess, UnleashOptions},
    },
    token,
    world::{RunFile, UnleashLogin, World},
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
    unleash: Option<Unleash>,
    server: Option<Server>,
}

impl All {
    /// Waits until something breaks, and says what.
    pub(super) async fn broken(&mut self) -> Failure {
        let Self { app, unleash, server, .. } = self;
        let database = async {
            match server {
                Some(server) => server.ended().await,
                None => std::future::pending().await,
            }
        };
        let unleash = async {
            match unleash {
                Some(unleash) => unleash.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = database => error.into(),
            error = unleash => error.into(),
            failure = app.ended() => failure,
        }
    }

    /// Ends all of it: first who asks, then who is asked.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        let stopped = self.app.stop().await;
        if let Some(unleash) = self.unleash {
            unleash.stop().await?;
        }
        if let Some(server) = self.server {
            server.stop().await?;
        }
        stopped
    }
}

pub(super) async fn start(world: &World, args: &UpArgs) -> Result<All, Failure> {
    // The port first: it is what most often is not as wished, and nothing has been done for nothing yet.
    let public = listen(args.port).map_err(|error| port_failure(args.port, &error))?;
    let admin = match listen(ADMIN_PORT) {
        Ok(admin) => admin,
        Err(_) => listen(0).map_err(Failure::io("find a free port"))?,
    };
    let server = match &args.database_url {
        Some(_) if !args.full => None,
        _ => Some(database_server(world, args).await?),
    };
    let database_url = match (&args.database_url, &server) {
        (Some(theirs), _) => theirs.clone(),
        (None, Some(server)) => {
            server.ensure_database(DATABASE).await?;
            server.url(DATABASE)
        }
        (None, None) => return Err(Failure::Internal("no database".into())),
    };
    let (unleash, user) = tokio::try_join!(unleash_server(world, args, server.as_ref()), fill(&database_url, args))?;
    let secret = world.token_secret()?;
    let mut options = options(&database_url, world, args, unleash.as_ref().map(Unleash::access))?;
    let http = &mut options.gateway.http;
    http.max_connections = descriptors::fit_clients(http.max_connections);
    let app = App::start_on(options, public, admin).await?;
    let mut pids = BTreeMap::from([("nova".to_owned(), std::process::id())]);
    pids.extend(server.as_ref().and_then(Server::pid).map(|pid| ("postgres".to_owned(), pid)));
    pids.extend(unleash.as_ref().and_then(Unleash::pid).map(|pid| ("unleash".to_owned(), pid)));
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
        unleash: unleash.as_ref().map(|unleash| UnleashLogin {
            url: unleash.access().url.clone(),
            user: ADMIN_USER.to_owned(),
            password: ADMIN_PASSWORD.to_owned(),
        }),
        pids,
        commit: args.commit(),
    };
    Ok(All { run_file, app, unleash, server })
}

/// What the app is told; `unleash` is the server that its flags come from, where one runs.
fn options(
    database_url: &str,
    world: &World,
    args: &UpArgs,
    unleash: Option<&UnleashAccess>,
) -> Result<AppOptions, Failure> {
    let mut flags: nova_flags::Config = settings(&[])?;
    if let Some(UnleashAccess { url, client_token, .. }) = unleash {
        flags.unleash_url = Some(url.clone());
        flags.unleash_token = Some(Token::from(client_token.clone()));
        flags.unleash_environment = Some(Environment::development().to_string());
        // No disk copy: Unleash answers before the app starts, each time at another address.
        flags.flags_cache = None;
    }
    AppOptions::from_environment(database_url, world.token_secret()?, args.commit(), &flags)
}

/// Brings the database's schema up to date, and fills it when it has no users; answers somebody to try it as.
async fn fill(database_url: &str, args: &UpArgs) -> Result<Option<(Uuid, String)>, Failure> {
    migrate::migrate(database_url).await?;
    let mut database = PgConnection::connect(database_url).await?;
    let populated: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM users)").fetch_one(&mut database).await?;
    if !populated {
        seed::fill(database_url, &args.seed, &args.edges).await?;
    }
    let user = somebody(&mut database).await?;
    database.close().await?;
    Ok(user)
}

fn listen(port: u16) -> io::Result<TcpListener> {
    bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
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
        port: None,
        remove_home: false,
    })
    .await?;
    say::step(format_args!("PostgreSQL {} answers", server.version()));
    Ok(server)
}

/// Unleash over a database of `server`, with `--full`.
async fn unleash_server(world: &World, args: &UpArgs, server: Option<&Server>) -> Result<Option<Unleash>, Failure> {
    let Some(server) = server.filter(|_| args.full) else { return Ok(None) };
    let nova = this_binary()?;
    let installed = args.unleash.installed(&world.home, world.account.as_ref()).await?;
    server.ensure_database(unleash::DATABASE).await?;
    say::step("starting Unleash");
    let unleash = Unleash::start(UnleashOptions {
        nova: &nova,
        installed,
        account: world.account.clone(),
        home: &world.home,
        remove_home: false,
        log: world.home.join("unleash.log"),
        database_url: &server.url(unleash::DATABASE),
        tokens: world.unleash_tokens()?,
    })
    .await?;
    say::step("Unleash answers");
    match flags::sync(&UnleashArgs::own(unleash.access()).admin()?, false).await {
        // What can't be created was said; it has its default.
        Ok(()) | Err(Failure::Exit(_)) => {}
        Err(failure) => return Err(failure),
    }
    Ok(Some(unleash))
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
