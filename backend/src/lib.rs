//! The gRPC services of `nova.v1` over Postgres: users, content, social. A folder per domain, each with its service, its
//! repository and its SQL.
//!
//! Every read takes many keys and answers each in the order they were asked, with one statement per call (two when a call
//! walks pages in both directions). Every write is one transaction, its outbox row in it. A call obeys the policy that its gateway decided. This room never reads the environment or the wall clock, never knows the gateway, and
//! never lets the store's own words out.

mod auth;
mod call;
mod config;
mod content;
mod count;
mod engagement;
mod fold;
mod health;
mod idempotency;
mod ids;
mod list;
pub mod metrics;
mod outbox;
mod page_keys;
mod policy;
mod pool;
mod server;
mod service_name;
mod social;
mod store;
mod sweep;
mod users;
mod write;

pub use config::{Config, DatabaseUrl, InvalidConfig, connect};
pub use ids::MAX_KEYS;
pub use pool::Pool;
pub use server::{Backend, tcp};
pub use service_name::{ServiceName, UnknownService};
