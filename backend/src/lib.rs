//! The gRPC services of `nova.v1` over Postgres: users, content, social. A folder per domain, each with its service, its
//! repository and its SQL.
//!
//! Every call takes many keys and answers each in the order they were asked, with one statement per call (two when a call
//! walks pages in both directions). This room never reads the environment or the wall clock, never knows the gateway, and
//! never lets the store's own words out.

mod auth;
mod call;
mod config;
mod content;
mod count;
mod fold;
mod ids;
mod list;
pub mod metrics;
mod page_keys;
mod server;
mod service_name;
mod social;
mod store;
mod users;

pub use config::{Config, DatabaseUrl, InvalidDatabaseUrl, connect};
pub use ids::MAX_KEYS;
pub use server::{Backend, tcp};
pub use service_name::{ServiceName, UnknownService};
