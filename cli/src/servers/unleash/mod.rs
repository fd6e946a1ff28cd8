//! The Unleash server for development and tests: Unleash's own, of npm, on Node of the machine or fetched, over a database
//! of a PostgreSQL server of ours. Production has its own, which nothing here knows of.

mod access;
mod arg;
mod install;
mod scratch;
mod server;

pub use access::{Tokens, UnleashAccess};
pub use arg::UnleashArg;
pub use install::{PACKAGES, VERSION};
pub use scratch::scratch;
pub use server::{Unleash, UnleashOptions, wait_until_gone};

/// The name of its database in a server of ours.
pub const DATABASE: &str = "unleash";
/// Who logs in to a new server: Unleash's own development login.
pub const ADMIN_USER: &str = "admin";
/// That user's password, on loopback and in development only.
pub const ADMIN_PASSWORD: &str = "unleash4all";
