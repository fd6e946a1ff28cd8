//! The backend alone, over gRPC on a TCP port, with a database of its own.
//!
//! Tests write rows with SQL. Two functions are there for that: `id(n)` is the UUID of a small number, [`id`] its twin in
//! Rust, and `at(n)` is the n-th minute of 2026.
#![expect(clippy::unwrap_used, reason = "a test without its backend has nothing to go on with")]

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use nova_backend::{Backend, Config, ServiceName};
use nova_cli::random::SystemIds;
use nova_core::{
    clock::FixedClock,
    token::{AUDIENCE, Claims, ISSUER, TokenSecret, TokenType, TokenVerifier},
};
use nova_flags::Flags;
use nova_guard::Board;
use nova_proto::{
    id_bytes,
    v1::{self, content_client::ContentClient, social_client::SocialClient, users_client::UsersClient},
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::{
    Request, Response,
    transport::{Channel, ClientTlsConfig, ServerTlsConfig},
};
use uuid::Uuid;

use crate::database::TestDatabase;

pub(crate) const HELPERS: &str = "
    create function id(n int) returns uuid language sql immutable as $$ select lpad(to_hex(n), 32, '0')::uuid $$;
    create function at(n int) returns timestamptz language sql immutable as
        $$ select '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 minute' $$;";

/// A running backend.
#[derive(Debug)]
pub struct TestBackend {
    /// For the test's own statements.
    pub pool: PgPool,
    /// To the backend.
    pub channel: Channel,
    /// What the backend measures.
    pub registry: Registry,
    /// Its guards.
    pub board: Board,
    /// What holds for its calls: nobody brings a policy.
    pub flags: Flags,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), tonic::transport::Error>>,
    // Last: dropped after all that uses it.
    _database: Option<TestDatabase>,
}

impl TestBackend {
    /// Starts every service over a fresh database that holds what `rows` (SQL) puts there.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn start(rows: &'static str) -> Self {
        Self::serving(ServiceName::ALL, rows).await
    }

    /// Starts some services.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn serving(services: &'static [ServiceName], rows: &'static str) -> Self {
        Self::with(services, rows, patient).await
    }

    /// Starts some services with other settings.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn with(services: &'static [ServiceName], rows: &'static str, change: impl FnOnce(&mut Config)) -> Self {
        Self::over(services, rows, change, None).await
    }

    /// Starts every service, and calls them over TLS.
    ///
    /// # Panics
    /// When something does not start, or the two do not believe each other.
    pub async fn over_tls(rows: &'static str, server: ServerTlsConfig, client: ClientTlsConfig) -> Self {
        // The process has no provider of cryptography yet, or this very one.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        Self::over(ServiceName::ALL, rows, patient, Some((server, client))).await
    }

    async fn over(
        services: &'static [ServiceName],
        rows: &'static str,
        change: impl FnOnce(&mut Config),
        tls: Option<(ServerTlsConfig, ClientTlsConfig)>,
    ) -> Self {
        let database = TestDatabase::new().await;
        let pool = database.pool().await;
        sqlx::raw_sql(HELPERS).execute(&pool).await.unwrap();
        sqlx::raw_sql(rows).execute(&pool).await.unwrap();
        let mut config = Config::for_url(database.url());
        change(&mut config);
        Self { _database: Some(database), ..Self::on(services, pool, &config, tls).await }
    }

    /// Starts every service over the database that `config` names, which somebody else keeps. Nothing connects to it yet.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn at(config: &Config) -> Self {
        let pool = PgPoolOptions::new().max_connections(2).connect_lazy(&config.database_url.0).unwrap();
        Self::on(ServiceName::ALL, pool, config, None).await
    }

    async fn on(
        services: &'static [ServiceName],
        pool: PgPool,
        config: &Config,
        tls: Option<(ServerTlsConfig, ClientTlsConfig)>,
    ) -> Self {
        let mut registry = Registry::default();
        let metrics = nova_backend::metrics::Metrics::register(&mut registry);
        let board = Board::register(&mut registry);
        let flags = Flags::defaults();
        let store = nova_backend::connect(config, services).unwrap();
        let verifier = TokenVerifier::new(&secret(), Arc::new(FixedClock(now())));
        let (their_tls, our_tls) = tls.unzip();
        let backend = Backend::new(store, Arc::new(verifier), Arc::new(SystemIds), flags.clone(), metrics, &board)
            .with_tls(their_tls);

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(async move {
            backend.serve(services, nova_backend::tcp(listener), async { drop(stopped.await) }).await
        });
        let endpoint = match our_tls {
            Some(tls) => Channel::from_shared(format!("https://{address}")).unwrap().tls_config(tls).unwrap(),
            None => Channel::from_shared(format!("http://{address}")).unwrap(),
        };
        let channel = endpoint.connect().await.unwrap();
        Self { pool, channel, registry, board, flags, stop, served, _database: None }
    }

    /// A number that the backend shows under `name`, labels and all; 0 where there is none.
    ///
    /// # Panics
    /// When it is no whole number.
    #[must_use]
    pub fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    /// Runs statements on the store, beside the backend.
    ///
    /// # Panics
    /// When one fails.
    pub async fn sql(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.pool).await.unwrap();
    }

    /// A client of the users service.
    #[must_use]
    pub fn users(&self) -> UsersClient<Channel> {
        UsersClient::new(self.channel.clone())
    }

    /// A client of the content service.
    #[must_use]
    pub fn content(&self) -> ContentClient<Channel> {
        ContentClient::new(self.channel.clone())
    }

    /// A client of the social service.
    #[must_use]
    pub fn social(&self) -> SocialClient<Channel> {
        SocialClient::new(self.channel.clone())
    }

    /// Ends the backend and waits until it is gone.
    ///
    /// # Panics
    /// When it does not end well.
    pub async fn stop(self) {
        drop(self.channel);
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }
}

/// On a machine that is busy with other tests no call is to be refused for that.
fn patient(config: &mut Config) {
    config.db_acquire_timeout_secs = 8;
}

/// What signs the tokens of the tests.
///
/// # Panics
/// Never: it is long enough.
#[must_use]
pub fn secret() -> TokenSecret {
    TokenSecret::new(*b"a secret for tests, and only that").unwrap()
}

/// The time that the backend of a test believes in.
#[must_use]
pub fn now() -> DateTime<Utc> {
    at(500_000)
}

/// `request` with a good token of `user`.
///
/// # Panics
/// Never, in practice: the claims are plain.
pub fn signed<T>(user: Uuid, request: T) -> Request<T> {
    let claims = Claims {
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        sub: user,
        exp: now().timestamp() + 60,
        iat: now().timestamp(),
        token_type: TokenType::Access,
        scope: String::new(),
    };
    with_token(&secret().sign(&claims).unwrap(), request)
}

/// `request` with `token`, whatever that is.
///
/// # Panics
/// When the token is not ASCII.
pub fn with_token<T>(token: &str, request: T) -> Request<T> {
    let mut request = Request::new(request);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// The n-th UUID.
#[must_use]
pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// The n-th minute of 2026.
#[must_use]
pub fn at(minute: i64) -> DateTime<Utc> {
    DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(1_767_225_600 + 60 * minute)
}

/// A request for these ids.
#[must_use]
pub fn by_id(ids: impl IntoIterator<Item = u128>) -> v1::BatchByIdRequest {
    v1::BatchByIdRequest { ids: ids.into_iter().map(|n| id_bytes(id(n))).collect() }
}

/// A page of `parent`'s list, from its start or its end.
#[must_use]
pub fn page(parent: u128, size: u32, direction: v1::Direction) -> v1::PageKey {
    let page = v1::PageSpec { size, direction: direction.into(), from: None };
    v1::PageKey { id: id_bytes(id(parent)), page: Some(page) }
}

/// How many statements a call ran, by its own account.
///
/// # Panics
/// When it does not say.
pub fn statements<T>(response: &Response<T>) -> u64 {
    response.metadata().get("nova-statements").unwrap().to_str().unwrap().parse().unwrap()
}

/// Where a row stands in its list, and which it is.
pub type Place = (i64, Uuid);

/// Walks the lists of all `parents` to their ends, page by page and all of them in each call, and gives the rows in the
/// order of the list. `call` answers `None` for a parent that is absent.
///
/// # Panics
/// When a page is not full though more follow, or empty though it was said to follow.
pub async fn walk(
    parents: &[Uuid],
    size: u32,
    direction: v1::Direction,
    call: impl AsyncFn(Vec<v1::PageKey>) -> Vec<Option<(Vec<Place>, bool)>>,
) -> HashMap<Uuid, Option<Vec<Place>>> {
    let mut lists: HashMap<Uuid, Option<Vec<Place>>> = HashMap::new();
    let mut open: Vec<(Uuid, Option<Place>)> = parents.iter().map(|&parent| (parent, None)).collect();
    while !open.is_empty() {
        let key = |&(parent, from): &(Uuid, Option<Place>)| {
            let from = from.map(|(created_at_micros, id)| v1::Keyset { created_at_micros, id: id_bytes(id) });
            let page = v1::PageSpec { size, direction: direction.into(), from };
            v1::PageKey { id: id_bytes(parent), page: Some(page) }
        };
        let pages = call(open.iter().map(key).collect()).await;
        assert_eq!(pages.len(), open.len());
        let mut next = Vec::new();
        for ((parent, from), page) in open.into_iter().zip(pages) {
            let Some((rows, has_more)) = page else {
                lists.insert(parent, None);
                continue;
            };
            assert!(!rows.is_empty() || (from.is_none() && !has_more), "a page was promised");
            assert!(!has_more || rows.len() == usize::try_from(size).unwrap(), "a page with more behind it is full");
            let list = lists.entry(parent).or_insert_with(|| Some(Vec::new())).as_mut().unwrap();
            let backward = direction == v1::Direction::Backward;
            if has_more {
                next.push((parent, if backward { rows.first().copied() } else { rows.last().copied() }));
            }
            let end = if backward { 0 } else { list.len() };
            list.splice(end..end, rows);
        }
        open = next;
    }
    lists
}
