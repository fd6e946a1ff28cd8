//! Where the states of flags come from: Unleash, the last good copy on disk, a bootstrap file, in this order; without any of
//! them the catalogue's defaults hold.
//!
//! Nothing here says what a flag means or who has it: what comes in is handed to [`Flags`](crate::Flags). No failure here
//! reaches a request; only what an operator has set wrongly stops a start.

mod answer;
mod bootstrap;
mod config;
mod disk;
mod error;
mod file;
mod keeper;
mod local;
mod metrics;
mod reporter;
mod secret;
mod status;
mod transport;
mod upstream;

#[cfg(test)]
mod liar;

pub use answer::Place;
pub use config::{Config, Settings, Unleash, unleash_api_url};
pub use error::{ConfigError, NotModified, SyncError};
pub use keeper::{Keeper, Means};
pub use secret::Token;
pub use status::{Problem, Status, SyncStatus};
pub use transport::{HttpTransport, REQUEST_TIMEOUT, Tags};
