//! The feed without a gateway: one handler, the same statements, the same bytes. What it can do without: GraphQL, gRPC,
//! batching, deadlines, metrics, and any other query.

use std::{
    collections::HashMap,
    env,
    io::Read as _,
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    str::FromStr as _,
    sync::Arc,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::{DateTime, SecondsFormat, Utc};
use nova_cli::{clock::SystemClock, failure::Failure};
use nova_core::{
    PostId, UserId,
    token::{TokenSecret, TokenVerifier},
};
use serde::{Deserialize, Serialize};
use sqlx::{
    ConnectOptions as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
};
use uuid::Uuid;

use super::statements::{COMMENTS, FEED, LIKES, USERS, VIEWER_LIKES};
use crate::world::World;

/// How its connections name themselves to the database.
pub(super) const APPLICATION: &str = "nova-bench-plain";

/// What the backend has with all services.
const CONNECTIONS: u32 = 30;

#[derive(Debug, clap::Args)]
pub(crate) struct PlainArgs {
    /// The database.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// What tokens are signed with.
    #[arg(long, env = "NOVA_TOKEN_SECRET", hide_env_values = true)]
    token_secret: String,
}

/// The handler's process, which ends with its handle.
pub(super) struct PlainHandler {
    pub(super) address: SocketAddr,
    pub(super) pid: u32,
    _process: Child,
}

impl PlainHandler {
    /// Starts it on the database of `world`, with the tokens of `world`.
    pub(super) async fn start(world: &World) -> Result<Self, Failure> {
        let mut process = Command::new(env::current_exe().map_err(Failure::io("find this program"))?)
            .arg("plain-handler")
            .env("DATABASE_URL", &world.database_url)
            .env("NOVA_TOKEN_SECRET", String::from_utf8_lossy(world.secret.expose()).as_ref())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::io("start the plain handler"))?;
        let silent = || Failure::Unavailable("the plain handler did not start".into());
        let stdout = process.stdout.take().ok_or_else(silent)?;
        let line = BufReader::new(stdout).lines().next_line().await.map_err(Failure::io("hear the plain handler"))?;
        let address = line.ok_or_else(silent)?.parse().map_err(|_| silent())?;
        Ok(Self { address, pid: process.id().ok_or_else(silent)?, _process: process })
    }
}

struct Plain {
    pool: PgPool,
    verifier: TokenVerifier,
}

/// Serves on a free port, which is the first line on stdout, until stdin ends.
pub(crate) async fn serve(args: PlainArgs) -> Result<(), Failure> {
    let secret = TokenSecret::new(args.token_secret).map_err(|error| Failure::Config(error.to_string()))?;
    let pool = pool(&args.database_url).map_err(|error| Failure::Config(format!("DATABASE_URL: {error}")))?;
    let plain = Arc::new(Plain { pool, verifier: TokenVerifier::new(&secret, Arc::new(SystemClock)) });

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Failure::io("listen"))?;
    println!("{}", listener.local_addr().map_err(Failure::io("listen"))?);
    let router = Router::new().route("/graphql", post(answer)).with_state(plain);
    let parent = async {
        let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
    };
    axum::serve(listener, router).with_graceful_shutdown(parent).await.map_err(Failure::io("serve"))
}

/// As many connections as the backend has, and sessions like its own.
fn pool(database_url: &str) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(database_url)?
        .application_name(APPLICATION)
        .options([("statement_timeout", "2000"), ("client_connection_check_interval", "250ms"), ("jit", "off")])
        .disable_statement_logging();
    Ok(PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false).connect_lazy_with(options))
}

#[derive(Deserialize)]
struct Parameters {
    query: String,
}

/// A post as the statement has it; all of it is null in the one row of an empty feed.
type PostRow = (
    i64,
    Option<Uuid>,
    Option<Uuid>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
);
type UserRow = (Uuid, String, String, Option<String>, Option<String>, bool, DateTime<Utc>, bool);

async fn answer(State(plain): State<Arc<Plain>>, headers: HeaderMap, body: Bytes) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let verified = match token {
        Some(token) => plain.verifier.verify(token).await.ok(),
        None => None,
    };
    let Some(viewer) = verified else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match serde_json::from_slice::<Parameters>(&body) {
        Ok(Parameters { query }) if query == super::QUERY => {}
        _ => return StatusCode::BAD_REQUEST.into_response(),
    }
    match feed(&plain.pool, viewer.user_id.0).await {
        Ok(Some(body)) => ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response(),
        Ok(None) => StatusCode::UNAUTHORIZED.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// The answer's body; `None` when the viewer is gone.
async fn feed(pool: &PgPool, viewer: Uuid) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let page = sqlx::query_as::<_, PostRow>(FEED)
        .bind(vec![viewer])
        .bind(vec![None::<DateTime<Utc>>])
        .bind(vec![None::<Uuid>])
        .bind(vec![20_i32]);
    let viewer_row = sqlx::query_as::<_, UserRow>(USERS).bind(vec![viewer]);
    let (mut rows, viewer_row) = tokio::try_join!(page.fetch_all(pool), viewer_row.fetch_all(pool))?;
    if viewer_row.first().is_none_or(|viewer| viewer.7) {
        return Ok(None);
    }
    let has_next_page = rows.len() > 20;
    rows.truncate(20);
    let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.1).collect();
    let mut authors: Vec<Uuid> = rows.iter().filter_map(|row| row.2).collect();
    authors.sort_unstable();
    authors.dedup();
    let (users, likes, comments, by_viewer) = if ids.is_empty() {
        Default::default()
    } else {
        tokio::try_join!(
            sqlx::query_as::<_, UserRow>(USERS).bind(authors).fetch_all(pool),
            sqlx::query_as::<_, (Uuid, i64)>(LIKES).bind(&ids).fetch_all(pool),
            sqlx::query_as::<_, (Uuid, i64)>(COMMENTS).bind(&ids).fetch_all(pool),
            sqlx::query_as::<_, (Uuid, bool)>(VIEWER_LIKES).bind(&ids).bind(viewer).fetch_all(pool),
        )?
    };
    let users: HashMap<Uuid, &UserRow> = users.iter().map(|user| (user.0, user)).collect();
    let likes: HashMap<Uuid, i64> = likes.into_iter().collect();
    let comments: HashMap<Uuid, i64> = comments.into_iter().collect();
    let by_viewer: HashMap<Uuid, bool> = by_viewer.into_iter().collect();
    let nodes = rows
        .iter()
        .filter_map(|(_, id, author, body, content_type, category, created_at, _)| {
            let id = (*id)?;
            Some(Node {
                id: PostId(id).to_global(),
                body: body.as_deref()?,
                content_type: content_type.as_deref()?.to_ascii_uppercase(),
                category: category.as_deref(),
                created_at: created_at.as_ref()?.to_rfc3339_opts(SecondsFormat::Millis, true),
                author: users.get(&(*author)?).map(|user| Author::of(user)),
                like_count: likes.get(&id).copied(),
                comment_count: comments.get(&id).copied(),
                viewer_has_liked: by_viewer.get(&id).copied(),
            })
        })
        .collect();
    let answer = Answer { data: Data { feed: Feed { nodes, page_info: PageInfo { has_next_page } } } };
    let mut body = Vec::with_capacity(4096);
    serde_json::to_writer(&mut body, &answer).map_err(|error| sqlx::Error::Encode(error.into()))?;
    Ok(Some(body))
}

#[derive(Serialize)]
struct Answer<'a> {
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    feed: Feed<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Feed<'a> {
    nodes: Vec<Node<'a>>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node<'a> {
    id: String,
    body: &'a str,
    content_type: String,
    category: Option<&'a str>,
    created_at: String,
    author: Option<Author<'a>>,
    like_count: Option<i64>,
    comment_count: Option<i64>,
    viewer_has_liked: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Author<'a> {
    id: String,
    username: &'a str,
    display_name: &'a str,
    avatar_url: Option<&'a str>,
    is_verified: bool,
}

impl<'a> Author<'a> {
    fn of((id, username, display_name, _, avatar_url, is_verified, _, _): &'a UserRow) -> Self {
        Self {
            id: UserId(*id).to_global(),
            username,
            display_name,
            avatar_url: avatar_url.as_deref(),
            is_verified: *is_verified,
        }
    }
}
