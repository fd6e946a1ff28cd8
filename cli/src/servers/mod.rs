//! Servers that nova starts for itself on a developer's machine: found or fetched, run without root's rights, and ended
//! with the process that asked for them.
//!
//! Nothing here runs in production, and nothing here installs anything into the system.

pub(crate) mod account;
mod error;
mod fetch;
pub(crate) mod job;
mod leftover;
pub mod node;
pub mod npm;
pub mod postgres;
pub(crate) mod scratch;
pub mod supervisor;
pub mod unleash;

pub use account::Account;
pub use error::ServerError;
pub use job::{Job, StopSignal, Supervised};

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// A TCP port of 127.0.0.1 that is free at this moment. Somebody else may take it before it is used.
///
/// # Errors
/// The operating system's, when it has no port to give.
pub fn free_port() -> std::io::Result<u16> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.local_addr().map(|address| address.port())
}
