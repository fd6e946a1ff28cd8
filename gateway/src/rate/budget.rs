//! What the operations of a caller may cost, over time: each spends its complexity when it is accepted, before it runs. What
//! was spent is not given back, however little of it the answer needed.

use nova_flags::CostBudget;

use super::{
    Caller, Limit, Limited, Rates,
    buckets::{Empty, Quota},
};

/// What the operations of one request are paid from.
#[derive(Clone, Copy)]
pub(crate) struct Purse<'a> {
    rates: &'a Rates,
    budget: Option<CostBudget>,
    caller: Caller,
}

/// An operation costs more than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overspent {
    /// There will be enough.
    ForNow(Limited),
    /// There never will be.
    Always {
        /// What it costs.
        cost: u64,
        /// What the budget holds at most.
        most: u32,
    },
}

impl Rates {
    /// The purse of `caller`. Without a budget it is never empty, and nothing is counted.
    pub(crate) fn purse(&self, budget: Option<CostBudget>, caller: Caller) -> Purse<'_> {
        Purse { rates: self, budget, caller }
    }
}

impl Purse<'_> {
    /// Spends `cost` points, or nothing.
    ///
    /// # Errors
    /// When there are not as many.
    pub(crate) fn spend(&self, cost: u64) -> Result<(), Overspent> {
        let Some(budget) = self.budget else { return Ok(()) };
        let quota = Quota::new(budget.per_minute, budget.burst);
        let count = u32::try_from(cost).unwrap_or(u32::MAX);
        self.rates.take(Limit::Cost, self.caller, quota, count, budget.mode).map_err(|empty| match empty {
            Empty::For(wait) => Overspent::ForNow(Limited { limit: Limit::Cost, wait }),
            Empty::Always { most } => Overspent::Always { cost, most },
        })
    }
}
