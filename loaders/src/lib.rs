//! What is read, and how it is batched: one file per entity, over the gRPC clients of the upstreams.
//!
//! [`Loaders`] is the process's: channels, fetches under way, metrics. [`RequestLoaders`] is one request's: its memo,
//! its queues, its deadline, its viewer. Resolvers ask the latter and nothing else; writes go the same way, unbatched. This room never decides what a
//! client may see beyond passing the viewer's token on.

pub mod batching;
mod comment;
mod config;
mod counts;
mod edges;
mod metrics;
mod page;
mod post;
mod remote;
mod request;
mod trace;
mod upstream;
mod user;
mod viewer;
mod write;

pub use batching::{Answer, LoadError};
pub use comment::Comment;
pub use config::Config;
pub use counts::FollowCounts;
pub use edges::Edge;
pub use page::Page;
pub use post::{ContentType, Post};
pub use request::{Loaders, RequestLoaders};
pub use trace::{CallCount, CallTrace, Trace};
pub use upstream::{CallError, Health, Line, Means, Rules, Sender, Upstream, UpstreamMetrics, Upstreams, Way, Ways};
pub use user::User;
pub use write::{NewComment, NewPost, ProfileChanges, Written};
