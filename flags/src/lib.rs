//! Flags: what operators switch, in Unleash, while it runs.
//!
//! The [catalogue](CATALOGUE) says what there is. [`Flags`] takes the states in, from the sources in their order, and decides
//! a [`Policy`] for each request: one immutable value, which the rest of the code reads. This room knows nothing of what a
//! flag switches, and no failure of Unleash is a failure of anybody else.

mod catalogue;
mod engine;
mod flags;
mod payload;
mod policy;
mod rule;
mod source;
mod state;
mod usage;
mod view;
mod wire;

pub use catalogue::{
    Batching, BulkheadLimit, CATALOGUE, ComplexityLimit, CostBudget, DbBreaker, DepthLimit, DocumentLimits,
    Equivalence, ExecutionTimeout, Field, Flag, FlagId, GrpcBreaker, HealthProbes, Hedging, HttpBatching,
    IntrospectionLimit, Kind, Mode, Rate, ReadIn, RetryBudget, Scope, Shedding,
};
pub use engine::{Access, Caller, Engine, Instance};
pub use flags::{Flags, Refused};
pub use payload::write as payload_json;
pub use policy::Policy;
pub use source::{
    Config, ConfigError, HttpTransport, Keeper, Means, NotModified, Place, Problem, REQUEST_TIMEOUT, Settings, Status,
    SyncError, SyncStatus, Tags, Token, Unleash, unleash_api_url,
};
pub use state::{Reason, Source, State};
pub use usage::{Count, Usage};
pub use view::FlagView;
pub use wire::{METADATA, WireError};

#[cfg(test)]
mod tests;
