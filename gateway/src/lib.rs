//! The HTTP edge: what stands between a client and the schema, one file per stage, and the operator's door beside it.
//!
//! A request's way is [`crate::http`] (media types, admission, identity, body) → [`executor`] (document, operation, execution under
//! the deadline) → response; [`connection`] is what it travels on and [`serve`] opens and closes the doors. This room never
//! reads a store and resolves no field: it asks the schema, and the schema asks the loaders.

mod admin;
mod argument;
mod auth;
mod client_address;
mod config;
mod connection;
mod debug;
mod document;
mod errors;
mod executor;
mod gateway;
mod guard;
mod health;
mod http;
mod metrics;
mod operation;
mod persisted;
mod rate;
mod serve;
mod session;
mod shed;
mod viewer_check;

pub use admin::process::{ProcessParts, serve_operators};
pub use client_address::{ClientAddress, ForwardedHeader, NetworkError, TrustedProxies};
pub use config::{Config, MAX_BODY_BYTES, MAX_EXECUTION_TIMEOUT_MS};
pub use gateway::{Build, Gateway, GatewayParts};
pub use guard::SchemaError;
pub use http::{NotAnOrigin, Origins};
pub use persisted::{DocumentChecker, DocumentHash, Entry, Finding, MAX_MANIFEST_BYTES, Manifest, ManifestError};
pub use rate::{Limit, Limited, Rates};
pub use serve::serve;
