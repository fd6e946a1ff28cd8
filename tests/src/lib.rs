//! The harness of the end-to-end tests: real servers, fresh data, nothing faked.

pub mod app;
pub mod authority;
pub mod backend;
pub mod bombs;
pub mod browser;
pub mod client;
pub mod database;
pub mod equal;
pub mod faulty;
pub mod files;
pub mod flags;
pub mod issuer;
pub mod metrics;
pub mod postgres;
pub mod processes;
pub mod rows;
pub mod signer;
pub mod unleash;
pub mod world;
