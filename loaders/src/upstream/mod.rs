//! The guarded way to an upstream. [`Upstream::read`] and [`Upstream::write`] are how every call goes; the stack of guards reads
//! from top to bottom in `call.rs`.

mod call;
mod endpoint;
mod endpoints;
mod failure;
mod metrics;
mod probe;
mod rules;
mod way;

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::join_all;
use nova_guard::{Board, Breaker, Budget, Bulkhead, Probes, Thresholds};

pub use self::{
    call::Sender,
    endpoint::Health,
    failure::CallError,
    metrics::UpstreamMetrics,
    rules::Rules,
    way::{Line, Way},
};
use self::{endpoint::Endpoint, endpoints::Endpoints, metrics::AttemptCounts};

/// What holds until a call brings thresholds: those that the flag `guard.grpc-breaker` has by default.
const THRESHOLDS: Thresholds = Thresholds {
    failures: 20,
    window: Duration::from_mins(1),
    failure_percent: 50,
    consecutive: 20,
    slow: Duration::from_secs(2),
    slow_percent: 80,
    pause: Duration::from_secs(1),
};

/// A service behind the gateway: its endpoints, and the guards before it. Cheap to clone.
#[derive(Clone)]
pub struct Upstream(Arc<Inner>);

struct Inner {
    name: &'static str,
    service: &'static str,
    endpoints: Endpoints,
    breaker: Arc<Breaker>,
    bulkhead: Arc<Bulkhead>,
    /// Of second attempts.
    budget: Arc<Budget>,
    /// Largest message that is taken from it, in bytes.
    max_response: usize,
    /// From 0 to 1, for spreading pauses.
    random: fn() -> f64,
    attempts: AttemptCounts,
}

/// What upstreams are made with.
#[derive(Debug)]
pub struct Means<'a> {
    /// Where their guards are shown.
    pub board: &'a Board,
    /// Their metrics.
    pub metrics: &'a UpstreamMetrics,
    /// A random number from 0 to 1, for spreading pauses.
    pub random: fn() -> f64,
    /// Largest message that one may send, in bytes.
    pub max_response: usize,
}

/// The ways to the endpoints of each service, by where they are.
#[derive(Debug, Clone)]
pub struct Ways {
    /// To the service `nova.v1.Users`.
    pub users: Vec<(String, Way)>,
    /// To the service `nova.v1.Content`.
    pub content: Vec<(String, Way)>,
    /// To the service `nova.v1.Social`.
    pub social: Vec<(String, Way)>,
}

/// The services behind the gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Upstreams {
    /// The service `nova.v1.Users`.
    pub users: Upstream,
    /// The service `nova.v1.Content`.
    pub content: Upstream,
    /// The service `nova.v1.Social`.
    pub social: Upstream,
}

/// One of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Users,
    Content,
    Social,
}

impl Service {
    /// Who serves the RPC `Service/Rpc`. Where that is a constant, a wrong name does not compile.
    pub(crate) const fn of(rpc: &str) -> Self {
        match rpc.as_bytes() {
            [b'U', b's', b'e', b'r', b's', b'/', ..] => Self::Users,
            [b'C', b'o', b'n', b't', b'e', b'n', b't', b'/', ..] => Self::Content,
            [b'S', b'o', b'c', b'i', b'a', b'l', b'/', ..] => Self::Social,
            _ => panic!("no service of ours"),
        }
    }
}

impl Upstreams {
    /// Guarded upstreams at the ends of `ways`.
    #[must_use]
    pub fn new(ways: Ways, means: &Means<'_>) -> Self {
        Self {
            users: Upstream::new("users", "nova.v1.Users", ways.users, means),
            content: Upstream::new("content", "nova.v1.Content", ways.content, means),
            social: Upstream::new("social", "nova.v1.Social", ways.social, means),
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> [&Upstream; 3] {
        [&self.users, &self.content, &self.social]
    }

    pub(crate) fn of(&self, service: Service) -> &Upstream {
        match service {
            Service::Users => &self.users,
            Service::Content => &self.content,
            Service::Social => &self.social,
        }
    }
}

impl Upstream {
    fn new(name: &'static str, service: &'static str, ways: Vec<(String, Way)>, means: &Means<'_>) -> Self {
        let endpoints = ways.into_iter().map(|(address, way)| Endpoint::new(address, way)).collect();
        let breaker = Arc::new(Breaker::new(name, Probes::Calls, THRESHOLDS));
        let (bulkhead, budget) = (Arc::new(Bulkhead::new(name)), Arc::new(Budget::default()));
        means.board.add_breaker(&breaker);
        means.board.add_bulkhead(&bulkhead);
        means.board.add_budget(name, &budget);
        let upstream = Self(Arc::new(Inner {
            name,
            service,
            endpoints: Endpoints::new(endpoints),
            breaker,
            bulkhead,
            budget,
            max_response: means.max_response,
            random: means.random,
            attempts: means.metrics.of(name),
        }));
        means.metrics.watch(&upstream);
        upstream
    }

    /// What operators call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Asks its endpoints how they are: the best answer, within `patience`.
    pub async fn ask(&self, patience: Duration) -> Health {
        let asked = self.0.endpoints.all().iter().map(|endpoint| endpoint.ask(self.0.service, patience));
        let answers = join_all(asked).await;
        [Health::Serving, Health::NotServing]
            .into_iter()
            .find(|best| answers.contains(best))
            .unwrap_or(Health::Unreachable)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("name", &self.0.name).finish_non_exhaustive()
    }
}
