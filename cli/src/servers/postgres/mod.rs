//! PostgreSQL for development, tests and figures: binaries found on the machine or fetched, and a server of
//! our own in a directory of our own. The machine's own clusters are never touched.

mod cluster;
mod fetch;
mod find;
mod scratch;
mod server;

pub use fetch::find_or_fetch;
pub use find::{Binaries, MIN_VERSION, find, in_directory};
pub use scratch::{ScratchOptions, scratch};
pub use server::{Server, ServerOptions, wait_until_gone};
