//! The migrator: brings a Postgres database to the schema that this build was made for.
//!
//! It runs over one direct connection (never through a pooler), which holds an advisory lock meanwhile: of two that start
//! together one works and the other finds nothing left to do. Each migration is one transaction together with the row that
//! records it. It never waits in the lock's queue and never changes a migration that was applied.

mod catalogue;
mod error;
mod lock;
mod run;
mod status;

pub use catalogue::{ALL, Migration};
pub use error::MigrateError;
pub use run::{Report, Step, run};
pub use status::{MigrationStatus, status};
