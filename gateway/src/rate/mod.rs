//! How often somebody may ask, and what it may cost. Every request counts against the address it comes from, and with a valid token
//! against its user, too. What a flag says holds: in mode `measure` what would be refused is counted and goes on.
//!
//! The shares are those of this process. Nothing here knows HTTP, reads a flag or logs who somebody is.

mod buckets;
mod budget;
mod metrics;

use std::time::Duration;

use nova_core::{UserId, Viewer};
use nova_flags::{Mode, Rate};
use prometheus_client::registry::Registry;

use self::{
    buckets::{Buckets, Empty, Quota},
    metrics::{Checks, Outcome},
};
pub(crate) use self::{
    budget::{Overspent, Purse},
    metrics::RatesView,
};
use crate::client_address::ClientAddress;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Requests of a user.
    User,
    /// Requests from an address.
    Address,
    /// What operations cost.
    Cost,
}

/// Against whom it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// Who has a valid token.
    User(UserId),
    /// Who has none.
    Address(ClientAddress),
}

impl Caller {
    /// Who asks from `address`.
    pub(crate) fn of(address: ClientAddress, viewer: Option<&Viewer>) -> Self {
        viewer.map_or(Self::Address(address), |viewer| Self::User(viewer.user_id))
    }
}

/// Refused for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}: try again in {} s", match limit {
    Limit::User => "too many requests of this user",
    Limit::Address => "too many requests from this address",
    Limit::Cost => "operations that cost too much",
}, self.seconds())]
pub struct Limited {
    /// What refuses.
    pub limit: Limit,
    /// When it would be accepted if nothing else came in between.
    pub wait: Duration,
}

impl Limited {
    /// How long to wait, in whole seconds: whoever waits as long as this is not early.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        self.wait.as_secs() + u64::from(self.wait.subsec_nanos() > 0)
    }

    /// The same in whole milliseconds.
    #[must_use]
    pub fn millis(&self) -> u64 {
        u64::try_from(self.wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// Who has asked how often, and what may go on.
pub struct Rates {
    buckets: Buckets,
    checks: Checks,
}

impl Rates {
    /// Nobody has asked yet; what happens is told to `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let buckets = Buckets::new(buckets::CAPACITY);
        let checks = Checks::register(registry, &buckets);
        Self { buckets, checks }
    }

    /// Counts a request from `address`, of `user` if its token is valid. `None`: there is no limit, and nothing is counted.
    ///
    /// # Errors
    /// When it is one too many.
    pub fn request(&self, rate: Option<Rate>, address: ClientAddress, user: Option<UserId>) -> Result<(), Limited> {
        let Some(rate) = rate else { return Ok(()) };
        let quota = Quota::new(rate.address_per_minute, rate.address_burst);
        self.one(Limit::Address, Caller::Address(address), quota, rate.mode)?;
        let Some(user) = user else { return Ok(()) };
        self.one(Limit::User, Caller::User(user), Quota::new(rate.per_minute, rate.burst), rate.mode)
    }

    fn one(&self, limit: Limit, caller: Caller, quota: Quota, mode: Mode) -> Result<(), Limited> {
        match self.take(limit, caller, quota, 1, mode) {
            Ok(()) => Ok(()),
            Err(Empty::For(wait)) => Err(Limited { limit, wait }),
            // A bucket holds at least one.
            Err(Empty::Always { .. }) => Err(Limited { limit, wait: Duration::ZERO }),
        }
    }

    fn take(&self, limit: Limit, caller: Caller, quota: Quota, count: u32, mode: Mode) -> Result<(), Empty> {
        let taken = self.buckets.take(limit, caller, quota, count);
        let outcome = match (taken, mode) {
            (Ok(()), _) => Outcome::Allowed,
            (Err(_), Mode::Measure) => Outcome::WouldLimit,
            (Err(_), Mode::Enforce) => Outcome::Limited,
        };
        self.checks.count(limit, outcome);
        if outcome == Outcome::Limited { taken } else { Ok(()) }
    }

    /// For an operator who looks.
    pub(crate) fn view(&self) -> RatesView {
        self.checks.view(&self.buckets)
    }
}

#[cfg(test)]
mod tests;
