//! What every room speaks: ids, the viewer, deadlines, the clock, error codes, page bounds.
//!
//! This room never does I/O, never reads the wall clock itself, and knows no other room.

mod chain;
mod change;
pub mod clock;
mod deadline;
mod environment;
mod error;
mod host;
mod id;
mod id_source;
mod page;
mod patience;
mod text;
pub mod token;
mod viewer;

pub use chain::chain;
pub use change::Change;
pub use deadline::Deadline;
pub use environment::Environment;
pub use error::ErrorCode;
pub use host::is_loopback;
pub use id::{CommentId, NodeId, NodeIdError, PostId, UserId};
pub use id_source::{IdSource, NoRandomness, SharedIds, uuid_v7};
pub use page::{Direction, Keyset, PageSize, PageSizeError, PageSpec};
pub use patience::patiently;
pub use text::{AvatarUrl, Bio, Body, Category, DisplayName, IdempotencyKey, TextError};
pub use viewer::{Credential, Scopes, Viewer};
