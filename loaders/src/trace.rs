//! What one request has asked of its upstreams: for the debug view and for the tests that pin it.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// The calls that one request started, as they happen. A fetch that it joined was started, and is counted, by another.
#[derive(Debug, Default)]
pub struct Trace(Mutex<CallTrace>);

/// A reading of a [`Trace`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallTrace {
    /// By `Service/Rpc`.
    pub calls: BTreeMap<&'static str, CallCount>,
    /// Statements that the stores ran for these calls.
    pub statements: u64,
}

/// How often one RPC was called, and for how many keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallCount {
    /// Calls.
    pub calls: u64,
    /// Keys of all of them.
    pub keys: u64,
}

impl Trace {
    /// A call of `rpc` for `keys` keys begins.
    pub fn call(&self, rpc: &'static str, keys: usize) {
        let mut trace = self.0.lock();
        let count = trace.calls.entry(rpc).or_default();
        count.calls += 1;
        count.keys += keys as u64;
    }

    /// A call ran `statements` statements.
    pub fn statements(&self, statements: u64) {
        self.0.lock().statements += statements;
    }

    /// What there is so far.
    #[must_use]
    pub fn read(&self) -> CallTrace {
        self.0.lock().clone()
    }
}
